using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Lays nodes of an index down: roots and blocks.</summary>
internal static class NtfsNewIndexNode
{
    /// <summary>The value of $INDEX_ROOT of an index without entries.</summary>
    /// <param name="indexed">What is indexed: $FILE_NAME in directories, None in view indexes.</param>
    /// <param name="rule">Its order.</param>
    /// <param name="geometry">The volume's; its blocks are of the size that the boot sector says.</param>
    public static byte[] EmptyRoot(NtfsAttributeType indexed, NtfsCollationRule rule, NtfsGeometry geometry)
    {
        var head = new byte[NtfsIndexRoot.Size];
        ref var root = ref OnDisk.Edit<NtfsIndexRoot>(head);
        root.AttributeType = (uint)indexed;
        root.Collation = (uint)rule;
        root.BlockSize = (uint)geometry.IndexBlockSize;
        root.ClustersPerBlock = (byte)(geometry.IndexBlockSize / geometry.IndexUnit(geometry.IndexBlockSize));
        return Root(head, [NtfsIndexPiece.End(-1)]);
    }

    /// <summary>The value of $INDEX_ROOT.</summary>
    /// <param name="old">What it was: its head is kept.</param>
    /// <param name="pieces">Its entries, the end entry last.</param>
    public static byte[] Root(ReadOnlySpan<byte> old, List<NtfsIndexPiece> pieces)
    {
        var value = new byte[NtfsIndexRoot.Size + NtfsIndexHeader.Size + NtfsIndexPiece.LengthOf(pieces)];
        old[..NtfsIndexRoot.Size].CopyTo(value);
        Fill(value, NtfsIndexRoot.Size, NtfsIndexHeader.Size, value.Length - NtfsIndexRoot.Size, pieces);
        return value;
    }

    /// <summary>Bytes for entries in a block.</summary>
    public static int RoomInBlock(int blockSize) => blockSize - FirstEntry(blockSize);

    /// <summary>Lays a block down; its protection is off, its array holds the number of the last write.</summary>
    /// <param name="blockSize">Bytes.</param>
    /// <param name="vcn">Its own.</param>
    /// <param name="old">What it was, verified; null when it is a new one.</param>
    /// <param name="pieces">Its entries, the end entry last.</param>
    public static NtfsIndexNode Block(int blockSize, long vcn, byte[]? old, List<NtfsIndexPiece> pieces)
    {
        var bytes = new byte[blockSize];
        var block = bytes.AsSpan();
        ref var head = ref OnDisk.Edit<NtfsIndexBlock>(block);
        head.Protection.Magic = NtfsIndexBlock.MagicValue;
        var first = NtfsUpdateSequence.Place(block, NtfsIndexBlock.Size);
        head.Vcn = (ulong)vcn;
        if (old is not null)
        {
            ref readonly var before = ref OnDisk.View<NtfsIndexBlock>(old);
            head.LogSequenceNumber = before.LogSequenceNumber;
            old.AsSpan(before.Protection.UpdateSequenceOffset, 2).CopyTo(block[NtfsIndexBlock.Size..]);
        }
        Fill(block, NtfsIndexBlock.HeaderOffset, first - NtfsIndexBlock.HeaderOffset, block.Length - NtfsIndexBlock.HeaderOffset, pieces);

        var entries = new int[pieces.Count];
        var isEven = true;
        for (int i = 0, at = first; i < entries.Length; i++)
        {
            entries[i] = at;
            at += pieces[i].Length;
            isEven &= pieces[i].SubNode < 0 == pieces[0].SubNode < 0;
        }
        return NtfsIndexNode.OfBlock(bytes, entries, isEven);
    }

    /// <summary>A block with a part of its entries replaced, the rest as it is; null when there is no room.</summary>
    /// <param name="node">The block.</param>
    /// <param name="at">Where in it, in bytes: the start of an entry.</param>
    /// <param name="removed">Bytes that go.</param>
    /// <param name="inserted">Entries that come.</param>
    public static byte[]? Spliced(NtfsIndexNode node, int at, int removed, ReadOnlySpan<byte> inserted)
    {
        ref readonly var before = ref OnDisk.View<NtfsIndexHeader>(node.Bytes, node.HeaderOffset);
        var end = node.HeaderOffset + (int)(uint)before.IndexLength;
        var grown = inserted.Length - removed;
        if (end + grown > node.HeaderOffset + before.AllocatedSize)
            return null;
        var bytes = GC.AllocateUninitializedArray<byte>(node.Bytes.Length);
        bytes.AsSpan(end + grown).Clear();
        node.Bytes.AsSpan(0, at).CopyTo(bytes);
        inserted.CopyTo(bytes.AsSpan(at));
        node.Bytes.AsSpan(at + removed, end - at - removed).CopyTo(bytes.AsSpan(at + inserted.Length));
        OnDisk.Edit<NtfsIndexHeader>(bytes, node.HeaderOffset).IndexLength = (uint)(end + grown - node.HeaderOffset);
        return bytes;
    }

    // Behind the head and the update sequence.
    private static int FirstEntry(int blockSize) => NtfsIndexBlock.Size + 2 * NtfsUpdateSequence.WordCount(blockSize) + 7 & ~7;

    private static void Fill(Span<byte> node, int headerOffset, int entriesOffset, int allocated, List<NtfsIndexPiece> pieces)
    {
        var at = entriesOffset;
        foreach (var piece in pieces)
        {
            piece.Write(node[(headerOffset + at)..]);
            at += piece.Length;
        }
        ref var header = ref OnDisk.Edit<NtfsIndexHeader>(node, headerOffset);
        header.EntriesOffset = (uint)entriesOffset;
        header.IndexLength = (uint)at;
        header.AllocatedSize = (uint)allocated;
        header.Flags = pieces[^1].SubNode >= 0 ? NtfsIndexHeader.HasSubNodes : (byte)0;
    }
}
