using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>An NTFS volume, for reading.</summary>
/// <remarks>
/// <para>A node's id is its file reference, as Windows shows it: the record's number and, above, its sequence number. Short names are no entries of their
/// own; both names of such a pair are found. The volume's own files ($MFT, $Extend ...) are not listed in the root, and found by name.</para>
/// <para>Opening reads the boot sector, record 0, what it needs of the MFT's map, and record 3. What is broken elsewhere is an exception when it is looked
/// at. $LogFile is not replayed: see <see cref="VolumeInfo.IsClean"/>.</para>
/// </remarks>
public sealed class NtfsVolume : Volume
{
    private const int CachedNodes = 1024, CachedDescriptions = 64;

    private readonly BlockDevice _device;
    private NtfsVolumeState _state;
    private readonly VolumeOptions _options;
    private NtfsDecryption? _decryption;
    private readonly NtfsNodes _nodes = new(CachedNodes);
    private LruCache<FileMetadata>? _described;     // made with the first that is kept: who lists names asks for none
    private NtfsUpcase? _upcase;
    private NtfsSecure? _secure;
    private bool _isSecureOpened;
    private NtfsLogState? _logState;
    private VolumeInfo? _info;
    private long? _freeClusters;

    private NtfsVolume(BlockDevice device, NtfsGeometry geometry, VolumeOptions options)
    {
        _device = device;
        Geometry = geometry;
        Mft = NtfsMft.Open(device, geometry);
        _state = NtfsVolumeState.Of(OpenSystemFile(NtfsMft.VolumeRecord));
        _options = options;
        RootId = new NodeId(Mft.Read(NtfsMft.RootRecord).Reference.Raw);
    }

    public override VolumeInfo Info => _info ??= NtfsInformation.Of(Geometry, Mft, _state, LogState, Hibernation());

    public override Capabilities Capabilities => field ??= NtfsCapabilities.Of(Geometry, _options);
    public override NodeId RootId { get; }

    /// <summary>By the volume's own table of capitals; in case-sensitive directories names that are one here can be two.</summary>
    public override IEqualityComparer<string> NameComparer => field ??= new NtfsNameComparer(Upcase);

    public override long FreeBytes => (_freeClusters ??= Allocation().CountFree()) << Geometry.ClusterShift;

    /// <summary>Whether encrypted files are shown as they lie on the volume.</summary>
    internal bool IsRawEncrypted => _options.RawEncrypted;

    internal NtfsGeometry Geometry { get; }
    internal NtfsMft Mft { get; }
    internal NtfsVolumeState State => _state;
    internal NtfsLogState LogState => _logState ??= NtfsLogState.Of(OpenSystemFile(NtfsMft.LogFileRecord).Open(NtfsAttributeType.Data));
    internal NtfsUpcase Upcase => _upcase ??= ReadUpcase();

    /// <summary>Opens a volume for reading.</summary>
    /// <exception cref="DiskFormatException">The boot sector, the MFT's own record or $Volume breaks a rule.</exception>
    public static NtfsVolume Open(BlockDevice device, VolumeOptions options) => new(device, NtfsGeometry.Read(device), options);

    public override bool TryLookup(NodeId directory, string name, out NodeId id)
    {
        var file = OpenFile(directory);
        var found = OpenDirectory(file).Find(name, Upcase, IsCaseSensitive(file));
        id = new NodeId(found?.Raw ?? 0);
        return found is not null && found.Value.Record != file.Base.Number;
    }

    public override IEnumerable<DirectoryEntry> Enumerate(NodeId directory)
    {
        var file = OpenFile(directory);
        return Entries(file, OpenDirectory(file));
    }

    public override void List(NodeId directory, NameList names)
    {
        var file = OpenFile(directory);
        var index = OpenDirectory(file);
        var walk = index.Names();
        while (walk.TryNextRun(out var node, out var at, out var behind))
        {
            for (; at < behind; at++)
            {
                var item = node[at];
                var key = item.Key;
                var name = index.Parse(key, item.File);
                if (IsShown(file, name))
                    names.Add(NtfsCollation.NameOf(key), new NodeId(name.File.Raw), KindOf(name), AttributesOf(name));
            }
        }
    }

