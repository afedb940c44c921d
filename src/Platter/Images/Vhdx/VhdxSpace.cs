using System.Buffers.Binary;
using Platter.Primitives;
using static Platter.Images.Vhdx.VhdxFormatConstants;

namespace Platter.Images.Vhdx;

/// <summary>Maps what is used of a VHDX file, in MiB.</summary>
internal static class VhdxSpace
{
    // A bit a MiB: 16 MiB of memory.
    private const long LargestFile = 128L << 40;

    /// <summary>A block of the file, as the table has it.</summary>
    /// <param name="Index">Of the table's entry.</param>
    /// <param name="Place">Bytes from the start of the file.</param>
    /// <param name="Length">Bytes, whole MiB.</param>
    /// <param name="Content">Bytes that have to be within the file.</param>
    /// <param name="IsStored">Whether the disk's content lies there; else it may, but nobody counts on it.</param>
    internal readonly record struct Block(long Index, long Place, long Length, long Content, bool IsStored);

    /// <exception cref="DiskFormatException">Blocks overlap each other or the regions, or lie outside of the file.</exception>
    internal static BlockSpace Find(VhdxDisk disk, long hostLength)
    {
        if (hostLength > LargestFile)
            throw new UnsupportedFeatureException($"the file has {hostLength} bytes, more than the {LargestFile} that a VHDX can be edited with");
        var used = StructureMap(disk, hostLength);
        foreach (var block in Blocks(disk))
        {
            var isWithin = block.Place >= MiB && block.Content <= hostLength - block.Place;
            if (!block.IsStored)
            {
                if (isWithin)
                    used.Fill(block.Place / MiB, block.Length / MiB, true);
                continue;
            }
            if (!isWithin)
                throw new DiskFormatException("VHDX-0019", $"BlockAllocationTable[{block.Index}]", disk.Layout.Bat.Offset + 8 * block.Index, $"found a block of {block.Content} bytes at {block.Place}, expected it within the file's {hostLength} bytes");
            if (used.NextSet(block.Place / MiB, (block.Place + block.Length) / MiB) >= 0)
                throw new DiskFormatException("VHDX-0020", $"BlockAllocationTable[{block.Index}]", disk.Layout.Bat.Offset + 8 * block.Index, $"found a block of {block.Length} bytes at {block.Place}, where something else lies, too");
            used.Fill(block.Place / MiB, block.Length / MiB, true);
        }
        var space = new BlockSpace((hostLength + MiB - 1) / MiB * MiB, hostLength);
        var smallest = disk.Layout.Metadata.HasParent ? 1 : disk.BlockSize / MiB;
        foreach (var gap in used.Runs(set: false, 0, hostLength / MiB))
        {
            if (gap.Length >= smallest)
                space.AddFree(gap.Start * MiB, gap.Length * MiB);
        }
        return space;
    }

    /// <summary>The MiB of the file that header section, log and regions take.</summary>
    internal static Bitmap StructureMap(VhdxDisk disk, long hostLength)
    {
        var count = (hostLength + MiB - 1) / MiB;
        var used = new Bitmap(count);
        used.Fill(0, Math.Min(1, count), true);
        foreach (var range in disk.Structures)
        {
            var first = Math.Min(range.Offset / MiB, count);
            used.Fill(first, Math.Min((range.End + MiB - 1) / MiB, count) - first, true);
        }
        return used;
    }

    /// <summary>Everything that the table gives a place in the file; also blocks whose content is undefined, which may keep theirs.</summary>
    internal static IEnumerable<Block> Blocks(VhdxDisk disk)
    {
        const int AtOnce = 1 << 13;
        var entries = new byte[AtOnce * 8];
        foreach (var (first, count) in disk.KnownEntries())
        {
            for (var done = 0L; done < count; done += AtOnce)
            {
                var some = (int)Math.Min(AtOnce, count - done);
                disk.ReadEntries(first + done, entries.AsSpan(0, some * 8));
                for (var i = 0; i < some; i++)
                {
                    var entry = BinaryPrimitives.ReadUInt64LittleEndian(entries.AsSpan(i * 8));
                    if (entry == 0)
                        continue;
                    var index = first + done + i;
                    if (ContentOf(disk.Layout, index, entry) is > 0 and var content)
                        yield return new Block(index, VhdxDisk.PlaceOf(entry), (content + MiB - 1) / MiB * MiB, content, VhdxDisk.StateOf(entry) >= VhdxBlockState.FullyPresent);
                }
            }
        }
    }

    private static long ContentOf(VhdxLayout layout, long index, ulong entry)
    {
        var state = VhdxDisk.StateOf(entry);
        if (layout.IsBitmap(index))
            return state == VhdxBlockState.FullyPresent ? MiB : 0;
        if (layout.BlockOf(index) >= layout.BlockCount)
            return 0;
        return state switch
        {
            VhdxBlockState.FullyPresent or VhdxBlockState.PartiallyPresent => layout.ContentOf(layout.BlockOf(index)),
            VhdxBlockState.Undefined or VhdxBlockState.Unmapped when VhdxDisk.PlaceOf(entry) != 0 => layout.ContentOf(layout.BlockOf(index)),
            _ => 0,
        };
    }
}
