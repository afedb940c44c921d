using System.Buffers.Binary;

namespace Platter.Fuzz.Mutation;

/// <summary>Breaks an exFAT volume where its fields are, and makes the checksums right again most of the time, so that what lies behind them
/// is reached.</summary>
internal static class ExFatMutator
{
    // Offset and width of the boot sector's fields; Microsoft "exFAT file system specification", section 3.1.
    private static readonly (int Offset, int Width)[] BootFields =
    [
        (0x40, 8), (0x48, 8), (0x50, 4), (0x54, 4), (0x58, 4), (0x5C, 4), (0x60, 4), (0x60, 4), (0x64, 4), (0x68, 2), (0x6A, 2), (0x6C, 1), (0x6D, 1),
        (0x6E, 1), (0x6F, 1), (0x70, 1), (0x0B, 1), (0x03, 1), (0x1FE, 2),
    ];

    private static readonly (int Offset, int Width)[] FileFields =
        [(0x00, 1), (0x01, 1), (0x01, 1), (0x02, 2), (0x04, 2), (0x04, 1), (0x08, 4), (0x0C, 4), (0x10, 4), (0x14, 1), (0x15, 1), (0x16, 1), (0x17, 1)];

    private static readonly (int Offset, int Width)[] StreamFields =
        [(0x00, 1), (0x01, 1), (0x03, 1), (0x03, 1), (0x04, 2), (0x08, 8), (0x08, 8), (0x14, 4), (0x18, 8), (0x18, 8)];

    private static readonly (int Offset, int Width)[] AnyFields = [(0x00, 1), (0x01, 1), (0x02, 2), (0x04, 4), (0x14, 4), (0x18, 8)];

    private static readonly byte[] Types = [0x00, 0x01, 0x05, 0x40, 0x41, 0x7F, 0x80, 0x81, 0x82, 0x83, 0x85, 0x86, 0xA0, 0xA1, 0xA5, 0xC0, 0xC1, 0xC2, 0xE0, 0xE1, 0xE2, 0xFF];

    private static readonly ushort[] OddUnits = [0, '.', '/', '\\', ':', ' ', '*', 0xFFFF, 0xD83D, 0xDE00, 0x0001, 0x007F, 0x0301, 0xFEFF, 'A', 'a'];

    public static void Mutate(OverlayDevice volume, ExFatMap map, Dice dice)
    {
        // A few of the images stay sound: what edits do to those is judged by the checker.
        if (dice.OneIn(12))
            return;
        for (var left = dice.Between(1, 4); left > 0; left--)
            One(volume, map, dice);
    }

    private static void One(OverlayDevice volume, ExFatMap map, Dice dice)
    {
        switch (dice.Next(22))
        {
            case 0 or 1:
                Boot(volume, map, dice);
                break;
            case 2 or 3 or 4:
                Link(volume, map, dice);
                break;
            case 5 or 6:
                Mark(volume, map, dice);
                break;
            case 7 or 8 or 9 or 10 or 11:
                Set(volume, map, dice);
                break;
            case 12 or 13:
                Name(volume, map, dice);
                break;
            case 14:
                SwapSlots(volume, map, dice);
                break;
            case 15:
                Upcase(volume, map, dice);
                break;
            case 16:
                RootEntry(volume, map, dice);
                break;
            case 17 when dice.OneIn(2):
                Directory(volume, map, dice);
                break;
            case 18 when dice.OneIn(3):
                volume.Cut(dice.OneIn(2) ? dice.Next((int)volume.Length) : (int)dice.NextLong(volume.Length / 512) * 512);
                break;
            case 19 when dice.OneIn(2):
                // A piece of FAT or bitmap with one value.
                var from = dice.OneIn(2) ? map.FatOffset + dice.NextLong(4 * map.ClusterCount) : map.BitmapOffset + dice.NextLong(map.ClusterCount / 8);
                var value = dice.Pick<ulong>([0, ulong.MaxValue, 0x0000000200000002, 0xFFFFFFF7FFFFFFF7, 0x5555555555555555]);
                for (var i = dice.Between(1, 64); i > 0; i--, from += 8)
                    volume.Put(from, 8, value);
                break;
            case 20:
                AnyBytes.Swap(volume, dice, (int)Math.Min(map.HeapOffset + 64L * map.ClusterSize, volume.Length));
                break;
            default:
                AnyBytes.FlipBits(volume, dice, dice.OneIn(4) ? volume.Length : Math.Min(map.HeapOffset + 8L * map.ClusterSize, volume.Length));
                break;
        }
    }

    // In one region, or in both; sealed most of the time.
    private static void Boot(OverlayDevice volume, ExFatMap map, Dice dice)
    {
        var (offset, width) = dice.Pick(BootFields);
        var value = dice.OneIn(3) ? (ulong)dice.Next(40) : dice.Odd(volume.Get(offset, width), width);
        var regions = dice.Pick<int[]>([[0], [0, 1], [0, 1], [1]]);
        var seal = !dice.OneIn(4);
        foreach (var region in regions)
        {
            var start = region * 12L * map.SectorSize;
            volume.Put(start + offset, width, value);
            if (seal)
                Seal(volume, start, map.SectorSize);
        }
    }

