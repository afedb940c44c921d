using System.Text;
using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class TreeVerb : Verb
{
    private static readonly Option All = Option.Flag("-a --all", "system files too");
    private static readonly Option Sizes = Option.Flag("-s --size", "the size of each file");

    public override VerbSyntax Syntax => new()
    {
        Summary = "show a directory as a tree",
        Arguments = [Argument.Image, new("PATH", "where to start; the root when it is left out") { Kind = ValueKind.InsidePath, Min = 0 }],
        Options = [All, Sizes],
        Examples = [new("platter tree pc.img@1 /EFI", "all that is below /EFI")],
    };

    public override int Run(Session session)
    {
        using var at = session.OpenVolume(session.Words[0]);
        var path = session.Inside(session.Words.Length > 1 ? session.Words[1] : ".");
        var node = at.Volume.Find(path);
        if (!node.IsDirectory)
            throw new CommandException(ExitCode.NotFound, null, $"{path} is not a directory");
        var walk = new EntryWalk(at.Volume) { Recursive = true, SystemFiles = session.Arguments.Has(All), KeepsGoing = true };
        if (session.Json)
            WriteJson(session, walk, path, node);
        else
            WriteText(session, path, walk.Walk(path, node.Id));
        walk.Finish(session);
        return ExitCode.Done;
    }

    private static void WriteText(Session session, string path, IEnumerable<WalkedEntry> entries)
    {
        session.Out.WriteLine(session.Paint.Name(session.Show(path), EntryKind.Directory));
        var lines = new StringBuilder();
        long files = 0, directories = 0, bytes = 0;
        foreach (var entry in entries)
        {
            lines.Length = Math.Min(lines.Length, entry.Depth * 4);
            session.Out.Write(lines.ToString());
            session.Out.Write(entry.IsLast ? "└── " : "├── ");
            lines.Append(entry.IsLast ? "    " : "│   ");
            var m = entry.Metadata;
            var isDirectory = m.Kind == EntryKind.Directory;
            if (session.Arguments.Has(Sizes) && !isDirectory)
                session.Out.Write(session.Paint.Dim($"[{ByteSize.FormatRounded(m.Length)}] "));
            session.Out.Write(session.Paint.Name(session.Show(entry.Name), m.Kind));
            session.Out.WriteLine(m.LinkTarget is { } target ? " -> " + session.Show(target) : "");
            directories += isDirectory ? 1 : 0;
            files += isDirectory ? 0 : 1;
            bytes += m.Length;
        }
        session.Out.WriteLine();
        session.Out.WriteLine(session.Paint.Dim($"{directories} {(directories == 1 ? "directory" : "directories")}, {files} {(files == 1 ? "file" : "files")}, {ByteSize.FormatRounded(bytes)}"));
    }

    // A document as nested as the tree: "children" of a directory are its entries.
    private static void WriteJson(Session session, EntryWalk walk, string path, Node start)
    {
        using var json = new Json(session.Out);
        json.Object();
        EntryText.WriteFields(json, path, start.Id, start.Metadata);
        json.Array("children");
        var open = new Stack<bool>();       // for each object not closed yet, whether it has a "children" array
        foreach (var entry in walk.Walk(path, start.Id))
        {
            while (open.Count > entry.Depth)
                Close(json, open.Pop());
            json.Object();
            json.Field("name", entry.Name);
            EntryText.WriteFields(json, entry.Path, entry.Id, entry.Metadata);
            var isDirectory = entry.Metadata.Kind == EntryKind.Directory;
            if (isDirectory)
                json.Array("children");
            open.Push(isDirectory);
        }
        while (open.TryPop(out var hasChildren))
            Close(json, hasChildren);
        json.EndArray();
        walk.WriteProblems(session, json);
        json.End();
    }

    private static void Close(Json json, bool hasChildren)
    {
        if (hasChildren)
            json.EndArray();
        json.End();
    }
}
