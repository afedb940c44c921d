using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>One entry of a tree, on its way from a source to a sink.</summary>
/// <param name="parent">The directory it is in; null for an entry at the top.</param>
/// <param name="name">Its name there, as the source has it: not yet checked against anybody's rules.</param>
/// <param name="metadata">Everything known of it but extended attributes and streams.</param>
public class TreeEntry(TreeEntry? parent, string name, FileMetadata metadata)
{
    public TreeEntry? Parent { get; } = parent;
    public string Name { get; } = name;
    public FileMetadata Metadata { get; } = metadata;
    public EntryKind Kind => Metadata.Kind;

    /// <summary>Bytes of content; 0 for what has none.</summary>
    public long Length => Metadata.Length;

    /// <summary>Entries of one walk with equal identities are names of the same file; null for what has only this name.</summary>
    public object? LinkIdentity { get; init; }

    /// <summary>Why the entry, or what lies below it, could not be read; null when all is well.</summary>
    public Exception? Problem { get; init; }

    /// <summary>Whether the source has nothing to say of this directory but that something lies below it.</summary>
    public bool IsImplied { get; init; }

    /// <summary>How many directories lie above it within the tree.</summary>
    public int Depth { get; } = parent is null ? 0 : parent.Depth + 1;

    /// <summary>The path from the top of the tree: <c>/usr/bin/env</c>. Put together at each call.</summary>
    public string Path
    {
        get
        {
            if (Parent is null)
                return "/" + Name;
            var length = 0;
            for (var entry = this; entry is not null; entry = entry.Parent)
                length += entry.Name.Length + 1;
            var text = new char[length];
            for (var entry = this; entry is not null; entry = entry.Parent)
            {
                length -= entry.Name.Length;
                entry.Name.CopyTo(0, text, length, entry.Name.Length);
                text[--length] = '/';
            }
            return new string(text);
        }
    }

    public override string ToString() => Path;
}
