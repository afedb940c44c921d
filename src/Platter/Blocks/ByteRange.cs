namespace Platter.Blocks;

/// <summary>A run of bytes; <paramref name="Offset"/> and <paramref name="Length"/> are never negative.</summary>
public readonly record struct ByteRange(long Offset, long Length)
{
    /// <summary>The first byte behind the range.</summary>
    public long End => Offset + Length;
}
