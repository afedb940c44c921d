using Platter.Blocks;
using Platter.FileSystems.Clusters;
using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>An exFAT volume. Reading stands here, changing in <see cref="ExFatEditor"/>.</summary>
/// <remarks>
/// <para>Nodes have no numbers on disk. A node's id is where its entry set stands: the number that its directory got when it was first opened
/// (see <see cref="ExFatDirectoryNumbers"/>), and the slot of the file entry.</para>
/// <para>Opening reads the boot region, the head of the root and the up-case table, nothing else.</para>
/// </remarks>
public sealed class ExFatVolume : EditableVolume, INodeLives
{
    // Directories kept in memory, their pages and indices.
    private const int DirectoryCacheBytes = 32 << 20;

    private readonly VolumeOptions _options;
    private readonly ExFatEditor? _editor;
    private readonly DirectoryCache<ExFatDirectory> _directories = new(DirectoryCacheBytes);
    private readonly DirectoryOwners _directoryOwners = new();
    private readonly ExFatDirectoryNumbers _numbers = new();
    private readonly OpenFiles _openFiles = new();
    private readonly BlockDevice _device;
    private ExFatState _state;
    private ExFatSystemEntries _system;
    private long _changedBytes;
    private int? _labelSlot;
    private bool _isStale;      // a rollback failed midway

    private ExFatVolume(BlockDevice device, ExFatGeometry geometry, VolumeOptions options, bool editable)
    {
        _device = device;
        _options = options;
        Geometry = geometry;
        _state = new ExFatState(device, geometry);
        Table = new ExFatTable(_state, geometry);
        Area = NewArea();
        _system = new ExFatSystemEntries(_state, geometry, Table, GetDirectory(ExFatDirectoryNumbers.Root));
        NameComparer = new ExFatNameComparer(_system.Upcase);
        var offset = ExFatTimes.StoredOffset(options.UtcOffset);
        Capabilities = new Capabilities
        {
            Features = Features.DosAttributes | Features.Label,
            MaxNameLength = WindowsNames.MaxLength,
            NameUnit = NameUnit.Utf16,
            CaseSensitive = false,
            MaxFileLength = long.MaxValue,
            MaxLabelLength = ExFatLabelEntry.MaxUnits,
            Created = DosTimes.Capability(10_000_000, offset),
            Modified = DosTimes.Capability(10_000_000, offset),
            Accessed = DosTimes.Capability(2_000_000_000, offset),
            SettableAttributes = DosAttributes.ReadOnly | DosAttributes.Hidden | DosAttributes.System | DosAttributes.Archive,
        };
        if (editable)
        {
            RequireSound();
            _editor = new ExFatEditor(this);
        }
    }

    public override VolumeInfo Info => new()
    {
        Type = "exfat",
        Label = ReadLabel(),
        Id = $"{Geometry.SerialNumber >> 16:X4}-{Geometry.SerialNumber & 0xFFFF:X4}",
        BlockSize = Geometry.ClusterSize,
        TotalBytes = (long)Geometry.ClusterCount << Geometry.ClusterShift,
        IsClean = !Geometry.Flags.HasFlag(ExFatVolumeFlags.VolumeDirty),
        Details =
        [
            new("sector size", Geometry.SectorSize.ToString()),
            new("clusters", Geometry.ClusterCount.ToString()),
            new("FATs", Geometry.FatCount == 1 ? $"1 x {Geometry.FatSectors} sectors" : $"2 x {Geometry.FatSectors} sectors (TexFAT), {Geometry.ActiveFat} active"),
            new("cluster heap offset", Geometry.HeapOffset.ToString()),
            new("root cluster", Geometry.RootCluster.ToString()),
            new("revision", $"{Geometry.Revision >> 8}.{Geometry.Revision & 0xFF:D2}"),
            new("percent in use", Geometry.PercentInUse <= 100 ? Geometry.PercentInUse.ToString() : "unknown"),
            new("partition offset", Geometry.PartitionOffset.ToString()),
            new("up-case table", _system.UpcaseProblem is null ? _system.UpcaseChecksum.ToString("X8") : "unusable"),
            new("media failure", Geometry.Flags.HasFlag(ExFatVolumeFlags.MediaFailure) ? "yes" : "no"),
            new("boot region", Geometry.IsFromBackup ? "backup" : "main"),
        ],
    };

