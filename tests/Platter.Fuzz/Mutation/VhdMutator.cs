using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.Fuzz.Mutation;

/// <summary>Breaks dynamic VHDs and VHDX where their fields are; checksums are made right again, so that the reader gets past them.</summary>
internal static class VhdMutator
{
    private static readonly (int Offset, int Width)[] FooterFields = [(0x00, 8), (0x0C, 4), (0x10, 8), (0x18, 4), (0x30, 8), (0x3C, 4), (0x44, 8)];
    private static readonly (int Offset, int Width)[] HeaderFields =
        [(0x00, 8), (0x10, 8), (0x10, 8), (0x18, 4), (0x1C, 4), (0x20, 4), (0x28, 8), (0x38, 4), (0x40, 8), (0x240, 4), (0x244, 4), (0x248, 4), (0x250, 8), (0x258, 4), (0x260, 4), (0x268, 8)];

    // [MS-VHDX]: the header, an entry of a region table, of the metadata table, of the log.
    private static readonly (int Offset, int Width)[] VhdxHeaderFields = [(0x00, 4), (0x08, 8), (0x30, 8), (0x40, 2), (0x42, 2), (0x44, 4), (0x48, 8)];
    private static readonly (int Offset, int Width)[] RegionFields = [(0x00, 8), (0x10, 8), (0x18, 4), (0x1C, 4)];
    private static readonly (int Offset, int Width)[] ItemFields = [(0x00, 8), (0x10, 4), (0x14, 4), (0x18, 4)];
    private static readonly (int Offset, int Width)[] LogFields = [(0x00, 4), (0x08, 4), (0x0C, 4), (0x10, 8), (0x18, 4), (0x20, 8), (0x30, 8), (0x38, 8), (0x40, 4), (0x48, 8), (0x50, 8), (0x58, 8), (0x60, 4), (0x70, 8)];

    public static void Vhd(OverlayDevice device, Dice dice)
    {
        for (var left = dice.Between(0, 4); left > 0; left--)
        {
            var header = (long)Math.Min(Get(device, 0x10, 8), (ulong)device.Length);
            switch (dice.Next(10))
            {
                case 0:
                    AnyBytes.FlipBits(device, dice, dice.OneIn(2) ? 8192 : device.Length);
                    break;
                case 1 when dice.OneIn(3):
                    device.Cut(dice.OneIn(2) ? dice.Next((int)device.Length) : Math.Max(0, (int)device.Length - 512));
                    break;
                case 2 or 3:
                    Field(device, dice, dice.OneIn(2) ? 0 : device.Length - 512, dice.Pick(FooterFields));
                    break;
                case 4 or 5:
                    Field(device, dice, header, dice.Pick(HeaderFields));
                    break;
                default:
                    // An entry of the table: elsewhere, over another block, over the tables.
                    var entry = (long)Math.Min(Get(device, header + 0x10, 8), (ulong)device.Length) + 4 * dice.Next(20);
                    var sectors = (ulong)(device.Length / 512);
                    Put(device, entry, 4, dice.OneIn(2) ? dice.Odd(Get(device, entry, 4), 4) : (ulong)dice.NextLong((long)sectors + 8));
                    break;
            }
        }
        if (dice.OneIn(6))
            return;
        SumVhd(device, 0, 512, 0x40);
        SumVhd(device, device.Length - 512, 512, 0x40);
        SumVhd(device, (long)Get(device, 0x10, 8), 1024, 0x24);
    }

