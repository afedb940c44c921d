using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing.Fat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

/// <summary>The entry of a file through its life: what each edit changes in its slots, and what it keeps.</summary>
public class FatEditEntryTests
{
    private static readonly Timestamp Created = new(1_234_567_891, 990_000_000), Modified = new(1_300_000_000), Accessed = new(1_400_000_000);

    public static TheoryData<int> Widths => [12, 16, 32];

    [Theory, MemberData(nameof(Widths))]
    public void Renaming_and_moving_keep_times_attributes_content_and_reserved_bits(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.Directory("/d");
        c.File("/a file.txt", 2000, new MetadataChange { Created = Created, Modified = Modified, Accessed = Accessed, DosAttributes = DosAttributes.Hidden | DosAttributes.System });
        var slot = c.ShortSlot("/a file.txt");
        slot[0x0C] |= 0x41;         // bits that Windows NT has not taken
        c.PutSlots("/", c.Slots("/").AsSpan().IndexOf(slot.AsSpan(0, 11)) / 32, slot);
        var before = c.Metadata("/a file.txt");

        c.Clock.Advance(TimeSpan.FromDays(100));
        foreach (var (from, to) in new[] { ("/a file.txt", "/B.TXT"), ("/B.TXT", "/d/another long name"), ("/d/another long name", "/d/Another LONG name"), ("/d/Another LONG name", "/c") })
        {
            c.Rename(from, to);
            c.Reopen();
            Assert.Equal(before with { ShortName = null }, c.Metadata(to) with { ShortName = null });
            Assert.Equal(0x41, c.ShortSlot(to)[0x0C] & ~0x18);
            Assert.Equal(slot[0x0D..], c.ShortSlot(to)[0x0D..]);
            Assert.Equal(ConformanceCase.Bytes(2000), c.Read(to));
        }
        c.AssertClean();
    }

    [Theory, MemberData(nameof(Widths))]
    public void A_mark_of_having_no_short_name_goes_with_the_long_one(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.File("/a file.txt", 100);
        var slot = c.ShortSlot("/a file.txt");
        slot[0x0C] |= 0x21;
        c.PutSlots("/", c.Slots("/").AsSpan().IndexOf(slot.AsSpan(0, 11)) / 32, slot);
        c.Rename("/a file.txt", "/B.TXT");
        Assert.Equal(0x01, c.ShortSlot("/B.TXT")[0x0C]);
        c.AssertClean();
    }

    [Theory, MemberData(nameof(Widths))]
    public void Removing_marks_every_slot_of_the_set(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.File("/a name of four slots, not of three.txt");
        c.File("/SHORT");
        c.File("/another name, three slots");
        c.Delete("/a name of four slots, not of three.txt");
        c.Delete("/another name, three slots");
        var slots = c.Slots("/");
        var first = Enumerable.Range(0, 16).Select(s => slots[s * 32]).ToArray();
        Assert.Equal(new byte[] { 0xE5, 0xE5, 0xE5, 0xE5, (byte)'S', 0xE5, 0xE5, 0xE5, 0, 0, 0, 0, 0, 0, 0, 0 }, first);
        c.AssertNothingLeaks();
    }

    [Theory, MemberData(nameof(Widths))]
    public void Removed_slots_are_taken_again(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.Directory("/d");
        for (var round = 0; round < 50; round++)
        {
            for (var i = 0; i < 4; i++)
                c.File($"/d/round {round} file {i}");
            foreach (var name in c.Names("/d"))
                c.Delete("/d/" + name);
        }
        Assert.Equal(512, c.Slots("/d").Length);
        c.AssertNothingLeaks();
    }

    [Theory, MemberData(nameof(Widths))]
    public void An_empty_file_has_no_cluster_and_a_directory_no_size(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.File("/empty");
        c.File("/full", 1);
        c.Directory("/d");
        for (var i = 0; i < 100; i++)
            c.File($"/d/file number {i}");
        Assert.Equal(0u, c.FirstCluster("/empty"));
        Assert.NotEqual(0u, c.FirstCluster("/full"));
        c.SetLength("/full", 0);
        Assert.Equal(0u, c.FirstCluster("/full"));
        Assert.Equal(new byte[4], c.ShortSlot("/d")[0x1C..]);
        Assert.Equal(0, c.Metadata("/d").Length);
        c.AssertNothingLeaks();
    }

    [Theory, MemberData(nameof(Widths))]
    public void A_new_directory_cluster_is_zeroed_whatever_was_there(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.File("/junk");
        c.SetLength("/junk", c.Volume.FreeBytes);
        using (var stream = c.Volume.OpenWrite(c.Id("/junk"), StreamName.Data))
        {
            var junk = new byte[1 << 16];
            Array.Fill(junk, (byte)'J');
            for (var at = 0L; at < stream.Length; at += junk.Length)
                stream.WriteAt(at, junk.AsSpan(0, (int)Math.Min(junk.Length, stream.Length - at)));
        }
        c.Volume.Commit();
        c.Delete("/junk");
        c.Volume.Commit();
        c.Directory("/d");
        for (var i = 0; i < 40; i++)
        {
            c.File($"/d/F{i}");
            Assert.False(c.Slots("/d").AsSpan((i + 3) * 32).ContainsAnyExcept((byte)0));
        }
        c.Reopen();
        Assert.Equal(40, c.Names("/d").Length);
        c.AssertNothingLeaks();
    }

