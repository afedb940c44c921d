using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.Images.Vmdk;

/// <summary>Maps what is used of a sparse extent's file: where new grains may go, and whether anything lies over anything else.</summary>
internal static class VmdkSpace
{
    /// <exception cref="DiskFormatException">Grains overlap each other or the tables, or lie outside of the file.</exception>
    internal static BlockSpace Find(VmdkDisk disk, VmdkLayout layout, long hostLength)
    {
        var used = Structures(disk, layout);
        var last = 0L;
        foreach (var (start, grain) in Grains(disk, layout))
        {
            if (start > hostLength - VmdkHeader.Sector)
                throw new DiskFormatException("VMDK-0008", $"GrainTable, grain {grain}", start, $"found a grain's data here, expected it within the file of {hostLength} bytes");
            // The file may end within the last grain.
            var length = Math.Min(layout.GrainSize, hostLength - start);
            if (used.Overlaps(start, length))
                throw new DiskFormatException("VMDK-0009", $"GrainTable, grain {grain}", start, "found a second use of some of the bytes here, expected every byte of the file to have one");
            used.Add(start, length);
            last = Math.Max(last, start + layout.GrainSize);
        }
        var end = Math.Max(hostLength, last);
        var space = new BlockSpace(end, hostLength);
        for (var gap = used.NextGap(layout.Overhead, hostLength, layout.GrainSize); gap is { } free; gap = used.NextGap(free.End, hostLength, layout.GrainSize))
        {
            var start = (free.Start + layout.GrainSize - 1) / layout.GrainSize * layout.GrainSize;
            space.AddFree(start, Math.Max(0, free.End - start));
        }
        return space;
    }

    /// <summary>Header, descriptor, directories and tables.</summary>
    /// <exception cref="DiskFormatException">They overlap, or lie outside of the file.</exception>
    internal static RangeSet Structures(VmdkDisk disk, VmdkLayout layout)
    {
        var used = new RangeSet();
        Add(0, VmdkHeader.Size, "VmdkHeader");
        Add(layout.DescriptorOffset, layout.DescriptorSize, "Descriptor");
        foreach (var directory in new[] { layout.DirectoryOffset, layout.RedundantOffset })
        {
            if (directory < 0)
                continue;
            Add(directory, layout.TableCount * 4L, "GrainDirectory");
            for (var i = 0; i < layout.TableCount; i++)
            {
                if (disk.TableAt(directory, i) is > 0 and var table)
                    Add(table, layout.TableSize, $"GrainDirectory[{i}]");
            }
        }
        return used;

        void Add(long offset, long length, string structure)
        {
            if (used.Overlaps(offset, length))
                throw new DiskFormatException("VMDK-0009", structure, offset, $"found a second use of some of the {length} bytes here, expected every byte of the file to have one");
            used.Add(offset, length);
        }
    }

    /// <summary>The grains that are there, by their place in the file.</summary>
    internal static (long Start, long Grain)[] Grains(VmdkDisk disk, VmdkLayout layout)
    {
        var starts = new List<long>();
        var numbers = new List<long>();
        var entries = new byte[layout.TableSize];
        for (var table = 0; table < layout.TableCount; table++)
        {
            if (disk.TableAt(layout.DirectoryOffset, table) is not (> 0 and var offset))
                continue;
            disk.ReadTable(offset, entries);
            for (var i = 0; i < layout.EntriesPerTable; i++)
            {
                var entry = BinaryPrimitives.ReadUInt32LittleEndian(entries.AsSpan(i * 4));
                var grain = (long)table * layout.EntriesPerTable + i;
                if (entry == 0 || (entry == 1 && layout.HasZeroGrains) || grain >= layout.GrainCount)
                    continue;
                starts.Add((long)entry * VmdkHeader.Sector);
                numbers.Add(grain);
            }
        }
        var byPlace = starts.ToArray();
        var grains = numbers.ToArray();
        Array.Sort(byPlace, grains);
        var found = new (long, long)[grains.Length];
        for (var i = 0; i < found.Length; i++)
            found[i] = (byPlace[i], grains[i]);
        return found;
    }
}