    public static void Vhdx(OverlayDevice device, Dice dice)
    {
        var newest = device.Get(0x10008, 8) > device.Get(0x20008, 8) ? 0x10000 : 0x20000;
        var log = (long)Math.Min(device.Get(newest + 0x48, 8), (ulong)device.Length);
        var (regions, metadata) = (0x30010L, 2L << 20);
        for (var left = dice.Between(0, 4); left > 0; left--)
        {
            switch (dice.Next(11))
            {
                case 0:
                    AnyBytes.FlipBits(device, dice, dice.OneIn(2) ? 320 << 10 : device.Length);
                    break;
                case 1 when dice.OneIn(3):
                    device.Cut(dice.OneIn(2) ? dice.Next((int)device.Length) : dice.Next((int)(device.Length >> 20)) << 20);
                    break;
                case 2:
                    One(device, dice, dice.OneIn(2) ? 0x10000 : 0x20000, dice.Pick(VhdxHeaderFields));
                    break;
                case 3:
                    One(device, dice, regions + 32 * dice.Next(2), dice.Pick(RegionFields));
                    break;
                case 4:
                    One(device, dice, metadata + 32 + 32 * dice.Next(6), dice.Pick(ItemFields));
                    break;
                case 5:
                    One(device, dice, metadata + (64 << 10) + 4 * dice.Next(40), (0, dice.Pick([2, 4, 8])));
                    break;
                case 6 or 7 when dice.OneIn(2):
                    One(device, dice, log + 4096 * dice.Next(6), dice.Pick(LogFields));
                    break;
                default:
                    var entry = (3L << 20) + 8 * dice.Next(20);
                    device.Put(entry, 8, dice.OneIn(3) ? dice.Odd(device.Get(entry, 8), 8) : ((ulong)dice.NextLong((device.Length >> 20) + 2) << 20) + (ulong)(uint)dice.Next(8));
                    break;
            }
        }
        if (dice.OneIn(6))
            return;
        SumVhdx(device, 0x10000, 4096);
        SumVhdx(device, 0x20000, 4096);
        SumVhdx(device, 0x30000, 64 << 10);
        if (dice.OneIn(2))
        {
            var table = new byte[64 << 10];
            Read(device, 0x30000, table);
            if (device.Length >= 0x50000)
                device.Write(0x40000, table);
        }
        for (var sector = 0; sector < 6; sector++)
        {
            if (device.Get(log + 4096 * sector, 4) == 0x65676F6C && device.Get(log + 4096 * sector + 8, 4) is >= 64 and <= 1 << 16 and var length)
                SumVhdx(device, log + 4096 * sector, (int)length);
        }
    }

    private static void One(OverlayDevice device, Dice dice, long at, (int Offset, int Width) field)
    {
        var found = device.Get(at + field.Offset, field.Width);
        device.Put(at + field.Offset, field.Width, dice.OneIn(3) && field.Width >= 4 ? (ulong)dice.NextLong((device.Length >> 20) + 2) << 20 : dice.Odd(found, field.Width));
    }

    private static void Field(OverlayDevice device, Dice dice, long at, (int Offset, int Width) field)
    {
        var found = Get(device, at + field.Offset, field.Width);
        Put(device, at + field.Offset, field.Width, dice.OneIn(4) ? (ulong)dice.NextLong(device.Length + 2) : dice.Odd(found, field.Width));
    }

    private static ulong Get(OverlayDevice device, long at, int width) => at < 0 || at > device.Length ? 0 : BinaryPrimitives.ReverseEndianness(device.Get(at, width)) >> (64 - 8 * width);

    private static void Put(OverlayDevice device, long at, int width, ulong value)
    {
        if (at >= 0 && at <= device.Length)
            device.Put(at, width, BinaryPrimitives.ReverseEndianness(value << (64 - 8 * width)));
    }

    private static void SumVhd(OverlayDevice device, long at, int length, int checksum)
    {
        if (at < 0 || at > device.Length - length)
            return;
        var bytes = new byte[length];
        device.Read(at, bytes);
        bytes.AsSpan(checksum, 4).Clear();
        var sum = 0u;
        foreach (var b in bytes)
            sum += b;
        Put(device, at + checksum, 4, ~sum);
    }

    private static void SumVhdx(OverlayDevice device, long at, int length)
    {
        if (at < 0 || at > device.Length - length)
            return;
        var bytes = new byte[length];
        device.Read(at, bytes);
        bytes.AsSpan(4, 4).Clear();
        device.Put(at + 4, 4, Crc32C.Compute(bytes));
    }

    private static void Read(OverlayDevice device, long at, byte[] bytes)
    {
        if (at <= device.Length - bytes.Length)
            device.Read(at, bytes);
    }
}
