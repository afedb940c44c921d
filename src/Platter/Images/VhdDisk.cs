using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images;

/// <summary>Where the parts of a dynamic or differencing VHD lie; checked when it is made.</summary>
/// <param name="HeaderOffset">Of the dynamic header, bytes.</param>
/// <param name="TableOffset">Of the block allocation table, bytes.</param>
/// <param name="BlockSize">Bytes of data in a block; a power of two.</param>
/// <param name="Length">Bytes of the disk; whole sectors.</param>
/// <param name="End">Where the last footer starts, or the end of the file when it was lost.</param>
internal sealed record VhdLayout(long HeaderOffset, long TableOffset, long BlockSize, long Length, long End)
{
    /// <summary>Bytes of the bitmap in front of each block's data: a bit a sector, whole sectors.</summary>
    public long BitmapSize => ((BlockSize / VhdDisk.Sector + 7) / 8 + VhdDisk.Sector - 1) / VhdDisk.Sector * VhdDisk.Sector;

    public long BlockCount => (Length + BlockSize - 1) / BlockSize;

    /// <summary>Where the paths of the parent lie.</summary>
    public IReadOnlyList<ByteRange> ParentPaths { get; init; } = [];

    /// <summary>Whether the header's checksum is right. With a wrong one what it says is believed as far as it is possible, for reading.</summary>
    public bool HeaderIsWhole { get; init; } = true;

    /// <summary>Bytes of the table that the disk needs; it may be longer.</summary>
    public long TableSize => BlockCount * 4;

    /// <summary>Bytes that a block takes in the file, its bitmap included. The last one may end with the disk when the file does.</summary>
    /// <param name="block">The block.</param>
    /// <param name="room">Bytes between the block's start and the last footer.</param>
    public long SizeOf(long block, long room) =>
        BitmapSize + (BitmapSize + BlockSize <= room ? BlockSize : Math.Min(BlockSize, Length - block * BlockSize));
}

/// <summary>The disk in a dynamic or differencing VHD.</summary>
/// <remarks>
/// <code>
///   footer copy | header | block allocation table | parent paths | block: bitmap, data | block ... | footer
/// </code>
/// <para>A table entry is the sector number of a block's bitmap, all ones for a block that isn't there. A clear bit of the bitmap means the
/// parent's sector, or zeros without a parent. (qemu looks at no bitmap; it sets all bits of the blocks that it makes, and so do we.)</para>
/// <para>New blocks are placed so that their data starts at a multiple of 4096, as later Windows does.</para>
/// </remarks>
internal sealed class VhdDisk : SparseDisk
{
    internal const int Sector = 512;
    internal const uint NoBlock = uint.MaxValue;

    private const int DataAlignment = 4096;
    private const int RememberedBlocks = 1 << 16;

    private readonly VhdLayout _layout;
    private readonly LruCache<bool> _full = new(RememberedBlocks);   // by block: whether all of its bits are set
    private readonly Lock _fullLock = new();
    private readonly bool _isNew;
    private VhdFooter _footer;
    private bool _stamped;              // the footer tells that the disk was changed since it was opened
    private long _footerOffset;         // where the last footer stands on the host now; -1 when there is none
    private long _end;                  // where it is to stand

    /// <param name="host">What holds the container.</param>
    /// <param name="parent">The parent's disk, or null.</param>
    /// <param name="layout">Where the parts lie.</param>
    /// <param name="footer">What the footers say.</param>
    /// <param name="isNew">Whether the image is being made: then the footer's time is not touched.</param>
    internal VhdDisk(BlockDevice host, BlockDevice? parent, VhdLayout layout, in VhdFooter footer, bool isNew)
        : base(host, parent, layout.Length, Sector, layout.BlockSize)
    {
        _layout = layout;
        _footer = footer;
        _isNew = isNew;
        _end = layout.End;
        _footerOffset = layout.End < host.Length ? layout.End : -1;
    }

    /// <summary>What the footers say, or will with the next commit.</summary>
    internal VhdFooter Footer => _footer;

    protected override bool GivesBack => true;
    protected override bool HasZeroState => false;

    internal override BlockPlace Locate(long block)
    {
        var entry = Entry(block);
        if (entry == NoBlock)
            return new BlockPlace(BlockKind.Absent, 0);
        var data = (long)entry * Sector + _layout.BitmapSize;
        if (data > Host.Length)
            throw Misplaced(data);
        return new BlockPlace(IsFull(block, data) ? BlockKind.Full : BlockKind.Partial, data);
    }

    internal override (bool Present, int Count) SectorRun(long block, BlockPlace place, int sector, int limit)
    {
        Span<byte> bits = stackalloc byte[Sector];
        var first = sector / 8;
        bits = bits[..(int)Math.Min(bits.Length, _layout.BitmapSize - first)];
        Metadata.Read(BitmapOffset(place) + first, bits);
        return BitRun(bits, sector % 8, Math.Min(limit, bits.Length * 8 - sector % 8), flip: 7);
    }

