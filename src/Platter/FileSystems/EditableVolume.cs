using Platter.Blocks;

namespace Platter.FileSystems;

/// <summary>An opened filesystem that can be changed.</summary>
/// <remarks>
/// <para>Each call is an edit: it succeeds whole or throws and leaves the volume as it was. Edits collect in memory until
/// <see cref="Commit"/>, which makes all of them durable at once (above a transaction device: atomically). Every state
/// between two edits is a consistent filesystem, so a bulk job may commit after any of them.</para>
/// <para>Names are checked against the filesystem's rules (<see cref="InvalidNameException"/>) and its own comparison
/// (<see cref="AlreadyExistsException"/>). Every call that takes a parent throws <see cref="DirectoryNotFoundException"/> when that
/// node is no directory, and <see cref="FileNotFoundException"/> when a node, or the name to change, is not there (any more).</para>
/// <para>New entries, and content that is written, get the time of <see cref="VolumeOptions.Clock"/>. Reading changes no times.</para>
/// <para>Where the medium fails: an edit that failed is undone. One that could not be (its undoing needs the medium, too) makes FAT and exFAT volumes refuse every
/// further call, in one message, until <see cref="Rollback"/>. After a <see cref="Commit"/> that failed all edits are still there, to be committed again or rolled
/// back. A <see cref="Rollback"/> that failed is brought to its end before anything else is done.</para>
/// <para>Space that an edit frees may only be usable after the next <see cref="Commit"/>: the committed state must stay intact until then.</para>
/// </remarks>
public abstract class EditableVolume : Volume
{
    /// <summary>Bytes of changed structures held in memory; a bulk job commits when this gets large.</summary>
    public abstract long UncommittedBytes { get; }

    /// <summary>Creates an empty file.</summary>
    /// <exception cref="AlreadyExistsException">The name is taken.</exception>
    /// <exception cref="VolumeFullException">No room for the entry.</exception>
    public abstract NodeId CreateFile(NodeId parent, string name, MetadataChange metadata);

    /// <summary>Creates an empty directory.</summary>
    public abstract NodeId CreateDirectory(NodeId parent, string name, MetadataChange metadata);

    /// <summary>Creates a symbolic link; the target is stored as given.</summary>
    public virtual NodeId CreateSymbolicLink(NodeId parent, string name, string target, MetadataChange metadata) =>
        throw Lacks("symbolic links");

    /// <summary>Creates a device node, FIFO or socket.</summary>
    public virtual NodeId CreateSpecial(NodeId parent, string name, EntryKind kind, DeviceNumber device, MetadataChange metadata) =>
        throw Lacks("device nodes");

    /// <summary>Gives a node another name.</summary>
    public virtual void CreateHardLink(NodeId node, NodeId parent, string name) => throw Lacks("hard links");

    /// <summary>Opens a stream of a node for reading and writing, creating it when it is a named stream or a resource fork that is
    /// not there. The length stays; <see cref="Stream.SetLength"/> truncates.</summary>
    /// <remarks>A node may have several streams open at once. What one wrote is seen by all, and by <see cref="Volume.GetMetadata"/>,
    /// after its <see cref="Stream.Flush"/> at the latest. <see cref="Commit"/> includes what open streams hold.</remarks>
    /// <exception cref="UnauthorizedAccessException">The main data of what has none: a directory, a link, a device.</exception>
    /// <exception cref="UnsupportedFeatureException">The filesystem has no such streams.</exception>
    public abstract VolumeStream OpenWrite(NodeId id, StreamName stream);

    /// <summary>Removes a named stream or a resource fork.</summary>
    public virtual void DeleteStream(NodeId id, StreamName stream) => throw Lacks("named streams");

    /// <summary>Renames or moves. The node keeps its id, its times and everything else.</summary>
    /// <param name="parent">The directory it is in.</param>
    /// <param name="name">Its name there.</param>
    /// <param name="newParent">The directory it goes to; may be the same.</param>
    /// <param name="newName">Its name there. A name that differs only by case from the old one is allowed.</param>
    /// <param name="replace">Whether an existing file, or empty directory when a directory is moved, gives way. When both names
    /// lead to the same node (hard links), the old name goes and the new one stays.</param>
    /// <exception cref="ArgumentException">A directory would come to lie within itself.</exception>
    /// <exception cref="AlreadyExistsException">The new name is taken, and <paramref name="replace"/> is false or just one of the two is a directory.</exception>
    /// <exception cref="DirectoryNotEmptyException">The directory to be replaced holds entries.</exception>
    /// <exception cref="InUseException">A stream of the node to be replaced is open. The node that is moved may have open streams.</exception>
    public abstract void Rename(NodeId parent, string name, NodeId newParent, string newName, bool replace);

    /// <summary>Makes an entry in the place of another: under a free name first, so that the old one is there until the new one is whole.</summary>
    /// <param name="parent">The directory.</param>
    /// <param name="name">The name, which is taken.</param>
    /// <param name="create">Makes the entry under the name that it is given, in the same directory.</param>
    /// <returns>What <paramref name="create"/> made, under its final name.</returns>
    /// <inheritdoc cref="Rename" path="/exception"/>
    public NodeId Replace(NodeId parent, string name, Func<string, NodeId> create)
    {
        var newName = "platter.new";
        for (var i = 1; TryLookup(parent, newName, out _); i++)
            newName = $"platter{i}.new";
        var id = create(newName);
        var done = false;
        try
        {
            Rename(parent, newName, parent, name, replace: true);
            done = true;
        }
        finally
        {
            if (!done)
                Delete(parent, newName);
        }
        return id;
    }

