using Platter.FileSystems.Fat;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

public class CheckSlotTests
{
    [Fact]
    public void The_audit_and_the_reader_agree_on_every_long_name_however_the_slots_are_damaged()
    {
        var random = new Random(3);
        int names = 0, lost = 0;
        var name = new char[FatLongSlot.UnitsPerSlot * FatLongSlot.MaxSlots];
        for (var round = 0; round < 20_000; round++)
        {
            var slots = Directory(random);
            for (var n = random.Next(4); n > 0; n--)
                slots[random.Next(slots.Length)] = (byte)random.Next(256);
            var read = new List<(int, string)>();
            for (var position = 0; FatSlotReader.TryNext(slots, ref position, out var entry);)
                read.Add((entry.ShortSlot, entry.HasLongName ? new string(name, 0, FatSlotReader.ReadLongName(slots, entry, name)) : ""));
            var audited = new List<(int, string)>();
            var audit = new FatSlotAudit();
            for (var at = 0; at < slots.Length; at += FatShortSlot.Size)
            {
                var kind = audit.Next(slots.AsSpan(at, FatShortSlot.Size));
                if (kind == FatSlotKind.End)
                    break;
                if (kind is FatSlotKind.Entry or FatSlotKind.Label)
                    audited.Add((at / FatShortSlot.Size, audit.LongName.ToString()));
            }
            Assert.True(read.SequenceEqual(audited), $"round {round}:\n{string.Join('\n', read)}\n--\n{string.Join('\n', audited)}");
            names += read.Count(r => r.Item2.Length > 0);
            lost += read.Count(r => r.Item2.Length == 0);
        }
        Assert.True(names > 10_000 && lost > 1000, $"{names} long names, {lost} entries without");
    }

    // A few entries with long names of one to four pieces.
    private static byte[] Directory(Random random)
    {
        var slots = new byte[16 * FatShortSlot.Size];
        for (var at = 0; ;)
        {
            var name = new string('n', random.Next(1, 45));
            var pieces = FatSlotReader.SlotsFor(name);
            if (at + pieces >= 15)
                return slots;
            var stored = slots.AsSpan((at + pieces) * FatShortSlot.Size, FatShortSlot.Size);
            for (var i = 0; i < FatShortNames.Length; i++)
                stored[i] = (byte)random.Next('A', 'Z' + 1);
            FatSlotReader.WriteLongName(slots.AsSpan(at * FatShortSlot.Size), name, FatShortNames.Checksum(stored));
            at += pieces + 1;
        }
    }
}
