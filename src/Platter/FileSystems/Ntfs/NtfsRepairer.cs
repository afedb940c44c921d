using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Mends what can be mended without giving or taking anything to or from a file: copies by what they are copies of, and bitmaps by what is in use.</summary>
/// <remarks>
/// <para>The boot sector and its copy, $MFT's first records and $MFTMirr, $Bitmap, $MFT:$BITMAP. Everything is written in one commit of the device.</para>
/// <para>Bits are set without condition: what is in use must not be given away. They are cleared only when nothing else is wrong.</para>
/// </remarks>
internal sealed class NtfsRepairer
{
    private readonly BlockDevice _device;
    private readonly RepairOptions _options;
    private readonly List<Repair> _repairs = [];
    private readonly CheckReport _before;
    private readonly NtfsCheckState? _state;

    private NtfsRepairer(BlockDevice device, RepairOptions options)
    {
        _device = device;
        _options = options;
        (_before, _state) = NtfsChecker.Run(device, options.Check);
    }

    /// <summary>Repairs a volume, and commits.</summary>
    /// <exception cref="UnsupportedFeatureException">It is hibernated, its log has to be replayed first, or it has more findings than are kept.</exception>
    public static RepairReport Repair(BlockDevice device, RepairOptions options)
    {
        var repairer = new NtfsRepairer(device, options);
        repairer.RepairAll();
        if (options.DryRun)
            return new RepairReport(repairer._repairs, repairer._before);
        if (repairer._repairs.Count > 0)
            device.Flush();
        return new RepairReport(repairer._repairs, NtfsChecker.Check(device, options.Check));
    }

    private void RepairAll()
    {
        if (_state is null)
            return;
        // What is asked of the findings below may be among those that were not kept.
        if (_before.Total > _before.Findings.Count)
            throw new UnsupportedFeatureException($"the check has {_before.Total} findings, more than the {_before.Findings.Count} that are kept: a volume so damaged is not repaired; copy its files out first");
        if (Has("NTFS-0018"))
            throw new UnsupportedFeatureException("hiberfil.sys holds a running Windows (hibernated, or shut down for a fast start), which knows the volume as it is: nothing is repaired until it has been shut down");
        var log = Has("NTFS-0016") || Has("NTFS-0017");
        if (log && !_options.Check.Volume.DiscardJournal)
            throw new UnsupportedFeatureException("$LogFile holds what has to be replayed, and would be replayed over a repair: have Windows do it, or give the log up (--discard-journal)");
        RepairBoot();
        RepairRecords();
        if (log)
            EmptyLog();
        RepairClusterBitmap();
        RepairRecordBitmap();
    }

    // Whether nothing is wrong but what is mended here: else what seems to be nobody's may belong to what is broken.
    private bool IsOtherwiseSound => !_state!.IsIncomplete
        && _before.Findings.All(f => f.Severity < Severity.Error || f.Structure.StartsWith("BootSector", StringComparison.Ordinal) || f.Code is "NTFS-0136" or "NTFS-0140" or "NTFS-0211");

    private bool Has(string code) => _before.Findings.Any(f => f.Code == code);

    // Says what is done, and does it unless this is a dry run.
    private void Do(string code, string structure, string message, Action write)
    {
        _repairs.Add(new Repair(code, structure, message));
        if (!_options.DryRun)
            write();
    }

    private void RepairBoot()
    {
        var geometry = _state!.Geometry;
        if (geometry.BootOffset != 0)
        {
            Do("NTFS-0009", "BootSector", $"made anew from its copy at byte {geometry.BootOffset}", () => CopySector(geometry, geometry.BootOffset, 0));
            return;
        }
        if (_device.Length < geometry.Length + geometry.SectorSize)
            return;
        var hasFaults = geometry.Remarks.Count > 0;
        var copy = hasFaults ? NtfsGeometry.FindCopy(_device) : null;
        if (copy is { Remarks.Count: 0 } && copy.BootOffset == geometry.Length && copy.ClusterSize == geometry.ClusterSize && copy.MftCluster == geometry.MftCluster)
            Do(geometry.Remarks[0].Code, "BootSector", $"made anew from its copy at byte {copy.BootOffset}", () => CopySector(geometry, copy.BootOffset, 0));
        else if ((Has("NTFS-0012") || Has("NTFS-0013")) && IsOtherwiseSound)    // a boot sector that counts too few sectors would put its copy into a file
            Do(Has("NTFS-0012") ? "NTFS-0012" : "NTFS-0013", "BootSector copy", $"made anew at byte {geometry.Length}", () => CopySector(geometry, 0, geometry.Length));
    }

