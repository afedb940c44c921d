using System.Buffers.Binary;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Vdi;

/// <summary>The disk in a VDI.</summary>
/// <remarks>VirtualBox and qemu place a new block behind as many as the header counts, so blocks are never given back: there must be no
/// gap below the count. What is zeroed becomes a hole of the host's file instead.</remarks>
internal sealed class VdiDisk : SparseDisk
{
    internal const uint NoBlock = 0xFFFFFFFF, ZeroBlock = 0xFFFFFFFE;

    private readonly VdiLayout _layout;
    private readonly bool _isNew;
    private long _count;        // blocks in the file
    private bool _stamped;      // the header tells that the disk was changed since it was opened

    internal VdiDisk(BlockDevice host, VdiLayout layout, bool isNew = false) : base(host, null, layout.Length, 512, layout.BlockSize)
    {
        _layout = layout;
        _isNew = isNew;
    }

    protected override bool GivesBack => false;
    protected override bool HasZeroState => true;

    internal override BlockPlace Locate(long block)
    {
        U32Le entry = default;
        Metadata.Read(_layout.MapOffset + block * 4, entry);
        return (uint)entry switch
        {
            NoBlock => new BlockPlace(BlockKind.Absent, 0),
            ZeroBlock => new BlockPlace(BlockKind.Zero, 0),
            var number => new BlockPlace(BlockKind.Full, _layout.DataOffset + number * _layout.Stride + _layout.BlockExtra),
        };
    }

    internal override (bool Present, int Count) SectorRun(long block, BlockPlace place, int sector, int limit) => (true, limit);

    /// <summary>The numbers of the file's blocks, by the disk's; <see cref="NoBlock"/> and <see cref="ZeroBlock"/> among them.</summary>
    internal IEnumerable<(long Block, uint Number)> Entries()
    {
        const int AtOnce = 16 << 10;
        var bytes = new byte[AtOnce * 4];
        for (var first = 0L; first < _layout.BlockCount; first += AtOnce)
        {
            var count = (int)Math.Min(AtOnce, _layout.BlockCount - first);
            Metadata.Read(_layout.MapOffset + first * 4, bytes.AsSpan(0, count * 4));
            for (var i = 0; i < count; i++)
                yield return (first + i, BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(i * 4)));
        }
    }

    protected override BlockSpace FindSpace()
    {
        // The map is written by whole sectors.
        if (_layout.DataOffset / SectorSize * SectorSize < _layout.MapOffset + _layout.BlockCount * 4)
            throw new DiskFormatException("VDI-0005", "VdiHeader.offData", 0x158, $"found {_layout.DataOffset}, in the sector that the map ends in, expected one behind it: the image can be read but not edited");
        var used = new RangeSet();
        _count = _layout.Header.AllocatedBlocks;
        foreach (var (block, number) in Entries())
        {
            if (number >= ZeroBlock)
                continue;
            if (_layout.DataOffset + number * _layout.Stride > Host.Length - 1)
                throw Misplaced(_layout.DataOffset + number * _layout.Stride);
            if (used.Contains(number))
                throw new DiskFormatException("VDI-0007", $"BlockMap[{block}]", _layout.MapOffset + block * 4, $"found block {number} of the file, which another entry has too");
            used.Add(number, 1);
            _count = Math.Max(_count, number + 1);
        }
        // Counted or not, what lies in the file may be somebody's: new blocks go behind all of it that is a block.
        if (_count > _layout.BlockCount)
            throw new DiskFormatException("VDI-0008", "VdiHeader.blocksAllocated", 0x184, $"found {_count} blocks in the file, expected at most the {_layout.BlockCount} of the disk");
        return new BlockSpace(_layout.DataOffset + _count * _layout.Stride, Host.Length);
    }

    protected override (BlockPlace Place, bool Reused) Allocate(long block, bool full)
    {
        var (data, _) = Space.Take(_layout.BlockExtra, BlockSize, 1);
        // A file that goes on behind its last block may hold anything there.
        var mayHoldAnything = data < Host.Length;
        if (Space.End > Host.Length)
            ((ResizableDevice)Host).SetLength(Space.End);
        U32Le entry = (uint)_count++;
        Metadata.Write(_layout.MapOffset + block * 4, entry);
        U32Le count = (uint)_count;
        Metadata.Write(0x184, count);
        return (new BlockPlace(BlockKind.Full, data), mayHoldAnything);
    }

    protected override void Release(long block, BlockPlace place, BlockKind kind) => throw new InvalidOperationException("blocks are never given back");

    protected override void MarkPresent(long block, BlockPlace place, int sector, int count) => throw new InvalidOperationException("blocks are whole");

    protected override void PrepareCommit()
    {
        if (_stamped || _isNew)
            return;
        _stamped = true;
        Metadata.Write(0x198, Guid.NewGuid().ToByteArray());
    }

    protected override void Forget() => _stamped = false;

    protected override DiskFormatException Misplaced(long data) => new("VDI-0006", "BlockMap", data,
        $"found a block's data here, expected all of it within the file of {Host.Length} bytes");
}
