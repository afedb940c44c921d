using System.Runtime.CompilerServices;
using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.Primitives;

namespace Platter.Cli.Verbs;

internal sealed class LsVerb : Verb
{
    private static readonly Option Long = Option.Flag("-l --long", "mode or attributes, size and time (UTC) of each entry");
    private static readonly Option Recursive = Option.Flag("-R --recursive", "everything below too, with its path");
    private static readonly Option All = Option.Flag("-a --all", "system files too");
    private static readonly Option Human = Option.Flag("-h --human", "sizes as 1.5 MiB");
    private static readonly Option Itself = Option.Flag("-d --directory", "directories themselves, not what is in them");

    public override VerbSyntax Syntax => new()
    {
        Summary = "list files and directories",
        Arguments = [Argument.Image, new("PATH", "what to list; the root when none is named") { Kind = ValueKind.InsidePath, Min = 0, Many = true }],
        Options = [Long, Recursive, All, Human, Itself],
        Examples =
        [
            new("platter ls pc.img@1", "the root of the first partition"),
            new("platter ls -l floppy.img '/*.txt'", "sizes and times of the text files"),
            new("platter ls -R --json card.img", "everything, for a program"),
        ],
    };

    public override int Run(Session session)
    {
        using var at = session.OpenVolume(session.Words[0]);
        var paths = session.Words.Length > 1 ? session.Expand(at.Volume, session.WordsFrom(1)) : [session.Inside(".")];
        if (session.Json)
            WriteJson(session, at.Volume, paths);
        else
            WriteText(session, at.Volume, paths);
        return ExitCode.Done;
    }

    private static void WriteJson(Session session, Volume volume, string[] paths)
    {
        // All of them are there before anything is written.
        var nodes = new NodeId[paths.Length];
        var metadata = new FileMetadata[paths.Length];
        for (var i = 0; i < paths.Length; i++)
        {
            nodes[i] = volume.Find(paths[i]).Id;
            metadata[i] = volume.GetMetadata(nodes[i]);
        }
        var walk = Walk(session, volume, namesOnly: false);
        using (var json = new Json(session.Out))
        {
            json.Object();
            json.Array("entries");
            for (var i = 0; i < paths.Length; i++)
            {
                if (metadata[i].Kind != EntryKind.Directory || session.Arguments.Has(Itself))
                {
                    WriteEntry(json, paths[i], nodes[i], metadata[i]);
                    continue;
                }
                foreach (var entry in walk.Walk(paths[i], nodes[i]))
                    WriteEntry(json, entry.Path, entry.Id, entry.Metadata);
            }
            json.EndArray();
            walk.WriteProblems(session, json);
            json.End();
        }
        walk.Finish(session);
    }

    private static void WriteEntry(Json json, string path, NodeId id, FileMetadata metadata)
    {
        json.Object();
        EntryText.WriteFields(json, path, id, metadata);
        json.End();
    }

    private static void WriteText(Session session, Volume volume, string[] paths)
    {
        var isLong = session.Arguments.Has(Long);
        var recursive = session.Arguments.Has(Recursive);
        var listing = new Listing(session, volume, isLong, session.Arguments.Has(Human));
        var directories = new NodeId?[paths.Length];
        for (var i = 0; i < paths.Length; i++)
        {
            var node = volume.Find(paths[i]);
            if (!session.Arguments.Has(Itself) && node.IsDirectory)
                directories[i] = node.Id;
            else
                listing.Add(paths[i], node.Metadata);
        }
        var isFirst = listing.Count == 0;
        listing.Write();
        var walk = Walk(session, volume, namesOnly: !isLong);
        for (var i = 0; i < paths.Length; i++)
        {
            if (directories[i] is not { } id)
                continue;
            if (paths.Length > 1 && !recursive)
            {
                if (!isFirst)
                    session.Out.WriteLine();
                session.Out.WriteLine(session.Show(paths[i]) + ":");
            }
            isFirst = false;
            foreach (var entry in walk.Walk(paths[i], id))
            {
                if (isLong)
                    listing.Add(recursive ? entry.Path : entry.Name, entry.Metadata);
                else if (recursive)
                    listing.AddPath(entry);
                else
                    listing.Add(entry.Name, entry.Kind);
            }
            listing.Write();
        }
        walk.Finish(session);
    }

