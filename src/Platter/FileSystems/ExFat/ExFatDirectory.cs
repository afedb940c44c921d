using Platter.Blocks;
using Platter.FileSystems.Clusters;

namespace Platter.FileSystems.ExFat;

/// <summary>A directory: its entries in pages, as they are touched. It has 256 MiB at most, so it is never held whole.</summary>
/// <remarks>
/// <para>A slot is the index of an entry. Names are searched from the first slot on; when that is done often, an index of their hashes is made.</para>
/// <para>What a reference or span points into may be given up with the next call that reads other slots.</para>
/// </remarks>
internal sealed class ExFatDirectory : PagedStructure, ICachedDirectory
{
    // Scanning beats an index for a few look-ups; for many it would be quadratic.
    private const int ScansBeforeIndex = 6;

    private const int Size = ExFatEntryType.Size, SlotsPerPage = PageBytes / Size;

    // 4 MiB: listing a directory of 256 MiB holds no more.
    private const int MaxPages = 256;

    // What is longer is zeroed on the device, not in pages.
    private const int ZeroedInPages = 1 << 16;

    private readonly ExFatVolume _volume;

    // A set that lies in two pages, or is being changed.
    private byte[] _set = new byte[4 * Size];
    private int[]? _holeFrom;
    private long _length;
    private int _end = -1;
    private int _scans;
    private ExFatNameIndex? _index;

    /// <param name="volume">The volume.</param>
    /// <param name="id">The directory's own node, whose entry set follows its growth.</param>
    /// <param name="number">Its number among the opened ones.</param>
    /// <param name="chain">Its clusters.</param>
    /// <param name="length">Bytes.</param>
    public ExFatDirectory(ExFatVolume volume, NodeId id, uint number, ClusterChain chain, long length) : base(volume.Geometry.SectorSize, MaxPages)
    {
        _volume = volume;
        Id = id;
        Number = number;
        Chain = chain;
        _length = length;
    }

    public NodeId Id { get; private set; }
    public uint Number { get; private set; }
    public ClusterChain Chain { get; }
    public int SlotCount => (int)(_length / Size);
    public long LastUse { get; set; }

    long ICachedDirectory.CachedBytes => CachedBytes + (_index?.Bytes ?? 0) + _set.Length;

    // What a damaged length leaves of the last cluster is there all the same.
    protected override long PagedLength => ((_length - 1) | (uint)(ClusterSize - 1)) + 1;

    private int ClusterSize => _volume.Geometry.ClusterSize;
    private int SlotsPerCluster => ClusterSize / Size;

