using System.Numerics;
using System.Text;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Qcow2;

/// <summary>The header with its extensions, read and found sound: where everything lies, and what the image uses.</summary>
/// <remarks>The limits are those of QEMU, which makes nearly all of these images: what it would not open, nobody has.</remarks>
internal sealed class Qcow2Geometry
{
    internal const int SmallestClusterBits = 9, LargestClusterBits = 21;
    internal const long LargestL1 = 32 << 20, LargestRefcountTable = 8 << 20, LargestSnapshotTable = 64 << 20;     // bytes
    internal const int MostSnapshots = 65536, LongestBackingName = 1023, SmallestSubcluster = 512, Subclusters = 32;

    internal required Qcow2Header Header { get; init; }
    internal required Qcow2Extensions Extensions { get; init; }

    internal int Version => (int)(uint)Header.Version;
    internal int ClusterBits => (int)(uint)Header.ClusterBits;
    internal int ClusterSize => 1 << ClusterBits;
    internal long Size => (long)(ulong)Header.Size;
    internal long L1Offset => (long)(ulong)Header.L1Offset;
    internal int L1Entries => (int)(uint)Header.L1Entries;
    internal IncompatibleFeatures Incompatible => Version < 3 ? 0 : (IncompatibleFeatures)(ulong)Header.Incompatible;
    internal CompatibleFeatures Compatible => Version < 3 ? 0 : (CompatibleFeatures)(ulong)Header.Compatible;
    internal AutoclearFeatures Autoclear => Version < 3 ? 0 : (AutoclearFeatures)(ulong)Header.Autoclear;
    internal int RefcountBits => Version < 3 ? 16 : 1 << (int)(uint)Header.RefcountOrder;
    internal bool HasExtendedL2 => (Incompatible & IncompatibleFeatures.ExtendedL2) != 0;
    internal bool HasDataFile => (Incompatible & IncompatibleFeatures.ExternalData) != 0;
    internal Qcow2Compression Compression => HasCompressionType ? (Qcow2Compression)Header.CompressionType : Qcow2Compression.Zlib;
    internal string? BackingName { get; private set; }

    /// <summary>Bytes of an L2 entry.</summary>
    internal int EntrySize => HasExtendedL2 ? 16 : 8;

    /// <summary>Log2 of the entries in an L2 table, which is one cluster.</summary>
    internal int TableBits => ClusterBits - (HasExtendedL2 ? 4 : 3);

    /// <summary>Bytes of the disk that an L2 table stands for.</summary>
    internal long TableSpan => 1L << (TableBits + ClusterBits);

    /// <summary>Bytes that are allocated as one: a cluster, or a subcluster.</summary>
    internal int UnitSize => HasExtendedL2 ? ClusterSize / Subclusters : ClusterSize;

    /// <summary>Clusters whose refcounts one refcount block holds.</summary>
    internal int RefcountsPerBlock => (int)((long)ClusterSize * 8 / RefcountBits);

    /// <summary>Where the header proper ends and extensions begin.</summary>
    internal int HeaderLength => Version < 3 ? Qcow2Header.Version2Length : (int)(uint)Header.HeaderLength;

    private bool HasCompressionType => Version >= 3 && Header.HeaderLength > Qcow2Header.Version3Length;

    /// <summary>L1 entries that a disk of this size needs.</summary>
    internal static long L1EntriesFor(long size, long tableSpan) => size / tableSpan + (size % tableSpan != 0 ? 1 : 0);

    /// <exception cref="DiskFormatException">The header breaks a rule.</exception>
    /// <exception cref="UnsupportedFeatureException">The image is encrypted, of another version, or uses an unknown feature that may not be ignored.</exception>
    internal static Qcow2Geometry Read(BlockDevice host)
    {
        var bytes = new byte[Qcow2Header.KnownLength];
        var there = (int)Math.Min(bytes.Length, host.Length);
        host.Read(0, bytes.AsSpan(0, there));
        var header = OnDisk.View<Qcow2Header>(bytes);
        if (there < Qcow2Header.Version2Length)
            throw Broken("QCOW-0001", "length", 0, $"found a file of {there} bytes, expected a header of {Qcow2Header.Version2Length} at least");
        if (header.Version is var version && version < 2 || version > 3)
            throw new UnsupportedFeatureException($"qcow version {(uint)version}; there are 2 and 3 that Platter opens");
        if (version == 3 && there < Qcow2Header.Version3Length)
            throw Broken("QCOW-0001", "length", 0, $"found a file of {there} bytes, expected a header of {Qcow2Header.Version3Length} at least");
        if (header.ClusterBits is var bits && bits < SmallestClusterBits || bits > LargestClusterBits)
            throw Broken("QCOW-0002", "clusterBits", 0x14, $"found {(uint)bits}, expected {SmallestClusterBits}..{LargestClusterBits}");
        CheckHeaderLength(header, there);
        var geometry = new Qcow2Geometry { Header = header, Extensions = Qcow2Extensions.Read(host, header) };
        geometry.CheckFeatures();
        geometry.CheckTables(host.Length);
        geometry.BackingName = geometry.ReadBackingName(host);
        return geometry;
    }

