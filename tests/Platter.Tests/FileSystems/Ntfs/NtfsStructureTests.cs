using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Fixups, run lists, collations, sizes of the boot sector: the pieces that reading and writing share.</summary>
public class NtfsStructureTests
{
    [Fact]
    public void A_protected_structure_comes_back_and_its_number_changes_with_every_write()
    {
        var record = Enumerable.Range(0, 4096).Select(i => (byte)(i * 7 >> 2)).ToArray();
        NtfsUpdateSequence.Place(record, 0x30);
        var plain = record.ToArray();
        var numbers = new HashSet<ushort>();
        for (var write = 0; write < 70_000; write++)
        {
            NtfsUpdateSequence.Apply(record);
            var number = BitConverter.ToUInt16(record, 0x30);
            Assert.False(number is 0 or 0xFFFF);
            numbers.Add(number);
            for (var end = 510; end < 4096; end += 512)
                Assert.Equal(number, BitConverter.ToUInt16(record, end));
            Assert.Null(NtfsUpdateSequence.Remove(record, 42));
            Assert.True(record.AsSpan(0x44).SequenceEqual(plain.AsSpan(0x44)));
        }
        Assert.Equal(0xFFFE, numbers.Count);
    }

    [Fact]
    public void A_torn_structure_is_told_and_left_as_it_is()
    {
        var record = new byte[1024];
        Assert.Equal(0x38, NtfsUpdateSequence.Place(record, 0x30));
        NtfsUpdateSequence.Apply(record);
        record[1022] ^= 1;
        var before = record.ToArray();
        Assert.Contains("torn: the number at 0x3FE", NtfsUpdateSequence.Remove(record, 42), StringComparison.Ordinal);
        Assert.Equal(before, record);
        record[6] = 4;
        Assert.Contains("found 4 words, expected 3", NtfsUpdateSequence.Remove(record, 42), StringComparison.Ordinal);
        record[6] = 3;
        record[4] = 0x2F;
        Assert.Contains("found at 47", NtfsUpdateSequence.Remove(record, 42), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_list_is_decoded_and_encoded_byte_for_byte()
    {
        // Documentation of the Linux-NTFS project: a fragmented, partly sparse file; -32 needs one byte, 128 clusters two.
        byte[] stored = [0x21, 0x38, 0x73, 0x25, 0x01, 0x10, 0x11, 0x05, 0xE0, 0x12, 0x80, 0x00, 0x10, 0x00];
        var runs = new NtfsRunList();
        Assert.Null(runs.Decode(stored, 0x38 + 0x10 + 5 + 128, 1 << 20));
        Assert.Equal([new NtfsRun(0, 0x2573, 0x38), new NtfsRun(0x38, -1, 0x10), new NtfsRun(0x48, 0x2553, 5), new NtfsRun(0x4D, 0x2563, 128)], runs.Runs.ToArray());
        Assert.Equal(0x38 + 5 + 128, runs.Allocated);
        var encoded = new byte[stored.Length];
        Assert.Equal(stored.Length, runs.Encode(0, runs.End, encoded, out var reached));
        Assert.Equal(stored, encoded);
        Assert.Equal(runs.End, reached);
        Assert.Equal(stored.Length, runs.EncodedLength(0, runs.End));
    }

    [Theory]
    [InlineData("00", "ends at cluster 0")]
    [InlineData("10", "has the head 0x10")]
    [InlineData("19", "has the head 0x19")]
    [InlineData("91010101010101010101", "has the head 0x91")]
    [InlineData("110001", "is of 0 clusters")]
    [InlineData("118001", "is of -128 clusters")]
    [InlineData("111101", "is of 17 clusters")]
    [InlineData("1110F0", "is clusters -16..-1 of the volume")]
    [InlineData("11107F", "is clusters 127..142 of the volume")]
    [InlineData("810800000000000000801110FF", "of the volume, expected 0..99")]
    [InlineData("1108", "has the head 0x11")]
    public void A_broken_run_list_is_told(string stored, string problem) =>
        Assert.Contains(problem, new NtfsRunList().Decode(Convert.FromHexString(stored), 16, 100), StringComparison.Ordinal);

    [Fact]
    public void Holes_of_Windows_NT_4_are_runs_at_cluster_minus_one()
    {
        var runs = new NtfsRunList();
        Assert.Null(runs.Decode([0x11, 4, 20, 0x11, 4, unchecked((byte)-21), 0x11, 4, 31, 0], 12, 100));
        Assert.Equal([new NtfsRun(0, 20, 4), new NtfsRun(4, -1, 4), new NtfsRun(8, 30, 4)], runs.Runs.ToArray());
    }

    [Fact]
    public void Random_run_lists_survive_disk_cut_at_any_run()
    {
        var random = new Random(7);
        for (var round = 0; round < 300; round++)
        {
            var runs = RandomRuns(random, random.Next(1, 60));
            var back = new NtfsRunList();
            var room = random.Next(NtfsRunList.MaxRunBytes + 1, 200);
            for (var at = 0L; at < runs.End;)
            {
                var buffer = new byte[room];
                var length = runs.Encode(at, runs.End, buffer, out var reached);
                Assert.True(reached > at);
                Assert.Equal(length, runs.EncodedLength(at, reached));
                Assert.Null(back.Decode(buffer.AsSpan(0, length), reached, long.MaxValue));
                at = reached;
            }
            Assert.Equal(runs.Runs.ToArray(), back.Runs.ToArray());
        }
    }

    [Fact]
    public void Replacing_and_truncating_agree_with_a_plain_array()
    {
        var random = new Random(11);
        for (var round = 0; round < 300; round++)
        {
            var runs = RandomRuns(random, random.Next(1, 20));
            var model = Flat(runs);
            for (var edit = 0; edit < 10 && model.Count > 0; edit++)
            {
                var from = random.Next(model.Count);
                var count = random.Next(1, model.Count - from + 1);
                if (random.Next(6) == 0)
                {
                    runs.Truncate(from);
                    model.RemoveRange(from, model.Count - from);
                }
                else
                {
                    var lcn = random.Next(3) switch { 0 => -1L, 1 when from > 0 && model[from - 1] >= 0 => model[from - 1] + 1, _ => random.Next(1000) };
                    runs.Replace(from, count, lcn);
                    for (var i = 0; i < count; i++)
                        model[from + i] = lcn < 0 ? -1 : lcn + i;
                }
                Assert.Equal(model, Flat(runs));
                for (var i = 1; i < runs.Count; i++)
                    Assert.False(runs[i - 1].IsHole ? runs[i].IsHole : runs[i].Lcn == runs[i - 1].Lcn + runs[i - 1].Count, "neighbours are joined");
            }
        }
    }

    [Fact]
    public void Sizes_stand_in_the_boot_sector_as_counts_or_as_powers()
    {
        Assert.Equal(8, NtfsGeometry.SectorsPerCluster(8));
        Assert.Equal(128, NtfsGeometry.SectorsPerCluster(0x80));
        Assert.Equal(4096, NtfsGeometry.SectorsPerCluster(0xF4));
        Assert.Equal(256, NtfsGeometry.SectorsPerCluster(0xF8));
        Assert.Equal(0, NtfsGeometry.SectorsPerCluster(127));
        Assert.Equal(1024, NtfsGeometry.StructureSize(0xF6, 4096));
        Assert.Equal(4096, NtfsGeometry.StructureSize(1, 4096));
        Assert.Equal(0, NtfsGeometry.StructureSize(0x80, 4096));
        for (var size = 512; size <= 2 << 20; size *= 2)
        {
            Assert.Equal(size / 512, NtfsGeometry.SectorsPerCluster(NtfsGeometry.EncodeSectorsPerCluster(size / 512)));
            Assert.Equal(4096, NtfsGeometry.StructureSize(NtfsGeometry.EncodeStructureSize(4096, size), size));
        }
    }

    [Fact]
    public void Names_are_ordered_by_capitals_then_length_then_units()
    {
        var upcase = Upcase();
        string[] ordered = ["A", "a", "AB", "Ab", "aB", "ab", "ABC", "B", "_", "\uD800", "\uFFFF"];
        for (var i = 0; i < ordered.Length; i++)
        {
            for (var j = 0; j < ordered.Length; j++)
                Assert.Equal(Math.Sign(i.CompareTo(j)), Math.Sign(upcase.Compare(ordered[i], ordered[j])));
        }
        Assert.True(upcase.AreEqual("readme.TXT", "README.txt"));
        Assert.Equal(new NtfsNameComparer(upcase).GetHashCode("abc"), new NtfsNameComparer(upcase).GetHashCode("ABC"));
    }

    [Fact]
    public void Keys_of_view_indexes_are_ordered_by_their_rules()
    {
        var upcase = Upcase();
        Assert.True(NtfsCollation.Compare(NtfsCollationRule.UnsignedLong, [0, 0, 0, 1], [255, 255, 0, 0], upcase) > 0);
        Assert.True(NtfsCollation.Compare(NtfsCollationRule.SecurityHash, [1, 0, 0, 0, 9, 0, 0, 0], [1, 0, 0, 0, 10, 0, 0, 0], upcase) < 0);
        Assert.True(NtfsCollation.Compare(NtfsCollationRule.UnsignedLongs, [1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0], upcase) < 0);
        Assert.True(NtfsCollation.Compare(NtfsCollationRule.Binary, [1, 2], [1, 1, 1], upcase) > 0);
        Assert.Throws<UnsupportedFeatureException>(() => NtfsCollation.Compare((NtfsCollationRule)0x99, [], [], upcase));
    }

    [Fact]
    public void Times_reach_from_1601_far_beyond_the_calendar()
    {
        Assert.Equal("1601-01-01T00:00:00Z", NtfsTimes.Decode(0).ToString());
        Assert.Equal("2024-02-29T12:00:00.1234567Z", NtfsTimes.Decode(NtfsTimes.Encode(new(1_709_208_000, 123_456_789))).ToString());
        Assert.Equal((ulong)long.MaxValue, NtfsTimes.Encode(NtfsTimes.Decode(ulong.MaxValue)));
        Assert.Equal(0UL, NtfsTimes.Encode(new(-20_000_000_000)));
    }

    private static NtfsUpcase Upcase()
    {
        var table = new byte[NtfsUpcase.Length];
        for (var i = 0; i < NtfsUpcase.Units; i++)
            BitConverter.TryWriteBytes(table.AsSpan(2 * i), i is >= 'a' and <= 'z' ? (char)(i - 32) : (char)i);
        return new NtfsUpcase(table);
    }

    private static NtfsRunList RandomRuns(Random random, int count)
    {
        var runs = new NtfsRunList();
        for (var i = 0; i < count; i++)
            runs.Add(random.Next(4) == 0 ? NtfsRun.Hole : random.NextInt64(1L << random.Next(1, 12)), random.Next(1, 1 << random.Next(1, 5)));
        return runs;
    }

    private static List<long> Flat(NtfsRunList runs)
    {
        var flat = new List<long>();
        foreach (var run in runs.Runs)
        {
            for (var i = 0L; i < run.Count; i++)
                flat.Add(run.IsHole ? -1 : run.Lcn + i);
        }
        return flat;
    }
}
