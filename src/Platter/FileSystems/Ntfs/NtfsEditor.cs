using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Changes an NTFS volume's names and files. Each call runs within an edit of <see cref="NtfsEditState"/>, which undoes what fails.</summary>
internal sealed class NtfsEditor(NtfsEditState state, NtfsOpenStreams openStreams, VolumeOptions options)
{
    /// <summary>Windows gives a file at most so many names.</summary>
    private const int MaxLinks = 1024;

    private readonly NtfsVolume _volume = state.Volume;
    private readonly NtfsNewFiles _newFiles = new(state);

    public NtfsNames Names { get; } = new(state);

    public NodeId CreateFile(NodeId parent, string name, MetadataChange metadata) => Create(parent, name, EntryKind.File, metadata, new NtfsNewFile { Attributes = DosAttributes.Archive });

    /// <summary>Makes a file with its content.</summary>
    /// <param name="parent">The directory.</param>
    /// <param name="name">Its name there.</param>
    /// <param name="content">All of it.</param>
    /// <param name="metadata">What to set.</param>
    /// <param name="put">What the content still has to be put into when the edit is stored: see <see cref="NtfsContentEditor.PutWhole"/>; null when it is there.</param>
    public NodeId CreateFile(NodeId parent, string name, ReadOnlySpan<byte> content, MetadataChange metadata, out NtfsContentEditor? put) =>
        Create(parent, name, EntryKind.File, metadata, new NtfsNewFile { Attributes = DosAttributes.Archive }, content, out put);

    public NodeId CreateDirectory(NodeId parent, string name, MetadataChange metadata) => Create(parent, name, EntryKind.Directory, metadata, new NtfsNewFile { IsDirectory = true });

    public NodeId CreateSymbolicLink(NodeId parent, string name, string target, MetadataChange metadata) =>
        Create(parent, name, EntryKind.SymbolicLink, metadata, NtfsNewLinks.Of(_volume, parent, target, options.SymbolicLinks));

    public NodeId CreateJunction(NodeId parent, string name, string target, char drive, MetadataChange metadata) =>
        Create(parent, name, EntryKind.SymbolicLink, metadata, NtfsNewLinks.Junction(target, drive));

    public NodeId CreateSpecial(NodeId parent, string name, EntryKind kind, DeviceNumber device, MetadataChange metadata)
    {
        if (kind is not (EntryKind.CharacterDevice or EntryKind.BlockDevice or EntryKind.Fifo or EntryKind.Socket))
            throw new ArgumentException($"a {kind} is no special file");
        var plan = NtfsNewLinks.Special(kind, device, options.SpecialFiles, metadata);
        // Those of WSL have permissions and owner whether they are kept of others or not.
        return Create(parent, name, kind, plan.Linux.Length > 0 ? metadata with { Mode = null, UserId = null, GroupId = null } : metadata, plan);
    }

    public void CreateHardLink(NodeId node, NodeId parent, string name)
    {
        var file = Own(node);
        if (_volume.GetMetadata(node).Kind == EntryKind.Directory || file.Base.IsDirectory)
            throw new UnauthorizedAccessException("a directory cannot have a second name");
        var directory = Directory(parent);
        RequireFree(directory, name);
        if (file.LinkCount >= MaxLinks)
            throw new UnsupportedFeatureException($"NTFS gives a file at most {MaxLinks} names");
        Names.Insert(directory, file.Reference, AddName(file, directory, name).Value);
        Touch(directory);
        SetChanged(file);
    }

    public void Delete(NodeId parent, string name)
    {
        var directory = Directory(parent);
        var file = Removable(parent, name);
        Unlink(file, directory, name);
        Touch(directory);
    }

    public void Rename(NodeId parent, string name, NodeId newParent, string newName, bool replace)
    {
        var from = Directory(parent);
        var to = parent == newParent ? from : Directory(newParent);
        var file = Own(Find(parent, name));
        var stored = NameIn(file, from, name);
        NtfsFileNaming.Validate(newName);
        if (ReferenceEquals(from, to) && NtfsNames.TextOf(stored) == newName)
            return;
        if (file.Base.IsDirectory && !ReferenceEquals(from, to))
            RefuseWithin(to, file, name);

        NtfsFileEditor? replaced = null;
        if (_volume.TryLookup(newParent, newName, out var target))
        {
            RefuseSystem(target, newName);
            if (!IsSameName(file, from, stored, to, target, newName))
                replaced = Replaceable(newParent, newName, target, file, replace);
        }
        if (replaced is not null && replaced != file)
            Unlink(replaced, to, newName);
        RemoveName(file, from, stored);
        if (replaced != file)
            Names.Insert(to, file.Reference, AddName(file, to, newName).Value);
        SetChanged(file);
        Touch(from);
        if (!ReferenceEquals(from, to))
            Touch(to);
    }