    private static void Seal(OverlayDevice volume, long start, int sectorSize)
    {
        if (start + 12L * sectorSize > volume.Length)
            return;
        var bytes = new byte[11 * sectorSize];
        volume.Read(start, bytes);
        var sum = 0u;
        for (var i = 0; i < bytes.Length; i++)
        {
            if (i is not (106 or 107 or 112))
                sum = (sum << 31 | sum >> 1) + bytes[i];
        }
        var sector = new byte[sectorSize];
        for (var at = 0; at < sectorSize; at += 4)
            BinaryPrimitives.WriteUInt32LittleEndian(sector.AsSpan(at), sum);
        volume.Write(start + bytes.Length, sector);
    }

    /// <summary>A cluster number that leads astray: nowhere, back, into another file, one behind the last.</summary>
    private static ulong OddCluster(OverlayDevice volume, ExFatMap map, Dice dice, ulong own) => dice.Next(14) switch
    {
        0 => 0,
        1 => 1,
        2 => own,
        3 => own + 1,
        4 => own - 1,
        5 => (ulong)map.ClusterCount + 1,
        6 => (ulong)map.ClusterCount + 2,
        7 => 0xFFFFFFF7,
        8 => 0xFFFFFFF8,
        9 => 0xFFFFFFFF,
        10 => (ulong)map.RootCluster,
        11 => dice.Odd(own, 4),
        12 => (ulong)dice.NextLong(map.ClusterCount + 2),
        _ => map.Sets.Count == 0 ? 2 : volume.Get(dice.Pick(map.Sets) + 32 + 0x14, 4),
    };

    private static void Link(OverlayDevice volume, ExFatMap map, Dice dice)
    {
        var cluster = dice.Next(8) switch
        {
            0 => dice.NextLong(map.ClusterCount + 2),
            1 => map.RootCluster,
            2 or 3 => (long)OddCluster(volume, map, dice, 2) & 0xFFFFFF,
            _ => dice.NextLong(Math.Min(map.ClusterCount + 2, 200)),
        };
        volume.Put(map.FatOffset + 4 * cluster, 4, OddCluster(volume, map, dice, (ulong)cluster));
    }

    private static void Mark(OverlayDevice volume, ExFatMap map, Dice dice)
    {
        var at = map.BitmapOffset + (dice.OneIn(3) ? dice.NextLong(map.ClusterCount / 8 + 1) : dice.Next(20));
        volume.Put(at, 1, dice.Pick<ulong>([0, 0xFF, volume.Get(at, 1) ^ 1UL << dice.Next(8)]));
    }

    private static void Set(OverlayDevice volume, ExFatMap map, Dice dice)
    {
        if (map.Sets.Count == 0)
            return;
        var file = dice.Pick(map.Sets);
        var set = map.SetOf(volume, file);
        var index = dice.OneIn(2) ? Math.Min(1, set.Count - 1) : dice.Next(set.Count);
        var entry = set[index];
        switch (dice.Next(8))
        {
            case 0:
                volume.Put(entry, 1, dice.Pick(Types));
                break;
            case 1 when index == 1:
                volume.Put(entry + 0x14, 4, OddCluster(volume, map, dice, volume.Get(entry + 0x14, 4)));
                break;
            case 2 when index == 1:
                var length = dice.OneIn(2) ? (ulong)dice.NextLong(4L * map.ClusterSize) : dice.Odd(volume.Get(entry + 0x18, 8), 8);
                volume.Put(entry + 0x18, 8, length);
                if (dice.OneIn(2))
                    volume.Put(entry + 0x08, 8, length);
                break;
            case 3 when index == 1:
                // Contiguous or not; as a file or as a directory.
                volume.Put(entry + 1, 1, (ulong)dice.Next(4));
                break;
            case 4:
                volume.Put(file + 4, 2, (ulong)dice.Pick([0x00, 0x10, 0x20, 0x30, 0x10, 0xFFFF, 0x08]));
                break;
            default:
                var (offset, width) = dice.Pick(index switch { 0 => FileFields, 1 => StreamFields, _ => AnyFields });
                volume.Put(entry + offset, width, dice.OneIn(3) ? (ulong)dice.Next(64) : dice.Odd(volume.Get(entry + offset, width), width));
                break;
        }
        if (!dice.OneIn(4))
            Seal(volume, map, file);
    }

    private static void Name(OverlayDevice volume, ExFatMap map, Dice dice)
    {
        if (map.Sets.Count == 0)
            return;
        var file = dice.Pick(map.Sets);
        var set = map.SetOf(volume, file);
        if (set.Count < 3)
            return;
        if (dice.OneIn(3))
        {
            // A whole name that is dangerous on a host, or there already.
            var text = dice.Pick<string>(["..", ".", "/", "../x", "a/b", "\0", "/etc/x", "..\\x", "CON", "a\0b", "README.TXT", "empty"]);
            for (var i = 0; i < text.Length; i++)
                volume.Put(set[2] + 2 + 2 * i, 2, text[i]);
            volume.Put(set[1] + 3, 1, (ulong)text.Length);
        }
        else
        {
            var entry = set[dice.Between(2, set.Count - 1)];
            volume.Put(entry + 2 + 2 * dice.Next(15), 2, dice.Pick(OddUnits));
        }
        if (!dice.OneIn(3))
            FixHash(volume, set);
        if (!dice.OneIn(5))
            Seal(volume, map, file);
    }

