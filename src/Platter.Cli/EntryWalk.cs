using System.Runtime.CompilerServices;
using Platter.Cli.Output;
using Platter.FileSystems;
using Platter.Primitives;

namespace Platter.Cli;

/// <summary>An entry met on a walk.</summary>
/// <param name="Directory">The absolute path of the directory it is in, empty for the root.</param>
/// <param name="Name">The last name of its path.</param>
/// <param name="Id">The node.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Known">Everything known of it; null where the walk did not have to look.</param>
/// <param name="Depth">0 for the entries of the directory that the walk started in.</param>
/// <param name="IsLast">Whether no entry of the same directory follows.</param>
internal readonly record struct WalkedEntry(string Directory, string Name, NodeId Id, EntryKind Kind, FileMetadata? Known, int Depth, bool IsLast)
{
    /// <summary>Absolute.</summary>
    public string Path { get => field ?? Directory + "/" + Name; init; }

    /// <summary>Everything known of it; of a walk that is not <see cref="EntryWalk.NamesOnly"/>.</summary>
    public FileMetadata Metadata => Known ?? throw new InvalidOperationException("the walk was to look at names alone");
}

/// <summary>Walks a directory, or all that is below it: sorted by name, parents before their children.</summary>
internal sealed class EntryWalk(Volume volume)
{
    private const int MaxProblems = 1000;
    private readonly Volume _volume = volume;
    private DirectoryEntry[]? _spare;
    private List<(string Path, Exception Reason)>? _problems;

    private bool HasAttributes { get; } = volume.Capabilities.SettableAttributes != DosAttributes.None;

    /// <summary>No sound tree is deeper; a volume whose directories contain each other is.</summary>
    private const int MaxDepth = 4096;

    /// <summary>Whether to go into directories.</summary>
    public bool Recursive { get; init; }

    /// <summary>Whether entries with the system attribute are part of it.</summary>
    public bool SystemFiles { get; init; } = true;

    /// <summary>Whether names and kinds are enough: then nodes are not looked at where the directory tells what is wanted.</summary>
    public bool NamesOnly { get; init; }

    /// <summary>Whether what cannot be read is passed over, and told by <see cref="WriteProblems"/> and <see cref="Finish"/>: a damaged volume shows the rest.</summary>
    public bool KeepsGoing { get; init; }

    /// <summary>Ends with an error when something was passed over: its place and the reason, others on lines before it.</summary>
    public void Finish(Session session)
    {
        if (_problems is not null)
            Fail(session, _problems);
    }

    /// <summary>As fields of the document's outermost object, what was passed over, and the error that the command is going to end with; nothing when all was read.</summary>
    public void WriteProblems(Session session, Json json)
    {
        if (_problems is not null)
            Write(session, json, _problems);
    }

