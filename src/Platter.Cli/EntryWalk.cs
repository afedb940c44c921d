using System.Runtime.CompilerServices;
using Platter.Cli.Output;
using Platter.FileSystems;
using Platter.Primitives;

namespace Platter.Cli;

/// <summary>Walks a directory, or all that is below it: sorted by name, parents before their children.</summary>
internal sealed class EntryWalk(Volume volume)
{
    private const int MaxProblems = 1000;
    private readonly Volume _volume = volume;
    private NameList? _spare;
    private NamesAhead? _ahead;
    private int _listed;
    private List<(string Path, Exception Reason)>? _problems;

    private bool HasAttributes => _volume.Capabilities.SettableAttributes != DosAttributes.None;

    /// <summary>No sound tree is deeper; a volume whose directories contain each other is.</summary>
    private const int MaxDepth = 4096;

    /// <summary>Names in all after which listing ahead is worth the start of a thread.</summary>
    private const int WorthAThread = 1000;

    /// <summary>Whether to go into directories.</summary>
    public bool Recursive { get; init; }

    /// <summary>Whether entries with the system attribute are part of it.</summary>
    public bool SystemFiles { get; init; } = true;

    /// <summary>Whether names and kinds are enough: then nodes are not looked at where the directory tells what is wanted.</summary>
    public bool NamesOnly { get; init; }

    /// <summary>Whether the directory that comes next is listed on another thread: for who leaves the volume alone while walking, and has much to do with each name.</summary>
    public bool ListsAhead { get; init; }

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
        var entry = new WalkedEntry();
        try
        {
            while (level is not null)
            {
                if (!level.TryNext(entry))
                {
                    level = level.Leave();
                    continue;
                }
                yield return entry;
                if (Recursive && entry.Kind == EntryKind.Directory && level.Depth + 1 < MaxDepth && IsNew(ref entered, directory, entry.Id))
                    level = new Level(this, entry.Id, entry.Path, level);
            }
        }
        finally
        {
            // The volume is the caller's again.
            _ahead?.Dispose();
            _ahead = null;
        }
    }

    private NameList List(NodeId directory, string path)
    {
        var names = _spare ?? new NameList();
        _spare = null;
        try
        {
            if (_ahead is null || !_ahead.TryTake(directory, ref names))
                _volume.List(directory, names);
        }
        catch (Exception e) when (PassOver(e, path + "/"))
        {
            // What was found until then is listed.
        }
        names.Sort();
        return names;
    }

    private FileMetadata Describe(NodeId id)
    {
        _ahead?.Wait();
        return _volume.GetMetadata(id);
    }

    // What is entered next, unless it was already, is in this directory or behind one of those above.
    private void ListAhead(Level level)
    {
        _listed += level.Count;
        if (!ListsAhead || !Recursive || _listed < WorthAThread)
            return;
        for (var at = level; at is not null; at = at.Above)
        {
            if (at.NextDirectory() is { } next)
            {
                (_ahead ??= new NamesAhead(_volume)).Begin(next);
                return;
            }
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
        private readonly EntryWalk _walk;
        private readonly NameList _names;
        private int _next;
        private bool _isAhead;
        private FileMetadata? _ahead;

        public Level(EntryWalk walk, NodeId directory, string path, Level? above)
        {
            _walk = walk;
            Path = path;
            Above = above;
            Depth = above is null ? 0 : above.Depth + 1;
            _names = walk.List(directory, path);
            LookAhead();
            walk.ListAhead(this);
        }

        public Level? Above { get; }

        public int Count => _names.Count;

        public int Depth { get; }

        public string Path { get; }

        public bool TryNext(WalkedEntry entry)
        {
            if (!_isAhead)
                return false;
            var index = _next++;
            var known = _ahead;
            LookAhead();
            entry.Set(Path, _names, index, known, Depth, isLast: !_isAhead);
            return true;
        }

        /// <summary>All of it was gone through: what it held is the next one's.</summary>
        /// <returns>The directory that this one is in; null where the walk started.</returns>
        public Level? Leave()
        {
            _names.Clear();
            _walk._spare = _names;
            return Above;
        }

        /// <summary>The next directory that has not been gone into.</summary>
        public NodeId? NextDirectory()
        {
            for (var i = _next; i < _names.Count; i++)
            {
                if (_names.Kind(i) == EntryKind.Directory && !IsHidden(_names.Attributes(i)))
                    return _names.Id(i);
            }
            return null;
        }

        private void LookAhead()
        {
            _ahead = null;
            for (_isAhead = false; _next < _names.Count; _next++)
            {
                var attributes = _walk.SystemFiles ? null : _names.Attributes(_next);
                try
                {
                    if (!_walk.NamesOnly || (!_walk.SystemFiles && attributes is null && _walk.HasAttributes))
                        _ahead = _walk.Describe(_names.Id(_next));
                }
                catch (Exception e) when (_walk.PassOver(e, Path + "/" + _names.Name(_next).ToString()))
                {
                    continue;
                }
                if (IsHidden(_ahead is null ? attributes : _ahead.DosAttributes))
                    continue;
                _isAhead = true;
                return;
            }
        }

        private bool IsHidden(DosAttributes? attributes) => !_walk.SystemFiles && attributes is { } known && (known & DosAttributes.System) != 0;
    }
}
