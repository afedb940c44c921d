using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

// The full volume: every edit either fits or fails cleanly, and the space comes back.
public abstract partial class VolumeConformance
{
    [Fact]
    public void Content_lowers_the_free_space_by_what_it_takes() => Case(c =>
    {
        c.Directory("/D");
        c.File("/D/A", [1]);
        c.Commit();
        var free = c.Volume.FreeBytes;
        var size = 37 * c.ClusterSize + 1;
        c.File("/D/B", ConformanceCase.Bytes(size));
        c.Commit();
        var least = 38L * c.ClusterSize;
        Assert.InRange(free - c.Volume.FreeBytes, least, least + c.Fixture.ContentOverhead(size) + c.Fixture.FreeBytesSlack);
    });

    [Fact]
    public void Truncating_gives_space_back() => Case(c =>
    {
        c.Directory("/D");
        c.File("/D/F", [1]);
        c.Commit();
        var free = c.Volume.FreeBytes;
        c.SetLength("/D/F", 300_000);
        c.Write("/D/F", 0, ConformanceCase.Bytes(300_000));
        c.Commit();
        c.SetLength("/D/F", 1);
        c.Commit();
        AssertFree(c, free);
    });

    [Fact]
    public void The_free_space_is_not_more_than_the_whole() => Case(c => Assert.InRange(c.Volume.FreeBytes, 1, c.Volume.Info.TotalBytes));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Content_that_does_not_fit_is_refused_and_leaves_nothing(bool lengthIsKnown) => SmallCase(c =>
    {
        c.Directory("/D");
        c.File("/D/KEEP", ConformanceCase.Bytes(1000));
        c.Commit();
        var free = c.Volume.FreeBytes;
        var content = new byte[free + c.ClusterSize];
        c.Refused<VolumeFullException>(() =>
            c.Volume.CreateFile(c.Id("/D"), "BIG", new MemoryStream(content), lengthIsKnown ? content.Length : null, MetadataChange.None));
        c.Commit();
        AssertFree(c, free);
    });

    [Fact]
    public void Reserving_more_than_is_free_is_refused() => SmallCase(c =>
    {
        c.File("/file", ConformanceCase.Bytes(1000));
        using var stream = c.Volume.OpenWrite(c.Id("/file"), StreamName.Data);
        c.Refused<VolumeFullException>(() => stream.Reserve(c.Volume.FreeBytes + 1000 + 2 * c.ClusterSize));
        Assert.Equal(1000, stream.Length);
    });

    [Fact]
    public void A_write_that_does_not_fit_leaves_the_file_as_it_was() => SmallCase(c =>
    {
        c.File("/file", ConformanceCase.Bytes(1000));
        c.Commit();
        var free = c.Volume.FreeBytes;
        using (var stream = c.Volume.OpenWrite(c.Id("/file"), StreamName.Data))
        {
            c.Refused<VolumeFullException>(() => stream.WriteAt(500, new byte[free + 1000 + c.ClusterSize]));
            Assert.Equal(1000, stream.Length);
        }
        c.Commit();
        AssertFree(c, free);
        c.Write("/file", 1000, ConformanceCase.Bytes(1000, 2));
    });

    [Fact]
    public void A_length_that_does_not_fit_leaves_the_file_as_it_was() => SmallCase(c =>
    {
        c.File("/file", ConformanceCase.Bytes(1000));
        if (c.Has(Features.SparseFiles))
            return;
        using var stream = c.Volume.OpenWrite(c.Id("/file"), StreamName.Data);
        c.Refused<VolumeFullException>(() => stream.SetLength(c.Volume.FreeBytes + 1000 + 2 * c.ClusterSize));
        Assert.Equal(1000, stream.Length);
    });

    [Fact]
    public void A_volume_filled_by_one_file_takes_no_more_and_works_again_after_deletion() => SmallCase(c =>
    {
        Fill(c, "/filler");
        c.Commit();
        // More than a record or an inode holds by itself.
        var more = 2 * Math.Max(c.ClusterSize, 4096) + c.Volume.FreeBytes;
        c.Refused<VolumeFullException>(() => c.Volume.CreateFile(c.Volume.RootId, "more", new MemoryStream(new byte[more]), null, MetadataChange.None));
        c.Reopen();
        c.Delete("/filler");
        c.Commit();
        c.File("/again", ConformanceCase.Bytes(100_000));
    });

