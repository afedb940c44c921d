namespace Platter.FileSystems.Ntfs;

/// <summary>Mends what the volume has twice by its other copy: the boot sector, and the first records of $MFT in $MFTMirr; and gives up a log.</summary>
internal sealed class NtfsRepairCopies(NtfsRepairState repair)
{
    private readonly NtfsCheckState _state = repair.Check!;

    public void Run(bool givesLogUp)
    {
        RepairBoot();
        RepairRecords();
        if (givesLogUp)
            EmptyLog();
    }

    private void RepairBoot()
    {
        var geometry = _state.Geometry;
        if (geometry.BootOffset != 0)
        {
            CopySector("NTFS-0009", $"made anew from its copy at byte {geometry.BootOffset}", geometry.BootOffset, 0);
            return;
        }
        if (repair.Device.Length < geometry.Length + BootSize)
            return;
        var copy = geometry.Remarks.Count > 0 ? NtfsGeometry.FindCopy(repair.Device) : null;
        if (copy is { Remarks.Count: 0 } && copy.BootOffset == geometry.Length && copy.ClusterSize == geometry.ClusterSize && copy.MftCluster == geometry.MftCluster)
            CopySector(geometry.Remarks[0].Code, $"made anew from its copy at byte {copy.BootOffset}", copy.BootOffset, 0);
        else if (repair.HasAny("NTFS-0012", "NTFS-0013") && repair.IsOtherwiseSound)    // a boot sector that counts too few sectors would put its copy into a file
            CopySector(repair.Has("NTFS-0012") ? "NTFS-0012" : "NTFS-0013", $"made anew at byte {geometry.Length}", 0, geometry.Length);
    }

    // A boot sector has 512 bytes also where sectors are said to have 256.
    private int BootSize => Math.Max(_state.Geometry.SectorSize, NtfsBootSector.Size);

    private void CopySector(string code, string message, long from, long to)
    {
        var sector = new byte[BootSize];
        repair.Device.Read(from, sector);
        repair.Device.Write(to, sector);
        repair.Add(code, to == 0 ? "BootSector" : "BootSector copy", message);
    }

    // Each of the first records, and its copy: the sound one counts, and the record where both are.
    private void RepairRecords()
    {
        var geometry = _state.Geometry;
        long mirror = geometry.MftMirrorCluster << geometry.ClusterShift, table = geometry.MftCluster << geometry.ClusterShift;
        // Where the boot sector and record 1 do not agree about the place, nobody knows whose it is.
        if (mirror == 0 || repair.Has("NTFS-0216"))
            return;
        var content = repair.Content(NtfsMft.MirrorRecord, NtfsAttributeType.Data);
        for (var i = 0; i < geometry.MirrorRecords; i++)
        {
            long copyAt = mirror + (long)i * geometry.RecordSize, recordAt = i == 0 ? table : _state.Mft.OffsetOf((long)i * geometry.RecordSize);
            if (recordAt < 0 || copyAt + geometry.RecordSize > repair.Device.Length || recordAt + geometry.RecordSize > repair.Device.Length || IsUsedOtherwise(content, copyAt))
                continue;
            byte[] record = Read(recordAt), copy = Read(copyAt);
            bool isUsable = IsUsable(record, i, out var code), isCopyUsable = IsUsable(copy, i, out _);
            // Where $MFTMirr cannot say that the place is its own, a boot sector that is wrong may have led here: only what is a copy already is one.
            var isMirror = content is not null || (isCopyUsable && i <= NtfsMft.ExtendRecord);
            if (isUsable && isMirror && !record.AsSpan().SequenceEqual(copy) && repair.Report.Findings.Any(f => f.Code == "NTFS-0140" && f.Offset == copyAt))
            {
                repair.Device.Write(copyAt, record);
                repair.Add("NTFS-0140", $"$MFTMirr, copy of record {i}", "made anew from the record");
            }
            else if (!isUsable && isCopyUsable && i <= NtfsMft.ExtendRecord && (i > 0 || IsTable(copy, recordAt, record)))
            {
                repair.Device.Write(recordAt, copy);
                repair.Add(code, $"Record {i}", "made anew from its copy in $MFTMirr");
            }
        }
    }

