namespace Platter.Fuzz.Mutation;

/// <summary>What a block holds.</summary>
internal enum ExtBlockKind
{
    Directory,
    HashRoot,
    HashNode,
    ExtentNode,
    Indirect,
    Attributes,
    Journal,
    Bitmap,
}

/// <summary>Where the fields of a sound ext volume lie: found by a reading of its own, so that a mistake of the library's isn't repeated here.</summary>
internal sealed class ExtMap
{
    private readonly OverlayDevice _volume;

    public ExtMap(OverlayDevice volume)
    {
        _volume = volume;
        BlockSize = 1024 << (int)(volume.Get(0x418, 4) & 7);
        var isNew = volume.Get(0x44C, 4) != 0;
        var inodeSize = isNew ? (int)volume.Get(0x458, 2) : 128;
        InodeSize = Math.Max(inodeSize, 128);
        var is64 = isNew && (volume.Get(0x460, 4) & 0x80) != 0;
        DescriptorSize = is64 ? (int)volume.Get(0x4FE, 2) : 32;
        var perGroup = Math.Max(1, (int)volume.Get(0x428, 4));
        var first = (long)volume.Get(0x414, 4);
        var blocks = (long)volume.Get(0x404, 4);
        GroupCount = (int)Math.Clamp((blocks - first + (long)volume.Get(0x420, 4) - 1) / Math.Max(1, (long)volume.Get(0x420, 4)), 0, 64);
        JournalInode = (uint)volume.Get(0x4E0, 4);
        DescriptorOffset = BlockSize == 1024 ? 2048 : BlockSize;
        if (DescriptorSize < 32)
            return;
        for (var group = 0; group < GroupCount; group++)
        {
            var descriptor = DescriptorOffset + group * DescriptorSize;
            Descriptors.Add((descriptor, group));
            Blocks.Add((ExtBlockKind.Bitmap, (long)volume.Get(descriptor, 4), 0));
            Blocks.Add((ExtBlockKind.Bitmap, (long)volume.Get(descriptor + 4, 4), 0));
            var table = (long)volume.Get(descriptor + 8, 4) * BlockSize;
            for (var i = 0; i < perGroup && Inodes.Count < 5000; i++)
            {
                var at = table + (long)i * InodeSize;
                if (volume.Get(at, 2) == 0 || volume.Get(at + 0x1A, 2) == 0)
                    continue;
                var number = (uint)(group * perGroup + i + 1);
                Inodes.Add((at, number));
                Collect(at, number);
            }
        }
        Structures.AddRange(Blocks.Where(b => b.Kind is not (ExtBlockKind.Bitmap or ExtBlockKind.Journal)));
    }

    public int BlockSize { get; }
    public int InodeSize { get; }
    public int DescriptorSize { get; }
    public long DescriptorOffset { get; }
    public int GroupCount { get; }
    public uint JournalInode { get; }
    public List<(long Offset, int Group)> Descriptors { get; } = [];
    public List<(long Offset, uint Number)> Inodes { get; } = [];
    public List<(ExtBlockKind Kind, long Block, uint Inode)> Blocks { get; } = [];

    /// <summary>The blocks of directories, trees and attributes alone, of which there are fewer.</summary>
    public List<(ExtBlockKind Kind, long Block, uint Inode)> Structures { get; } = [];

    private void Collect(long at, uint number)
    {
        var kind = (int)_volume.Get(at, 2) >> 12;
        var flags = (uint)_volume.Get(at + 0x20, 4);
        if (_volume.Get(at + 0x68, 4) is not 0 and var attributes)
            Blocks.Add((ExtBlockKind.Attributes, (long)attributes, number));
        if (kind is not (4 or 8) || (flags & 0x10000000) != 0)
            return;
        var data = new List<long>();
        if ((flags & 0x80000) != 0)
            Extents(at + 0x28, number, data, 0);
        else
            Indirect(at, number, data);
        if (kind == 4)
            Directory(data, number, (flags & 0x1000) != 0);
        else if (number == JournalInode)
            data.Take(64).ToList().ForEach(b => Blocks.Add((ExtBlockKind.Journal, b, number)));
    }

    private void Extents(long node, uint number, List<long> data, int level)
    {
        int count = (int)_volume.Get(node + 2, 2), depth = (int)_volume.Get(node + 6, 2);
        for (var i = 0; i < Math.Min(count, 400) && level < 6; i++)
        {
            var entry = node + 12 + i * 12;
            if (depth > 0)
            {
                var block = (long)_volume.Get(entry + 4, 4);
                Blocks.Add((ExtBlockKind.ExtentNode, block, number));
                Extents(block * BlockSize, number, data, level + 1);
                continue;
            }
            for (var k = 0; k < Math.Min((int)_volume.Get(entry + 4, 2) & 0x7FFF, 2000); k++)
                data.Add((long)_volume.Get(entry + 8, 4) + k);
        }
    }

    private void Indirect(long at, uint number, List<long> data)
    {
        for (var i = 0; i < 12; i++)
            data.Add((long)_volume.Get(at + 0x28 + i * 4, 4));
        for (var i = 12; i < 15; i++)
        {
            if (_volume.Get(at + 0x28 + i * 4, 4) is var block and not 0)
            {
                Blocks.Add((ExtBlockKind.Indirect, (long)block, number));
                for (var k = 0; i == 12 && k < BlockSize / 4; k++)
                    data.Add((long)_volume.Get((long)block * BlockSize + k * 4, 4));
            }
        }
        data.RemoveAll(b => b == 0);
    }

    private void Directory(List<long> data, uint number, bool isIndexed)
    {
        for (var i = 0; i < data.Count; i++)
        {
            var head = data[i] * BlockSize;
            var isNode = isIndexed && i > 0 && _volume.Get(head, 4) == 0 && (int)_volume.Get(head + 4, 2) == BlockSize;
            Blocks.Add((isIndexed && i == 0 ? ExtBlockKind.HashRoot : isNode ? ExtBlockKind.HashNode : ExtBlockKind.Directory, data[i], number));
        }
    }
}
