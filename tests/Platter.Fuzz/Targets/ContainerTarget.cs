using System.IO.Compression;
using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Platter.Testing.Blocks;

namespace Platter.Fuzz.Targets;

/// <summary>VMDK, VDI and compressed images: broken where their fields are, then opened, checked, read, and edited through a transaction.</summary>
internal sealed class ContainerTarget(string name) : FuzzTarget
{
    private const int DiskSize = 3 << 20;

    // Offsets and widths of the fields that a reader believes: headers first, then what they lead to.
    private static readonly Dictionary<string, (int Offset, int Width)[]> Fields = new(StringComparer.Ordinal)
    {
        ["vmdk"] =
        [
            (0x00, 4), (0x04, 4), (0x08, 4), (0x0C, 8), (0x14, 8), (0x1C, 8), (0x24, 8), (0x2C, 4), (0x30, 8), (0x38, 8), (0x40, 8), (0x48, 4), (0x4D, 2),
            (21 * 512, 4), (22 * 512, 4), (22 * 512 + 8, 4), (22 * 512 + 40, 4), (26 * 512, 4), (27 * 512, 4), (27 * 512 + 4, 4), (27 * 512 + 8, 4), (27 * 512 + 60, 4),
            (0x10000, 8), (0x10008, 4), (0x1000C, 4),
        ],
        ["vdi"] = [(0x40, 4), (0x44, 4), (0x48, 4), (0x4C, 4), (0x50, 4), (0x154, 4), (0x158, 4), (0x168, 4), (0x170, 8), (0x178, 4), (0x17C, 4), (0x180, 4), (0x184, 4), (512, 4), (516, 4), (520, 4)],
        ["compressed"] = [(0, 4), (3, 1), (4, 1), (5, 1), (4, 4), (6, 8), (8, 4), (10, 2), (12, 4), (14, 4), (16, 8), (20, 4), (24, 4)],
    };

    private readonly List<SharedPages> _bases = [];

    public override string Name => name;

    public override void Prepare()
    {
        var disk = new byte[DiskSize];
        TestDisk.Fill(new MemoryDevice(disk), 200_000, seed: 2);
        switch (name)
        {
            case "vmdk":
                _bases.Add(new SharedPages(Made(ContainerFormat.Vmdk, "", disk)));
                _bases.Add(new SharedPages(Packed(ContainerFormat.Vmdk, disk, [])));
                _bases.Add(new SharedPages("# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"custom\"\nRW 4096 ZERO\nRW 2048 FLAT \"a-flat.vmdk\" 0\nRW 12 SPARSE \"a-s001.vmdk\"\n"u8.ToArray()));
                _bases.Add(new SharedPages("# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"custom\"\nRW 4096 ZERO\n"u8.ToArray()));
                break;
            case "vdi":
                _bases.Add(new SharedPages(Made(ContainerFormat.Vdi, "dynamic", disk)));
                _bases.Add(new SharedPages(Made(ContainerFormat.Vdi, "fixed", disk)));
                break;
            default:
                foreach (var format in new[] { ContainerFormat.Gzip, ContainerFormat.Xz, ContainerFormat.Zstd, ContainerFormat.Lz4, ContainerFormat.Bzip2 })
                    _bases.Add(new SharedPages(Packed(format, disk.AsSpan(0, 400_000).ToArray(), format == ContainerFormat.Bzip2 ? [] : new() { ["block_size"] = "64K", ["compression_level"] = "1" })));
                using (var plain = new MemoryStream())
                {
                    using (var gzip = new GZipStream(plain, CompressionLevel.Fastest, leaveOpen: true))
                        gzip.Write(disk, 0, 400_000);
                    _bases.Add(new SharedPages(plain.ToArray()));
                }
                break;
        }
    }

    public override bool Run(Dice dice)
    {
        var device = dice.Pick(_bases).Copy();
        Mutate(device, dice);
        if (name == "compressed" || !dice.OneIn(2))
            return Try(() => Use(new ReadOnlyDevice(device), dice, canWrite: false));
        using var transaction = TransactionDevice.Open(device, new MemoryJournalStore(), new TransactionOptions { FreshLimit = dice.OneIn(2) ? 0 : 64 << 10 });
        return Try(() => Use(transaction, dice, canWrite: true));
    }

