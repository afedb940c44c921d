using Platter.Blocks;
using Platter.Primitives;
using static Platter.Images.Vhdx.VhdxFormatConstants;

namespace Platter.Images.Vhdx;

/// <summary>What an entry of the block allocation table says; [MS-VHDX] 2.5.1.</summary>
internal enum VhdxBlockState { NotPresent = 0, Undefined = 1, Zero = 2, Unmapped = 3, Reserved4 = 4, Unmapped095 = 5, FullyPresent = 6, PartiallyPresent = 7 }

/// <summary>The numbers that the block allocation table is read with.</summary>
/// <param name="Bat">Where the table lies.</param>
/// <param name="Metadata">What the disk is like.</param>
internal sealed record VhdxLayout(ByteRange Bat, VhdxMetadata Metadata)
{
    /// <summary>Payload blocks that one block of the sector bitmap stands for.</summary>
    public long ChunkRatio { get; } = SectorsPerBitmap * Metadata.LogicalSectorSize / Metadata.BlockSize;

    public long BlockCount { get; } = (Metadata.Length + Metadata.BlockSize - 1) / Metadata.BlockSize;

    /// <summary>Blocks of the sector bitmap; their entries stand behind those of the payload blocks that they are for.</summary>
    public long BitmapCount => (BlockCount + ChunkRatio - 1) / ChunkRatio;

    /// <summary>Entries that the table needs at least: up to the last payload block.</summary>
    public long PayloadEntryCount => BlockCount == 0 ? 0 : BlockCount + (BlockCount - 1) / ChunkRatio;

    /// <summary>Entries that the table should have: with a parent up to the last block of the sector bitmap.</summary>
    public long EntryCount => Metadata.HasParent ? BitmapCount * (ChunkRatio + 1) : PayloadEntryCount;

    /// <summary>Entries that there are room for, of those that there should be.</summary>
    public long PresentEntryCount => Math.Min(EntryCount, Bat.Length / 8);

    public long IndexOf(long block) => block + block / ChunkRatio;

    public long IndexOfBitmap(long chunk) => chunk * (ChunkRatio + 1) + ChunkRatio;

    /// <summary>Whether an entry is for a block of the sector bitmap.</summary>
    public bool IsBitmap(long index) => index % (ChunkRatio + 1) == ChunkRatio;

    /// <summary>The payload block that an entry is for.</summary>
    public long BlockOf(long index) => index - index / (ChunkRatio + 1);

    /// <summary>Bytes that a block takes in the file, whole MiB; the disk may end within the last one.</summary>
    public long SizeOf(long block) => (ContentOf(block) + MiB - 1) / MiB * MiB;

    /// <summary>Bytes of the disk in a block; some writers (qemu's fixed images) let the file end behind those of the last one.</summary>
    public long ContentOf(long block) => Math.Min(Metadata.BlockSize, Metadata.Length - block * Metadata.BlockSize);
}

/// <summary>The disk in a VHDX.</summary>
/// <remarks>
/// <para>A table entry has the state of a block in its lowest three bits and its place in the file, in MiB, from bit 20 on. The sector bitmap of
/// a differencing disk (a set bit means: here, not in the parent) lies in blocks of its own, whose entries are interleaved.</para>
/// <para>What reads as undefined (states 1, 3, and 5 in files of the format's drafts) reads as zeros here.</para>
/// </remarks>
internal sealed class VhdxDisk : SparseDisk
{
    private readonly VhdxLayout _layout;
    private readonly IReadOnlyList<ByteRange> _structures;
    private readonly bool _isNew;
    private VhdxHeaders _headers;
    private bool _stamped;              // the header tells that file and disk were changed since they were opened
    private bool _givesBack;

    /// <param name="host">What holds the container.</param>
    /// <param name="parent">The parent's disk, or null.</param>
    /// <param name="layout">The table.</param>
    /// <param name="headers">The headers as they are.</param>
    /// <param name="structures">Where the log and the regions lie.</param>
    /// <param name="isNew">Whether the image is being made: then its identifiers stay.</param>
    internal VhdxDisk(BlockDevice host, BlockDevice? parent, VhdxLayout layout, VhdxHeaders headers, IReadOnlyList<ByteRange> structures, bool isNew)
        : base(host, parent, layout.Metadata.Length, layout.Metadata.LogicalSectorSize, layout.Metadata.BlockSize)
    {
        _layout = layout;
        _headers = headers;
        _structures = structures;
        _isNew = isNew;
        _givesBack = !layout.Metadata.LeavesBlocksAllocated;
    }

