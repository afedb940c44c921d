namespace Platter.Blocks;

/// <summary>A run of bytes; <paramref name="Offset"/> and <paramref name="Length"/> are never negative.</summary>
public readonly record struct ByteRange(long Offset, long Length)
{
    /// <summary>The first byte behind the range.</summary>
    public long End => Offset + Length;
}

/// <summary>Ranges one after another.</summary>
internal static class ByteRanges
{
    /// <summary>Ranges in ascending order, those that touch or overlap made one; empty ones are left out.</summary>
    public static IEnumerable<ByteRange> Joined(this IEnumerable<ByteRange> ranges)
    {
        var last = default(ByteRange);
        foreach (var range in ranges)
        {
            if (last.Length > 0 && range.Offset <= last.End)
            {
                last = last with { Length = Math.Max(last.End, range.End) - last.Offset };
            }
            else if (range.Length > 0)
            {
                if (last.Length > 0)
                    yield return last;
                last = range;
            }
        }
        if (last.Length > 0)
            yield return last;
    }
}