    // What fills a gap: a file entry that is not in use.
    private static ReadOnlySpan<byte> RemovedEntry =>
    [
        ExFatEntryType.File & ~ExFatEntryType.InUseBit, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    /// <summary>An entry.</summary>
    public ReadOnlySpan<byte> Entry(int slot) => GetPage(slot / SlotsPerPage).Data.AsSpan(slot % SlotsPerPage * Size, Size);

    /// <summary>The first entry of a type at or behind a slot; -1 when there is none before the end.</summary>
    public int Find(byte type, int from = 0)
    {
        for (var slot = from; slot < SlotCount; slot++)
        {
            var found = Entry(slot)[0];
            if (found == ExFatEntryType.End)
                return -1;
            if (found == type)
                return slot;
        }
        return -1;
    }

    /// <summary>The next file or directory. What is no whole set is passed over: an entry without its secondary ones is not listed.</summary>
    /// <param name="slot">Where to go on; moved behind the set.</param>
    /// <param name="first">The set's first slot.</param>
    /// <param name="set">The set, until the next call.</param>
    public bool TryNext(ref int slot, out int first, out ExFatEntrySet set)
    {
        for (; slot < SlotCount; slot++)
        {
            var type = Entry(slot)[0];
            if (type == ExFatEntryType.End)
                break;
            if (type != ExFatEntryType.File || !TryView(slot, out set))
                continue;
            first = slot;
            slot += set.Count;
            return true;
        }
        first = -1;
        set = default;
        return false;
    }

    /// <summary>The set whose file entry this slot is.</summary>
    /// <exception cref="FileNotFoundException">There is none any more.</exception>
    public ExFatEntrySet Set(int slot) =>
        slot >= 0 && slot < SlotCount && TryView(slot, out var set) ? set : throw new FileNotFoundException("the entry is no more: it was deleted since");

    /// <summary>Refuses a set that is not whole: changing it would hide the damage.</summary>
    /// <exception cref="DiskFormatException">Its checksum is wrong.</exception>
    public ExFatEntrySet SealedSet(int slot)
    {
        var set = Set(slot);
        return set.IsSealed ? set
            : throw new DiskFormatException("EXF-0090", "DirectoryEntrySet.setChecksum", OffsetOf(slot), $"'{set.Name()}' has another checksum than its entries: the volume needs a check before this can be changed");
    }

    /// <summary>A copy of a set to be changed, and then given to <see cref="EndChange"/>.</summary>
    /// <exception cref="DiskFormatException">Its checksum is wrong.</exception>
    public ExFatEntrySet BeginChange(int slot)
    {
        var set = SealedSet(slot);
        var length = set.Bytes.Length;
        if (_set.Length < length)
            Array.Resize(ref _set, length);     // a set in two pages is there already
        set.Bytes.CopyTo(_set);
        ExFatEntrySet.TryView(_set.AsSpan(0, length), out set);
        return set;
    }

    /// <summary>Puts a changed set, with its new checksum, in the place of the old one.</summary>
    public void EndChange(int slot, ExFatEntrySet set)
    {
        set.Seal();
        Put(slot, set.Bytes);
    }

    /// <summary>Finds a file or directory by its name.</summary>
    public bool TryFind(ReadOnlySpan<char> name, out int slot)
    {
        if (_index is null && _scans++ < ScansBeforeIndex)
        {
            var at = 0;
            while (TryNext(ref at, out slot, out var set))
            {
                if (HasName(set, name))
                    return true;
            }
            slot = -1;
            return false;
        }
        var index = _index ??= BuildIndex();
        var hash = ExFatNameIndex.HashOf(name, _volume.Upcase);
        slot = -1;

        // In a damaged directory a name may be there twice: then it is the first one, as when scanning.
        for (var position = 0; index.TryNext(hash, ref position, out var candidate);)
        {
            if ((slot < 0 || candidate < slot) && HasName(Set(candidate), name))
                slot = candidate;
        }
        return slot >= 0;
    }

    public bool HasEntries
    {
        get
        {
            var slot = 0;
            return TryNext(ref slot, out _, out _);
        }
    }

    /// <summary>Puts a set in: into a hole of removed entries, at the end, or into a new cluster.</summary>
    /// <returns>Its first slot.</returns>
    /// <exception cref="VolumeFullException">No entries and no cluster left; the directory is as it was.</exception>
    public int Insert(ReadOnlySpan<byte> set)
    {
        var count = set.Length / Size;
        var at = FindHole(count);
        if (at < 0)
        {
            at = SpansTooMany(_end, count) ? (_end / SlotsPerCluster + 1) * SlotsPerCluster : _end;
            if (((long)at + count) * Size > _length)
                Grow(((long)at + count) * Size);
            EndBehind(at + count);
            for (; _end < at; _end++)
                Put(_end, RemovedEntry);
            _end = at + count;
        }
        Put(at, set);
        AddToIndex(at);
        return at;
    }

    /// <summary>Writes entries over what is there.</summary>
    public void Put(int slot, ReadOnlySpan<byte> entries)
    {
        _volume.NoteChange(entries.Length);
        // All that is written to is read before the first byte changes.
        Touch((long)slot * Size, (long)slot * Size + entries.Length - 1);
        while (!entries.IsEmpty)
        {
            var page = GetPage(slot / SlotsPerPage);
            var at = slot % SlotsPerPage * Size;
            var part = entries[..Math.Min(entries.Length, PageBytes - at)];
            part.CopyTo(page.Data.AsSpan(at));
            MarkDirty(page, at, part.Length);
            slot += part.Length / Size;
            entries = entries[part.Length..];
        }
    }

    /// <summary>Marks a set's entries as not in use.</summary>
    /// <returns>The set as it was, for <see cref="Restore"/>.</returns>
    public byte[] Remove(int slot)
    {
        var set = Set(slot);
        _index?.Remove(HashOf(set), slot);
        var saved = set.Bytes.ToArray();
        var removed = saved.AsSpan().ToArray();
        for (var at = 0; at < removed.Length; at += Size)
            removed[at] &= unchecked((byte)~ExFatEntryType.InUseBit);
        Put(slot, removed);
        if (_holeFrom is not null)
        {
            for (var size = 0; size < _holeFrom.Length; size++)
                _holeFrom[size] = Math.Min(_holeFrom[size], Math.Max(slot - size, 0));
        }
        return saved;
    }

    /// <summary>Undoes <see cref="Remove"/>.</summary>
    public void Restore(int slot, byte[] saved)
    {
        Put(slot, saved);
        AddToIndex(slot);
    }

    /// <summary>A new directory that has no entry yet: its clusters, zeroed whatever they held before.</summary>
    public static ExFatDirectory CreateEmpty(ExFatVolume volume, ClusterChain chain, long length)
    {
        var directory = new ExFatDirectory(volume, default, 0, chain, length);
        directory.Zero(0, length);
        return directory;
    }

    /// <summary>The new directory has an entry now.</summary>
    public void BecomeNode(NodeId id, uint number) => (Id, Number) = (id, number);

    protected override void Load(long offset, Span<byte> target)
    {
        while (!target.IsEmpty)
        {
            var part = target[..(int)Math.Min(target.Length, Locate(offset, out var deviceOffset, out _))];
            if (deviceOffset + part.Length > _volume.Device.Length)
                throw new DiskFormatException("EXF-0074", "Directory", deviceOffset, $"lies behind the end of the device ({_volume.Device.Length} bytes): the image is cut short");
            _volume.Device.Read(deviceOffset, part);
            offset += part.Length;
            target = target[part.Length..];
        }
    }

    protected override void Store(long offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var part = data[..(int)Math.Min(data.Length, Locate(offset, out var deviceOffset, out var run))];
            _volume.Area.Write(deviceOffset, part, run);
            offset += part.Length;
            data = data[part.Length..];
        }
    }

