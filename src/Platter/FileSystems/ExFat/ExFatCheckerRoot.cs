using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>The root's own entries: bitmap, up-case table, label. They are looked for before anything else, since everything else is
/// judged by them.</summary>
internal sealed class ExFatCheckerRoot(ExFatGeometry geometry, ExFatCheckerChains chains, ExFatCheckerContent content, CheckReport report)
{
    private readonly List<(ExFatBitmapEntry Entry, long Offset)> _bitmaps = [];
    private readonly List<(ExFatUpcaseEntry Entry, long Offset)> _upcases = [];
    private readonly List<(ExFatLabelEntry Entry, long Offset)> _labels = [];

    // As many of each as are looked at; a root full of them is one finding.
    private const int Most = 16;

    /// <summary>The volume's table, or the standard one when it cannot be used.</summary>
    public ExFatUpcase Upcase { get; private set; } = ExFatUpcase.Standard;

    /// <summary>Claims bitmap and table and loads them.</summary>
    public void Check(ExFatClaimed root)
    {
        content.ForEachPiece(root, Collect);
        for (var fat = 0; fat < geometry.FatCount; fat++)
            CheckBitmap(fat);
        foreach (var extra in _bitmaps.Where(b => (b.Entry.Flags & ExFatBitmapEntry.SecondBitmap) >= geometry.FatCount))
            report.Add("EXF-0036", Severity.Error, "Bitmap", extra.Offset, "belongs to a second FAT, but there is one alone");
        CheckUpcase();
        CheckLabel();
    }

    private bool Collect(ReadOnlySpan<byte> piece, long offset)
    {
        for (var at = 0; at < piece.Length; at += ExFatEntryType.Size)
        {
            switch (piece[at])
            {
                case ExFatEntryType.End:
                    return false;
                case ExFatEntryType.Bitmap when _bitmaps.Count < Most:
                    _bitmaps.Add((OnDisk.View<ExFatBitmapEntry>(piece, at), offset + at));
                    break;
                case ExFatEntryType.Upcase when _upcases.Count < Most:
                    _upcases.Add((OnDisk.View<ExFatUpcaseEntry>(piece, at), offset + at));
                    break;
                case ExFatEntryType.Label when _labels.Count < Most:
                    _labels.Add((OnDisk.View<ExFatLabelEntry>(piece, at), offset + at));
                    break;
            }
        }
        return true;
    }

    private void CheckBitmap(int fat)
    {
        var name = fat == 0 ? "Bitmap" : "Bitmap 2";
        var found = _bitmaps.Where(b => (b.Entry.Flags & ExFatBitmapEntry.SecondBitmap) == fat).ToList();
        if (found.Count == 0)
        {
            report.Add("EXF-0035", Severity.Error, name, null, "the root has no entry for the allocation bitmap");
            return;
        }
        if (found.Count > 1)
            report.Add("EXF-0036", Severity.Error, name, found[1].Offset, $"the root has {found.Count} entries for it, expected one");
        var (entry, offset) = found[0];
        ulong length = entry.DataLength;
        if (length != (ulong)geometry.BitmapLength)
            report.Add("EXF-0037", Severity.Error, name, offset + 0x18, $"has {length} bytes, expected {geometry.BitmapLength}: a bit for each of {geometry.ClusterCount} clusters");
        var clusters = chains.ClaimExactly(new ExFatAllocation(entry.FirstCluster, length, false, offset + 0x14), () => name);
        if (fat == geometry.ActiveFat && clusters >= geometry.ClustersFor((ulong)geometry.BitmapLength))
            LoadBitmap(new ExFatClaimed(entry.FirstCluster, clusters, false));
    }

    private void LoadBitmap(ExFatClaimed claimed)
    {
        var marked = new Bitmap(chains.Present);
        var length = geometry.BitmapLength;
        var done = 0L;
        content.ForEachPiece(claimed, (piece, offset) =>
        {
            var used = piece[..(int)Math.Min(piece.Length, length - done)];
            if (8 * done < marked.Length)
                marked.Load(8 * done, used);
            done += used.Length;
            if (done == length && geometry.ClusterCount % 8 != 0 && used[^1] >> (int)(geometry.ClusterCount % 8) != 0)
                report.Add("EXF-0072", Severity.Note, "Bitmap", offset + used.Length - 1, "bits behind the last cluster are set");
            return done < length;
        });
        chains.SetMarked(marked);
    }

    private void CheckUpcase()
    {
        if (_upcases.Count == 0)
        {
            report.Add("EXF-0040", Severity.Error, "UpcaseTable", null, "the root has no entry for the up-case table; names are judged by the standard one");
            return;
        }
        if (_upcases.Count > 1)
            report.Add("EXF-0045", Severity.Error, "UpcaseTable", _upcases[1].Offset, $"the root has {_upcases.Count} entries for it, expected one");
        var (entry, offset) = _upcases[0];
        ulong length = entry.DataLength;
        var clusters = chains.ClaimExactly(new ExFatAllocation(entry.FirstCluster, length, false, offset + 0x14), () => "UpcaseTable");
        try
        {
            if (clusters < geometry.ClustersFor(length) || length is 0 or > ExFatUpcase.MaxLength)
                throw ExFatUpcase.WrongLength(length, offset + 0x18);
            var table = new byte[length];
            var done = 0;
            content.ForEachPiece(new ExFatClaimed(entry.FirstCluster, clusters, false), (piece, _) =>
            {
                var used = Math.Min(piece.Length, table.Length - done);
                piece[..used].CopyTo(table.AsSpan(done));
                done += used;
                return done < table.Length;
            });
            Upcase = ExFatUpcase.Load(table, entry.TableChecksum, geometry.ClusterOffset(entry.FirstCluster));
        }
        catch (DiskFormatException e)
        {
            report.Add(e.Code, Severity.Error, e.Structure, e.Offset, e.Problem + "; names are judged by the standard one");
            return;
        }
        if (Upcase.Covered < char.MaxValue + 1)
            report.Add("EXF-0046", Severity.Note, "UpcaseTable", offset, $"speaks of {Upcase.Covered} characters, expected 65536: Windows lets nobody change the volume");
    }

    private void CheckLabel()
    {
        if (_labels.Count == 0)
            return;
        if (_labels.Count > 1)
            report.Add("EXF-0047", Severity.Warning, "Label", _labels[1].Offset, $"the root has {_labels.Count} label entries, expected one");
        var (entry, offset) = _labels[0];
        if (entry.CharacterCount > ExFatLabelEntry.MaxUnits)
        {
            report.Add("EXF-0048", Severity.Warning, "Label", offset + 1, $"has {entry.CharacterCount} characters, expected at most {ExFatLabelEntry.MaxUnits}");
            return;
        }
        Span<char> label = stackalloc char[entry.CharacterCount];
        ExFatNameRules.Decode(entry.Units, label);
        var bad = ExFatNameRules.IndexOfForbidden(label);
        if (bad >= 0)
            report.Add("EXF-0049", Severity.Note, "Label", offset + 2 + 2 * bad, $"has the character U+{(int)label[bad]:X4}, which is forbidden");
    }
}