    public override Capabilities Capabilities { get; }
    public override NodeId RootId => ExFatDirectoryNumbers.RootNode;
    public override IEqualityComparer<string> NameComparer { get; }
    public override long FreeBytes
    {
        get
        {
            RequireWhole();
            return Space.FreeClusters << Geometry.ClusterShift;
        }
    }

    public override long UncommittedBytes => Table.DirtyBytes + (_system.Bitmap?.DirtyBytes ?? 0) + _changedBytes + (_state.HasWritten ? 1 : 0);

    internal BlockDevice Device => _state;
    internal ExFatGeometry Geometry { get; private set; }
    internal ExFatTable Table { get; private set; }
    internal ExFatBitmap Bitmap => _system.RequireBitmap();
    internal ExFatUpcase Upcase => _system.Upcase;
    internal ClusterSpace Space => Area.Space;
    internal ExFatDirectoryNumbers Numbers => _numbers;
    internal TimeSpan UtcOffset => _options.UtcOffset;
    internal Timestamp Now => Timestamp.From(_options.Clock.GetUtcNow());

    internal ClusterArea Area { get; private set; }

    /// <summary>Opens a volume for reading.</summary>
    /// <exception cref="DiskFormatException">Neither boot region can be used, or the root cannot be read.</exception>
    public static ExFatVolume Open(BlockDevice device, VolumeOptions options) =>
        new(device, ExFatGeometry.Read(device), options, editable: false);

    /// <summary>Opens a volume for changing.</summary>
    /// <exception cref="DiskFormatException">A boot region, the bitmap or the up-case table is damaged, or the volume is longer than its device.</exception>
    /// <exception cref="UnsupportedFeatureException">TexFAT: its transactions are not known here.</exception>
    public static ExFatVolume OpenForEditing(BlockDevice device, VolumeOptions options) =>
        new(device, ExFatGeometry.Read(device), options, editable: true);

    public override bool TryLookup(NodeId directory, string name, out NodeId id)
    {
        RequireWhole();
        _directories.Trim();
        var content = OpenDirectory(directory);
        if (!content.TryFind(name, out var slot))
        {
            id = default;
            return false;
        }
        id = _numbers.IdOf(content.Number, slot);
        return true;
    }

    public override IEnumerable<DirectoryEntry> Enumerate(NodeId directory)
    {
        RequireWhole();
        _directories.Trim();
        return Entries(OpenDirectory(directory));
    }

    public override FileMetadata GetMetadata(NodeId id)
    {
        RequireWhole();
        if (id == RootId)
            return new FileMetadata { Kind = EntryKind.Directory };
        _directories.Trim();
        var (directory, slot) = Resolve(id);
        var set = directory.Set(slot);
        ref var file = ref set.File;
        var length = (ulong)set.Stream.DataLength;
        return new FileMetadata
        {
            Kind = set.IsDirectory ? EntryKind.Directory : EntryKind.File,
            Length = set.IsDirectory ? 0 : (long)Math.Min(length, long.MaxValue),
            AllocatedLength = set.IsDirectory ? null : (long)Math.Min((ulong)Geometry.ClustersFor(length) << Geometry.ClusterShift, long.MaxValue),
            DosAttributes = set.Attributes,
            Created = ExFatTimes.Decode(file.Created, file.CreatedTenMs, file.CreatedUtcOffset, UtcOffset),
            Modified = ExFatTimes.Decode(file.Modified, file.ModifiedTenMs, file.ModifiedUtcOffset, UtcOffset),
            Accessed = ExFatTimes.Decode(file.Accessed, 0, file.AccessedUtcOffset, UtcOffset),
        };
    }

    public override VolumeStream OpenRead(NodeId id, StreamName stream) => OpenStream(id, stream, writable: false);

    public override IEnumerable<ByteRange> AllocatedRanges()
    {
        RequireWhole();
        if (_editor is not null)
            WriteBack();
        return UsedRanges().Joined();
    }