    private static void Use(BlockDevice device, Dice dice, bool canWrite)
    {
        using var container = Container.Open(device);
        var report = new CheckReport();
        container.Check(report);
        foreach (var (key, value) in container.Details)
            Expect(key.Length > 0 && !value.Any(char.IsControl), "details are text");
        var disk = container.Disk;
        var buffer = new byte[Math.Min(disk.Length, 8192)];
        Try(() => disk.Read(0, buffer));
        Try(() => disk.Read(dice.NextLong(disk.Length - buffer.Length), buffer));
        Try(() => disk.Read(disk.Length - buffer.Length, buffer));
        Try(() =>
        {
            var end = 0L;
            foreach (var range in disk.AllocatedRanges().Take(10_000))
            {
                Expect(range.Offset >= end && range.Length > 0 && range.End <= disk.Length, "ranges are in order and within the disk");
                end = range.End;
            }
        });
        if (!canWrite || !disk.CanWrite || disk.Length == 0)
            return;
        var written = true;
        for (var left = dice.Between(1, 4); left > 0 && written; left--)
        {
            var at = dice.NextLong(disk.Length);
            var data = new byte[(int)Math.Min(dice.Between(1, 100_000), disk.Length - at)];
            dice.Fill(data);
            written = Try(() =>
            {
                disk.Write(at, data);
                var read = new byte[data.Length];
                disk.Read(at, read);
                Expect(read.AsSpan().SequenceEqual(data), "what was written is read");
            });
        }
        if (dice.OneIn(2))
            Try(() => disk.WriteZeros(disk.Length / 2, disk.Length / 4));
        if (!written || !Try(disk.Flush) || !report.IsClean)
            return;
        var after = new CheckReport();
        using var again = Container.Open(device);
        again.Check(after);
        Expect(after.IsClean, $"a sound container is sound after edits: {after.Findings.FirstOrDefault(f => f.Severity > Severity.Note)}");
    }

    private void Mutate(SharedPages device, Dice dice)
    {
        for (var left = dice.Between(0, 4); left > 0; left--)
        {
            switch (dice.Next(8))
            {
                case 0:
                    var at = dice.NextLong(device.Length);
                    Put(device, at, 1, Get(device, at, 1) ^ (1UL << dice.Next(8)));
                    break;
                case 1 when dice.OneIn(2):
                    device.SetLength(dice.NextLong(device.Length + 1));
                    break;
                case 2:
                    // The end, where footers and indexes stand.
                    var back = device.Length - 1 - dice.Next(1200);
                    Put(device, back, 1, (ulong)dice.Next(256));
                    break;
                case 3:
                    var bytes = new byte[dice.Between(1, 64)];
                    dice.Fill(bytes);
                    var start = dice.NextLong(device.Length - bytes.Length);
                    if (start + bytes.Length <= device.Length)
                        device.Write(start, bytes);
                    break;
                default:
                    var (offset, width) = dice.Pick(Fields[name]);
                    Put(device, offset, width, dice.Odd(Get(device, offset, width), width));
                    break;
            }
        }
    }

    private static ulong Get(SharedPages device, long offset, int width)
    {
        var bytes = new byte[8];
        if (offset >= 0 && offset + width <= device.Length)
            device.Read(offset, bytes.AsSpan(0, width));
        return BitConverter.ToUInt64(bytes);
    }

    private static void Put(SharedPages device, long offset, int width, ulong value)
    {
        if (offset >= 0 && offset + width <= device.Length)
            device.Write(offset, BitConverter.GetBytes(value).AsSpan(0, width));
    }

    private static byte[] Made(ContainerFormat format, string subformat, byte[] disk)
    {
        var host = new ResizableMemoryDevice(0);
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        if (subformat.Length > 0)
            settings["subformat"] = subformat;
        using (var container = format.Create(host, disk.Length, new ContainerOptions { UniqueId = new Guid(1, 2, 3, new byte[8]), Settings = settings }))
        {
            foreach (var (at, part) in Parts(disk, 65536))
                container.Disk.Write(at, part);
            container.Disk.Flush();
        }
        return host.Bytes.ToArray();
    }

    private static byte[] Packed(ContainerFormat format, byte[] disk, Dictionary<string, string> settings)
    {
        var host = new ResizableMemoryDevice(0);
        using (var writer = format.CreateInOrder(host, disk.Length, new ContainerOptions { UniqueId = new Guid(1, 2, 3, new byte[8]), Settings = settings }))
        {
            foreach (var (at, part) in Parts(disk, writer.BlockSize))
                writer.Store(writer.Pack(at, part));
            writer.Complete();
        }
        return host.Bytes.ToArray();
    }

    private static IEnumerable<(int At, byte[] Part)> Parts(byte[] disk, int size)
    {
        for (var at = 0; at < disk.Length; at += size)
        {
            var part = disk[at..Math.Min(disk.Length, at + size)];
            if (part.AsSpan().ContainsAnyExcept((byte)0))
                yield return (at, part);
        }
    }

    private sealed class ReadOnlyDevice(BlockDevice inner) : BlockDevice
    {
        public override long Length => inner.Length;
        public override bool CanWrite => false;

        public override void Flush()
        {
            // Nothing is ever written.
        }

        protected override void ReadCore(long offset, Span<byte> buffer) => inner.Read(offset, buffer);

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => throw new UnauthorizedAccessException();
    }
}