    /// <summary>The header that counts, as it was when it was last read or written.</summary>
    internal VhdxHeaders Headers => _headers;

    internal VhdxLayout Layout => _layout;
    internal IReadOnlyList<ByteRange> Structures => _structures;

    protected override bool GivesBack => _givesBack;
    protected override bool HasZeroState => true;

    internal override BlockPlace Locate(long block)
    {
        var entry = Entry(_layout.IndexOf(block));
        var data = PlaceOf(entry);
        switch (StateOf(entry))
        {
            case VhdxBlockState.FullyPresent:
                return new BlockPlace(BlockKind.Full, data);
            case VhdxBlockState.PartiallyPresent when _layout.Metadata.HasParent:
                return new BlockPlace(BlockKind.Partial, data);
            case VhdxBlockState.NotPresent:
                return new BlockPlace(BlockKind.Absent, 0);
            case VhdxBlockState.Undefined or VhdxBlockState.Zero or VhdxBlockState.Unmapped or VhdxBlockState.Unmapped095:
                return new BlockPlace(BlockKind.Zero, 0);
            case var state:
                throw new DiskFormatException("VHDX-0016", $"BlockAllocationTable[{_layout.IndexOf(block)}]", _layout.Bat.Offset + 8 * _layout.IndexOf(block),
                    $"found the state {(int)state}, expected 0 to 3, 6, or with a parent 7");
        }
    }

    internal override (bool Present, int Count) SectorRun(long block, BlockPlace place, int sector, int limit)
    {
        var (bitmap, size) = BitmapOf(block);
        Span<byte> bits = stackalloc byte[512];
        var first = sector / 8;
        bits = bits[..(int)Math.Min(bits.Length, size - first)];
        Metadata.Read(bitmap + first, bits);
        return BitRun(bits, sector % 8, Math.Min(limit, bits.Length * 8 - sector % 8), flip: 0);
    }

    /// <summary>An entry of the table.</summary>
    internal ulong Entry(long index)
    {
        U64Le entry = default;
        Metadata.Read(_layout.Bat.Offset + index * 8, entry);
        return entry;
    }

    internal static VhdxBlockState StateOf(ulong entry) => (VhdxBlockState)(entry & 7);

    /// <summary>Where the block lies in the file; beyond 2^63 negative, which no file reaches.</summary>
    internal static long PlaceOf(ulong entry) => (long)(entry >> 20 << 20);

    /// <summary>Many entries at once.</summary>
    internal void ReadEntries(long index, Span<byte> entries) => Metadata.Read(_layout.Bat.Offset + index * 8, entries);

    /// <summary>The parts of the table that may hold anything but zeros, as indices.</summary>
    internal IEnumerable<(long First, long Count)> KnownEntries()
    {
        var length = _layout.PresentEntryCount * 8;
        foreach (var range in Metadata.NonZero(_layout.Bat.Offset, length).Enumerate(_layout.Bat.Offset, length))
        {
            var first = (range.Start - _layout.Bat.Offset) / 8;
            yield return (first, (range.End - _layout.Bat.Offset + 7) / 8 - first);
        }
    }

    protected override BlockSpace FindSpace() => VhdxSpace.Find(this, Host.Length);

    protected override (BlockPlace Place, bool Reused) Allocate(long block, bool full)
    {
        var index = _layout.IndexOf(block);
        var old = Entry(index);
        if (PlaceOf(old) > 0 && StateOf(old) is VhdxBlockState.Undefined or VhdxBlockState.Unmapped)
            Space.Release(PlaceOf(old), Math.Min(BlockSize, Math.Max(0, Host.Length - PlaceOf(old))));
        var (data, reused) = Take(BlockSize);
        if (!full)
            PrepareBitmap(block);
        SetEntry(index, full ? VhdxBlockState.FullyPresent : VhdxBlockState.PartiallyPresent, data);
        return (new BlockPlace(full ? BlockKind.Full : BlockKind.Partial, data), reused);
    }