    private static EntryWalk Walk(Session session, Volume volume, bool namesOnly) =>
        new(volume) { Recursive = session.Arguments.Has(Recursive), SystemFiles = session.Arguments.Has(All), NamesOnly = namesOnly, ListsAhead = namesOnly, KeepsGoing = true };

    /// <summary>Lines of names, or aligned columns; the latter are kept until <see cref="Write"/>.</summary>
    private sealed class Listing(Session session, Volume volume, bool isLong, bool human)
    {
        private readonly bool _isPainted = session.IsTerminal || session.Paint.Enabled;
        private List<(string Name, FileMetadata Metadata)>? _entries;
        private string? _directory;
        private byte[] _start = [];     // of the paths in that directory

        public int Count { get; private set; }

        public void Add(string name, FileMetadata metadata)
        {
            if (!isLong)
            {
                Add(name, metadata.Kind);
                return;
            }
            Count++;
            Keep(name, metadata);
        }

        /// <summary>A name alone, in a listing that is not long.</summary>
        public void Add(string name, EntryKind kind)
        {
            Count++;
            session.Out.WriteLine(Name(name, kind));
        }

        /// <summary>A path alone: where nothing is painted it is never put together.</summary>
        public void AddPath(WalkedEntry entry)
        {
            if (_isPainted)
            {
                Add(entry.Path, entry.Kind);
                return;
            }
            Count++;
            if (!ReferenceEquals(_directory, entry.Directory))
                (_directory, _start) = (entry.Directory, EscapedUtf8.Encode(entry.Directory + "/"));
            session.Out.WriteLine(_start, entry.NameText);
        }

        public void Write()
        {
            if (_entries is not null)
                WriteTable(_entries);
            _entries = null;
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Keep(string name, FileMetadata metadata) => (_entries ??= []).Add((name, metadata));

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void WriteTable(List<(string Name, FileMetadata Metadata)> entries)
        {
            bool hasOwner = volume.Capabilities.Has(Features.Owner), hasLinks = volume.Capabilities.Has(Features.HardLinks);
            // Mode, links, owner and group, size, time, name.
            var table = hasOwner ? new Table("", "", "", "", "", "", "").Right(1, 2, 3, 4) : hasLinks ? new Table("", "", "", "", "").Right(1, 2) : new Table("", "", "", "").Right(1);
            foreach (var (name, m) in entries)
            {
                var size = m.Device is { } device ? $"{device.Major}, {device.Minor}" : m.Kind == EntryKind.Directory ? "-"
                    : human ? ByteSize.FormatRounded(m.Length) : EntryText.Number(m.Length);
                var row = new List<Cell> { EntryText.Mode(m) };
                if (hasLinks || hasOwner)
                    row.Add(EntryText.Number(m.LinkCount ?? 1));
                if (hasOwner)
                    row.AddRange([EntryText.Number(m.UserId ?? 0), EntryText.Number(m.GroupId ?? 0)]);
                row.AddRange([size, EntryText.Time(m.Modified), Name(name, m.Kind) + LeadsTo(m)]);
                table.Add([.. row]);
            }
            table.Write(session.Out, session.Paint);
        }

        // A reparse point that is no link says by its tag alone what it is.
        private string LeadsTo(FileMetadata m) => m.LinkTarget is { } target ? " -> " + session.Show(target)
            : m is { ReparseTag: { } tag, Kind: EntryKind.File or EntryKind.Directory } ? $" [reparse 0x{tag:X8}]" : "";

        private string Name(string name, EntryKind kind) => session.Paint.Name(session.Show(name), kind);
    }
}
