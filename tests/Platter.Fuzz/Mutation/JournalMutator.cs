using Platter.Blocks;

namespace Platter.Fuzz.Mutation;

/// <summary>Breaks a journal where its fields are; with the checksums made right again when asked for. docs/journal.md has the layout.</summary>
internal static class JournalMutator
{
    private const int Commit = 4096, CommitLength = 88, IntentLength = 40;

    // Offset and width of the commit record's fields, then those of the intent.
    private static readonly (int Offset, int Width)[] CommitFields = [(0x00, 8), (0x08, 4), (0x0C, 4), (0x10, 8), (0x18, 8), (0x20, 8), (0x28, 8), (0x30, 8), (0x38, 8), (0x40, 8), (0x48, 4), (0x4C, 4), (0x50, 4), (0x54, 4)];
    private static readonly (int Offset, int Width)[] IntentFields = [(0x00, 8), (0x08, 4), (0x0C, 4), (0x10, 8), (0x18, 8), (0x20, 4), (0x24, 4)];

    public static byte[] Mutate(byte[] journal, Dice dice, bool sign)
    {
        for (var left = dice.Between(1, 3); left > 0 && journal.Length > 0; left--)
        {
            switch (dice.Next(9))
            {
                case 0:
                    journal[dice.Next(journal.Length)] ^= (byte)(1 << dice.Next(8));
                    break;
                case 1 when dice.OneIn(2):
                    journal = journal[..dice.Next(journal.Length)];
                    break;
                case 2:
                    var (intentOffset, intentWidth) = dice.Pick(IntentFields);
                    Change(journal, intentOffset, intentWidth, dice);
                    break;
                case 3 or 4 or 5:
                    // An entry of the index: page, slot, checksum; or of the zeros, or a sample.
                    var index = (long)Get(journal, Commit + 0x28, 8);
                    var entries = (int)Math.Min(Get(journal, Commit + 0x30, 8), 4000) / 8;
                    if (index >= 0 && index < journal.Length)
                        Change(journal, (int)index + 8 * dice.Next(entries), dice.Pick([4, 8]), dice);
                    break;
                default:
                    var (offset, width) = dice.Pick(CommitFields);
                    Change(journal, Commit + offset, width, dice);
                    break;
            }
        }
        if (sign)
            Sign(journal);
        return journal;
    }

    private static void Change(byte[] journal, int offset, int width, Dice dice)
    {
        var value = dice.OneIn(4) ? (ulong)dice.Next(100) : dice.Odd(Get(journal, offset, width), width);
        if (offset + width <= journal.Length)
            BitConverter.GetBytes(value).AsSpan(0, width).CopyTo(journal.AsSpan(offset));
    }

    private static ulong Get(byte[] journal, int offset, int width)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        if (offset + width <= journal.Length)
            journal.AsSpan(offset, width).CopyTo(bytes);
        return BitConverter.ToUInt64(bytes);
    }

    // Pages first, then the index that holds their checksums, then the record that holds the index's.
    private static void Sign(byte[] journal)
    {
        if (journal.Length < Journal.SlotsOffset)
            return;
        var salt = Get(journal, Commit + 0x10, 8);
        ulong index = Get(journal, Commit + 0x28, 8), length = Get(journal, Commit + 0x30, 8), pages = Get(journal, Commit + 0x38, 8);
        if (index <= (ulong)journal.Length && length <= (ulong)journal.Length - index)
        {
            for (var i = 0UL; i < pages && (i + 1) * 16 <= length; i++)
            {
                var entry = (int)(index + i * 16);
                var slot = Journal.OffsetOfSlot((long)Get(journal, entry + 8, 4));
                if (slot + Journal.PageSize <= journal.Length)
                    Put(journal, entry + 12, Journal.PageChecksum(salt, (long)Get(journal, entry, 8), journal.AsSpan((int)slot, Journal.PageSize)));
            }
            Put(journal, Commit + 0x4C, Journal.RecordChecksum(salt, journal.AsSpan((int)index, (int)length)));
        }
        Put(journal, Commit + 0x54, 0);
        Put(journal, Commit + 0x54, Journal.RecordChecksum(salt, journal.AsSpan(Commit, CommitLength)));

        var intentSalt = Get(journal, 0x10, 8);
        var samples = (int)Math.Min(Get(journal, 0x20, 4), Journal.MaxSamples) * 40;
        Put(journal, 0x24, 0);
        Put(journal, 0x24, Journal.RecordChecksum(intentSalt, journal.AsSpan(0, IntentLength + samples)));
    }

    private static void Put(byte[] journal, int offset, uint value) => BitConverter.GetBytes(value).CopyTo(journal, offset);
}
