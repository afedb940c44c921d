namespace Platter.Fuzz.Mutation;

/// <summary>An attribute of a sound volume: where it is, and what.</summary>
internal readonly record struct NtfsSpot(long Offset, int Length, uint Type, bool IsResident);

/// <summary>Where the structures of a sound NTFS volume lie: found by a reading of its own, so that a mistake of the library's isn't repeated here.</summary>
internal sealed class NtfsMap
{
    private const int MostRecords = 600;

    private readonly OverlayDevice _volume;

    public NtfsMap(OverlayDevice volume)
    {
        _volume = volume;
        var sector = (int)volume.Get(0x0B, 2);
        var perCluster = (int)volume.Get(0x0D, 1);
        ClusterSize = sector * (perCluster <= 128 ? perCluster : 1 << 256 - perCluster);
        RecordSize = Size((sbyte)volume.Get(0x40, 1));
        var table = new List<(long Offset, long Length)>();
        var record0 = (long)volume.Get(0x30, 8) * ClusterSize;
        foreach (var spot in Attributes(record0))
        {
            if (spot.Type == 0x80 && !spot.IsResident)
                table = Runs(spot);
        }
        foreach (var (offset, length) in table)
        {
            for (var at = 0L; at + RecordSize <= length && Records.Count < MostRecords; at += RecordSize)
                Collect(offset + at);
        }
    }

    public int ClusterSize { get; }
    public int RecordSize { get; }

    /// <summary>Records in use.</summary>
    public List<long> Records { get; } = [];

    public List<NtfsSpot> Spots { get; } = [];

    /// <summary>Index blocks.</summary>
    public List<long> Blocks { get; } = [];

    /// <summary>Clusters of content.</summary>
    public List<long> Clusters { get; } = [];

    /// <summary>Where a resident value starts.</summary>
    public long ValueOf(NtfsSpot spot) => spot.Offset + (long)_volume.Get(spot.Offset + 0x14, 2);

    /// <summary>Where a run list starts.</summary>
    public long RunsOf(NtfsSpot spot) => spot.Offset + (long)_volume.Get(spot.Offset + 0x20, 2);

    private int Size(sbyte field) => field >= 0 ? field * ClusterSize : 1 << -field;

    private void Collect(long record)
    {
        if (_volume.Get(record, 4) != 0x454C4946 || (_volume.Get(record + 0x16, 2) & 1) == 0)
            return;
        Records.Add(record);
        foreach (var spot in Attributes(record))
        {
            Spots.Add(spot);
            if (spot.IsResident)
                continue;
            foreach (var (offset, length) in Runs(spot))
            {
                for (var at = 0L; spot.Type == 0xA0 && at < length && Blocks.Count < 300; at += 4096)
                    Blocks.Add(offset + at);
                if (Clusters.Count < 3000)
                    Clusters.Add(offset);
            }
        }
    }

    private List<NtfsSpot> Attributes(long record)
    {
        var spots = new List<NtfsSpot>();
        var end = record + RecordSize;
        for (var at = record + (long)_volume.Get(record + 0x14, 2); at + 16 <= end && _volume.Get(at, 4) is var type and not 0xFFFFFFFF;)
        {
            var length = (int)_volume.Get(at + 4, 4);
            if (length < 24 || at + length > end)
                break;
            spots.Add(new NtfsSpot(at, length, (uint)type, _volume.Get(at + 8, 1) == 0));
            at += length;
        }
        return spots;
    }

    /// <summary>The places of the runs in bytes, holes left out; the update sequence is taken for what it covers, which is good enough here.</summary>
    public List<(long Offset, long Length)> Runs(NtfsSpot spot)
    {
        var runs = new List<(long, long)>();
        var lcn = 0L;
        for (var at = RunsOf(spot); at < spot.Offset + spot.Length && _volume.Get(at, 1) is var head and not 0 && runs.Count < 1000;)
        {
            int countBytes = (int)head & 15, offsetBytes = (int)head >> 4;
            var count = (long)_volume.Get(at + 1, Math.Min(countBytes, 8));
            if (offsetBytes > 0)
            {
                var delta = (long)_volume.Get(at + 1 + countBytes, Math.Min(offsetBytes, 8));
                lcn += delta << 64 - 8 * offsetBytes >> 64 - 8 * offsetBytes;
                runs.Add((lcn * ClusterSize, count * ClusterSize));
            }
            at += 1 + countBytes + offsetBytes;
        }
        return runs;
    }
}
