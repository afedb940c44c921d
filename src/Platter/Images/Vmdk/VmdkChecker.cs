using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Vmdk;

/// <summary>Verifies a sparse extent: directories, tables, the places of grains, and the data of compressed ones.</summary>
internal static class VmdkChecker
{
    internal static void Check(CheckReport report, BlockDevice host, BlockDevice disk, VmdkLayout layout)
    {
        if (layout.Header.UncleanShutdown != 0)
            report.Add("VMDK-0014", Severity.Warning, "VmdkHeader.uncleanShutdown", 0x48, $"found {layout.Header.UncleanShutdown}, expected 0: a program that wrote to the disk did not close it");
        if (disk is VmdkStreamDisk stream)
            CheckGrains(report, stream, layout);
        else if (disk is VmdkDisk sparse)
            CheckTables(report, host, sparse, layout);
    }

    private static void CheckGrains(CheckReport report, VmdkStreamDisk disk, VmdkLayout layout)
    {
        var content = new byte[layout.GrainSize];
        for (var grain = 0L; grain < layout.GrainCount; grain++)
        {
            try
            {
                if (disk.Place(grain) is not 0 and var place)
                    disk.Unpack(grain, place, content);
            }
            catch (DiskFormatException e)
            {
                report.Add(e.Code, Severity.Error, e.Structure, e.Offset, e.Problem);
                if (e.Code == "VMDK-0007")
                    grain += layout.EntriesPerTable - grain % layout.EntriesPerTable - 1;      // the others have no table either
            }
        }
    }

    private static void CheckTables(CheckReport report, BlockDevice host, VmdkDisk disk, VmdkLayout layout)
    {
        RangeSet used;
        (long Start, long Grain)[] grains;
        try
        {
            used = VmdkSpace.Structures(disk, layout);
            grains = VmdkSpace.Grains(disk, layout);
        }
        catch (DiskFormatException e)
        {
            report.Add(e.Code, Severity.Error, e.Structure, e.Offset, e.Problem);
            return;
        }
        foreach (var (start, grain) in grains)
        {
            if (start > host.Length - VmdkHeader.Sector)
            {
                report.Add("VMDK-0008", Severity.Error, $"GrainTable, grain {grain}", start, $"found a grain's data here, expected it within the file of {host.Length} bytes");
                continue;
            }
            var length = Math.Min(layout.GrainSize, host.Length - start);
            if (used.Overlaps(start, length))
                report.Add("VMDK-0009", Severity.Error, $"GrainTable, grain {grain}", start, "found a second use of some of the bytes here, expected every byte of the file to have one");
            used.Add(start, length);
        }
        CompareRedundant(report, disk, layout);
        ReportLeaks(report, used, host.Length, layout);
    }

    private static void CompareRedundant(CheckReport report, VmdkDisk disk, VmdkLayout layout)
    {
        if (layout.RedundantOffset < 0)
            return;
        var (table, copy) = (new byte[layout.TableSize], new byte[layout.TableSize]);
        for (var i = 0; i < layout.TableCount; i++)
        {
            Fill(disk.TableAt(layout.DirectoryOffset, i), table);
            Fill(disk.TableAt(layout.RedundantOffset, i), copy);
            if (!table.AsSpan().SequenceEqual(copy))
                report.Add("VMDK-0013", Severity.Warning, $"RedundantGrainDirectory[{i}]", layout.RedundantOffset + i * 4L, "found another table than in the directory, expected a copy of it");
        }

        void Fill(long offset, Span<byte> bytes)
        {
            bytes.Clear();
            if (offset > 0)
                disk.ReadTable(offset, bytes);
        }
    }

    private static void ReportLeaks(CheckReport report, RangeSet used, long end, VmdkLayout layout)
    {
        var (count, bytes, first) = (0, 0L, 0L);
        for (var gap = used.NextGap(layout.Overhead, end, layout.GrainSize); gap is { } free; gap = used.NextGap(free.End, end, layout.GrainSize))
        {
            if (count++ == 0)
                first = free.Start;
            bytes += free.Length;
        }
        if (count > 0)
            report.Add("VMDK-0020", Severity.Note, "grains", first, $"found {bytes} bytes in {count} places that belong to no grain: they can be written again");
    }
}
