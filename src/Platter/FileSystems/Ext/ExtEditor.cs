using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Changes an ext volume's names and inodes. Each call runs within an edit of <see cref="ExtEditState"/>, which undoes what fails.</summary>
internal sealed partial class ExtEditor(ExtEditState state, OpenFiles openFiles)
{
    /// <summary>The most names that an inode can have; a directory of more subdirectories counts 1 (dir_nlink).</summary>
    private const int MaxLinks = 65000;

    private const ExtInodeFlags Inherited = ExtInodeFlags.SecureDelete | ExtInodeFlags.Undelete | ExtInodeFlags.Sync | ExtInodeFlags.NoDump | ExtInodeFlags.NoAtime
        | ExtInodeFlags.JournalData | ExtInodeFlags.NoTail | ExtInodeFlags.DirSync | ExtInodeFlags.ProjectInherit | ExtInodeFlags.Casefold | ExtInodeFlags.Dax;
    private const ExtInodeFlags OfDirectoriesOnly = ExtInodeFlags.DirSync | ExtInodeFlags.ProjectInherit | ExtInodeFlags.Casefold;
    private const ExtInodeFlags OfOthers = ExtInodeFlags.NoDump | ExtInodeFlags.NoAtime;

    private readonly ExtGeometry _geometry = state.Geometry;

    public NodeId CreateFile(NodeId parent, string name, MetadataChange metadata) => Create(parent, name, EntryKind.File, metadata, null);

    /// <summary>Makes a file with content that comes with zeros up to the end of its last block.</summary>
    public NodeId CreateFile(NodeId parent, string name, ReadOnlySpan<byte> padded, int length, MetadataChange metadata)
    {
        var inode = Begin(parent, name, EntryKind.File, metadata, out var directory, out var bytes);
        new ExtFile(new NodeId(inode.Number), inode, state).Fill(padded, length);
        return Finish(directory, bytes, inode, metadata);
    }

    public NodeId CreateDirectory(NodeId parent, string name, MetadataChange metadata) =>
        Create(parent, name, EntryKind.Directory, metadata, inode => ExtDirectoryEditor.Create(inode, (uint)parent.Value, state));

    public NodeId CreateSymbolicLink(NodeId parent, string name, string target, MetadataChange metadata)
    {
        var bytes = EscapedUtf8.Encode(target);
        if (bytes.Length == 0 || bytes.AsSpan().Contains((byte)0))
            throw new InvalidNameException(target, "cannot be the target of a symbolic link: it is empty or holds a zero");
        if (bytes.Length >= _geometry.BlockSize)
            throw new UnsupportedFeatureException($"{_geometry.TypeName} with blocks of {_geometry.BlockSize} bytes holds link targets of at most {_geometry.BlockSize - 1} bytes, {bytes.Length} were asked for");
        return Create(parent, name, EntryKind.SymbolicLink, metadata, inode => SetTarget(inode, bytes));
    }

    public NodeId CreateSpecial(NodeId parent, string name, EntryKind kind, DeviceNumber device, MetadataChange metadata)
    {
        const uint majors = 1 << 12, minors = 1 << 20;
        if (kind is not (EntryKind.CharacterDevice or EntryKind.BlockDevice or EntryKind.Fifo or EntryKind.Socket))
            throw new ArgumentException($"a {kind} is no special file");
        if (device.Major >= majors || device.Minor >= minors)
            throw new UnsupportedFeatureException($"{_geometry.TypeName} holds device numbers below {majors}, {minors}; {device.Major}, {device.Minor} was asked for");
        return Create(parent, name, kind, metadata, inode =>
        {
            if (inode.IsDevice)
                inode.SetDevice(device);
        });
    }