    private IEnumerable<ByteRange> UsedRanges()
    {
        yield return new ByteRange(0, Math.Min(Geometry.HeapOffset, Device.Length));
        foreach (var run in Bitmap.UsedRuns())
        {
            var offset = Geometry.ClusterOffset(run.First);
            if (offset >= Device.Length)
                break;      // the image is cut short
            yield return new ByteRange(offset, Math.Min((long)run.Count << Geometry.ClusterShift, Device.Length - offset));
        }
    }

    public override NodeId CreateFile(NodeId parent, string name, MetadataChange metadata) => Editor.CreateFile(parent, name, metadata);

    public override NodeId CreateDirectory(NodeId parent, string name, MetadataChange metadata) => Editor.CreateDirectory(parent, name, metadata);

    public override VolumeStream OpenWrite(NodeId id, StreamName stream)
    {
        _ = Editor;
        return OpenStream(id, stream, writable: true);
    }

    public override void Rename(NodeId parent, string name, NodeId newParent, string newName, bool replace) => Editor.Rename(parent, name, newParent, newName, replace);

    public override void Delete(NodeId parent, string name) => Editor.Delete(parent, name);

    public override void SetMetadata(NodeId id, MetadataChange change) => Editor.SetMetadata(id, change);

    public override void SetLabel(string label) => Editor.SetLabel(label);

    public override void Commit()
    {
        _ = Editor;
        WriteBack();
        _state.Commit(Space);
        Space.Committed();
        _changedBytes = 0;
    }

    public override void Rollback()
    {
        if (_editor is null)
            throw ReadingOnly();
        _isStale = true;
        _openFiles.InvalidateAll();
        _device.Rollback();
        _directories.Clear();
        _directoryOwners.Clear();
        _numbers.Clear();
        _labelSlot = null;
        Geometry = ExFatGeometry.Read(_device);
        _state = new ExFatState(_device, Geometry);
        Table = new ExFatTable(_state, Geometry);
        Area = NewArea();
        _changedBytes = 0;
        _system = new ExFatSystemEntries(_state, Geometry, Table, GetDirectory(ExFatDirectoryNumbers.Root));
        _isStale = false;
    }

    /// <summary>The directory a node is.</summary>
    /// <exception cref="DirectoryNotFoundException">The node is a file.</exception>
    internal ExFatDirectory OpenDirectory(NodeId id)
    {
        var number = ExFatDirectoryNumbers.Root;
        if (id != RootId)
        {
            var (parent, slot) = Resolve(id);
            var set = parent.Set(slot);
            if (!set.IsDirectory)
                throw new DirectoryNotFoundException($"{set.Name()} is not a directory");
            number = _numbers.NumberOf(id);
        }
        var directory = GetDirectory(number);
        if (_directoryOwners.Claim(id, directory.Chain, this) is var cluster and not 0)
            throw new DiskFormatException("EXF-0065", "Directory", Geometry.ClusterOffset(cluster), $"cluster {cluster} belongs to another directory as well: the volume needs a check");
        return directory;
    }

    bool INodeLives.IsAlive(NodeId id) => id == ExFatDirectoryNumbers.RootNode || _numbers.Nodes.TryLocate(id, out _);

    /// <summary>The directory and first slot of a node other than the root.</summary>
    /// <exception cref="FileNotFoundException">The node is no more.</exception>
    internal (ExFatDirectory Directory, int Slot) Resolve(NodeId id)
    {
        if (!_numbers.TryLocate(id, out var number, out var slot))
            throw new FileNotFoundException("the entry is no more: it was deleted since");
        var directory = GetDirectory(number);
        directory.Set(slot);
        return (directory, slot);
    }

    /// <summary>A directory by its number; what was given up of it, and of those above it, is read again.</summary>
    internal ExFatDirectory GetDirectory(uint number)
    {
        if (_directories.TryGet(number, out var directory))
            return directory;

        // From the nearest directory that is held downwards: where one lies, its parent says. No recursion: the depth comes from the image.
        var missing = new Stack<uint>();
        for (; !_directories.TryGet(number, out directory!) && number != ExFatDirectoryNumbers.Root; number = _numbers.ParentOf(number))
            missing.Push(number);
        if (directory is null)
            _directories.Add(ExFatDirectoryNumbers.Root, directory = new ExFatDirectory(this, RootId, number, RootChain(out var length), length));
        while (missing.TryPop(out number))
        {
            directory = ReadDirectory(directory, number);
            _directories.Add(number, directory);
        }
        return directory;
    }

