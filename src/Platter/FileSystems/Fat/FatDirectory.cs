using Platter.Blocks;
using Platter.FileSystems.Clusters;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>A directory's slots in memory: at most 2 MiB, read whole, changed here, written back by sectors.</summary>
internal sealed class FatDirectory : ICachedDirectory
{
    // Scanning beats an index for a few look-ups; for many it would be quadratic.
    private const int ScansBeforeIndex = 6;
    private const int SectorBytes = 512;

    private readonly BlockDevice _device;
    private readonly FatGeometry _geometry;
    private readonly CodePage _codePage;
    private readonly ClusterChain? _chain;
    private readonly Bitmap _dirtySectors = new(FatGeometry.MaxDirectoryBytes / SectorBytes);
    private readonly int[] _holeFrom = new int[FatLongSlot.MaxSlots + 2];
    private byte[] _bytes;
    private int _length;
    private int _dirtyCount;
    private int _end;
    private int _scans;
    private bool _hasDuplicates;
    private Dictionary<string, int>? _index;

    private FatDirectory(BlockDevice device, FatGeometry geometry, CodePage codePage, ClusterChain? chain, byte[] bytes)
    {
        _device = device;
        _geometry = geometry;
        _codePage = codePage;
        _chain = chain;
        _bytes = bytes;
        _length = bytes.Length;
        var slots = _length / FatShortSlot.Size;
        while (_end < slots && bytes[_end * FatShortSlot.Size] != FatShortSlot.End)
            _end++;
    }

    /// <summary>The slots, up to the capacity of the directory's clusters; what lies behind the end mark means nothing.</summary>
    public ReadOnlySpan<byte> Slots => _bytes.AsSpan(0, _length);

    /// <summary>Bytes of changed sectors.</summary>
    public int DirtyBytes => _dirtyCount * SectorBytes;

    public int Length => _length;

    /// <summary>Clusters that hold the directory; null for the fixed root of FAT12 and FAT16.</summary>
    public ClusterChain? Chain => _chain;

    public long CachedBytes => _length;
    public long LastUse { get; set; }

    /// <summary>Reads a directory.</summary>
    /// <param name="device">The volume.</param>
    /// <param name="geometry">Its layout.</param>
    /// <param name="table">Its allocation table.</param>
    /// <param name="firstCluster">The first cluster; 0 for the root.</param>
    /// <param name="codePage">The OEM code page.</param>
    /// <exception cref="DiskFormatException">The chain is broken, or longer than a directory may be.</exception>
    public static FatDirectory Read(BlockDevice device, FatGeometry geometry, FatTable table, uint firstCluster, CodePage codePage)
    {
        var first = firstCluster == 0 ? geometry.RootCluster : firstCluster;
        if (first == 0)
        {
            var root = new byte[geometry.RootLength];
            device.Read(geometry.RootOffset, root);
            return new FatDirectory(device, geometry, codePage, null, root);
        }
        var chain = new ClusterChain(table, first);
        var most = Math.Max(FatGeometry.MaxDirectoryBytes / geometry.ClusterSize, 1);

        // The chain first, to its end: a broken one is refused before anything is read, however often it is tried.
        var count = 0u;
        for (; chain.TryLocate(count, out _); count++)
        {
            if (count >= most)
                throw new DiskFormatException("FAT-0204", "Directory", geometry.ClusterOffset(first), $"longer than {FatGeometry.MaxDirectoryBytes} bytes, the most a directory may have");
        }
        var bytes = new byte[(int)count * geometry.ClusterSize];
        for (var index = 0u; index < count && chain.TryLocate(index, out var run); index += run.Count)
            ReadClusters(device, geometry, run with { Count = Math.Min(run.Count, count - index) }, bytes.AsSpan((int)index * geometry.ClusterSize));
        return new FatDirectory(device, geometry, codePage, chain, bytes);
    }

    /// <summary>A new directory of one cluster, zeroed, all of it to be written.</summary>
    public static FatDirectory CreateEmpty(BlockDevice device, FatGeometry geometry, ClusterChain chain, CodePage codePage)
    {
        var directory = new FatDirectory(device, geometry, codePage, chain, new byte[geometry.ClusterSize]);
        directory.MarkDirty(0, geometry.ClusterSize);
        return directory;
    }

