using Platter.FileSystems.Ext;

namespace Platter.Fuzz.Mutation;

/// <summary>Breaks an ext volume where its fields are, and mostly makes the checksums right again, which would stop every reader at once.</summary>
internal static class ExtMutator
{
    // Offset and width; Linux kernel, Documentation/filesystems/ext4.
    private static readonly (int Offset, int Width)[] SuperFields =
    [
        (0x00, 4), (0x04, 4), (0x0C, 4), (0x10, 4), (0x14, 4), (0x18, 4), (0x1C, 4), (0x20, 4), (0x24, 4), (0x28, 4), (0x3A, 2), (0x4C, 4), (0x54, 4), (0x58, 2),
        (0x5C, 4), (0x60, 4), (0x64, 4), (0xCE, 2), (0xE0, 4), (0xE4, 4), (0xE8, 4), (0xFC, 1), (0xFD, 1), (0xFE, 2), (0x104, 4), (0x10C, 4), (0x150, 4), (0x15C, 2),
        (0x160, 4), (0x168, 8), (0x174, 1), (0x240, 4), (0x24C, 4), (0x250, 4), (0x26C, 4), (0x270, 4), (0x27C, 2), (0x280, 4),
    ];

    private static readonly (int Offset, int Width)[] InodeFields =
    [
        (0x00, 2), (0x04, 4), (0x08, 4), (0x14, 4), (0x1A, 2), (0x1C, 4), (0x20, 4), (0x28, 4), (0x2C, 4), (0x30, 4), (0x34, 4), (0x38, 4), (0x3C, 4), (0x58, 4), (0x5C, 4),
        (0x60, 4), (0x64, 4), (0x68, 4), (0x6C, 4), (0x74, 2), (0x76, 2), (0x80, 2), (0x84, 4), (0xA0, 4), (0xA4, 1), (0xA5, 1), (0xA6, 2), (0xA8, 4), (0xAC, 4),
    ];

    private static readonly uint[] InodeFlags = [0x80000, 0x10000000, 0x1000, 0x40000000, 0x800, 0x200000, 0x40000, 0x100000, 0x10];

    public static void Mutate(OverlayDevice volume, ExtMap map, Dice dice)
    {
        if (dice.OneIn(20))
            return;
        for (var left = dice.Between(1, 4); left > 0; left--)
            One(volume, map, dice);
    }

    private static void One(OverlayDevice volume, ExtMap map, Dice dice)
    {
        switch (dice.Next(24))
        {
            case 0 or 1 or 2:
                var (offset, width) = dice.Pick(SuperFields);
                Odd(volume, 1024 + offset, width, dice);
                Right(dice, () => volume.Put(1024 + 0x3FC, 4, ExtChecksums.OfSuper(Bytes(volume, 1024, 1024))));
                break;
            case 3 or 4 when map.Descriptors.Count > 0:
                Descriptor(volume, map, dice);
                break;
            case 5 or 6 or 7 or 8 or 9 when map.Inodes.Count > 0:
                Inode(volume, map, dice);
                break;
            case 23:
                if (dice.OneIn(4))
                    volume.Cut(dice.Next((int)Math.Min(volume.Length, int.MaxValue)) & ~511);
                else
                    volume.Put(dice.NextLong(volume.Length), 1, (ulong)dice.Next(256));
                break;
            default:
                if (map.Blocks.Count > 0)
                    Block(volume, map, dice);
                break;
        }
    }

    private static void Descriptor(OverlayDevice volume, ExtMap map, Dice dice)
    {
        var (at, group) = dice.Pick(map.Descriptors);
        var (offset, width) = dice.Pick<(int, int)>([(0, 4), (4, 4), (8, 4), (0x0C, 2), (0x0E, 2), (0x10, 2), (0x12, 2), (0x1C, 2), (0x20, 4), (0x28, 4), (0x32, 2)]);
        if (width == 4 && offset < 12 && dice.OneIn(2))
            volume.Put(at + offset, 4, (ulong)dice.Pick(map.Blocks).Block);
        else
            Odd(volume, at + offset, width, dice);
        Right(dice, () => Checksums(volume, c => volume.Put(at + 0x1E, 2, c.OfDescriptor(group, Bytes(volume, at, map.DescriptorSize)))));
    }

