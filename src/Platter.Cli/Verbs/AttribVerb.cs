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
        Arguments = [Argument.Image, new("+r-h", "what to set (+) and clear (-): r read-only, h hidden, s system, a archive") { Min = 0 }, new("PATH", "the entries") { Kind = ValueKind.InsidePath, Many = true }],
        Options = [Recursive],
        Examples = [new("platter attrib pc.img@1 +r-h /boot.cfg", "read-only, not hidden"), new("platter attrib pc.img@1 '/*'", "show those of everything in the root")],
        IsArgument = AttributeChange.IsChange,
    };

    public override int Run(Session session)
    {
        var words = session.WordsFrom(1);
        var change = words.Where(AttributeChange.IsChange).Select(AttributeChange.Parse).Aggregate((AttributeChange?)null, (all, next) => all is { } a ? a.Then(next) : next);
        var paths = words.Where(w => !AttributeChange.IsChange(w)).ToList();
        if (paths.Count == 0)
            throw new UsageException("PATH is missing: the entries");
        if (change is { } c)
            Set(session, paths, c);
        else
            Show(session, paths);
        return ExitCode.Done;
    }

    private static void Set(Session session, List<string> paths, AttributeChange change)
    {
        using var at = session.EditVolume(session.Words[0]);
        foreach (var node in Selection.Nodes(session, at.Volume, paths, session.Arguments.Has(Recursive)))
        {
            var old = node.Metadata.DosAttributes ?? throw new UnsupportedFeatureException($"{at.Volume.Info.Type} has no DOS attributes");
            at.Volume.SetMetadata(node.Id, new MetadataChange { DosAttributes = change.Apply(old) });
        }
        at.Volume.Commit();
    }

    private static void Show(Session session, List<string> paths)
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
