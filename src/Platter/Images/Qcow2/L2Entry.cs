using System.Numerics;

namespace Platter.Images.Qcow2;

/// <summary>What a part of the disk reads as.</summary>
internal enum ClusterKind
{
    /// <summary>What the backing file has there; zeros without one.</summary>
    Unallocated,

    /// <summary>Zeros, whatever the backing file has.</summary>
    Zero,

    /// <summary>Bytes in this image.</summary>
    Data,

    /// <summary>Compressed bytes in this image; always a whole cluster.</summary>
    Compressed,
}

/// <summary>One entry of an L2 table: where a cluster of the disk lies, and what of it is there.</summary>
/// <remarks>
/// <code>
/// bit 63      copied: the cluster is referred to once, here; may be written in place
/// bit 62      compressed
/// standard:   bits 9..55 offset in the file (0: none), bit 0 zeros (version 3, no subclusters)
/// compressed: offset in the low 70 - clusterBits bits, above it the number of 512-byte sectors behind the one the offset is in
/// subclusters (extended entries, second half): bit n allocated, bit 32 + n zeros
/// </code>
/// </remarks>
internal readonly record struct L2Entry(ulong Descriptor, ulong Subclusters)
{
    internal const ulong CopiedFlag = 1UL << 63, CompressedFlag = 1UL << 62, ZeroFlag = 1, OffsetMask = 0x00FF_FFFF_FFFF_FE00;
    internal const ulong ReservedBits = 0x3F00_0000_0000_01FE;     // of a standard entry
    internal const ulong AllZero = 0xFFFF_FFFF_0000_0000, AllAllocated = 0x0000_0000_FFFF_FFFF;

    internal bool IsCopied => (Descriptor & CopiedFlag) != 0;

    internal bool IsCompressed => (Descriptor & CompressedFlag) != 0;

    /// <summary>Where the cluster lies in the file, for a standard entry; 0 for nowhere.</summary>
    internal long Offset => (long)(Descriptor & OffsetMask);

    internal bool HasZeroFlag => (Descriptor & ZeroFlag) != 0;

    internal static L2Entry Standard(long offset, ulong subclusters) => new((ulong)offset | CopiedFlag, subclusters);

    internal static L2Entry Compressed(long offset, int length, int clusterBits)
    {
        var sectors = (ulong)((offset + length - 1) / 512 - offset / 512);
        return new((ulong)offset | sectors << (70 - clusterBits) | CompressedFlag, 0);
    }

    /// <summary>Where the compressed bytes may lie: from the first to the end of the last sector.</summary>
    internal (long Offset, int Length) CompressedRange(int clusterBits)
    {
        var bits = 70 - clusterBits;
        var offset = (long)(Descriptor & ((1UL << bits) - 1));
        var sectors = (int)((Descriptor & ~(CopiedFlag | CompressedFlag)) >> bits) + 1;
        return (offset, (int)(sectors * 512L - (offset & 511)));
    }

    /// <summary>What the subclusters from <paramref name="first"/> on are, and how many of them the same.</summary>
    internal (ClusterKind Kind, int Count) SubclusterRun(int first)
    {
        var (allocated, zero) = ((uint)Subclusters >> first, (uint)(Subclusters >> 32) >> first);
        var left = 32 - first;
        if ((allocated & 1) != 0)
            return (ClusterKind.Data, Math.Min(left, BitOperations.TrailingZeroCount(~allocated)));
        return (zero & 1) != 0
            ? (ClusterKind.Zero, Math.Min(left, BitOperations.TrailingZeroCount(~zero)))
            : (ClusterKind.Unallocated, Math.Min(left, BitOperations.TrailingZeroCount(allocated | zero)));
    }

    /// <summary>The bits of subclusters <paramref name="first"/> to <paramref name="last"/>, as in the lower half.</summary>
    internal static ulong SubclusterMask(int first, int last) => (AllAllocated >> (31 - last + first)) << first & AllAllocated;
}

/// <summary>A run of the disk that lies, or doesn't, in one piece.</summary>
/// <param name="Kind">What it reads as.</param>
/// <param name="Length">Bytes of the disk.</param>
/// <param name="Offset">Where its first byte lies in the file, for <see cref="ClusterKind.Data"/>.</param>
/// <param name="Entry">The L2 entry of its first cluster.</param>
/// <param name="IsCopied">Whether each of its clusters, and of their tables, is said to be referred to once.</param>
internal readonly record struct Extent(ClusterKind Kind, long Length, long Offset, L2Entry Entry, bool IsCopied);