    protected override void Release(long block, BlockPlace place, BlockKind kind)
    {
        SetEntry(_layout.IndexOf(block), kind == BlockKind.Zero ? VhdxBlockState.Zero : VhdxBlockState.NotPresent, 0);
        if (place.Kind is not (BlockKind.Full or BlockKind.Partial))
            return;
        var length = Math.Min(_layout.SizeOf(block), Host.Length - place.Data);
        if (length >= MiB)
            Space.Release(place.Data, length / MiB * MiB);
        Host.Discard(place.Data, length);
    }

    protected override void MarkPresent(long block, BlockPlace place, int sector, int count)
    {
        var (bitmap, _) = BitmapOf(block);
        var first = sector / 8;
        var bits = new byte[(sector + count + 7) / 8 - first];
        Metadata.Read(bitmap + first, bits);
        for (var bit = sector % 8; bit < sector % 8 + count;)
        {
            if (bit % 8 == 0 && sector % 8 + count - bit >= 8)
            {
                bits[bit / 8] = 0xFF;
                bit += 8;
                continue;
            }
            bits[bit / 8] |= (byte)(1 << bit % 8);
            bit++;
        }
        Metadata.Write(bitmap + first, bits);
    }

    // [MS-VHDX] 2.2.2: who opens the file and changes it gives it new identifiers first; one header write does for all in a transaction.
    protected override void PrepareCommit()
    {
        if (_stamped || _isNew)
            return;
        var header = _headers.Current;
        header.FileWriteGuid = Guid.NewGuid();
        header.DataWriteGuid = Guid.NewGuid();
        header.LogGuid = Guid.Empty;        // what there was to replay has been; an entry that was never finished must not come back
        _headers = _headers.WriteNext(Host, header);
        _stamped = true;
    }

    protected override void Forget()
    {
        _headers = VhdxHeaders.Read(Host);
        _stamped = false;
    }

    protected override DiskFormatException Misplaced(long data) => new("VHDX-0017", "BlockAllocationTable", data,
        $"found a block's data here, expected all of it within the file of {Host.Length} bytes");

    private (long Data, bool Reused) Take(long length)
    {
        var (data, reused) = Space.Take(0, length, MiB);
        if (!reused)
            ((ResizableDevice)Host).SetLength(Space.End);
        return (data, reused);
    }

    // The bits of a block that has just been made: all clear, in a bitmap block that is there.
    private void PrepareBitmap(long block)
    {
        var index = _layout.IndexOfBitmap(block / _layout.ChunkRatio);
        if (index >= _layout.PresentEntryCount)
            throw new UnsupportedFeatureException($"the VHDX's block allocation table has {_layout.PresentEntryCount} entries and needs {_layout.EntryCount} before parts of blocks can be written");
        if (StateOf(Entry(index)) != VhdxBlockState.FullyPresent)
        {
            var (place, reused) = Take(MiB);
            if (reused)
                Host.WriteFresh(place, new byte[MiB]);
            SetEntry(index, VhdxBlockState.FullyPresent, place);
            return;
        }
        var (bitmap, size) = BitmapOf(block);
        Metadata.Write(bitmap, new byte[size]);
    }

    // Where a block's bits lie in the host, and how many bytes they take.
    private (long Offset, int Size) BitmapOf(long block)
    {
        var index = _layout.IndexOfBitmap(block / _layout.ChunkRatio);
        var entry = index < _layout.PresentEntryCount ? Entry(index) : 0;
        if (StateOf(entry) != VhdxBlockState.FullyPresent)
        {
            throw new DiskFormatException("VHDX-0018", $"BlockAllocationTable[{index}]", _layout.Bat.Offset + 8 * index,
                $"found the state {(int)StateOf(entry)}, expected 6: there are partially present blocks without a sector bitmap");
        }
        var place = PlaceOf(entry);
        if (place < MiB || place > Host.Length - MiB)
            throw Misplaced(place);
        var size = (int)(BlockSize / SectorSize / 8);
        return (place + block % _layout.ChunkRatio * size, size);
    }

    private void SetEntry(long index, VhdxBlockState state, long place)
    {
        U64Le entry = (ulong)place | (ulong)state;
        Metadata.Write(_layout.Bat.Offset + index * 8, entry);
    }
}
