using Platter.FileSystems;
using Platter.Trees;

namespace Platter.Tests.Trees;

/// <summary>A tree that is exactly what a test says, names included: what a hostile image can come up with.</summary>
internal sealed class ListedSource : TreeSource
{
    private readonly List<TreeEntry> _entries = [];
    private readonly Dictionary<TreeEntry, Func<TreeContent>> _contents = [];

    public override FileMetadata? RootMetadata { get; } = new FileMetadata { Kind = EntryKind.Directory };

    /// <summary>Called before each content is opened, on the reader's thread.</summary>
    public Action<TreeEntry>? Opening { get; set; }

    /// <summary>Called with the offset before each read of a content, on the reader's thread.</summary>
    public Action<long>? Reading { get; set; }

    public TreeEntry Add(TreeEntry? parent, string name, FileMetadata metadata, object? identity = null)
    {
        var entry = new TreeEntry(parent, name, metadata) { LinkIdentity = identity };
        _entries.Add(entry);
        return entry;
    }

    public TreeEntry Directory(TreeEntry? parent, string name) => Add(parent, name, new FileMetadata { Kind = EntryKind.Directory });

    public TreeEntry File(TreeEntry? parent, string name, byte[] content, object? identity = null)
    {
        var entry = Add(parent, name, new FileMetadata { Kind = EntryKind.File, Length = content.Length }, identity);
        _contents[entry] = () => new Bytes(this, content, content.Length);
        return entry;
    }

    /// <summary>A file of which less, or more, is there than its length says; -1 fails at the end of what is there.</summary>
    public TreeEntry Liar(TreeEntry? parent, string name, byte[] content, long claimed, bool fails = false)
    {
        var entry = Add(parent, name, new FileMetadata { Kind = EntryKind.File, Length = claimed });
        _contents[entry] = () => new Bytes(this, content, claimed, fails);
        return entry;
    }

    public TreeEntry Link(TreeEntry? parent, string name, string target) =>
        Add(parent, name, new FileMetadata { Kind = EntryKind.SymbolicLink, LinkTarget = target, Length = target.Length });

    public override IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default)
    {
        foreach (var entry in _entries)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return entry;
        }
    }

    public override TreeContent OpenContent(TreeEntry entry, StreamName stream)
    {
        Opening?.Invoke(entry);
        return _contents[entry]();
    }

    private sealed class Bytes(ListedSource source, byte[] content, long claimed, bool fails = false) : TreeContent
    {
        public override long? Length => claimed;

        public override int ReadAt(long offset, Span<byte> buffer)
        {
            source.Reading?.Invoke(offset);
            if (offset >= content.Length)
                return fails ? throw new IOException("the medium failed") : 0;
            var n = (int)Math.Min(buffer.Length, content.Length - offset);
            content.AsSpan((int)offset, n).CopyTo(buffer);
            return n;
        }
    }
}
