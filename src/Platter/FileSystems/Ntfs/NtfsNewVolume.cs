using System.Runtime.InteropServices;
using System.Text;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The records of a volume to be made: its own files, and what stands in the root and in $Extend.</summary>
/// <remarks>
/// <para>"NTFS Documentation" of the Linux-NTFS project, "Files"; attributes, their instance numbers and sizes as mkntfs 2022.10.3 has them:</para>
/// <code>
///   0 $MFT  1 $MFTMirr  2 $LogFile  3 $Volume  4 $AttrDef  5 .  6 $Bitmap  7 $Boot  8 $BadClus  9 $Secure  10 $UpCase  11 $Extend
///   12..15 in use, without a name    16..23 not in use, kept for $MFT    24 $Quota  25 $ObjId  26 $Reparse, in $Extend
/// </code>
/// <para>Sequence numbers are the record's number; 1 for record 0 and from 24 on.</para>
/// </remarks>
internal sealed class NtfsNewVolume
{
    public const long QuotaRecord = 24, ObjectIdRecord = 25, ReparseRecord = 26;

    // The first record that belongs to nobody yet.
    private const long FirstUnnamed = NtfsMft.ExtendRecord + 1;

    // The attributes of the volume's own files.
    private const uint HiddenSystem = (uint)(DosAttributes.Hidden | DosAttributes.System), Archive = (uint)DosAttributes.Archive;

    private const byte MajorVersion = 3, MinorVersion = 1;

    private readonly NtfsFormatPlan _plan;
    private readonly NtfsFormatOptions _options;
    private readonly ulong _time;
    private readonly NtfsNewRecord[] _records;
    private readonly SortedList<string, (NtfsReference File, byte[] Name)> _rootEntries = new(StringComparer.OrdinalIgnoreCase);
    private readonly SortedList<string, (NtfsReference File, byte[] Name)> _extendEntries = new(StringComparer.OrdinalIgnoreCase);

    public NtfsNewVolume(NtfsFormatPlan plan)
    {
        _plan = plan;
        _options = plan.Options;
        _time = NtfsTimes.Encode(_options.Time);
        _records = new NtfsNewRecord[plan.RecordCount];
        for (var number = 0; number < _records.Length; number++)
            _records[number] = new NtfsNewRecord(plan.RecordSize, new NtfsReference(number, SequenceOf(number)));
        MakeTables();
        MakeVolume();
        MakeRoot();
        MakeBadClusters();
        MakeSecure();
        MakeUpcase();
        MakeUnnamed();
        MakeExtend();
        FinishDirectories();
    }

    /// <summary>The first block of the root's index.</summary>
    public byte[] RootBlock { get; private set; } = [];

    /// <summary>The records as they stand in the MFT.</summary>
    public byte[] Mft()
    {
        var mft = new byte[_records.Length * _plan.RecordSize];
        for (var i = 0; i < _records.Length; i++)
            _records[i].Write(mft.AsSpan(i * _plan.RecordSize, _plan.RecordSize));
        return mft;
    }

    /// <summary>The MFT's bitmap.</summary>
    public byte[] MftBitmap()
    {
        var bits = new byte[_plan.MftBitmapLength];
        for (var i = 0; i < _records.Length; i++)
        {
            if ((_records[i].Flags & NtfsRecordFlags.InUse) != 0)
                bits[i / 8] |= (byte)(1 << i % 8);
        }
        return bits;
    }

    private static ushort SequenceOf(long number) => number is 0 or >= QuotaRecord and <= ReparseRecord ? (ushort)1 : (ushort)number;

    private NtfsNewRecord Start(long number, uint attributes, uint securityId, NtfsRecordFlags flags = NtfsRecordFlags.None)
    {
        var record = _records[number];
        record.Flags = NtfsRecordFlags.InUse | flags;
        AddInformation(record, HiddenSystem | attributes, securityId);
        return record;
    }

