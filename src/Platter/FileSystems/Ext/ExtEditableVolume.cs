using System.Runtime.CompilerServices;
using Platter.Blocks;

namespace Platter.FileSystems.Ext;

/// <summary>An ext2, ext3 or ext4 volume, for changing. Reading is <see cref="ExtVolume"/>'s, over the blocks as they are changed.</summary>
/// <remarks>
/// <para>Opening brings a journal home that was left to be replayed, deals with inodes that were deleted while open, and commits that. The journal then stays
/// empty: that all of a commit arrives or nothing is the transaction device's work. Copies of superblock and descriptors are left alone.</para>
/// <para>Every edit is undone block by block when it fails (<see cref="ExtBlockChanges"/>).</para>
/// </remarks>
public sealed class ExtEditableVolume : EditableVolume
{
    // Content up to this length is held in memory to be written at once.
    private const int MaxAtOnce = 1 << 18;

    private readonly BlockDevice _device;
    private readonly ExtVolume _volume;
    private readonly ExtEditState _state;
    private readonly ExtEditor _editor;
    private readonly OpenFiles _openFiles = new();
    private byte[] _content = [];
    private bool _isStale;      // a rollback failed midway

    private ExtEditableVolume(BlockDevice device, ExtGeometry geometry, VolumeOptions options)
    {
        _device = device;
        var journal = ExtJournalState.Open(device, geometry, options);
        _volume = new ExtVolume(device, geometry, journal, new ExtBlockChanges(geometry, device));
        _state = new ExtEditState(_volume, device, options);
        _editor = new ExtEditor(_state, _openFiles);
        if (!ExtInformation.IsClean(geometry))
            Recount();
    }

    /// <summary>For those that change more of a volume than its files.</summary>
    internal ExtEditState State => _state;

    public override VolumeInfo Info => Renewed._volume.Info;
    public override Capabilities Capabilities => _volume.Capabilities;
    public override NodeId RootId => _volume.RootId;
    public override IEqualityComparer<string> NameComparer => _volume.NameComparer;
    public override long FreeBytes => Renewed._state.Space.BytesIn(_state.Super.FreeClusters);
    public override long UncommittedBytes => _state.ChangedBytes;

    /// <summary>Opens a volume for changing.</summary>
    /// <exception cref="DiskFormatException">The superblock, or the journal that must be replayed, breaks a rule; or the volume is longer than its device.</exception>
    /// <exception cref="UnsupportedFeatureException">The volume has a feature that editing would leave wrong; or an external journal that must be replayed.</exception>
    /// <exception cref="InUseException">Multiple mount protection says that the volume is in use.</exception>
    public static ExtEditableVolume Open(BlockDevice device, VolumeOptions options)
    {
        var geometry = ReadGeometry(device);
        var wasReplayed = geometry.Has(ExtIncompat.Recover);
        if (wasReplayed)
        {
            ExtRecovery.Replay(device, geometry, options);
            geometry = ReadGeometry(device);
        }
        var volume = new ExtEditableVolume(device, geometry, options);
        if (wasReplayed)
        {
            // Drivers bring the superblock's counts up to date when they unmount, not with each transaction.
            volume.Recount();
            volume._state.Super.IsChanged = true;
            volume.Commit();
        }
        if (!ExtOrphanRecovery.IsNeeded(geometry))
            return volume;
        new ExtOrphanRecovery(volume._state).Run();
        volume.Dispose();
        return new ExtEditableVolume(device, ReadGeometry(device), options);
    }

    public override bool TryLookup(NodeId directory, string name, out NodeId id)
    {
        if (Renewed._editor.Find(directory, name) is not { } inode)
            return _volume.TryLookup(directory, name, out id);
        id = new NodeId(inode);
        return inode != 0;
    }

    public override IEnumerable<DirectoryEntry> Enumerate(NodeId directory)
    {
        Renewed._editor.Live(directory);
        return _volume.Enumerate(directory);
    }

