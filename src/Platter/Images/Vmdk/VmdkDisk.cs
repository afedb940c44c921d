using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Vmdk;

/// <summary>The disk in a sparse extent whose grains are not compressed; both sets of tables are kept in step.</summary>
internal sealed class VmdkDisk : SparseDisk
{
    private const uint NoGrain = 0, ZeroGrain = 1;

    private readonly VmdkLayout _layout;
    private readonly bool _isNew;
    private bool _stamped;      // the descriptor tells that the disk was changed since it was opened

    /// <param name="host">What holds the extent.</param>
    /// <param name="parent">The parent's disk, or null.</param>
    /// <param name="layout">Where the parts lie.</param>
    /// <param name="isNew">Whether the image is being made: then its content id stays.</param>
    internal VmdkDisk(BlockDevice host, BlockDevice? parent, VmdkLayout layout, bool isNew = false)
        : base(host, parent, layout.Length, VmdkHeader.Sector, layout.GrainSize)
    {
        _layout = layout;
        _isNew = isNew;
    }

    protected override bool GivesBack => true;
    protected override bool HasZeroState => _layout.HasZeroGrains;

    internal override BlockPlace Locate(long block)
    {
        var table = TableOf(_layout.DirectoryOffset, block);
        if (table == 0)
            return new BlockPlace(BlockKind.Absent, 0);
        var entry = Entry(table + block % _layout.EntriesPerTable * 4);
        return entry switch
        {
            NoGrain => new BlockPlace(BlockKind.Absent, 0),
            ZeroGrain when _layout.HasZeroGrains => new BlockPlace(BlockKind.Zero, 0),
            _ => new BlockPlace(BlockKind.Full, (long)entry * VmdkHeader.Sector),
        };
    }

    internal override (bool Present, int Count) SectorRun(long block, BlockPlace place, int sector, int limit) => (true, limit);

    /// <summary>Where the table of a directory's entry lies; 0 for none.</summary>
    /// <exception cref="DiskFormatException">Not within the file.</exception>
    internal long TableAt(long directory, int number)
    {
        var offset = (long)Entry(directory + number * 4L) * VmdkHeader.Sector;
        if (offset != 0 && offset > Host.Length - _layout.TableSize)
            throw new DiskFormatException("VMDK-0007", $"GrainDirectory[{number}]", directory + number * 4L, $"found a table at 0x{offset:X}, expected all of its {_layout.TableSize} bytes within the file of {Host.Length}");
        return offset;
    }

    internal void ReadTable(long offset, Span<byte> table) => Metadata.Read(offset, table);

    // A table that isn't there stands for many grains that aren't.
    protected override long NextKnown(long block)
    {
        while (block < BlockCount && TableOf(_layout.DirectoryOffset, block) == 0)
            block = (block / _layout.EntriesPerTable + 1) * _layout.EntriesPerTable;
        return block;
    }

    protected override BlockSpace FindSpace() => VmdkSpace.Find(this, _layout, Host.Length);

    protected override (BlockPlace Place, bool Reused) Allocate(long block, bool full)
    {
        EnsureTables((int)(block / _layout.EntriesPerTable));
        var (data, reused) = Take(BlockSize, BlockSize);
        if (!full)
        {
            // A grain is there as a whole or not at all: what isn't written now is the parent's.
            var content = new byte[BlockSize];
            PageOverlay.ReadBelow(Parent!, block * BlockSize, content);
            Host.WriteFresh(data, content);
        }
        Enter(block, (uint)(data / VmdkHeader.Sector));
        return (new BlockPlace(BlockKind.Full, data), reused);
    }

    protected override void Release(long block, BlockPlace place, BlockKind kind)
    {
        Enter(block, kind == BlockKind.Zero ? ZeroGrain : NoGrain);
        if (place.Kind != BlockKind.Full)
            return;
        Space.Release(place.Data, BlockSize);
        Host.Discard(place.Data, Math.Min(BlockSize, Host.Length - place.Data));
    }

    protected override void MarkPresent(long block, BlockPlace place, int sector, int count)
    {
        // All sectors of a grain are present.
    }

    protected override void PrepareCommit()
    {
        if (_stamped || _isNew || _layout.DescriptorOffset == 0)
            return;
        _stamped = true;
        VmdkDescriptor.Stamp(Host, _layout.DescriptorOffset, _layout.DescriptorSize);
    }

    protected override void Forget() => _stamped = false;

    protected override DiskFormatException Misplaced(long data) => new("VMDK-0008", "GrainTable", data,
        $"found a grain's data here, expected all of it within the file of {Host.Length} bytes");

    private long TableOf(long directory, long block) => TableAt(directory, (int)(block / _layout.EntriesPerTable));

    private uint Entry(long offset)
    {
        U32Le entry = default;
        Metadata.Read(offset, entry);
        return entry;
    }

    private void SetEntry(long offset, uint value)
    {
        U32Le entry = value;
        Metadata.Write(offset, entry);
    }

    private void Enter(long block, uint entry)
    {
        var within = block % _layout.EntriesPerTable * 4;
        EnsureTables((int)(block / _layout.EntriesPerTable));
        SetEntry(TableOf(_layout.DirectoryOffset, block) + within, entry);
        if (_layout.RedundantOffset >= 0)
            SetEntry(TableOf(_layout.RedundantOffset, block) + within, entry);
    }

    // Most programs make all tables at once; some only those that are needed.
    private void EnsureTables(int number)
    {
        Ensure(_layout.DirectoryOffset);
        if (_layout.RedundantOffset >= 0)
            Ensure(_layout.RedundantOffset);

        void Ensure(long directory)
        {
            if (TableAt(directory, number) != 0)
                return;
            var (table, _) = Take(_layout.TableSize, VmdkHeader.Sector);
            Metadata.Write(table, new byte[_layout.TableSize]);
            SetEntry(directory + number * 4L, (uint)(table / VmdkHeader.Sector));
        }
    }

    private (long Offset, bool Reused) Take(long length, long alignment)
    {
        var (data, reused) = Space.Take(0, length, alignment);
        if (data / VmdkHeader.Sector > uint.MaxValue)
            throw new UnsupportedFeatureException("the image can't grow any more: a VMDK finds its grains in the first 2 TiB of the file");
        if (!reused)
            ((ResizableDevice)Host).SetLength(Space.End);
        return (data, reused);
    }
}
