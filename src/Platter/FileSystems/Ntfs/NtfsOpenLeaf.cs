using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>A leaf of a directory's index that names go into one after the other: held, with the time of the last of them, until something else is done to the
/// volume; see <see cref="NtfsEditState.Settle"/>.</summary>
/// <remarks>
/// Names of a tree come in order, or nearly so. Of those that belong between the entries on both sides of the leaf (in the nodes above it) this alone can tell whether
/// they are there already.
/// </remarks>
internal sealed class NtfsOpenLeaf
{
    private readonly NtfsUpcase _upcase;
    private readonly byte[] _block;
    private readonly int _room;                 // the first byte behind what entries may take
    private readonly byte[]? _low, _high;       // keys of the entries on both sides; null where there is none
    private int[] _entries;
    private int _count;                         // the end entry included

    /// <param name="directory">Whose index it is.</param>
    /// <param name="way">The nodes from the root down to the leaf.</param>
    /// <param name="upcase">The volume's.</param>
    public NtfsOpenLeaf(NtfsFileEditor directory, List<NtfsIndexLevel> way, NtfsUpcase upcase)
    {
        _upcase = upcase;
        Directory = directory.Reference;
        Standard = NtfsStandard.Read(directory);
        Descriptor = NtfsDescriptors.KeyOf(directory);
        var node = way[^1].Node;
        Vcn = way[^1].Vcn;
        _block = [.. node.Bytes];
        _count = node.Count;
        _entries = new int[_count + 16];
        for (var i = 0; i < _count; i++)
            _entries[i] = node[i].Offset;
        _room = node.HeaderOffset + (int)(uint)OnDisk.View<NtfsIndexHeader>(_block, node.HeaderOffset).AllocatedSize;
        foreach (var level in way[..^1])
        {
            if (level.At > 0)
                _low = level.Node[level.At - 1].Key.ToArray();
            if (!level.Item.IsEnd)
                _high = level.Item.Key.ToArray();
        }
    }

    public NtfsReference Directory { get; }

    /// <summary>The directory's attributes and flags. Its times are older.</summary>
    public NtfsStandardInformation Standard { get; }

    /// <summary>Stands for the directory's descriptor: see <see cref="NtfsDescriptors.KeyOf"/>.</summary>
    public ulong Descriptor { get; }

    /// <summary>The block's own.</summary>
    public long Vcn { get; }

    /// <summary>The block as it is now, to be written: nothing comes after it unless writing it failed, and was undone.</summary>
    public NtfsIndexNode ToNode() => NtfsIndexNode.OfBlock(_block, _entries.AsSpan(0, _count).ToArray(), isEven: true);

    /// <summary>When the last name came; 0 when none has come.</summary>
    public ulong Touched { get; private set; }

    private bool IsCaseSensitive => (Standard.Flags & NtfsStandardInformation.CaseSensitive) != 0;

    /// <summary>Finds out where a name goes.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The index of the entry that it comes before; below 0 when it belongs to another leaf, or is there, perhaps in another case.</returns>
    public int PlaceOf(ReadOnlySpan<char> name)
    {
        if (_count == 1 || (_low is not null && _upcase.CompareIgnoringCase(name, NtfsCollation.NameOf(_low)) <= 0)
            || (_high is not null && _upcase.CompareIgnoringCase(name, NtfsCollation.NameOf(_high)) >= 0))
            return -1;
        int low = 0, high = _count - 1;
        for (var middle = high - 1; low < high; middle = (low + high) / 2)      // the last one first
        {
            var order = _upcase.Compare(name, NameAt(middle));
            if (order == 0)
                return -1;
            if (order < 0)
                high = middle;
            else
                low = middle + 1;
        }
        var isThere = !IsCaseSensitive && ((low > 0 && IsSame(name, low - 1)) || (low < _count - 1 && IsSame(name, low)));
        return isThere ? -1 : low;
    }

    /// <summary>Whether an entry with a key of so many bytes fits.</summary>
    public bool HasRoom(int keyLength) => End + EntryLength(keyLength) <= _room;

    /// <summary>Puts a name where <see cref="PlaceOf"/> has found that it goes. Can't fail.</summary>
    /// <param name="at">There.</param>
    /// <param name="file">What it leads to.</param>
    /// <param name="key">Its $FILE_NAME value, for which there is room.</param>
    /// <param name="time">When.</param>
    public void Insert(int at, NtfsReference file, ReadOnlySpan<byte> key, ulong time)
    {
        var (start, length, end) = (_entries[at], EntryLength(key.Length), End);
        _block.AsSpan(start, end - start).CopyTo(_block.AsSpan(start + length));
        var bytes = _block.AsSpan(start, length);
        bytes.Clear();
        ref var entry = ref OnDisk.Edit<NtfsIndexEntry>(bytes);
        entry.File = file;
        entry.Length = (ushort)length;
        entry.KeyLength = (ushort)key.Length;
        key.CopyTo(bytes[NtfsIndexEntry.Size..]);
        ref var header = ref OnDisk.Edit<NtfsIndexHeader>(_block, NtfsIndexBlock.HeaderOffset);
        header.IndexLength = (uint)(end + length - NtfsIndexBlock.HeaderOffset);
        if (_count == _entries.Length)
            Array.Resize(ref _entries, _count * 2);
        for (var i = _count; i > at; i--)
            _entries[i] = _entries[i - 1] + length;
        _count++;
        Touched = time;
    }

    // The first byte behind the entries.
    private int End => NtfsIndexBlock.HeaderOffset + (int)(uint)OnDisk.View<NtfsIndexHeader>(_block, NtfsIndexBlock.HeaderOffset).IndexLength;

    private ReadOnlySpan<char> NameAt(int index) =>
        NtfsCollation.NameOf(_block.AsSpan(_entries[index] + NtfsIndexEntry.Size, OnDisk.View<NtfsIndexEntry>(_block, _entries[index]).KeyLength));

    private bool IsSame(ReadOnlySpan<char> name, int index) => _upcase.CompareIgnoringCase(name, NameAt(index)) == 0;

    private static int EntryLength(int keyLength) => NtfsIndexEntry.Size + keyLength + 7 & ~7;
}