    // Files with a descriptor of their own have the short form of version 1.2.
    private void AddInformation(NtfsNewRecord record, uint attributes, uint securityId)
    {
        Span<byte> value = stackalloc byte[NtfsStandardInformation.Size + NtfsStandardInformation3.Size];
        value.Clear();
        ref var information = ref OnDisk.Edit<NtfsStandardInformation>(value);
        information.Created = _time;
        information.Modified = _time;
        information.Changed = _time;
        information.Accessed = _time;
        information.Attributes = attributes;
        OnDisk.Edit<NtfsStandardInformation3>(value, NtfsStandardInformation3.Offset).SecurityId = securityId;
        record.Add(NtfsAttributeType.StandardInformation, "", securityId == 0 ? value[..NtfsStandardInformation.Size] : value);
    }

    private void AddName(NtfsNewRecord record, string name, uint attributes = 0, long allocated = 0, long length = 0)
    {
        var isExtended = record.Reference.Record >= QuotaRecord;
        var value = new byte[NtfsFileName.Size + 2 * name.Length];
        ref var header = ref OnDisk.Edit<NtfsFileName>(value);
        header.Parent = _records[isExtended ? NtfsMft.ExtendRecord : NtfsMft.RootRecord].Reference;
        header.Created = _time;
        header.Modified = _time;
        header.Changed = _time;
        header.Accessed = _time;
        header.AllocatedSize = (ulong)allocated;
        header.DataSize = (ulong)length;
        header.Attributes = HiddenSystem | attributes;
        header.NameLength = (byte)name.Length;
        header.Namespace = NtfsNamespace.Win32AndDos;
        Encoding.Unicode.GetBytes(name, value.AsSpan(NtfsFileName.Size));
        record.Add(NtfsAttributeType.FileName, "", value);
        (isExtended ? _extendEntries : _rootEntries).Add(name, (record.Reference, value));
    }

    // A file whose data is in clusters: $DATA, then its name with the sizes.
    private NtfsNewRecord MakeFile(long number, string name, uint securityId, NtfsRunList runs, long length)
    {
        var record = Start(number, 0, securityId);
        record.AddNonResident(NtfsAttributeType.Data, "", runs, _plan.ClusterSize, length);
        AddName(record, name, 0, _plan.Offset(runs.End), length);
        return record;
    }

    private void MakeTables()
    {
        var mft = MakeFile(NtfsMft.MftRecord, "$MFT", NtfsSystemSecurity.ReadOnlyId, _plan.Mft, (long)_plan.RecordCount * _plan.RecordSize);
        mft.AddNonResident(NtfsAttributeType.Bitmap, "", _plan.MftBitmap, _plan.ClusterSize, _plan.MftBitmapLength);
        MakeFile(NtfsMft.MirrorRecord, "$MFTMirr", NtfsSystemSecurity.ReadOnlyId, _plan.Mirror, _plan.Offset(_plan.Mirror.End));
        MakeFile(NtfsMft.LogFileRecord, "$LogFile", NtfsSystemSecurity.ReadOnlyId, _plan.Log, _plan.Offset(_plan.Log.End));
        MakeFile(NtfsMft.BitmapRecord, "$Bitmap", NtfsSystemSecurity.ReadOnlyId, _plan.Bitmap, _plan.BitmapLength);
        var boot = MakeFile(NtfsMft.BootRecord, "$Boot", 0, _plan.Boot, NtfsFormatPlan.BootLength);
        boot.Add(NtfsAttributeType.SecurityDescriptor, "", NtfsSystemSecurity.ReadOnlyFile);
        NtfsNewRecord definitions;
        if (_plan.AttributeDefinitions is { } runs)
        {
            definitions = MakeFile(NtfsMft.AttributeDefinitionRecord, "$AttrDef", 0, runs, NtfsAttributeDefinitions.Length);
        }
        else
        {
            definitions = Start(NtfsMft.AttributeDefinitionRecord, 0, 0);
            definitions.Add(NtfsAttributeType.Data, "", NtfsAttributeDefinitions.Table());
            AddName(definitions, "$AttrDef", 0, NtfsAttributeDefinitions.Length, NtfsAttributeDefinitions.Length);
        }
        definitions.Add(NtfsAttributeType.SecurityDescriptor, "", NtfsSystemSecurity.ReadOnlyFile);
    }

