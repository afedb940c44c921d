using System.Buffers.Binary;
using System.Text;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing.Fat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

/// <summary>What editing must do to the structures on disk, and what it must leave alone.</summary>
public class FatEditTests
{
    public static TheoryData<int> Widths => [12, 16, 32];

    [Theory, MemberData(nameof(Widths))]
    public void What_lies_behind_the_end_mark_is_zeroed_when_the_mark_moves(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.File("/ONE");
        var garbage = new byte[4 * 32];
        Array.Fill(garbage, (byte)'G', 32, garbage.Length - 32);        // slot 1 ends the directory, slots 2-4 hold junk
        c.PutSlots("/", 1, garbage);
        Assert.Equal(["ONE"], c.Names("/"));
        c.File("/TWO");
        Assert.True(c.Slots("/").AsSpan(2 * 32).ContainsAnyExcept((byte)0) is false);
        c.Reopen();
        Assert.Equal(["ONE", "TWO"], c.Names("/"));
        c.AssertClean();
    }

    [Theory, MemberData(nameof(Widths))]
    public void Junk_behind_the_end_mark_never_comes_back(int width)
    {
        // All slots of the first cluster are taken one by one, above what an older system left behind the mark.
        using var c = FatCase.OfWidth(width);
        c.Directory("/d");
        var junk = new byte[512 - 96];
        for (var slot = 0; slot < junk.Length / 32; slot++)
            Encoding.ASCII.GetBytes($"GHOST{slot:D3}TXT ").CopyTo(junk, slot * 32);
        c.PutSlots("/d", 3, junk);
        for (var i = 0; i < 40; i++)
        {
            c.File($"/d/F{i}");
            c.Reopen();
            Assert.Equal(i + 1, c.Names("/d").Length);
        }
        c.AssertClean();
    }

    [Theory, MemberData(nameof(Widths))]
    public void The_dot_dot_of_a_directory_in_the_root_names_cluster_0(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.Directory("/a");
        c.Directory("/a/b");
        c.Directory("/a/b/c");
        Assert.Equal(0u, DotDot(c, "/a"));
        Assert.Equal(c.FirstCluster("/a"), DotDot(c, "/a/b"));
        Assert.Equal(c.FirstCluster("/a/b/c"), Cluster(c.Slots("/a/b/c"), 0));

        c.Rename("/a/b/c", "/c");
        Assert.Equal(0u, DotDot(c, "/c"));
        c.Rename("/a/b", "/c/b");
        Assert.Equal(c.FirstCluster("/c"), DotDot(c, "/c/b"));
        c.Rename("/c/b", "/b");
        Assert.Equal(0u, DotDot(c, "/b"));
        c.AssertClean();
    }

    [Theory, MemberData(nameof(Widths))]
    public void Moving_a_directory_into_itself_is_refused(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.Directory("/a");
        c.Directory("/a/b");
        c.Directory("/a/b/c");
        Assert.Throws<ArgumentException>(() => c.Rename("/a", "/a/x"));
        Assert.Throws<ArgumentException>(() => c.Rename("/a", "/a/b/c/x"));
        Assert.Equal(["c"], c.Names("/a/b"));
        c.AssertClean();
    }

    [Theory, MemberData(nameof(Widths))]
    public void The_label_is_kept_in_step_in_every_place(int width)
    {
        using var c = FatCase.OfWidth(width);
        var at = width == 32 ? 0x47 : 0x2B;
        foreach (var label in new[] { "FIRST", "second one", "", "ÜBER" })
        {
            c.Volume.SetLabel(label);
            c.Reopen();
            Assert.Equal(label.Length == 0 ? null : label.ToUpperInvariant(), c.Volume.Info.Label);
            var boot = Read(c, at, 11);
            var expected = label switch { "" => "NO NAME", "ÜBER" => "\u009ABER", _ => label.ToUpperInvariant() };
            Assert.Equal(expected.PadRight(11), Encoding.Latin1.GetString(boot));
            if (width == 32)
                Assert.Equal(boot, Read(c, 6 * 512 + at, 11));
            var labels = Enumerable.Range(0, 16).Where(s => c.Slots("/")[s * 32 + 0x0B] == 0x08 && c.Slots("/")[s * 32] != 0xE5).ToList();
            Assert.Equal(label.Length == 0 ? 0 : 1, labels.Count);

            // dosfstools takes each byte above 0x7F for a control character (a signed char), in its own labels too.
            if (label != "ÜBER")
                c.AssertClean();
        }
    }

