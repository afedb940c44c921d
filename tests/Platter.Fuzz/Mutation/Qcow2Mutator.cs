using System.Buffers.Binary;
using Platter.Images.Qcow2;

namespace Platter.Fuzz.Mutation;

/// <summary>Breaks qcow2 images where it hurts: header fields, entries of every table, entries that lead to other tables, refcounts.</summary>
internal static class Qcow2Mutator
{
    // Offset and width of the header's fields.
    private static readonly (int Offset, int Width)[] HeaderFields =
    [
        (0x04, 4), (0x08, 8), (0x10, 4), (0x14, 4), (0x18, 8), (0x20, 4), (0x24, 4), (0x28, 8), (0x30, 8), (0x38, 4), (0x3C, 4), (0x40, 8), (0x48, 8), (0x50, 8), (0x58, 8),
        (0x60, 4), (0x64, 4), (0x68, 1), (0x70, 4), (0x74, 4),
    ];

    public static void Mutate(OverlayDevice device, Dice dice)
    {
        var map = new Map(device);
        for (var left = dice.Between(0, 4); left > 0; left--)
        {
            switch (dice.Next(12))
            {
                case 0:
                    AnyBytes.FlipBits(device, dice, Math.Min(device.Length, 4096));
                    break;
                case 1:
                    AnyBytes.FlipBits(device, dice, device.Length);
                    break;
                case 2 when dice.OneIn(3):
                    device.Cut(dice.Next((int)device.Length + 1));
                    break;
                case 3 or 4:
                    var (offset, width) = dice.Pick(HeaderFields);
                    Put(device, offset, width, dice.Odd(Get(device, offset, width), width));
                    break;
                case 5 when map.Snapshots != 0:
                    var field = map.Snapshots + dice.Pick([0, 8, 0x0C, 0x0E, 0x20, 0x24, 0x28, 0x30]);
                    Put(device, field, 4, dice.Odd(Get(device, field, 4), 4));
                    break;
                case 6 when map.Bitmaps != 0:
                    var entry = map.Bitmaps + dice.Pick([0, 4, 8, 0x0C, 0x10, 0x14, 0x18]);
                    Put(device, entry, 4, dice.Odd(Get(device, entry, 4), 4));
                    break;
                case 7:
                    AnyBytes.Swap(device, dice, device.Length);
                    break;
                default:
                    Entry(device, dice, map);
                    break;
            }
        }
    }

    // An entry of one of the tables becomes odd, or leads to where something else is.
    private static void Entry(OverlayDevice device, Dice dice, Map map)
    {
        if (map.Tables.Count == 0)
            return;
        var (table, length) = dice.Pick(map.Tables);
        var at = table + dice.Next((int)Math.Max(1, Math.Min(length, dice.OneIn(2) ? 64 : length) / 8)) * 8;
        var found = Get(device, at, 8);
        var other = (ulong)dice.Pick(map.Tables).Offset;
        var flags = found & ~L2Entry.OffsetMask;
        Put(device, at, 8, dice.Next(8) switch
        {
            0 => flags | other,
            1 => other | L2Entry.CopiedFlag,
            2 => other | L2Entry.CompressedFlag | (ulong)dice.NextLong(1 << 16) << 46,
            3 => found ^ L2Entry.CompressedFlag,
            4 => found ^ L2Entry.ZeroFlag,
            5 => found ^ L2Entry.CopiedFlag,
            6 => flags | (ulong)(device.Length & ~511) - (ulong)dice.Next(3) * 512,
            _ => dice.Odd(found, 8),
        });
    }

    private static ulong Get(OverlayDevice device, long offset, int width) => BinaryPrimitives.ReverseEndianness(device.Get(offset, width)) >> (64 - 8 * width);

    private static void Put(OverlayDevice device, long offset, int width, ulong value) =>
        device.Put(offset, width, BinaryPrimitives.ReverseEndianness(value) >> (64 - 8 * width));

    /// <summary>Where the tables of the image lie, as long as it is sound.</summary>
    private sealed class Map
    {
        public Map(OverlayDevice device)
        {
            var cluster = 1 << (int)Math.Min(21, Get(device, 0x14, 4));
            var (l1, refcounts) = ((long)Get(device, 0x28, 8), (long)Get(device, 0x30, 8));
            Tables.Add((l1, 64));
            Tables.Add((refcounts, 64));
            for (var i = 0; i < 4; i++)
            {
                Add((long)(Get(device, l1 + i * 8, 8) & L2Entry.OffsetMask), cluster);
                Add((long)Get(device, refcounts + i * 8, 8), cluster);
            }
            if (Get(device, 0x3C, 4) is > 0 and < 100)
            {
                Snapshots = (long)Get(device, 0x40, 8);
                Tables.Add(((long)Get(device, Snapshots, 8), 64));
            }
            for (var at = 0x70; at < 0x400; at += 8)
            {
                if (Get(device, at, 4) == ExtensionHead.Bitmaps)
                {
                    Bitmaps = (long)Get(device, at + 8 + 16, 8);
                    Tables.Add(((long)Get(device, Bitmaps, 8), 64));
                }
            }
        }

        public List<(long Offset, long Length)> Tables { get; } = [];
        public long Snapshots { get; }
        public long Bitmaps { get; }

        private void Add(long offset, long length)
        {
            if (offset > 0)
                Tables.Add((offset, length));
        }
    }
}
