using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.Images;

/// <summary>Maps what is used of a dynamic VHD's file: where new blocks may go, and whether anything lies over anything else.</summary>
internal static class VhdSpace
{
    // Four million blocks; with those of 2 MiB, which everybody makes, a VHD has at most a quarter of that.
    private const long LargestTable = 16 << 20;

    /// <exception cref="DiskFormatException">Blocks overlap each other or the tables, or lie outside of the file.</exception>
    /// <exception cref="UnsupportedFeatureException">The blocks are so small that their table is out of all proportion.</exception>
    internal static BlockSpace Find(VhdDisk disk, VhdLayout layout, long end, long hostLength)
    {
        if (layout.TableSize > LargestTable)
            throw new UnsupportedFeatureException($"the VHD has {layout.BlockCount} blocks of {layout.BlockSize} bytes each, too many to be edited");
        if (!layout.HeaderIsWhole)
            throw new DiskFormatException("VHD-0013", "VhdDynamicHeader.checksum", layout.HeaderOffset + 0x24, "found a checksum that doesn't fit: the header is damaged, and the image can be read but not edited");
        var used = new RangeSet();
        used.Add(0, VhdFooter.Size);
        AddStructure(used, layout.HeaderOffset, VhdDynamicHeader.Size);
        AddStructure(used, layout.TableOffset, (layout.TableSize + VhdDisk.Sector - 1) / VhdDisk.Sector * VhdDisk.Sector);
        foreach (var range in layout.ParentPaths)
            used.Add(range.Offset, range.Length);
        foreach (var (start, block) in Blocks(disk, layout))
        {
            var length = layout.SizeOf(block, end - start);
            if (length > end - start)
                throw new DiskFormatException("VHD-0021", $"BlockAllocationTable[{block}]", start, $"found a block of {length} bytes here, expected it to end before {end}, where the footer stands");
            AddStructure(used, start, length);
        }
        var space = new BlockSpace(end, hostLength);
        for (var gap = used.NextGap(0, end, layout.BitmapSize + layout.BlockSize); gap is { } free; gap = used.NextGap(free.End, end, layout.BitmapSize + layout.BlockSize))
        {
            var start = (free.Start + VhdDisk.Sector - 1) / VhdDisk.Sector * VhdDisk.Sector;
            space.AddFree(start, Math.Max(0, free.End - start));
        }
        return space;
    }

    /// <summary>The blocks that are there, by their place in the file.</summary>
    internal static (long Start, long Block)[] Blocks(VhdDisk disk, VhdLayout layout)
    {
        const int AtOnce = 1 << 14;
        var starts = new List<long>();
        var numbers = new List<long>();
        var entries = new byte[AtOnce * 4];
        for (var first = 0L; first < layout.BlockCount; first += AtOnce)
        {
            var count = (int)Math.Min(AtOnce, layout.BlockCount - first);
            disk.ReadEntries(first, entries.AsSpan(0, count * 4));
            for (var i = 0; i < count; i++)
            {
                var entry = BinaryPrimitives.ReadUInt32BigEndian(entries.AsSpan(i * 4));
                if (entry == VhdDisk.NoBlock)
                    continue;
                starts.Add((long)entry * VhdDisk.Sector);
                numbers.Add(first + i);
            }
        }
        var byPlace = starts.ToArray();
        var blocks = numbers.ToArray();
        Array.Sort(byPlace, blocks);
        var found = new (long, long)[blocks.Length];
        for (var i = 0; i < found.Length; i++)
            found[i] = (byPlace[i], blocks[i]);
        return found;
    }

    private static void AddStructure(RangeSet used, long offset, long length)
    {
        if (used.Overlaps(offset, length))
            throw new DiskFormatException("VHD-0022", "BlockAllocationTable", offset, $"found a second use of some of the {length} bytes here, expected every byte of the file to have one");
        used.Add(offset, length);
    }
}
