using System.Buffers.Binary;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Primitives;

namespace Platter.Testing.ExFat;

/// <summary>A sound exFAT volume in memory, put together entry by entry without the editor, with handles on its structures to damage them.</summary>
internal sealed class HandmadeExFat
{
    private const int Size = ExFatEntryType.Size;

    private readonly Dictionary<string, DirectorySlots> _directories = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _sets = new(StringComparer.Ordinal);
    private uint _nextCluster;

    private HandmadeExFat(byte[] bytes)
    {
        Bytes = bytes;
        Geometry = ExFatGeometry.Read(new MemoryDevice(bytes));
        _nextCluster = Geometry.RootCluster + 1;
        _directories[""] = new DirectorySlots([Geometry.RootCluster]) { Used = 3 };
    }

    private sealed record DirectorySlots(uint[] Clusters)
    {
        public int Used { get; set; }
    }

    public byte[] Bytes { get; set; }
    public ExFatGeometry Geometry { get; }

    public static HandmadeExFat Create(long length = 4 << 20, int sectorSize = 512, int clusterSize = 1024)
    {
        var device = new MemoryDevice(length);
        ExFatFormatter.Format(device, new FormatOptions
        {
            Type = "exfat", Label = "HANDMADE", Id = "1234-5678",
            Options = new Dictionary<string, string> { ["sector_size"] = sectorSize.ToString(), ["cluster_size"] = clusterSize.ToString(), ["align"] = "64K" },
        });
        return new HandmadeExFat(device.Bytes);
    }

    /// <summary>A volume with one of everything: contiguous and chained files and directories, vendor entries, a GUID, long names, holes.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="sectorSize">Bytes of a sector.</param>
    /// <param name="clusterSize">Bytes of a cluster.</param>
    /// <param name="rare">Whether a volume GUID and vendor entries are there too, which fsck.exfat 1.2 takes for damage.</param>
    public static HandmadeExFat CreateFilled(long length = 4 << 20, int sectorSize = 512, int clusterSize = 1024, bool rare = true)
    {
        var v = Create(length, sectorSize, clusterSize);
        if (rare)
            v.AddVolumeGuid(new Guid("6f1d2c3b-0a59-4e87-9c11-2233445566aa"));
        v.AddFile("empty", 0, contiguous: false);
        v.AddFile("one.byt", 1, contiguous: true);
        v.AddFile("contiguous with a rather long name.bin", 5 * clusterSize + 7, contiguous: true);
        v.AddFile("chained.bin", 4 * clusterSize, contiguous: false);
        v.AddFile("half valid", 3 * clusterSize, contiguous: true, valid: clusterSize + 5);
        v.AddDirectory("dir", 1, contiguous: true);
        v.AddDirectory("dir/deeper directory", Math.Max(2, 3072 / clusterSize), contiguous: false);
        v.AddDirectory("dir/deeper directory/deepest", 1, contiguous: false);
        v.AddFile("dir/GRÜN.TXT", 100, contiguous: true);
        for (var i = 0; i < 15; i++)
            v.AddFile($"dir/deeper directory/file number {i}.data", i * 300, contiguous: i % 2 == 0);
        v.AddFile("dir/deeper directory/deepest/x", 2 * clusterSize + 1, contiguous: false);
        if (rare)
            v.AddFile("vendor", 10, contiguous: true, additions: [v.VendorExtension(), v.VendorAllocation(2 * clusterSize)]);
        v.AddRemoved("");
        v.AddFile("last", 12, contiguous: false);
        v.SetPercent();
        return v;
    }

    /// <summary>The names of everything that was added.</summary>
    public IEnumerable<string> Paths => _sets.Keys;

    public ref ExFatBootSector Boot => ref OnDisk.Edit<ExFatBootSector>(Bytes);
    public ref ExFatBitmapEntry BitmapEntry => ref OnDisk.Edit<ExFatBitmapEntry>(Bytes, SlotOffset("", 1));
    public ref ExFatUpcaseEntry UpcaseEntry => ref OnDisk.Edit<ExFatUpcaseEntry>(Bytes, SlotOffset("", 2));
    public ref ExFatLabelEntry LabelEntry => ref OnDisk.Edit<ExFatLabelEntry>(Bytes, SlotOffset("", 0));

    public CheckReport Check(CheckOptions? options = null) => ExFatChecker.Check(new MemoryDevice(Bytes), options ?? CheckOptions.Default);

    /// <summary>Where the file entry of a path stands.</summary>
    public int Find(string path) => _sets[path];

    public ref ExFatFileEntry File(string path) => ref OnDisk.Edit<ExFatFileEntry>(Bytes, Find(path));

    public ref ExFatStreamEntry Stream(string path) => ref OnDisk.Edit<ExFatStreamEntry>(Bytes, EntryOffset(path, 1));

