using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Testing.ExFat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.ExFat;

/// <summary>Content: in one piece without links, in a chain, and what lies beyond the valid length.</summary>
public class ExFatFileTests
{
    [Fact]
    public void A_new_file_lies_in_one_piece_and_needs_no_links()
    {
        using var c = new ExFatCase();
        c.File("/a", 5 * c.ClusterSize + 1);
        Assert.True(c.IsContiguous("/a"));
        Assert.Single(c.Extents("/a"));
        var first = c.Stream("/a").FirstCluster;
        for (var i = 0u; i < 6; i++)
            Assert.Equal(0u, c.Volume.Table[first + i]);
        c.AssertClean();
    }

    [Fact]
    public void A_file_of_three_clusters_in_one_piece_is_read_whole_and_given_back_whole()
    {
        var made = HandmadeExFat.Create();
        made.AddFile("three", 3 * made.Geometry.ClusterSize - 5, contiguous: true);
        made.SetPercent();
        var expected = made.Bytes.AsSpan((int)made.Geometry.ClusterOffset(made.Stream("three").FirstCluster), 3 * made.Geometry.ClusterSize - 5).ToArray();
        using var c = ExFatCase.Of(made);
        Assert.Equal(expected, c.Read("/three"));
        var free = c.Volume.FreeBytes;
        c.Delete("/three");
        Assert.Equal(free + 3 * c.ClusterSize, c.Volume.FreeBytes);
        c.AssertClean();
    }

    [Fact]
    public void Appending_goes_on_in_one_piece_while_the_next_clusters_are_free()
    {
        using var c = new ExFatCase();
        c.File("/a", c.ClusterSize);
        for (var i = 1; i < 8; i++)
            c.Write("/a", i * c.ClusterSize, ConformanceCase.Bytes(c.ClusterSize, i));
        Assert.True(c.IsContiguous("/a"));
        Assert.Single(c.Extents("/a"));
        c.AssertClean();
    }

    [Fact]
    public void Appending_makes_a_chain_when_the_next_cluster_is_taken()
    {
        using var c = new ExFatCase();
        c.File("/a", 3 * c.ClusterSize);
        c.File("/behind", 1);
        c.Write("/a", 3 * c.ClusterSize, ConformanceCase.Bytes(c.ClusterSize + 10, 2));
        Assert.False(c.IsContiguous("/a"));
        Assert.Equal(2, c.Extents("/a").Length);
        var stream = c.Stream("/a");
        uint first = stream.FirstCluster;
        Assert.Equal([first + 1, first + 2, first + 4, first + 5, ExFatTable.EndOfChain], new[] { first, first + 1, first + 2, first + 4, first + 5 }.Select(n => c.Volume.Table[n]));
        c.Reopen();
        Assert.Equal([.. ConformanceCase.Bytes(3 * c.ClusterSize), .. ConformanceCase.Bytes(c.ClusterSize + 10, 2)], c.Read("/a"));
        c.AssertClean();
        c.SetLength("/a", 1);
        c.Write("/a", 1, ConformanceCase.Bytes(10 * c.ClusterSize, 5));
        c.AssertClean();
        c.SetLength("/a", 0);
        Assert.Equal(0u, (uint)c.Stream("/a").FirstCluster);
        c.Write("/a", 0, ConformanceCase.Bytes(4 * c.ClusterSize, 6));
        Assert.True(c.IsContiguous("/a"));
        c.AssertClean();
    }

    [Fact]
    public void Room_in_one_piece_is_found_behind_small_holes()
    {
        using var c = new ExFatCase();
        for (var i = 0; i < 40; i++)
            c.File($"/{i}", 1);
        c.Volume.Commit();
        for (var i = 0; i < 40; i += 2)
            c.Delete($"/{i}");
        c.Reopen();
        c.File("/long", 20 * c.ClusterSize);
        Assert.True(c.IsContiguous("/long"));
        c.File("/short", 1);
        c.AssertClean();
    }

    [Fact]
    public void Where_no_piece_is_long_enough_a_new_file_is_a_chain()
    {
        using var c = new ExFatCase();
        c.Fragment(30);
        c.File("/chain", 25 * c.ClusterSize - 3);
        Assert.False(c.IsContiguous("/chain"));
        c.Reopen();
        Assert.Equal(ConformanceCase.Bytes(25 * c.ClusterSize - 3), c.Read("/chain"));
        c.AssertClean();
        var free = c.Volume.FreeBytes;
        c.Delete("/chain");
        Assert.Equal(free + 25 * c.ClusterSize, c.Volume.FreeBytes);
        c.AssertClean();
    }

    [Fact]
    public void A_growth_that_finds_no_room_leaves_file_and_space_as_they_were()
    {
        using var c = new ExFatCase();
        c.Fragment(4);
        c.File("/a", c.ClusterSize);
        var free = c.Volume.FreeBytes;
        Assert.Throws<VolumeFullException>(() => c.Write("/a", c.ClusterSize, new byte[6 * c.ClusterSize]));
        Assert.Throws<VolumeFullException>(() => c.SetLength("/a", 8 * c.ClusterSize));
        Assert.Throws<VolumeFullException>(() => c.SetLength("/a", long.MaxValue));
        Assert.Equal(free, c.Volume.FreeBytes);
        Assert.True(c.IsContiguous("/a"));
        Assert.Equal(ConformanceCase.Bytes(c.ClusterSize), c.Read("/a"));
        c.AssertClean();
        c.Write("/a", c.ClusterSize, ConformanceCase.Bytes(2 * c.ClusterSize, 2));
        c.AssertClean();
    }