    /// <summary>The table's entry of a block: a sector number, or <see cref="NoBlock"/>.</summary>
    internal uint Entry(long block)
    {
        U32Be entry = default;
        Metadata.Read(_layout.TableOffset + block * 4, entry);
        return entry;
    }

    /// <summary>Bytes of a block whatever its bitmap says.</summary>
    internal void ReadStored(long offset, Span<byte> buffer) => Host.Read(offset, buffer);

    /// <summary>Many entries at once.</summary>
    internal void ReadEntries(long block, Span<byte> entries) => Metadata.Read(_layout.TableOffset + block * 4, entries);

    protected override BlockSpace FindSpace() => VhdSpace.Find(this, _layout, _end, Host.Length);

    protected override (BlockPlace Place, bool Reused) Allocate(long block, bool full)
    {
        var host = (ResizableDevice)Host;
        var (data, reused) = Space.Take(_layout.BitmapSize, BlockSize, DataAlignment);
        var start = data - _layout.BitmapSize;
        if (data / Sector >= NoBlock)
            throw new UnsupportedFeatureException("the image can't grow any more: a VHD finds its blocks in the first 2 TiB of the file");
        if (!reused)
        {
            _end = Space.End;
            host.SetLength(_end + VhdFooter.Size);
            // The old footer must not stay in the gap that alignment leaves.
            if (_footerOffset >= 0)
                Metadata.Write(_footerOffset, new byte[Math.Min(VhdFooter.Size, start - _footerOffset)]);
            _footerOffset = -1;
        }
        var bits = new byte[_layout.BitmapSize];
        if (full)
            Array.Fill(bits, (byte)0xFF);
        Metadata.Write(start, bits);
        U32Be entry = (uint)(start / Sector);
        Metadata.Write(_layout.TableOffset + block * 4, entry);
        RememberFull(block, full);
        return (new BlockPlace(full ? BlockKind.Full : BlockKind.Partial, data), reused);
    }

    protected override void Release(long block, BlockPlace place, BlockKind kind)
    {
        U32Be entry = NoBlock;
        Metadata.Write(_layout.TableOffset + block * 4, entry);
        var length = _layout.SizeOf(block, _end - BitmapOffset(place));
        Space.Release(BitmapOffset(place), length);
        Host.Discard(BitmapOffset(place), length);
        _full.Remove(block);
    }

    protected override void MarkPresent(long block, BlockPlace place, int sector, int count)
    {
        var first = sector / 8;
        var bits = new byte[(sector + count + 7) / 8 - first];
        Metadata.Read(BitmapOffset(place) + first, bits);
        for (var bit = sector % 8; bit < sector % 8 + count;)
        {
            if (bit % 8 == 0 && sector % 8 + count - bit >= 8)
            {
                bits[bit / 8] = 0xFF;
                bit += 8;
                continue;
            }
            bits[bit / 8] |= (byte)(0x80 >> bit % 8);
            bit++;
        }
        Metadata.Write(BitmapOffset(place) + first, bits);
    }

    protected override void PrepareCommit()
    {
        if (!_stamped && !_isNew)
            _footer.Touch();
        if (_footerOffset == _end && _stamped)
            return;
        _stamped = true;
        var host = (ResizableDevice)Host;
        host.SetLength(_end + VhdFooter.Size);
        host.Write(0, OnDisk.Bytes(ref _footer));
        host.Write(_end, OnDisk.Bytes(ref _footer));
        _footerOffset = _end;
    }

    protected override void Forget()
    {
        _full.Clear();
        _stamped = false;
        _footerOffset = VhdFooter.FindLast(Host, out _);
        _end = _footerOffset >= 0 ? _footerOffset : Host.Length;
    }

    protected override DiskFormatException Misplaced(long data) => new("VHD-0020", "BlockAllocationTable", data,
        $"found a block's data here, expected all of it within the file of {Host.Length} bytes");

    private long BitmapOffset(BlockPlace place) => place.Data - _layout.BitmapSize;

    private bool IsFull(long block, long data)
    {
        lock (_fullLock)
        {
            if (_full.TryGet(block, out var known))
                return known;
        }
        var sectors = (int)(Math.Min(BlockSize, Length - block * BlockSize) / Sector);
        var bits = new byte[(sectors + 7) / 8];
        Metadata.Read(data - _layout.BitmapSize, bits);
        var full = BitRun(bits, 0, sectors, flip: 7) is (true, var count) && count == sectors;
        RememberFull(block, full);
        return full;
    }

    private void RememberFull(long block, bool full)
    {
        lock (_fullLock)
        {
            _full.Set(block, full);
        }
    }
}