    public void CreateHardLink(NodeId node, NodeId parent, string name)
    {
        var inode = Live(node);
        if (inode.IsDirectory)
            throw new UnauthorizedAccessException("a directory cannot have a second name");
        var directory = Directory(parent);
        var bytes = Validated(name);
        if (directory.TryFind(bytes, out _))
            throw new AlreadyExistsException(name);
        if (inode.LinkCount >= MaxLinks)
            throw new UnsupportedFeatureException($"{_geometry.TypeName} gives a file at most {MaxLinks} names");
        directory.Insert(new ExtNewEntry(bytes, inode.Number, TypeOf(inode)));
        Touch(directory);
        inode.Edit.LinksCount = (ushort)(inode.LinkCount + 1);
        inode.SetChanged(state.Now);
        state.Inodes.Write(inode);
    }

    public void Delete(NodeId parent, string name)
    {
        var directory = Directory(parent);
        var place = Find(directory, name);
        var inode = Removable(directory, place.Inode, name);
        directory.Remove(place);
        Unlink(directory, inode);
        Touch(directory);
    }

    public void Rename(NodeId parent, string name, NodeId newParent, string newName, bool replace)
    {
        var from = Directory(parent);
        var to = parent == newParent ? from : Directory(newParent);
        var source = Find(from, name);
        var (oldBytes, bytes) = (EscapedUtf8.Encode(name), Validated(newName));
        if (ReferenceEquals(from, to) && name == newName)
            return;
        var inode = Named(from, source.Inode);
        if (inode.IsDirectory && !ReferenceEquals(from, to))
            RefuseWithin(to, inode.Number, name);

        var replaced = default(ExtInode);
        var target = default(ExtPlace);
        var isItself = false;
        if (to.TryFind(bytes, out target))
        {
            isItself = ReferenceEquals(from, to) && target.Block == source.Block && target.Offset == source.Offset;
            if (!isItself)
                replaced = Replaceable(to, target, inode, newName, replace);
        }
        if (isItself)
        {
            // Only the case changes, in a directory that ignores it.
            from.Remove(source);
            to.Insert(new ExtNewEntry(bytes, inode.Number, TypeOf(inode)));
        }
        else if (replaced is not null)
        {
            to.Redirect(target, inode.Number, TypeOf(inode));
            from.Remove(source);
            if (replaced.Number == inode.Number)
                inode.Edit.LinksCount = (ushort)Math.Max(1, inode.LinkCount - 1);
            else
                Unlink(to, replaced);
        }
        else
        {
            to.Insert(new ExtNewEntry(bytes, inode.Number, TypeOf(inode)));
            // The new entry may have moved the old one.
            if (!from.TryFind(oldBytes, out source))
                throw from.Broken("EXT-0224", 0, $"'{name}' is not found any more");
            from.Remove(source);
        }
        if (inode.IsDirectory && !ReferenceEquals(from, to))
        {
            new ExtDirectoryEditor(inode, state).SetParent(to.Inode.Number);
            DropLink(from.Inode);
            AddLink(to.Inode);
        }
        inode.SetChanged(state.Now);
        state.Inodes.Write(inode);
        Touch(from);
        if (!ReferenceEquals(from, to))
            Touch(to);
    }

    public void SetMetadata(NodeId id, MetadataChange change)
    {
        RefuseForeign(change);
        var inode = Live(id);
        if (change.IsEmpty)
            return;
        Apply(inode, change);
        inode.SetChanged(state.Now);
        state.Inodes.Write(inode);
    }

    public void SetExtendedAttribute(NodeId id, string name, byte[]? value)
    {
        var inode = Live(id);
        if (!_geometry.Has(ExtCompat.ExtAttr))
            throw new UnsupportedFeatureException($"this {_geometry.TypeName} has no extended attributes (COMPAT_EXT_ATTR, bit 0x8)");
        if (!ExtAttributes.TrySplitName(name, out var index, out var rest))
            throw new UnsupportedFeatureException($"{_geometry.TypeName} has no extended attributes of the kind of '{name}'");
        var bytes = EscapedUtf8.Encode(rest);
        if (bytes.Length > byte.MaxValue)
            throw new InvalidNameException(name, $"is longer than {byte.MaxValue} bytes behind its prefix");
        if (value is not null && ExtAttributes.IsAcl(index))
            value = ExtAttributes.EncodeAcl(value) ?? throw new ArgumentException($"the value of {name} is no POSIX ACL of version 2");
        var attributes = new ExtAttributeEditor(inode, state);
        if (!attributes.TrySet(index, bytes, value))
            throw NoRoomFor(name, value!.Length);
        attributes.Store();
        inode.SetChanged(state.Now);
        state.Inodes.Write(inode);
    }