    // Record 0 tells where all the others are. A copy that has the table elsewhere would be written over a file, where the boot sector is wrong; and where the
    // damaged record still maps the table, a copy that does otherwise would lose what can be reached.
    private bool IsTable(byte[] copy, long offset, byte[] record) => Map(copy) is { Count: > 0 } map && map[0].Lcn << _state.Geometry.ClusterShift == offset
        && (Map(record) is not { } other || map.Runs.SequenceEqual(other.Runs));

    private NtfsRunList? Map(byte[] stored)
    {
        var bytes = stored.ToArray();
        var runs = new NtfsRunList();
        return NtfsRecord.Parse(bytes, out _) is null && new NtfsRecord(NtfsMft.MftRecord, bytes, 0).TryFind(NtfsAttributeType.Data, "", out var data)
            && data is { IsResident: false, LowestVcn: 0 } && runs.Decode(data.RunBytes, data.EndVcn, _state.Geometry.ClusterCount) is null ? runs : null;
    }

    private byte[] Read(long offset)
    {
        var record = new byte[_state.Geometry.RecordSize];
        repair.Device.Read(offset, record);
        return record;
    }

    // Whether a record is one, and that of its number: with what the volume cannot do without, and not another file's. A copy may be older than the record, so lesser
    // damage is none of its business.
    private bool IsUsable(byte[] stored, int number, out string code)
    {
        var bytes = stored.ToArray();
        if (NtfsRecord.Parse(bytes, out code) is not null)
            return false;
        var record = new NtfsRecord(number, bytes, 0);
        code = "NTFS-0142";
        if (number > NtfsMft.ExtendRecord)
            return true;
        if (record is not { IsInUse: true, IsBase: true } || NtfsCheckerFiles.IsAnothers(record, _state.MajorVersion))
            return false;
        code = "NTFS-0112";
        return (long)number switch
        {
            <= NtfsMft.LogFileRecord => record.TryFind(NtfsAttributeType.Data, "", out var data) && data is { IsResident: false, LowestVcn: 0 },
            NtfsMft.VolumeRecord => record.TryFind(NtfsAttributeType.VolumeInformation, "", out _),
            _ => true,
        };
    }

    // Only where $MFTMirr itself says that its clusters are.
    private bool IsUsedOtherwise(NtfsContent? content, long offset)
    {
        var shift = _state.Geometry.ClusterShift;
        var end = offset + _state.Geometry.RecordSize - 1 >> shift;
        if (repair.IsShared(offset >> shift, end - (offset >> shift) + 1))
            return true;
        if (content is null)
            return offset >> shift != _state.Geometry.MftMirrorCluster;
        foreach (ref readonly var run in content.Runs.Runs)
        {
            if (!run.IsHole && offset >> shift >= run.Lcn && end < run.Lcn + run.Count)
                return false;
        }
        return true;
    }

    // As mkntfs leaves it: Windows starts a new one.
    private void EmptyLog()
    {
        if (repair.Content(NtfsMft.LogFileRecord, NtfsAttributeType.Data) is not { } content)
            return;
        var empty = new byte[1 << 20];
        empty.AsSpan().Fill(0xFF);
        foreach (var run in content.Runs.Runs)
        {
            // Where there are clusters: the length, and that of holes, may be any number.
            if (run.IsHole || run.Vcn > content.Length >> content.ClusterShift)
                continue;
            var start = run.Vcn << content.ClusterShift;
            var count = Math.Min(run.Count << content.ClusterShift, content.Length - start);
            for (var done = 0L; done < count; done += empty.Length)
                repair.Write(content, start + done, empty.AsSpan(0, (int)Math.Min(empty.Length, count - done)));
        }
        repair.Add(repair.Has("NTFS-0016") ? "NTFS-0016" : "NTFS-0017", "$LogFile", "given up: it is empty");
    }
}
