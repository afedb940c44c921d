using System.Runtime.CompilerServices;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;

namespace Platter.Trees;

/// <summary>A directory of a volume as the place where a tree goes. The volume, and its last commit, stay the caller's.</summary>
public sealed class VolumeTreeSink : TreeSink
{
    private readonly EditableVolume _volume;
    private readonly Folder _top;

    // Made when needed: the framework finds out by reflection how entries compare, which a single file need not wait for.
    private Dictionary<TreeEntry, Folder>? _folders;
    private Dictionary<TreeEntry, NodeId>? _linked;
    private List<(NodeId Id, MetadataChange Metadata)>? _directories;
    private TreeEntry? _last;       // the entry added last, its node, and the time and attributes that it is to keep
    private NodeId _lastId;
    private Timestamp? _lastModified;
    private DosAttributes? _lastAttributes;

    /// <param name="volume">The volume.</param>
    /// <param name="path">The directory that everything goes into; must be there.</param>
    /// <exception cref="DirectoryNotFoundException">It is no directory.</exception>
    public VolumeTreeSink(EditableVolume volume, string path = "/")
    {
        var node = volume.Find(path);
        if (!node.IsDirectory)
            throw new DirectoryNotFoundException($"{path} is not a directory");
        _volume = volume;
        _top = new Folder(node.Id, null, volume.NameComparer);
    }

    public override Capabilities Capabilities => _volume.Capabilities;
    public override string Description => _volume.Info.Type;

    public override AddOutcome AddDirectory(TreeEntry entry, MetadataChange metadata)
    {
        var folder = FolderOf(entry);
        if (!folder.IsNew && _volume.TryLookup(folder.Id, entry.Name, out var there))
        {
            RefuseCollision(folder, entry);
            if (_volume.GetMetadata(there).Kind != EntryKind.Directory)
                throw new AlreadyExistsException(entry.Path);
            folder.Note(entry.Name);
            (_folders ??= []).Add(entry, new Folder(there, entry, _volume.NameComparer));
            return AddOutcome.Merged;
        }
        var id = Create(entry, folder.Id, entry.Name, metadata, null, folder);
        folder.Note(entry.Name);
        (_folders ??= []).Add(entry, new Folder(id, entry, null));
        (_directories ??= []).Add((id, metadata));
        (_last, _lastId, _lastModified, _lastAttributes) = (entry, id, null, null);
        return AddOutcome.Added;
    }