    [Fact]
    public void What_lies_beyond_the_valid_length_reads_as_zeros()
    {
        var made = HandmadeExFat.CreateFilled();
        var size = made.Geometry.ClusterSize;
        using var c = ExFatCase.Of(made);
        var bytes = c.Read("/half valid");
        Assert.Equal(3 * size, bytes.Length);
        Assert.True(bytes.AsSpan(0, size + 5).ContainsAnyExcept((byte)0));
        Assert.False(bytes.AsSpan(size + 5).ContainsAnyExcept((byte)0));
        using (var stream = c.Volume.OpenRead(c.Id("/half valid"), StreamName.Data))
        {
            Assert.Equal([new ByteRange(0, size + 5)], stream.DataRanges());
            Assert.Equal(new StreamExtent(size + 5, -1, 2 * size - 5), stream.Extents().Last());
        }

        // Written beyond it: the gap is zeros, whatever the clusters held.
        c.Write("/half valid", 2 * size + 1, [7]);
        bytes = c.Read("/half valid");
        Assert.False(bytes.AsSpan(size + 5, size - 4).ContainsAnyExcept((byte)0));
        Assert.Equal(7, bytes[2 * size + 1]);
        Assert.False(bytes.AsSpan(2 * size + 2).ContainsAnyExcept((byte)0));
        Assert.Equal((ulong)(2 * size + 2), (ulong)c.Stream("/half valid").ValidDataLength);
        Assert.Equal((ulong)(3 * size), (ulong)c.Stream("/half valid").DataLength);
        c.AssertClean(foreign: false);
    }

    [Fact]
    public void Lengthening_writes_nothing_and_shows_no_old_bytes()
    {
        using var c = new ExFatCase("-c 4K", 64 << 20);
        c.File("/old", 30 << 20);
        c.Delete("/old");
        c.Volume.Commit();
        c.File("/new", 10);
        c.SetLength("/new", 20 << 20);
        Assert.Equal(10UL, (ulong)c.Stream("/new").ValidDataLength);
        Assert.Equal(20UL << 20, (ulong)c.Stream("/new").DataLength);
        c.Reopen();
        var bytes = c.Read("/new");
        Assert.Equal(ConformanceCase.Bytes(10), bytes[..10]);
        Assert.False(bytes.AsSpan(10).ContainsAnyExcept((byte)0));

        // Shortened into the part that was never written, and made longer again.
        c.SetLength("/new", 5);
        c.SetLength("/new", 100);
        Assert.Equal([.. ConformanceCase.Bytes(10)[..5], .. new byte[95]], c.Read("/new"));
        c.AssertClean();
    }

    [Fact]
    public void Entries_that_vendors_added_stay_with_the_file_and_go_with_it()
    {
        var made = HandmadeExFat.Create();
        made.AddFile("vendor", 10, true, null, made.VendorExtension(), made.VendorAllocation(2 * made.Geometry.ClusterSize));
        made.SetPercent();
        using var c = ExFatCase.Of(made);
        var additions = c.Set("/vendor")[(3 * 32)..];
        Assert.Equal(2 * 32, additions.Length);
        c.Write("/vendor", 10, ConformanceCase.Bytes(5000));
        c.Rename("/vendor", "/a name that takes three entries, not one.vendor");
        c.Directory("/d");
        c.Rename("/a name that takes three entries, not one.vendor", "/d/x");
        c.Volume.SetMetadata(c.Id("/d/x"), new MetadataChange { DosAttributes = DosAttributes.Hidden });
        Assert.Equal(additions, c.Set("/d/x")[(3 * 32)..]);
        c.AssertClean(foreign: false);
        var free = c.Volume.FreeBytes;
        c.Delete("/d/x");
        Assert.Equal(free + 7 * c.ClusterSize, c.Volume.FreeBytes);
        c.AssertClean();
    }

    [Fact]
    public void Replacing_frees_all_that_belonged_to_the_replaced_file()
    {
        var made = HandmadeExFat.Create();
        made.AddFile("vendor", 10, true, null, made.VendorAllocation(2 * made.Geometry.ClusterSize));
        made.SetPercent();
        using var c = ExFatCase.Of(made);
        c.File("/new", 1);
        var free = c.Volume.FreeBytes;
        c.Rename("/new", "/VENDOR", replace: true);
        Assert.Equal(free + 3 * c.ClusterSize, c.Volume.FreeBytes);
        Assert.Equal(["VENDOR"], c.Names("/"));
        c.AssertClean();
    }

    [Theory]
    [InlineData(512, 512)]
    [InlineData(512, 32 << 20)]
    [InlineData(4096, 4096)]
    [InlineData(4096, 32 << 20)]
    public void Clusters_of_every_size_hold_files_and_directories(int sectorSize, int clusterSize)
    {
        using var c = new ExFatCase($"-c {clusterSize}", Math.Max(8L << 20, 40L * clusterSize), sectorSize);
        c.Directory("/dir");
        c.Directory("/dir/below");
        for (var i = 0; i < 5; i++)
            c.File($"/dir/below/file {i}", 70_000 + i, seed: i + 1);
        c.Write("/dir/below/file 0", 70_000, ConformanceCase.Bytes(100_000, 9));
        c.SetLength("/dir/below/file 1", 3L * clusterSize + 1);
        c.Rename("/dir/below/file 2", "/moved");
        c.Delete("/dir/below/file 3");
        c.Reopen();
        Assert.Equal([.. ConformanceCase.Bytes(70_000), .. ConformanceCase.Bytes(100_000, 9)], c.Read("/dir/below/file 0"));
        Assert.Equal(3L * clusterSize + 1, c.Metadata("/dir/below/file 1").Length);
        Assert.Equal(ConformanceCase.Bytes(70_002, 3), c.Read("/moved"));
        Assert.Equal(["file 0", "file 1", "file 4"], c.Names("/dir/below"));
        c.AssertClean();
    }
}
