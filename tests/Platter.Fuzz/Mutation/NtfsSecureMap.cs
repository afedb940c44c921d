namespace Platter.Fuzz.Mutation;

/// <summary>Where the descriptors of $Secure lie on a sound volume, and the nodes of its two indexes; found by a reading of its own.</summary>
internal sealed class NtfsSecureMap
{
    private const int Number = 9, HeadSize = 20, CopyDistance = 256 << 10, MostDescriptors = 200;

    private readonly OverlayDevice _volume;

    public NtfsSecureMap(OverlayDevice volume, NtfsMap map)
    {
        _volume = volume;
        var record = map.Records.Find(r => volume.Get(r + 0x2C, 4) == Number);
        foreach (var spot in map.Spots)
        {
            if (record == 0 || spot.Offset < record || spot.Offset >= record + map.RecordSize)
                continue;
            if (spot is { Type: 0x90, IsResident: true })
                Nodes.Add(map.ValueOf(spot) + 0x10);
            if (spot is { Type: 0xA0, IsResident: false })
                Nodes.AddRange(map.Runs(spot).Select(r => r.Offset + 0x18));
            if (spot is { Type: 0x80, IsResident: false })
                FindDescriptors(map.Runs(spot));
        }
    }

    /// <summary>Each entry of $SDS in the first block: where it is, where its copy is, bytes with the head.</summary>
    public List<(long Offset, long Copy, int Length)> Descriptors { get; } = [];

    /// <summary>The heads of nodes: a root's, or that of the first block of each run.</summary>
    public List<long> Nodes { get; } = [];

    private void FindDescriptors(List<(long Offset, long Length)> runs)
    {
        for (var at = 0L; at < CopyDistance && Descriptors.Count < MostDescriptors;)
        {
            var (place, copy) = (Place(runs, at), Place(runs, at + CopyDistance));
            var length = place < 0 ? 0 : (int)_volume.Get(place + 0x10, 4);
            if (length is < HeadSize or > CopyDistance || copy < 0)
                return;
            Descriptors.Add((place, copy, length));
            at += length + 15 & ~15;
        }
    }

    private static long Place(List<(long Offset, long Length)> runs, long at)
    {
        foreach (var (offset, length) in runs)
        {
            if (at < length)
                return offset + at;
            at -= length;
        }
        return -1;
    }
}
