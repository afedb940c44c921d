using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Looks at the volume's own files: what $Volume, $LogFile, $UpCase, $AttrDef and the copy of the MFT say.</summary>
internal sealed class NtfsCheckerSystem(NtfsCheckState state)
{
    private const int MaxAttributeDefinitions = 1 << 20;

    // Without these no volume works, whatever its version.
    private static readonly NtfsAttributeType[] NeededTypes =
    [
        NtfsAttributeType.StandardInformation, NtfsAttributeType.AttributeList, NtfsAttributeType.FileName, NtfsAttributeType.VolumeName, NtfsAttributeType.VolumeInformation,
        NtfsAttributeType.Data, NtfsAttributeType.IndexRoot, NtfsAttributeType.IndexAllocation, NtfsAttributeType.Bitmap,
    ];

    private readonly NtfsGeometry _geometry = state.Geometry;

    /// <summary>What has to be known before records are looked at.</summary>
    public void Prepare()
    {
        Attempt(CheckVolume);
        Attempt(CheckUpcase);
        Attempt(CheckAttributeDefinitions);
        Attempt(LoadMftBitmap);
    }

    /// <summary>The rest.</summary>
    public void Check()
    {
        CheckMirror();
        Attempt(CheckLog);
        CheckHibernation();
    }

    private void Attempt(Action check)
    {
        try
        {
            check();
        }
        catch (DiskFormatException e)
        {
            state.Error(e);
        }
    }

    // One of the first records; what is wrong with the record itself is told when all records are looked at.
    private NtfsFile? OpenEarly(long number)
    {
        if (!state.Facts.Has(number))
            throw new DiskFormatException("NTFS-0100", $"Record {number}", -1, $"expected 0..{state.Facts.Count - 1}");
        var record = number == NtfsMft.MftRecord ? state.Mft.Record0 : state.Mft.Load(number, out var problem, out _) is var loaded && problem is null ? loaded : null;
        return record is { IsInUse: true } ? new NtfsFile(state.Device, _geometry, state.Mft, record) : null;
    }

    private void CheckVolume()
    {
        if (OpenEarly(NtfsMft.VolumeRecord) is not { } file)
            return;
        var volume = NtfsVolumeState.Of(file);
        state.MajorVersion = volume.Major;
        if ((volume.Major, volume.Minor) is not ((1, 2) or (3, 0) or (3, 1)))
            state.Warning("NTFS-0019", "$Volume", file.Base.Offset, $"version {volume.Major}.{volume.Minor}, expected 1.2, 3.0 or 3.1");
        if ((volume.Flags & NtfsVolumeFlags.Dirty) != 0)
            state.Warning("NTFS-0015", "$Volume", file.Base.Offset, "the dirty flag is set: Windows will check the volume");
        var known = NtfsVolumeFlags.Dirty | NtfsVolumeFlags.ResizeLogFile | NtfsVolumeFlags.UpgradeOnMount | NtfsVolumeFlags.MountedOnNt4 | NtfsVolumeFlags.DeleteUsn
            | NtfsVolumeFlags.RepairObjectIds | NtfsVolumeFlags.NoShortNames | NtfsVolumeFlags.ChkdskUnderway | NtfsVolumeFlags.ModifiedByChkdsk;
        if ((volume.Flags & ~known) != 0)
            state.Note("NTFS-0020", "$Volume", file.Base.Offset, $"has the unknown flags 0x{(ushort)(volume.Flags & ~known):X4}");
        if (file.TryFind(NtfsAttributeType.VolumeName, "", out var record, out var name) && (!name.IsResident || name.Value.Length > 256 || (name.Value.Length & 1) != 0))
            state.Warning("NTFS-0021", "$Volume", record.Offset + name.Offset, "the label is no text of at most 128 units");
    }

    private void CheckUpcase()
    {
        if (OpenEarly(NtfsMft.UpcaseRecord) is not { } file)
            return;
        var content = file.Open(NtfsAttributeType.Data);
        if (content is null || content.Length != NtfsUpcase.Length)
            throw new DiskFormatException("NTFS-0400", "$UpCase", file.Base.Offset, $"has {content?.Length ?? 0} bytes, expected {NtfsUpcase.Length}");
        var upcase = new NtfsUpcase(content.ReadAll(NtfsUpcase.Length, "NTFS-0400"));
        for (var c = '\0'; c < 128; c++)
        {
            if (upcase.Up(c) != char.ToUpperInvariant(c))
            {
                state.Error("NTFS-0403", "$UpCase", null, $"the capital of U+{(int)c:X4} is U+{(int)upcase.Up(c):X4}");
                return;
            }
        }
        state.Upcase = upcase;
    }

