using Platter.FileSystems;

namespace Platter.Cli;

/// <summary>An entry met on a walk.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Name">The last name of it.</param>
/// <param name="Id">The node.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Known">Everything known of it; null where the walk did not have to look.</param>
/// <param name="Depth">0 for the entries of the directory that the walk started in.</param>
/// <param name="IsLast">Whether no entry of the same directory follows.</param>
internal readonly record struct WalkedEntry(string Path, string Name, NodeId Id, EntryKind Kind, FileMetadata? Known, int Depth, bool IsLast)
{
    /// <summary>Everything known of it; of a walk that is not <see cref="EntryWalk.NamesOnly"/>.</summary>
    public FileMetadata Metadata => Known ?? throw new InvalidOperationException("the walk was to look at names alone");
}

/// <summary>Walks a directory, or all that is below it: sorted by name, parents before their children.</summary>
internal sealed class EntryWalk(Volume volume)
{
    private readonly Volume _volume = volume;

    private bool HasAttributes { get; } = volume.Capabilities.SettableAttributes != DosAttributes.None;

    /// <summary>No sound tree is deeper; a volume whose directories contain each other is.</summary>
    private const int MaxDepth = 4096;

    /// <summary>Whether to go into directories.</summary>
    public bool Recursive { get; init; }

    /// <summary>Whether entries with the system attribute are part of it.</summary>
    public bool SystemFiles { get; init; } = true;

    /// <summary>Whether names and kinds are enough: then nodes are not looked at where the directory tells what is wanted.</summary>
    public bool NamesOnly { get; init; }

    public IEnumerable<WalkedEntry> Walk(string path, NodeId directory)
    {
        var entered = new HashSet<NodeId> { directory };
        // A list, since the framework's Stack lies in an assembly of its own, whose loading every start would pay for.
        List<Level> stack = [new Level(this, directory, path == "/" ? "" : path)];
        while (stack.Count > 0)
        {
            var level = stack[^1];
            if (!level.TryNext(out var entry, out var metadata))
            {
                stack.RemoveAt(stack.Count - 1);
                continue;
            }
            var entryPath = level.Path + "/" + entry.Name;
            yield return new WalkedEntry(entryPath, entry.Name, entry.Id, metadata?.Kind ?? entry.Kind, metadata, stack.Count - 1, level.IsAtEnd);
            if (Recursive && (metadata?.Kind ?? entry.Kind) == EntryKind.Directory && stack.Count < MaxDepth && entered.Add(entry.Id))
                stack.Add(new Level(this, entry.Id, entryPath));
        }
    }

    /// <summary>A directory being gone through, one entry ahead so that the last one is known.</summary>
    private sealed class Level
    {
        private readonly EntryWalk _walk;
        private readonly List<DirectoryEntry> _entries = [];
        private int _next;
        private bool _isAhead;
        private FileMetadata? _ahead;

        public Level(EntryWalk walk, NodeId directory, string path)
        {
            _walk = walk;
            Path = path;
            foreach (var entry in walk._volume.Enumerate(directory))
                _entries.Add(entry);
            _entries.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
            LookAhead();
        }

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

        private void LookAhead()
        {
            _ahead = null;
            for (_isAhead = false; _next < _entries.Count; _next++)
            {
                var entry = _entries[_next];
                if (!_walk.NamesOnly || (!_walk.SystemFiles && entry.Attributes is null && _walk.HasAttributes))
                    _ahead = _walk._volume.GetMetadata(entry.Id);
                var attributes = _ahead is null ? entry.Attributes : _ahead.DosAttributes;
                if (!_walk.SystemFiles && attributes is { } known && (known & DosAttributes.System) != 0)
                    continue;
                _isAhead = true;
                return;
            }
        }
    }
}