    public void SetMetadata(NodeId id, MetadataChange change)
    {
        RefuseForeign(change);
        var file = Own(id, allowRoot: true);
        if (change.IsEmpty)
            return;
        Apply(file, _volume.GetMetadata(id).Kind, change);
        SetChanged(file);
    }

    public void SetExtendedAttribute(NodeId id, string name, byte[]? value)
    {
        var file = Own(id, allowRoot: true);
        if (!new NtfsFormatAttributes(state, Names).TrySet(file, name, value))
            NtfsAttributeSetter.Set(file, name, value);
        SetChanged(file);
    }

    public void DeleteStream(NodeId id, string name)
    {
        var file = Own(id, allowRoot: true);
        var stored = _volume.StoredStreamName(file.State.Open(file.Reference), name) ?? throw new FileNotFoundException($"record {file.Number} has no stream :{name}");
        if (openStreams.IsOpen(id, stored))
            throw new InUseException($"the stream {stored} is open");
        var content = file.Open(NtfsAttributeType.Data, stored)!;
        RefuseEncrypted(content);
        file.Delete(NtfsAttributeType.Data, stored);
        SetChanged(file);
    }

    public void SetLabel(string label)
    {
        if (label.Length > _volume.Capabilities.MaxLabelLength)
            throw new InvalidNameException(label, $"is longer than a label's {_volume.Capabilities.MaxLabelLength} units");
        if (label.Contains('\0', StringComparison.Ordinal))
            throw new InvalidNameException(label, "holds a zero");
        var volume = state.File(new NtfsReference(NtfsMft.VolumeRecord, 0));
        volume.SetResident(NtfsAttributeType.VolumeName, "", System.Runtime.InteropServices.MemoryMarshal.AsBytes(label.AsSpan()));
    }

    /// <summary>A file that is in use.</summary>
    /// <exception cref="FileNotFoundException">It is not.</exception>
    public NtfsFile Live(NodeId id) => state.Open(new NtfsReference(id.Value));

    /// <summary>A file of a user, or the root, to be changed.</summary>
    /// <exception cref="UnauthorizedAccessException">It is one of the volume's own.</exception>
    public NtfsFileEditor Own(NodeId id, bool allowRoot = false)
    {
        var file = state.File(new NtfsReference(id.Value));
        if ((file.Number < NtfsRecords.FirstOfFiles && !(allowRoot && file.Number == NtfsMft.RootRecord)) || (file.Flags & NtfsRecordFlags.ViewIndex) != 0 || IsInExtend(file))
            throw new UnauthorizedAccessException($"record {file.Number} is one of the volume's own files");
        return file;
    }

    /// <summary>Content of a file was written, or cut.</summary>
    public void SetWritten(NtfsFileEditor file)
    {
        var now = state.Now;
        NtfsStandard.Edit(file, (ref NtfsStandardInformation information) =>
        {
            information.Modified = information.Changed = now;
            information.Attributes |= (uint)DosAttributes.Archive;
        });
        Names.MarkStale(file);
    }

    private NodeId Create(NodeId parent, string name, EntryKind kind, MetadataChange metadata, NtfsNewFile plan) => Create(parent, name, kind, metadata, plan, default, out _);

    private NodeId Create(NodeId parent, string name, EntryKind kind, MetadataChange metadata, NtfsNewFile plan, ReadOnlySpan<byte> content, out NtfsContentEditor? put)
    {
        var directory = Directory(parent);
        RefuseForeign(metadata);
        RequireFree(directory, name);
        var file = _newFiles.Make(directory, plan);
        // The system attribute is what makes a special file of Interix one.
        var isMarked = (plan.Attributes & DosAttributes.System) != 0 && metadata.DosAttributes is not null;
        Apply(file, kind, metadata.ShortName is null && !isMarked ? metadata : metadata with { ShortName = null, DosAttributes = metadata.DosAttributes | plan.Attributes & DosAttributes.System });
        var held = AddName(file, directory, name);
        put = null;
        if (!content.IsEmpty)
        {
            // After the name has its room in the record, and before the directory gets the copies of sizes.
            put = file.Open(NtfsAttributeType.Data)!.TryPrepareWhole(content);
            NtfsNames.Refresh(file, held);
        }
        Names.Insert(directory, file.Reference, held.Value);
        if (metadata.ShortName is not null)
        {
            NtfsFileNaming.SetShortName(file, metadata.ShortName, Names);
            Names.MarkStale(file);
        }
        Touch(directory);
        return new NodeId(file.Reference.Raw);
    }