    [Fact]
    public void Removing_the_label_does_not_hide_a_file_of_the_same_name()
    {
        using var c = FatCase.OfWidth(16);
        c.Volume.SetLabel("SAME");
        c.File("/SAME", 10);
        for (var i = 0; i < 20; i++)
            Assert.True(c.Volume.TryLookup(c.Root, "same", out _));     // until there is an index
        c.Volume.SetLabel("");
        Assert.True(c.Volume.TryLookup(c.Root, "same", out _));
        Assert.Throws<AlreadyExistsException>(() => c.File("/SAME"));
        c.AssertClean();
    }

    [Fact]
    public void A_label_is_no_file_and_does_not_take_a_name()
    {
        using var c = FatCase.OfWidth(16);
        c.Volume.SetLabel("LABEL");
        c.File("/LABEL", 10);
        c.Reopen();
        Assert.Equal(["LABEL"], c.Names("/"));
        c.Delete("/LABEL");
        Assert.Equal("LABEL", c.Volume.Info.Label);
        c.AssertClean();
    }

    [Theory]
    [InlineData("twelve chars")]
    [InlineData("a.b")]
    [InlineData("a/b")]
    [InlineData(" x")]
    [InlineData("Ж")]
    public void A_label_that_cannot_be_stored_is_refused_and_changes_nothing(string label)
    {
        using var c = FatCase.OfWidth(32);
        c.Volume.SetLabel("KEEP");
        Assert.Throws<InvalidNameException>(() => c.Volume.SetLabel(label));
        c.Reopen();
        Assert.Equal("KEEP", c.Volume.Info.Label);
    }