    /// <summary>Where an entry of a path's set stands: 0 the file entry, 1 the stream, 2 on the names.</summary>
    public int EntryOffset(string path, int index)
    {
        var (directory, _) = Split(path);
        var slots = _directories[directory];
        for (var slot = 0; slot < slots.Used; slot++)
        {
            if (SlotOffset(directory, slot) == Find(path))
                return SlotOffset(directory, slot + index);
        }
        throw new KeyNotFoundException(path);
    }

    /// <summary>Where an entry of a directory stands.</summary>
    public int SlotOffset(string directory, int slot)
    {
        var perCluster = Geometry.ClusterSize / Size;
        return (int)Geometry.ClusterOffset(_directories[directory].Clusters[slot / perCluster]) + slot % perCluster * Size;
    }

    /// <summary>The first slot of a directory that nothing was written to.</summary>
    public int UsedSlots(string directory) => _directories[directory].Used;

    /// <summary>Makes a set's checksum right again after its entries were changed.</summary>
    public void Seal(string path)
    {
        var count = 1 + File(path).SecondaryCount;
        var entries = new byte[count * Size];
        for (var i = 0; i < count; i++)
            Bytes.AsSpan(EntryOffset(path, i), Size).CopyTo(entries.AsSpan(i * Size));
        File(path).SetChecksum = ExFatChecksums.EntrySet(entries);
    }

    /// <summary>Makes both boot regions' checksums right again, and the backup equal to the main one.</summary>
    public void SealBoot()
    {
        var length = ExFatGeometry.BootRegionSectors * Geometry.SectorSize;
        ExFatBootRegion.Seal(Bytes.AsSpan(0, length));
        Bytes.AsSpan(0, length).CopyTo(Bytes.AsSpan(length));
    }

    /// <summary>The FAT's entry of a cluster.</summary>
    public uint this[uint cluster]
    {
        get => BinaryPrimitives.ReadUInt32LittleEndian(Bytes.AsSpan((int)Geometry.FatOffset(0) + 4 * (int)cluster));
        set => BinaryPrimitives.WriteUInt32LittleEndian(Bytes.AsSpan((int)Geometry.FatOffset(0) + 4 * (int)cluster), value);
    }

    /// <summary>Sets or clears a cluster's bit.</summary>
    public void Mark(uint cluster, bool used)
    {
        ref var b = ref Bytes[(int)Geometry.ClusterOffset(BitmapEntry.FirstCluster) + (int)(cluster - 2) / 8];
        b = (byte)(used ? b | 1 << (int)((cluster - 2) % 8) : b & ~(1 << (int)((cluster - 2) % 8)));
    }

    /// <summary>Notes in the boot sector how much is in use.</summary>
    public void SetPercent() => Boot.PercentInUse = (byte)((_nextCluster - 2) * 100 / Geometry.ClusterCount);

    /// <summary>The next free cluster.</summary>
    public uint NextCluster => _nextCluster;

    public void AddFile(string path, int length, bool contiguous, int? valid = null, params byte[][] additions)
    {
        var clusters = Allocate((int)Geometry.ClustersFor((ulong)length), contiguous);
        var random = new Random(path.Length);
        for (var i = 0; i < clusters.Length; i++)
            random.NextBytes(Bytes.AsSpan((int)Geometry.ClusterOffset(clusters[i]), Geometry.ClusterSize));
        AddSet(path, DosAttributes.Archive, clusters, contiguous, (ulong)length, (ulong)(valid ?? length), additions);
    }

    public void AddDirectory(string path, int clusters, bool contiguous)
    {
        var allocated = Allocate(clusters, contiguous);
        AddSet(path, DosAttributes.Directory, allocated, contiguous, (ulong)clusters * (uint)Geometry.ClusterSize, (ulong)clusters * (uint)Geometry.ClusterSize, []);
        _directories[path] = new DirectorySlots(allocated);
    }

    public void AddVolumeGuid(Guid id)
    {
        var entry = new byte[Size];
        ref var guid = ref OnDisk.Edit<ExFatVolumeGuidEntry>(entry);
        guid.Type = ExFatEntryType.VolumeGuid;
        guid.Guid = id;
        guid.SetChecksum = ExFatChecksums.EntrySet(entry);
        AddEntries("", entry);
    }

    /// <summary>A set that was removed: its types have bit 7 cleared.</summary>
    public void AddRemoved(string directory)
    {
        var entries = new byte[3 * Size];
        entries[0] = ExFatEntryType.File & 0x7F;
        entries[Size] = ExFatEntryType.Stream & 0x7F;
        entries[2 * Size] = ExFatEntryType.Name & 0x7F;
        AddEntries(directory, entries);
    }

