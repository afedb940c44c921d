using Platter.Primitives;

namespace Platter.Images.Conversion;

/// <summary>What a chunk's bytes are compared for.</summary>
internal static class ByteBuffers
{
    internal static bool IsZero(ReadOnlySpan<byte> bytes) => bytes.IndexOfAnyExcept((byte)0) < 0;

    /// <summary>Adds the runs of granules that aren't zeros.</summary>
    /// <param name="bytes">The chunk.</param>
    /// <param name="granule">Bytes that are judged together.</param>
    /// <param name="runs">Receives ranges relative to the chunk.</param>
    internal static void FindData(ReadOnlySpan<byte> bytes, int granule, List<LongRange> runs)
    {
        for (var at = 0; at < bytes.Length; at += granule)
        {
            var part = bytes[at..Math.Min(bytes.Length, at + granule)];
            if (!IsZero(part))
                Add(runs, at, part.Length);
        }
    }

    /// <summary>Adds the runs of granules in which two chunks differ.</summary>
    internal static void FindDifferences(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> other, int granule, List<LongRange> runs)
    {
        for (var at = 0; at < bytes.Length; at += granule)
        {
            var length = Math.Min(granule, bytes.Length - at);
            if (!bytes.Slice(at, length).SequenceEqual(other.Slice(at, length)))
                Add(runs, at, length);
        }
    }

    private static void Add(List<LongRange> runs, int at, int length)
    {
        if (runs.Count > 0 && runs[^1].End == at)
            runs[^1] = new LongRange(runs[^1].Start, runs[^1].Length + length);
        else
            runs.Add(new LongRange(at, length));
    }
}
