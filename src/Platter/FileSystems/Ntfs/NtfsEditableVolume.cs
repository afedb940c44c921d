using System.Numerics;
using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>An NTFS volume of version 3.0 or 3.1, for changing. Reading is <see cref="NtfsVolume"/>'s, over the structures as they are changed.</summary>
/// <remarks>
/// <para>A volume that was not left properly is refused: see <see cref="NtfsEditRefusals"/>. $LogFile is left as it is when it was closed, else it is emptied,
/// so that no driver finds anything in it to do again; that all of a commit arrives or nothing is the transaction device's work.</para>
/// <para>Every edit is undone page by page when it fails (<see cref="NtfsChanges"/>).</para>
/// </remarks>
public sealed class NtfsEditableVolume : EditableVolume
{
    // Bytes of a file that is made with its content in one edit.
    private const int MaxWhole = 1 << 18, LeastBuffer = 1 << 13;

    private const int RefreshedAtOnce = 64;

    private readonly BlockDevice _device;
    private readonly NtfsChanges _changes;
    private readonly NtfsVolume _volume;
    private readonly NtfsEditState _state;
    private readonly NtfsEditor _editor;
    private readonly NtfsOpenStreams _openStreams = new();
    private NtfsPlainFiles? _plainFiles;
    private byte[] _buffer = [];
    private bool _isPrepared;
    private bool _isLogLost;        // what $LogFile held was given up

    // The directory that a file was made in last, as long as nothing was looked at since but names that are free: what comes next into it may come the short way.
    private NodeId? _filled;

    private NtfsEditableVolume(BlockDevice device, VolumeOptions options)
    {
        _device = device;
        _changes = new NtfsChanges(device);
        _volume = NtfsVolume.Open(_changes, options);
        NtfsEditRefusals.Check(_volume, device, options);
        _state = new NtfsEditState(_volume, _changes, options);
        _editor = new NtfsEditor(_state, _openStreams, options);
    }

    public override VolumeInfo Info => _volume.Info;
    public override Capabilities Capabilities => _volume.Capabilities;
    public override NodeId RootId => _volume.RootId;
    public override IEqualityComparer<string> NameComparer => _volume.NameComparer;
    public override long FreeBytes => _state.Space.FreeClusters << _volume.Geometry.ClusterShift;
    public override long UncommittedBytes => _changes.HeldBytes + _changes.WrittenBytes;

    internal BlockDevice Device => _device;

    /// <summary>Opens a volume for changing.</summary>
    /// <exception cref="DiskFormatException">The volume is broken where it matters for all of it.</exception>
    /// <exception cref="UnsupportedFeatureException">It was not left properly, or is of a version that is not edited.</exception>
    public static NtfsEditableVolume Open(BlockDevice device, VolumeOptions options) => new(device, options);

    public override bool TryLookup(NodeId directory, string name, out NodeId id)
    {
        // A copy into a directory that was there before looks for each name first.
        if (_filled == directory && PlainFiles.IsFree(directory, name))
        {
            id = default;
            return false;
        }
        Live(directory);
        return _volume.TryLookup(directory, name, out id);
    }

    public override IEnumerable<DirectoryEntry> Enumerate(NodeId directory)
    {
        Live(directory);
        return _volume.Enumerate(directory);
    }

    public override FileMetadata GetMetadata(NodeId id)
    {
        Live(id);
        return _volume.GetMetadata(id);
    }

