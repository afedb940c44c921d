using Platter.Primitives.Codecs;

namespace Platter.FileSystems.Ntfs;

/// <summary>Compresses units of content with LZNT1, as NTFS stores them.</summary>
/// <remarks>
/// "NTFS Documentation" of the Linux-NTFS project, "Compressed Files". A unit whose bytes are all zero takes no cluster; one that compression makes no
/// cluster shorter takes all of them as it is; another one takes as many as it needs, and the rest is a hole.
/// </remarks>
/// <param name="unitSize">Bytes of a unit: 16 clusters.</param>
/// <param name="clusterSize">Bytes of a cluster; Windows compresses with clusters of up to 4 KiB.</param>
internal sealed class NtfsCompressionUnit(int unitSize, int clusterSize)
{
    /// <summary>Logarithm of the clusters in a unit.</summary>
    public const int Shift = 4;

    /// <summary>The largest cluster with which Windows reads compressed files.</summary>
    public const int MaxClusterSize = 4096;

    private readonly byte[] _packed = new byte[Math.Max(unitSize, Lznt1.ChunkSize) + 2 * Math.Max(1, unitSize / Lznt1.ChunkSize)];
    private readonly byte[] _padded = new byte[Math.Max(unitSize, Lznt1.ChunkSize)];

    /// <summary>Compresses a unit.</summary>
    /// <param name="content">Its bytes; fewer than a unit at the end of the content.</param>
    /// <param name="stored">What is to be put into its first clusters, whole clusters; valid until the next call. Empty: a hole.</param>
    /// <returns>True: compressed, the rest of the unit is a hole. False: <paramref name="stored"/> is all of the unit, plain, or nothing.</returns>
    public bool Pack(ReadOnlySpan<byte> content, out ReadOnlySpan<byte> stored)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(content.Length, unitSize, nameof(content));
        stored = default;
        if (!content.ContainsAnyExcept((byte)0))
            return false;
        // Whole chunks: other drivers take the length of a stored chunk for granted.
        content.CopyTo(_padded);
        var end = content.Length + Lznt1.ChunkSize - 1 & -Lznt1.ChunkSize;
        _padded.AsSpan(content.Length).Clear();
        var length = Lznt1.Compress(_padded.AsSpan(0, Math.Min(end, _padded.Length)), _packed);
        var clusters = length + clusterSize - 1 & -clusterSize;
        if (clusters >= unitSize)
        {
            stored = _padded.AsSpan(0, unitSize);
            return false;
        }
        // Zeros behind the last chunk end it.
        _packed.AsSpan(length, clusters - length).Clear();
        stored = _packed.AsSpan(0, clusters);
        return true;
    }
}