    public override AddOutcome AddFile(TreeEntry entry, MetadataChange metadata, CopyContent content)
    {
        var outcome = Place(entry, metadata, content);
        if (outcome != AddOutcome.Skipped && entry.LinkIdentity is not null)
            NoteLinked(entry);
        return outcome;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void NoteLinked(TreeEntry entry) => (_linked ??= [])[entry] = _lastId;

    public override AddOutcome AddSymbolicLink(TreeEntry entry, string target, MetadataChange metadata) => AddFile(entry, metadata, null!);

    public override AddOutcome AddSpecial(TreeEntry entry, MetadataChange metadata) => AddFile(entry, metadata, null!);

    public override AddOutcome AddHardLink(TreeEntry entry, TreeEntry first)
    {
        if (_linked is null || !_linked.TryGetValue(first, out var id))
            throw new SourceFailureException(entry.Path, new IOException($"{first.Path}, the file it is another name of, was not copied"));
        return Place(entry, MetadataChange.None, null, id);
    }

    public override void AddStream(TreeEntry entry, StreamName stream, CopyContent content)
    {
        if (!ReferenceEquals(_last, entry))
            return;
        using (var target = _volume.OpenWrite(_lastId, stream))
        {
            target.SetLength(0);
            content.CopyTo(target, 1 << 20);
        }
        KeepMetadata();
    }

    public override bool AddExtendedAttribute(TreeEntry entry, string name, byte[] value)
    {
        if (!ReferenceEquals(_last, entry))
            return true;
        try
        {
            if (Capabilities.Has(Features.NamedStreams) && StreamAttributes.StreamOf(name) is { } stream)
            {
                WriteStream(stream, value);
                return true;
            }
            _volume.SetExtendedAttribute(_lastId, name, value);
            // A stream that follows is not to take it back.
            if (Capabilities.Has(Features.DosAttributes) && AttributesAttribute.Decode(name, value) is { } attributes)
                _lastAttributes = attributes & Capabilities.SettableAttributes;
            return true;
        }
        // Without its keys a file's ciphertext is lost: that is more than an attribute, and why is worth telling.
        catch (UnsupportedFeatureException) when (name != NtfsDescription.EfsName || entry.Kind != EntryKind.File)
        {
            return false;
        }
        catch (ArgumentException e) when (name == NtfsDescription.EfsName)
        {
            return entry.Kind != EntryKind.File ? false : throw new UnsupportedFeatureException(e.Message);
        }
    }

    // Writing a stream touches its file.
    private void KeepMetadata()
    {
        if (_lastModified is not null || _lastAttributes is not null)
            _volume.SetMetadata(_lastId, new MetadataChange { Modified = _lastModified, DosAttributes = _lastAttributes });
    }

    private void WriteStream(StreamName stream, byte[] value)
    {
        using (var target = _volume.OpenWrite(_lastId, stream))
        {
            target.SetLength(0);
            target.WriteAt(0, value);
        }
        KeepMetadata();
    }

    public override void SetRootMetadata(MetadataChange metadata)
    {
        if (Capabilities.Has(Features.Mode) || _top.Id != _volume.RootId)
            (_directories ??= []).Insert(0, (_top.Id, metadata));
    }

    public override void Step(long commitEvery)
    {
        if (_volume.UncommittedBytes > commitEvery)
            _volume.Commit();
    }

    internal override void Finish(CopyTally tally)
    {
        if (_directories is not null)
            SetDirectories(_directories);
        _directories = null;
    }

    // Making an entry in a directory may have changed its times; the deepest were made last.
    private void SetDirectories(List<(NodeId Id, MetadataChange Metadata)> directories)
    {
        for (var i = directories.Count - 1; i >= 0; i--)
        {
            var (id, metadata) = directories[i];
            if (metadata.Modified is not null || metadata.Accessed is not null || metadata.Created is not null)
                _volume.SetMetadata(id, metadata);
        }
    }

    internal override bool WritesTo(TreeSource source) => source.ReadsFrom(_volume);

    /// <summary>Makes an entry under its name, in the place of an older one where that is wished.</summary>
    private AddOutcome Place(TreeEntry entry, MetadataChange metadata, CopyContent? content, NodeId? link = null)
    {
        var folder = FolderOf(entry);
        _last = null;
        var outcome = AddOutcome.Added;
        NodeId id;
        if (!folder.IsNew && _volume.TryLookup(folder.Id, entry.Name, out var there))
        {
            RefuseCollision(folder, entry);
            var old = _volume.GetMetadata(there);
            if (Overwrite == Overwrite.Skip || (Overwrite == Overwrite.ReplaceOlder && old.Kind != EntryKind.Directory && !IsNewer(entry, old)))
                return AddOutcome.Skipped;
            if (Overwrite == Overwrite.Refuse || old.Kind == EntryKind.Directory)
                throw new AlreadyExistsException(entry.Path);
            id = Replace(entry, metadata, content, folder, link);
            outcome = AddOutcome.Replaced;
        }
        else
        {
            id = Create(entry, folder.Id, entry.Name, metadata, content, folder, link);
        }
        folder.Note(entry.Name);
        (_last, _lastId, _lastModified, _lastAttributes) = (entry, id, metadata.Modified, metadata.DosAttributes);
        return outcome;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private NodeId Replace(TreeEntry entry, MetadataChange metadata, CopyContent? content, Folder folder, NodeId? link) =>
        _volume.Replace(folder.Id, entry.Name, name => Create(entry, folder.Id, name, metadata, content, folder, link));

    private bool IsNewer(TreeEntry entry, FileMetadata old)
    {
        if (entry.Metadata.Modified is not { } time || old.Modified is not { } oldTime)
            return true;
        return (Capabilities.Modified?.Round(time) ?? time) > oldTime;
    }

    private NodeId Create(TreeEntry entry, NodeId parent, string name, MetadataChange metadata, CopyContent? content, Folder folder, NodeId? link = null)
    {
        try
        {
            if (link is { } node)
            {
                _volume.CreateHardLink(node, parent, name);
                return node;
            }
            return entry.Kind switch
            {
                EntryKind.Directory => _volume.CreateDirectory(parent, name, metadata),
                EntryKind.SymbolicLink => _volume.CreateSymbolicLink(parent, name, entry.Metadata.LinkTarget ?? "", metadata),
                EntryKind.File when content!.HasHoles && Capabilities.Has(Features.SparseFiles) => CreateSparse(parent, name, metadata, content),
                EntryKind.File => _volume.CreateFile(parent, name, content!, content!.DeclaredLength, metadata),
                _ => _volume.CreateSpecial(parent, name, entry.Kind, entry.Metadata.Device ?? default, metadata),
            };
        }
        catch (AlreadyExistsException) when (folder.IsNew)
        {
            // Nobody but this copy has put anything into the directory.
            throw new NameCollisionException(entry.Path);
        }
    }

    private NodeId CreateSparse(NodeId parent, string name, MetadataChange metadata, CopyContent content)
    {
        // With the attributes that an empty file must not have on NTFS, where it would be a FIFO.
        var id = _volume.CreateFile(parent, name, metadata with { DosAttributes = null });
        var done = false;
        try
        {
            using (var stream = _volume.OpenWrite(id, StreamName.Data))
            {
                while (content.MoveNext())
                {
                    if (!content.IsHole)
                        stream.WriteAt(content.PieceOffset, content.Data);
                }
                stream.SetLength(content.PieceOffset);
            }
            if (!metadata.IsEmpty)
                _volume.SetMetadata(id, metadata);
            done = true;
        }
        finally
        {
            if (!done)
                _volume.Delete(parent, name);
        }
        return id;
    }

    private static void RefuseCollision(Folder folder, TreeEntry entry)
    {
        if (folder.Holds(entry.Name))
            throw new NameCollisionException(entry.Path);
    }

    private Folder FolderOf(TreeEntry entry) => entry.Parent is null ? _top : _folders![entry.Parent];

    /// <summary>A directory that entries go into.</summary>
    /// <param name="id">The directory.</param>
    /// <param name="entry">What it is a copy of; null for the top.</param>
    /// <param name="names">How names compare in it; null when the copy has made the directory itself, so that every name in it is the copy's.</param>
    private sealed class Folder(NodeId id, TreeEntry? entry, IEqualityComparer<string>? names)
    {
        // What this copy has made in it: a set only from the second name on, since that takes longer to prepare than one small file to copy.
        private string? _first;
        private HashSet<string>? _others;

        public NodeId Id => id;
        public TreeEntry? Entry => entry;
        public bool IsNew => names is null;

        /// <summary>The copy has made an entry of this name.</summary>
        public void Note(string name)
        {
            if (names is null)
                return;
            if (_first is null)
                _first = name;
            else
                NoteOther(name);
        }

        /// <summary>Whether the copy has made an entry of this name, as the volume compares names.</summary>
        public bool Holds(string name) => _first is not null && (names!.Equals(_first, name) || HoldsOther(name));

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void NoteOther(string name) => (_others ??= new HashSet<string>(names!)).Add(name);

        [MethodImpl(MethodImplOptions.NoInlining)]
        private bool HoldsOther(string name) => _others?.Contains(name) == true;
    }
}
