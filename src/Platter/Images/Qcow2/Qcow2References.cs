using System.Buffers.Binary;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Qcow2;

/// <summary>What refers to a cluster of the file.</summary>
[Flags]
internal enum ClusterUse : byte { None = 0, Data = 1, Metadata = 2, Overlap = 4 }

/// <summary>What is known of a cluster of the file.</summary>
/// <param name="Cluster">Its number.</param>
/// <param name="Stored">Its refcount.</param>
/// <param name="Count">How often it is referred to.</param>
/// <param name="Use">By what.</param>
internal readonly record struct ClusterState(long Cluster, ulong Stored, uint Count, ClusterUse Use);

/// <summary>Counts what really refers to each cluster of the file: what the refcounts should say. For checking, and for making them anew.</summary>
/// <remarks>
/// <para>The file is looked at in windows of clusters, so that the memory is bounded; each window takes a walk through all tables. A table that
/// several snapshots share is read once a walk, and its references count as often.</para>
/// <para>Nothing is walked twice, whatever the tables say, so the work is bounded by the length of the file.</para>
/// </remarks>
internal sealed class Qcow2References
{
    private const int WindowClusters = 4 << 20;
    private const int MostTables = 2 << 20;         // L2 tables remembered
    private const int ClustersBehind = 256 << 10;   // behind the end of the file

    private readonly BlockDevice _host;
    private readonly Qcow2Geometry _geometry;
    private readonly Qcow2Tables _tables;
    private readonly Qcow2Refcounts _refcounts;
    private readonly BlockDevice? _dataFile;
    private readonly Action<Severity, string, string, long, string> _found;
    private readonly List<(long Offset, long Length, uint Times)> _areas = [];      // metadata at fixed places
    private readonly List<(long Offset, long Entries)> _bitmapTables = [];
    private readonly Dictionary<long, uint> _l2 = [];                               // L2 tables and how many L1 entries lead there
    private readonly Dictionary<(long Offset, int Entries), uint> _l1 = [];
    private readonly RangeSet _walked = new();                                      // bytes of L1 and bitmap tables
    private uint[] _counts = [];
    private ClusterUse[] _uses = [];
    private long _windowStart;
    private bool _quiet;                                                            // findings were made in an earlier walk

    /// <param name="host">The file.</param>
    /// <param name="dataFile">The file with the guest's data, when it is another one.</param>
    /// <param name="geometry">The image's.</param>
    /// <param name="tables">For reading; changes in them count.</param>
    /// <param name="refcounts">Over these tables.</param>
    /// <param name="found">Is told of what is wrong with the tables: severity, code, structure, offset, text.</param>
    internal Qcow2References(BlockDevice host, BlockDevice? dataFile, Qcow2Geometry geometry, Qcow2Tables tables, Qcow2Refcounts refcounts,
        Action<Severity, string, string, long, string> found)
    {
        (_host, _dataFile, _geometry, _tables, _refcounts) = (host, dataFile, geometry, tables, refcounts);
        _found = (severity, code, structure, offset, text) =>
        {
            if (!_quiet)
                found(severity, code, structure, offset, text);
        };
    }

    /// <summary>Clusters that are looked at: those of the file, and those behind its end whose refcounts stand in the same block.</summary>
    internal long Clusters
    {
        get
        {
            var inFile = (_host.Length + _geometry.ClusterSize - 1) >> _geometry.ClusterBits;
            var perBlock = (long)_geometry.RefcountsPerBlock;
            return Math.Min(inFile + ClustersBehind, (inFile + perBlock - 1) / perBlock * perBlock);
        }
    }

    /// <summary>Reads what leads to the L2 tables: the L1 tables of the disk and of the snapshots, and where else metadata lies.</summary>
    internal void Prepare()
    {
        _areas.Add((0, 1, 1));
        _areas.Add((_refcounts.TableOffset, (long)_refcounts.TableClusters << _geometry.ClusterBits, 1));
        AddL1(_geometry.L1Offset, _geometry.L1Entries);
        PrepareSnapshots();
        PrepareBitmaps();
        foreach (var ((offset, entries), times) in _l1)
        {
            _areas.Add((offset, entries * 8L, times));
            PrepareTables(offset, entries, times);
        }
    }

