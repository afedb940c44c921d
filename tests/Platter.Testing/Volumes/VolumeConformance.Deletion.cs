using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

// Deleting, and the space that comes back.
public abstract partial class VolumeConformance
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(200_000)]
    public void A_deleted_file_is_gone_and_its_space_back(int length) => Case(c =>
    {
        c.Directory("/D");
        c.File("/D/KEEP", [1]);
        c.Commit();
        var free = c.Volume.FreeBytes;
        c.File("/D/F", ConformanceCase.Bytes(length));
        c.Commit();
        c.Delete("/D/F");
        Assert.False(c.Volume.TryFind("/D/F", out _));
        c.Commit();
        AssertFree(c, free);
    });

    [Fact]
    public void A_deleted_empty_directory_is_gone_and_its_space_back() => Case(c =>
    {
        c.Directory("/D");
        c.Directory("/D/KEEP");
        c.Commit();
        var free = c.Volume.FreeBytes;
        c.Directory("/D/SUB");
        c.Commit();
        c.Delete("/D/SUB");
        c.Commit();
        AssertFree(c, free);
    });

    [Fact]
    public void A_directory_with_entries_is_not_deleted() => Case(c =>
    {
        c.Directory("/a");
        c.Directory("/a/b");
        c.File("/a/b/file", [1]);
        c.Refused<DirectoryNotEmptyException>(() => c.Volume.Delete(c.Volume.RootId, "a"));
        c.Refused<DirectoryNotEmptyException>(() => c.Volume.Delete(c.Id("/a"), "b"));
        c.Delete("/a/b/file");
        c.Delete("/a/b");
        c.Delete("/a");
    });

    [Fact]
    public void A_missing_name_cannot_be_deleted() => Case(c =>
    {
        var file = c.File("/file", [1]);
        c.Refused<FileNotFoundException>(() => c.Volume.Delete(c.Volume.RootId, "missing"));
        c.Refused<FileNotFoundException>(() => c.Volume.DeleteRecursively(c.Volume.RootId, "missing"));
        c.Refused<DirectoryNotFoundException>(() => c.Volume.Delete(file, "x"));
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_file_that_is_open_is_not_deleted(bool forWriting) => Case(c =>
    {
        var id = c.File("/file", ConformanceCase.Bytes(3000));
        using (forWriting ? c.Volume.OpenWrite(id, StreamName.Data) : c.Volume.OpenRead(id, StreamName.Data))
            c.Refused<InUseException>(() => c.Volume.Delete(c.Volume.RootId, "file"));
        c.Delete("/file");
    });

    [Fact]
    public void A_file_open_twice_is_in_use_until_both_are_closed() => Case(c =>
    {
        var id = c.File("/file", ConformanceCase.Bytes(3000));
        var first = c.Volume.OpenRead(id, StreamName.Data);
        var second = c.Volume.OpenRead(id, StreamName.Data);
        first.Dispose();
        first.Dispose();
        c.Refused<InUseException>(() => c.Volume.Delete(c.Volume.RootId, "file"));
        second.Dispose();
        c.Delete("/file");
    });

    [Fact]
    public void A_name_is_deleted_by_the_filesystems_own_comparison() => Case(c =>
    {
        c.File("/A long Name.txt", [1]);
        if (c.Capabilities.CaseSensitive)
            c.Refused<FileNotFoundException>(() => c.Volume.Delete(c.Volume.RootId, "a LONG name.TXT"));
        else
            c.Delete("/a LONG name.TXT");
    });

    [Fact]
    public void Deleting_and_making_again_gives_the_new_content() => Case(c =>
    {
        c.File("/file", ConformanceCase.Bytes(5000, 1));
        c.Commit();
        c.Delete("/file");
        c.File("/file", ConformanceCase.Bytes(300, 2));
        c.Commit();
        c.Delete("/file");
        c.Directory("/file");
        c.Commit();
        c.Delete("/file");
        c.File("/file", ConformanceCase.Bytes(9000, 3));
    });

    [Fact]
    public void Every_second_of_many_entries_is_deleted_and_the_gaps_filled() => Case(c =>
    {
        c.Directory("/many");
        for (var i = 0; i < 300; i++)
            c.File($"/many/entry number {i}", [(byte)i]);
        c.Commit();
        for (var i = 0; i < 300; i += 2)
            c.Delete($"/many/entry number {i}");
        c.Commit();
        for (var i = 0; i < 100; i++)
            c.File($"/many/{i}", [(byte)i]);
        for (var i = 0; i < 100; i++)
            c.File($"/many/a new entry with a name that is longer than the gaps are {i}");
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Entries_do_not_return_from_behind_the_last(bool fromTheEnd) => Case(c =>
    {
        c.Directory("/many");
        for (var i = 0; i < 120; i++)
            c.File($"/many/entry number {i}");
        c.Commit();
        for (var i = 0; i < 120; i++)
            c.Delete($"/many/entry number {(fromTheEnd ? 119 - i : i)}");
        c.Commit();
        c.File("/many/last", [1]);
        c.Commit();
        c.File("/many/and one more, with a name of several entries", [2]);
    });

    [Fact]
    public void A_wide_tree_is_deleted_with_all_it_holds() => Case(c =>
    {
        c.Directory("/D");
        c.Directory("/D/KEEP");
        c.Commit();
        var free = c.Volume.FreeBytes;
        c.Directory("/D/WIDE");
        for (var i = 0; i < 20; i++)
        {
            c.Directory($"/D/WIDE/directory {i}");
            for (var j = 0; j < 15; j++)
                c.File($"/D/WIDE/directory {i}/file {j}", ConformanceCase.Bytes(j * 50));
        }
        c.Commit();
        c.DeleteRecursively("/D/WIDE");
        c.Commit();
        AssertFree(c, free);
    });

    [Fact]
    public void A_deep_tree_is_deleted_with_all_it_holds() => Case(c =>
    {
        var path = "";
        for (var level = 0; level < 60; level++)
        {
            c.Directory(path += "/d");
            c.File(path + "/file", [(byte)level]);
        }
        c.DeleteRecursively("/d");
    });

    [Fact]
    public void Deleting_recursively_takes_a_single_file_too() => Case(c =>
    {
        c.File("/file", ConformanceCase.Bytes(3000));
        c.DeleteRecursively("/file");
    });

    [Fact]
    public void The_space_of_a_thousand_rounds_is_not_lost() => Case(c =>
    {
        c.Directory("/D");
        c.File("/D/KEEP", [1]);
        c.Commit();
        var free = c.Volume.FreeBytes;
        for (var i = 0; i < 1000; i++)
        {
            c.File("/D/F", ConformanceCase.Bytes(c.ClusterSize * 2));
            c.Delete("/D/F");
            if (i % 20 == 0)
                c.Commit();
        }
        c.Commit();
        AssertFree(c, free);
    });
}