    private UnsupportedFeatureException NoRoomFor(string name, int length) => new(_geometry.Has(ExtIncompat.EaInode) && length > ExtAttributeEditor.MaxOwnValue
        ? $"{_geometry.TypeName} holds values of attributes of at most {ExtAttributeEditor.MaxOwnValue} bytes, {length} were asked for of {name}"
        : $"the extended attributes of one node have to fit into its inode and one block of {_geometry.BlockSize} bytes: there is no room for {length} bytes of {name}");

    public void SetLabel(string label)
    {
        var bytes = EscapedUtf8.Encode(label);
        var most = state.Volume.Capabilities.MaxLabelLength;
        if (bytes.Length > most)
            throw new InvalidNameException(label, $"is longer than a label's {most} bytes");
        if (bytes.AsSpan().Contains((byte)0))
            throw new InvalidNameException(label, "holds a zero");
        state.Super.SetLabel(bytes);
    }

    /// <summary>Finds a name in a directory, which stays open for the entries that are made in it next.</summary>
    /// <returns>Null for a directory in which names are not just compared, or none: <see cref="ExtVolume"/> knows about those.</returns>
    public uint? Find(NodeId id, string name)
    {
        const ExtInodeFlags others = ExtInodeFlags.Casefold | ExtInodeFlags.Encrypt | ExtInodeFlags.InlineData;
        if (state.Directories.Find(id.Value) is not { } directory)
        {
            var inode = Live(id);
            if (!inode.IsDirectory || (inode.Flags & others) != 0)
                return null;
            directory = new ExtDirectoryEditor(inode, state);
            state.Directories.Add(directory);
        }
        else if ((directory.Inode.Flags & others) != 0)
        {
            return null;
        }
        var bytes = EscapedUtf8.Encode(name);
        return bytes.Length is > 0 and <= ExtDirectoryEntryHead.MaxNameLength && !ExtDirectoryBlock.IsDot(bytes) && directory.TryFind(bytes, out var place) ? place.Inode : 0;
    }

    /// <summary>An inode that is in use.</summary>
    /// <exception cref="FileNotFoundException">It is not.</exception>
    public ExtInode Live(NodeId id)
    {
        var inode = state.Volume.ReadInode(id);
        if (inode.LinkCount == 0 || inode.Mode == 0)
            throw new FileNotFoundException("the entry is no more: it was deleted since");
        return inode;
    }

    private NodeId Create(NodeId parent, string name, EntryKind kind, MetadataChange metadata, Action<ExtInode>? fill)
    {
        var inode = Begin(parent, name, kind, metadata, out var directory, out var bytes);
        fill?.Invoke(inode);
        return Finish(directory, bytes, inode, metadata);
    }

    // An inode for a name that is not there.
    private ExtInode Begin(NodeId parent, string name, EntryKind kind, MetadataChange metadata, out ExtDirectoryEditor directory, out byte[] bytes)
    {
        directory = Open(parent);
        directory.RequireOwn();
        bytes = Validated(name);
        RefuseForeign(metadata);
        if (directory.TryFind(bytes, out _))
            throw new AlreadyExistsException(name);
        if (kind == EntryKind.Directory)
            AddLink(directory.Inode);
        var number = state.InodeSpace.Take(directory.Inode.Number, kind == EntryKind.Directory);
        return NewInode(number, directory.Inode, kind);
    }

