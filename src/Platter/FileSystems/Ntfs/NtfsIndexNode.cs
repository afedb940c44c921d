using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>One node of an index, the root or a block, its entries verified: for reading and for checking alike.</summary>
internal sealed class NtfsIndexNode
{
    // Bytes of an entry with a short name.
    private const int UsualEntry = 96;

    private readonly int[] _entries;        // Count of them count

    private NtfsIndexNode(byte[] bytes, int headerOffset, int[] entries, int count, bool isEven)
    {
        Bytes = bytes;
        HeaderOffset = headerOffset;
        _entries = entries;
        Count = count;
        IsEven = isEven;
    }

    /// <summary>Whether all entries have sub-nodes, or none.</summary>
    public bool IsEven { get; }

    /// <summary>Whether no entry has a sub-node.</summary>
    public bool IsLeaf => IsEven && !this[0].HasSubNode;

    /// <summary>The root's value, or the block, its protection off.</summary>
    public byte[] Bytes { get; }

    /// <summary>Where the <see cref="NtfsIndexHeader"/> is.</summary>
    public int HeaderOffset { get; }

    /// <summary>Whether it was read to be gone through once: nobody keeps it.</summary>
    public bool IsPassing { get; set; }

    /// <summary>How many entries there are; the last one is the end entry.</summary>
    public int Count { get; }

    public bool HasSubNodes => (OnDisk.View<NtfsIndexHeader>(Bytes, HeaderOffset).Flags & NtfsIndexHeader.HasSubNodes) != 0;

    public NtfsIndexItem this[int index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if ((uint)index >= (uint)Count)
                throw new ArgumentOutOfRangeException(nameof(index));
            return new NtfsIndexItem(Bytes, _entries[index]);
        }
    }

    /// <summary>The node with an entry inserted, removed or replaced: its bytes as <see cref="NtfsNewIndexNode.Spliced"/> made them.</summary>
    /// <param name="bytes">The new bytes.</param>
    /// <param name="index">Where.</param>
    /// <param name="removed">Bytes of the entry that was there and is not any more, or 0.</param>
    /// <param name="inserted">Bytes of the entry that is there now, or 0.</param>
    public NtfsIndexNode Spliced(byte[] bytes, int index, int removed, int inserted)
    {
        var (gone, come) = (removed > 0 ? 1 : 0, inserted > 0 ? 1 : 0);
        var entries = new int[Count - gone + come];
        _entries.AsSpan(0, index).CopyTo(entries);
        if (come > 0)
            entries[index] = _entries[index];
        for (var i = index + gone; i < Count; i++)
            entries[i - gone + come] = _entries[i] - removed + inserted;
        return new NtfsIndexNode(bytes, HeaderOffset, entries, entries.Length, IsEven);
    }

    /// <summary>A block that was laid down here, and need not be verified.</summary>
    /// <param name="bytes">All of it, its protection off.</param>
    /// <param name="entries">Where its entries are, in order, the end entry last.</param>
    /// <param name="isEven">See <see cref="IsEven"/>.</param>
    public static NtfsIndexNode OfBlock(byte[] bytes, int[] entries, bool isEven) => new(bytes, NtfsIndexBlock.HeaderOffset, entries, entries.Length, isEven);

    /// <summary>Verifies the header and the entries of a node.</summary>
    /// <param name="bytes">The root's value, or a block whose protection is off.</param>
    /// <param name="headerOffset">Where the index header is.</param>
    /// <param name="isView">Whether entries have data in the place of a reference.</param>
    /// <param name="node">The node.</param>
    /// <param name="left">A node that nobody looks at any more: its memory is used again.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? Parse(byte[] bytes, int headerOffset, bool isView, out NtfsIndexNode? node, NtfsIndexNode? left = null)
    {
        node = null;
        ref readonly var header = ref OnDisk.View<NtfsIndexHeader>(bytes, headerOffset);
        var room = bytes.Length - headerOffset;
        if (header.IndexLength > room || header.AllocatedSize > room || header.IndexLength > header.AllocatedSize)
            return $"has {header.IndexLength} bytes of index in room for {header.AllocatedSize}, expected within {room}";
        if (header.EntriesOffset < NtfsIndexHeader.Size || (header.EntriesOffset & 7) != 0 || header.EntriesOffset > header.IndexLength)
            return $"has entries from {header.EntriesOffset} on, expected a multiple of 8, {NtfsIndexHeader.Size}..{header.IndexLength}";
        var end = headerOffset + (int)(uint)header.IndexLength;
        var (entries, count) = (left?._entries ?? new int[(int)(uint)header.IndexLength / UsualEntry + 2], 0);
        var (first, isEven) = (-1, true);
        for (var at = headerOffset + (int)(uint)header.EntriesOffset; ;)
        {
            if (EntryProblem(bytes, at, end, isView) is { } problem)
                return problem;
            if (count == entries.Length)
                Array.Resize(ref entries, 2 * count);
            entries[count++] = at;
            ref readonly var entry = ref OnDisk.View<NtfsIndexEntry>(bytes, at);
            var hasSubNode = entry.Flags & NtfsIndexEntry.HasSubNode;
            first = first < 0 ? hasSubNode : first;
            isEven &= first == hasSubNode;
            if ((entry.Flags & NtfsIndexEntry.IsEnd) != 0)
                break;
            at += entry.Length;
        }
        node = new NtfsIndexNode(bytes, headerOffset, entries, count, isEven);
        return null;
    }

    // Looked at for each name of a listing.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static string? EntryProblem(byte[] bytes, int at, int end, bool isView)
    {
        if (end - at < NtfsIndexEntry.Size)
            return $"has no end entry before {at}";
        ref readonly var entry = ref OnDisk.View<NtfsIndexEntry>(bytes, at);
        var subNode = (entry.Flags & NtfsIndexEntry.HasSubNode) != 0 ? NtfsIndexEntry.SubNodeSize : 0;
        if (entry.Length < NtfsIndexEntry.Size + subNode || (entry.Length & 7) != 0 || entry.Length > end - at)
            return $"the entry at {at} has the length {entry.Length}, expected a multiple of 8, {NtfsIndexEntry.Size + subNode}..{end - at}";
        if ((entry.Flags & NtfsIndexEntry.IsEnd) != 0)
            return null;
        if (NtfsIndexEntry.Size + entry.KeyLength + subNode > entry.Length)
            return $"the entry at {at} has a key of {entry.KeyLength} bytes, past its {entry.Length}";
        if (!isView)
            return null;
        ref readonly var view = ref OnDisk.View<NtfsViewEntry>(bytes, at);
        return view.DataLength != 0 && (view.DataOffset < NtfsIndexEntry.Size || view.DataOffset + view.DataLength + subNode > entry.Length)
            ? $"the entry at {at} has data at {view.DataOffset} of {view.DataLength} bytes, past its {entry.Length}"
            : null;
    }
}