    // In the record; the directory follows.
    private static NtfsHeld AddName(NtfsFileEditor file, NtfsFileEditor directory, string name)
    {
        var value = NtfsNames.Value(file, directory.Reference, name, NtfsNamespace.Posix);
        file.LinkCount++;
        return file.Add(NtfsAttributeType.FileName, "", 0, NtfsAttributeBytes.Resident(NtfsAttributeType.FileName, "", value));
    }

    // A long name takes its short one along, and the reverse.
    private void RemoveName(NtfsFileEditor file, NtfsFileEditor directory, NtfsHeld name)
    {
        var partner = NtfsNames.PartnerOf(NtfsNames.Of(file), name);
        Remove(name);
        if (partner is not null)
            Remove(partner);

        void Remove(NtfsHeld held)
        {
            Names.Remove(directory, held.Value);
            file.Remove(held);
            file.LinkCount = Math.Max(0, file.LinkCount - 1);
        }
    }

    // One name less; with the last one the file goes.
    private void Unlink(NtfsFileEditor file, NtfsFileEditor directory, string name)
    {
        RemoveName(file, directory, NameIn(file, directory, name));
        if (file.Has(NtfsAttributeType.FileName))
        {
            SetChanged(file);
            return;
        }
        NtfsExtendIndexes.Remove(file);
        file.Destroy();
    }

    private void Apply(NtfsFileEditor file, EntryKind kind, MetadataChange change)
    {
        NtfsStandard.Edit(file, (ref NtfsStandardInformation information) =>
        {
            if (change.Created is { } created)
                information.Created = NtfsTimes.Encode(created);
            if (change.Modified is { } modified)
                information.Modified = NtfsTimes.Encode(modified);
            if (change.Accessed is { } accessed)
                information.Accessed = NtfsTimes.Encode(accessed);
            if (change.DosAttributes is { } attributes)
            {
                var settable = _volume.Capabilities.SettableAttributes;
                information.Attributes = (uint)((DosAttributes)(uint)information.Attributes & ~settable | attributes & settable);
            }
        });
        if (change.SecurityDescriptor is { } descriptor)
            state.Descriptors.Set(file, descriptor);
        if (change.Mode is not null || change.UserId is not null || change.GroupId is not null)
            NtfsAttributeSetter.SetLinux(file, NtfsNewExtendedAttributes.Linux(kind, change.Mode, change.UserId, change.GroupId, null));
        if (change.Compressed is { } compressed)
            NtfsStorage.SetCompressed(file, kind, compressed);
        if (change.Sparse is { } sparse)
            NtfsStorage.SetSparse(file, kind, sparse);
        if (change.ShortName is { } shortName)
            NtfsFileNaming.SetShortName(file, shortName, Names);
    }

    private void SetChanged(NtfsFileEditor file)
    {
        var now = state.Now;
        NtfsStandard.Edit(file, (ref NtfsStandardInformation information) => information.Changed = now);
        Names.MarkStale(file);
    }

    private void Touch(NtfsFileEditor directory)
    {
        var now = state.Now;
        NtfsStandard.Edit(directory, (ref NtfsStandardInformation information) => information.Modified = information.Changed = now);
        Names.MarkStale(directory);
    }

    private NtfsFileEditor Directory(NodeId id)
    {
        var file = state.File(new NtfsReference(id.Value));
        if (!file.Base.IsDirectory || file.Has(NtfsAttributeType.ReparsePoint))
            throw new DirectoryNotFoundException($"record {file.Number} is no directory");
        if (file.Number != NtfsMft.RootRecord && (file.Number < NtfsRecords.FirstOfFiles || IsInExtend(file)))
            throw new UnauthorizedAccessException($"record {file.Number} is one of the volume's own files");
        return file;
    }

    private static bool IsInExtend(NtfsFileEditor file)
    {
        foreach (var held in NtfsNames.Of(file))
        {
            if (NtfsNames.ParentOf(held) == NtfsMft.ExtendRecord)
                return true;
        }
        return false;
    }

