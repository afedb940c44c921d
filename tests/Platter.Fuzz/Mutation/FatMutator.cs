namespace Platter.Fuzz.Mutation;

/// <summary>Breaks a FAT volume where its fields are.</summary>
internal static class FatMutator
{
    // Offset and width of the boot sector's fields; "FAT: General Overview of On-Disk Format" 1.03, "Boot Sector and BPB".
    private static readonly (int Offset, int Width)[] BootFields =
    [
        (0x00, 1), (0x0B, 2), (0x0D, 1), (0x0E, 2), (0x10, 1), (0x11, 2), (0x13, 2), (0x15, 1), (0x16, 2), (0x18, 2), (0x1A, 2), (0x1C, 4), (0x20, 4),
        (0x24, 4), (0x25, 1), (0x26, 1), (0x28, 2), (0x2A, 2), (0x2C, 4), (0x30, 2), (0x32, 2), (0x41, 1), (0x42, 1), (0x47, 1), (0x1FE, 2),
    ];

    private static readonly (int Offset, int Width)[] SlotFields =
    [
        (0x00, 1), (0x0B, 1), (0x0C, 1), (0x0D, 1), (0x0E, 2), (0x10, 2), (0x12, 2), (0x14, 2), (0x16, 2), (0x18, 2), (0x1A, 2), (0x1C, 4), (0x01, 8),
    ];

    private static readonly int[] UnitOffsets = [0x01, 0x03, 0x05, 0x07, 0x09, 0x0E, 0x10, 0x12, 0x14, 0x16, 0x18, 0x1C, 0x1E];

    private static readonly ushort[] OddUnits = [0, '.', '/', '\\', ':', ' ', '*', 0xFFFF, 0xD83D, 0xDE00, 0x0001, 0x007F, 0x0301, 0xFEFF, 'A', 'a'];

    private static readonly byte[] OddAttributes = [0x00, 0x08, 0x0F, 0x10, 0x18, 0x20, 0x28, 0x30, 0x3F, 0x4F, 0x80, 0xFF];

    public static void Mutate(OverlayDevice volume, FatMap map, Dice dice)
    {
        // A few of the images stay sound: what edits do to those is judged by the checker.
        if (dice.OneIn(16))
            return;
        for (var left = dice.Between(1, 4); left > 0; left--)
            One(volume, map, dice);
    }

    /// <summary>Breaks names alone: the volume opens, and its names are what hurts.</summary>
    public static void MutateNames(OverlayDevice volume, FatMap map, Dice dice)
    {
        if (dice.OneIn(2))
            LongName(volume, map, dice);
        else
            Slot(volume, map, dice);
    }

    private static void One(OverlayDevice volume, FatMap map, Dice dice)
    {
        switch (dice.Next(20))
        {
            case 0 or 1:
                var (offset, width) = dice.Pick(BootFields);
                volume.Put(offset, width, dice.Odd(volume.Get(offset, width), width));
                break;
            case 2 or 3 or 4 or 5:
                Link(volume, map, dice);
                break;
            case 6 or 7 or 8 or 9 or 10:
                Slot(volume, map, dice);
                break;
            case 11 or 12:
                LongName(volume, map, dice);
                break;
            case 13:
                SwapSlots(volume, map, dice);
                break;
            case 14 when map.InfoOffset != 0:
                var field = map.InfoOffset + dice.Pick([0, 0x1E4, 0x1E8, 0x1E8, 0x1EC, 0x1EC, 0x1FC]);
                volume.Put(field, 4, dice.OneIn(2) ? dice.Odd(volume.Get(field, 4), 4) : (ulong)dice.Next(300));
                break;
            case 15:
                AnyBytes.Swap(volume, dice, (int)Math.Min(map.DataOffset + 64 * map.ClusterSize, volume.Length));
                break;
            case 16 when dice.OneIn(2):
                Directory(volume, map, dice);
                break;
            case 17 when dice.OneIn(3):
                volume.Cut(dice.OneIn(2) ? dice.Next((int)volume.Length) : (int)dice.NextLong(volume.Length / 512) * 512);
                break;
            case 18 when dice.OneIn(2):
                // A piece of the FAT with one value.
                var from = map.FatOffset + dice.NextLong(Math.Max(Math.Min(map.FatLength, map.ClusterCount * map.Width / 8), 1));
                var value = dice.Pick<ulong>([0, 0x0101010101010101, 0x0002000200020002, ulong.MaxValue, 0xF7FFF7FFF7FFF7FF]);
                for (var i = dice.Between(1, 64); i > 0; i--, from += 8)
                    volume.Put(from, 8, value);
                break;
            default:
                AnyBytes.FlipBits(volume, dice, dice.OneIn(4) ? volume.Length : Math.Min(map.DataOffset + 8 * map.ClusterSize, volume.Length));
                break;
        }
    }