    private void MakeVolume()
    {
        var volume = Start(NtfsMft.VolumeRecord, 0, 0);
        AddName(volume, "$Volume");
        volume.Add(NtfsAttributeType.SecurityDescriptor, "", NtfsSystemSecurity.WritableFile);
        volume.Add(NtfsAttributeType.Data, "", []);
        volume.Add(NtfsAttributeType.VolumeName, "", MemoryMarshal.AsBytes(_options.Label.AsSpan()));      // half of a surrogate pair stays
        var information = new NtfsVolumeInformation { MajorVersion = MajorVersion, MinorVersion = MinorVersion };
        volume.Add(NtfsAttributeType.VolumeInformation, "", OnDisk.Bytes(in information));
    }

    // What the root says of compression and indexing, new files take over.
    private void MakeRoot()
    {
        var attributes = Archive | (_options.IsContentIndexed ? 0 : (uint)DosAttributes.NotContentIndexed) | (_options.IsCompressed ? (uint)DosAttributes.Compressed : 0);
        var root = Start(NtfsMft.RootRecord, attributes, 0, NtfsRecordFlags.Directory);
        AddName(root, ".", NtfsFileAttributes.HasNameIndex);
        root.AddNonResident(NtfsAttributeType.SecurityDescriptor, "", _plan.RootSecurity, _plan.ClusterSize, NtfsSystemSecurity.Root().Length);
    }

    // A stream as long as the volume, all of it a hole: bad clusters would be mapped in it.
    private void MakeBadClusters()
    {
        var bad = Start(NtfsMft.BadClustersRecord, 0, NtfsSystemSecurity.ReadOnlyId);
        var hole = new NtfsRunList();
        hole.Add(NtfsRun.Hole, _plan.ClusterCount);
        bad.AddNonResident(NtfsAttributeType.Data, "$Bad", hole, _plan.ClusterSize, initialized: 0);
        bad.Add(NtfsAttributeType.Data, "", []);
        AddName(bad, "$BadClus");
    }

    private void MakeSecure()
    {
        var secure = Start(NtfsMft.SecureRecord, NtfsFileAttributes.HasViewIndex, NtfsSystemSecurity.WritableId, NtfsRecordFlags.ViewIndex);
        AddName(secure, "$Secure", NtfsFileAttributes.HasViewIndex);
        secure.AddNonResident(NtfsAttributeType.Data, NtfsSecure.StreamName, _plan.SecurityStream, _plan.ClusterSize, NtfsSystemSecurity.StreamLength);
        var byHash = NewIndex();
        var byId = NewIndex();
        foreach (var (entry, _) in NtfsSystemSecurity.Entries().OrderBy(e => (uint)e.Entry.Hash))
        {
            var key = new NtfsSecurityHashKey { Hash = entry.Hash, Id = entry.Id };
            byHash.AddView(OnDisk.Bytes(in key), OnDisk.Bytes(in entry), "I\0I\0"u8);
        }
        foreach (var (entry, _) in NtfsSystemSecurity.Entries())
            byId.AddView(OnDisk.Bytes(in entry.Id), OnDisk.Bytes(in entry));
        secure.Add(NtfsAttributeType.IndexRoot, NtfsSecure.HashIndexName, byHash.Root(NtfsAttributeType.None, NtfsCollationRule.SecurityHash));
        secure.Add(NtfsAttributeType.IndexRoot, NtfsSecure.IdIndexName, byId.Root(NtfsAttributeType.None, NtfsCollationRule.UnsignedLong));
    }

    private void MakeUpcase()
    {
        var upcase = Start(NtfsMft.UpcaseRecord, 0, NtfsSystemSecurity.ReadOnlyId);
        upcase.AddNonResident(NtfsAttributeType.Data, "", _plan.Upcase, _plan.ClusterSize, NtfsUpcase.Length);
        if (_options.HasUpcaseInformation)
        {
            var information = new NtfsUpcaseInformation { Length = NtfsUpcaseInformation.Size, Checksum = NtfsStandardUpcase.Checksum };
            upcase.Add(NtfsAttributeType.Data, "$Info", OnDisk.Bytes(in information));
        }
        AddName(upcase, "$UpCase", 0, _plan.Offset(_plan.Upcase.End), NtfsUpcase.Length);
    }

    private void MakeUnnamed()
    {
        for (var number = FirstUnnamed; number < NtfsMft.FirstFreeRecord; number++)
        {
            var record = Start(number, 0, 0);
            record.Add(NtfsAttributeType.Data, "", []);
            record.Add(NtfsAttributeType.SecurityDescriptor, "", NtfsSystemSecurity.WritableFile);
        }
        for (var number = NtfsMft.FirstFreeRecord; number < QuotaRecord; number++)
            AddInformation(_records[number], HiddenSystem, 0);
    }