    private bool TryView(int slot, out ExFatEntrySet set)
    {
        var (page, at) = (GetPage(slot / SlotsPerPage), slot % SlotsPerPage * Size);
        var length = (page.Data[at + 1] + 1) * Size;
        if (slot + (length / Size) > SlotCount)
        {
            set = default;
            return false;
        }
        if (at + length <= page.Data.Length)
            return ExFatEntrySet.TryView(page.Data.AsSpan(at, length), out set);

        // It goes on in the next page.
        if (_set.Length < length)
            _set = new byte[length];
        for (var i = 0; i < length; i += Size)
            Entry(slot + i / Size).CopyTo(_set.AsSpan(i));
        return ExFatEntrySet.TryView(_set.AsSpan(0, length), out set);
    }

    private bool HasName(ExFatEntrySet set, ReadOnlySpan<char> name)
    {
        if (set.NameLength != name.Length)
            return false;
        Span<char> units = stackalloc char[ExFatNameEntry.MaxUnits];
        return _volume.Upcase.AreEqual(units[..set.CopyName(units)], name);
    }

    private uint HashOf(ExFatEntrySet set)
    {
        Span<char> units = stackalloc char[ExFatNameEntry.MaxUnits];
        return ExFatNameIndex.HashOf(units[..set.CopyName(units)], _volume.Upcase);
    }

    private ExFatNameIndex BuildIndex()
    {
        var index = new ExFatNameIndex();
        var slot = 0;
        while (TryNext(ref slot, out var first, out var set))
            index.Add(HashOf(set), first);
        return index;
    }

    // An entry that is no file, such as a label, is not in the index.
    private void AddToIndex(int slot)
    {
        if (_index is not null && TryView(slot, out var set))
            _index.Add(HashOf(set), slot);
    }

