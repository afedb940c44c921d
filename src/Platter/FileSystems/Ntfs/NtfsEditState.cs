using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>What the parts of editing share: the volume as it is changed, its free clusters and records, the files under edit, the clock; and where an edit
/// begins and ends.</summary>
internal sealed class NtfsEditState
{
    // Changed pages beyond this are written between two edits: the device below keeps them until the commit.
    private const long MaxHeldBytes = 16 << 20;

    private const int CachedFiles = 256;

    private readonly TimeProvider _clock;
    private readonly LruCache<NtfsFileEditor> _files = new(CachedFiles);
    private readonly NumberMap<NtfsFileEditor> _inEdit = new();
    private readonly GrowingArray<NtfsFileEditor?> _noted = new();      // null where one is no more
    private NtfsFileEditor? _indexed;
    private NtfsIndexEditor? _index;        // of that directory
    private bool _isEditing;
    private bool _isStale;                  // what is held may be of an edit that failed

    /// <param name="volume">The volume.</param>
    /// <param name="changes">What it is read through.</param>
    /// <param name="options">Whose clock it is.</param>
    /// <param name="mapped">How many clusters $Bitmap has bits of as yet; null for all.</param>
    public NtfsEditState(NtfsVolume volume, NtfsChanges changes, VolumeOptions options, long? mapped = null)
    {
        Volume = volume;
        Changes = changes;
        _clock = options.Clock;
        Space = new NtfsSpace(changes, volume, mapped ?? volume.Geometry.ClusterCount);
        Records = new NtfsRecords(this);
        Descriptors = new NtfsDescriptors(this);
    }

    public NtfsVolume Volume { get; }
    public NtfsChanges Changes { get; }
    public NtfsSpace Space { get; }
    public NtfsRecords Records { get; }
    public NtfsDescriptors Descriptors { get; }
    public NtfsGeometry Geometry => Volume.Geometry;
    public ulong Now => NtfsTimes.Encode(Timestamp.From(_clock.GetUtcNow()));

    /// <summary>The editor of a file; one for all who edit it.</summary>
    /// <param name="reference">The file; a sequence number of 0 is not compared.</param>
    /// <exception cref="FileNotFoundException">The file is no more.</exception>
    /// <exception cref="DiskFormatException">Its record is damaged.</exception>
    public NtfsFileEditor File(NtfsReference reference)
    {
        Renew();
        var number = reference.Record;
        if (!_inEdit.TryGetValue((ulong)number, out var file))
        {
            if (!_files.TryGet(number, out file))
                _files.Set(number, file = new NtfsFileEditor(this, Open(reference)));
            // Within an edit none may be forgotten: it would be made anew from records that are not written yet.
            if (_isEditing)
                _inEdit[(ulong)number] = file;
        }
        return reference.Sequence == 0 || file.Reference == reference ? file : throw NoMore();
    }

    /// <summary>A new file, without attributes.</summary>
    public NtfsFileEditor NewFile(NtfsRecordFlags flags)
    {
        var record = Records.Take(default, NtfsRecordFlags.InUse | flags);
        var file = new NtfsFileEditor(this, new NtfsFile(Changes, Geometry, Volume.Mft, record));
        // Directories get entries next; files are rarely looked at again.
        if ((flags & NtfsRecordFlags.Directory) != 0)
            _files.Set(record.Number, file);
        _inEdit[(ulong)record.Number] = file;
        file.Changed();
        return file;
    }

    /// <summary>A file, for looking.</summary>
    /// <exception cref="FileNotFoundException">It is no more.</exception>
    public NtfsFile Open(NtfsReference reference)
    {
        Renew();
        var mft = Volume.Mft;
        if (reference.Record >= mft.Count)
            throw NoMore();
        var record = mft.Read(reference.Record);
        if (!record.IsInUse || !record.IsBase || (reference.Sequence != 0 && record.Header.SequenceNumber != reference.Sequence))
            throw NoMore();
        return new NtfsFile(Changes, Geometry, mft, record);
    }

    /// <summary>Whether the main data of a file is not its content: compressed by the overlay filter, or kept elsewhere.</summary>
    public bool IsOverlaid(NtfsReference reference, string stream)
    {
        if (stream.Length > 0 || File(reference).Open(NtfsAttributeType.ReparsePoint) is not { Length: >= NtfsReparseHeader.Size } reparse)
            return false;
        var tag = new byte[4];
        reparse.Read(0, tag);
        uint value = OnDisk.View<U32Le>(tag);
        return value == NtfsReparseTag.Wof || NtfsReparseTag.MayBeElsewhere(value);
    }

    /// <summary>A file has changed: it is stored when the edit ends.</summary>
    public void Note(NtfsFileEditor file)
    {
        if (file.IsNoted)
            return;
        file.IsNoted = true;
        _noted.Add(file);
    }