    [Fact]
    public void A_volume_filled_by_many_files_holds_each_of_them() => SmallCase(c =>
    {
        c.Directory("/many");
        var piece = Math.Max(3 * c.ClusterSize, c.Volume.FreeBytes / 60);
        var count = FillWith(c, i => c.File($"/many/file number {i}", ConformanceCase.Bytes(piece - i, i)));
        Assert.InRange(count, 20, 1000);
        c.Reopen();
        for (var i = 0; i < count; i += 2)
            c.Delete($"/many/file number {i}");
        c.Commit();
        for (var i = 0; i < count / 2 - 1; i++)
            c.File($"/many/file again {i}", ConformanceCase.Bytes(piece / 2, i));
    });

    [Fact]
    public void Directories_fill_a_volume_without_harm() => SmallCase(c =>
    {
        c.Directory("/D");
        Fill(c, "/filler", leave: 12);
        FillWith(c, i => c.Directory($"/D/a directory with a rather long name {i}"));
        c.Reopen();
        c.DeleteRecursively("/D");
        c.Commit();
        c.Directory("/again");
    });

    [Fact]
    public void A_directory_that_cannot_grow_refuses_the_next_entry() => SmallCase(c =>
    {
        c.Directory("/D");
        Fill(c, "/filler");
        FillWith(c, i => c.File($"/D/an empty file with a rather long name {i}"));
        c.Refused<VolumeFullException>(() =>
        {
            for (var i = 0; i < 20; i++)
                c.Volume.CreateFile(c.Id("/D"), $"{new string('x', c.Capabilities.MaxNameLength - 10)}{i}", MetadataChange.None);
        });
    });

    [Fact]
    public void A_move_into_a_directory_that_cannot_grow_is_refused() => SmallCase(c =>
    {
        c.Directory("/D");
        c.Directory("/S");
        var name = new string('n', c.Capabilities.MaxNameLength);
        c.File("/S/" + name, [1]);
        Fill(c, "/filler");
        FillWith(c, i => c.File($"/D/an empty file with a rather long name {i}"));
        try
        {
            c.Rename("/S/" + name, "/D/" + name);
        }
        catch (VolumeFullException)
        {
            c.CompareLive("after a refused move");
        }
    });

    [Fact]
    public void A_root_of_fixed_size_refuses_the_entry_after_the_last() => Case(c =>
    {
        if (c.Fixture.RootEntries is not { } entries)
            return;
        for (var i = 0; i < entries; i++)
            c.File($"/A{i}");
        var free = c.Volume.FreeBytes;
        c.Refused<VolumeFullException>(() => c.Volume.CreateFile(c.Volume.RootId, "MORE", MetadataChange.None));
        c.Refused<VolumeFullException>(() => c.Volume.CreateDirectory(c.Volume.RootId, "MORE", MetadataChange.None));
        c.Refused<VolumeFullException>(() => c.Volume.CreateFile(c.Volume.RootId, "MORE", new MemoryStream(new byte[5000]), 5000, MetadataChange.None));
        c.Commit();
        AssertFree(c, free);
        c.Rename("/A7", "/B7");
        c.Delete("/A8");
        c.File("/MORE", [1]);
    });

    [Fact]
    public void Holes_take_no_space_where_files_are_sparse() => Case(c =>
    {
        if (!c.Has(Features.SparseFiles))
            return;
        c.File("/sparse");
        var free = c.Volume.FreeBytes;
        c.SetLength("/sparse", 1_000_000);
        c.Write("/sparse", 900_000, [1]);
        c.Commit();
        Assert.InRange(free - c.Volume.FreeBytes, 0, c.Fixture.SparseFileSlack);
    });

    /// <summary>Makes a file that takes all the space but some clusters.</summary>
    private static void Fill(ConformanceCase c, string path, int leave = 0)
    {
        c.File(path);
        c.Commit();
        var length = c.Volume.FreeBytes - (long)leave * c.ClusterSize;
        while (true)
        {
            try
            {
                c.Write(path, 0, ConformanceCase.Bytes(length));
                return;
            }
            catch (VolumeFullException)
            {
                c.Volume.Commit();
                length -= Math.Max(c.ClusterSize, c.Fixture.ContentOverhead(length) / 4);
            }
        }
    }

    /// <summary>Repeats an edit until the volume is full, which must leave no trace.</summary>
    /// <returns>How often it succeeded.</returns>
    private static int FillWith(ConformanceCase c, Action<int> edit)
    {
        for (var i = 0; i < 20_000; i++)
        {
            try
            {
                edit(i);
            }
            catch (VolumeFullException)
            {
                c.CompareLive("after the volume got full");
                c.Commit();
                return i;
            }
        }
        throw new InvalidOperationException("the volume does not get full");
    }
}
