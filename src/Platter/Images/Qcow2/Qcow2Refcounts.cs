using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.Images.Qcow2;

/// <summary>How often each cluster of the file is referred to: the refcount table leads to blocks of refcounts, 1 to 64 bits each.</summary>
internal sealed class Qcow2Refcounts
{
    internal const int TableOffsetField = 0x30, TableClustersField = 0x38;      // in the header
    internal const ulong TableReservedBits = 0x1FF;

    private readonly Qcow2Geometry _geometry;
    private readonly Qcow2Tables _tables;

    internal Qcow2Refcounts(Qcow2Geometry geometry, Qcow2Tables tables)
    {
        _geometry = geometry;
        _tables = tables;
        Reload();
    }

    /// <summary>Where the table starts in the file.</summary>
    internal long TableOffset { get; private set; }

    internal int TableClusters { get; private set; }

    /// <summary>How many blocks the table has entries for.</summary>
    internal long TableEntries => ((long)TableClusters << _geometry.ClusterBits) / 8;

    /// <summary>The largest refcount there can be.</summary>
    internal ulong Maximum => _geometry.RefcountBits == 64 ? ulong.MaxValue : (1UL << _geometry.RefcountBits) - 1;

    private int PerPiece => (int)((long)_tables.PieceSize * 8 / _geometry.RefcountBits);

    /// <summary>Reads from the header where the table is.</summary>
    internal void Reload()
    {
        TableOffset = (long)_tables.Read(TableOffsetField);
        TableClusters = (int)(_tables.Read(TableClustersField) >> 32);
    }

    /// <summary>Enters another table into the header.</summary>
    internal void MoveTable(long offset, int clusters)
    {
        _tables.Write(TableOffsetField, (ulong)offset);
        _tables.Write(TableClustersField, (ulong)clusters << 32 | _tables.Read(TableClustersField) & uint.MaxValue);
        Reload();
    }

    /// <summary>Where a block lies in the file; 0 for none, which stands for refcounts of 0.</summary>
    /// <exception cref="DiskFormatException">The table's entry breaks a rule.</exception>
    internal long Block(long index)
    {
        if (index >= TableEntries)
            return 0;
        var entry = _tables.Read(TableOffset + index * 8);
        if (Problem(entry, _geometry.ClusterSize, _tables.HostLength) is { } broken)
            throw new DiskFormatException(broken.Code, "RefcountTable", TableOffset + index * 8, broken.Problem);
        return (long)(entry & ~TableReservedBits);
    }

    internal void SetBlock(long index, long offset) => _tables.Write(TableOffset + index * 8, (ulong)offset);

    internal ulong Get(long cluster)
    {
        var block = Block(cluster / _geometry.RefcountsPerBlock);
        if (block == 0)
            return 0;
        var index = (int)(cluster % _geometry.RefcountsPerBlock);
        return Decode(_tables.Get(block + (long)(index / PerPiece) * _tables.PieceSize), index % PerPiece, _geometry.RefcountBits);
    }

    /// <summary>The cluster's block must be there.</summary>
    internal void Set(long cluster, ulong value)
    {
        var block = Block(cluster / _geometry.RefcountsPerBlock);
        var index = (int)(cluster % _geometry.RefcountsPerBlock);
        Encode(_tables.GetToChange(block + (long)(index / PerPiece) * _tables.PieceSize), index % PerPiece, _geometry.RefcountBits, value);
    }

    /// <summary>Adds the free clusters to a set, of those from <paramref name="cluster"/> on that stand in one piece of a block.</summary>
    /// <returns>The first cluster behind that piece.</returns>
    internal long FindFree(long cluster, long limit, RangeSet free)
    {
        var perBlock = _geometry.RefcountsPerBlock;
        var block = Block(cluster / perBlock);
        // Without a block they are free as well, but would need one first: new clusters at the end are cheaper.
        if (block == 0)
            return Math.Min(limit, (cluster / perBlock + 1) * perBlock);
        var index = (int)(cluster % perBlock);
        var piece = _tables.Get(block + (long)(index / PerPiece) * _tables.PieceSize);
        var end = Math.Min(limit, cluster - index % PerPiece + PerPiece);
        for (var i = index % PerPiece; cluster < end; i++, cluster++)
        {
            if (Decode(piece, i, _geometry.RefcountBits) == 0)
                free.Add(cluster, 1);
        }
        return end;
    }

    /// <summary>What is wrong with an entry of the table.</summary>
    internal static Qcow2Rules.Breach? Problem(ulong entry, int clusterSize, long fileLength)
    {
        var offset = entry & ~TableReservedBits;
        if ((offset & (ulong)(clusterSize - 1)) != 0)
            return new("QCOW-0030", $"found a refcount block at 0x{offset:X}, expected a multiple of {clusterSize}");
        return offset >= (ulong)fileLength && offset != 0
            ? new("QCOW-0031", $"found a refcount block at 0x{offset:X}, but the file ends at 0x{fileLength:X}")
            : null;
    }

    /// <summary>A refcount of a block; those below 8 bits start at the low end of their byte.</summary>
    internal static ulong Decode(ReadOnlySpan<byte> block, int index, int bits) => bits switch
    {
        8 => block[index],
        16 => BinaryPrimitives.ReadUInt16BigEndian(block[(index * 2)..]),
        32 => BinaryPrimitives.ReadUInt32BigEndian(block[(index * 4)..]),
        64 => BinaryPrimitives.ReadUInt64BigEndian(block[(index * 8)..]),
        _ => (ulong)(block[index * bits / 8] >> (index * bits % 8)) & ((1UL << bits) - 1),
    };

    internal static void Encode(Span<byte> block, int index, int bits, ulong value)
    {
        switch (bits)
        {
            case 8:
                block[index] = (byte)value;
                break;
            case 16:
                BinaryPrimitives.WriteUInt16BigEndian(block[(index * 2)..], (ushort)value);
                break;
            case 32:
                BinaryPrimitives.WriteUInt32BigEndian(block[(index * 4)..], (uint)value);
                break;
            case 64:
                BinaryPrimitives.WriteUInt64BigEndian(block[(index * 8)..], value);
                break;
            default:
                var shift = index * bits % 8;
                ref var b = ref block[index * bits / 8];
                b = (byte)(b & ~(((1 << bits) - 1) << shift) | (int)value << shift);
                break;
        }
    }
}
