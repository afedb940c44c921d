namespace Platter.FileSystems.Ntfs;

/// <summary>What an index lies in: the value of $INDEX_ROOT, and the blocks of $INDEX_ALLOCATION with their $BITMAP.</summary>
/// <remarks>Arrays that it gives out are not changed by those who get them, and stay as they are until that root or block is written or freed; an array that
/// <see cref="ReadRoot"/> gives out again says that the root was not written since.</remarks>
internal abstract class NtfsIndexStorage
{
    /// <summary>What a root takes that has an end entry with a sub-node, and nothing else. A value of up to this length always fits: room is made for it.</summary>
    public const int LeastRoot = NtfsIndexRoot.Size + NtfsIndexHeader.Size + NtfsIndexEntry.Size + NtfsIndexEntry.SubNodeSize;

    /// <summary>Bytes of an index block.</summary>
    public abstract int BlockSize { get; }

    /// <summary>The value of $INDEX_ROOT, whole.</summary>
    public abstract byte[] ReadRoot();

    /// <summary>Replaces the value of $INDEX_ROOT.</summary>
    /// <returns>False: the record has no room for a value of this length, and nothing was changed. A shorter or equally long value always fits, and one of
    /// <see cref="LeastRoot"/> bytes.</returns>
    public abstract bool TryWriteRoot(ReadOnlySpan<byte> value);

    /// <summary>A block, verified (magic, update sequence, its own VCN), its protection off.</summary>
    /// <param name="vcn">In clusters or, where those are larger than a block, in units of 512 bytes.</param>
    /// <exception cref="DiskFormatException">There is no such block, or it is damaged.</exception>
    public abstract byte[] ReadBlock(long vcn);

    /// <summary>A block, its entries verified, too. One that is kept may be given out again until it is written or freed.</summary>
    /// <param name="vcn">As of <see cref="ReadBlock"/>.</param>
    /// <param name="isView">Whether entries have data in the place of a reference.</param>
    /// <param name="structure">What messages call it.</param>
    /// <exception cref="DiskFormatException">There is no such block, or it is damaged.</exception>
    public virtual NtfsIndexNode ReadNode(long vcn, bool isView, Func<string> structure) =>
        NtfsIndexNode.Parse(ReadBlock(vcn), NtfsIndexBlock.HeaderOffset, isView, out var node) is { } problem
            ? throw new DiskFormatException("NTFS-0302", $"{structure()}, block {vcn}", -1, problem) : node!;

    /// <summary>Writes a block; its protection is put on, with the number after the one in its array.</summary>
    public abstract void WriteBlock(long vcn, ReadOnlySpan<byte> block);

    /// <summary>As <see cref="WriteBlock"/>; the node, whose array is nobody else's, may be given out from now on.</summary>
    public virtual void WriteNode(long vcn, NtfsIndexNode node) => WriteBlock(vcn, node.Bytes);

    /// <summary>Takes a free block, which is written next. Grows $INDEX_ALLOCATION and $BITMAP when none is free, and creates both when there are none.</summary>
    /// <returns>Its VCN.</returns>
    /// <exception cref="VolumeFullException">There is no room for it.</exception>
    public abstract long AllocateBlock();

    public abstract void FreeBlock(long vcn);

    /// <summary>The tree fits the root again: both attributes go.</summary>
    public abstract void DropBlocks();
}