    private static void CheckHeaderLength(in Qcow2Header header, int there)
    {
        if (header.Version < 3)
            return;
        uint length = header.HeaderLength;
        if (length < Qcow2Header.Version3Length || length % 8 != 0 || length > 1u << (int)(uint)header.ClusterBits)
            throw Broken("QCOW-0008", "headerLength", 0x64, $"found {length}, expected a multiple of 8 from {Qcow2Header.Version3Length} to the size of a cluster");
        if (length > Qcow2Header.Version3Length && there < Qcow2Header.KnownLength)
            throw Broken("QCOW-0001", "length", 0, $"found a file of {there} bytes, expected a header of {length}");
        if (header.RefcountOrder > 6)
            throw Broken("QCOW-0007", "refcountOrder", 0x60, $"found {(uint)header.RefcountOrder}, expected 0..6");
    }

    private void CheckFeatures()
    {
        var unknown = Incompatible & ~IncompatibleFeatures.Known;
        if (unknown != 0)
            throw new UnsupportedFeatureException($"the qcow2 image uses features that Platter does not know: {Extensions.NamesOf(0, (ulong)unknown)}");
        switch ((EncryptionMethod)(uint)Header.Encryption)
        {
            case EncryptionMethod.None:
                break;
            case EncryptionMethod.Aes:
                throw new UnsupportedFeatureException("the qcow2 image is encrypted (AES, the old kind of qcow2)");
            case EncryptionMethod.Luks:
                throw new UnsupportedFeatureException("the qcow2 image is encrypted (LUKS)");
            default:
                throw new UnsupportedFeatureException($"the qcow2 image is encrypted by the unknown method {(uint)Header.Encryption}");
        }
        var type = HasCompressionType ? Header.CompressionType : (byte)0;
        if (type > (byte)Qcow2Compression.Zstd)
            throw new UnsupportedFeatureException($"compression type {type} of the qcow2 image; there are 0 (zlib) and 1 (zstd)");
        if ((Incompatible & IncompatibleFeatures.CompressionType) != 0 != (type != 0))
            throw Broken("QCOW-0012", "compressionType", 0x68, $"found {type}, which goes against the feature bit: it is set when the type is not 0");
        if (HasExtendedL2 && UnitSize < SmallestSubcluster)
            throw Broken("QCOW-0013", "clusterBits", 0x14, $"found {ClusterBits}, expected 14 or more with extended L2 entries");
    }

    private void CheckTables(long fileLength)
    {
        ulong size = Header.Size;
        if (size > long.MaxValue || L1EntriesFor((long)size, TableSpan) * 8 > LargestL1)
            throw Broken("QCOW-0003", "size", 0x18, $"found {size} bytes, expected at most {LargestL1 / 8 * (UInt128)TableSpan} with clusters of {ClusterSize}");
        uint entries = Header.L1Entries;
        if (entries * 8L > LargestL1 || entries < L1EntriesFor((long)size, TableSpan))
            throw Broken("QCOW-0004", "l1Entries", 0x24, $"found {entries}, expected {L1EntriesFor((long)size, TableSpan)} for the size of the disk, and at most {LargestL1 / 8}");
        if (entries > 0)
            CheckTable("QCOW-0005", "l1Offset", 0x28, Header.L1Offset, entries * 8L, fileLength);
        var refcounts = (long)(uint)Header.RefcountTableClusters << ClusterBits;
        if (refcounts == 0 || refcounts > Math.Max(LargestRefcountTable, ClusterSize))
            throw Broken("QCOW-0006", "refcountTableClusters", 0x38, $"found {(uint)Header.RefcountTableClusters}, expected 1..{Math.Max(1, LargestRefcountTable >> ClusterBits)}");
        CheckTable("QCOW-0006", "refcountTableOffset", 0x30, Header.RefcountTableOffset, 1, fileLength);
        if (Header.SnapshotCount > MostSnapshots)
            throw Broken("QCOW-0010", "snapshotCount", 0x3C, $"found {(uint)Header.SnapshotCount}, expected at most {MostSnapshots}");
        if (Header.SnapshotCount > 0)
            CheckTable("QCOW-0010", "snapshotsOffset", 0x40, Header.SnapshotsOffset, 1, fileLength);
    }

    private void CheckTable(string code, string field, int at, ulong offset, long length, long fileLength)
    {
        if ((offset & (ulong)(ClusterSize - 1)) != 0 || offset == 0)
            throw Broken(code, field, at, $"found 0x{offset:X}, expected a multiple of {ClusterSize} that is not 0");
        if (offset > (ulong)fileLength || length > fileLength - (long)offset)
            throw Broken(code, field, at, $"found 0x{offset:X} and {length} bytes, but the file ends at 0x{fileLength:X}");
    }

    private string? ReadBackingName(BlockDevice host)
    {
        ulong offset = Header.BackingNameOffset;
        uint length = Header.BackingNameLength;
        if (offset == 0)
            return null;
        if (length > LongestBackingName || offset > (ulong)ClusterSize || length > (ulong)ClusterSize - offset || (long)offset + length > host.Length)
            throw Broken("QCOW-0009", "backingNameOffset", 0x08, $"found {length} bytes at 0x{offset:X}, expected at most {LongestBackingName} within the first cluster");
        var bytes = new byte[length];
        host.Read((long)offset, bytes);
        return length == 0 ? null : Encoding.UTF8.GetString(bytes);
    }

    private static DiskFormatException Broken(string code, string field, int offset, string problem) => new(code, "Qcow2Header." + field, offset, problem);
}