    private void MakeExtend()
    {
        var extend = Start(NtfsMft.ExtendRecord, 0, NtfsSystemSecurity.WritableId, NtfsRecordFlags.Directory);
        AddName(extend, "$Extend", NtfsFileAttributes.HasNameIndex);
        MakeQuota(StartExtended(QuotaRecord, "$Quota"));
        StartExtended(ObjectIdRecord, "$ObjId").Add(NtfsAttributeType.IndexRoot, "$O", NewIndex().Root(NtfsAttributeType.None, NtfsCollationRule.UnsignedLongs));
        StartExtended(ReparseRecord, "$Reparse").Add(NtfsAttributeType.IndexRoot, "$R", NewIndex().Root(NtfsAttributeType.None, NtfsCollationRule.UnsignedLongs));
    }

    private NtfsNewRecord StartExtended(long number, string name)
    {
        var record = Start(number, Archive | NtfsFileAttributes.HasViewIndex, NtfsSystemSecurity.WritableId, NtfsRecordFlags.ViewIndex | NtfsRecordFlags.Extend);
        AddName(record, name, Archive | NtfsFileAttributes.HasViewIndex);
        return record;
    }

    // What holds for owners without a limit of their own, and the administrators; no quotas are kept.
    private void MakeQuota(NtfsNewRecord quota)
    {
        const uint DefaultsId = 1, FirstOwnerId = 0x100, IsDefault = 1;
        var administrators = Sids.Parse("BA");
        var limits = new NtfsQuotaData { Version = 2, Flags = IsDefault, ChangeTime = _time, Threshold = ulong.MaxValue, Limit = ulong.MaxValue };
        U32Le defaults = DefaultsId, owner = FirstOwnerId, rest = 0x20;
        var byId = NewIndex();
        byId.AddView(OnDisk.Bytes(in defaults), OnDisk.Bytes(in limits));
        byId.AddView(OnDisk.Bytes(in owner), [.. OnDisk.Bytes(in limits), .. administrators]);
        var bySid = NewIndex();
        bySid.AddView(administrators, OnDisk.Bytes(in owner), OnDisk.Bytes(in rest));
        quota.Add(NtfsAttributeType.IndexRoot, "$Q", byId.Root(NtfsAttributeType.None, NtfsCollationRule.UnsignedLong));
        quota.Add(NtfsAttributeType.IndexRoot, "$O", bySid.Root(NtfsAttributeType.None, NtfsCollationRule.Sid));
    }

    // The names of $Extend are in its record; those of the root, "." among them, in a block.
    private void FinishDirectories()
    {
        var extend = NewIndex();
        foreach (var (file, name) in _extendEntries.Values)
            extend.Add(file, name);
        _records[NtfsMft.ExtendRecord].Add(NtfsAttributeType.IndexRoot, NtfsDirectory.IndexName, extend.Root(NtfsAttributeType.FileName, NtfsCollationRule.FileName));
        var index = NewIndex();
        foreach (var (file, name) in _rootEntries.Values)
            index.Add(file, name);
        RootBlock = index.Block();
        var root = _records[NtfsMft.RootRecord];

        // Of a compressed directory Windows says it twice, here and in $STANDARD_INFORMATION; mkntfs does not.
        root.Add(NtfsAttributeType.IndexRoot, NtfsDirectory.IndexName, index.LargeRoot(NtfsAttributeType.FileName, NtfsCollationRule.FileName),
            _options.IsCompressed ? NtfsAttributeFlags.Compressed : NtfsAttributeFlags.None);
        U64Le firstBlock = 1;
        root.Add(NtfsAttributeType.Bitmap, NtfsDirectory.IndexName, OnDisk.Bytes(in firstBlock));
        root.AddNonResident(NtfsAttributeType.IndexAllocation, NtfsDirectory.IndexName, _plan.RootIndex, _plan.ClusterSize, _options.IndexBlockSize);
    }

    private NtfsNewIndex NewIndex() => new(_options.IndexBlockSize, _plan.ClusterSize);
}
