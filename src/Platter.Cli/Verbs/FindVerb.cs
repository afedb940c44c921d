using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.Trees;

namespace Platter.Cli.Verbs;

internal sealed class FindVerb : Verb
{
    private static readonly Option Name = Option.Of("--name", "GLOB", "entries with such a name");
    private static readonly Option Type = Option.Choice("--type", "files, directories, symbolic links, and the special ones", "f", "d", "l", "b", "c", "p", "s");
    private static readonly Option Size = Option.Of("--size", "+N|-N|N", "files larger than, smaller than, or of exactly N (bytes, or 10M and the like)");
    private static readonly Option Newer = Option.Of("--newer", "TIME", "modified after this time (ISO 8601, or @SECONDS)");
    private static readonly Option Null = Option.Flag("-0 --print0", "end each path with a zero byte, for xargs -0");

    public override VerbSyntax Syntax => new()
    {
        Summary = "search for entries",
        Arguments = [Argument.Image, new("PATH", "where to start; the root when it is left out") { Kind = ValueKind.InsidePath, Min = 0 }],
        Options = [Name, Type, Size, Newer, Null],
        Examples = [new("platter find pc.img@1 --name '*.efi'", "by name"), new("platter find card.img /DCIM --type f --size +10M --newer 2024-01-01", "large new files")],
    };

    public override int Run(Session session)
    {
        using var at = session.OpenVolume(session.Words[0]);
        var path = session.Inside(session.Words.Length > 1 ? session.Words[1] : ".");
        var start = at.Volume.Find(path);
        var wanted = Condition(session, at.Volume);
        IEnumerable<WalkedEntry> entries = [WalkedEntry.Start(path, start)];
        var walk = new EntryWalk(at.Volume) { Recursive = true, KeepsGoing = true };
        if (start.IsDirectory)
            entries = entries.Concat(walk.Walk(path, start.Id));
        if (session.Json)
            WriteJson(session, walk, entries.Where(wanted));
        else
            WriteText(session, entries.Where(wanted));
        walk.Finish(session);
        return ExitCode.Done;
    }

    private static void WriteText(Session session, IEnumerable<WalkedEntry> entries)
    {
        foreach (var entry in entries)
        {
            if (session.Arguments.Has(Null))
                session.Out.Write(entry.Path + "\0");
            else
                session.Out.WriteLine(session.Paint.Name(session.Show(entry.Path), entry.Metadata.Kind));
        }
    }

    private static void WriteJson(Session session, EntryWalk walk, IEnumerable<WalkedEntry> entries)
    {
        using var json = new Json(session.Out);
        json.Object();
        json.Array("entries");
        foreach (var entry in entries)
        {
            json.Object();
            EntryText.WriteFields(json, entry.Path, entry.Id, entry.Metadata);
            json.End();
        }
        json.EndArray();
        walk.WriteProblems(session, json);
        json.End();
    }

    private static Func<WalkedEntry, bool> Condition(Session session, Volume volume)
    {
        var pattern = session.Arguments.Text(Name) is { } glob ? new GlobPattern(glob, !volume.Capabilities.CaseSensitive) : null;
        EntryKind? kind = session.Arguments.Text(Type) switch
        {
            "f" => EntryKind.File, "d" => EntryKind.Directory, "l" => EntryKind.SymbolicLink, "b" => EntryKind.BlockDevice,
            "c" => EntryKind.CharacterDevice, "p" => EntryKind.Fifo, "s" => EntryKind.Socket, _ => null,
        };
        var size = session.Arguments.Text(Size);
        var limit = size is null ? 0 : ByteSize.Parse(size.TrimStart('+', '-'));
        var newer = session.Arguments.Time(Newer);
        return e => (pattern is null || pattern.IsMatch(e.Name))
            && (kind is null || e.Metadata.Kind == kind)
            && (size is null || (e.Metadata.Kind == EntryKind.File && (size[0] switch { '+' => e.Metadata.Length > limit, '-' => e.Metadata.Length < limit, _ => e.Metadata.Length == limit })))
            && (newer is not { } time || e.Metadata.Modified > time);
    }
}
