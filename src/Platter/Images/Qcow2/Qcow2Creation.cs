using System.Text;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Qcow2;

/// <summary>Writes the empty image: header, refcount table, the refcounts of these clusters, and an L1 table of zeros; in this order.</summary>
internal static class Qcow2Creation
{
    // The feature names take 400 bytes, which smaller clusters need for the name of the backing file.
    private const int RoomForNames = 4096;

    // Enough for a full disk of tens of terabytes with common clusters; beyond, the table moves when it has to grow.
    private const int LargestFirstTable = 64 << 10;

    /// <exception cref="UnsupportedFeatureException">Too large for the cluster size.</exception>
    internal static long RoundedSize(long size, Qcow2Settings settings)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        var largest = (UInt128)(Qcow2Geometry.LargestL1 / 8) * (ulong)TableSpan(settings);
        if ((ulong)size > largest)
            throw new UnsupportedFeatureException($"a qcow2 image with clusters of {settings.ClusterSize} bytes holds at most {largest} bytes, not {size}");
        return (size + 511) & ~511L;
    }

    /// <param name="host">Empty; it gets the length the image needs.</param>
    /// <param name="size">Bytes of the disk, rounded.</param>
    /// <param name="settings">What it shall be like.</param>
    internal static void Write(ResizableDevice host, long size, Qcow2Settings settings)
    {
        var cluster = settings.ClusterSize;
        var perBlock = cluster * 8L / settings.RefcountBits;
        var l1Entries = Math.Max(1, Qcow2Geometry.L1EntriesFor(size, TableSpan(settings)));
        var l1Clusters = (l1Entries * 8 + cluster - 1) / cluster;
        var tableClusters = TableClusters(size, perBlock, settings);
        var blocks = 1L;
        while (blocks * perBlock < 1 + tableClusters + blocks + l1Clusters)
            blocks++;
        while (tableClusters * cluster / 8 < blocks)
            tableClusters++;
        while (blocks * perBlock < 1 + tableClusters + blocks + l1Clusters)
            blocks++;
        var used = 1 + tableClusters + blocks + l1Clusters;
        host.SetLength(used * cluster);

        var block = new byte[cluster];
        for (var b = 0L; b < blocks; b++)
        {
            block.AsSpan().Clear();
            for (var i = 0; i < perBlock && b * perBlock + i < used; i++)
                Qcow2Refcounts.Encode(block, i, settings.RefcountBits, 1);
            host.WriteFresh((1 + tableClusters + b) * cluster, block);
        }
        var table = new byte[blocks * 8];
        for (var b = 0L; b < blocks; b++)
            OnDisk.Edit<U64Be>(table, (int)b * 8) = (ulong)((1 + tableClusters + b) * cluster);
        host.WriteFresh(cluster, table);
        host.WriteFresh(0, Header(size, settings, (uint)l1Entries, (1 + tableClusters + blocks) * cluster, (uint)tableClusters));
    }

    private static long TableSpan(Qcow2Settings settings) => 1L << (2 * settings.ClusterBits - (settings.ExtendedL2 ? 4 : 3));

    private static long TableClusters(long size, long perBlock, Qcow2Settings settings)
    {
        var clusters = size / settings.ClusterSize + 1;
        var entries = (clusters + clusters / 64) / perBlock + 1;
        return (Math.Min(entries * 8, Math.Max(LargestFirstTable, settings.ClusterSize)) + settings.ClusterSize - 1) / settings.ClusterSize;
    }

    private static byte[] Header(long size, Qcow2Settings settings, uint l1Entries, long l1Offset, uint tableClusters)
    {
        var bytes = new byte[settings.ClusterSize];
        ref var header = ref OnDisk.Edit<Qcow2Header>(bytes);
        header.Magic = Qcow2Header.MagicValue;
        header.Version = (uint)settings.Version;
        header.ClusterBits = (uint)settings.ClusterBits;
        header.Size = (ulong)size;
        header.L1Entries = l1Entries;
        header.L1Offset = (ulong)l1Offset;
        header.RefcountTableOffset = (ulong)settings.ClusterSize;
        header.RefcountTableClusters = tableClusters;
        var at = Qcow2Header.Version2Length;
        if (settings.Version >= 3)
        {
            header.Incompatible = (ulong)((settings.ExtendedL2 ? IncompatibleFeatures.ExtendedL2 : 0)
                | (settings.Compression != Qcow2Compression.Zlib ? IncompatibleFeatures.CompressionType : 0));
            header.Compatible = (ulong)(settings.LazyRefcounts ? CompatibleFeatures.LazyRefcounts : 0);
            header.RefcountOrder = (uint)System.Numerics.BitOperations.Log2((uint)settings.RefcountBits);
            header.HeaderLength = Qcow2Header.KnownLength;
            header.CompressionType = (byte)settings.Compression;
            at = Qcow2Header.KnownLength;
        }
        if (settings.BackingFormat is { } format)
            Extension(bytes, ref at, ExtensionHead.BackingFormat, Encoding.ASCII.GetBytes(format));
        if (settings.Version >= 3 && settings.ClusterSize >= RoomForNames)
            Extension(bytes, ref at, ExtensionHead.FeatureNames, FeatureNames());
        at += 8;        // the end: type 0, length 0
        if (settings.BackingName.Length == 0)
            return bytes;
        if (at + settings.BackingName.Length > bytes.Length)
            throw new ArgumentException($"the name of the backing file does not fit into a cluster of {bytes.Length} bytes");
        settings.BackingName.CopyTo(bytes, at);
        header.BackingNameOffset = (ulong)at;
        header.BackingNameLength = (uint)settings.BackingName.Length;
        return bytes;
    }

    private static void Extension(byte[] bytes, ref int at, uint type, byte[] data)
    {
        ref var head = ref OnDisk.Edit<ExtensionHead>(bytes, at);
        head.Type = type;
        head.Length = (uint)data.Length;
        data.CopyTo(bytes, at + 8);
        at += 8 + ((data.Length + 7) & ~7);
    }

    private static byte[] FeatureNames()
    {
        var names = new byte[Qcow2Extensions.KnownFeatures.Length * FeatureNameHead.Length];
        var at = 0;
        foreach (var (kind, bit, name) in Qcow2Extensions.KnownFeatures)
        {
            ref var head = ref OnDisk.Edit<FeatureNameHead>(names, at);
            (head.Kind, head.Bit) = (kind, bit);
            Encoding.ASCII.GetBytes(name, names.AsSpan(at + 2));
            at += FeatureNameHead.Length;
        }
        return names;
    }
}
