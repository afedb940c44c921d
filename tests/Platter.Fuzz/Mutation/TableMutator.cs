using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.Fuzz.Mutation;

/// <summary>Breaks partition tables where their fields are; the checksums of a GPT are made right again, so that the reader gets past them.</summary>
internal static class TableMutator
{
    private const int Sector = 512;

    // UEFI 2.10, table 5.5 and 5.6; Inside Macintosh: Devices, chapter 3.
    private static readonly (int Offset, int Width)[] GptHeaderFields = [(0x00, 8), (0x08, 4), (0x0C, 4), (0x14, 4), (0x18, 8), (0x20, 8), (0x28, 8), (0x30, 8), (0x38, 8), (0x48, 8), (0x50, 4), (0x54, 4)];
    private static readonly (int Offset, int Width)[] GptEntryFields = [(0x00, 8), (0x08, 8), (0x10, 8), (0x20, 8), (0x28, 8), (0x30, 8), (0x38, 2), (0x3A, 2), (0x7E, 2)];
    private static readonly (int Offset, int Width)[] ApmFields = [(0x00, 2), (0x04, 4), (0x08, 4), (0x0C, 4), (0x10, 8), (0x30, 8), (0x38, 4), (0x50, 4), (0x54, 4), (0x58, 4), (0x5C, 4), (0x60, 4)];
    private static readonly (int Offset, int Width)[] MbrEntryFields = [(0x0, 1), (0x1, 1), (0x4, 1), (0x5, 1), (0x8, 4), (0x8, 4), (0xC, 4), (0xC, 4)];
    private static readonly byte[] MbrTypes = [0x00, 0x05, 0x0F, 0x85, 0x07, 0x0C, 0x82, 0x83, 0xEE, 0xEF, 0xFF];

    public static void Mutate(OverlayDevice disk, Dice dice)
    {
        if (dice.OneIn(16))
            return;
        for (var left = dice.Between(1, 5); left > 0; left--)
        {
            switch (dice.Next(14))
            {
                case 0:
                    AnyBytes.FlipBits(disk, dice, dice.OneIn(3) ? disk.Length : 64 << 10);
                    break;
                case 1:
                    AnyBytes.Swap(disk, dice, 64 << 10);
                    break;
                case 2 when dice.OneIn(3):
                    disk.Cut(dice.OneIn(2) ? dice.Next((int)disk.Length) : dice.Next((int)(disk.Length / Sector)) * Sector);
                    break;
                case 3 when dice.OneIn(3):
                    disk.Put(0x1FE, 2, dice.Pick<ulong>([0, 0xAA55, 0x55AA]));
                    break;
                default:
                    One(disk, dice);
                    break;
            }
        }
        FixChecksums(disk, dice);
    }

    private static void One(OverlayDevice disk, Dice dice)
    {
        var gpt = disk.Get(disk.SectorSize, 8) == 0x5452415020494645;
        if (disk.Get(0, 2) == 0x5245)   // "ER", big-endian
            Apm(disk, dice);
        else if (gpt && !dice.OneIn(4))
            Gpt(disk, dice);
        else
            Mbr(disk, dice);
    }

    private static void Mbr(OverlayDevice disk, Dice dice)
    {
        // One of the records of the chain: the MBR, or an EBR that an extended entry leads to.
        var at = 0L;
        for (var step = dice.Next(4); step > 0; step--)
        {
            var next = Enumerable.Range(0, 4).FirstOrDefault(i => disk.Get(at + 0x1BE + 16 * i + 4, 1) is 0x05 or 0x0F or 0x85, -1);
            if (next < 0)
                break;
            var start = (long)disk.Get(at + 0x1BE + 16 * next + 8, 4) * Sector;
            at = at == 0 ? start : FirstExtended(disk) + start;
        }
        var entry = at + 0x1BE + 16 * dice.Next(4);
        var (offset, width) = dice.Pick(MbrEntryFields);
        var found = disk.Get(entry + offset, width);
        disk.Put(entry + offset, width, offset switch
        {
            4 => dice.Pick(MbrTypes),
            // Itself, the start of the chain, the first sector, the last.
            8 when dice.OneIn(2) => dice.Pick([0UL, 1UL, (ulong)(at / Sector), (ulong)(FirstExtended(disk) / Sector), (ulong)(disk.Length / Sector) - 1, (ulong)(disk.Length / Sector), found + 1]),
            _ => dice.Odd(found, width),
        });
    }