    // The inode is as it is to be: it gets its name.
    private NodeId Finish(ExtDirectoryEditor directory, byte[] name, ExtInode inode, MetadataChange metadata)
    {
        Apply(inode, metadata);
        state.Inodes.Write(inode);
        directory.Insert(new ExtNewEntry(name, inode.Number, TypeOf(inode)));
        Touch(directory);
        return new NodeId(inode.Number);
    }

    // A directory that stays open for more.
    private ExtDirectoryEditor Open(NodeId id)
    {
        if (state.Directories.Find(id.Value) is { } open)
            return open;
        var directory = Directory(id);
        state.Directories.Add(directory);
        return directory;
    }

    private static void Apply(ExtInode inode, MetadataChange change)
    {
        if (change.Mode is { } mode)
            inode.SetMode(mode);
        if (change.UserId is { } user)
            inode.SetUser(user);
        if (change.GroupId is { } group)
            inode.SetGroup(group);
        if (change.Created is { } created)
            inode.SetCreated(Round(created));
        if (change.Modified is { } modified)
            inode.SetModified(Round(modified));
        if (change.Accessed is { } accessed)
            inode.SetAccessed(Round(accessed));

        Timestamp Round(Timestamp time) => ExtCapabilities.Time(inode.ExtraSize > 0).Round(time);
    }

    private void RefuseForeign(MetadataChange change)
    {
        if (state.Volume.Capabilities.MissingFor(change) is { } missing)
            throw new UnsupportedFeatureException($"{_geometry.TypeName} has no {missing}");
        if (change.DosAttributes is not null)
            throw new UnsupportedFeatureException($"{_geometry.TypeName} has no DOS attributes");
        if (change.Created is not null && state.Volume.Capabilities.Created is null)
            throw new UnsupportedFeatureException($"{_geometry.TypeName} with inodes of {_geometry.InodeSize} bytes keeps no times of creation");
    }

    private byte[] Validated(string name)
    {
        var bytes = EscapedUtf8.Encode(name);
        if (bytes.Length == 0)
            throw new InvalidNameException(name, "is empty");
        if (ExtDirectoryBlock.IsDot(bytes))
            throw new InvalidNameException(name, "stands for a directory itself");
        if (bytes.Length > ExtDirectoryEntryHead.MaxNameLength)
            throw new InvalidNameException(name, $"is {bytes.Length} bytes long; {_geometry.TypeName} holds names of at most {ExtDirectoryEntryHead.MaxNameLength}");
        foreach (var b in bytes)
        {
            if (b is (byte)'/' or 0)
                throw new InvalidNameException(name, "holds / or a zero");
        }
        return bytes;
    }

    private ExtDirectoryEditor Directory(NodeId id)
    {
        var inode = Live(id);
        return inode.IsDirectory ? new ExtDirectoryEditor(inode, state) : throw new DirectoryNotFoundException($"inode {inode.Number} is no directory");
    }

    private static ExtPlace Find(ExtDirectoryEditor directory, string name)
    {
        var bytes = EscapedUtf8.Encode(name);
        return bytes.Length is > 0 and <= ExtDirectoryEntryHead.MaxNameLength && !ExtDirectoryBlock.IsDot(bytes) && directory.TryFind(bytes, out var place)
            ? place : throw new FileNotFoundException($"no such file or directory: {name}");
    }

    // An inode that a name leads to, and that may be changed for that.
    private ExtInode Named(ExtDirectoryEditor directory, uint number)
    {
        if (number < _geometry.FirstInode || number > _geometry.InodesCount || number == directory.Inode.Number)
            throw directory.Broken("EXT-0208", 0, $"an entry leads to inode {number}, expected {_geometry.FirstInode}..{_geometry.InodesCount}");
        var inode = state.Inodes.Read(number);
        if (inode.LinkCount == 0 || inode.Kind is null)
            throw directory.Broken("EXT-0209", 0, $"an entry leads to inode {number}, which is not in use");
        return inode;
    }

