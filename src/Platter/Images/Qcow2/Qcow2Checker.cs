using System.Buffers.Binary;
using Platter.Blocks;

namespace Platter.Images.Qcow2;

/// <summary>Looks at all metadata of an image, changing nothing: every table, every reference, every refcount. The disk inside is not looked at.</summary>
/// <remarks>Each code stands in docs/findings.md. Memory: a window of counters, pieces of the tables, the places of the L2 tables.</remarks>
internal sealed class Qcow2Checker
{
    private readonly Qcow2Geometry _geometry;
    private readonly Qcow2Tables _tables;
    private readonly Qcow2Refcounts _refcounts;
    private readonly Qcow2References _references;
    private readonly CheckReport _report;

    internal Qcow2Checker(BlockDevice host, BlockDevice? dataFile, Qcow2Geometry geometry, CheckReport report)
    {
        _geometry = geometry;
        _tables = new Qcow2Tables(host, geometry.ClusterSize);
        _refcounts = new Qcow2Refcounts(geometry, _tables);
        _references = new Qcow2References(host, dataFile, geometry, _tables, _refcounts, (severity, code, structure, offset, text) => report.Add(code, severity, structure, offset, text));
        _report = report;
    }

    internal void Check()
    {
        CheckHeader();
        _references.Prepare();
        // Neighbours with the same fault are one finding.
        var (start, run) = (default(ClusterState), 0L);
        _references.Visit(state =>
        {
            if (run > 0 && state == start with { Cluster = start.Cluster + run })
            {
                run++;
                return;
            }
            Report(start, run);
            (start, run) = (state, 1);
        });
        Report(start, run);
        if (_report.IsClean)
            CheckCopiedFlags();
    }

    private void CheckHeader()
    {
        var header = _geometry.Header;
        if ((_geometry.Incompatible & IncompatibleFeatures.Corrupt) != 0)
            _report.Add("QCOW-0014", Severity.Error, "Qcow2Header.incompatible", 0x48, "found the corrupt bit: somebody found the metadata broken, and it was not repaired");
        if ((_geometry.Incompatible & IncompatibleFeatures.Dirty) != 0)
            _report.Add("QCOW-0015", Severity.Warning, "Qcow2Header.incompatible", 0x48, "found the dirty bit: the refcounts are made anew when the image is next written to");
        var unknown = _geometry.Autoclear & ~AutoclearFeatures.Known;
        if (unknown != 0)
            _report.Add("QCOW-0017", Severity.Note, "Qcow2Header.autoclear", 0x58, $"found unknown features, which an edit switches off: {_geometry.Extensions.NamesOf(2, (ulong)unknown)}");
        if ((_geometry.Autoclear & AutoclearFeatures.RawExternalData) != 0 && !_geometry.HasDataFile)
            _report.Add("QCOW-0016", Severity.Error, "Qcow2Header.autoclear", 0x58, "found the raw external data bit, but the image has no external data file");
        if (header.BackingNameOffset != 0 && header.BackingNameOffset < (ulong)_geometry.HeaderLength)
            _report.Add("QCOW-0009", Severity.Warning, "Qcow2Header.backingNameOffset", 0x08, $"found 0x{(ulong)header.BackingNameOffset:X}, within the header of {_geometry.HeaderLength} bytes");
    }

    private void Report(ClusterState state, long run)
    {
        if (run == 0)
            return;
        var (cluster, stored, count, use) = state;
        var offset = cluster << _geometry.ClusterBits;
        var which = run == 1 ? "the cluster here" : $"each of the {run} clusters from here on";
        if ((use & ClusterUse.Overlap) != 0)
            _report.Add("QCOW-0034", Severity.Error, "Cluster", offset, $"{which} belongs to metadata and to something else");
        if (stored < count)
            _report.Add("QCOW-0032", Severity.Error, "RefcountBlock", offset, $"found refcount {stored} for {which}, expected {count}: it can be taken for something else");
        else if (stored > count)
            _report.Add("QCOW-0033", Severity.Warning, "RefcountBlock", offset, $"found refcount {stored} for {which}, expected {count}: space is lost");
    }

    // Only where everything else is sound: the flags repeat what the refcounts say, for the disk as it is now.
    private void CheckCopiedFlags() => new Qcow2CopiedFlags(_geometry, _tables, _refcounts).Visit((structure, at, entry, isRight) =>
        _report.Add("QCOW-0035", Severity.Error, structure, at, $"found 0x{entry:X16}, whose copied flag should {(isRight ? "" : "not ")}be set by the refcount"));
}

/// <summary>The copied flags of the disk's own tables: set exactly where the refcount is 1.</summary>
internal sealed class Qcow2CopiedFlags(Qcow2Geometry geometry, Qcow2Tables tables, Qcow2Refcounts refcounts)
{
    /// <summary>Tells of each entry whose flag is wrong: structure, place, entry, and what the flag should be.</summary>
    internal void Visit(Action<string, long, ulong, bool> wrong)
    {
        for (var i = 0; i < geometry.L1Entries; i++)
        {
            var at = geometry.L1Offset + i * 8L;
            if ((at & (tables.PieceSize - 1)) == 0 && tables.Get(at).AsSpan().IndexOfAnyExcept((byte)0) < 0)
            {
                i += tables.PieceSize / 8 - 1;
                continue;
            }
            var entry = tables.Read(at);
            var table = (long)(entry & L2Entry.OffsetMask);
            if (table == 0)
                continue;
            Compare("L1Entry", at, entry, table, wrong);
            VisitTable(table, wrong);
        }
    }

    private void VisitTable(long table, Action<string, long, ulong, bool> wrong)
    {
        for (var at = table; at < table + geometry.ClusterSize; at += tables.PieceSize)
        {
            var piece = tables.Get(at);
            if (piece.AsSpan().IndexOfAnyExcept((byte)0) < 0)
                continue;
            for (var i = 0; i < piece.Length; i += geometry.EntrySize)
            {
                var entry = new L2Entry(BinaryPrimitives.ReadUInt64BigEndian(piece.AsSpan(i)), 0);
                if (!entry.IsCompressed && entry.Offset != 0 && !geometry.HasDataFile)
                    Compare("L2Entry", at + i, entry.Descriptor, entry.Offset, wrong);
            }
        }
    }

    private void Compare(string structure, long at, ulong entry, long cluster, Action<string, long, ulong, bool> wrong)
    {
        var isAlone = refcounts.Get(cluster >> geometry.ClusterBits) == 1;
        if (isAlone != ((entry & L2Entry.CopiedFlag) != 0))
            wrong(structure, at, entry, isAlone);
    }
}
