using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

// What a commit keeps, what a rollback drops, and what the volume says of itself.
public abstract partial class VolumeConformance
{
    [Fact]
    public void What_was_not_committed_is_gone_after_closing() => Case(c =>
    {
        c.File("/kept", ConformanceCase.Bytes(3000));
        c.Commit();
        c.Volume.CreateFile(c.Volume.RootId, "lost", new MemoryStream(ConformanceCase.Bytes(3000)), null, MetadataChange.None);
        c.Volume.Rename(c.Volume.RootId, "kept", c.Volume.RootId, "renamed", replace: false);
        c.CloseWithoutCommit();
    });

    [Fact]
    public void A_rollback_drops_every_edit_since_the_commit() => Case(c =>
    {
        c.Directory("/sub");
        for (var i = 0; i < 30; i++)
            c.File($"/sub/file {i}", ConformanceCase.Bytes(i * 200, i), new MetadataChange { Modified = new Timestamp(1_000_000_000 + 2 * i) });
        c.Commit();
        var free = c.Volume.FreeBytes;
        var volume = c.Volume;
        for (var i = 0; i < 30; i += 3)
            volume.Delete(c.Id("/sub"), $"file {i}");
        volume.Rename(c.Id("/sub"), "file 1", volume.RootId, "moved", replace: false);
        volume.Rename(c.Id("/sub"), "file 4", c.Id("/sub"), "file 5", replace: true);
        volume.CreateDirectory(volume.RootId, "new", MetadataChange.None);
        volume.CreateFile(c.Id("/new"), "with content", new MemoryStream(ConformanceCase.Bytes(100_000)), null, MetadataChange.None);
        volume.SetMetadata(c.Id("/sub/file 7"), new MetadataChange { Modified = new Timestamp(1_600_000_000) });
        using (var stream = volume.OpenWrite(c.Id("/sub/file 8"), StreamName.Data))
        {
            stream.WriteAt(0, new byte[500]);
            stream.SetLength(700);
            stream.WriteAt(90_000, [1]);
        }
        volume.DeleteRecursively(volume.RootId, "sub");
        Assert.True(volume.UncommittedBytes > 0);
        volume.Rollback();
        Assert.Equal(0, volume.UncommittedBytes);
        c.CompareLive("after the rollback");
        Assert.Equal(free, volume.FreeBytes);
        c.File("/after the rollback", ConformanceCase.Bytes(50_000, 7));
    });

    [Fact]
    public void A_rollback_of_nothing_changes_nothing() => Case(c =>
    {
        c.File("/file", [1]);
        c.Commit();
        c.Volume.Rollback();
        c.Volume.Rollback();
    });

    [Fact]
    public void A_rollback_to_the_empty_volume_works() => Case(c =>
    {
        c.Volume.CreateFile(c.Volume.RootId, "file", new MemoryStream([1]), null, MetadataChange.None);
        c.Volume.Rollback();
        Assert.Empty(c.Volume.Root.Entries);
        c.File("/file", [2]);
    });

    [Fact]
    public void A_commit_of_nothing_changes_nothing() => Case(c =>
    {
        c.File("/file", [1]);
        c.Commit();
        c.Commit();
        c.Reopen();
        c.Commit();
    });

    [Fact]
    public void Edits_in_hand_are_counted() => Case(c =>
    {
        Assert.Equal(0, c.Volume.UncommittedBytes);
        c.File("/file", [1]);
        Assert.True(c.Volume.UncommittedBytes > 0);
    });

    [Fact]
    public void A_volume_is_consistent_after_each_of_many_commits() => Case(c =>
    {
        c.Directory("/sub");
        for (var i = 0; i < 8; i++)
        {
            c.File($"/sub/file number {i}", ConformanceCase.Bytes(i * 900, i));
            c.Commit();
            c.Judge();
            if (i % 2 == 1)
                c.Delete($"/sub/file number {i - 1}");
            else
                c.Rename($"/sub/file number {i}", $"/moved {i}");
            c.Commit();
            c.Judge();
            if (i % 2 == 0)
                c.Rename($"/moved {i}", $"/sub/file number {i}");
        }
    });

    [Fact]
    public void A_volume_works_on_after_each_reopening() => Case(c =>
    {
        for (var i = 0; i < 10; i++)
        {
            c.File($"/file number {i}", ConformanceCase.Bytes(i * 700, i));
            if (i > 2)
                c.Write($"/file number {i - 2}", i * 100, ConformanceCase.Bytes(1500, i));
            if (i > 5)
                c.Delete($"/file number {i - 5}");
            c.Reopen();
        }
    });

    [Fact]
    public void The_volume_says_what_it_is() => Case(c =>
    {
        var info = c.Volume.Info;
        Assert.True(info.Type.Length > 0);
        Assert.True(info.BlockSize > 0 && info.TotalBytes > 0);
        Assert.True(c.Capabilities.MaxNameLength > 0 && c.Capabilities.MaxFileLength > 0);
        Assert.NotNull(c.Capabilities.Modified);
        Assert.Equal(c.Has(Features.Label), c.Capabilities.MaxLabelLength > 0);
        c.Reopen();
        Assert.Equal(info with { Details = [] }, c.Volume.Info with { Details = [] });
    });

    [Fact]
    public void A_tree_like_a_real_one_survives_all_the_way() => Case(c =>
    {
        foreach (var directory in new[] { "/EFI", "/EFI/BOOT", "/docs", "/docs/images", "/src", "/src/deep", "/src/deep/er" })
            c.Directory(directory, new MetadataChange { Modified = new Timestamp(1_700_000_000) });
        c.File("/EFI/BOOT/BOOTX64.EFI", ConformanceCase.Bytes(150_000));
        c.File("/README.md", "# Read me\n"u8.ToArray(), new MetadataChange { Modified = new Timestamp(1_650_000_000) });
        c.File("/.gitignore", "bin/\n"u8.ToArray());
        for (var i = 0; i < 50; i++)
            c.File($"/docs/images/Picture {i:D4}.jpeg", ConformanceCase.Bytes(1000 + 311 * i, i));
        c.File("/src/deep/er/Program.cs", ConformanceCase.Bytes(2047));
        c.Reopen();
        c.Rename("/docs/images", "/src/deep/pictures");
        c.Write("/README.md", 10, "More.\n"u8.ToArray());
        c.DeleteRecursively("/EFI");
    });
}