/// <summary>An entry of a node.</summary>
internal readonly record struct NtfsIndexItem(byte[] Node, int Offset)
{
    public ref readonly NtfsIndexEntry Entry => ref OnDisk.View<NtfsIndexEntry>(Node, Offset);
    public ushort Flags => Entry.Flags;
    public bool IsEnd => (Flags & NtfsIndexEntry.IsEnd) != 0;
    public bool HasSubNode => (Flags & NtfsIndexEntry.HasSubNode) != 0;

    /// <summary>Empty in the end entry.</summary>
    public ReadOnlySpan<byte> Key => IsEnd ? default : Node.AsSpan(Offset + NtfsIndexEntry.Size, Entry.KeyLength);

    /// <summary>What a view index keeps with the key; empty where that would lie outside of the entry.</summary>
    public ReadOnlySpan<byte> Data
    {
        get
        {
            ref readonly var view = ref OnDisk.View<NtfsViewEntry>(Node, Offset);
            // Verified with the node, if the index's root says that it is a view index: which may be what is broken.
            return view.DataLength == 0 || view.DataOffset + view.DataLength > Entry.Length ? default : Node.AsSpan(Offset + view.DataOffset, view.DataLength);
        }
    }

    /// <summary>Whether it says the same as an entry without a sub-node: what it leads to, key and data.</summary>
    public bool IsSame(ReadOnlySpan<byte> entry)
    {
        ref readonly var other = ref OnDisk.View<NtfsIndexEntry>(entry);
        // The length and the flags, which follow the reference, tell of sub-nodes, too.
        const int tail = 16;
        return Entry.File.Raw == other.File.Raw && Entry.KeyLength == other.KeyLength && Node.AsSpan(Offset + tail, entry.Length - tail).SequenceEqual(entry[tail..]);
    }

    /// <summary>The file that a directory's entry leads to.</summary>
    public NtfsReference File => Entry.File.Value;

    /// <summary>The block with the keys before this one's.</summary>
    public long SubNode => (long)(ulong)OnDisk.View<U64Le>(Node, Offset + Entry.Length - NtfsIndexEntry.SubNodeSize);
}