    /// <summary>Counts all references, and tells of the clusters that are referred to more or less often than their refcount says, or by
    /// what can't share them; in ascending order.</summary>
    internal void Visit(Action<ClusterState> visit)
    {
        for (var first = 0L; first < Clusters; first += WindowClusters)
        {
            Count(first);
            VisitWindow(visit);
        }
    }

    /// <summary>The refcount table that is to be counted may have moved.</summary>
    internal void TableMoved() => _areas[1] = (_refcounts.TableOffset, (long)_refcounts.TableClusters << _geometry.ClusterBits, 1);

    private void Count(long first)
    {
        _windowStart = first;
        var length = (int)Math.Min(WindowClusters, Clusters - first);
        if (_counts.Length != length)
            (_counts, _uses) = (new uint[length], new ClusterUse[length]);
        Array.Clear(_counts);
        Array.Clear(_uses);
        foreach (var (offset, bytes, times) in _areas)
            Add(offset, bytes, times, ClusterUse.Metadata);
        CountBlocks();
        foreach (var (offset, entries) in _bitmapTables)
            CountBitmap(offset, entries);
        foreach (var (table, times) in _l2)
        {
            Add(table, _geometry.ClusterSize, times, ClusterUse.Metadata);
            CountTable(table, times);
        }
        _quiet = true;
    }

    // A block that is not there stands for zeros, and most of a large sparse file has none.
    private void VisitWindow(Action<ClusterState> visit)
    {
        var perBlock = _geometry.RefcountsPerBlock;
        for (var i = 0; i < _counts.Length;)
        {
            var cluster = _windowStart + i;
            var end = (int)Math.Min(_counts.Length, (cluster / perBlock + 1) * perBlock - _windowStart);
            var hasBlock = HasBlock(cluster / perBlock);
            for (; i < end; i++)
            {
                if (!hasBlock)
                {
                    var next = _counts.AsSpan(i, end - i).IndexOfAnyExcept(0u);
                    i = next < 0 ? end : i + next;
                    if (next < 0)
                        break;
                }
                var stored = hasBlock ? _refcounts.Get(_windowStart + i) : 0;
                if (stored != _counts[i] || (_uses[i] & ClusterUse.Overlap) != 0)
                    visit(new ClusterState(_windowStart + i, stored, _counts[i], _uses[i]));
            }
        }
    }

    // What is wrong with the table was found when it was counted.
    private bool HasBlock(long index)
    {
        try
        {
            return _refcounts.Block(index) != 0;
        }
        catch (DiskFormatException)
        {
            return false;
        }
    }

    private void PrepareSnapshots()
    {
        if (_geometry.Header.SnapshotCount == 0)
            return;
        List<Qcow2Snapshot> snapshots;
        try
        {
            snapshots = Qcow2Snapshot.ReadAll(_host, _geometry);
        }
        catch (DiskFormatException e)
        {
            _found(Severity.Error, e.Code, e.Structure, e.Offset, e.Problem);
            return;
        }
        var start = (long)(ulong)_geometry.Header.SnapshotsOffset;
        _areas.Add((start, snapshots[^1].EntryOffset + snapshots[^1].EntryLength - start, 1));
        foreach (var snapshot in snapshots)
        {
            if (snapshot.Problem(_geometry, _host.Length) is { } broken)
                _found(Severity.Error, broken.Code, $"Snapshot '{snapshot.Name}'", snapshot.EntryOffset, broken.Problem);
            else
                AddL1(snapshot.L1Offset, snapshot.L1Entries);
        }
    }

