using Platter.Blocks;
using Platter.FileSystems;

namespace Platter.Fuzz.Targets;

/// <summary>Reads all that a volume shows, as a careful caller does: with a visited set and limits of its own.</summary>
internal static class VolumeReading
{
    private const int MostEntries = 300_000, MostDetailed = 3000;
    private const long MostBytes = 4 << 20;

    /// <param name="volume">The volume.</param>
    /// <param name="deviceLength">Bytes of its device.</param>
    /// <param name="dice">Which pieces are read.</param>
    /// <param name="kindsAgree">Whether kinds stand in one place alone, so that a listing cannot contradict the metadata.</param>
    /// <returns>How often something broken was met: a structure was refused, or a listed name was not found.</returns>
    public static int Everything(Volume volume, long deviceLength, Dice dice, bool kindsAgree = true)
    {
        var broken = 0;
        Count(() => _ = volume.Info);
        Count(() => _ = volume.FreeBytes);
        Count(() => Ranges(volume.AllocatedRanges(), deviceLength));
        var buffer = new byte[65536];
        var bytes = MostBytes;
        var entries = 0;
        var visited = new HashSet<NodeId> { volume.RootId };
        var left = new Stack<NodeId>([volume.RootId]);
        while (left.TryPop(out var directory) && entries < MostEntries)
        {
            Count(() =>
            {
                foreach (var entry in volume.Enumerate(directory))
                {
                    entries++;
                    if (entry.Kind == EntryKind.Directory && visited.Add(entry.Id))
                        left.Push(entry.Id);
                    if (entries < MostDetailed)
                        Count(() => broken += Entry(volume, directory, entry, buffer, ref bytes, dice, kindsAgree) ? 0 : 1);
                }
            });
        }
        Count(() => volume.TryFind("/no/such/../file", out _));
        return broken;

        void Count(Action call)
        {
            try
            {
                call();
            }
            catch (Exception e) when (FuzzTarget.IsLawful(e))
            {
                broken += e is DiskFormatException ? 1 : 0;
            }
        }
    }

    /// <summary>Calls the library; what the contracts allow is caught.</summary>
    public static bool Call(Action call)
    {
        try
        {
            call();
            return true;
        }
        catch (Exception e) when (FuzzTarget.IsLawful(e))
        {
            return false;
        }
    }

    // False when the name is not found where it was listed.
    private static bool Entry(Volume volume, NodeId directory, DirectoryEntry entry, byte[] buffer, ref long bytes, Dice dice, bool kindsAgree)
    {
        var metadata = volume.GetMetadata(entry.Id);
        Expect(!kindsAgree || metadata.Kind == entry.Kind, "the listing and the metadata agree on the kind");
        Expect(entry.Name.Length > 0 || metadata.ShortName is not null, "an entry has a name");
        var isFound = !dice.OneIn(8) || (volume.TryLookup(directory, entry.Name, out var found) && found == entry.Id);
        volume.GetExtendedAttributes(entry.Id);
        if (metadata.Kind != EntryKind.File)
            return isFound;
        using var stream = volume.OpenRead(entry.Id, StreamName.Data);
        Expect(stream.Length == metadata.Length, "the stream is as long as the metadata say");
        stream.ReadAt(stream.Length, buffer);
        if (stream.Length > 0)
            Call(() => stream.ReadAt(dice.NextLong(stream.Length), buffer));
        for (var at = 0L; at < stream.Length && bytes > 0;)
        {
            var count = stream.ReadAt(at, buffer);
            Expect(count > 0, "reading before the end gives bytes");
            at += count;
            bytes -= count;
        }
        foreach (var extent in stream.Extents().Take(1000))
            Expect(extent.Length > 0, "an extent is not empty");
        var end = 0L;
        foreach (var range in stream.DataRanges().Take(1000))
        {
            Expect(range.Offset >= end && range.Length > 0 && range.End <= stream.Length, "ranges of data are in order, within the stream");
            end = range.End;
        }
        return isFound;
    }

    private static void Ranges(IEnumerable<ByteRange> ranges, long deviceLength)
    {
        var last = -1L;
        foreach (var range in ranges)
        {
            Expect(range.Offset > last && range.Length > 0 && range.End <= deviceLength, $"allocated ranges are in order, not touching, within the device: {range} after {last} of {deviceLength}");
            last = range.End;
        }
    }

    private static void Expect(bool holds, string promise)
    {
        if (!holds)
            throw new BrokenPromiseException(promise);
    }
}
