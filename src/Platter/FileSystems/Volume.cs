using Platter.Blocks;

namespace Platter.FileSystems;

/// <summary>An opened filesystem, for reading. Node-based, so that FUSE, WebDAV and a page can use it directly.</summary>
/// <remarks>Not thread-safe: one caller at a time, streams included.</remarks>
public abstract class Volume : IDisposable
{
    /// <summary>What the volume says of itself. Reads no more than the head of the volume.</summary>
    public abstract VolumeInfo Info { get; }

    public abstract Capabilities Capabilities { get; }

    public abstract NodeId RootId { get; }

    public Node Root => new(this, RootId, "");

    /// <summary>How this volume decides that two names are the same.</summary>
    public abstract IEqualityComparer<string> NameComparer { get; }

    /// <summary>Bytes that new content can take. May read an allocation map the first time.</summary>
    public abstract long FreeBytes { get; }

    /// <summary>Finds a name in a directory.</summary>
    /// <returns>False when it is not there.</returns>
    /// <exception cref="DirectoryNotFoundException"><paramref name="directory"/> is no directory.</exception>
    public abstract bool TryLookup(NodeId directory, string name, out NodeId id);

    /// <summary>The entries of a directory in stored order, one by one as they are read; without "." and "..".
    /// The directory must not be changed meanwhile.</summary>
    /// <exception cref="DirectoryNotFoundException"><paramref name="directory"/> is no directory.</exception>
    public abstract IEnumerable<DirectoryEntry> Enumerate(NodeId directory);

    /// <summary>Adds the entries of a directory to a list, as <see cref="Enumerate"/> has them.</summary>
    /// <exception cref="DirectoryNotFoundException"><paramref name="directory"/> is no directory.</exception>
    /// <exception cref="DiskFormatException">The directory is damaged; what was read until then is in the list.</exception>
    public virtual void List(NodeId directory, NameList names)
    {
        foreach (var entry in Enumerate(directory))
            names.Add(entry.Name, entry.Id, entry.Kind, entry.Attributes);
    }

    /// <summary>Everything known of a node but its extended attributes and streams.</summary>
    /// <exception cref="FileNotFoundException">The node is no more.</exception>
    public abstract FileMetadata GetMetadata(NodeId id);

    /// <summary>Opens a stream of a node for reading.</summary>
    /// <exception cref="FileNotFoundException">The node is no more, or has no such stream (also where the filesystem knows no such streams).</exception>
    /// <exception cref="UnauthorizedAccessException">The node is a directory or has no data.</exception>
    public abstract VolumeStream OpenRead(NodeId id, StreamName stream);

    /// <summary>The streams besides the main data.</summary>
    public virtual IReadOnlyList<StreamDescription> GetStreams(NodeId id) => [];

    /// <summary>The extended attributes, with the prefix of their namespace (<c>user.</c>, <c>security.</c>).</summary>
    public virtual IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId id) => EmptyAttributes;

    /// <summary>What this format alone keeps with a node, in the form of extended attributes: for people and their tools. A copy takes what it can
    /// hold from the metadata instead.</summary>
    public virtual IReadOnlyDictionary<string, byte[]> GetFormatAttributes(NodeId id) => EmptyAttributes;

    /// <summary>One of the <see cref="GetFormatAttributes"/>, also by a name that other drivers have for it; null when there is none.</summary>
    public virtual byte[]? FindFormatAttribute(NodeId id, string name) => GetFormatAttributes(id).TryGetValue(name, out var value) ? value : null;

    /// <summary>The parts of the device that hold structures or content, for used-only imaging: in order, not touching.</summary>
    public abstract IEnumerable<ByteRange> AllocatedRanges();

    /// <summary>Finds a node by its absolute path, <c>/</c> between names; empty names are passed over.
    /// <c>.</c> and <c>..</c> are names like any other and so not found.</summary>
    /// <returns>False when a part of the path is not there or is no directory.</returns>
    public bool TryFind(string path, out Node node)
    {
        node = Root;
        for (var position = 0; NextName(path, ref position) is { } name;)
        {
            if (!node.IsDirectory || !TryLookup(node.Id, name, out var next))
                return false;
            node = new Node(this, next, name);
        }
        return true;
    }

    /// <summary>As <see cref="TryFind"/>, with an exception that names the first part that is missing.</summary>
    /// <exception cref="FileNotFoundException">The path leads nowhere.</exception>
    public Node Find(string path)
    {
        if (TryFind(path, out var node))
            return node;
        var at = Root;
        var walked = "";
        for (var position = 0; NextName(path, ref position) is { } name;)
        {
            if (!at.IsDirectory)
                throw new FileNotFoundException($"{walked} is not a directory");
            walked += "/" + name;
            if (!TryLookup(at.Id, name, out var next))
                break;
            at = new Node(this, next, name);
        }
        throw new FileNotFoundException(walked == path ? $"no such file or directory: {path}" : $"no such file or directory: {walked} (in {path})");
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    // Not the framework's Split, which prepares a third of a millisecond of vector code at every start.
    private static string? NextName(string path, ref int position)
    {
        while (position < path.Length && path[position] == '/')
            position++;
        var start = position;
        while (position < path.Length && path[position] != '/')
            position++;
        return position > start ? path[start..position] : null;
    }

    /// <summary>Refuses other streams than the main data, on filesystems that have no others.</summary>
    protected void RequireMainData(StreamName stream, bool forWriting)
    {
        if (stream.Kind == StreamKind.Data)
            return;
        if (!forWriting)
            throw new FileNotFoundException($"no stream {stream}: {Info.Type} has main data only");
        throw new UnsupportedFeatureException($"{Info.Type} has no {(stream.Kind == StreamKind.Named ? "named streams" : "resource forks")}");
    }

    /// <summary>Lets go of the volume's own memory. The device stays open; what was not committed is dropped.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }

    private static readonly IReadOnlyDictionary<string, byte[]> EmptyAttributes = new Dictionary<string, byte[]>(StringComparer.Ordinal);
}