    // ASCII's capitals are enough: most names have no others.
    private static void FixHash(OverlayDevice volume, List<long> set)
    {
        var hash = 0;
        var length = (int)volume.Get(set[1] + 3, 1);
        for (var i = 0; i < length && 2 + i / 15 < set.Count; i++)
        {
            var unit = (int)volume.Get(set[2 + i / 15] + 2 + 2 * (i % 15), 2);
            unit -= unit is >= 'a' and <= 'z' ? 32 : 0;
            hash = (hash << 15 | hash >> 1) + (unit & 0xFF) & 0xFFFF;
            hash = (hash << 15 | hash >> 1) + (unit >> 8) & 0xFFFF;
        }
        volume.Put(set[1] + 4, 2, (ulong)hash);
    }

    private static void Seal(OverlayDevice volume, ExFatMap map, long file)
    {
        var sum = 0;
        var first = true;
        foreach (var entry in map.SetOf(volume, file))
        {
            for (var i = 0; i < 32; i++)
            {
                if (!first || i is not (2 or 3))
                    sum = (sum << 15 | sum >> 1) + (int)volume.Get(entry + i, 1) & 0xFFFF;
            }
            first = false;
        }
        volume.Put(file + 2, 2, (ulong)sum);
    }

    private static void SwapSlots(OverlayDevice volume, ExFatMap map, Dice dice)
    {
        if (map.Slots.Count == 0)
            return;
        var (a, b) = (dice.Pick(map.Slots), dice.Pick(map.Slots));
        if (Math.Max(a, b) + 32 > volume.Length)
            return;
        var (first, second) = (new byte[32], new byte[32]);
        volume.Read(a, first);
        volume.Read(b, second);
        volume.Write(b, first);
        if (dice.OneIn(2))
            volume.Write(a, second);
    }

    private static void Upcase(OverlayDevice volume, ExFatMap map, Dice dice)
    {
        if (map.UpcaseEntry == 0)
            return;
        var at = map.OffsetOf((long)volume.Get(map.UpcaseEntry + 0x14, 4));
        if (dice.OneIn(3))
            volume.Put(map.UpcaseEntry + 0x18, 8, dice.OneIn(2) ? (ulong)dice.Next(300) : dice.Odd(volume.Get(map.UpcaseEntry + 0x18, 8), 8));
        for (var left = dice.Between(0, 4); left > 0; left--)
            volume.Put(at + 2 * dice.Next(2918), 2, dice.Pick<ulong>([0xFFFF, 0, 'A', (ulong)dice.Next(65536)]));
        var length = (long)volume.Get(map.UpcaseEntry + 0x18, 8);
        if (dice.OneIn(5) || length is < 0 or > 131072 || at < 0 || at + length > volume.Length)
            return;
        var table = new byte[length];
        volume.Read(at, table);
        var sum = 0u;
        foreach (var b in table)
            sum = (sum << 31 | sum >> 1) + b;
        volume.Put(map.UpcaseEntry + 4, 4, sum);
    }

    // The entries before the first file: label, bitmap, up-case table.
    private static void RootEntry(OverlayDevice volume, ExFatMap map, Dice dice)
    {
        if (map.Directories.Count == 0)
            return;
        var entry = map.Directories[0][dice.Next(Math.Min(4, map.Directories[0].Count))];
        switch (dice.Next(4))
        {
            case 0:
                volume.Put(entry, 1, dice.Pick(Types));
                break;
            case 1:
                volume.Put(entry + 0x14, 4, OddCluster(volume, map, dice, volume.Get(entry + 0x14, 4)));
                break;
            default:
                var (offset, width) = dice.Pick(AnyFields);
                volume.Put(entry + offset, width, dice.Odd(volume.Get(entry + offset, width), width));
                break;
        }
    }

    /// <summary>A directory that is full to its last entry, all of them sets of the same file or directory.</summary>
    private static void Directory(OverlayDevice volume, ExFatMap map, Dice dice)
    {
        if (map.Sets.Count == 0)
            return;
        var model = dice.Pick(map.Sets);
        var set = map.SetOf(volume, model);
        var directory = dice.Pick(map.Directories);
        var all = dice.OneIn(3);
        var entry = new byte[32];
        for (var i = 0; i + set.Count <= directory.Count; i += set.Count)
        {
            if (!all && volume.Get(directory[i], 1) != 0)
                continue;
            for (var n = 0; n < set.Count; n++)
            {
                if (set[n] + 32 > volume.Length || directory[i + n] + 32 > volume.Length)
                    return;
                volume.Read(set[n], entry);
                volume.Write(directory[i + n], entry);
            }
        }
    }
}
