using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>A quota file that is being made: a tree from ids to entries, in memory.</summary>
internal sealed class ExtQuotaTree
{
    private const uint OneWeek = 7 * 24 * 60 * 60;

    private readonly List<byte[]> _blocks = [new byte[ExtQuotaHeader.BlockSize], new byte[ExtQuotaHeader.BlockSize]];
    private readonly List<int> _order = [0];

    public ExtQuotaTree(ExtQuotaType type)
    {
        ref var header = ref OnDisk.Edit<ExtQuotaHeader>(_blocks[0]);
        header.Magic = ExtQuotaHeader.MagicOf(type);
        header.Version = 1;
        header.BlockGrace = header.InodeGrace = OneWeek;
        header.BlockCount = (uint)_blocks.Count;
    }

    /// <summary>The file, in blocks of 1 KiB.</summary>
    public IReadOnlyList<byte[]> Blocks => _blocks;

    /// <summary>The numbers of the blocks in the order in which quota tools write them for the first time: it decides where they lie.</summary>
    public IReadOnlyList<int> Order => _order;

    /// <summary>Adds an id that is not there yet; ids ascend.</summary>
    public void Add(uint id, long space, long inodes)
    {
        var block = ExtQuotaHeader.RootBlock;
        for (var level = 0; level < ExtQuotaHeader.LevelCount; level++)
        {
            var slot = (int)(id >> 8 * (ExtQuotaHeader.LevelCount - 1 - level)) & 0xFF;
            uint next = References(block)[slot];
            if (next == 0)
            {
                next = (uint)(level < ExtQuotaHeader.LevelCount - 1 ? NewBlock() : EntryBlock());
                References(block)[slot] = next;
            }
            block = (int)next;
        }
        if (!_order.Contains(ExtQuotaHeader.RootBlock))
            _order.Add(ExtQuotaHeader.RootBlock);

        ref var head = ref OnDisk.Edit<ExtQuotaBlockHeader>(_blocks[block]);
        ref var entry = ref OnDisk.Edit<ExtQuotaEntry>(_blocks[block], ExtQuotaBlockHeader.Size + head.EntryCount * ExtQuotaEntry.Size);
        head.EntryCount++;
        if (head.EntryCount == ExtQuotaBlockHeader.Capacity)
            OnDisk.Edit<ExtQuotaHeader>(_blocks[0]).FreeEntry = 0;
        entry.Id = id;
        entry.Space = (ulong)space;
        entry.Inodes = (ulong)inodes;
        entry.InodeTime = id == 0 && space == 0 && inodes == 0 ? 1UL : 0;
    }

    private Span<U32Le> References(int block) => MemoryMarshal.Cast<byte, U32Le>(_blocks[block].AsSpan());

    private int EntryBlock()
    {
        if ((uint)OnDisk.View<ExtQuotaHeader>(_blocks[0]).FreeEntry is var open and not 0)
            return (int)open;
        var block = NewBlock();
        OnDisk.Edit<ExtQuotaHeader>(_blocks[0]).FreeEntry = (uint)block;
        return block;
    }

    private int NewBlock()
    {
        _blocks.Add(new byte[ExtQuotaHeader.BlockSize]);
        _order.Add(_blocks.Count - 1);
        OnDisk.Edit<ExtQuotaHeader>(_blocks[0]).BlockCount = (uint)_blocks.Count;
        return _blocks.Count - 1;
    }
}