    /// <summary>A cluster number that leads astray: nowhere, back, into another file, one behind the last.</summary>
    private static long OddCluster(FatMap map, Dice dice, long own) => dice.Next(14) switch
    {
        0 => 0,
        1 => 1,
        2 => own,
        3 => own + 1,
        4 => own - 1,
        5 => map.ClusterCount + 1,
        6 => map.ClusterCount + 2,
        7 => 0x0FFFFFF7 & (map.Width == 32 ? -1 : (1 << map.Width) - 1),
        8 => 0x0FFFFFF0 & (map.Width == 32 ? -1 : (1 << map.Width) - 1),
        9 => 0x0FFFFFFF & (map.Width == 32 ? -1 : (1 << map.Width) - 1),
        10 => map.RootCluster,
        11 => (long)dice.Odd((ulong)own, map.Width == 32 ? 4 : 2),
        _ => map.UsedClusters.Count == 0 ? 2 : dice.Pick(map.UsedClusters),
    };

    private static void Link(OverlayDevice volume, FatMap map, Dice dice)
    {
        var cluster = map.UsedClusters.Count > 0 && !dice.OneIn(8) ? dice.Pick(map.UsedClusters) : dice.NextLong(map.ClusterCount + 2);
        var value = OddCluster(map, dice, cluster);
        var only = dice.OneIn(5) ? dice.Next(map.FatCount) : -1;
        for (var fat = 0; fat < map.FatCount; fat++)
        {
            if (only < 0 || only == fat)
                map.SetEntry(volume, fat, cluster, value);
        }
    }

    private static long PickSlot(FatMap map, Dice dice)
    {
        if (map.Slots.Count == 0)
            return 0;
        // The first slots of a directory are those in use.
        var directory = dice.Pick(map.Directories);
        return directory[dice.OneIn(4) ? dice.Next(directory.Count) : dice.Next(Math.Min(directory.Count, 12))];
    }

    private static void Slot(OverlayDevice volume, FatMap map, Dice dice)
    {
        var slot = PickSlot(map, dice);
        var name = volume.Get(slot, 8);
        switch (dice.Next(6))
        {
            case 0:
                map.SetCluster(volume, slot, OddCluster(map, dice, map.ClusterOf(volume, slot)));
                break;
            case 1:
                volume.Put(slot + 0x0B, 1, dice.Pick(OddAttributes));
                break;
            case 2:
                volume.Put(slot + dice.Next(11), 1, dice.Pick<byte>([0x00, 0xE5, 0x05, (byte)'.', (byte)' ', (byte)'/', (byte)'a', 0x80, 0xFF, 0x7F, (byte)'\\']));
                break;
            case 3:
                volume.Put(slot + 0x1C, 4, dice.OneIn(2) ? dice.Odd(volume.Get(slot + 0x1C, 4), 4) : (ulong)dice.Next(3 * map.ClusterSize));
                break;
            default:
                var (offset, width) = dice.Pick(SlotFields);
                volume.Put(slot + offset, width, dice.Odd(volume.Get(slot + offset, width), width));
                break;
        }
        if (volume.Get(slot, 8) != name && dice.OneIn(2))
            FixChecksums(volume, slot);
    }