    public override FileMetadata GetMetadata(NodeId id)
    {
        Renewed._editor.Live(id);
        return _volume.GetMetadata(id);
    }

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId id)
    {
        Renewed._editor.Live(id);
        return _volume.GetExtendedAttributes(id);
    }

    public override VolumeStream OpenRead(NodeId id, StreamName stream)
    {
        RequireMainData(stream, forWriting: false);
        return OpenStream(id, writable: false);
    }

    public override VolumeStream OpenWrite(NodeId id, StreamName stream)
    {
        RequireMainData(stream, forWriting: true);
        return OpenStream(id, writable: true);
    }

    public override IEnumerable<ByteRange> AllocatedRanges()
    {
        Renewed._state.WriteBack();
        return _volume.AllocatedRanges();
    }

    public override NodeId CreateFile(NodeId parent, string name, MetadataChange metadata) => RunBeside(() => _editor.CreateFile(parent, name, metadata));

    /// <inheritdoc/>
    /// <remarks>A file of some blocks is one edit, and its content one write.</remarks>
    public override NodeId CreateFile(NodeId parent, string name, Stream content, long? length, MetadataChange metadata)
    {
        if (length is not (>= 0 and <= MaxAtOnce))
            return base.CreateFile(parent, name, content, length, metadata);
        if (length == 0)
        {
            var empty = CreateFile(parent, name, metadata);
            AppendRest(parent, name, empty, content, metadata);
            return empty;
        }
        var blocks = (int)length + _volume.Geometry.BlockSize - 1 & -_volume.Geometry.BlockSize;
        if (_content.Length < blocks)
            _content = new byte[Math.Max(blocks, Math.Min(_content.Length * 2, MaxAtOnce))];
        var read = content.ReadAtLeast(_content.AsSpan(0, (int)length), (int)length, throwOnEndOfStream: false);
        if (read == 0)
            return CreateFile(parent, name, metadata);
        _content.AsSpan(read, blocks - read).Clear();
        var id = Create(parent, name, _content.AsSpan(0, blocks), read, metadata);
        if (read == length)
            AppendRest(parent, name, id, content, metadata);
        return id;
    }

    public override NodeId CreateDirectory(NodeId parent, string name, MetadataChange metadata) => RunBeside(() => _editor.CreateDirectory(parent, name, metadata));

    public override NodeId CreateSymbolicLink(NodeId parent, string name, string target, MetadataChange metadata) =>
        RunBeside(() => _editor.CreateSymbolicLink(parent, name, target, metadata));

    public override NodeId CreateSpecial(NodeId parent, string name, EntryKind kind, DeviceNumber device, MetadataChange metadata) =>
        RunBeside(() => _editor.CreateSpecial(parent, name, kind, device, metadata));

    public override void CreateHardLink(NodeId node, NodeId parent, string name) => Run(() => _editor.CreateHardLink(node, parent, name));

    public override void Rename(NodeId parent, string name, NodeId newParent, string newName, bool replace) =>
        Run(() => _editor.Rename(parent, name, newParent, newName, replace));

    public override void Delete(NodeId parent, string name) => Run(() => _editor.Delete(parent, name));

    /// <inheritdoc/>
    /// <remarks>Directories of a damaged volume can hold one another; that is refused.</remarks>
    public override void DeleteRecursively(NodeId parent, string name)
    {
        if (!TryLookup(parent, name, out var top))
            throw new FileNotFoundException($"no such file or directory: {name}");
        if (GetMetadata(top).Kind == EntryKind.Directory)
            RequireTree(top);
        base.DeleteRecursively(parent, name);
    }

    public override void SetMetadata(NodeId id, MetadataChange change) => Run(() => _editor.SetMetadata(id, change));

    public override void SetExtendedAttribute(NodeId id, string name, byte[]? value) => Run(() => _editor.SetExtendedAttribute(id, name, value));

    public override void SetLabel(string label) => Run(() => _editor.SetLabel(label));

    public override void Commit() => Renewed._state.Commit();

    public override void Rollback()
    {
        _isStale = true;
        _openFiles.InvalidateAll();
        _device.Rollback();
        _state.Forget();
        if (!ExtInformation.IsClean(_volume.Geometry))
            Recount();
        _isStale = false;
    }

    // Each call goes through here: a rollback that failed midway is brought to its end before anything is done, or looked at.
    private ExtEditableVolume Renewed
    {
        get
        {
            if (_isStale)
                Rollback();
            return this;
        }
    }

    private static ExtGeometry ReadGeometry(BlockDevice device)
    {
        var geometry = ExtGeometry.Read(device);
        ExtFeatures.RequireReadable(geometry.Incompat);
        ExtFeatures.RequireEditable(geometry);
        if (geometry.HasRemarks)
            RefuseErrors(geometry);
        ExtRecovery.RequireNotInUse(device, geometry);
        return geometry;
    }

    private static void RefuseErrors(ExtGeometry geometry)
    {
        foreach (var remark in geometry.Remarks)
        {
            if (remark.Severity == Severity.Error)
                throw new DiskFormatException(remark.Code, remark.Structure, remark.Offset ?? -1, remark.Message);
        }
    }

    // A stream may hold more than was said.
    private void AppendRest(NodeId parent, string name, NodeId id, Stream content, MetadataChange metadata)
    {
        var complete = false;
        try
        {
            Span<byte> next = stackalloc byte[1];
            if (content.Read(next) > 0)
                Append(id, next[0], content, metadata);
            complete = true;
        }
        finally
        {
            if (!complete)
                Delete(parent, name);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Append(NodeId id, byte next, Stream content, MetadataChange metadata)
    {
        using (var stream = OpenWrite(id, StreamName.Data))
        {
            stream.Seek(0, SeekOrigin.End);
            stream.WriteByte(next);
            content.CopyTo(stream, 1 << 20);
        }
        SetMetadata(id, metadata);
    }

    private void RequireTree(NodeId top)
    {
        var found = new HashSet<ulong> { _volume.RootId.Value, top.Value };
        var pending = new Stack<NodeId>([top]);
        while (pending.TryPop(out var directory))
        {
            foreach (var entry in _volume.Enumerate(directory))
            {
                if (entry.Kind != EntryKind.Directory)
                    continue;
                if (!found.Add(entry.Id.Value))
                    throw new DiskFormatException("EXT-0212", $"Directory {directory.Value}", -1, $"the directory {entry.Id.Value} has more than one name");
                pending.Push(entry.Id);
            }
        }
    }

    private VolumeStream OpenStream(NodeId id, bool writable)
    {
        var inode = Renewed._editor.Live(id);
        var kind = ExtVolume.KindOf(inode);
        if (kind != EntryKind.File)
            throw new UnauthorizedAccessException($"inode {inode.Number} is a {kind} and has no data");
        _volume.RequireReadable(inode);
        if (writable && (inode.Flags & ExtInodeFlags.Verity) != 0)
            throw new UnsupportedFeatureException($"inode {inode.Number} is protected by hashes (ext4 RO_COMPAT_VERITY, bit 0x8000): its content can't be changed");
        return _openFiles.Open(id, writable) ?? _openFiles.Open(new ExtFile(id, inode, _state), writable);
    }

    private NodeId Create(NodeId parent, string name, ReadOnlySpan<byte> padded, int length, MetadataChange metadata)
    {
        var complete = false;
        Renewed._state.BeginBeside();
        try
        {
            var id = _editor.CreateFile(parent, name, padded, length, metadata);
            complete = true;
            return id;
        }
        finally
        {
            End(complete);
        }
    }

    private void Run(Action edit)
    {
        var complete = false;
        Renewed._state.Begin();
        try
        {
            edit();
            complete = true;
        }
        finally
        {
            End(complete);
        }
    }

    // Of an edit that makes an entry: the directory stays open for the next one.
    private NodeId RunBeside(Func<NodeId> edit)
    {
        var complete = false;
        Renewed._state.BeginBeside();
        try
        {
            var id = edit();
            complete = true;
            return id;
        }
        finally
        {
            End(complete);
        }
    }

    private void End(bool complete)
    {
        if (complete)
            _state.Keep();
        else
            _state.Undo();
    }

    // The counts of a volume that was not left properly are old: those of the groups are right.
    private void Recount()
    {
        var inodes = 0L;
        var clusters = 0L;
        for (var group = 0L; group < _volume.Geometry.GroupCount; group++)
        {
            var descriptor = _state.Descriptors[group];
            inodes += Math.Min(descriptor.FreeInodes, (uint)_volume.Geometry.InodesPerGroup);
            clusters += Math.Min(descriptor.FreeClusters, _volume.Geometry.ClustersPerGroup);
        }
        _state.Super.FreeInodes = (uint)Math.Min(inodes, _volume.Geometry.InodesCount);
        _state.Super.FreeClusters = clusters;
    }
}