    private static void Inode(OverlayDevice volume, ExtMap map, Dice dice)
    {
        var (at, number) = dice.Pick(map.Inodes);
        switch (dice.Next(6))
        {
            case 0:
                volume.Put(at + 0x20, 4, volume.Get(at + 0x20, 4) ^ dice.Pick(InodeFlags));
                break;
            case 1:
                volume.Put(at + 0x28 + 4 * dice.Next(15), 4, (ulong)dice.Pick(map.Blocks).Block);
                break;
            case 2:
                // Another inode's content.
                var other = Bytes(volume, dice.Pick(map.Inodes).Offset + 0x28, 60);
                if (other.Length == 60 && at + 0x28 + 60 <= volume.Length)
                    volume.Write(at + 0x28, other);
                break;
            default:
                var (offset, width) = dice.Pick(InodeFields);
                if (offset + width <= map.InodeSize)
                    Odd(volume, at + offset, width, dice);
                break;
        }
        RightInode(volume, map, at, number, dice);
    }

    private static void RightInode(OverlayDevice volume, ExtMap map, long at, uint number, Dice dice) => Right(dice, () => Checksums(volume, c =>
    {
        var bytes = Bytes(volume, at, map.InodeSize);
        if (bytes.Length != map.InodeSize)
            return;
        c.IsInodeRight(number, bytes, out _, out var expected);
        volume.Put(at + 0x7C, 2, expected & 0xFFFF);
        if (map.InodeSize > 128)
            volume.Put(at + 0x82, 2, expected >> 16);
    }));

    private static void Block(OverlayDevice volume, ExtMap map, Dice dice)
    {
        var (kind, block, inode) = dice.Pick(map.Blocks);
        if (dice.OneIn(4) && map.Structures.Count > 0)
            (kind, block, inode) = dice.Pick(map.Structures);
        var at = block * map.BlockSize;
        switch (kind)
        {
            case ExtBlockKind.Directory:
                Entry(volume, at, at + map.BlockSize, map, dice);
                break;
            case ExtBlockKind.HashRoot:
                Odd(volume, at + dice.Pick([0x18, 0x1C, 0x1D, 0x1E, 0x20, 0x22, 0x24, 0x28, 0x2C, 0x30, 0x34]), dice.Pick([1, 2, 4]), dice);
                break;
            case ExtBlockKind.HashNode:
                Odd(volume, at + dice.Pick([0, 4, 8, 10, 12, 16, 20]), dice.Pick([2, 4]), dice);
                break;
            case ExtBlockKind.ExtentNode:
                Odd(volume, at + dice.Pick([0, 2, 4, 6, 12, 16, 18, 20, 24 + 12 * dice.Next(20), 28 + 12 * dice.Next(20), 32 + 12 * dice.Next(20)]), dice.Pick([2, 4]), dice);
                break;
            case ExtBlockKind.Indirect:
                volume.Put(at + 4 * dice.Next(map.BlockSize / 4), 4, dice.OneIn(2) ? (ulong)dice.Pick(map.Blocks).Block : dice.Odd(0, 4));
                break;
            case ExtBlockKind.Attributes:
                Odd(volume, at + dice.Pick([0, 4, 8, 12, 32, 33, 34, 36, 40, 44, 48 + dice.Next(64)]), dice.Pick([1, 2, 4]), dice);
                break;
            case ExtBlockKind.Journal:
                var field = dice.Pick([0, 4, 8, 12, 0x10, 0x14, 0x18, 0x1C, 0x24, 0x28, 0x50, 0x54, 12 + 4 * dice.Next(40)]);
                // Big-endian, as all of the journal.
                volume.Put(at + field, 4, System.Buffers.Binary.BinaryPrimitives.ReverseEndianness((uint)dice.Odd(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness((uint)volume.Get(at + field, 4)), 4)));
                Right(dice, () => volume.Put(at + 0xFC, 4, System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(Jbd.Checksum(Bytes(volume, at, 1024)))));
                return;
            default:
                Odd(volume, at + dice.Next(64), 1, dice);
                return;
        }
        Right(dice, () => RightBlock(volume, map, kind, block, inode));
    }

