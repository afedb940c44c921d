using System.Globalization;
using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.Trees;
using Platter.Trees.Comparing;

namespace Platter.Cli.Verbs;

internal sealed class DiffVerb : Verb
{
    private static readonly Option ContentOnly = Option.Flag("--content-only", "which entries there are, their types, contents and link targets; no metadata");
    private static readonly Option IgnoreTimes = Option.Flag("--ignore-times", "not the modification times");
    private static readonly Option IgnoreOwner = Option.Flag("--ignore-owner", "not the owners and groups");
    private static readonly Option IgnoreMode = Option.Flag("--ignore-mode", "not the permissions");
    private static readonly Option IgnoreXattrs = Option.Flag("--ignore-xattrs", "not the extended attributes");
    private static readonly Option HardLinks = Option.Flag("--hard-links", "also which names are names of one file");
    private static readonly Option Exclude = Option.Of("--exclude", "GLOB", "leave out what fits, on both sides; may be given several times");

    public override VerbSyntax Syntax => new()
    {
        Summary = "tell what differs between two trees: in images, folders or tar archives",
        Arguments =
        [
            new("FIRST", "an image, a folder, or a tar archive (- is standard input)") { Kind = ValueKind.HostPath },
            new("SECOND", "what to compare it with: the same kinds") { Kind = ValueKind.HostPath },
        ],
        Options = [ContentOnly, IgnoreTimes, IgnoreOwner, IgnoreMode, IgnoreXattrs, HardLinks, Exclude],
        Examples =
        [
            new("platter diff old.img new.img", "what has been added, removed and changed; exit code 10 when something has"),
            new("platter diff disk.img@2 rootfs/ --ignore-times", "a partition and a folder"),
            new("platter diff rootfs.tar.zst disk.img@2 --hard-links", "what became of an archive"),
            new("platter diff -q a.img b.img", "only the exit code"),
        ],
        Remarks = "What one side cannot have, such as permissions on FAT, is not compared; times as coarsely as the coarser side stores them.",
    };

    public override int Run(Session session)
    {
        var a = session.Arguments;
        var options = new TreeCompareOptions
        {
            ContentOnly = a.Has(ContentOnly), IgnoreTimes = a.Has(IgnoreTimes), IgnoreOwners = a.Has(IgnoreOwner), IgnoreModes = a.Has(IgnoreMode),
            IgnoreExtendedAttributes = a.Has(IgnoreXattrs), HardLinks = a.Has(HardLinks), Exclude = PathPatterns.Parse(a.Texts(Exclude)),
            Progress = session.Progress, Cancellation = session.Cancellation,
        };
        using var first = OpenedTree.Open(session, session.Words[0]);
        using var second = OpenedTree.Open(session, session.Words[1]);
        session.Subject = null;
        var differences = TreeComparer.Compare(first.Source, second.Source, options);
        if (session.Json)
            return WriteJson(session, differences);
        if (session.Quiet)
            return differences.Any() ? ExitCode.FindingsMade : ExitCode.Done;
        return WriteText(session, differences);
    }

    private static int WriteText(Session session, IEnumerable<TreeDifference> differences)
    {
        var paint = session.Paint;
        var counts = new long[3];
        foreach (var difference in differences)
        {
            counts[(int)difference.Kind]++;
            var (sign, painted) = difference.Kind switch
            {
                DifferenceKind.Added => ("+", paint.Good("+")),
                DifferenceKind.Removed => ("-", paint.Bad("-")),
                _ => ("!", paint.Warning("!")),
            };
            session.EndProgress();
            session.Out.WriteLine($"{(sign == painted ? sign : painted)} {session.Show(difference.Path)}{Slash(difference)}{What(session, difference)}");
        }
        session.EndProgress();
        session.Out.WriteLine(counts.Sum() == 0 ? paint.Good("no difference")
            : string.Create(CultureInfo.InvariantCulture, $"{counts.Sum()} differences: {counts[0]} added, {counts[1]} removed, {counts[2]} changed"));
        return counts.Sum() == 0 ? ExitCode.Done : ExitCode.FindingsMade;
    }