    private static void LongName(OverlayDevice volume, FatMap map, Dice dice)
    {
        var slot = PickSlot(map, dice);
        for (var tries = 0; tries < 8 && (volume.Get(slot + 0x0B, 1) & 0x3F) != 0x0F; tries++)
            slot = PickSlot(map, dice);
        switch (dice.Next(6))
        {
            case 0:
                volume.Put(slot, 1, dice.OneIn(2) ? dice.Odd(volume.Get(slot, 1), 1) : (ulong)dice.Pick([0x40, 0x41, 0x54, 0x55, 0x5F, 0x7F, 0x00, 0x14, 0xE5]));
                break;
            case 1:
                volume.Put(slot + 0x0D, 1, (ulong)dice.Next(256));
                break;
            case 2:
                volume.Put(slot + 0x0C, 1, (ulong)dice.Next(256));
                volume.Put(slot + 0x1A, 2, (ulong)dice.Next(65536));
                break;
            case 3:
                // A whole name that is dangerous on a host.
                var text = dice.Pick<string>(["..", ".", "/", "../x", "a/b", "\0", "/etc/x", "..\\x", "CON", "a\0b"]);
                for (var i = 0; i < UnitOffsets.Length; i++)
                    volume.Put(slot + UnitOffsets[i], 2, i < text.Length ? text[i] : i == text.Length ? 0u : 0xFFFFu);
                break;
            default:
                volume.Put(slot + dice.Pick(UnitOffsets), 2, dice.Pick(OddUnits));
                break;
        }
    }

    private static void SwapSlots(OverlayDevice volume, FatMap map, Dice dice)
    {
        var (a, b) = (PickSlot(map, dice), PickSlot(map, dice));
        if (Math.Max(a, b) + 32 > volume.Length)
            return;
        var (first, second) = (new byte[32], new byte[32]);
        volume.Read(a, first);
        volume.Read(b, second);
        volume.Write(b, first);
        if (dice.OneIn(2))
            volume.Write(a, second);
    }

    /// <summary>A directory that is full to its last slot, or whose entries all are the same directory.</summary>
    private static void Directory(OverlayDevice volume, FatMap map, Dice dice)
    {
        if (map.Slots.Count == 0)
            return;
        var directory = dice.Pick(map.Directories);
        var target = dice.OneIn(2) ? OddCluster(map, dice, map.RootCluster) : -1;
        var entry = new byte[32];
        var model = dice.Pick(directory);
        if (model + 32 > volume.Length)
            return;
        volume.Read(model, entry);
        var all = dice.OneIn(3);
        for (var i = 0; i < directory.Count; i++)
        {
            var slot = directory[i];
            if (slot + 32 > volume.Length || !all && volume.Get(slot, 1) != 0)
                continue;
            volume.Write(slot, entry);
            volume.Put(slot, 4, (ulong)(0x41414141 + i % 26 + (i / 26 % 26 << 8) + (i / 676 % 26 << 16)));
            volume.Put(slot + 0x0B, 1, target < 0 ? 0x20u : 0x10u);
            if (target >= 0)
                map.SetCluster(volume, slot, target);
        }
    }

    // So that a long name stays one when its short name has changed.
    private static void FixChecksums(OverlayDevice volume, long shortSlot)
    {
        var sum = 0;
        for (var i = 0; i < 11; i++)
            sum = ((sum & 1) << 7 | sum >> 1) + (int)volume.Get(shortSlot + i, 1) & 0xFF;
        for (var slot = shortSlot - 32; slot >= 0 && (volume.Get(slot + 0x0B, 1) & 0x3F) == 0x0F; slot -= 32)
            volume.Put(slot + 0x0D, 1, (ulong)sum);
    }
}
