using System.Runtime.CompilerServices;
using Platter.Cli.Output;
using Platter.FileSystems;
using Platter.Primitives;

namespace Platter.Cli;

/// <summary>The entry that a walk has come to: it is another one when the walk goes on.</summary>
internal sealed class WalkedEntry
{
    private NameList _names = new();
    private int _index;
    private FileMetadata? _known;
    private string? _path;

    /// <summary>The absolute path of the directory it is in, empty for the root.</summary>
    public string Directory { get; private set; } = "";

    /// <summary>0 for the entries of the directory that the walk started in.</summary>
    public int Depth { get; private set; }

    /// <summary>Whether no entry of the same directory follows.</summary>
    public bool IsLast { get; private set; }

    /// <summary>The last name of its path.</summary>
    public ReadOnlySpan<char> NameText => _names.Name(_index);

    /// <summary>As <see cref="NameText"/>, made anew each time.</summary>
    public string Name => NameText.ToString();

    public NodeId Id => _names.Id(_index);

    public EntryKind Kind => _known?.Kind ?? _names.Kind(_index);

    /// <summary>Absolute.</summary>
    public string Path => _path ?? Directory + "/" + Name;

    /// <summary>Everything known of it; of a walk that is not <see cref="EntryWalk.NamesOnly"/>.</summary>
    public FileMetadata Metadata => _known ?? throw new InvalidOperationException("the walk was to look at names alone");

    /// <summary>The entry that a walk starts at.</summary>
    public static WalkedEntry Start(string path, Node node)
    {
        var entry = new WalkedEntry { _known = node.Metadata, _path = path, IsLast = true };
        entry._names.Add(node.Name, node.Id, node.Kind);
        return entry;
    }

    /// <summary>Becomes another one.</summary>
    public void Set(string directory, NameList names, int index, FileMetadata? known, int depth, bool isLast)
    {
        (Directory, _names, _index) = (directory, names, index);
        (_known, Depth, IsLast) = (known, depth, isLast);
    }
}

/// <summary>Walks a directory, or all that is below it: sorted by name, parents before their children.</summary>
internal sealed class EntryWalk(Volume volume)
{
    private const int MaxProblems = 1000;
    private readonly Volume _volume = volume;
    private NameList? _spare;
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
        var entry = new WalkedEntry();
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
            _names = walk._spare ?? new NameList();
            walk._spare = null;
            Path = path;
            Above = above;
            Depth = above is null ? 0 : above.Depth + 1;
            try
            {
                walk._volume.List(directory, _names);
            }
            catch (Exception e) when (walk.PassOver(e, path + "/"))
            {
                // What was found until then is listed.
            }
            _names.Sort();
            LookAhead();
        }

        private Level? Above { get; }

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

        private void LookAhead()
        {
            _ahead = null;
            for (_isAhead = false; _next < _names.Count; _next++)
            {
                var attributes = _walk.SystemFiles ? null : _names.Attributes(_next);
                try
                {
                    if (!_walk.NamesOnly || (!_walk.SystemFiles && attributes is null && _walk.HasAttributes))
                        _ahead = _walk._volume.GetMetadata(_names.Id(_next));
                }
                catch (Exception e) when (_walk.PassOver(e, Path + "/" + _names.Name(_next).ToString()))
                {
                    continue;
                }
                if (!_walk.SystemFiles && (_ahead is null ? attributes : _ahead.DosAttributes) is { } known && (known & DosAttributes.System) != 0)
                    continue;
                _isAhead = true;
                return;
            }
        }
    }
}