    public ref readonly FatShortSlot Slot(int index) => ref OnDisk.View<FatShortSlot>(Slots, index * FatShortSlot.Size);

    /// <summary>A slot to be changed.</summary>
    public ref FatShortSlot EditSlot(int index)
    {
        MarkDirty(index * FatShortSlot.Size, FatShortSlot.Size);
        return ref OnDisk.Edit<FatShortSlot>(_bytes, index * FatShortSlot.Size);
    }

    /// <summary>The next entry that is a file or a directory.</summary>
    public bool TryNext(ref int position, out FatEntry entry)
    {
        while (FatSlotReader.TryNext(Slots, ref position, out entry))
        {
            if (IsListed(entry))
                return true;
        }
        return false;
    }

    /// <summary>The name of an entry as people see it.</summary>
    public string Name(FatEntry entry)
    {
        if (entry.HasLongName)
        {
            Span<char> name = stackalloc char[FatLongSlot.UnitsPerSlot * FatLongSlot.MaxSlots];
            var length = FatSlotReader.ReadLongName(Slots, entry, name);
            if (length > 0)
                return new string(name[..length]);
        }
        return ShortName(entry.ShortSlot);
    }

    public string ShortName(int shortSlot)
    {
        ref readonly var slot = ref Slot(shortSlot);
        return FatShortNames.Decode(OnDisk.Bytes(in slot.Name), slot.Case, _codePage);
    }

    /// <summary>Finds an entry by its long or short name.</summary>
    public bool TryFind(string name, out FatEntry entry)
    {
        if (_index is null && _scans++ < ScansBeforeIndex)
            return Scan(name, out entry);
        var index = _index ??= BuildIndex();
        if (!index.TryGetValue(name, out var shortSlot))
        {
            entry = default;
            return false;
        }
        entry = EntryAt(shortSlot);
        return true;
    }

    /// <summary>The entry whose short slot this is, with its long name if it has a valid one.</summary>
    public FatEntry EntryAt(int shortSlot)
    {
        var start = shortSlot;
        while (start > 0 && shortSlot - start < FatLongSlot.MaxSlots && IsLongSlot(start - 1))
        {
            start--;
            if ((_bytes[start * FatShortSlot.Size] & FatLongSlot.LastFlag) != 0)
                break;
        }
        var position = start;
        FatSlotReader.TryNext(Slots[..((shortSlot + 1) * FatShortSlot.Size)], ref position, out var entry);
        return entry with { Orphans = 0 };
    }

    public bool HasEntries
    {
        get
        {
            var position = 0;
            return TryNext(ref position, out _);
        }
    }

    /// <summary>The volume-label slot of a root directory; -1 when there is none.</summary>
    public int FindLabel()
    {
        var position = 0;
        while (FatSlotReader.TryNext(Slots, ref position, out var entry))
        {
            // With the directory bit as well it is damaged, but what is no listed entry and no label would be out of everybody's reach.
            if (((DosAttributes)Slot(entry.ShortSlot).Attributes & DosAttributes.VolumeLabel) != 0)
                return entry.ShortSlot;
        }
        return -1;
    }

    /// <summary>Puts slots in: into a hole of removed ones, at the end, or into a new cluster.</summary>
    /// <param name="slots">The long name's slots and the short slot, last.</param>
    /// <param name="space">Where a new cluster comes from.</param>
    /// <returns>The index of the short slot.</returns>
    /// <exception cref="VolumeFullException">No slots and no cluster left; the directory is as it was.</exception>
    public int Insert(ReadOnlySpan<byte> slots, ClusterSpace space)
    {
        var count = slots.Length / FatShortSlot.Size;
        var at = FindHole(count);
        if (at < 0)
        {
            at = _end;
            if ((at + count) * FatShortSlot.Size > _length)
                Grow((at + count) * FatShortSlot.Size, space);
            _end = at + count;

            // The specification wants zeros behind the end mark, not every writer left them.
            if (_end * FatShortSlot.Size < _length && _bytes[_end * FatShortSlot.Size] != FatShortSlot.End)
            {
                _bytes.AsSpan(_end * FatShortSlot.Size, _length - _end * FatShortSlot.Size).Clear();
                MarkDirty(_end * FatShortSlot.Size, _length - _end * FatShortSlot.Size);
            }
        }
        slots.CopyTo(_bytes.AsSpan(at * FatShortSlot.Size));
        MarkDirty(at * FatShortSlot.Size, slots.Length);
        var shortSlot = at + count - 1;
        AddToIndex(new FatEntry(at, shortSlot, count > 1, 0));
        return shortSlot;
    }