    // The first run of entries not in use that is long enough. No hole of this size lies before _holeFrom[count], so that filling a
    // directory stays linear; removing an entry moves the mark back.
    private int FindHole(int count)
    {
        _holeFrom ??= new int[ExFatEntrySet.MaxEntries + 1];
        var run = 0;
        var slot = _holeFrom[count];
        for (var limit = _end >= 0 ? _end : SlotCount; slot < limit; slot++)
        {
            var type = Entry(slot)[0];
            if (type == ExFatEntryType.End)
                break;
            run = ExFatEntryType.IsInUse(type) ? 0 : run + 1;
            if (run >= count && !SpansTooMany(slot + 1 - count, count))
            {
                _holeFrom[count] = slot + 1;
                return slot + 1 - count;
            }
        }
        if (_end < 0)
            _end = slot;
        _holeFrom[count] = Math.Max(_end - Math.Min(run, count), 0);
        return -1;
    }

    // Clusters of 512 bytes hold 16 entries, the longest name takes 19: fsck.exfat (1.2) holds two clusters at a time and takes a set that lies in three
    // for a damaged one. So none is put there.
    private bool SpansTooMany(int slot, int count) => count <= 2 * SlotsPerCluster && slot % SlotsPerCluster + count > 2 * SlotsPerCluster;

    // Behind the end mark everything is 0, by the specification; not every writer left it so, and drivers refuse an entry there.
    private void EndBehind(int slot)
    {
        if (slot >= SlotCount || Entry(slot)[0] == ExFatEntryType.End)
            return;
        Zero((long)slot * Size, _length);
    }

    // All clusters that are needed or none: a set can take several small ones.
    private void Grow(long needed)
    {
        var clusters = _volume.Geometry.ClustersFor((ulong)needed);
        var length = clusters << _volume.Geometry.ClusterShift;
        if (length > Math.Max(ExFatGeometry.MaxDirectoryBytes, ClusterSize))
            throw new VolumeFullException("directory entries", (needed - _length) / Size, 0);
        var has = Chain.CountAll();
        if (has < _volume.Geometry.ClustersFor((ulong)_length))
            throw ChainTooShort();
        _volume.CheckDirectoryEntry(this);
        if (clusters > has && !Chain.TryExtend(_volume.Space, (uint)(clusters - has)))
            throw new VolumeFullException("bytes", (clusters - has) * ClusterSize, _volume.Space.FreeClusters * ClusterSize);
        var before = _length;
        _volume.Space.BeginChange();
        _length = length;
        Lengthened(before);
        Zero(before, length);
        _volume.UpdateDirectoryEntry(this, length);
        _volume.Space.EndChange();
    }

    private void Zero(long from, long to)
    {
        var behindPages = to - from <= ZeroedInPages ? to : Math.Min(to, (from + PageBytes - 1) / PageBytes * PageBytes);
        while (from < behindPages)
        {
            var page = GetPage((int)(from / PageBytes));
            var at = (int)(from % PageBytes);
            var count = (int)Math.Min(behindPages - from, PageBytes - at);
            page.Data.AsSpan(at, count).Clear();
            MarkDirty(page, at, count);
            _volume.NoteChange(count);
            from += count;
        }
        if (from < to)
            Forget((int)(from / PageBytes));
        while (from < to)
        {
            var count = Math.Min(to - from, Locate(from, out var deviceOffset, out _));
            _volume.Device.WriteZeros(deviceOffset, count);
            from += count;
        }
    }

    // Where a byte of the directory lies; returns how many follow it in one piece.
    private long Locate(long offset, out long deviceOffset, out ClusterRun run)
    {
        if (!Chain.TryLocate((uint)(offset / ClusterSize), out run))
            throw ChainTooShort();
        var within = offset % ClusterSize;
        deviceOffset = _volume.Geometry.ClusterOffset(run.First) + within;
        return run.Count * (long)ClusterSize - within;
    }

    private long OffsetOf(int slot)
    {
        Locate((long)slot * Size, out var deviceOffset, out _);
        return deviceOffset;
    }

    private DiskFormatException ChainTooShort() =>
        new("EXF-0068", "Directory", -1, $"the chain from cluster {Chain.First} ends after {Chain.CountAll()} clusters, the size of {_length} bytes needs {_volume.Geometry.ClustersFor((ulong)_length)}");
}