    private void PrepareBitmaps()
    {
        try
        {
            foreach (var bitmap in Qcow2Bitmaps.ReadAll(_host, _geometry))
            {
                if (!MayWalk("BitmapTable", bitmap.TableOffset, bitmap.TableEntries * 8))
                    continue;
                _areas.Add((bitmap.TableOffset, bitmap.TableEntries * 8, 1));
                _bitmapTables.Add((bitmap.TableOffset, bitmap.TableEntries));
                if ((bitmap.Flags & BitmapFlags.InUse) != 0)
                    _found(Severity.Note, "QCOW-0051", $"Bitmap '{bitmap.Name}'", bitmap.EntryOffset, "was not saved when it should have been: its bits mean nothing");
            }
            if (_bitmapTables.Count > 0 && _geometry.Extensions.Bitmaps is { } extension)
                _areas.Add(((long)(ulong)extension.DirectoryOffset, (long)(ulong)extension.DirectorySize, 1));
        }
        catch (DiskFormatException e)
        {
            _found(Severity.Error, e.Code, e.Structure, e.Offset, e.Problem);
        }
    }

    // Two that are the same count twice and are walked once; two that overlap otherwise are a fault, and the second is not walked.
    private void AddL1(long offset, int entries)
    {
        if (entries == 0)
            return;
        ref var times = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_l1, (offset, entries), out var known);
        times++;
        if (!known && !MayWalk("L1Table", offset, entries * 8L))
            _l1.Remove((offset, entries));
    }

    private bool MayWalk(string structure, long offset, long length)
    {
        if (_walked.Overlaps(offset, length))
        {
            _found(Severity.Error, "QCOW-0034", structure, offset, "overlaps with another table");
            return false;
        }
        _walked.Add(offset, length);
        return true;
    }

    private void PrepareTables(long l1Offset, int entries, uint times)
    {
        for (var i = 0; i < entries; i++)
        {
            var at = l1Offset + i * 8L;
            // Holes of the file are L1 entries of 0, and there may be millions.
            if ((at & (_tables.PieceSize - 1)) == 0 && _tables.Get(at).AsSpan().IndexOfAnyExcept((byte)0) < 0)
            {
                i += _tables.PieceSize / 8 - 1;
                continue;
            }
            var entry = _tables.Read(at);
            if ((entry & Qcow2Rules.L1ReservedBits) != 0)
                _found(Severity.Warning, "QCOW-0028", "L1Entry", at, $"found 0x{entry:X16}, expected reserved bits of 0");
            var table = (long)(entry & L2Entry.OffsetMask);
            if (Qcow2Rules.L1Problem(entry, _geometry.ClusterSize, _host.Length) is { } broken)
                _found(Severity.Error, broken.Code, "L1Entry", at, broken.Problem);
            else if (table != 0)
                AddTable(table, times);
        }
    }

    private void AddTable(long table, uint times)
    {
        ref var count = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_l2, table, out _);
        count = (uint)Math.Min(uint.MaxValue, (ulong)count + times);
        if (_l2.Count > MostTables)
            throw new UnsupportedFeatureException($"the qcow2 image has more than {MostTables} L2 tables, too many to count their references");
    }

    private void CountBlocks()
    {
        var seen = new RangeSet();
        for (var i = 0L; i < _refcounts.TableEntries; i++)
        {
            var at = _refcounts.TableOffset + i * 8;
            if ((at & (_tables.PieceSize - 1)) == 0 && _tables.Get(at).AsSpan().IndexOfAnyExcept((byte)0) < 0)
            {
                i += _tables.PieceSize / 8 - 1;
                continue;
            }
            var entry = _tables.Read(at);
            if (Qcow2Refcounts.Problem(entry, _geometry.ClusterSize, _host.Length) is { } broken)
            {
                _found(Severity.Error, broken.Code, "RefcountTable", at, broken.Problem);
                continue;
            }
            if ((entry & Qcow2Refcounts.TableReservedBits) != 0)
                _found(Severity.Warning, "QCOW-0028", "RefcountTable", at, $"found 0x{entry:X16}, expected reserved bits of 0");
            var block = (long)(entry & ~Qcow2Refcounts.TableReservedBits);
            if (block == 0)
                continue;
            Add(block, _geometry.ClusterSize, 1, ClusterUse.Metadata);
            if (seen.Contains(block >> _geometry.ClusterBits))
                _found(Severity.Error, "QCOW-0034", "RefcountTable", at, $"leads to the block at 0x{block:X}, as another entry does");
            else if (i * _geometry.RefcountsPerBlock >= Clusters)
                CheckBehindEnd(block, i);
            seen.Add(block >> _geometry.ClusterBits, 1);
        }
    }

    // Such a block is left over where the file was longer once; its refcounts must be 0.
    private void CheckBehindEnd(long block, long index)
    {
        for (var at = block; at < block + _geometry.ClusterSize; at += _tables.PieceSize)
        {
            if (_tables.Get(at).AsSpan().IndexOfAnyExcept((byte)0) < 0)
                continue;
            _found(Severity.Warning, "QCOW-0033", "RefcountBlock", block,
                $"found refcounts that are not 0 for clusters from {index * _geometry.RefcountsPerBlock} on, behind the end of the file");
            return;
        }
    }

    private void CountBitmap(long tableOffset, long entries)
    {
        for (var i = 0L; i < entries; i++)
        {
            var entry = _tables.Read(tableOffset + i * 8);
            var cluster = (long)(entry & L2Entry.OffsetMask);
            if ((cluster & (_geometry.ClusterSize - 1)) != 0 || cluster >= _host.Length || (entry & ~(L2Entry.OffsetMask | Qcow2Bitmap.AllOnes)) != 0)
                _found(Severity.Error, "QCOW-0052", "BitmapTable", tableOffset + i * 8, $"found 0x{entry:X16}, expected a cluster within the file");
            else if (cluster != 0)
                Add(cluster, _geometry.ClusterSize, 1, ClusterUse.Metadata);
        }
    }

    private void CountTable(long table, uint times)
    {
        var size = _geometry.EntrySize;
        if (!_host.AllocatedRanges(table, _geometry.ClusterSize).Any())
            return;     // a hole of the file: no entries, and nothing to read
        for (var at = table; at < table + _geometry.ClusterSize; at += _tables.PieceSize)
        {
            var piece = _tables.Get(at);
            if (piece.AsSpan().IndexOfAnyExcept((byte)0) < 0)
                continue;
            for (var i = 0; i < piece.Length; i += size)
            {
                var entry = new L2Entry(BinaryPrimitives.ReadUInt64BigEndian(piece.AsSpan(i)), size == 16 ? BinaryPrimitives.ReadUInt64BigEndian(piece.AsSpan(i + 8)) : 0);
                if (entry != default)
                    CountEntry(entry, at + i, times);
            }
        }
    }

    private void CountEntry(L2Entry entry, long at, uint times)
    {
        if (Qcow2Rules.L2Problem(entry, _geometry, (_dataFile ?? _host).Length) is { } broken)
        {
            _found(Severity.Error, broken.Code, "L2Entry", at, broken.Problem);
            return;
        }
        if (entry.IsCompressed)
        {
            if (entry.IsCopied)
                _found(Severity.Error, "QCOW-0035", "L2Entry", at, "found a compressed cluster with the copied flag");
            var (offset, length) = entry.CompressedRange(_geometry.ClusterBits);
            Add(offset, Math.Min(length, _host.Length - offset), times, ClusterUse.Data);
            return;
        }
        if ((entry.Descriptor & L2Entry.ReservedBits) != 0)
            _found(Severity.Warning, "QCOW-0028", "L2Entry", at, $"found 0x{entry.Descriptor:X16}, expected reserved bits of 0");
        if (entry.Offset != 0 && _dataFile is null)
            Add(entry.Offset, _geometry.ClusterSize, times, ClusterUse.Data);
    }

    private void Add(long offset, long length, uint times, ClusterUse use)
    {
        if (length <= 0)
            return;
        var from = Math.Max(0, (offset >> _geometry.ClusterBits) - _windowStart);
        var last = Math.Min(_counts.Length - 1, ((offset + length - 1) >> _geometry.ClusterBits) - _windowStart);
        for (var i = from; i <= last; i++)
        {
            _counts[i] = (uint)Math.Min(uint.MaxValue, (ulong)_counts[i] + times);
            var other = _uses[i];
            // Two that are data may share a cluster (compressed ones, snapshots); anything else may not share with metadata.
            if (other != 0 && (use | other & ~ClusterUse.Overlap) != ClusterUse.Data)
                _uses[i] |= ClusterUse.Overlap;
            _uses[i] |= use;
        }
    }
}