    /// <summary>Marks an entry's slots as removed.</summary>
    /// <returns>The slots as they were, for <see cref="Restore"/>.</returns>
    public byte[] Remove(FatEntry entry)
    {
        // In a damaged directory a second entry of the same name would stay hidden: then the index starts over.
        if (_hasDuplicates)
            _index = null;

        // A label is not in the index, but a file of the same name may be.
        if (_index is not null && IsListed(entry))
        {
            _index.Remove(Name(entry));
            _index.Remove(ShortName(entry.ShortSlot));
        }

        // Pieces of a long name right before it are nobody else's: old systems that rename leave them, and the checksum no longer fits.
        var first = entry.FirstSlot;
        while (first > 0 && IsLongSlot(first - 1))
            first--;
        var at = first * FatShortSlot.Size;
        var saved = _bytes.AsSpan(at, (entry.ShortSlot + 1) * FatShortSlot.Size - at).ToArray();
        for (var slot = first; slot <= entry.ShortSlot; slot++)
            _bytes[slot * FatShortSlot.Size] = FatShortSlot.Removed;
        MarkDirty(at, saved.Length);
        for (var size = 0; size < _holeFrom.Length; size++)
            _holeFrom[size] = Math.Min(_holeFrom[size], Math.Max(first - size, 0));
        return saved;
    }

    /// <summary>Undoes <see cref="Remove"/>.</summary>
    public void Restore(FatEntry entry, byte[] saved)
    {
        var at = (entry.ShortSlot + 1) * FatShortSlot.Size - saved.Length;
        saved.CopyTo(_bytes, at);
        MarkDirty(at, saved.Length);
        AddToIndex(entry);
    }

    /// <summary>Writes the changed sectors.</summary>
    public void WriteBack()
    {
        if (_dirtyCount == 0)
            return;
        var sectors = (_length + SectorBytes - 1) / SectorBytes;
        for (var sector = 0; sector < sectors; sector++)
        {
            if (!_dirtySectors[sector])
                continue;
            var from = sector * SectorBytes;
            var limit = _chain is null ? _length : Math.Min(_length, (from / _geometry.ClusterSize + 1) * _geometry.ClusterSize);
            var to = from;
            while (to < limit && _dirtySectors[to / SectorBytes])
                to += SectorBytes;
            _device.Write(DeviceOffset(from), _bytes.AsSpan(from, Math.Min(to, limit) - from));
            // Only now: what could not be written is still to be written when the commit is tried again.
            for (var written = from; written < to; written += SectorBytes)
                _dirtySectors[written / SectorBytes] = false;
            sector = to / SectorBytes - 1;
        }
        _dirtyCount = 0;
    }

    private static void ReadClusters(BlockDevice device, FatGeometry geometry, ClusterRun run, Span<byte> target)
    {
        var offset = geometry.ClusterOffset(run.First);
        target = target[..((int)run.Count * geometry.ClusterSize)];
        // A volume that claims more than its device has: what is missing can't be read, and says so.
        if (offset + target.Length > device.Length)
        {
            var missing = run.First;
            while (geometry.ClusterOffset(missing) + geometry.ClusterSize <= device.Length)
                missing++;
            throw new DiskFormatException("FAT-0205", "Cluster", geometry.ClusterOffset(missing), $"lies behind the end of the device ({device.Length} bytes): the image is cut short");
        }
        device.Read(offset, target);
    }

    private static bool IsDot(ReadOnlySpan<byte> name) => name[0] == '.' && (name[1] == ' ' || (name[1] == '.' && name[2] == ' '));

    private bool IsLongSlot(int index) => FatSlotReader.IsLong(_bytes.AsSpan(index * FatShortSlot.Size, FatShortSlot.Size)) && _bytes[index * FatShortSlot.Size] != FatShortSlot.Removed;

    private bool IsListed(FatEntry entry)
    {
        ref readonly var slot = ref Slot(entry.ShortSlot);
        return ((DosAttributes)slot.Attributes & DosAttributes.VolumeLabel) == 0 && !IsDot(OnDisk.Bytes(in slot.Name));
    }