    internal void AddDirectory(ExFatDirectory directory) => _directories.Add(directory.Number, directory);

    internal void ForgetDirectory(NodeId id)
    {
        if (_numbers.TryGetNumber(id, out var number))
            _directories.Forget(number);
    }

    internal bool IsOpen(NodeId id) => _openFiles.IsOpen(id);

    /// <summary>The clusters that a stream entry, or another with an allocation, names.</summary>
    internal ClusterChain ChainOf(uint first, ulong length, ExFatSecondaryFlags flags)
    {
        if (first == 0 || !flags.HasFlag(ExFatSecondaryFlags.NoFatChain))
            return new ClusterChain(Table, first);
        var count = Geometry.ClustersFor(length);
        return count <= Geometry.ClusterCount ? new ClusterChain(Table, new ClusterRun(first, (uint)count)) : throw Table.StartsOutside(first, uint.MaxValue);
    }

    internal static void SetAllocation(ref ExFatStreamEntry stream, ClusterChain chain, long length, long validLength)
    {
        stream.Flags = chain.First != 0 && chain.IsContiguous ? stream.Flags | ExFatSecondaryFlags.NoFatChain : stream.Flags & ~ExFatSecondaryFlags.NoFatChain;
        stream.FirstCluster = chain.First;
        stream.DataLength = (ulong)length;
        stream.ValidDataLength = (ulong)validLength;
    }

    /// <summary>Stamps an entry as changed now.</summary>
    internal void Stamp(ref ExFatFileEntry file)
    {
        (file.Modified, file.ModifiedTenMs, file.ModifiedUtcOffset) = ExFatTimes.Encode(Now, UtcOffset);
        (file.Accessed, file.AccessedUtcOffset) = (file.Modified, file.ModifiedUtcOffset);
    }

    /// <summary>Refuses the growth of a directory whose own entry set could not follow it.</summary>
    internal void CheckDirectoryEntry(ExFatDirectory directory)
    {
        if (directory.Id == RootId)
            return;
        var (parent, slot) = Resolve(directory.Id);
        parent.SealedSet(slot);
    }

    /// <summary>Brings a directory's new length to its entry set; a directory's two lengths are always the same.</summary>
    internal void UpdateDirectoryEntry(ExFatDirectory directory, long length)
    {
        if (directory.Id == RootId)
            return;
        var (parent, slot) = Resolve(directory.Id);
        var set = parent.BeginChange(slot);
        SetAllocation(ref set.Stream, directory.Chain, length, length);
        parent.EndChange(slot, set);
    }

    /// <summary>The slot of the label in the root, looked for once; -1 when there is none.</summary>
    internal int FindLabel(ExFatDirectory root) => _labelSlot ??= root.Find(ExFatEntryType.Label);

    internal void ForgetLabel() => _labelSlot = null;

    /// <summary>An upper estimate of changes, for those who ask when to commit: an entry costs a sector.</summary>
    internal void NoteChange(int bytes) => _changedBytes += Math.Max(bytes, 512);

    // Each edit begins here: directories are given up now, when nobody works on one.
    private ExFatEditor Editor
    {
        get
        {
            RequireWhole();
            _directories.Trim();
            return _editor ?? throw ReadingOnly();
        }
    }

    private static UnauthorizedAccessException ReadingOnly() => new("the volume is open for reading only");

    // Before anything is done or looked at: what is held is what the edits that succeeded made. A rollback that failed midway is brought to its end first.
    private void RequireWhole()
    {
        if (_isStale)
            Rollback();
        Area.RequireWhole();
    }

    private ClusterArea NewArea() => new(_state, Geometry.HeapOffset, Geometry.ClusterSize, () => new ClusterSpace(Bitmap, -1, 0));

    private void WriteBack()
    {
        _system.Bitmap?.WriteBack();
        Table.WriteBack();
        _directories.WriteBack();
    }

    private void RequireSound()
    {
        var broken = Geometry.Remarks.FirstOrDefault(r => r.Severity == Severity.Error);
        if (broken is not null)
            throw new DiskFormatException(broken.Code, broken.Structure, broken.Offset ?? -1, broken.Message);
        if (Geometry.FatCount != 1)
            throw new UnsupportedFeatureException("changing a TexFAT volume (one with two FATs): its transactions are not known here");
        _system.RequireBitmap();
        if (_system.UpcaseProblem is { } problem)
            throw problem;
    }