    private NodeId Find(NodeId parent, string name) =>
        Names.Find(Directory(parent), name) is { } found ? new NodeId(found.Raw) : throw new FileNotFoundException($"no such file or directory: {name}");

    private void RequireFree(NtfsFileEditor directory, string name)
    {
        NtfsFileNaming.Validate(name);
        if (Names.Find(directory, name) is not { } found)
            return;
        RefuseSystem(new NodeId(found.Raw), name);
        throw new AlreadyExistsException(name);
    }

    private static void RefuseSystem(NodeId id, string name)
    {
        if (new NtfsReference(id.Value).Record < NtfsMft.FirstFreeRecord)
            throw new InvalidNameException(name, "is the name of one of the volume's own files");
    }

    private NtfsFileEditor Removable(NodeId parent, string name)
    {
        var id = Find(parent, name);
        var file = Own(id);
        if (openStreams.IsOpen(id))
            throw new InUseException($"{name} is open");
        if (file.Base.IsDirectory && HasEntries(id))
            throw new DirectoryNotEmptyException(name);
        return file;
    }

    private bool HasEntries(NodeId id)
    {
        foreach (var _ in _volume.Enumerate(id))
            return true;
        return false;
    }

    // The very name, or the one that differs by case alone; where there is a short name, that too.
    private NtfsHeld NameIn(NtfsFileEditor file, NtfsFileEditor directory, string name)
    {
        var names = NtfsNames.Of(file);
        if (NtfsNames.Find(names, directory, name) is { } exact)
            return exact;
        foreach (var held in names)
        {
            if (NtfsNames.ParentOf(held) == directory.Number && _volume.Upcase.AreEqual(NtfsCollation.NameOf(held.Value), name))
                return held;
        }
        throw new DiskFormatException("NTFS-0902", $"Record {directory.Number}, $I30", directory.Base.Offset, $"leads from '{name}' to record {file.Number}, which has no such name");
    }

    // Only its case changes, or it gets the name that was its short one.
    private bool IsSameName(NtfsFileEditor file, NtfsFileEditor from, NtfsHeld stored, NtfsFileEditor to, NodeId target, string newName)
    {
        if (!ReferenceEquals(from, to) || new NtfsReference(target.Value) != file.Reference)
            return false;
        var found = NameIn(file, to, newName);
        return found == stored || found == NtfsNames.PartnerOf(NtfsNames.Of(file), stored);
    }

    private NtfsFileEditor Replaceable(NodeId parent, string name, NodeId target, NtfsFileEditor moved, bool replace)
    {
        if (!replace)
            throw new AlreadyExistsException(name);
        if (new NtfsReference(target.Value) == moved.Reference)
            return moved;
        var file = state.File(new NtfsReference(target.Value));
        if (IsDirectory(file) != IsDirectory(moved))
            throw new AlreadyExistsException(IsDirectory(moved) ? $"the file {name} (a directory can't replace it)" : $"the directory {name} (a file can't replace it)");
        return Removable(parent, name);
    }

    private static bool IsDirectory(NtfsFileEditor file) => file.Base.IsDirectory && !file.Has(NtfsAttributeType.ReparsePoint);

    // Upwards from where it is to go.
    private void RefuseWithin(NtfsFileEditor to, NtfsFileEditor moved, string name)
    {
        var passed = new HashSet<long>();
        for (var directory = to; directory.Number != NtfsMft.RootRecord;)
        {
            if (directory == moved)
                throw new ArgumentException($"{name} can't be moved into itself");
            var names = NtfsNames.Of(directory);
            if (!passed.Add(directory.Number) || names.Count == 0)
                throw new DiskFormatException("NTFS-0903", $"Record {directory.Number}", directory.Base.Offset, "is a directory that does not hang in the tree");
            directory = state.File(OnDisk.View<NtfsFileName>(names[0].Value).Parent.Value);
        }
    }

    private void RefuseForeign(MetadataChange change)
    {
        if (_volume.Capabilities.MissingFor(change) is { } missing)
            throw new UnsupportedFeatureException(change.Mode is not null || change.UserId is not null || change.GroupId is not null
                ? $"ntfs has no {missing}, unless those of the Windows Subsystem for Linux are to be kept (--wsl-metadata)" : $"ntfs has no {missing}");
    }

    private static void RefuseEncrypted(NtfsContentEditor content)
    {
        if (content.IsEncrypted)
            throw new UnsupportedFeatureException($"{content.Structure} is encrypted (EFS) and can't be changed");
    }
}
