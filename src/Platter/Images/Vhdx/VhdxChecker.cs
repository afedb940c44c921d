using System.Globalization;
using Platter.Blocks;
using Platter.Primitives;
using static Platter.Images.Vhdx.VhdxFormatConstants;

namespace Platter.Images.Vhdx;

/// <summary>Verifies the structures of a VHDX.</summary>
internal static class VhdxChecker
{
    internal static void Check(CheckReport report, VhdxImage image, VhdxDisk disk)
    {
        CheckHeaders(report, image.Host);
        CheckRegionTables(report, image);
        if (image.WasReplayed)
            report.Add("VHDX-0025", Severity.Note, "VhdxLog", (long)(ulong)image.Parts.Headers.Current.LogOffset, "the log had changes that were not in their places yet: whoever wrote the file was cut off; they were replayed");
        if (image.Parent is { } parent && parent.VirtualSize != image.VirtualSize)
            report.Add("VHDX-0028", Severity.Warning, "VhdxMetadata.virtualDiskSize", null, $"found a disk of {image.VirtualSize} bytes, its parent has {parent.VirtualSize}: Hyper-V refuses to join them");
        CheckStructures(report, image);
        CheckTable(report, disk);
        CheckBlocks(report, image, disk);
    }

    private static void CheckHeaders(CheckReport report, BlockDevice host)
    {
        var headers = new[] { VhdxHeaders.TryRead(host, 0), VhdxHeaders.TryRead(host, 1) };
        for (var slot = 0; slot < 2; slot++)
        {
            if (headers[slot] is null)
                report.Add("VHDX-0023", Severity.Warning, $"VhdxHeader[{slot}]", HeaderOffsets[slot], "found no valid header, expected two; the other one is used");
        }
        if (headers[0] is { } first && headers[1] is { } second && first.SequenceNumber == second.SequenceNumber)
            report.Add("VHDX-0024", Severity.Note, "VhdxHeader.sequenceNumber", HeaderOffsets[1], $"found {(ulong)first.SequenceNumber} in both headers, expected one to be newer; Disk2vhd leaves them so");
    }

    private static void CheckRegionTables(CheckReport report, VhdxImage image)
    {
        var (first, second) = (new byte[TableSize], new byte[TableSize]);
        var (hasFirst, hasSecond) = (VhdxRegions.TryReadTable(image.Host, 0, first), VhdxRegions.TryReadTable(image.Host, 1, second));
        if (!hasFirst || !hasSecond)
            report.Add("VHDX-0026", Severity.Error, "VhdxRegionTable", RegionTableOffsets[hasFirst ? 1 : 0], "found no valid region table, expected two; the other one is used");
        else if (!first.AsSpan().SequenceEqual(second))
            report.Add("VHDX-0027", Severity.Error, "VhdxRegionTable", RegionTableOffsets[1], "found another content than in the first region table, expected a copy of it");
    }

    private static void CheckStructures(CheckReport report, VhdxImage image)
    {
        var used = new RangeSet();
        used.Add(0, MiB);
        foreach (var range in image.Parts.Structures)
        {
            if (used.Overlaps(range.Offset, range.Length))
                report.Add("VHDX-0029", Severity.Error, "VhdxRegion", range.Offset, $"found {range.Length} bytes of a region here, where something else lies, too");
            used.Add(range.Offset, range.Length);
        }
    }

    // Entries that are no block's place: wrong states, reserved bits.
    private static void CheckTable(CheckReport report, VhdxDisk disk)
    {
        var layout = disk.Layout;
        var entries = new byte[64 << 10];
        foreach (var (start, length) in disk.KnownEntries())
        {
            for (var first = start; first < start + length; first += entries.Length / 8)
            {
                var count = (int)Math.Min(entries.Length / 8, start + length - first);
                disk.ReadEntries(first, entries.AsSpan(0, count * 8));
                for (var i = 0; i < count; i++)
                    CheckEntry(report, layout, first + i, OnDisk.View<U64Le>(entries, i * 8));
            }
        }
    }

    private static void CheckEntry(CheckReport report, VhdxLayout layout, long index, ulong entry)
    {
        var state = VhdxDisk.StateOf(entry);
        var isWrong = layout.IsBitmap(index)
            ? state is not (VhdxBlockState.NotPresent or VhdxBlockState.FullyPresent) || (state == VhdxBlockState.FullyPresent && !layout.Metadata.HasParent)
            : state == VhdxBlockState.Reserved4 || (state == VhdxBlockState.PartiallyPresent && !layout.Metadata.HasParent);
        if (isWrong)
            report.Add("VHDX-0016", Severity.Error, Name(index), layout.Bat.Offset + 8 * index, $"found the state {(int)state}, which this kind of entry can't have");
        if ((entry & 0xFFFF8) != 0)
            report.Add("VHDX-0030", Severity.Warning, Name(index), layout.Bat.Offset + 8 * index, $"found 0x{entry:X16}, expected the bits 3 to 19 to be clear");
    }

    private static void CheckBlocks(CheckReport report, VhdxImage image, VhdxDisk disk)
    {
        var layout = disk.Layout;
        var host = image.Host.Length;
        var used = new RangeSet();
        used.Add(0, MiB);
        foreach (var range in disk.Structures)
            used.Add(range.Offset, range.Length);
        var blocks = VhdxSpace.Blocks(disk).Where(b => b.IsStored).ToArray();
        Array.Sort(blocks, (a, b) => a.Place.CompareTo(b.Place));
        foreach (var block in blocks)
        {
            var place = layout.Bat.Offset + 8 * block.Index;
            if (block.Place < MiB || block.Content > host - block.Place)
            {
                report.Add("VHDX-0019", Severity.Error, Name(block.Index), place, $"found a block of {block.Content} bytes at {block.Place}, expected it within the file's {host} bytes");
                continue;
            }
            if (used.Overlaps(block.Place, block.Length))
                report.Add("VHDX-0020", Severity.Error, Name(block.Index), place, $"found a block of {block.Length} bytes at {block.Place}, where something else lies, too");
            used.Add(block.Place, block.Length);
            if (VhdxDisk.StateOf(disk.Entry(block.Index)) == VhdxBlockState.PartiallyPresent && !layout.IsBitmap(block.Index))
                CheckPartial(report, disk, layout, block);
        }
        var unused = 0L;
        for (var gap = used.NextGap(0, host, MiB); gap is { } free; gap = used.NextGap(free.End, host, MiB))
            unused += free.Length;
        if (unused > 0)
            report.Add("VHDX-0031", Severity.Note, "BlockAllocationTable", null, $"{unused} bytes of the file belong to nothing; new blocks will take them");
    }

    private static void CheckPartial(CheckReport report, VhdxDisk disk, VhdxLayout layout, VhdxSpace.Block block)
    {
        var index = layout.IndexOfBitmap(layout.BlockOf(block.Index) / layout.ChunkRatio);
        if (index >= layout.PresentEntryCount || VhdxDisk.StateOf(disk.Entry(index)) != VhdxBlockState.FullyPresent)
            report.Add("VHDX-0018", Severity.Error, Name(block.Index), layout.Bat.Offset + 8 * block.Index, "found a partially present block, but no sector bitmap for it");
    }

    private static string Name(long index) => string.Create(CultureInfo.InvariantCulture, $"BlockAllocationTable[{index}]");
}