    public override FileMetadata GetMetadata(NodeId id)
    {
        if (_described is not null && _described.TryGet((long)id.Value, out var known))
            return known;
        var file = OpenFile(id);
        var metadata = new NtfsDescription(this, file).Metadata();
        if (file.HasList)
            (_described ??= new LruCache<FileMetadata>(CachedDescriptions)).Set((long)id.Value, metadata);
        return metadata;
    }

    public override VolumeStream OpenRead(NodeId id, StreamName stream)
    {
        var file = OpenFile(id);
        if (stream.Kind == StreamKind.ResourceFork || (stream.Kind == StreamKind.Named && stream.Name.Length == 0))
            throw new FileNotFoundException($"ntfs has no {stream}");
        if (stream.Kind == StreamKind.Named)
            return OpenStream(file, FindStream(file, stream.Name) ?? throw new FileNotFoundException($"record {file.Base.Number} has no stream {stream}"));
        var kind = new NtfsDescription(this, file).Kind;
        if (kind != EntryKind.File)
            throw new UnauthorizedAccessException($"record {file.Base.Number} is a {kind} and has no data");
        var content = file.Open(NtfsAttributeType.Data);
        if (content is null)
            return new NtfsStream(NtfsContent.Empty(_device, Geometry, file.Structure(NtfsAttributeType.Data, "")), 0);
        RequireHere(file, content);
        return OpenWof(file, content) ?? OpenStream(file, content);
    }

