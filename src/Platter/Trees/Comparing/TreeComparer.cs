using Platter.FileSystems;

namespace Platter.Trees.Comparing;

/// <summary>Finds what differs between two trees, in one walk through both: neither is held in memory.</summary>
/// <remarks>What one side cannot have (modes on FAT) is not compared, and times as coarsely as the coarser side stores them. An empty
/// <c>lost+found</c> at the top, which formatting ext leaves, is no difference.</remarks>
public static class TreeComparer
{
    private const string LostAndFound = "/lost+found";

    /// <summary>Compares two trees, which stay the caller's.</summary>
    /// <returns>The differences by path, as they are found.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IEnumerable<TreeDifference> Compare(TreeSource first, TreeSource second, TreeCompareOptions? options = null)
    {
        options ??= TreeCompareOptions.Default;
        var (one, other) = options.Exclude.IsEmpty ? (first, second) : (new FilteredSource(first, options.Exclude), new FilteredSource(second, options.Exclude));
        var entries = new EntryComparer(one, other, options);
        if (entries.CompareTops() is { } top)
            yield return top;
        using var left = new Side(one, options.Cancellation);
        using var right = new Side(other, options.Cancellation);
        left.Next();
        right.Next();
        var compared = 0L;
        while (left.Entry is not null || right.Entry is not null)
        {
            options.Cancellation.ThrowIfCancellationRequested();
            var order = left.Entry is null ? 1 : right.Entry is null ? -1 : ComparePaths(left.Path, right.Path);
            if (order == 0)
            {
                if (entries.Compare(left.Entry!, left.Path, right.Entry!) is { } change)
                    yield return change;
                options.Progress?.Report(new WorkProgress("comparing", entries.ComparedBytes, null, ++compared, null, left.Path));
                left.Next();
                right.Next();
                continue;
            }
            var side = order < 0 ? left : right;
            var (entry, path) = (side.Entry!, side.Path);
            side.Next();
            if (path == LostAndFound && entry.Kind == EntryKind.Directory && !IsBelow(side.Path, path) && entry.Problem is null)
                continue;
            yield return Alone(entry, path, order < 0 ? DifferenceKind.Removed : DifferenceKind.Added);
        }
    }

    /// <summary>The order of a walk: name by name, a directory before what is in it.</summary>
    internal static int ComparePaths(string a, string b)
    {
        var common = a.AsSpan().CommonPrefixLength(b);
        if (common == a.Length || common == b.Length)
            return a.Length.CompareTo(b.Length);
        // A slash ends a name, and a name comes before all that it begins.
        return a[common] == '/' ? -1 : b[common] == '/' ? 1 : a[common].CompareTo(b[common]);
    }

    private static bool IsBelow(string path, string directory) => path.Length > directory.Length && path.StartsWith(directory, StringComparison.Ordinal) && path[directory.Length] == '/';

    private static TreeDifference Alone(TreeEntry entry, string path, DifferenceKind kind) => new()
    {
        Path = path, Kind = kind, EntryKind = entry.Kind, Length = entry.Kind == EntryKind.File ? entry.Length : 0,
        Changes = entry.Problem is { } problem ? [EntryComparer.Unreadable(problem, kind == DifferenceKind.Removed)] : [],
    };

    /// <summary>A walk through one tree, and where it stands.</summary>
    private sealed class Side(TreeSource source, CancellationToken cancellation) : IDisposable
    {
        private readonly IEnumerator<TreeEntry> _walk = source.Walk(cancellation).GetEnumerator();

        /// <summary>Null at the end.</summary>
        public TreeEntry? Entry { get; private set; }

        /// <summary>Of the entry; empty at the end.</summary>
        public string Path { get; private set; } = "";

        public void Next()
        {
            Entry = _walk.MoveNext() ? _walk.Current : null;
            Path = Entry?.Path ?? "";
        }

        public void Dispose() => _walk.Dispose();
    }
}