    private long DeviceOffset(int position)
    {
        if (_chain is null)
            return _geometry.RootOffset + position;
        _chain.TryLocate((uint)(position / _geometry.ClusterSize), out var run);
        return _geometry.ClusterOffset(run.First) + position % _geometry.ClusterSize;
    }

    private bool Scan(string name, out FatEntry entry)
    {
        Span<char> buffer = stackalloc char[FatLongSlot.UnitsPerSlot * FatLongSlot.MaxSlots];
        var wantedSlots = FatSlotReader.SlotsFor(name);
        var first = FatNames.ToUpper(name.Length == 0 ? '\0' : name[0]);
        var position = 0;
        while (TryNext(ref position, out entry))
        {
            // More slots than the name needs: a damaged name that ends early is found all the same.
            if (entry.HasLongName && entry.ShortSlot - entry.FirstSlot >= wantedSlots
                && FatNames.Same(buffer[..FatSlotReader.ReadLongName(Slots, entry, buffer)], name))
            {
                return true;
            }

            // The first byte decides most cases; others than ASCII go the long way.
            int lead = Slot(entry.ShortSlot).Name[0];
            if (name.Length <= FatShortNames.Length + 1 && (lead >= 0x80 || lead == FatShortSlot.KanjiE5 || first >= 0x80 || FatNames.ToUpper((char)lead) == first)
                && FatNames.Same(ShortName(entry.ShortSlot), name))
            {
                return true;
            }
        }
        entry = default;
        return false;
    }

    private Dictionary<string, int> BuildIndex()
    {
        var index = new Dictionary<string, int>(FatNames.Comparer);
        _index = index;
        var position = 0;
        while (TryNext(ref position, out var entry))
            AddToIndex(entry);
        return index;
    }

    private void AddToIndex(FatEntry entry)
    {
        if (_index is null || !IsListed(entry))
            return;
        AddToIndex(Name(entry), entry.ShortSlot);
        if (entry.HasLongName)
            AddToIndex(ShortName(entry.ShortSlot), entry.ShortSlot);
    }

    private void AddToIndex(string name, int shortSlot)
    {
        if (!_index!.TryAdd(name, shortSlot) && _index[name] != shortSlot)
            _hasDuplicates = true;
    }

    // The first run of removed slots that is long enough. No hole of this size lies before _holeFrom[count], so that filling a
    // directory stays linear; removing an entry moves the mark back.
    private int FindHole(int count)
    {
        var run = 0;
        for (var slot = _holeFrom[count]; slot < _end; slot++)
        {
            run = _bytes[slot * FatShortSlot.Size] == FatShortSlot.Removed ? run + 1 : 0;
            if (run == count)
            {
                _holeFrom[count] = slot + 1;
                return slot + 1 - count;
            }
        }
        _holeFrom[count] = Math.Max(_end - run, 0);
        return -1;
    }

    // All clusters that are needed or none: a name of 21 slots can take two small ones.
    private void Grow(int needed, ClusterSpace space)
    {
        if (_chain is null)
            throw new VolumeFullException("root directory entries", (needed - _length) / FatShortSlot.Size, 0);
        var more = (needed - _length + _geometry.ClusterSize - 1) / _geometry.ClusterSize;
        var length = _length + more * _geometry.ClusterSize;
        if (length > FatGeometry.MaxDirectoryBytes)
            throw new VolumeFullException("directory entries", (needed - _length) / FatShortSlot.Size, 0);
        if (!_chain.TryExtend(space, (uint)more))
            throw new VolumeFullException("bytes", more * (long)_geometry.ClusterSize, space.FreeClusters * _geometry.ClusterSize);
        if (length > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max(length, Math.Min(_bytes.Length * 2, FatGeometry.MaxDirectoryBytes)));
        _bytes.AsSpan(_length, length - _length).Clear();
        MarkDirty(_length, length - _length);
        _length = length;
    }

    private void MarkDirty(int from, int length)
    {
        for (var sector = from / SectorBytes; sector <= (from + length - 1) / SectorBytes; sector++)
        {
            if (!_dirtySectors[sector])
            {
                _dirtySectors[sector] = true;
                _dirtyCount++;
            }
        }
    }
}
