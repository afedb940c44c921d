using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>One entry of a directory: its short slot and the long-name slots before it.</summary>
/// <param name="FirstSlot">Index of the first slot that belongs to it.</param>
/// <param name="ShortSlot">Index of the short slot; -1 when long-name slots have none (orphans).</param>
/// <param name="HasLongName">Whether the slots from <paramref name="FirstSlot"/> on are a valid long name of this short name.</param>
/// <param name="Orphans">How many long-name slots before <paramref name="FirstSlot"/> belong to nothing.</param>
internal readonly record struct FatEntry(int FirstSlot, int ShortSlot, bool HasLongName, int Orphans)
{
    public int SlotCount => ShortSlot - FirstSlot + 1;
}

/// <summary>Walks the slots of a directory and puts long names and short names together. One place for the rule, used by
/// reading and by the checker.</summary>
internal static class FatSlotReader
{
    /// <summary>Finds the next entry, volume labels and dot entries included.</summary>
    /// <param name="slots">The directory's bytes.</param>
    /// <param name="position">Slot index to go on from; moved behind the entry.</param>
    /// <param name="entry">The entry; ShortSlot -1 when long-name slots stand before the end alone.</param>
    /// <returns>False at the end of the directory.</returns>
    public static bool TryNext(ReadOnlySpan<byte> slots, ref int position, out FatEntry entry)
    {
        var count = slots.Length / FatShortSlot.Size;
        var orphans = 0;
        var start = -1;         // where the long name under way starts; -1 when there is none
        int expected = 0, checksum = 0;
        for (; position < count; position++)
        {
            var slot = slots.Slice(position * FatShortSlot.Size, FatShortSlot.Size);
            if (slot[0] == FatShortSlot.End)
                break;
            if (slot[0] == FatShortSlot.Removed)
            {
                orphans += start < 0 ? 0 : position - start;
                start = -1;
                continue;
            }
            if (IsLong(slot))
            {
                int ordinal = slot[0] & 0x3F;
                if ((slot[0] & FatLongSlot.LastFlag) != 0)
                {
                    orphans += start < 0 ? 0 : position - start;
                    start = ordinal is >= 1 and <= FatLongSlot.MaxSlots ? position : -1;
                    orphans += start < 0 ? 1 : 0;
                    expected = ordinal - 1;
                    checksum = slot[0x0D];
                }
                else if (start >= 0 && ordinal == expected && ordinal >= 1 && slot[0x0D] == checksum)
                {
                    expected--;
                }
                else
                {
                    orphans += start < 0 ? 1 : position - start + 1;
                    start = -1;
                }
                continue;
            }

            var hasLongName = start >= 0 && expected == 0 && FatShortNames.Checksum(slot) == checksum && (slot[0x0B] & 0x08) == 0;
            if (start >= 0 && !hasLongName)
                orphans += position - start;
            entry = new FatEntry(hasLongName ? start : position, position, hasLongName, orphans);
            position++;
            return true;
        }
        if (start >= 0)
            orphans += position - start;
        entry = new FatEntry(-1, -1, false, orphans);
        return false;
    }

    public static bool IsLong(ReadOnlySpan<byte> slot) => (slot[0x0B] & 0x3F) == FatLongSlot.AttributesValue;

    /// <summary>Puts a long name together.</summary>
    /// <param name="slots">The directory's bytes.</param>
    /// <param name="entry">An entry that has a long name.</param>
    /// <param name="name">At least 260 units.</param>
    /// <returns>How many units the name has; up to 260 in a damaged directory.</returns>
    public static int ReadLongName(ReadOnlySpan<byte> slots, FatEntry entry, Span<char> name)
    {
        var length = 0;
        for (var slot = entry.ShortSlot - 1; slot >= entry.FirstSlot; slot--)
        {
            var bytes = slots.Slice(slot * FatShortSlot.Size, FatShortSlot.Size);
            CopyUnits(bytes.Slice(0x01, 10), name, ref length);
            CopyUnits(bytes.Slice(0x0E, 12), name, ref length);
            CopyUnits(bytes.Slice(0x1C, 4), name, ref length);
        }
        var end = name[..length].IndexOf('\0');
        return end < 0 ? length : end;
    }

    // Unit by unit, each put together from its bytes: a plain loop, which code compiled ahead of time has in place.
    private static void CopyUnits(ReadOnlySpan<byte> bytes, Span<char> name, ref int length)
    {
        var target = name.Slice(length, bytes.Length / 2);
        for (var i = 0; i < target.Length; i++)
            target[i] = (char)(bytes[2 * i] | bytes[2 * i + 1] << 8);
        length += target.Length;
    }

    /// <summary>Writes a long name's slots, last piece first.</summary>
    public static void WriteLongName(Span<byte> slots, string name, byte checksum)
    {
        var count = SlotsFor(name);
        Span<char> padded = stackalloc char[FatLongSlot.UnitsPerSlot * FatLongSlot.MaxSlots];
        padded.Fill('\uFFFF');
        name.CopyTo(padded);
        if (name.Length % FatLongSlot.UnitsPerSlot != 0)
            padded[name.Length] = '\0';
        for (var piece = 0; piece < count; piece++)
        {
            var bytes = slots.Slice((count - 1 - piece) * FatShortSlot.Size, FatShortSlot.Size);
            bytes.Clear();
            ref var slot = ref OnDisk.Edit<FatLongSlot>(bytes);
            slot.Ordinal = (byte)(piece + 1 | (piece + 1 == count ? FatLongSlot.LastFlag : 0));
            slot.Attributes = FatLongSlot.AttributesValue;
            slot.Checksum = checksum;
            var units = padded.Slice(piece * FatLongSlot.UnitsPerSlot, FatLongSlot.UnitsPerSlot);
            PutUnits(units[..5], bytes.Slice(0x01, 10));
            PutUnits(units.Slice(5, 6), bytes.Slice(0x0E, 12));
            PutUnits(units.Slice(11, 2), bytes.Slice(0x1C, 4));
        }
    }

    /// <summary>How many slots a long name takes, its short slot not counted.</summary>
    public static int SlotsFor(string name) => (name.Length + FatLongSlot.UnitsPerSlot - 1) / FatLongSlot.UnitsPerSlot;

    private static void PutUnits(ReadOnlySpan<char> units, Span<byte> bytes)
    {
        for (var i = 0; i < units.Length; i++)
        {
            bytes[2 * i] = (byte)units[i];
            bytes[2 * i + 1] = (byte)(units[i] >> 8);
        }
    }
}