    private static string Slash(TreeDifference difference) => difference.EntryKind == EntryKind.Directory && difference.Path != "/" ? "/" : "";

    private static string What(Session session, TreeDifference difference)
    {
        var parts = difference.Changes.Select(c => session.Show(Describe(c)));
        return difference.Changes.Count == 0 ? "" : ": " + string.Join(", ", parts);
    }

    private static string Describe(EntryChange change) => change switch
    {
        { Part: EntryPart.Content, Offset: >= 0 } => string.Create(CultureInfo.InvariantCulture, $"content from byte {change.Offset}"),
        { Part: EntryPart.Unreadable } => $"cannot be read: {SafeText.OneLine(change.First ?? change.Second ?? "")}",
        { Part: EntryPart.Streams } => $"streams {change.First}",
        _ => $"{Name(change.Part)} {change.First} -> {change.Second}",
    };

    private static string Name(EntryPart part) => part switch
    {
        EntryPart.Type => "type",
        EntryPart.Content => "content",
        EntryPart.LinkTarget => "target",
        EntryPart.Device => "device",
        EntryPart.Mode => "mode",
        EntryPart.Owner => "owner",
        EntryPart.Modified => "mtime",
        EntryPart.DosAttributes => "attributes",
        EntryPart.ExtendedAttributes => "xattrs",
        EntryPart.Streams => "streams",
        EntryPart.HardLink => "hardlink",
        _ => "unreadable",
    };

    private static int WriteJson(Session session, IEnumerable<TreeDifference> differences)
    {
        using var json = new Json(session.Out);
        var counts = new long[3];
        json.Object();
        json.Array("differences");
        foreach (var difference in differences)
        {
            counts[(int)difference.Kind]++;
            json.Object();
            json.Field("path", difference.Path);
            json.Field("kind", difference.Kind.ToString().ToLowerInvariant());
            json.Field("type", EntryText.Kind(difference.EntryKind));
            if (difference.Kind != DifferenceKind.Changed && difference.EntryKind == EntryKind.File)
                json.Field("size", difference.Length);
            if (difference.Changes.Count > 0)
                WriteChanges(json, difference.Changes);
            json.End();
        }
        session.EndProgress();
        json.EndArray();
        json.Field("same", counts.Sum() == 0);
        json.Field("added", counts[0]);
        json.Field("removed", counts[1]);
        json.Field("changed", counts[2]);
        json.End();
        return counts.Sum() == 0 ? ExitCode.Done : ExitCode.FindingsMade;
    }

    private static void WriteChanges(Json json, IReadOnlyList<EntryChange> changes)
    {
        json.Array("changes");
        foreach (var change in changes)
        {
            json.Object();
            json.Field("what", Name(change.Part));
            json.Field("first", change.First);
            json.Field("second", change.Second);
            json.Field("offset", change.Offset >= 0 ? change.Offset : null);
            json.End();
        }
        json.EndArray();
    }
}

/// <summary>A tree that an argument names, with what has to be closed behind it.</summary>
internal sealed class OpenedTree : IDisposable
{
    private readonly IDisposable? _below;

    private OpenedTree(TreeSource source, IDisposable? below)
    {
        Source = source;
        _below = below;
    }

    public TreeSource Source { get; }

    /// <summary>Opens a folder, an archive, or the volume of an image.</summary>
    public static OpenedTree Open(Session session, string address)
    {
        if (address == "-")
        {
            using var input = Console.OpenStandardInput();
            return new OpenedTree(TreeSources.Open(input, new TreeSourceOptions { Cancellation = session.Cancellation }), null);
        }
        session.Subject = address;
        if (TreeSources.TryOpenPlain(address, new TreeSourceOptions { Cancellation = session.Cancellation }) is { } plain)
            return new OpenedTree(plain, null);
        var at = session.OpenVolume(address);
        try
        {
            return new OpenedTree(VolumeTreeSource.Content(at.Volume), at);
        }
        catch
        {
            at.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Source.Dispose();
        _below?.Dispose();
    }
}
