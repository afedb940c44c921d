using Platter.Blocks;
using Platter.Images;
using Platter.Fuzz.Mutation;

namespace Platter.Fuzz.Targets;

/// <summary>Fixed VHDs, and raw images that look like something else: opened, checked, read, edited through a transaction.</summary>
internal sealed class VhdTarget : FuzzTarget
{
    private static readonly (int Offset, int Width)[] FooterFields =
    [
        (0x00, 8), (0x08, 4), (0x0C, 4), (0x10, 8), (0x18, 4), (0x1C, 4), (0x20, 4), (0x24, 4), (0x28, 8), (0x30, 8), (0x30, 8), (0x38, 2), (0x3A, 1), (0x3B, 1), (0x3C, 4), (0x40, 4), (0x44, 8), (0x54, 1), (0x55, 8),
    ];

    private static readonly string[] Magics =
    [
        "vhdxfile", "QFI\u00FB\0\0\0\u0003", "QED\0", "KDMV", "COWD", "# Disk DescriptorFile", "conectix", "WithoutFreeSpace", "MComprHD", "koly", "EVF\t\r\n\u00FF\0", "AFF10\r\n\0", "\u001F\u008B\b", "PK\u0003\u0004", "(\u00B5/\u00FD",
    ];

    private readonly List<PagedImage> _bases = [];

    public override string Name => "vhd";

    public override void Prepare()
    {
        foreach (var length in new[] { 512, 65536, 1 << 20 })
        {
            var host = new ResizableMemoryDevice(0);
            var options = new ContainerOptions { WholeMebibytes = length >= 1 << 20, UniqueId = new Guid(1, 2, 3, new byte[8]), Created = VolumeTree.Clock.GetUtcNow() };
            using var container = ContainerFormat.VhdFixed.Create(host, length, options);
            container.Disk.Write(0, "a disk of some bytes"u8);
            _bases.Add(new PagedImage(host.Bytes));
        }
        _bases.Add(new PagedImage(new byte[4096]));
        _bases.Add(new PagedImage([]));
    }

    public override bool Run(Dice dice)
    {
        var device = new OverlayDevice(dice.Pick(_bases));
        Mutate(device, dice);
        if (!dice.OneIn(3))
            return Try(() => Use(device, dice, canWrite: false));
        using var transaction = TransactionDevice.Open(device, new MemoryJournalStore());
        return Try(() => Use(transaction, dice, canWrite: true));
    }

    private static void Use(BlockDevice device, Dice dice, bool canWrite)
    {
        using var container = Container.Open(device);
        container.Check(new CheckReport());
        foreach (var (name, value) in container.Details)
            Expect(name.Length > 0 && !value.Any(char.IsControl), "details are text");
        var disk = container.Disk;
        Expect(disk.Length <= device.Length && container.VirtualSize == disk.Length && container.AllocatedSize <= device.Length, "a container holds no more than its file");
        var buffer = new byte[Math.Min(disk.Length, 8192)];
        disk.Read(0, buffer);
        disk.Read(disk.Length - buffer.Length, buffer);
        Expect(disk.AllocatedRanges().Sum(r => r.Length) <= disk.Length, "no more is allocated than there is");
        if (!canWrite || disk.Length == 0)
            return;
        var at = dice.NextLong(disk.Length);
        dice.Fill(buffer);
        var data = buffer.AsSpan(0, (int)Math.Min(buffer.Length, disk.Length - at)).ToArray();
        disk.Write(at, data);
        disk.Flush();
        disk.Read(at, buffer.AsSpan(0, data.Length));
        Expect(buffer.AsSpan(0, data.Length).SequenceEqual(data), "what was written is read");
        using var again = Container.Open(device);
        Expect(again.Format == container.Format || at < 4096, "writing to the disk leaves the container alone");
    }

    private static void Mutate(OverlayDevice device, Dice dice)
    {
        for (var left = dice.Between(0, 3); left > 0; left--)
        {
            var footer = device.Length - 512;
            switch (dice.Next(8))
            {
                case 0:
                    AnyBytes.FlipBits(device, dice, device.Length);
                    break;
                case 1 when dice.OneIn(2):
                    device.Cut(dice.Next((int)device.Length + 1));
                    break;
                case 2 when dice.OneIn(2):
                    // The footer in front as well, as dynamic disks have it.
                    if (device.Length >= 1024)
                    {
                        var copy = new byte[512];
                        device.Read(footer, copy);
                        device.Write(0, copy);
                    }
                    break;
                case 3 when dice.OneIn(2):
                    var magic = dice.Pick(Magics);
                    for (var i = 0; i < magic.Length; i++)
                        device.Put(i, 1, magic[i]);
                    break;
                default:
                    var (offset, width) = dice.Pick(FooterFields);
                    device.Put(footer + offset, width, dice.Odd(device.Get(footer + offset, width), width));
                    break;
            }
        }
        if (!dice.OneIn(3))
            FixChecksum(device);
    }

    private static void FixChecksum(OverlayDevice device)
    {
        if (device.Length < 512)
            return;
        var footer = new byte[512];
        device.Read(device.Length - 512, footer);
        var sum = 0u;
        for (var i = 0; i < 512; i++)
            sum += i is >= 0x40 and < 0x44 ? 0u : footer[i];
        device.Put(device.Length - 512 + 0x40, 4, System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(~sum));
    }
}