    [Fact]
    public void The_information_sector_is_kept_in_step()
    {
        using var c = FatCase.OfWidth(32);
        c.File("/a", 100_000);
        c.Directory("/d");
        c.Delete("/a");
        c.File("/b", 5_000);
        c.Volume.Commit();
        var info = Read(c, 512, 512);
        Assert.Equal((uint)(c.Volume.FreeBytes / 512), BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(488)));
        Assert.Equal(c.Volume.Table.CountFree(), (long)BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(488)));
        Assert.InRange(BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(492)), 2u, c.Volume.Geometry.LastCluster);
        c.AssertNothingLeaks();
    }

    [Fact]
    public void An_information_sector_without_its_signature_is_left_alone()
    {
        var device = MkfsFat.Make("-F 32 -s 1", FatCase.Fat32Length);
        device.Write(512, "nope"u8);
        device.Flush();
        using var c = new FatCase(device);
        c.File("/a", 5000);
        c.Volume.Commit();
        Assert.Equal("nope"u8, Read(c, 512, 4).AsSpan());
        Assert.Equal(Read(c, 512 + 488, 4), Read(MkfsCase(), 512 + 488, 4));

        static FatCase MkfsCase() => FatCase.OfWidth(32);
    }

    [Fact]
    public void A_free_count_that_is_unknown_is_counted()
    {
        var device = MkfsFat.Make("-F 32 -s 1", FatCase.Fat32Length);
        device.Write(512 + 488, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
        device.Flush();
        using var c = new FatCase(device);
        var free = c.Volume.FreeBytes;
        c.File("/a", 5120);
        Assert.Equal(free - 5120, c.Volume.FreeBytes);
        c.AssertNothingLeaks();
    }

    [Fact]
    public void The_top_four_bits_of_FAT32_entries_are_kept()
    {
        var device = MkfsFat.Make("-F 32 -s 1", FatCase.Fat32Length);
        using (var c = new FatCase(device))
        {
            for (var fat = 0; fat < 2; fat++)
            {
                for (var cluster = 3; cluster < 40; cluster++)
                    device.Write(c.Volume.Geometry.FatOffset(fat) + cluster * 4 + 3, [0xA0]);
            }
            device.Flush();
        }
        using var again = new FatCase(device);
        again.File("/a", 8 * 512);
        again.File("/b", 8 * 512);
        again.Delete("/a");
        again.Volume.Commit();
        Assert.Equal(8 * 512, again.Read("/b").Length);
        for (var cluster = 3; cluster < 40; cluster++)
            Assert.Equal(0xA0, Read(again, again.Volume.Geometry.FatOffset(1) + cluster * 4 + 3, 1)[0] & 0xF0);
    }

    [Fact]
    public void With_one_active_FAT_only_that_one_is_read_and_written()
    {
        var device = MkfsFat.Make("-F 32 -s 1", FatCase.Fat32Length);
        device.Write(0x28, [0x81, 0x00]);       // no mirroring, FAT 1 is active
        long first;
        using (var c = new FatCase(device))
        {
            first = c.Volume.Geometry.FatOffset(0);
            device.Write(first + 8, new byte[512]);     // what FAT 0 holds must not matter
            device.Flush();
        }
        using var again = new FatCase(device);
        again.File("/a", 20 * 512);
        again.Reopen();
        Assert.Equal(ConformanceCase.Bytes(20 * 512), again.Read("/a"));
        Assert.False(Read(again, first + 8, 504).AsSpan().ContainsAnyExcept((byte)0), "FAT 0 was written");
        Assert.Equal(1, again.Volume.Geometry.ActiveFat);
    }

    [Theory, MemberData(nameof(Widths))]
    public void Both_FATs_are_kept_equal(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.File("/a", 30_000);
        c.File("/b", 30_000);
        c.Delete("/a");
        c.Volume.Commit();
        var g = c.Volume.Geometry;
        Assert.Equal(Read(c, g.FatOffset(0), (int)g.FatLength), Read(c, g.FatOffset(1), (int)g.FatLength));
    }

    [Theory]
    [InlineData(16, 0x25, 0x01, 0, 0)]
    [InlineData(32, 0x41, 0x01, 0, 0)]
    [InlineData(16, 0, 0, 3, 0x7F)]        // FAT[1] of FAT16: bit 15 clear, not unmounted
    [InlineData(16, 0, 0, 3, 0xBF)]        // bit 14 clear, an error was met
    [InlineData(32, 0, 0, 7, 0x07)]        // FAT[1] of FAT32: bit 27 clear
    [InlineData(32, 0, 0, 7, 0x0B)]        // bit 26 clear
    public void A_volume_that_was_not_left_properly_says_so_and_keeps_its_word(int width, int bootByte, byte bits, int fatByte, byte value)
    {
        var device = width == 32 ? MkfsFat.Make("-F 32 -s 1", FatCase.Fat32Length) : MkfsFat.Make("-F 16 -s 1", 4 << 20);
        long fat;
        using (var fresh = new FatCase(device))
        {
            Assert.True(fresh.Volume.Info.IsClean);
            fat = fresh.Volume.Geometry.FatOffset(0);
        }
        var at = bootByte != 0 ? bootByte : fat + fatByte;
        device.Write(at, [bootByte != 0 ? bits : value]);
        device.Flush();
        using var c = new FatCase(device);
        Assert.False(c.Volume.Info.IsClean);
        c.File("/a", 100);
        c.Reopen();
        Assert.False(c.Volume.Info.IsClean);
        Assert.Equal(bootByte != 0 ? bits : value, Read(c, at, 1)[0]);
    }

    [Fact]
    public void A_directory_holds_65536_slots_and_no_more()
    {
        using var c = FatCase.OfWidth(32);
        var directory = c.Directory("/d");
        for (var i = 0; i < 65534; i++)
            c.Volume.CreateFile(directory, $"F{i}", MetadataChange.None);
        var free = c.Volume.FreeBytes;
        Assert.Throws<VolumeFullException>(() => c.Volume.CreateFile(directory, "MORE", MetadataChange.None));
        Assert.Throws<VolumeFullException>(() => c.Volume.CreateDirectory(directory, "MORE", MetadataChange.None));
        Assert.Equal(free, c.Volume.FreeBytes);
        c.Delete("/d/F7");
        c.File("/d/MORE");
        c.Reopen();
        Assert.Equal(65534, c.Volume.Enumerate(c.Id("/d")).Count());
        Assert.Equal(2 << 20, c.Slots("/d").Length);
        Assert.Equal(c.Volume.Table.CountFree() * 512, c.Volume.FreeBytes);
    }

    private static uint DotDot(FatCase c, string path) => Cluster(c.Slots(path), 1);

    private static uint Cluster(byte[] slots, int slot) =>
        (uint)(BinaryPrimitives.ReadUInt16LittleEndian(slots.AsSpan(slot * 32 + 0x14)) << 16 | BinaryPrimitives.ReadUInt16LittleEndian(slots.AsSpan(slot * 32 + 0x1A)));

    private static byte[] Read(FatCase c, long offset, int length)
    {
        var bytes = new byte[length];
        c.Device.Read(offset, bytes);
        return bytes;
    }
}