    /// <summary>Removes a name, and the node with its last name.</summary>
    /// <exception cref="DirectoryNotEmptyException">A directory with entries.</exception>
    /// <exception cref="InUseException">A stream of the node is open.</exception>
    public abstract void Delete(NodeId parent, string name);

    /// <summary>Removes a name and, when it is a directory, everything below it.</summary>
    /// <remarks>Not one edit but many, deepest first; a failure leaves a consistent volume with part of them gone.</remarks>
    public virtual void DeleteRecursively(NodeId parent, string name)
    {
        // An explicit stack: the depth comes from the image. Each frame is a directory whose entries still have to go.
        if (!TryLookup(parent, name, out var top))
            throw new FileNotFoundException($"no such file or directory: {name}");
        if (GetMetadata(top).Kind == EntryKind.Directory)
        {
            var stack = new Stack<(NodeId Parent, string Name, NodeId Id, Queue<DirectoryEntry> Left)>();
            stack.Push((parent, name, top, new Queue<DirectoryEntry>(Enumerate(top))));
            while (stack.Count > 0)
            {
                var (up, ownName, id, left) = stack.Peek();
                if (left.TryDequeue(out var child))
                {
                    if (child.Kind == EntryKind.Directory)
                        stack.Push((id, child.Name, child.Id, new Queue<DirectoryEntry>(Enumerate(child.Id))));
                    else
                        Delete(id, child.Name);
                    continue;
                }
                stack.Pop();
                Delete(up, ownName);
            }
            return;
        }
        Delete(parent, name);
    }

    /// <summary>Sets what is not null in <paramref name="change"/>; all of it or, with an exception, nothing.</summary>
    /// <remarks>Times are stored as <see cref="TimeCapability.Round"/> says: cut to the step, pulled into the range; never refused for their value.</remarks>
    /// <exception cref="UnsupportedFeatureException">The filesystem cannot hold one of them: a time, an owner, an attribute bit
    /// that is not among <see cref="Capabilities.SettableAttributes"/>.</exception>
    public abstract void SetMetadata(NodeId id, MetadataChange change);

    /// <summary>Sets an extended attribute, or removes it when <paramref name="value"/> is null.</summary>
    public virtual void SetExtendedAttribute(NodeId id, string name, byte[]? value) => throw Lacks("extended attributes");

    /// <summary>Sets the volume's label; empty removes it.</summary>
    public virtual void SetLabel(string label) => throw Lacks("labels");

    /// <summary>Makes every edit so far durable, all at once.</summary>
    public abstract void Commit();

    /// <summary>Drops every edit since the last commit. Node ids and streams handed out since are no longer valid.</summary>
    /// <exception cref="NotSupportedException">The device below writes at once: see <see cref="BlockDevice.CanRollback"/>.</exception>
    public abstract void Rollback();

    /// <summary>Creates a file with content: the name appears with all of it or not at all.</summary>
    /// <param name="parent">The directory.</param>
    /// <param name="name">The name; must be free.</param>
    /// <param name="content">Read from where it stands to its end.</param>
    /// <param name="length">How much is going to come, when known: room is made in one piece, and what can't fit is refused at once.</param>
    /// <param name="metadata">What to set, times included, once the content is there.</param>
    public virtual NodeId CreateFile(NodeId parent, string name, Stream content, long? length, MetadataChange metadata)
    {
        if (length > Capabilities.MaxFileLength)
            throw TooLong(length.Value);
        var id = CreateFile(parent, name, metadata);
        Append(parent, name, id, content, length, metadata);
        return id;
    }

    /// <summary>Adds content to a file that was just made; it goes again when that fails.</summary>
    /// <param name="parent">The directory that it is in.</param>
    /// <param name="name">Its name there.</param>
    /// <param name="id">The file.</param>
    /// <param name="content">Read to its end.</param>
    /// <param name="length">How many bytes will come, as far as that is known: room for them is looked for in one piece.</param>
    /// <param name="metadata">What it is to have at the end.</param>
    protected void Append(NodeId parent, string name, NodeId id, Stream content, long? length, MetadataChange metadata)
    {
        var complete = false;
        try
        {
            using (var stream = OpenWrite(id, StreamName.Data))
            {
                if (length > 0)
                    stream.Reserve(length.Value);
                stream.Position = stream.Length;
                content.CopyTo(stream, 1 << 20);
            }
            // Writing moves the modification time and, on FAT and NTFS, sets the archive bit: what was asked for has the last word.
            if (!metadata.IsEmpty)
                SetMetadata(id, metadata);
            complete = true;
        }
        finally
        {
            if (!complete)
                Delete(parent, name);
        }
    }

    /// <summary>The error for a file that is longer than the filesystem can store.</summary>
    protected UnsupportedFeatureException TooLong(long length) =>
        new($"{Info.Type} holds files of at most {Capabilities.MaxFileLength} bytes, {length} were asked for");

    protected UnsupportedFeatureException Lacks(string feature) => new($"{Info.Type} has no {feature}");
}