    private static long FirstExtended(OverlayDevice disk)
    {
        for (var i = 0; i < 4; i++)
        {
            if (disk.Get(0x1BE + 16 * i + 4, 1) is 0x05 or 0x0F or 0x85)
                return (long)disk.Get(0x1BE + 16 * i + 8, 4) * Sector;
        }
        return 0;
    }

    private static void Gpt(OverlayDevice disk, Dice dice)
    {
        var header = dice.OneIn(2) ? disk.SectorSize : (disk.Length / disk.SectorSize - 1) * disk.SectorSize;
        var fields = GptHeaderFields;
        var at = header;
        if (!dice.OneIn(3))
        {
            fields = GptEntryFields;
            at = (long)disk.Get(header + 0x48, 8) * disk.SectorSize + 128L * dice.Next(dice.OneIn(8) ? 128 : 4);
            if (at < 0 || at > disk.Length)
                return;
        }
        var (offset, width) = dice.Pick(fields);
        var found = disk.Get(at + offset, width);
        disk.Put(at + offset, width, dice.OneIn(3) && width == 8 ? (ulong)dice.NextLong(disk.Length / disk.SectorSize + 2) : dice.Odd(found, width));
    }

    private static void Apm(OverlayDevice disk, Dice dice)
    {
        if (dice.OneIn(5))
        {
            PutBig(disk, dice.Pick([0, 2, 4, 0x10]), 2, dice.OneIn(2) ? dice.Pick<ulong>([512, 1024, 2048, 4096, 0, 1, 65535]) : dice.Odd(GetBig(disk, 2, 2), 2));
            return;
        }
        var entry = 512L * dice.Between(1, 5);
        var (offset, width) = dice.Pick(ApmFields);
        var found = GetBig(disk, entry + offset, width);
        PutBig(disk, entry + offset, width, dice.OneIn(3) ? (ulong)dice.NextLong(disk.Length / Sector + 2) : dice.Odd(found, width));
    }

    private static ulong GetBig(OverlayDevice disk, long offset, int width) => BinaryPrimitives.ReverseEndianness(disk.Get(offset, width)) >> (64 - 8 * width);

    private static void PutBig(OverlayDevice disk, long offset, int width, ulong value) =>
        disk.Put(offset, width, BinaryPrimitives.ReverseEndianness(value << (64 - 8 * width)));

    private static void FixChecksums(OverlayDevice disk, Dice dice)
    {
        if (disk.Length < 2 * disk.SectorSize || dice.OneIn(6))
            return;
        foreach (var at in new[] { disk.SectorSize, (disk.Length / disk.SectorSize - 1) * disk.SectorSize })
        {
            if (disk.Get(at, 8) != 0x5452415020494645)
                continue;
            long entries = (long)disk.Get(at + 0x48, 8), length = (long)(disk.Get(at + 0x50, 4) * disk.Get(at + 0x54, 4)), header = (long)disk.Get(at + 0x0C, 4);
            if (entries > 0 && entries < disk.Length / disk.SectorSize && length > 0 && length <= disk.Length - entries * disk.SectorSize)
                disk.Put(at + 0x58, 4, Checksum(disk, entries * disk.SectorSize, length));
            disk.Put(at + 0x10, 4, 0);
            if (header >= 92 && header <= disk.SectorSize)
                disk.Put(at + 0x10, 4, Checksum(disk, at, header));
        }
    }

    private static uint Checksum(OverlayDevice disk, long offset, long length)
    {
        var bytes = new byte[length];
        disk.Read(offset, bytes);
        return Crc32.Compute(bytes);
    }
}
