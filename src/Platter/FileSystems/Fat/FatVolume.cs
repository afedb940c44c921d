using System.Diagnostics.CodeAnalysis;
using Platter.Blocks;
using Platter.FileSystems.Clusters;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>A FAT12, FAT16 or FAT32 volume. Reading stands here, changing in <see cref="FatEditor"/>.</summary>
/// <remarks>
/// <para>Nodes have no numbers on disk. A node's id is where its short slot stands: the first cluster of its directory and the
/// slot's index; so no table is kept. Only an entry that was moved while the volume is open is looked up in one.</para>
/// <para>Opening reads the boot sector, nothing else.</para>
/// </remarks>
public sealed class FatVolume : EditableVolume, INodeLives
{
    // Directories kept in memory; a directory has 2 MiB at most.
    private const int DirectoryCacheBytes = 24 << 20;

    // An edit holds two directories at most while it loads others: those used last are never dropped.
    private const int RecentUses = 16;

    // A location is the first cluster of the directory (28 bits, 0 for the root) and the slot (16 bits) + 2; the root itself is 1.
    private const int SlotBits = 20;
    private static readonly NodeId RootNode = new(1);

    private readonly VolumeOptions _options;
    private readonly FatEditor? _editor;
    private readonly DirectoryCache<FatDirectory> _directories = new(DirectoryCacheBytes);
    private readonly DirectoryOwners _directoryOwners = new();
    private readonly EntryNodeMap _nodes = new();
    private readonly OpenFiles _openFiles = new();
    private bool _isStale;      // a rollback failed midway

    private FatVolume(BlockDevice device, FatGeometry geometry, VolumeOptions options, bool editable)
    {
        Device = device;
        Geometry = geometry;
        _options = options;
        CodePage = CodePage.Get(options.OemCodePage);
        OpenTable();
        Capabilities = new Capabilities
        {
            Features = Features.DosAttributes | Features.ShortNames | Features.Label,
            MaxNameLength = WindowsNames.MaxLength,
            NameUnit = NameUnit.Utf16,
            CaseSensitive = false,
            MaxFileLength = uint.MaxValue,
            MaxLabelLength = FatShortNames.Length,
            Created = DosTimes.Capability(10_000_000, options.UtcOffset),
            Modified = DosTimes.Capability(2_000_000_000, options.UtcOffset),
            Accessed = DosTimes.Capability(86_400_000_000_000, options.UtcOffset),
            SettableAttributes = DosAttributes.ReadOnly | DosAttributes.Hidden | DosAttributes.System | DosAttributes.Archive,
        };
        if (editable)
            _editor = new FatEditor(this);
    }

    public override VolumeInfo Info => new()
    {
        Type = "fat" + (int)Geometry.Width,
        Label = ReadLabel(),
        Id = Geometry.SerialNumber is { } serial ? VolumeSerial.ToText(serial) : null,
        BlockSize = Geometry.ClusterSize,
        TotalBytes = Geometry.ClusterCount * (long)Geometry.ClusterSize,
        IsClean = FatState.IsClean(Geometry, Table),
        Details =
        [
            new("sector size", Geometry.BytesPerSector.ToString()),
            new("clusters", Geometry.ClusterCount.ToString()),
            new("FATs", Geometry.FatCount + " x " + Geometry.FatSectors + " sectors" + (Geometry.OnlyActiveFat < 0 ? "" : $", only {Geometry.OnlyActiveFat} active")),
            new("reserved sectors", Geometry.ReservedSectors.ToString()),
            Geometry.Width == FatWidth.Fat32 ? new("root cluster", Geometry.RootCluster.ToString()) : new("root entries", Geometry.RootEntries.ToString()),
            new("media", "0x" + Geometry.Media.ToString("X2")),
            new("hidden sectors", Geometry.HiddenSectors.ToString()),
        ],
    };

    public override Capabilities Capabilities { get; }
    public override NodeId RootId => RootNode;
    public override IEqualityComparer<string> NameComparer => FatNames.Comparer;
    public override long FreeBytes
    {
        get
        {
            RequireWhole();
            return Space.FreeClusters * Geometry.ClusterSize;
        }
    }