    private ExtInode Removable(ExtDirectoryEditor directory, uint number, string name)
    {
        var inode = Named(directory, number);
        if (openFiles.IsOpen(new NodeId(number)))
            throw new InUseException($"{name} is open");
        if (inode.IsDirectory && !new ExtDirectory(state.Volume, inode).IsEmpty())
            throw new DirectoryNotEmptyException(name);
        return inode;
    }

    private ExtInode Replaceable(ExtDirectoryEditor to, in ExtPlace target, ExtInode moved, string name, bool replace)
    {
        if (!replace)
            throw new AlreadyExistsException(name);
        if (target.Inode == moved.Number)
            return moved;
        var inode = Named(to, target.Inode);
        if (inode.IsDirectory != moved.IsDirectory)
            throw new AlreadyExistsException(moved.IsDirectory ? $"the file {name} (a directory can't replace it)" : $"the directory {name} (a file can't replace it)");
        return Removable(to, target.Inode, name);
    }

    // One name less; with the last one the inode goes.
    private void Unlink(ExtDirectoryEditor directory, ExtInode inode)
    {
        if (inode.IsDirectory)
            DropLink(directory.Inode);
        if (inode.IsDirectory || inode.LinkCount <= 1)
        {
            ExtInodeRemoval.Remove(inode, state);
            return;
        }
        inode.Edit.LinksCount = (ushort)(inode.LinkCount - 1);
        inode.SetChanged(state.Now);
        state.Inodes.Write(inode);
    }

    private void AddLink(ExtInode directory)
    {
        if (directory.LinkCount == 1)
            return;
        if (directory.LinkCount >= MaxLinks && !_geometry.Has(ExtRoCompat.DirNlink))
            throw new UnsupportedFeatureException($"{_geometry.TypeName} without dir_nlink holds at most {MaxLinks - 2} directories in one");
        directory.Edit.LinksCount = (ushort)(directory.LinkCount >= MaxLinks ? 1 : directory.LinkCount + 1);
    }

    private static void DropLink(ExtInode directory)
    {
        if (directory.LinkCount > 2)
            directory.Edit.LinksCount = (ushort)(directory.LinkCount - 1);
    }

    private void Touch(ExtDirectoryEditor directory)
    {
        var now = state.Now;
        directory.Inode.SetModified(now);
        directory.Inode.SetChanged(now);
        state.Inodes.Write(directory.Inode);
    }

    private byte TypeOf(ExtInode inode) => TypeOf(inode, _geometry);

    /// <summary>The kind that a directory entry states.</summary>
    internal static byte TypeOf(ExtInode inode, ExtGeometry geometry) => !geometry.Has(ExtIncompat.Filetype) ? (byte)0 : (byte)(inode.Kind switch
    {
        EntryKind.File => ExtFileType.File,
        EntryKind.Directory => ExtFileType.Directory,
        EntryKind.CharacterDevice => ExtFileType.CharacterDevice,
        EntryKind.BlockDevice => ExtFileType.BlockDevice,
        EntryKind.Fifo => ExtFileType.Fifo,
        EntryKind.Socket => ExtFileType.Socket,
        EntryKind.SymbolicLink => ExtFileType.SymbolicLink,
        _ => ExtFileType.Unknown,
    });

    // Upwards from where it is to go.
    private void RefuseWithin(ExtDirectoryEditor to, uint moved, string name)
    {
        var passed = new HashSet<uint>();
        for (var number = to.Inode.Number; number != ExtGeometry.RootInode;)
        {
            if (number == moved)
                throw new ArgumentException($"{name} can't be moved into itself");
            if (!passed.Add(number))
                throw to.Broken("EXT-0215", 0, "does not hang in the tree");
            var inode = state.Inodes.Read(number);
            if (!inode.IsDirectory)
                throw to.Broken("EXT-0206", 0, $"\"..\" leads to inode {number}, which is no directory");
            number = number == to.Inode.Number ? to.Parent : new ExtDirectoryEditor(inode, state).Parent;
        }
    }
}
