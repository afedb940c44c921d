using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class AttribVerb : Verb
{
    private static readonly Option Recursive = Option.Flag("-R --recursive", "everything below too");

    public override VerbSyntax Syntax => new()
    {
        Summary = "show or set DOS attributes",
        Arguments = [Argument.Image, new("+r-h", "what to set (+) and clear (-): r read-only, h hidden, s system, a archive; on NTFS also c compressed, p sparse, t temporary, o offline, i not indexed") { Min = 0 }, new("PATH", "the entries") { Kind = ValueKind.InsidePath, Many = true }],
        Options = [Recursive],
        Examples = [new("platter attrib pc.img@1 +r-h /boot.cfg", "read-only, not hidden"), new("platter attrib -R windows.img@3 +c /logs", "NTFS: compress what is there, and what will be made there"), new("platter attrib pc.img@1 '/*'", "show those of everything in the root")],
        IsArgument = AttributeChange.IsChange,
    };

    public override int Run(Session session)
    {
        var words = session.WordsFrom(1);
        var change = words.Where(AttributeChange.IsChange).Select(AttributeChange.Parse).Aggregate((AttributeChange?)null, (all, next) => all is { } a ? a.Then(next) : next);
        if (words.FirstOrDefault(w => w.StartsWith('+') && !AttributeChange.IsChange(w)) is { } unknown)
            throw new UsageException($"'{unknown}' does not change attributes: expected such as +r-h", $"the letters are r, h, s, a, c, p, t, o, i; an entry of that name is /{unknown}");
        var paths = words.Where(w => !AttributeChange.IsChange(w)).ToArray();
        if (paths.Length == 0)
            throw new UsageException("PATH is missing: the entries");
        if (change is { } c)
            Set(session, paths, c);
        else
            Show(session, paths);
        return ExitCode.Done;
    }

    private static void Set(Session session, string[] paths, AttributeChange change)
    {
        using var at = session.EditVolume(session.Words[0]);
        var recursive = session.Arguments.Has(Recursive);
        foreach (var node in Selection.Nodes(session, at.Volume, paths, recursive))
        {
            var metadata = node.Metadata;
            if (metadata.DosAttributes is null)
                throw new UnsupportedFeatureException($"{at.Volume.Info.Type} has no DOS attributes");
            var wanted = change.For(metadata, at.Volume.Capabilities);
            // Below a directory there may be what has no content to be stored one way or the other.
            if (recursive && metadata.Kind != EntryKind.File)
                wanted = wanted with { Sparse = null, Compressed = metadata.Kind == EntryKind.Directory ? wanted.Compressed : null };
            at.Volume.SetMetadata(node.Id, wanted);
        }
        at.Volume.Commit();
    }

    private static void Show(Session session, string[] paths)
    {
        using var at = session.OpenVolume(session.Words[0]);
        var nodes = new List<(string Path, Node Node)>();
        foreach (var path in session.Expand(at.Volume, paths))
        {
            var node = at.Volume.Find(path);
            nodes.Add((path, node));
            if (session.Arguments.Has(Recursive) && node.IsDirectory)
                nodes.AddRange(new EntryWalk(at.Volume) { Recursive = true }.Walk(path, node.Id).Select(e => (e.Path, new Node(at.Volume, e.Id, e.Name))));
        }
        if (!session.Json)
        {
            foreach (var (path, node) in nodes)
                session.Out.WriteLine(EntryText.AttributeLetters(node.Metadata.DosAttributes ?? 0) + "  " + session.Show(path));
            return;
        }
        using var json = new Json(session.Out);
        json.Object();
        json.Array("entries");
        foreach (var (path, node) in nodes)
        {
            json.Object();
            EntryText.WriteFields(json, path, node.Id, node.Metadata);
            json.End();
        }
        json.EndArray();
        json.End();
    }
}