    public override long UncommittedBytes => Table.DirtyBytes + (_editor?.ChangedSlotBytes ?? 0);

    internal BlockDevice Device { get; }
    internal FatGeometry Geometry { get; private set; }
    internal FatTable Table { get; private set; }
    internal ClusterArea Area { get; private set; }
    internal ClusterSpace Space => Area.Space;
    internal CodePage CodePage { get; }
    internal TimeSpan UtcOffset => _options.UtcOffset;
    internal Timestamp Now => Timestamp.From(_options.Clock.GetUtcNow());
    internal EntryNodeMap Nodes => _nodes;

    /// <summary>Opens a volume for reading.</summary>
    /// <exception cref="DiskFormatException">The boot sector breaks a rule.</exception>
    public static FatVolume Open(BlockDevice device, VolumeOptions options) =>
        new(device, FatGeometry.Read(device), options, editable: false);

    /// <summary>Opens a volume for changing.</summary>
    /// <exception cref="DiskFormatException">The boot sector breaks a rule, or the volume is longer than its device.</exception>
    public static FatVolume OpenForEditing(BlockDevice device, VolumeOptions options)
    {
        var geometry = FatGeometry.Read(device);
        if (geometry.HasRemarks)
            RefuseBroken(geometry);
        return new FatVolume(device, geometry, options, editable: true);
    }

    private static void RefuseBroken(FatGeometry geometry)
    {
        foreach (var remark in geometry.Remarks)
        {
            if (remark.Severity == Severity.Error)
                throw new DiskFormatException(remark.Code, remark.Structure, remark.Offset ?? -1, remark.Message);
        }
    }

    public override bool TryLookup(NodeId directory, string name, out NodeId id)
    {
        RequireWhole();
        var content = OpenDirectory(directory, out var cluster);
        if (!content.TryFind(name, out var entry))
        {
            id = default;
            return false;
        }
        id = _nodes.IdOf(Location(cluster, entry.ShortSlot));
        return true;
    }

    public override IEnumerable<DirectoryEntry> Enumerate(NodeId directory)
    {
        RequireWhole();
        var content = OpenDirectory(directory, out var cluster);
        return Entries(cluster, content);
    }

    public override FileMetadata GetMetadata(NodeId id)
    {
        RequireWhole();
        if (id == RootNode)
            return new FileMetadata { Kind = EntryKind.Directory };
        var directory = Resolve(id, out var slotIndex);
        ref readonly var slot = ref directory.Slot(slotIndex);
        var attributes = (DosAttributes)(slot.Attributes & 0x3F);
        var isDirectory = attributes.HasFlag(DosAttributes.Directory);
        return new FileMetadata
        {
            Kind = isDirectory ? EntryKind.Directory : EntryKind.File,
            Length = isDirectory ? 0 : slot.Length,
            AllocatedLength = isDirectory ? null : (slot.Length + Geometry.ClusterSize - 1L) / Geometry.ClusterSize * Geometry.ClusterSize,
            DosAttributes = attributes,
            Created = DosTimes.Decode(slot.CreatedDate, slot.CreatedTime, slot.CreatedTenMs, UtcOffset),
            Modified = DosTimes.Decode(slot.ModifiedDate, slot.ModifiedTime, 0, UtcOffset),
            Accessed = DosTimes.Decode(slot.AccessedDate, 0, 0, UtcOffset),
            ShortName = FatShortNames.Decode(OnDisk.Bytes(in slot.Name), FatCaseFlags.None, CodePage),
        };
    }

    public override VolumeStream OpenRead(NodeId id, StreamName stream) => OpenStream(id, stream, writable: false);