    public override IReadOnlyList<StreamDescription> GetStreams(NodeId id)
    {
        Live(id);
        return _volume.GetStreams(id);
    }

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId id)
    {
        Live(id);
        return _volume.GetExtendedAttributes(id);
    }

    public override IReadOnlyDictionary<string, byte[]> GetFormatAttributes(NodeId id)
    {
        Live(id);
        return _volume.GetFormatAttributes(id);
    }

    public override byte[]? FindFormatAttribute(NodeId id, string name)
    {
        Live(id);
        return _volume.FindFormatAttribute(id, name);
    }

    public override VolumeStream OpenRead(NodeId id, StreamName stream)
    {
        var file = Live(id);
        // What reading refuses is refused here: no data, a key that is missing.
        using (_volume.OpenRead(id, stream))
        {
        }
        if (stream.Kind == StreamKind.Data && !file.Has(NtfsAttributeType.Data))
            return _volume.OpenRead(id, stream);
        return Open(id, stream.Kind == StreamKind.Named ? _volume.StoredStreamName(file, stream.Name)! : "", writable: false);
    }

    public override VolumeStream OpenWrite(NodeId id, StreamName stream)
    {
        var file = Live(id);
        if (stream.Kind == StreamKind.ResourceFork)
            throw Lacks("resource forks");
        if (stream.Kind == StreamKind.Data)
        {
            var kind = _volume.GetMetadata(id).Kind;
            if (kind != EntryKind.File)
                throw new UnauthorizedAccessException($"record {file.Base.Number} is a {kind} and has no data");
            _editor.Own(id);
            return Open(id, "", writable: true);
        }
        if (_volume.StoredStreamName(file, stream.Name) is { } stored)
        {
            _editor.Own(id, allowRoot: true);
            return Open(id, stored, writable: true);
        }
        if (stream.Name.Length is 0 or > NtfsFileName.MaxNameLength || stream.Name.AsSpan().IndexOfAny("\0/\\:") >= 0)
            throw new InvalidNameException(stream.Name, $"cannot be the name of a stream: it is empty, longer than {NtfsFileName.MaxNameLength} units, or holds a zero, /, \\ or :");
        Run(() =>
        {
            var own = _editor.Own(id, allowRoot: true);
            own.OpenOrCreate(NtfsAttributeType.Data, stream.Name);
            _editor.SetWritten(own);
        });
        return Open(id, stream.Name, writable: true);
    }

    public override void DeleteStream(NodeId id, StreamName stream)
    {
        if (stream.Kind != StreamKind.Named)
            throw Lacks("resource forks");
        Run(() => _editor.DeleteStream(id, stream.Name));
    }

    public override IEnumerable<ByteRange> AllocatedRanges() => _volume.AllocatedRanges();

    public override NodeId CreateFile(NodeId parent, string name, MetadataChange metadata)
    {
        if (_filled == parent && PlainFiles.TryCreate(parent, name, _buffer, 0, metadata, out var plain))
            return plain;
        var id = CreateEdited(parent, name, metadata);
        _filled = parent;
        return id;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// What fits a buffer is made with its content in one edit. A system file without content would be a FIFO, in the form of Interix: a longer one gets its
    /// attributes last.
    /// </remarks>
    public override NodeId CreateFile(NodeId parent, string name, Stream content, long? length, MetadataChange metadata)
    {
        if (length is null or < MaxWhole)
            return CreateBuffered(parent, name, content, (int)(length ?? MaxWhole - 1), metadata);
        if ((metadata.DosAttributes & DosAttributes.System) is null or DosAttributes.None)
            return base.CreateFile(parent, name, content, length, metadata);
        var id = base.CreateFile(parent, name, content, length, metadata with { DosAttributes = metadata.DosAttributes & ~DosAttributes.System });
        SetMetadata(id, metadata);
        return id;
    }

    // A byte more than is expected is asked for: whether there is more tells whether this is all.
    private NodeId CreateBuffered(NodeId parent, string name, Stream content, int expected, MetadataChange metadata)
    {
        if (_buffer.Length <= expected)
            _buffer = new byte[Math.Max(LeastBuffer, (int)BitOperations.RoundUpToPowerOf2((uint)expected + 1))];
        var buffer = _buffer;
        var count = content.ReadAtLeast(buffer.AsSpan(0, expected + 1), expected + 1, throwOnEndOfStream: false);
        if (_filled == parent && count <= expected && PlainFiles.TryCreate(parent, name, buffer, count, metadata, out var plain))
            return plain;
        var id = CreateEdited(parent, name, buffer.AsMemory(0, count), metadata);
        if (count > expected)
            Append(parent, name, id, content, null, metadata);
        _filled = parent;
        return id;
    }

    private NodeId CreateEdited(NodeId parent, string name, MetadataChange metadata) => Run(() => _editor.CreateFile(parent, name, metadata));

    private NodeId CreateEdited(NodeId parent, string name, ReadOnlyMemory<byte> content, MetadataChange metadata)
    {
        var put = default(NtfsContentEditor);
        return Run(() => _editor.CreateFile(parent, name, content.Span, metadata, out put), () => put?.PutWhole(content.Span));
    }

    private NtfsPlainFiles PlainFiles => _plainFiles ??= new NtfsPlainFiles(_state, _editor.Names);

    public override NodeId CreateDirectory(NodeId parent, string name, MetadataChange metadata) => Run(() => _editor.CreateDirectory(parent, name, metadata));

    public override NodeId CreateSymbolicLink(NodeId parent, string name, string target, MetadataChange metadata) =>
        Run(() => _editor.CreateSymbolicLink(parent, name, target, metadata));

    /// <summary>Creates a junction: a directory that Windows takes for another one.</summary>
    /// <param name="parent">The directory.</param>
    /// <param name="name">The name; must be free.</param>
    /// <param name="target">With '/': from the root of this volume on, or with a drive (<c>D:/data</c>).</param>
    /// <param name="drive">The drive that Windows gives this volume, for a target without one: junctions are absolute.</param>
    /// <param name="metadata">What to set.</param>
    /// <exception cref="InvalidNameException">No junction leads there: it is relative, empty or too long.</exception>
    public NodeId CreateJunction(NodeId parent, string name, string target, char drive, MetadataChange metadata) =>
        Run(() => _editor.CreateJunction(parent, name, target, drive, metadata));

    public override NodeId CreateSpecial(NodeId parent, string name, EntryKind kind, DeviceNumber device, MetadataChange metadata) =>
        Run(() => _editor.CreateSpecial(parent, name, kind, device, metadata));

    public override void CreateHardLink(NodeId node, NodeId parent, string name) => Run(() => _editor.CreateHardLink(node, parent, name));

    public override void Rename(NodeId parent, string name, NodeId newParent, string newName, bool replace) =>
        Run(() => _editor.Rename(parent, name, newParent, newName, replace));

    public override void Delete(NodeId parent, string name) => Run(() => _editor.Delete(parent, name));

    public override void SetMetadata(NodeId id, MetadataChange change) => Run(() => _editor.SetMetadata(id, change));

    public override void SetExtendedAttribute(NodeId id, string name, byte[]? value) => Run(() => _editor.SetExtendedAttribute(id, name, value));

    public override void SetLabel(string label)
    {
        Run(() => _editor.SetLabel(label));
        _volume.ReloadState();
    }

    public override void Commit()
    {
        _state.Settle();
        RefreshNames();
        if (UncommittedBytes > 0 && !_isPrepared)
        {
            Prepare();
            _isPrepared = true;
        }
        _state.Commit();
    }

    public override void Rollback()
    {
        _device.Rollback();
        _openStreams.InvalidateAll();
        _editor.Names.ForgetStale();
        _isPrepared = false;
        _filled = null;
        _state.ForgetAll();
    }

    private NtfsFile Live(NodeId id)
    {
        _filled = null;
        _state.Settle();
        return _editor.Live(id);
    }

    private VolumeStream Open(NodeId id, string name, bool writable) =>
        _openStreams.Open(id, name, writable) ?? _openStreams.Open(new NtfsOpenFile(id, name, _state, _editor), name, writable);

    private void Run(Action edit) => Run(() =>
    {
        edit();
        return 0;
    });

    // Content is put when all else of its edit has succeeded.
    private T Run<T>(Func<T> edit, Action? put = null)
    {
        if (_editor.Names.HasManyStale)
            RefreshNames();
        return RunAlone(edit, put);
    }

    private T RunAlone<T>(Func<T> edit, Action? put = null)
    {
        var complete = false;
        _state.Begin();
        try
        {
            var result = edit();
            _state.Store();
            put?.Invoke();
            complete = true;
            return result;
        }
        finally
        {
            if (complete)
                _state.Keep();
            else
                _state.Undo();
        }
    }

    // The copies of times and sizes that directories keep.
    private void RefreshNames()
    {
        if (!_editor.Names.HasStale)
            return;
        // Each is whole by itself: many small edits hold less than one large one.
        var stale = _editor.Names.Stale();
        for (var done = 0; done < stale.Length; done += RefreshedAtOnce)
        {
            var some = stale.AsSpan(done, Math.Min(RefreshedAtOnce, stale.Length - done)).ToArray();
            RunAlone(() =>
            {
                _editor.Names.RefreshStale(some);
                return 0;
            });
        }
        _editor.Names.ForgetStale();
    }

    // Before the first commit: what other drivers keep of the volume's past must not be held against it.
    private void Prepare()
    {
        _isLogLost |= NtfsEditRefusals.EmptyLog(_volume, _changes);
        RunAlone(() =>
        {
            if (_isLogLost)
                NtfsEditRefusals.MarkDirty(_state);
            NtfsChangeJournal.Invalidate(_state);
            NtfsExtendIndexes.MarkQuotas(_state);
            return 0;
        });
        _volume.ReloadState();
    }
}
