using System.Diagnostics;
using Platter.Blocks;
using Platter.Partitions;
using Platter.Partitions.OnDisk;
using Platter.Testing;
using Xunit;
using static Platter.Tests.Partitions.Disks;

namespace Platter.Tests.Partitions;

/// <summary>Mutated tables through open, check, open of every partition, and edit: only the format exceptions may escape.</summary>
public sealed class FuzzTests
{
    private const int Step = 64 << 10;

    private static readonly TimeSpan Time = TimeSpan.FromSeconds(4);

    // Values that break arithmetic.
    private static readonly ulong[] Odd = [0, 1, 2, 33, 34, 127, 128, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, ulong.MaxValue, ulong.MaxValue - 1, 1UL << 55, 4095, 4096, 2047, 2048];

    [Fact]
    public void Mutated_tables_are_read_refused_or_edited_without_a_crash()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        byte[][] seeds = [Small(PartitionScheme.Gpt), Small(PartitionScheme.Gpt, 4096), Small(PartitionScheme.Mbr), Small(PartitionScheme.Apm)];
        var images = 0;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Time; images++)
        {
            var which = random.Next(seeds.Length);
            var disk = seeds[which].AsSpan().ToArray();
            var sectorSize = which == 1 ? 4096 : 512;
            Mutate(disk, which, sectorSize, random);
            if (random.Next(20) == 0)
                disk = disk[..random.Next(disk.Length)];
            try
            {
                var started = ProcessorTime.OfThread();
                Exercise(new MemoryDevice(disk, sectorSize), random);
                var took = ProcessorTime.OfThread() - started;
                Assert.True(took < TimeSpan.FromSeconds(2), $"seed {seed}, image {images}: took {took}");
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed}, image {images}: {e}");
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}, {images} images");
    }

    /// <summary>One random edit; refusals are fine.</summary>
    internal static void RandomEdit(PartitionEditor editor, Random random)
    {
        var table = editor.Table;
        var number = table.Partitions.Count == 0 ? 1 : table.Partitions[random.Next(table.Partitions.Count)].Number;
        try
        {
            switch (random.Next(7))
            {
                case 0:
                    editor.Remove(number);
                    break;
                case 1:
                    editor.Resize(number, random.NextInt64(1, table.Disk.Length));
                    break;
                case 2:
                    editor.Set(number, new PartitionChange { Flags = PartitionFlags.Bootable, Name = table.Scheme == PartitionScheme.Mbr ? null : "new" });
                    break;
                case 3:
                    editor.Repair();
                    break;
                default:
                    editor.Add(new NewPartition
                    {
                        Type = PartitionType.Parse("linux", table.Scheme),
                        Length = random.Next(4) == 0 ? null : random.NextInt64(1, table.Disk.Length / 3 + 2),
                        Start = random.Next(3) == 0 ? random.NextInt64(Math.Max(1, table.Disk.Length / 512)) * 512 : null,
                        Placement = (MbrPlacement)random.Next(3),
                    });
                    break;
            }
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException or VolumeFullException or IOException || e.GetType() == typeof(ArgumentException))
        {
            // Refused, with a reason.
        }
    }

    /// <summary>A disk of 1 MiB: the smaller, the more of them a second.</summary>
    private static byte[] Small(PartitionScheme scheme, int sectorSize = 512)
    {
        var editor = PartitionEditor.Create(new MemoryDevice(MiB, sectorSize), scheme, Options() with { Alignment = Step });
        for (var i = 0; i < 4; i++)
            editor.Add("linux", Step * (i + 1) / 2, placement: i < 1 ? MbrPlacement.Primary : MbrPlacement.Logical);
        return editor.Bytes();
    }

    private static void Exercise(MemoryDevice device, Random random)
    {
        var report = PartitionChecker.Check(device);
        try
        {
            var table = PartitionTable.TryOpen(device);
            if (table is null)
                return;
            table.FreeRanges();
            foreach (var p in table.Partitions)
            {
                if (p.ReachesPastEnd)
                    Assert.Throws<DiskFormatException>(() => p.OpenDevice());
                else
                    p.OpenDevice().Read(0, new byte[(int)Math.Min(p.Length, 512)]);
            }
            var data = table.Partitions.Where(p => !p.IsExtended && !p.ReachesPastEnd && p.Type.Text is not ("Apple_partition_map" or "Apple_Free")).ToList();
            var before = device.Bytes.AsSpan().ToArray();
            var editor = PartitionEditor.Open(device, new PartitionOptions { Alignment = 4096 });
            RandomEdit(editor, random);
            foreach (var p in data)
            {
                // One that was removed, or lost its tail, may lie where the table itself belongs.
                var kept = (int)(editor.Table.Partitions.Where(q => q.Start == p.Start && !q.IsExtended).Select(q => (long?)Math.Min(q.Length, p.Length)).Min() ?? 0);
                Assert.True(before.AsSpan((int)p.Start, kept).SequenceEqual(device.Bytes.AsSpan((int)p.Start, kept)), $"the data of {p} was touched");
            }
        }
        catch (DiskFormatException e)
        {
            Assert.Contains(report.Findings, f => f.Code == e.Code);
        }
    }

    private static void Mutate(byte[] disk, int which, int sectorSize, Random random)
    {
        // Where the MBR and the chain's records are: whatever ends in 55 AA.
        var records = Enumerable.Range(0, disk.Length / 512).Where(i => disk[(i * 512) + 510] == 0x55 && disk[(i * 512) + 511] == 0xAA).ToList();
        for (var n = random.Next(1, 6); n > 0; n--)
        {
            var last = (disk.Length / sectorSize) - 1;
            var at = which switch
            {
                0 or 1 => random.Next(5) switch
                {
                    0 => 0x1BE + random.Next(66),
                    1 => sectorSize + random.Next(92),
                    2 => (last * sectorSize) + random.Next(92),
                    3 => (2 * sectorSize) + random.Next(384),
                    _ => ((last - (16384 / sectorSize)) * sectorSize) + random.Next(384),
                },
                2 => (records[random.Next(records.Count)] * 512) + 0x1BE + random.Next(66),
                _ => random.Next(6) * 512 + random.Next(140),
            };
            if (random.Next(2) == 0)
                disk[at] = (byte)random.Next(256);
            else
                BitConverter.GetBytes(Odd[random.Next(Odd.Length)]).AsSpan(0, 1 << random.Next(4)).CopyTo(disk.AsSpan(at & ~3));
        }
        if (which <= 1 && random.Next(4) != 0)
            Resign(disk, sectorSize);
    }

    /// <summary>Makes the checksums right again, so that mutations reach behind them.</summary>
    private static void Resign(byte[] disk, int sectorSize)
    {
        foreach (var sector in new[] { 1, (disk.Length / sectorSize) - 1 })
        {
            var header = disk.AsSpan(sector * sectorSize, sectorSize);
            ref var h = ref System.Runtime.InteropServices.MemoryMarshal.AsRef<GptHeader>(header);
            var entries = (long)(ulong)h.EntriesSector * sectorSize;
            var length = (long)(uint)h.EntryCount * (uint)h.EntrySize;
            if (h.EntriesSector < 1 << 20 && entries + length <= disk.Length)
                h.EntriesCrc = Platter.Primitives.Crc32.Compute(disk.AsSpan((int)entries, (int)length));
            if (h.HeaderSize <= sectorSize && h.HeaderSize >= 92)
                h.HeaderCrc = GptCopy.ComputeHeaderCrc(header);
        }
    }
}
