using System.Buffers.Binary;

namespace Platter.Images.Qcow2;

/// <summary>Where the clusters of a disk lie: the L1 table, whose entries lead to L2 tables, whose entries lead to clusters. One for the
/// disk as it is, one for each snapshot that is looked at.</summary>
internal sealed class Qcow2Map
{
    private readonly Qcow2Geometry _geometry;
    private readonly Qcow2Tables _tables;
    private readonly Func<long> _dataLength;
    private readonly long _l1Offset;
    private readonly int _l1Entries;

    /// <param name="geometry">The image's.</param>
    /// <param name="tables">The image's.</param>
    /// <param name="dataLength">Bytes of the file that data lies in.</param>
    /// <param name="l1Offset">Where the L1 table starts.</param>
    /// <param name="l1Entries">How many entries it has; they lie within the file.</param>
    internal Qcow2Map(Qcow2Geometry geometry, Qcow2Tables tables, Func<long> dataLength, long l1Offset, int l1Entries)
    {
        (_geometry, _tables, _dataLength, _l1Offset, _l1Entries) = (geometry, tables, dataLength, l1Offset, l1Entries);
    }

    /// <summary>The run of equal kind that starts at <paramref name="offset"/> of the disk, up to <paramref name="limit"/> bytes; data lies in one piece.</summary>
    /// <exception cref="DiskFormatException">An entry breaks a rule.</exception>
    internal Extent Find(long offset, long limit)
    {
        lock (_tables.Lock)
        {
            var found = Piece(offset, limit);
            while (found.Length < limit && found.Kind != ClusterKind.Compressed)
            {
                var next = Piece(offset + found.Length, limit - found.Length);
                if (next.Kind != found.Kind || next.IsCopied != found.IsCopied || (found.Kind == ClusterKind.Data && next.Offset != found.Offset + found.Length))
                    break;
                found = found with { Length = found.Length + next.Length };
            }
            return found;
        }
    }

    /// <summary>Where the L1 entry for a place of the disk stands in the file.</summary>
    internal long L1EntryOffset(long offset) => _l1Offset + (offset >> (_geometry.TableBits + _geometry.ClusterBits)) * 8;

    /// <summary>The L1 entry for a place of the disk.</summary>
    internal ulong L1Entry(long offset) =>
        offset >> (_geometry.TableBits + _geometry.ClusterBits) is var index && index < _l1Entries ? _tables.Read(_l1Offset + index * 8) : 0;

    /// <summary>The file offset of the L2 table that an L1 entry leads to; 0 for none.</summary>
    internal long L2Table(long offset) => L2Table(offset, L1Entry(offset));

    private long L2Table(long offset, ulong entry)
    {
        var table = (long)(entry & L2Entry.OffsetMask);
        if (Qcow2Rules.L1Problem(entry, _geometry.ClusterSize, _tables.HostLength) is { } broken)
            throw new DiskFormatException(broken.Code, "L1Entry", L1EntryOffset(offset), broken.Problem);
        return table;
    }

    /// <summary>Where the L2 entry for a place of the disk stands in a table.</summary>
    internal long L2EntryOffset(long table, long offset) =>
        table + ((offset >> _geometry.ClusterBits) & ((1L << _geometry.TableBits) - 1)) * _geometry.EntrySize;

    /// <summary>The entry at this place of the file.</summary>
    internal L2Entry ReadEntry(long entryOffset)
    {
        var at = _tables.Get(entryOffset).AsSpan((int)(entryOffset & (_tables.PieceSize - 1)));
        return new L2Entry(BinaryPrimitives.ReadUInt64BigEndian(at), _geometry.HasExtendedL2 ? BinaryPrimitives.ReadUInt64BigEndian(at[8..]) : 0);
    }

    /// <summary>Changes the entry at this place of the file.</summary>
    internal void WriteEntry(long entryOffset, L2Entry entry)
    {
        var at = _tables.GetToChange(entryOffset).AsSpan((int)(entryOffset & (_tables.PieceSize - 1)));
        BinaryPrimitives.WriteUInt64BigEndian(at, entry.Descriptor);
        if (_geometry.HasExtendedL2)
            BinaryPrimitives.WriteUInt64BigEndian(at[8..], entry.Subclusters);
    }

    // A run within one piece of an L2 table, or a hole of the L1 table.
    private Extent Piece(long offset, long limit)
    {
        var l1 = L1Entry(offset);
        var table = L2Table(offset, l1);
        if (table == 0)
        {
            var span = _geometry.TableSpan;
            return new Extent(ClusterKind.Unallocated, Math.Min(limit, span - offset % span), 0, default, false);
        }
        var copied = (l1 & L2Entry.CopiedFlag) != 0;
        var entryOffset = L2EntryOffset(table, offset);
        var first = ReadEntry(entryOffset);
        Check(first, entryOffset);
        var inCluster = (int)(offset & (_geometry.ClusterSize - 1));
        if (first.IsCompressed)
            return new Extent(ClusterKind.Compressed, Math.Min(limit, _geometry.ClusterSize - inCluster), 0, first, false);
        copied &= first.IsCopied;
        if (_geometry.HasExtendedL2)
            return Subclusters(first, inCluster, limit, copied);

        var kind = Kind(first);
        var (length, entrySize) = ((long)_geometry.ClusterSize - inCluster, _geometry.EntrySize);
        if (length >= limit)
            return new Extent(kind, limit, kind == ClusterKind.Data ? first.Offset + inCluster : 0, first, copied);
        var piece = _tables.Get(entryOffset);
        for (var at = (int)(entryOffset & (_tables.PieceSize - 1)) + entrySize; at < piece.Length && length < limit; at += entrySize)
        {
            var next = new L2Entry(BinaryPrimitives.ReadUInt64BigEndian(piece.AsSpan(at)), 0);
            if (kind == ClusterKind.Data ? !Follows(first, next, length + inCluster) : next.Descriptor != first.Descriptor)
                break;
            length += _geometry.ClusterSize;
        }
        return new Extent(kind, Math.Min(limit, length), kind == ClusterKind.Data ? first.Offset + inCluster : 0, first, copied);
    }

    private Extent Subclusters(L2Entry entry, int inCluster, long limit, bool copied)
    {
        var unit = _geometry.UnitSize;
        var first = inCluster / unit;
        var (kind, count) = entry.SubclusterRun(first);
        var length = Math.Min(limit, (long)(first + count) * unit - inCluster);
        return new Extent(kind, length, kind == ClusterKind.Data ? entry.Offset + inCluster : 0, entry, copied);
    }

    private ClusterKind Kind(L2Entry entry) =>
        entry.HasZeroFlag ? ClusterKind.Zero
        : entry.Offset != 0 || (_geometry.HasDataFile && entry.IsCopied) ? ClusterKind.Data
        : ClusterKind.Unallocated;

    private void Check(L2Entry entry, long entryOffset)
    {
        if (Qcow2Rules.L2Problem(entry, _geometry, _dataLength()) is { } broken)
            throw new DiskFormatException(broken.Code, "L2Entry", entryOffset, broken.Problem);
    }

    // Neighbours in the file, too; what lies behind the file's end is left for the next look, which refuses it.
    private bool Follows(L2Entry first, L2Entry next, long distance) =>
        next.Descriptor == first.Descriptor + (ulong)distance && next.Offset < _dataLength();
}
