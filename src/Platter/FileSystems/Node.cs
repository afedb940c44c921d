namespace Platter.FileSystems;

/// <summary>Names a node within one opened volume: stable as long as the volume is open, through rename and move.</summary>
public readonly record struct NodeId(ulong Value)
{
    // Written out: the generated ones go through the framework's default comparer, which is made by reflection at every start.
    public bool Equals(NodeId other) => Value == other.Value;

    public override int GetHashCode() => (int)(Value ^ Value >> 32);
}

/// <summary>A name in a directory and the node it leads to.</summary>
/// <param name="Name">As stored. Bytes that are not text (ext) and unpaired surrogates (NTFS) are kept as lone surrogates.</param>
/// <param name="Id">The node.</param>
/// <param name="Kind">What it is, where the directory tells; else looked up.</param>
public readonly record struct DirectoryEntry(string Name, NodeId Id, EntryKind Kind)
{
    /// <summary>The attributes of DOS and Windows, where the directory itself tells them; null where the node has to be asked.</summary>
    public DosAttributes? Attributes { get; init; }
}

/// <summary>A node together with its volume: the comfortable way to walk a tree.</summary>
/// <param name="Volume">The volume.</param>
/// <param name="Id">The node's id in it.</param>
/// <param name="Name">The name by which it was reached; empty for the root.</param>
public readonly record struct Node(Volume Volume, NodeId Id, string Name)
{
    public FileMetadata Metadata => Volume.GetMetadata(Id);

    /// <summary>Bytes of the main data.</summary>
    public long Length => Metadata.Length;

    /// <summary>What it is; of the root that is known without looking.</summary>
    public EntryKind Kind => Id.Equals(Volume.RootId) ? EntryKind.Directory : Metadata.Kind;

    public bool IsDirectory => Kind == EntryKind.Directory;

    /// <summary>The entries of a directory, in the order of the directory, one by one as they are read.</summary>
    public IEnumerable<Node> Entries
    {
        get
        {
            var volume = Volume;
            return volume.Enumerate(Id).Select(e => new Node(volume, e.Id, e.Name));
        }
    }

    /// <summary>Opens the main data for reading.</summary>
    public VolumeStream OpenRead() => Volume.OpenRead(Id, StreamName.Data);
}