    public override IEnumerable<ByteRange> AllocatedRanges()
    {
        RequireWhole();
        WriteBackForReading();
        var start = 0L;
        var end = Geometry.DataOffset;
        for (var cluster = FatGeometry.FirstCluster; cluster <= Geometry.LastCluster; cluster++)
        {
            var value = Table[cluster];
            if (value is FatTable.Free or FatTable.Bad)
                continue;
            var offset = Geometry.ClusterOffset(cluster);
            if (offset >= Device.Length)
                break;      // the image is cut short
            if (offset > end)
            {
                yield return new ByteRange(start, end - start);
                start = offset;
            }
            end = offset + Geometry.ClusterSize;
        }
        yield return new ByteRange(start, Math.Min(end, Device.Length) - start);
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

    public override void Commit() => Editor.Commit();

    public override void Rollback()
    {
        _isStale = true;
        _openFiles.InvalidateAll();
        Device.Rollback();
        Reload();
        _editor?.ForgetChanges();
        _isStale = false;
    }

    /// <summary>The directory a node is, and its first cluster as entries name it (0 for the root).</summary>
    /// <exception cref="DirectoryNotFoundException">The node is a file.</exception>
    internal FatDirectory OpenDirectory(NodeId id, out uint cluster)
    {
        cluster = 0;
        if (id == RootNode)
        {
            var root = GetDirectory(0);
            Claim(id, root);
            return root;
        }
        var parent = Resolve(id, out var slot);
        if (((DosAttributes)parent.Slot(slot).Attributes & DosAttributes.Directory) == 0)
            throw new DirectoryNotFoundException($"{parent.Name(parent.EntryAt(slot))} is not a directory");
        cluster = FirstCluster(parent, slot);
        if (cluster == 0)
            throw new DiskFormatException("FAT-0206", "DirectoryEntry.firstCluster", -1, $"found 0 for the directory {parent.Name(parent.EntryAt(slot))}, expected 2..{Geometry.LastCluster}");
        var content = GetDirectory(cluster);
        Claim(id, content);
        return content;
    }

    /// <summary>The directory and slot of a node other than the root.</summary>
    /// <exception cref="FileNotFoundException">The node is no more.</exception>
    internal FatDirectory Resolve(NodeId id, out int slot)
    {
        if (_nodes.TryLocate(id, out var location))
        {
            var directory = GetDirectory((uint)(location >> SlotBits));
            slot = SlotOf(location);
            if (slot >= 0 && slot < directory.Slots.Length / FatShortSlot.Size
                && directory.Slot(slot).Name[0] is not (FatShortSlot.End or FatShortSlot.Removed))
            {
                return directory;
            }
        }
        throw new FileNotFoundException("the entry is no more: it was deleted since");
    }

    internal static ulong Location(uint directory, int slot) => (ulong)directory << SlotBits | (uint)(slot + 2);

    internal static uint DirectoryOf(ulong location) => (uint)(location >> SlotBits);

    internal static int SlotOf(ulong location) => (int)(location & ((1 << SlotBits) - 1)) - 2;

    internal uint FirstCluster(FatDirectory directory, int slot)
    {
        ref readonly var entry = ref directory.Slot(slot);
        return Geometry.Width == FatWidth.Fat32 ? (uint)(entry.ClusterHigh << 16 | entry.ClusterLow) & 0x0FFFFFFF : entry.ClusterLow;
    }

    internal void SetFirstCluster(FatDirectory directory, int slot, uint cluster)
    {
        ref var entry = ref directory.EditSlot(slot);
        entry.ClusterLow = (ushort)cluster;
        if (Geometry.Width == FatWidth.Fat32)
            entry.ClusterHigh = (ushort)(cluster >> 16);
    }

    internal FatDirectory GetDirectory(uint firstCluster)
    {
        if (Geometry.Width == FatWidth.Fat32 && firstCluster == Geometry.RootCluster)
            firstCluster = 0;
        if (!_directories.TryGet(firstCluster, out var directory))
        {
            directory = FatDirectory.Read(Device, Geometry, Table, firstCluster, CodePage);
            AddDirectory(firstCluster, directory);
        }
        return directory;
    }

    internal void AddDirectory(uint firstCluster, FatDirectory directory)
    {
        _directories.Add(firstCluster, directory);
        _directories.Trim(RecentUses);
    }

    internal void ForgetDirectory(uint firstCluster) => _directories.Forget(firstCluster);

    internal bool IsOpen(NodeId id) => _openFiles.IsOpen(id);

    /// <summary>Brings every changed structure to the device (not to the medium).</summary>
    internal void WriteBack()
    {
        _directories.WriteBack();
        Table.WriteBack();
    }

    /// <summary>Reads the boot sector anew and forgets all that was cached.</summary>
    internal void Reload()
    {
        _directories.Clear();
        _directoryOwners.Clear();
        _nodes.Clear();
        _openFiles.InvalidateAll();
        Geometry = FatGeometry.Read(Device);
        OpenTable();
    }

    /// <summary>Reads the boot sector anew after its label changed.</summary>
    internal void RereadBootSector() => Geometry = FatGeometry.Read(Device);

    private FatEditor Editor
    {
        get
        {
            RequireWhole();
            return _editor ?? throw new UnauthorizedAccessException("the volume is open for reading only");
        }
    }

    // Before anything is done or looked at: what is held is what the edits that succeeded made. A rollback that failed midway is brought to its end first.
    private void RequireWhole()
    {
        if (_isStale)
            Rollback();
        Area.RequireWhole();
    }

    private void Claim(NodeId id, FatDirectory content)
    {
        if (content.Chain is not null && _directoryOwners.Claim(id, content.Chain, this) is var cluster and not 0)
            throw SharedCluster(cluster);
    }

    private DiskFormatException SharedCluster(uint cluster) =>
        new("FAT-0210", "Directory", Geometry.ClusterOffset(cluster), $"cluster {cluster} belongs to another directory as well: the volume needs a check");

    bool INodeLives.IsAlive(NodeId id) => id == RootNode || _nodes.TryLocate(id, out _);

    [MemberNotNull(nameof(Table), nameof(Area))]
    private void OpenTable()
    {
        Table = new FatTable(Device, Geometry);
        Area = new ClusterArea(Device, Geometry.DataOffset, Geometry.ClusterSize, OpenSpace);
    }

    private ClusterSpace OpenSpace()
    {
        var free = FatState.ReadInfo(Device, Geometry, out var next);
        return new ClusterSpace(Table, free, next, Area);
    }

    private IEnumerable<DirectoryEntry> Entries(uint cluster, FatDirectory directory)
    {
        var position = 0;
        while (directory.TryNext(ref position, out var entry))
        {
            var attributes = (DosAttributes)(directory.Slot(entry.ShortSlot).Attributes & 0x3F);
            var kind = (attributes & DosAttributes.Directory) != 0 ? EntryKind.Directory : EntryKind.File;
            yield return new DirectoryEntry(directory.Name(entry), _nodes.IdOf(Location(cluster, entry.ShortSlot)), kind) { Attributes = attributes };
        }
    }

    private VolumeStream OpenStream(NodeId id, StreamName stream, bool writable)
    {
        RequireMainData(stream, writable);
        RequireWhole();
        if (id == RootNode)
            throw new UnauthorizedAccessException("the root is a directory: it has no data to open");
        var directory = Resolve(id, out var slot);
        if (((DosAttributes)directory.Slot(slot).Attributes & DosAttributes.Directory) != 0)
            throw new UnauthorizedAccessException($"{directory.Name(directory.EntryAt(slot))} is a directory: it has no data to open");
        return _openFiles.Open(id, writable)
            ?? _openFiles.Open(new FatFile(this, id, new ClusterChain(Table, FirstCluster(directory, slot)), directory.Slot(slot).Length), writable);
    }

    private string? ReadLabel()
    {
        RequireWhole();
        var root = GetDirectory(0);
        var slot = root.FindLabel();
        if (slot >= 0)
            return FatShortNames.DecodeLabel(root.Slot(slot).Name, CodePage);
        if ((_editor?.BootLabel ?? Geometry.BootLabel) is not { } stored)
            return null;
        var label = FatShortNames.DecodeLabel(stored, CodePage);
        return label is "" or "NO NAME" ? null : label;
    }

    private void WriteBackForReading()
    {
        if (_editor is not null)
            WriteBack();
    }
}