    [Theory, MemberData(nameof(Widths))]
    public void Growing_a_file_shows_zeros_and_no_old_bytes(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.File("/old", 20_000);
        c.Volume.Commit();
        c.Delete("/old");
        c.Volume.Commit();
        c.File("/new", 700);
        c.SetLength("/new", 100);
        c.SetLength("/new", 9000);
        c.Write("/new", 15_000, [7]);
        c.Reopen();
        var expected = new byte[15_001];
        ConformanceCase.Bytes(700).AsSpan(0, 100).CopyTo(expected);
        expected[15_000] = 7;
        Assert.Equal(expected, c.Read("/new"));
        c.AssertNothingLeaks();
    }

    [Theory, MemberData(nameof(Widths))]
    public void Writing_sets_the_archive_bit_and_the_modification_time(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.File("/f", 10, new MetadataChange { DosAttributes = DosAttributes.None, Created = Created, Modified = Modified });
        Assert.Equal(DosAttributes.None, c.Metadata("/f").DosAttributes);
        Assert.Equal(Modified, c.Metadata("/f").Modified);
        c.Write("/f", 5, [1, 2, 3]);
        Assert.Equal(DosAttributes.Archive, c.Metadata("/f").DosAttributes);
        Assert.Equal(new Timestamp(c.Clock.Timestamp.UnixSeconds / 2 * 2), c.Metadata("/f").Modified);
        Assert.Equal(Created, c.Metadata("/f").Created);
    }

    [Theory]
    [InlineData("1979-06-01T00:00:00Z", "1980-01-01T00:00:00Z")]
    [InlineData("1980-01-01T00:00:00Z", "1980-01-01T00:00:00Z")]
    [InlineData("2000-02-29T23:59:59Z", "2000-02-29T23:59:58Z")]
    [InlineData("2107-12-31T23:59:59Z", "2107-12-31T23:59:58Z")]
    [InlineData("2200-01-01T00:00:00Z", "2107-12-31T23:59:58Z")]
    public void Times_are_cut_to_the_step_and_pulled_into_the_range(string given, string stored)
    {
        foreach (var hours in new[] { 0, 2, -11 })
        {
            using var c = FatCase.OfWidth(16, new VolumeOptions { UtcOffset = TimeSpan.FromHours(hours) });
            var shift = TimeSpan.FromHours(hours);
            var time = Timestamp.From(DateTimeOffset.Parse(given) - shift);
            c.File("/f", 0, new MetadataChange { Modified = time, Created = time, Accessed = time });
            c.Reopen();
            var expected = Timestamp.From(DateTimeOffset.Parse(stored) - shift);
            Assert.Equal(expected, c.Metadata("/f").Modified);
            Assert.Equal(expected, c.Volume.Capabilities.Modified!.Value.Round(time));
            Assert.Equal(c.Volume.Capabilities.Created!.Value.Round(time), c.Metadata("/f").Created);
            Assert.Equal(c.Volume.Capabilities.Accessed!.Value.Round(time), c.Metadata("/f").Accessed);
        }
    }

    [Fact]
    public void Creation_times_have_steps_of_10_milliseconds()
    {
        using var c = FatCase.OfWidth(16);
        c.File("/f", 0, new MetadataChange { Created = new Timestamp(1_234_567_891, 987_654_321) });
        var slot = c.ShortSlot("/f");
        Assert.Equal(198, slot[0x0D]);      // an odd second and 0.98 s
        Assert.Equal(new Timestamp(1_234_567_891, 980_000_000), c.Metadata("/f").Created);
    }

    [Fact]
    public void Impossible_dates_of_others_are_read_as_the_nearest_possible_ones()
    {
        using var c = FatCase.OfWidth(16);
        c.File("/f");
        var slot = c.ShortSlot("/f");
        new byte[] { 0xFF, 0xFF, 0xFF }.CopyTo(slot, 0x0D);             // 10 ms and time
        new byte[] { 0xFF, 0xFF, 0x00, 0x00 }.CopyTo(slot, 0x10);       // created in month 15, day 31; never accessed
        new byte[] { 0x5F, 0x00 }.CopyTo(slot, 0x18);                   // 31 February 1980
        c.PutSlots("/", 0, slot);
        var metadata = c.Metadata("/f");
        Assert.Equal(2107, metadata.Created!.Value.ToDateTimeOffset().AddSeconds(-2).Year);
        Assert.Null(metadata.Accessed);
        Assert.Equal("1980-02-29", metadata.Modified!.Value.ToString()[..10]);
    }

    [Theory, MemberData(nameof(Widths))]
    public void Replacing_frees_what_was_replaced(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.File("/old name.txt", 5000);
        c.Volume.Commit();
        var free = c.Volume.FreeBytes;
        c.File("/new.tmp", 3000, seed: 2);
        c.Rename("/new.tmp", "/OLD NAME.TXT", replace: true);
        c.Reopen();
        Assert.Equal(["OLD NAME.TXT"], c.Names("/"));
        Assert.Equal(ConformanceCase.Bytes(3000, 2), c.Read("/old name.txt"));
        Assert.Equal(free + 10 * 512 - 6 * 512, c.Volume.FreeBytes);
        c.AssertNothingLeaks();
    }

    [Theory, MemberData(nameof(Widths))]
    public void A_broken_chain_is_refused_and_not_half_freed(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.File("/f", 20 * 512);
        c.File("/g", 512);
        var first = c.FirstCluster("/f");
        c.Volume.Table[first + 10] = first + 3;     // a loop
        c.Reopen();
        var free = c.Volume.Table.CountFree();
        Assert.Throws<DiskFormatException>(() => c.Delete("/f"));
        Assert.Throws<DiskFormatException>(() => c.SetLength("/f", 100));
        Assert.Throws<DiskFormatException>(() => c.Rename("/g", "/f", replace: true));
        c.Volume.Commit();
        Assert.Equal(free, c.Volume.Table.CountFree());
        Assert.Equal(["f", "g"], c.Names("/"));
    }
}
