namespace Platter.Fuzz.Mutation;

/// <summary>Breaks an NTFS volume where its fields are. Fields lie beside the last two bytes of each 512, so that what protects records and blocks
/// from torn writes stays right.</summary>
internal static class NtfsMutator
{
    // Offset and width; "NTFS Documentation" of the Linux-NTFS project.
    private static readonly (int, int)[] BootFields = [(0x0B, 2), (0x0D, 1), (0x28, 8), (0x30, 8), (0x38, 8), (0x40, 1), (0x44, 1)];
    private static readonly (int, int)[] RecordFields = [(0x04, 2), (0x06, 2), (0x10, 2), (0x12, 2), (0x14, 2), (0x16, 2), (0x18, 4), (0x1C, 4), (0x20, 8), (0x28, 2), (0x2C, 4)];
    private static readonly (int, int)[] HeadFields = [(0x00, 4), (0x04, 4), (0x08, 1), (0x09, 1), (0x0A, 2), (0x0C, 2), (0x0E, 2)];
    private static readonly (int, int)[] ResidentFields = [(0x10, 4), (0x14, 2), (0x16, 1)];
    private static readonly (int, int)[] NonResidentFields = [(0x10, 8), (0x18, 8), (0x20, 2), (0x22, 1), (0x28, 8), (0x30, 8), (0x38, 8), (0x40, 8)];
    private static readonly (int, int)[] BlockFields = [(0x04, 2), (0x06, 2), (0x10, 8), (0x18, 4), (0x1C, 4), (0x20, 4), (0x24, 1)];
    private static readonly (int, int)[] EntryFields = [(0x00, 8), (0x08, 2), (0x0A, 2), (0x0C, 2), (0x10, 8), (0x48, 4), (0x4C, 4), (0x50, 1), (0x51, 1)];
    private static readonly uint[] Types = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0, 0x100];

    public static void Mutate(OverlayDevice volume, NtfsMap map, Dice dice)
    {
        if (dice.OneIn(20) || map.Spots.Count == 0)
            return;
        for (var left = dice.Between(1, 4); left > 0; left--)
            One(volume, map, dice);
    }

    private static void One(OverlayDevice volume, NtfsMap map, Dice dice)
    {
        var spot = dice.Pick(map.Spots);
        switch (dice.Next(20))
        {
            case 0:
                Odd(volume, 0, BootFields, dice);
                break;
            case 1 or 2:
                Odd(volume, dice.Pick(map.Records), RecordFields, dice);
                break;
            case 3 or 4 or 5:
                Odd(volume, spot.Offset, HeadFields, dice);
                break;
            case 6:
                volume.Put(spot.Offset, 4, dice.Pick(Types));
                break;
            case 7 or 8 or 9:
                Odd(volume, spot.Offset, spot.IsResident ? ResidentFields : NonResidentFields, dice);
                break;
            case 10 or 11 when !spot.IsResident:
                // A head, a length or an offset of a run.
                volume.Put(map.RunsOf(spot) + dice.Next(Math.Max(1, (int)(spot.Offset + spot.Length - map.RunsOf(spot)))), 1, (ulong)dice.Next(256));
                break;
            case 10 or 11 or 12 or 13:
                Value(volume, map, spot, dice);
                break;
            case 14 or 15 or 16 when map.Blocks.Count > 0:
                Block(volume, dice.Pick(map.Blocks), dice);
                break;
            case 17:
                var (from, to) = (dice.Pick(map.Records), dice.Pick(map.Records));
                var copy = new byte[map.RecordSize];
                if (Math.Max(from, to) + copy.Length <= volume.Length)
                {
                    volume.Read(from, copy);
                    volume.Write(to, copy);
                }
                break;
            case 18 when map.Clusters.Count > 0:
                volume.Put(dice.Pick(map.Clusters) + dice.Next(map.ClusterSize), dice.Pick([1, 2, 4, 8]), (ulong)dice.NextLong(long.MaxValue));
                break;
            default:
                if (dice.OneIn(4))
                    volume.Cut(dice.Next((int)Math.Min(volume.Length, int.MaxValue)) & ~511);
                else
                    volume.Put(dice.NextLong(volume.Length), 1, (ulong)dice.Next(256));
                break;
        }
    }

    private static void Value(OverlayDevice volume, NtfsMap map, NtfsSpot spot, Dice dice)
    {
        if (!spot.IsResident)
            return;
        var value = map.ValueOf(spot);
        switch (spot.Type)
        {
            case 0x90 when !dice.OneIn(3):
                // The root's head, or one of its entries.
                if (dice.OneIn(3))
                    Odd(volume, value, [(0x00, 4), (0x04, 4), (0x08, 4), (0x0C, 1), (0x10, 4), (0x14, 4), (0x18, 4), (0x1C, 1)], dice);
                else
                    Entry(volume, value + 0x10, dice);
                break;
            case 0x20:
                Odd(volume, value + 32 * dice.Next(8), [(0, 4), (4, 2), (6, 1), (7, 1), (8, 8), (0x10, 8), (0x18, 2)], dice);
                break;
            case 0x30:
                Odd(volume, value, [(0, 8), (0x38, 4), (0x40, 1), (0x41, 1)], dice);
                break;
            case 0xC0:
                Odd(volume, value, [(0, 4), (4, 2), (8, 2), (10, 2), (12, 2), (14, 2), (16, 4)], dice);
                break;
            default:
                var at = dice.Next(Math.Max(1, spot.Length - 24));
                Odd(volume, value + at, [(0, dice.Pick([1, 2, 4]))], dice);
                break;
        }
    }

    private static void Block(OverlayDevice volume, long block, Dice dice)
    {
        if (dice.OneIn(3))
            Odd(volume, block, BlockFields, dice);
        else
            Entry(volume, block + 0x18, dice);
    }

    /// <summary>One of the entries behind an index header; or the place of its sub-node.</summary>
    public static void Entry(OverlayDevice volume, long header, Dice dice)
    {
        var at = header + (long)volume.Get(header, 4);
        for (var left = dice.Next(12); left > 0 && volume.Get(at + 8, 2) is var length and >= 16 && (volume.Get(at + 12, 2) & 2) == 0; left--)
            at += (long)length;
        if (dice.OneIn(4))
        {
            volume.Put(at + 12, 2, volume.Get(at + 12, 2) ^ (ulong)dice.Between(1, 3));
            volume.Put(at + (long)volume.Get(at + 8, 2) - 8, 8, (ulong)dice.Next(6));
        }
        else
        {
            Odd(volume, at, EntryFields, dice);
        }
    }

    /// <summary>One of the fields, given by offset and width.</summary>
    public static void Odd(OverlayDevice volume, long at, (int Offset, int Width)[] fields, Dice dice)
    {
        var (offset, width) = dice.Pick(fields);
        volume.Put(at + offset, width, dice.Odd(volume.Get(at + offset, width), width));
    }
}