    private void CopySector(NtfsGeometry geometry, long from, long to)
    {
        var sector = new byte[Math.Max(geometry.SectorSize, NtfsBootSector.Size)];
        _device.Read(from, sector);
        _device.Write(to, sector);
    }

    // Each of the first records, and its copy: the sound one counts, and the record where both are.
    private void RepairRecords()
    {
        var geometry = _state!.Geometry;
        long mirror = geometry.MftMirrorCluster << geometry.ClusterShift, table = geometry.MftCluster << geometry.ClusterShift;
        if (mirror == 0)
            return;
        for (var i = 0; i < geometry.MirrorRecords; i++)
        {
            long copyAt = mirror + (long)i * geometry.RecordSize, recordAt = i == 0 ? table : OffsetOf(i);
            if (recordAt < 0 || copyAt + geometry.RecordSize > _device.Length || recordAt + geometry.RecordSize > _device.Length || IsUsedOtherwise(copyAt))
                continue;
            byte[] record = Read(recordAt), copy = Read(copyAt);
            bool isSound = IsSound(record, i, out var code), isCopySound = IsSound(copy, i, out _);
            if (isSound && !record.AsSpan().SequenceEqual(copy) && _before.Findings.Any(f => f.Code == "NTFS-0140" && f.Offset == copyAt))
                Do("NTFS-0140", $"$MFTMirr, copy of record {i}", "made anew from the record", () => _device.Write(copyAt, record));
            else if (!isSound && isCopySound && i <= NtfsMft.VolumeRecord)
                Do(code, $"Record {i}", "made anew from its copy in $MFTMirr", () => _device.Write(recordAt, copy));
        }
    }

    private byte[] Read(long offset)
    {
        var record = new byte[_state!.Geometry.RecordSize];
        _device.Read(offset, record);
        return record;
    }

    private static bool IsSound(byte[] stored, int number, out string code)
    {
        var bytes = stored.ToArray();
        if (NtfsRecord.Parse(bytes, out code) is not null)
            return false;
        code = "NTFS-0142";
        var record = new NtfsRecord(number, bytes, 0);
        return record is { IsInUse: true, IsBase: true } || number > NtfsMft.VolumeRecord;
    }

    // Only where $MFTMirr itself says that its clusters are.
    private bool IsUsedOtherwise(long offset)
    {
        var shift = _state!.Geometry.ClusterShift;
        if (Content(NtfsMft.MirrorRecord, NtfsAttributeType.Data) is not { } content)
            return offset >> shift != _state.Geometry.MftMirrorCluster;
        foreach (ref readonly var run in content.Runs.Runs)
        {
            if (!run.IsHole && offset >> shift >= run.Lcn && offset >> shift < run.Lcn + run.Count)
                return false;
        }
        return true;
    }

    private long OffsetOf(long number)
    {
        var geometry = _state!.Geometry;
        var at = number * geometry.RecordSize;
        return _state.Mft.Content.Runs.Find(at >> geometry.ClusterShift) is { IsHole: false } run ? (run.Lcn << geometry.ClusterShift) + (at - (run.Vcn << geometry.ClusterShift)) : -1;
    }

    // As mkntfs leaves it: Windows starts a new one.
    private void EmptyLog()
    {
        if (Content(NtfsMft.LogFileRecord, NtfsAttributeType.Data) is not { } content)
            return;
        Do(Has("NTFS-0016") ? "NTFS-0016" : "NTFS-0017", "$LogFile", "given up: it is empty", () =>
        {
            var empty = new byte[1 << 20];
            empty.AsSpan().Fill(0xFF);
            for (var at = 0L; at < content.Length; at += empty.Length)
                Write(content, at, empty.AsSpan(0, (int)Math.Min(empty.Length, content.Length - at)));
        });
    }