    /// <summary>A file is no more.</summary>
    public void Forget(NtfsFileEditor file)
    {
        for (var i = 0; i < _noted.Count; i++)
        {
            if (ReferenceEquals(_noted[i], file))
                _noted[i] = null;
        }
        _inEdit.Remove((ulong)file.Number);
        _files.Remove(file.Number);
    }

    /// <summary>The index of a directory. Names that come in order of directories need one for each.</summary>
    public NtfsIndexEditor Index(NtfsFileEditor directory)
    {
        if (_index is null || !ReferenceEquals(directory, _indexed))
        {
            _indexed = directory;
            _index = new NtfsIndexEditor(new NtfsFileIndexStorage(directory, NtfsDirectory.IndexName), Volume.Upcase,
                () => directory.Structure(NtfsAttributeType.IndexAllocation, NtfsDirectory.IndexName));
        }
        return _index;
    }

    /// <summary>A leaf that names go into, which <see cref="Settle"/> writes; null when none is held.</summary>
    public NtfsOpenLeaf? Leaf { get; set; }

    /// <summary>An edit begins.</summary>
    public void Begin()
    {
        Settle();
        BeginBeside();
    }

    /// <summary>As <see cref="Begin"/>, of an edit that leaves the leaf held.</summary>
    public void BeginBeside()
    {
        Renew();
        if (Changes.HeldBytes > MaxHeldBytes)
            WriteBack();
        Changes.Begin();
        Space.Begin();
        _isEditing = true;
    }

    /// <summary>Writes the leaf that is held, and the times of its directory: before anything else is done, or looked at.</summary>
    public void Settle()
    {
        Renew();
        if (Leaf is not { } leaf)
            return;
        if (leaf.Touched != 0)
            WriteAlone(leaf);
        Leaf = null;
    }

    private void WriteAlone(NtfsOpenLeaf leaf)
    {
        var complete = false;
        BeginBeside();
        try
        {
            Write(leaf, leaf.Touched);
            Store();
            complete = true;
        }
        finally
        {
            if (complete)
                Keep();
            else
                Undo();
        }
    }

    /// <summary>Writes a leaf within an edit.</summary>
    /// <param name="leaf">The leaf.</param>
    /// <param name="time">When its directory changed.</param>
    public void Write(NtfsOpenLeaf leaf, ulong time)
    {
        var directory = File(leaf.Directory);
        Index(directory).Write(leaf.Vcn, leaf.ToNode());
        NtfsStandard.Edit(directory, (ref NtfsStandardInformation information) => information.Modified = information.Changed = time);
    }

    /// <summary>Brings every file that has changed to its records. After this, nothing of an edit may fail but the device.</summary>
    public void Store()
    {
        // Storing one may change another: records come from the MFT.
        while (_noted.TryPop(out var file))
        {
            if (file is null)
                continue;
            file.IsNoted = false;
            file.Store();
        }
    }

    /// <summary>The edit is whole, and stored.</summary>
    public void Keep()
    {
        Changes.Keep();
        Space.Keep();
        _inEdit.Clear();
        _isEditing = false;
        Volume.ForgetDescriptions();
    }

    /// <summary>The edit failed: everything is as it was when it began.</summary>
    /// <remarks>Where the medium fails at this, too, what is held of the volume is read before anything else is done: see <see cref="Renew"/>. The edit's own error is the one to be told.</remarks>
    public void Undo()
    {
        Changes.Undo();
        Space.Undo();
        _isStale = true;
        try
        {
            Reload();
        }
        catch (Exception e) when (e is IOException or UnsupportedFeatureException)
        {
            // Still stale.
        }
    }

    /// <summary>Makes sure that what is held of the volume is what it is now.</summary>
    public void Renew()
    {
        if (_isStale)
            Reload();
    }

    /// <summary>The device went back to the last commit: so does everything that is held of it.</summary>
    public void ForgetAll()
    {
        Leaf = null;
        Changes.Clear();
        Space.ForgetAll();
        _isStale = true;
        Reload();
    }

    /// <summary>Writes what is held to the device; nothing is committed.</summary>
    public void WriteBack()
    {
        if (Changes.HeldBytes > 0)
            Changes.WriteBack(Space.IsFreshRange);
    }

    /// <summary>Everything so far becomes durable, all at once above a transaction device.</summary>
    public void Commit()
    {
        WriteBack();
        Changes.Flush();
        Space.Committed();
        Changes.WrittenBytes = 0;
    }

    /// <summary>Records were written past the editors of their files: those are made anew.</summary>
    public void ForgetEditors() => Reload();

    private void Reload()
    {
        _noted.Clear();
        _inEdit.Clear();
        _isEditing = false;
        _files.Clear();
        Descriptors.Clear();
        Volume.Reload();
        Records.Undo();
        _isStale = false;
    }

    private static FileNotFoundException NoMore() => new("the entry is no more: it was deleted since");
}
