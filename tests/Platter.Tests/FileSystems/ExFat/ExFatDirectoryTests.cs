using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Testing;
using Platter.Testing.ExFat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.ExFat;

/// <summary>Directories: growth, end marks, sets of entries, names, many of them.</summary>
public class ExFatDirectoryTests(ITestOutputHelper output)
{
    [Fact]
    public void Two_hundred_files_make_a_directory_grow_and_its_entry_follows()
    {
        using var c = new ExFatCase("-c 512");
        c.Directory("/d");
        Assert.Equal(512UL, (ulong)c.Stream("/d").DataLength);
        for (var i = 0; i < 200; i++)
        {
            c.File($"/d/file number {i}");
            c.File($"/between {i}", i % 3);       // so that the directory cannot stay in one piece
        }
        ulong length = c.Stream("/d").DataLength;
        Assert.True(length >= 200 * 3 * 32, $"{length} bytes");
        Assert.Equal(length, (ulong)c.Stream("/d").ValidDataLength);
        Assert.Equal((int)length, c.Slots("/d").Length);
        Assert.False(c.IsContiguous("/d"));
        c.Reopen();
        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"file number {i}"), c.Names("/d"));
        c.AssertClean();
    }

    [Fact]
    public void A_directory_grows_in_one_piece_where_it_can()
    {
        using var c = new ExFatCase("-c 512");
        c.Directory("/d");
        for (var i = 0; i < 100; i++)
            c.File($"/d/file number {i}");
        Assert.True(c.IsContiguous("/d"));
        c.AssertClean();
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(128 << 10)]
    public void A_new_directory_is_one_cluster_of_zeros_whatever_was_there(int clusterSize)
    {
        using var c = new ExFatCase($"-c {clusterSize}", 64 << 20);
        c.File("/old", 40 << 20);
        c.Delete("/old");
        c.Volume.Commit();
        c.Directory("/d");
        Assert.Equal((ulong)clusterSize, (ulong)c.Stream("/d").DataLength);
        Assert.Equal((ulong)clusterSize, (ulong)c.Stream("/d").ValidDataLength);
        Assert.True(c.IsContiguous("/d"));
        Assert.False(c.Slots("/d").AsSpan().ContainsAnyExcept((byte)0));
        c.AssertClean();
    }

    [Fact]
    public void Clusters_that_a_directory_grows_by_are_zeroed_whatever_was_there()
    {
        using var c = new ExFatCase("-c 128K", 64 << 20);
        c.Directory("/d");
        c.File("/old", 40 << 20);
        c.Delete("/old");
        c.Volume.Commit();
        for (var i = 0; i < 1200; i++)
            c.File($"/d/a name that takes several entries {i:0000}");
        var slots = c.Slots("/d");
        Assert.Equal(2 * 128 << 10, slots.Length);
        var end = 1200 * 5 * 32;
        Assert.False(slots.AsSpan(end).ContainsAnyExcept((byte)0));
        c.AssertClean();
    }

    [Fact]
    public void Nothing_in_use_follows_the_end_mark_when_the_mark_moves()
    {
        using var c = new ExFatCase();
        c.File("/a");
        var used = EndOf(c.Slots("/"));

        // Others left junk behind the end: one entry of it is in use, but nobody has ever seen it.
        var junk = new byte[32 * 20];
        for (var i = 1; i < 20; i++)
            junk[i * 32] = 0x85;
        c.PutSlots("/", used, junk);
        c.File("/b");
        var slots = c.Slots("/");
        Assert.False(slots.AsSpan(EndOf(slots) * 32).ContainsAnyExcept((byte)0));
        Assert.Equal(["a", "b"], c.Names("/"));
        c.AssertClean();
    }

    [Fact]
    public void Removing_clears_bit_7_of_every_entry_of_the_set_and_the_place_is_taken_again()
    {
        using var c = new ExFatCase();
        c.File("/a file with a name of three entries.txt", 10);
        c.File("/b");
        var before = c.Slots("/");
        var at = before.AsSpan().IndexOf((byte)0x85);
        while (at % 32 != 0)
            at += 1 + before.AsSpan(at + 1).IndexOf((byte)0x85);
        c.Delete("/a file with a name of three entries.txt");
        var after = c.Slots("/");
        for (var i = 0; i < 5; i++)
            Assert.Equal(before[at + i * 32] & 0x7F, after[at + i * 32]);
        Assert.Equal(before.AsSpan(at + 1, 31), after.AsSpan(at + 1, 31));
        c.File("/another name of three entries, as long");
        Assert.Equal(["another name of three entries, as long", "b"], c.Names("/"));
        c.AssertClean();
    }

    [Fact]
    public void Renaming_and_moving_keep_times_attributes_content_and_reserved_fields()
    {
        using var c = new ExFatCase();
        c.Directory("/d");
        c.File("/a", 5000, new MetadataChange { Created = new Timestamp(1_000_000_000, 120_000_000), DosAttributes = DosAttributes.ReadOnly | DosAttributes.System });
        var before = c.Metadata("/a");
        var id = c.Id("/a");
        c.Clock.Advance(TimeSpan.FromDays(100));
        c.Rename("/a", "/A");
        c.Rename("/A", "/d/a name of some entries that are more than one");
        Assert.Equal(before, c.Metadata("/d/a name of some entries that are more than one"));
        Assert.Equal(id, c.Id("/d/a name of some entries that are more than one"));
        Assert.Equal(ConformanceCase.Bytes(5000), c.Read("/d/a name of some entries that are more than one"));
        c.AssertClean();
    }

    [Theory]
    [InlineData("Straße.txt", "STRAßE.TXT")]
    [InlineData("école", "ÉCOLE")]
    [InlineData("файл.dat", "ФАЙЛ.DAT")]
    [InlineData("Ωμέγα", "ΩΜΈΓΑ")]
    [InlineData("ａｂｃ", "ＡＢＣ")]
    [InlineData("😀 smile", "😀 SMILE")]
    public void Names_beyond_ASCII_are_one_without_case_and_hash_as_others_hash_them(string name, string capitals)
    {
        using var c = new ExFatCase();
        c.File("/" + name, 3);
        Assert.True(c.Volume.TryFind("/" + capitals, out _));
        Assert.Throws<AlreadyExistsException>(() => c.File("/" + capitals));
        Assert.Equal(c.Volume.Upcase.Hash(capitals), (ushort)c.Stream("/" + name).NameHash);
        c.AssertClean();
    }

    [Fact]
    public void The_longest_name_has_255_units()
    {
        using var c = new ExFatCase("-c 512");
        for (var i = 0; i < 20; i++)
            c.File("/" + new string((char)('a' + i), 255));
        Assert.Throws<InvalidNameException>(() => c.File("/" + new string('x', 256)));
        Assert.Equal(19 * 32, c.Set("/" + new string('a', 255)).Length);
        c.Reopen();
        Assert.Equal(20, c.Names("/").Length);
        c.AssertClean();        // a set that lay in three clusters would be refused here
    }

    [Fact]
    public void A_directory_that_has_no_cluster_is_empty_and_gets_one()
    {
        var made = HandmadeExFat.Create();
        made.AddDirectory("none", 0, contiguous: false);
        made.SetPercent();
        using var c = ExFatCase.Of(made);
        Assert.Empty(c.Names("/none"));
        c.File("/none/x", 10);
        Assert.Equal((ulong)c.ClusterSize, (ulong)c.Stream("/none").DataLength);
        c.Reopen();
        Assert.Equal(["x"], c.Names("/none"));
        c.AssertClean();
        c.Volume.DeleteRecursively(c.Root, "none");
        c.AssertClean();
    }

    [Fact]
    public void A_directory_cannot_be_moved_into_itself()
    {
        using var c = new ExFatCase();
        c.Directory("/a");
        c.Directory("/a/b");
        c.Directory("/a/b/c");
        Assert.Throws<ArgumentException>(() => c.Rename("/a", "/a/b/c/a"));
        Assert.Throws<ArgumentException>(() => c.Rename("/a", "/a/x"));
        c.Rename("/a/b/c", "/c");
        c.Rename("/a", "/c/a");
        Assert.Equal(["b"], c.Names("/c/a"));
        c.File("/c/a/b/deep", 1);
        c.AssertClean();
    }

    [Fact]
    public void A_deep_tree_is_found_again_after_its_directories_were_given_up()
    {
        using var c = new ExFatCase("-c 512", 16 << 20);
        var path = "";
        for (var depth = 0; depth < 300; depth++)
        {
            path += $"/{depth}";
            c.Directory(path);
            c.File($"{path}/file", depth);
        }
        c.Reopen();
        var deepest = c.Id(path);
        for (var i = 0; i < 50; i++)
            c.Volume.CreateFile(deepest, $"new {i}", MetadataChange.None);
        c.Reopen();
        Assert.Equal(51, c.Names(path).Length);
        c.AssertClean();
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    [InlineData(128 << 10)]
    public void Every_entry_of_a_directory_of_several_pages_is_changed_in_its_place(int clusterSize)
    {
        // Sets of three, four and five entries: many lie across the end of a page of 16 KiB.
        const int count = 900;
        using var c = new ExFatCase($"-c {clusterSize}", 256 << 20);
        var directory = c.Directory("/d");
        for (var i = 0; i < count; i++)
            c.Volume.CreateFile(directory, Name(i), MetadataChange.None);
        for (var i = 0; i < count; i++)
        {
            c.Volume.SetMetadata(c.Id("/d/" + Name(i)), new MetadataChange { Modified = new Timestamp(1_000_000_000 + 2 * i), DosAttributes = DosAttributes.Hidden });
            if (i % 50 == 0)
                c.Write("/d/" + Name(i), 0, ConformanceCase.Bytes(10, i));
        }
        c.AssertClean();
        for (var i = 0; i < count; i += 3)
            c.Volume.Rename(directory, Name(i), directory, "RENAMED " + Name(i), replace: false);
        c.Reopen();
        for (var i = 0; i < count; i++)
        {
            var path = "/d/" + (i % 3 == 0 ? "RENAMED " : "") + Name(i);
            Assert.True(c.Metadata(path).DosAttributes!.Value.HasFlag(DosAttributes.Hidden));
            if (i % 50 == 0)
                Assert.Equal(ConformanceCase.Bytes(10, i), c.Read(path));
            else
                Assert.Equal(new Timestamp(1_000_000_000 + 2 * i), c.Metadata(path).Modified);
        }
        c.AssertClean();

        static string Name(int i) => $"name {new string('n', i % 40)}{i}";
    }

    [Fact]
    public void A_rename_that_finds_no_room_leaves_everything_as_it_was()
    {
        using var c = new ExFatCase("-c 512 -b 64K", 1 << 20);
        c.Directory("/d");
        for (var i = 0; i < 5; i++)
            c.File($"/d/{i}", 1);         // 15 of the 16 entries of a cluster
        c.File("/other", 1);
        c.File("/filler");
        c.SetLength("/filler", c.Volume.FreeBytes);
        c.Volume.Commit();
        var before = TreeSnapshot.Read(c.Volume);
        Assert.Equal(0, c.Volume.FreeBytes);
        Assert.Throws<VolumeFullException>(() => c.Rename("/d/3", "/d/a name that takes many entries, more than there are, by far"));
        Assert.Throws<VolumeFullException>(() => c.Rename("/other", "/d/other"));
        Assert.Throws<VolumeFullException>(() => c.Rename("/other", "/d/a name that takes several entries", replace: true));
        Assert.Throws<VolumeFullException>(() => c.Directory("/d/x"));
        Assert.Throws<VolumeFullException>(() => c.File("/d/x"));
        before.AssertSame(TreeSnapshot.Read(c.Volume), "after the refusals");
        c.Rename("/d/3", "/d/as long");
        c.Rename("/other", "/d/0", replace: true);
        c.Reopen();
        Assert.Equal(["0", "1", "2", "4", "as long"], c.Names("/d").Order(StringComparer.Ordinal));
        c.AssertClean();
    }

    [Theory]
    [InlineData("EXF-0060")]
    [InlineData("EXF-0063")]
    [InlineData("EXF-0064")]
    [InlineData("EXF-0066")]
    [InlineData("EXF-0068")]
    [InlineData("EXF-0085")]
    public void A_directory_that_lies_nowhere_is_refused_when_it_is_listed(string code)
    {
        var made = HandmadeExFat.CreateFilled();
        const string path = "dir/deeper directory";
        ref var stream = ref made.Stream(path);
        uint first = stream.FirstCluster;
        switch (code)
        {
            case "EXF-0060": stream.FirstCluster = 0; break;
            case "EXF-0063": made[first] = 1; break;
            case "EXF-0064": made[made[first]] = first; break;
            case "EXF-0066": stream.Flags |= ExFatSecondaryFlags.NoFatChain; stream.FirstCluster = made.Geometry.LastCluster; break;
            case "EXF-0068": made[first] = ExFatTable.EndOfChain; break;
            default: stream.DataLength = stream.ValidDataLength = (256 << 20) + 1; break;
        }
        made.Seal(path);
        using var c = ExFatCase.Of(made);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => c.Names("/" + path)).Code);
        var free = c.Volume.FreeBytes;
        Assert.Throws<DiskFormatException>(() => c.File($"/{path}/new", 1));
        Assert.ThrowsAny<IOException>(() => c.Delete("/" + path));
        Assert.Equal(free, c.Volume.FreeBytes);
        Assert.NotEmpty(c.Names("/dir"));
    }

    private static int EndOf(byte[] slots)
    {
        var end = 0;
        while (slots[end * 32] != 0)
            end++;
        return end;
    }

    // Time for each name must not grow with the directory: twenty times the names may take a few times as long for each, on a busy machine.
    [Fact]
    public void A_hundred_thousand_names_are_made_listed_and_found_in_time_that_is_proportional()
    {
        Measure(5_000);     // compiled and warm
        var small = Measure(5_000);
        var large = Measure(100_000);
        output.WriteLine($"microseconds a name, made: {small.Create:F2} of 5,000, {large.Create:F2} of 100,000; found: {small.Find:F2}, {large.Find:F2}; listed: {small.List:F2}, {large.List:F2}; removed: {small.Delete:F2}, {large.Delete:F2}");
        Assert.True(large.Create < 8 * small.Create + 20 && large.Find < 8 * small.Find + 20 && large.List < 8 * small.List + 20 && large.Delete < 8 * small.Delete + 20);

        static (double Create, double Find, double List, double Delete) Measure(int count)
        {
            using var c = new ExFatCase("-c 4K", 64 << 20);
            var directory = c.Directory("/d");
            var create = Time(() =>
            {
                for (var i = 0; i < count; i++)
                    c.Volume.CreateFile(directory, Name(i), MetadataChange.None);
            });
            c.Reopen();
            directory = c.Id("/d");
            var list = Time(() => Assert.Equal(count, c.Volume.Enumerate(directory).Count()));
            var find = Time(() =>
            {
                for (var i = 0; i < count; i++)
                    Assert.True(c.Volume.TryLookup(directory, Name(i * 7919L % count).ToUpperInvariant(), out _));
            });
            if (count == 100_000)
                c.AssertClean();
            var delete = Time(() =>
            {
                for (var i = 0; i < count; i += 2)
                    c.Volume.Delete(directory, Name(i));
                for (var i = 0; i < count; i += 2)
                    c.Volume.CreateFile(directory, Name(i), MetadataChange.None);
            });
            Assert.Equal(count, c.Volume.Enumerate(directory).Count());
            return (create, find, list, delete);

            double Time(Action action) => ProcessorTime.Of(action).TotalMicroseconds / count;

            static string Name(long i) => $"a name of some length {i:000000}.dat";
        }
    }
}