    private void RepairClusterBitmap()
    {
        var mustSet = Has("NTFS-0211") || Has("NTFS-0214");
        var mayClear = Has("NTFS-0212") && IsOtherwiseSound;
        if ((!mustSet && !mayClear) || Content(NtfsMft.BitmapRecord, NtfsAttributeType.Data) is not { } content || content.Initialized < content.Length)
            return;
        var words = new ulong[NtfsClusterSet.PieceSize / 64];
        var used = new ulong[words.Length];
        var pieceBytes = words.Length * 8;
        long set = 0, cleared = 0;
        for (var piece = 0L; piece * pieceBytes < content.Length; piece++)
        {
            var bytes = MemoryMarshal.AsBytes(words.AsSpan())[..(int)Math.Min(pieceBytes, content.Length - piece * pieceBytes)];
            words.AsSpan().Clear();
            content.Read(piece * pieceBytes, bytes);
            used.AsSpan().Clear();
            _state!.Used.Piece(piece)?.Save(0, MemoryMarshal.AsBytes(used.AsSpan()));
            var before = words.ToArray();
            // Bits behind the last cluster are set; those of clusters behind a cut image's end stay.
            for (var bit = Math.Max(0, _state.Geometry.ClusterCount - piece * NtfsClusterSet.PieceSize); bit < NtfsClusterSet.PieceSize; bit++)
                used[bit >> 6] |= 1UL << (int)(bit & 63);
            for (var i = 0; i < words.Length; i++)
            {
                words[i] |= used[i];
                if (mayClear)
                    words[i] &= used[i] | Beyond(piece * NtfsClusterSet.PieceSize + 64L * i);
                set += System.Numerics.BitOperations.PopCount(words[i] & ~before[i]);
                cleared += System.Numerics.BitOperations.PopCount(before[i] & ~words[i]);
            }
            if (!_options.DryRun && !words.AsSpan().SequenceEqual(before))
                Write(content, piece * pieceBytes, bytes);
        }
        if (mustSet)
            _repairs.Add(new Repair(Has("NTFS-0211") ? "NTFS-0211" : "NTFS-0214", "$Bitmap", "bits set that must be"));
        if (mayClear)
            _repairs.Add(new Repair("NTFS-0212", "$Bitmap", $"{cleared} clusters set free"));
    }

    // Of a word of clusters, those behind the end of a device that was cut.
    private ulong Beyond(long first)
    {
        var there = Math.Clamp(_state!.PresentClusters - first, 0, 64);
        return there == 64 ? 0 : ulong.MaxValue << (int)there;
    }

    private void RepairRecordBitmap()
    {
        var mustSet = Has("NTFS-0136");
        var mayClear = Has("NTFS-0137") && IsOtherwiseSound;
        if ((!mustSet && !mayClear) || Content(NtfsMft.MftRecord, NtfsAttributeType.Bitmap) is not { } content || content.Initialized < content.Length)
            return;
        var changed = 0L;
        var one = new byte[1];
        for (var at = 0L; at < Math.Min(content.Length, (_state!.Facts.Count + 7) / 8); at++)
        {
            content.Read(at, one);
            var bits = one[0];
            for (var number = at * 8; number < Math.Min(at * 8 + 8, _state.Facts.Count); number++)
            {
                var flags = _state.Facts[number].Flags;
                if ((flags & NtfsFacts.InUse) != 0)
                    bits |= (byte)(1 << (int)(number & 7));
                else if (mayClear && number >= NtfsCheckerBitmaps.FirstGiven && (flags & NtfsFacts.Broken) == 0)
                    bits &= (byte)~(1 << (int)(number & 7));
            }
            if (bits == one[0])
                continue;
            changed++;
            one[0] = bits;
            if (!_options.DryRun)
                Write(content, at, one);
        }
        if (changed > 0)
            _repairs.Add(new Repair(mustSet ? "NTFS-0136" : "NTFS-0137", "$MFT:$BITMAP", mustSet ? "records in use marked so" : "free records set free"));
    }

    // What has its clusters for itself.
    private NtfsContent? Content(long number, NtfsAttributeType type)
    {
        if (_state!.Open(number) is not { } file || _state.Facts[number].Is(NtfsFacts.Shares) || _state.Facts[number].Is(NtfsFacts.Partial))
            return null;
        try
        {
            return file.Open(type) is { IsResident: false } content ? content : null;
        }
        catch (DiskFormatException)
        {
            // Told by the check.
            return null;
        }
    }

    private void Write(NtfsContent content, long offset, ReadOnlySpan<byte> data)
    {
        for (var done = 0; done < data.Length;)
        {
            var at = offset + done;
            if (content.Runs.Find(at >> content.ClusterShift) is not { IsHole: false } run)
                return;
            var within = at - (run.Vcn << content.ClusterShift);
            var part = data.Slice(done, (int)Math.Min(data.Length - done, (run.Count << content.ClusterShift) - within));
            var place = (run.Lcn << content.ClusterShift) + within;
            if (place + part.Length > _device.Length)
                return;
            _device.Write(place, part);
            done += part.Length;
        }
    }
}