    public override IReadOnlyList<StreamDescription> GetStreams(NodeId id)
    {
        var file = OpenFile(id);
        var streams = new List<StreamDescription>();
        var isWof = WofAlgorithm(file) is not null;
        foreach (var place in file.Places)
        {
            if (place.Type != NtfsAttributeType.Data || place.Name.Length == 0 || place.LowestVcn != 0 || (isWof && place.Name == NtfsWofStream.StreamName))
                continue;
            var attribute = file.Resolve(place, out _);
            var length = attribute.IsResident ? attribute.Value.Length : (long)(ulong)attribute.NonResident.DataSize;
            if (IsRawEncrypted && !attribute.IsResident && (attribute.Flags & NtfsAttributeFlags.Encrypted) != 0)
                length = NtfsRawStream.LengthOf(length);
            streams.Add(new StreamDescription(StreamName.Named(place.Name), length));
        }
        return streams;
    }

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId id)
    {
        var found = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        var file = OpenFile(id);
        // With the ciphertext go the keys, so that a copy is complete.
        if (IsRawEncrypted && NtfsDecryption.ReadKeys(file) is { } keys)
            found[NtfsDescription.EfsName] = keys;
        foreach (var ea in ReadExtendedAttributes(file))
        {
            if (!NtfsExtendedAttributes.IsLinux(ea))
                found["user." + ea.Name] = ea.Value;
        }
        return found;
    }

    public override IReadOnlyDictionary<string, byte[]> GetFormatAttributes(NodeId id) => new NtfsDescription(this, OpenFile(id)).FormatAttributes();

    public override byte[]? FindFormatAttribute(NodeId id, string name) =>
        base.FindFormatAttribute(id, NtfsForeignNames.Own(name)) is { } value ? NtfsForeignNames.Order(name, value) : null;

    public override IEnumerable<ByteRange> AllocatedRanges() => Allocation().UsedRanges(_device.Length);

    /// <summary>Blocks of indexes that were read, by their place on the device.</summary>
    internal NtfsNodes Nodes => _nodes;

    /// <summary>Forgets what depends on records: some of them were changed.</summary>
    internal void ForgetDescriptions() => _described?.Clear();

    /// <summary>Forgets what was read of $Secure.</summary>
    internal void ForgetSecure() => (_secure, _isSecureOpened) = (null, false);

    /// <summary>Reads $Volume and the state of the log again.</summary>
    internal void ReloadState()
    {
        _state = NtfsVolumeState.Of(OpenSystemFile(NtfsMft.VolumeRecord));
        (_info, _logState) = (null, null);
    }

    /// <summary>Forgets everything that was read: the volume below has gone back.</summary>
    internal void Reload()
    {
        _nodes.Clear();
        ForgetDescriptions();
        ForgetSecure();
        _decryption = null;
        Mft.Reload();
        ReloadState();
    }

    /// <summary>The file that a node's id means.</summary>
    /// <exception cref="DiskFormatException">Its record is damaged, not in use, or another file's.</exception>
    internal NtfsFile OpenFile(NodeId id) => OpenFile(new NtfsReference(id.Value));

    internal NtfsFile OpenFile(NtfsReference reference)
    {
        var record = Mft.Read(reference);
        if (!record.IsBase)
            throw new DiskFormatException("NTFS-0104", record.Structure, record.Offset, $"holds attributes of record {record.Header.BaseRecord.Record}, and is referred to as a file");
        return new NtfsFile(_device, Geometry, Mft, record);
    }

    /// <summary>One of the volume's own files.</summary>
    internal NtfsFile OpenSystemFile(long number) => OpenFile(new NtfsReference(number, 0));

    /// <summary>An index of a file; null when it has none of this name.</summary>
    internal NtfsIndex? OpenIndex(NtfsFile file, string name) => NtfsIndex.Open(Geometry, file, name, _nodes);

    /// <summary>The value of $REPARSE_POINT; null when there is none.</summary>
    internal static byte[]? ReadReparse(NtfsFile file) => file.Open(NtfsAttributeType.ReparsePoint)?.ReadAll(NtfsReparseHeader.MaxLength, "NTFS-0500");

    /// <summary>The reparse point, taken apart; null when there is none.</summary>
    internal static NtfsReparsePoint? FindReparse(NtfsFile file)
    {
        if (ReadReparse(file) is not { } value)
            return null;
        if (NtfsReparsePoint.Parse(value, out var point) is { } problem)
            throw new DiskFormatException("NTFS-0500", file.Structure(NtfsAttributeType.ReparsePoint, ""), file.Base.Offset, problem);
        return point;
    }

    internal static List<NtfsEa> ReadExtendedAttributes(NtfsFile file)
    {
        var found = new List<NtfsEa>();
        if (file.Open(NtfsAttributeType.Ea) is not { } content)
            return found;
        if (NtfsExtendedAttributes.Parse(content.ReadAll(NtfsEaEntry.MaxLength, "NTFS-0501"), found) is { } problem)
            throw new DiskFormatException("NTFS-0501", content.Structure, file.Base.Offset, problem);
        return found;
    }

    /// <summary>The descriptor of an id of $Secure; null when it, or $Secure, is not there or damaged.</summary>
    internal byte[]? FindSecurityDescriptor(uint id)
    {
        try
        {
            if (!_isSecureOpened)
            {
                _isSecureOpened = true;
                _secure = NtfsSecure.Open(Geometry, OpenSystemFile(NtfsMft.SecureRecord), _nodes);
            }
            return _secure?.Find(id);
        }
        catch (DiskFormatException)
        {
            // Files without a descriptor can be read; the checker tells what is wrong with $Secure.
            return null;
        }
    }

    /// <summary>How a file's data is compressed by the overlay filter; null when it is not.</summary>
    /// <exception cref="UnsupportedFeatureException">It is provided by something else than the file itself.</exception>
    internal static NtfsWofAlgorithm? WofAlgorithm(NtfsFile file)
    {
        if (!file.Has(NtfsAttributeType.ReparsePoint) || ReadReparse(file) is not { Length: >= NtfsReparseHeader.Size + 8 } value
            || OnDisk.View<NtfsReparseHeader>(value).Tag != NtfsReparseTag.Wof)
            return null;
        var provider = BinaryPrimitives.ReadUInt32LittleEndian(value.AsSpan(NtfsReparseHeader.Size + 4));
        if (provider != NtfsWof.FileProvider || value.Length < NtfsReparseHeader.Size + NtfsWof.Size)
            return null;
        return OnDisk.View<NtfsWof>(value, NtfsReparseHeader.Size).Algorithm.Value;
    }

    private IEnumerable<DirectoryEntry> Entries(NtfsFile file, NtfsDirectory directory)
    {
        var names = directory.Names();
        while (names.TryNext(out var item))
        {
            var name = directory.Parse(item.Key, item.File);
            if (IsShown(file, name))
                yield return new DirectoryEntry(NtfsCollation.NameOf(item.Key).ToString(), new NodeId(name.File.Raw), KindOf(name)) { Attributes = AttributesOf(name) };
        }
    }

    // A short name stands beside a long one of the same file; the volume's own files are found by name alone.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsShown(NtfsFile directory, in NtfsName name) =>
        name.Namespace != NtfsNamespace.Dos && (name.File.Record >= NtfsMft.FirstFreeRecord || directory.Base.Number != NtfsMft.RootRecord);

    private static DosAttributes AttributesOf(in NtfsName name) => (DosAttributes)name.Attributes & NtfsDescription.Shown;

    // What the index says; of what may be a special file what the record says. A broken one is found when it is asked for.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private EntryKind KindOf(in NtfsName name)
    {
        if (name is { IsReparsePoint: false, HasEa: false } && (name.Attributes & (uint)DosAttributes.System) == 0)
            return name.IsDirectory ? EntryKind.Directory : EntryKind.File;
        return SpecialKindOf(name);
    }

    private EntryKind SpecialKindOf(in NtfsName name)
    {
        if (name.ReparseTag != 0 && NtfsReparsePoint.KindOf(name.ReparseTag) is { } kind)
            return kind;
        // The kernel's ntfs3 writes another number where the tag should be.
        var isOddLink = name.IsReparsePoint && name.ReparseTag <= ushort.MaxValue;
        if (name.IsDirectory && !isOddLink)
            return EntryKind.Directory;
        if (!isOddLink && !(name.HasEa && name.DataSize == 0) && !NtfsInterix.IsCandidate(name.Attributes, name.DataSize))
            return EntryKind.File;
        try
        {
            return new NtfsDescription(this, OpenFile(name.File)).Kind;
        }
        catch (DiskFormatException)
        {
            return EntryKind.File;
        }
    }

    // The root is one, whoever asks: where it is not marked so the volume is damaged.
    private static Exception NoDirectory(NtfsRecord record) => record.Number == NtfsMft.RootRecord
        ? new DiskFormatException("NTFS-0128", record.Structure, record.Offset + 0x16, "is the root, and not marked as a directory")
        : new DirectoryNotFoundException($"record {record.Number} is no directory");

    private NtfsDirectory OpenDirectory(NtfsFile file)
    {
        if (!file.Base.IsDirectory)
            throw NoDirectory(file.Base);
        return new NtfsDirectory(Geometry, file, _nodes);
    }

    internal static bool IsCaseSensitive(NtfsFile directory) =>
        directory.TryFind(NtfsAttributeType.StandardInformation, "", out _, out var attribute) && attribute is { IsResident: true, Value.Length: >= NtfsStandardInformation.Size }
        && (OnDisk.View<NtfsStandardInformation>(attribute.Value).Flags & NtfsStandardInformation.CaseSensitive) != 0;

    private NtfsContent? FindStream(NtfsFile file, string name) => StoredStreamName(file, name) is { } stored ? file.Open(NtfsAttributeType.Data, stored) : null;

    /// <summary>The name of a stream as it is stored: case does not count there, too. Null when there is no such stream.</summary>
    internal string? StoredStreamName(NtfsFile file, string name)
    {
        string? found = null;
        foreach (var place in file.Places)
        {
            if (place.Type != NtfsAttributeType.Data || place.Name.Length == 0 || place.LowestVcn != 0)
                continue;
            if (place.Name == name)
                return name;
            if (Upcase.AreEqual(place.Name, name))
                found ??= place.Name;
        }
        return found;
    }

    /// <summary>The directory of a directory; of the root itself.</summary>
    internal NodeId ParentOf(NodeId directory)
    {
        var file = OpenFile(directory);
        return file.TryFind(NtfsAttributeType.FileName, "", out _, out var name) && name.IsResident && NtfsFileNames.Problem(name.Value) is null
            ? new NodeId(OnDisk.View<NtfsFileName>(name.Value).Parent.Raw) : RootId;
    }

    // A hole that stands for content elsewhere must not be taken for zeros.
    private static void RequireHere(NtfsFile file, NtfsContent content)
    {
        if (!file.Has(NtfsAttributeType.ReparsePoint) || FindReparse(file) is not { } point || !NtfsReparseTag.MayBeElsewhere(point.Tag))
            return;
        for (var i = 0; i < content.Runs.Count; i++)
        {
            if (content.Runs[i].IsHole)
                throw new UnsupportedFeatureException($"{content.Structure} is kept elsewhere, in whole or in part (reparse tag 0x{point.Tag:X8}: deduplicated, in a cloud or archived)");
        }
    }

    private NtfsWofStream? OpenWof(NtfsFile file, NtfsContent content)
    {
        if (!file.Has(NtfsAttributeType.ReparsePoint) || ReadReparse(file) is not { Length: >= NtfsReparseHeader.Size } value
            || OnDisk.View<NtfsReparseHeader>(value).Tag != NtfsReparseTag.Wof)
            return null;
        if (WofAlgorithm(file) is not { } algorithm)
            throw new UnsupportedFeatureException($"record {file.Base.Number} has its data in a WIM image beside the volume (overlay filter, provider 1)");
        var packed = file.Open(NtfsAttributeType.Data, NtfsWofStream.StreamName)
            ?? throw new DiskFormatException("NTFS-0204", content.Structure, file.Base.Offset, $"is compressed by the overlay filter, and has no stream {NtfsWofStream.StreamName}");
        RequireReadable(packed);
        if (packed.IsCompressed)
            throw new UnsupportedFeatureException($"{packed.Structure} is compressed twice");
        return new NtfsWofStream(packed, content.Length, algorithm);
    }

    private VolumeStream OpenStream(NtfsFile file, NtfsContent content)
    {
        if (content.IsEncrypted)
            return OpenEncrypted(file, content);
        return content.IsCompressed ? new NtfsCompressedStream(content) : new NtfsStream(content, content.Length);
    }

    // Apart: nothing of cryptography is prepared for anything else.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private VolumeStream OpenEncrypted(NtfsFile file, NtfsContent content)
    {
        if (!IsRawEncrypted && _options.EfsKeys is null)
            RequireReadable(content);
        NtfsDecryption.RequireSound(content, file);
        if (content.Length == 0)
            return new NtfsStream(content, 0);
        if (IsRawEncrypted)
            return new NtfsRawStream(content);
        return new NtfsEncryptedStream(content, (_decryption ??= new NtfsDecryption(_options.EfsKeys!)).KeyOf(file));
    }

    private static void RequireReadable(NtfsContent content)
    {
        if (content.IsEncrypted)
        {
            throw new UnsupportedFeatureException(
                $"{content.Structure} is encrypted (EFS): its content needs a key (--efs-key). As it lies on the volume it is read with --raw-encrypted");
        }
    }

    private NtfsUpcase ReadUpcase()
    {
        var content = OpenSystemFile(NtfsMft.UpcaseRecord).Open(NtfsAttributeType.Data);
        if (content is null || content.Length != NtfsUpcase.Length)
            throw new DiskFormatException("NTFS-0400", "$UpCase", -1, $"has {content?.Length ?? 0} bytes, expected {NtfsUpcase.Length}");
        return new NtfsUpcase(content.ReadAll(NtfsUpcase.Length, "NTFS-0400"));
    }

    private NtfsAllocation Allocation() => new(OpenSystemFile(NtfsMft.BitmapRecord).Open(NtfsAttributeType.Data)
        ?? throw new DiskFormatException("NTFS-0112", "$Bitmap", -1, "has no $DATA"), Geometry);

    // Windows writes its memory here when it hibernates, and when it shuts down for a fast start; then it still has the volume open.
    internal string? Hibernation()
    {
        Span<byte> head = stackalloc byte[4];
        try
        {
            if (!TryLookup(RootId, "hiberfil.sys", out var id))
                return null;
            using var stream = OpenRead(id, StreamName.Data);
            if (stream.ReadAt(0, head) < head.Length)
                return null;
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException or UnauthorizedAccessException or DirectoryNotFoundException)
        {
            return null;
        }
        return head.SequenceEqual("hibr"u8) || head.SequenceEqual("HIBR"u8)
            ? "hiberfil.sys holds a running Windows (hibernated, or shut down for a fast start)" : null;
    }
}
