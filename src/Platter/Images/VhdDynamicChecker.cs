using System.Globalization;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images;

/// <summary>Verifies the structures of a dynamic or differencing VHD.</summary>
internal static class VhdDynamicChecker
{
    internal static void Check(CheckReport report, VhdDynamicImage image, VhdDisk disk, in VhdDynamicHeader header)
    {
        CheckFooters(report, image.Host, disk.Footer);
        if (!image.Layout.HeaderIsWhole)
            report.Add("VHD-0013", Severity.Error, "VhdDynamicHeader.checksum", image.Layout.HeaderOffset + 0x24, $"found 0x{(uint)header.Checksum:X8}, expected 0x{header.ComputeChecksum():X8}: the header is damaged");
        if (header.HeaderVersion != VhdDynamicHeader.Version1)
            report.Add("VHD-0014", Severity.Warning, "VhdDynamicHeader.headerVersion", image.Layout.HeaderOffset + 0x18, $"found 0x{(uint)header.HeaderVersion:X8}, expected 0x{VhdDynamicHeader.Version1:X8}");
        CheckLocators(report, image, header);
        if (image.Parent is { } parent && parent.VirtualSize != image.VirtualSize)
            report.Add("VHD-0029", Severity.Warning, "VhdFooter.currentSize", null, $"found a disk of {image.VirtualSize} bytes, its parent has {parent.VirtualSize}: Windows refuses to join them");
        CheckBlocks(report, image, disk);
    }

    private static void CheckFooters(CheckReport report, BlockDevice host, in VhdFooter believed)
    {
        var end = VhdFooter.FindLast(host, out var last);
        if (end >= 0 && VhdParts.IsDynamic(last))
            new VhdFooterChecker(report, end).Check(last);
        else
            report.Add("VHD-0023", Severity.Error, "VhdFooter", Math.Max(0, host.Length - VhdFooter.Size), "found no footer at the end of the file; its copy at the start is used");
        if (believed.CurrentSize % VhdDisk.Sector != 0)
            report.Add("VHD-0019", Severity.Warning, "VhdFooter.currentSize", null, $"found {(ulong)believed.CurrentSize} bytes, expected whole sectors; the rest is left out");
        var bytes = new byte[VhdFooter.Size];
        host.Read(0, bytes);
        var copy = OnDisk.View<VhdFooter>(bytes);
        if (!copy.IsWhole)
            report.Add("VHD-0024", Severity.Error, "VhdFooter copy", 0, "found no whole footer at the start of the file, expected a copy of the last one");
        else if (end >= 0 && last.IsWhole && copy.Checksum != last.Checksum)
            report.Add("VHD-0031", Severity.Warning, "VhdFooter copy", 0, "found another content than in the last footer, expected a copy of it");
    }

    private static void CheckLocators(CheckReport report, VhdDynamicImage image, in VhdDynamicHeader header)
    {
        var used = 0;
        foreach (var locator in header.ParentLocators)
            used += locator.PlatformCode != 0 ? 1 : 0;
        if (used != image.Layout.ParentPaths.Count)
            report.Add("VHD-0032", Severity.Warning, "VhdDynamicHeader.parentLocators", image.Layout.HeaderOffset + 0x240, $"found {used - image.Layout.ParentPaths.Count} paths of the parent outside of the file, or longer than any path");
    }

    private static void CheckBlocks(CheckReport report, VhdDynamicImage image, VhdDisk disk)
    {
        var layout = image.Layout;
        var end = Math.Min(layout.End, image.Host.Length);
        var used = new RangeSet();
        used.Add(0, VhdFooter.Size);
        Use(report, used, "VhdDynamicHeader", layout.HeaderOffset, VhdDynamicHeader.Size);
        Use(report, used, "BlockAllocationTable", layout.TableOffset, (layout.TableSize + VhdDisk.Sector - 1) / VhdDisk.Sector * VhdDisk.Sector);
        foreach (var range in layout.ParentPaths)
            used.Add(range.Offset, range.Length);
        foreach (var (start, block) in VhdSpace.Blocks(disk, layout))
        {
            var length = layout.SizeOf(block, end - start);
            var name = string.Create(CultureInfo.InvariantCulture, $"BlockAllocationTable[{block}]");
            if (length > end - start)
                report.Add("VHD-0021", Severity.Error, name, layout.TableOffset + block * 4, $"found a block of {length} bytes at {start}, expected it to end before {end}, where the footer stands");
            else if (Use(report, used, name, start, length) && image.Parent is null)
                CheckBitmap(report, disk, layout, block);
        }
        // Up to a page in front of each block is what alignment takes.
        var unused = 0L;
        for (var gap = used.NextGap(0, end, 4096 + 1); gap is { } free; gap = used.NextGap(free.End, end, 4096 + 1))
            unused += free.Length;
        if (unused > 0)
            report.Add("VHD-0026", Severity.Note, "BlockAllocationTable", null, $"{unused} bytes of the file belong to nothing; new blocks will take them");
    }

    private static bool Use(CheckReport report, RangeSet used, string name, long offset, long length)
    {
        if (used.Overlaps(offset, length))
        {
            report.Add("VHD-0022", Severity.Error, name, offset, $"found a second use of some of the {length} bytes here, expected every byte of the file to have one");
            return false;
        }
        used.Add(offset, length);
        return true;
    }

    // In a disk without a parent a sector whose bit is clear is zeros to most programs, and whatever lies there to qemu.
    private static void CheckBitmap(CheckReport report, VhdDisk disk, VhdLayout layout, long block)
    {
        var place = disk.Locate(block);
        if (place.Kind != BlockKind.Partial)
            return;
        var sectors = (int)(Math.Min(layout.BlockSize, layout.Length - block * layout.BlockSize) / VhdDisk.Sector);
        var buffer = new byte[64 << 10];
        var hidden = 0L;
        for (var sector = 0; sector < sectors;)
        {
            var (present, count) = disk.SectorRun(block, place, sector, Math.Min(sectors - sector, buffer.Length / VhdDisk.Sector));
            var bytes = buffer.AsSpan(0, count * VhdDisk.Sector);
            if (!present)
            {
                disk.ReadStored(place.Data + (long)sector * VhdDisk.Sector, bytes);
                for (var i = 0; i < count; i++)
                    hidden += bytes.Slice(i * VhdDisk.Sector, VhdDisk.Sector).ContainsAnyExcept((byte)0) ? 1 : 0;
            }
            sector += count;
        }
        if (hidden > 0)
            report.Add("VHD-0025", Severity.Warning, $"BlockAllocationTable[{block}]", place.Data - layout.BitmapSize, $"found data in {hidden} sectors that the block's bitmap calls unused: read as zeros here, as data by qemu");
    }
}