    private static void Entry(OverlayDevice volume, long start, long end, ExtMap map, Dice dice)
    {
        // Some entry of the block, by walking as far as the chain is sound.
        var at = start;
        for (var steps = dice.Next(40); steps > 0; steps--)
        {
            var next = at + (long)volume.Get(at + 4, 2);
            if (next <= at || next >= end - 12)
                break;
            at = next;
        }
        switch (dice.Next(6))
        {
            case 0: volume.Put(at, 4, dice.OneIn(2) ? dice.Pick(map.Inodes).Number : dice.Odd(volume.Get(at, 4), 4)); break;
            case 1: Odd(volume, at + 4, 2, dice); break;
            case 2: Odd(volume, at + 6, 1, dice); break;
            case 3: Odd(volume, at + 7, 1, dice); break;
            default: volume.Put(at + 8 + dice.Next(8), 1, dice.Pick<ulong>([0, (ulong)'/', (ulong)'.', 0xFF, 0x80, (ulong)'a'])); break;
        }
    }

    private static void RightBlock(OverlayDevice volume, ExtMap map, ExtBlockKind kind, long block, uint inode) => Checksums(volume, c =>
    {
        var at = block * map.BlockSize;
        var bytes = Bytes(volume, at, map.BlockSize);
        if (bytes.Length != map.BlockSize)
            return;
        var seed = c.InodeSeed(inode, (uint)volume.Get(map.Inodes.First(i => i.Number == inode).Offset + 0x64, 4));
        switch (kind)
        {
            case ExtBlockKind.Directory:
                volume.Put(at + map.BlockSize - 4, 4, ExtChecksums.OfDirectoryBlock(seed, bytes));
                break;
            case ExtBlockKind.HashRoot or ExtBlockKind.HashNode:
                var entries = kind == ExtBlockKind.HashRoot ? 32 : 8;
                int limit = bytes[entries] | bytes[entries + 1] << 8, count = bytes[entries + 2] | bytes[entries + 3] << 8;
                if (entries + limit * 8 + 8 <= bytes.Length && count <= limit)
                    volume.Put(at + entries + limit * 8 + 4, 4, ExtChecksums.OfHashBlock(seed, bytes, entries, count, limit));
                break;
            case ExtBlockKind.ExtentNode:
                var tail = 12 + (bytes[4] | bytes[5] << 8) * 12;
                if (tail + 4 <= bytes.Length)
                    volume.Put(at + tail, 4, ExtChecksums.OfExtentBlock(seed, bytes, tail));
                break;
            case ExtBlockKind.Attributes:
                volume.Put(at + 0x10, 4, c.OfAttributeBlock(block, bytes));
                break;
            default:
                break;
        }
    });

    private static void Right(Dice dice, Action fix)
    {
        if (!dice.OneIn(6))
            fix();
    }

    private static void Checksums(OverlayDevice volume, Action<ExtChecksums> use)
    {
        try
        {
            var checksums = new ExtChecksums(ExtGeometry.Read(volume));
            if (checksums.IsOnForDescriptors)
                use(checksums);
        }
        catch (DiskFormatException)
        {
            // The superblock is broken already: nothing can be made right.
        }
        catch (UnsupportedFeatureException)
        {
            // As above.
        }
    }

    private static void Odd(OverlayDevice volume, long offset, int width, Dice dice) => volume.Put(offset, width, dice.Odd(volume.Get(offset, width), width));

    /// <summary>Bytes of the volume; zeros where a cut took them.</summary>
    private static byte[] Bytes(OverlayDevice volume, long offset, int count)
    {
        var bytes = new byte[count];
        if (offset >= 0 && offset < volume.Length)
            volume.Read(offset, bytes.AsSpan(0, (int)Math.Min(count, volume.Length - offset)));
        return bytes;
    }
}