    public IEnumerable<WalkedEntry> Walk(string path, NodeId directory)
    {
        // What lies on the way of listing one directory stays clear of collections of other types: each is prepared at every start.
        NumberMap<int>? entered = null;
        var level = new Level(this, directory, path == "/" ? "" : path, null);
        while (level is not null)
        {
            if (!level.TryNext(out var entry, out var metadata))
            {
                level = level.Leave();
                continue;
            }
            var kind = metadata?.Kind ?? entry.Kind;
            yield return new WalkedEntry(level.Path, entry.Name, entry.Id, kind, metadata, level.Depth, level.IsAtEnd);
            if (Recursive && kind == EntryKind.Directory && level.Depth + 1 < MaxDepth && IsNew(ref entered, directory, entry.Id))
                level = new Level(this, entry.Id, level.Path + "/" + entry.Name, level);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Fail(Session session, List<(string Path, Exception Reason)> problems)
    {
        session.Out.Flush();
        // A document has them all.
        foreach (var (path, reason) in problems.Skip(1).Take(session.Json ? 0 : session.Verbose ? int.MaxValue : 9))
            session.Say($"platter: {path}: {ExitCode.Why(reason)}");
        throw Error(session, problems);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Write(Session session, Json json, List<(string Path, Exception Reason)> problems)
    {
        json.Array("problems");
        foreach (var (path, reason) in problems)
        {
            json.Object();
            json.Field("path", path.Length > 1 ? path.TrimEnd('/') : path);
            json.Field("code", (long)ExitCode.Of(reason));
            json.Field("finding", (reason as DiskFormatException)?.Code);
            json.Field("message", ExitCode.Why(reason));
            json.End();
        }
        json.EndArray();
        CommandLine.WriteError(json, Error(session, problems));
    }

    private static CommandException Error(Session session, List<(string Path, Exception Reason)> problems)
    {
        var (first, why) = problems[0];
        return new CommandException(ExitCode.Of(why), first, ExitCode.Why(why),
            $"{(problems.Count == 1 ? "the rest is listed" : $"{(problems.Count < MaxProblems ? problems.Count : "more than " + (MaxProblems - 1))} such places, the rest is listed")}; 'platter check {session.Subject}' tells more");
    }

    // As an exception's filter: false lets it go on its way.
    private bool PassOver(Exception e, string path)
    {
        if (!KeepsGoing || e is not (DiskFormatException or UnsupportedFeatureException))
            return false;
        _problems ??= [];
        if (_problems.Count < MaxProblems)
            _problems.Add((path, e));
        return true;
    }

    // Whether a directory has not been entered before: directories that contain each other would be walked for ever. The keys alone count.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsNew(ref NumberMap<int>? entered, NodeId start, NodeId directory)
    {
        entered ??= new NumberMap<int> { [start.Value] = 0 };
        if (entered.ContainsKey(directory.Value))
            return false;
        entered[directory.Value] = 0;
        return true;
    }

    /// <summary>A directory being gone through, one entry ahead so that the last one is known.</summary>
    private sealed class Level
    {
        // The framework's sort prepares a dozen types when it is first called, which takes longer than sorting this many.
        private const int Few = 64;

        private readonly EntryWalk _walk;
        private DirectoryEntry[] _entries;
        private int _count;
        private int _next;
        private bool _isAhead;
        private FileMetadata? _ahead;

        public Level(EntryWalk walk, NodeId directory, string path, Level? above)
        {
            _walk = walk;
            _entries = walk._spare ?? new DirectoryEntry[16];
            walk._spare = null;
            Path = path;
            Above = above;
            Depth = above is null ? 0 : above.Depth + 1;
            var sorted = true;
            try
            {
                foreach (var entry in walk._volume.Enumerate(directory))
                {
                    if (_count == _entries.Length)
                        Array.Resize(ref _entries, _count * 2);
                    sorted &= _count == 0 || string.CompareOrdinal(_entries[_count - 1].Name, entry.Name) <= 0;
                    _entries[_count++] = entry;
                }
            }
            catch (Exception e) when (walk.PassOver(e, path + "/"))
            {
                // What was found until then is listed.
            }
            if (!sorted)
                Sort();
            LookAhead();
        }

        private Level? Above { get; }

        public int Depth { get; }

        public string Path { get; }

        public bool IsAtEnd => !_isAhead;

        public bool TryNext(out DirectoryEntry entry, out FileMetadata? metadata)
        {
            metadata = _ahead;
            entry = default;
            if (!_isAhead)
                return false;
            entry = _entries[_next++];
            LookAhead();
            return true;
        }

        /// <summary>All of it was gone through: what it held is the next one's.</summary>
        /// <returns>The directory that this one is in; null where the walk started.</returns>
        public Level? Leave()
        {
            _walk._spare = _entries;
            return Above;
        }

        private void Sort()
        {
            if (_count > Few)
            {
                SortMany();
                return;
            }
            for (var i = 1; i < _count; i++)
            {
                for (var k = i; k > 0 && string.CompareOrdinal(_entries[k].Name, _entries[k - 1].Name) < 0; k--)
                    (_entries[k], _entries[k - 1]) = (_entries[k - 1], _entries[k]);
            }
        }

        private void SortMany() => Array.Sort(_entries, 0, _count, Comparer<DirectoryEntry>.Create(static (a, b) => string.CompareOrdinal(a.Name, b.Name)));

        private void LookAhead()
        {
            _ahead = null;
            for (_isAhead = false; _next < _count; _next++)
            {
                var entry = _entries[_next];
                try
                {
                    if (!_walk.NamesOnly || (!_walk.SystemFiles && entry.Attributes is null && _walk.HasAttributes))
                        _ahead = _walk._volume.GetMetadata(entry.Id);
                }
                catch (Exception e) when (_walk.PassOver(e, Path + "/" + entry.Name))
                {
                    continue;
                }
                var attributes = _ahead is null ? entry.Attributes : _ahead.DosAttributes;
                if (!_walk.SystemFiles && attributes is { } known && (known & DosAttributes.System) != 0)
                    continue;
                _isAhead = true;
                return;
            }
        }
    }
}