    private ClusterChain RootChain(out long length)
    {
        var chain = new ClusterChain(Table, Geometry.RootCluster);
        length = (long)chain.CountAll() << Geometry.ClusterShift;
        CheckDirectoryLength((ulong)length, Geometry.RootCluster);
        return chain;
    }

    private ExFatDirectory ReadDirectory(ExFatDirectory parent, uint number)
    {
        var id = _numbers.NodeOf(number);
        _numbers.TryLocate(id, out _, out var slot);
        ref var stream = ref parent.Set(slot).Stream;
        ulong length = stream.DataLength;
        CheckDirectoryLength(length, stream.FirstCluster);
        var chain = ChainOf(stream.FirstCluster, length, stream.Flags);
        if (chain.First == 0 && length != 0)
            throw Table.StartsOutside(0, 1);
        return new ExFatDirectory(this, id, number, chain, (long)length);
    }

    private void CheckDirectoryLength(ulong length, uint first)
    {
        // One cluster is never too much, however large.
        if (length > (ulong)Math.Max(ExFatGeometry.MaxDirectoryBytes, Geometry.ClusterSize))
            throw new DiskFormatException("EXF-0085", "Directory", Geometry.IsCluster(first) ? Geometry.ClusterOffset(first) : -1, $"{length} bytes long; a directory has at most {ExFatGeometry.MaxDirectoryBytes}");
    }

    private IEnumerable<DirectoryEntry> Entries(ExFatDirectory directory)
    {
        var slot = 0;
        while (Next(directory, ref slot, out var entry))
            yield return entry;
    }

    // Apart, since an iterator cannot hold a view over its yields.
    private bool Next(ExFatDirectory directory, ref int slot, out DirectoryEntry entry)
    {
        var found = directory.TryNext(ref slot, out var first, out var set);
        entry = found ? new DirectoryEntry(set.Name(), _numbers.IdOf(directory.Number, first), set.IsDirectory ? EntryKind.Directory : EntryKind.File) { Attributes = set.Attributes } : default;
        return found;
    }

    private VolumeStream OpenStream(NodeId id, StreamName stream, bool writable)
    {
        RequireMainData(stream, writable);
        RequireWhole();
        if (id == RootId)
            throw new UnauthorizedAccessException("the root is a directory: it has no data to open");
        var (directory, slot) = Resolve(id);
        var set = directory.Set(slot);
        if (set.IsDirectory)
            throw new UnauthorizedAccessException($"{set.Name()} is a directory: it has no data to open");
        return _openFiles.Open(id, writable) ?? _openFiles.Open(OpenFile(id, directory.Set(slot)), writable);
    }

    private ExFatFile OpenFile(NodeId id, ExFatEntrySet set)
    {
        ulong length = set.Stream.DataLength, valid = set.Stream.ValidDataLength;
        var heap = (ulong)Geometry.ClusterCount << Geometry.ClusterShift;
        if (length > heap)
            throw new DiskFormatException("EXF-0105", "StreamExtension.dataLength", -1, $"found {length} for '{set.Name()}', all clusters together hold {heap} bytes");
        if (valid > length)
            throw new DiskFormatException("EXF-0102", "StreamExtension.validDataLength", -1, $"found {valid} for '{set.Name()}', expected 0..{length}");
        return new ExFatFile(this, id, ChainOf(set.Stream.FirstCluster, length, set.Stream.Flags), (long)length, (long)valid);
    }

    private string? ReadLabel()
    {
        RequireWhole();
        var root = GetDirectory(ExFatDirectoryNumbers.Root);
        var slot = FindLabel(root);
        if (slot < 0)
            return null;
        ref readonly var entry = ref OnDisk.View<ExFatLabelEntry>(root.Entry(slot));
        Span<char> units = stackalloc char[Math.Min(entry.CharacterCount, (byte)ExFatLabelEntry.MaxUnits)];
        ExFatNameRules.Decode(entry.Units, units);
        return units.IsEmpty ? null : new string(units);
    }
}