    private void CheckAttributeDefinitions()
    {
        if (OpenEarly(NtfsMft.AttributeDefinitionRecord) is not { } file)
            return;
        var content = file.Open(NtfsAttributeType.Data);
        var table = content?.ReadAll(MaxAttributeDefinitions, "NTFS-0402") ?? [];
        var types = new HashSet<NtfsAttributeType>();
        var last = 0u;
        for (var at = 0; at + NtfsAttributeDefinition.Size <= table.Length; at += NtfsAttributeDefinition.Size)
        {
            uint type = OnDisk.View<NtfsAttributeDefinition>(table, at).Type;
            if (type == 0)
                break;
            if (type <= last)
                throw new DiskFormatException("NTFS-0402", "$AttrDef", -1, $"the type 0x{type:X} at {at} comes behind 0x{last:X}");
            last = type;
            types.Add((NtfsAttributeType)type);
        }
        foreach (var type in NeededTypes)
        {
            if (!types.Contains(type))
                throw new DiskFormatException("NTFS-0402", "$AttrDef", -1, $"does not define {NtfsAttributeNames.Of(type)}");
        }
        state.DefinedTypes = types;
    }

    private void LoadMftBitmap()
    {
        if (OpenEarly(NtfsMft.MftRecord) is not { } file)
            return;
        if (file.Open(NtfsAttributeType.Bitmap) is not { } content)
            throw new DiskFormatException("NTFS-0112", "Record 0", file.Base.Offset, "has no $BITMAP");
        if (content.Length < (state.Facts.Count + 7) / 8)
            throw new DiskFormatException("NTFS-0138", content.Structure, -1, $"has {content.Length} bytes for {state.Facts.Count} records");
        var bitmap = new Bitmap(state.Facts.Count);
        Load(bitmap, content);
        state.MftBitmap = bitmap;
    }

    private static void Load(Bitmap bitmap, NtfsContent content)
    {
        var buffer = new byte[64 << 10];
        for (var at = 0L; at < Math.Min(content.Length, (bitmap.Length + 7) / 8); at += buffer.Length)
        {
            var piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, content.Length - at));
            content.Read(at, piece);
            bitmap.Load(at * 8, piece);
        }
    }

    private void CheckMirror()
    {
        var offset = _geometry.MftMirrorCluster << _geometry.ClusterShift;
        if (offset == 0)
            return;
        for (var i = 0; i < _geometry.MirrorRecords && state.Facts.Has(i); i++)
        {
            var at = offset + (long)i * _geometry.RecordSize;
            var structure = $"$MFTMirr, copy of record {i}";
            if (at + _geometry.RecordSize > state.Device.Length)
            {
                state.Error("NTFS-0140", structure, at, "is behind the end of the device");
                return;
            }
            var copy = new byte[_geometry.RecordSize];
            state.Device.Read(at, copy);
            var problem = NtfsRecord.Parse(copy, out _);
            if (problem is not null)
            {
                state.Error("NTFS-0140", structure, at, problem);
                continue;
            }
            var record = state.Mft.Load(i, out var broken, out _);
            if (broken is null && !IsSame(record.Bytes, copy))
                state.Error("NTFS-0140", structure, at, "differs from the record");
        }
    }

    // The protection's own number may differ, and what lies behind the end mark.
    private static bool IsSame(ReadOnlySpan<byte> record, ReadOnlySpan<byte> copy)
    {
        const int start = 0x08;
        ref readonly var head = ref OnDisk.View<NtfsRecordHeader>(record);
        int attributes = head.AttributesOffset, end = (int)(uint)head.BytesInUse, protection = head.Protection.UpdateSequenceOffset;
        return record[start..Math.Clamp(protection, start, attributes)].SequenceEqual(copy[start..Math.Clamp(protection, start, attributes)])
            && record[attributes..end].SequenceEqual(copy[attributes..end]);
    }

    private void CheckLog()
    {
        if (OpenEarly(NtfsMft.LogFileRecord) is not { } file)
            return;
        var log = NtfsLogState.Of(file.Open(NtfsAttributeType.Data));
        if (log.Condition is NtfsLogCondition.Damaged or NtfsLogCondition.Absent)
            state.Error("NTFS-0017", "$LogFile", file.Base.Offset, log.Text);
        else if (!log.IsClean)
            state.Warning("NTFS-0016", "$LogFile", file.Base.Offset, log.Text);
    }

    private void CheckHibernation()
    {
        try
        {
            using var volume = NtfsVolume.Open(state.Device, VolumeOptions.Default);
            foreach (var detail in volume.Info.Details)
            {
                if (detail.Key == "hibernation")
                    state.Note("NTFS-0018", "hiberfil.sys", null, detail.Value);
            }
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
        {
            // What is wrong was, or will be, told where it is looked at.
        }
    }
}