    public byte[] VendorExtension()
    {
        var bytes = new byte[Size];
        ref var entry = ref OnDisk.Edit<ExFatVendorExtensionEntry>(bytes);
        entry.Type = ExFatEntryType.VendorExtension;
        entry.Vendor = new Guid("00112233-4455-6677-8899-aabbccddeeff");
        return bytes;
    }

    public byte[] VendorAllocation(int length)
    {
        var clusters = Allocate((int)Geometry.ClustersFor((ulong)length), contiguous: true);
        var bytes = new byte[Size];
        ref var entry = ref OnDisk.Edit<ExFatVendorAllocationEntry>(bytes);
        entry.Type = ExFatEntryType.VendorAllocation;
        entry.Flags = ExFatSecondaryFlags.AllocationPossible | ExFatSecondaryFlags.NoFatChain;
        entry.Vendor = new Guid("00112233-4455-6677-8899-aabbccddeeff");
        entry.FirstCluster = clusters[0];
        entry.DataLength = (ulong)length;
        return bytes;
    }

    /// <summary>Writes entries behind the last one of a directory.</summary>
    /// <returns>Where the first one stands.</returns>
    public int AddEntries(string directory, ReadOnlySpan<byte> entries)
    {
        var slots = _directories[directory];
        var first = slots.Used;
        for (var at = 0; at < entries.Length; at += Size)
        {
            if ((slots.Used + 1) * Size > slots.Clusters.Length * Geometry.ClusterSize)
                slots = _directories[directory] = Grow(directory, slots);
            entries.Slice(at, Size).CopyTo(Bytes.AsSpan(SlotOffset(directory, slots.Used++)));
        }
        return SlotOffset(directory, first);
    }

    /// <summary>Takes clusters: one after another, or linked from the last to the first, so that a chain is no run.</summary>
    public uint[] Allocate(int count, bool contiguous)
    {
        var clusters = new uint[count];
        for (var i = 0; i < count; i++)
        {
            clusters[contiguous ? i : count - 1 - i] = _nextCluster;
            Mark(_nextCluster++, true);
        }
        for (var i = 0; i < count && !contiguous; i++)
            this[clusters[i]] = i + 1 < count ? clusters[i + 1] : ExFatTable.EndOfChain;
        return clusters;
    }

    // Only the root grows: the others are as long as they were asked for.
    private DirectorySlots Grow(string directory, DirectorySlots slots)
    {
        if (directory.Length > 0)
            throw new InvalidOperationException($"the directory {directory} is full");
        var added = Allocate(1, contiguous: false)[0];
        this[slots.Clusters[^1]] = added;
        return new DirectorySlots([.. slots.Clusters, added]) { Used = slots.Used };
    }

    private void AddSet(string path, DosAttributes attributes, uint[] clusters, bool contiguous, ulong length, ulong valid, byte[][] additions)
    {
        var (directory, name) = Split(path);
        var names = (name.Length + ExFatNameEntry.UnitsPerEntry - 1) / ExFatNameEntry.UnitsPerEntry;
        var entries = new byte[(2 + names + additions.Length) * Size];
        ref var file = ref OnDisk.Edit<ExFatFileEntry>(entries);
        file.Type = ExFatEntryType.File;
        file.SecondaryCount = (byte)(1 + names + additions.Length);
        file.Attributes = (ushort)attributes;
        file.Created = file.Modified = file.Accessed = 44u << 25 | 2u << 21 | 29u << 16 | 12u << 11;    // 2024-02-29T12:00:00
        ref var stream = ref OnDisk.Edit<ExFatStreamEntry>(entries, Size);
        stream.Type = ExFatEntryType.Stream;
        stream.Flags = ExFatSecondaryFlags.AllocationPossible | (contiguous && clusters.Length > 0 ? ExFatSecondaryFlags.NoFatChain : 0);
        stream.NameLength = (byte)name.Length;
        stream.NameHash = ExFatUpcase.Standard.Hash(name);
        stream.ValidDataLength = valid;
        stream.FirstCluster = clusters.Length > 0 ? clusters[0] : 0;
        stream.DataLength = length;
        for (var i = 0; i < name.Length; i++)
        {
            var entry = entries.AsSpan((2 + i / ExFatNameEntry.UnitsPerEntry) * Size, Size);
            entry[0] = ExFatEntryType.Name;
            BinaryPrimitives.WriteUInt16LittleEndian(entry[(2 + 2 * (i % ExFatNameEntry.UnitsPerEntry))..], name[i]);
        }
        for (var i = 0; i < additions.Length; i++)
            additions[i].CopyTo(entries, (2 + names + i) * Size);
        file.SetChecksum = ExFatChecksums.EntrySet(entries);
        _sets[path] = AddEntries(directory, entries);
    }

    private static (string Directory, string Name) Split(string path)
    {
        var slash = path.LastIndexOf('/');
        return slash < 0 ? ("", path) : (path[..slash], path[(slash + 1)..]);
    }
}
