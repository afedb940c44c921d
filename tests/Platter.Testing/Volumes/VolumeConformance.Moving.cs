using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

// Renaming, moving and replacing.
public abstract partial class VolumeConformance
{
    [Theory]
    [InlineData("B.TXT")]
    [InlineData("a much longer name than it had before.text")]
    [InlineData("b")]
    public void A_file_is_renamed(string newName) => Case(c =>
    {
        c.File("/A file.txt", ConformanceCase.Bytes(3000));
        c.Rename("/A file.txt", "/" + newName);
        Assert.False(c.Volume.TryFind("/A file.txt", out _));
    });

    [Fact]
    public void A_directory_is_renamed_with_all_it_holds() => Case(c =>
    {
        c.Directory("/old");
        c.Directory("/old/sub");
        c.File("/old/sub/file", ConformanceCase.Bytes(3000));
        c.Rename("/old", "/a new and longer name");
        Assert.Equal(3000, c.Volume.Find("/a new and longer name/sub/file").Length);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_entry_can_be_renamed_onto_itself(bool replace) => Case(c =>
    {
        var file = c.File("/A file.txt", ConformanceCase.Bytes(3000));
        var directory = c.Directory("/sub");
        c.Rename("/A file.txt", "/A file.txt", replace);
        c.Rename("/sub", "/sub", replace);
        Assert.Equal(file, c.Id("/A file.txt"));
        Assert.Equal(directory, c.Id("/sub"));
    });

    [Theory]
    [InlineData("readme.txt", "README.TXT", false)]
    [InlineData("README.TXT", "Readme.txt", true)]
    [InlineData("A Long Mixed Name", "a long MIXED name", false)]
    public void A_name_changes_its_case(string name, string newName, bool replace) => Case(c =>
    {
        var id = c.File("/" + name, ConformanceCase.Bytes(3000));
        c.Directory("/Sub");
        c.Rename("/" + name, "/" + newName, replace);
        c.Rename("/Sub", "/SUB", replace);
        Assert.Equal(id, c.Id("/" + newName));
    });

    [Fact]
    public void A_file_moves_between_directories() => Case(c =>
    {
        c.Directory("/a");
        c.Directory("/b");
        c.File("/a/file", ConformanceCase.Bytes(3000));
        c.Rename("/a/file", "/b/file");
        c.Rename("/b/file", "/other name");
        c.Rename("/other name", "/a/file");
    });

    [Fact]
    public void A_directory_moves_between_parents() => Case(c =>
    {
        c.Directory("/a");
        c.Directory("/b");
        c.Directory("/b/c");
        c.Directory("/a/moved");
        c.File("/a/moved/file", ConformanceCase.Bytes(3000));
        c.Rename("/a/moved", "/b/c/moved");
        c.Commit();
        c.Rename("/b/c/moved", "/moved");
        c.Commit();
        c.Rename("/moved", "/b/moved again");
    });

    [Fact]
    public void A_node_keeps_its_id_through_rename_and_move() => Case(c =>
    {
        c.Directory("/a");
        c.Directory("/b");
        var file = c.File("/a/file", ConformanceCase.Bytes(3000));
        var directory = c.Directory("/a/sub");
        var below = c.File("/a/sub/below", [1]);
        c.Rename("/a/file", "/b/a name of another length");
        c.Rename("/a/sub", "/b/moved");
        c.Rename("/b/moved", "/b/MOVED twice");
        c.Rename("/b", "/c");
        c.Commit();
        Assert.Equal(file, c.Id("/c/a name of another length"));
        Assert.Equal(directory, c.Id("/c/MOVED twice"));
        Assert.Equal(below, c.Id("/c/MOVED twice/below"));
        Assert.Equal(3000, c.Volume.GetMetadata(file).Length);
    });

    [Fact]
    public void Ids_stay_while_others_come_and_go() => Case(c =>
    {
        var ids = Enumerable.Range(0, 60).ToDictionary(i => $"/file number {i}", i => c.File($"/file number {i}", [(byte)i]), StringComparer.Ordinal);
        for (var i = 0; i < 60; i += 2)
            c.Delete($"/file number {i}");
        for (var i = 0; i < 30; i++)
            c.File($"/another, with a longer name {i}");
        c.Commit();
        foreach (var (path, id) in ids.Where(p => c.Volume.TryFind(p.Key, out _)))
            Assert.Equal(id, c.Id(path));
    });

    [Fact]
    public void Renaming_keeps_metadata() => Case(c =>
    {
        var change = new MetadataChange
        {
            Modified = new Timestamp(1_400_000_000),
            Created = c.Capabilities.Created is null ? null : new Timestamp(1_300_000_000),
            Accessed = c.Capabilities.Accessed is null ? null : new Timestamp(1_450_000_000),
            DosAttributes = c.Has(Features.DosAttributes) ? DosAttributes.Hidden | DosAttributes.ReadOnly : null,
            Mode = c.Has(Features.Mode) ? 0x181 : null,
        };
        c.Directory("/a");
        c.Directory("/b");
        c.Directory("/a/sub", change);
        c.File("/a/file", ConformanceCase.Bytes(3000), change);
        c.Fixture.Clock.Advance(TimeSpan.FromDays(100));
        c.Rename("/a/file", "/b/moved file");
        c.Rename("/a/sub", "/b/moved directory");
    });

    [Fact]
    public void A_missing_name_cannot_be_renamed() => Case(c =>
    {
        c.Directory("/a");
        c.Refused<FileNotFoundException>(() => c.Volume.Rename(c.Volume.RootId, "missing", c.Id("/a"), "new", replace: false));
    });

    [Fact]
    public void Nothing_moves_into_a_file() => Case(c =>
    {
        c.File("/file", [1]);
        var target = c.File("/target", [1]);
        c.Refused<DirectoryNotFoundException>(() => c.Volume.Rename(c.Volume.RootId, "file", target, "x", replace: false));
        c.Refused<DirectoryNotFoundException>(() => c.Volume.Rename(target, "x", c.Volume.RootId, "x", replace: false));
    });

    [Theory]
    [InlineData("/a")]
    [InlineData("/a/b")]
    [InlineData("/a/b/c")]
    public void A_directory_cannot_move_into_itself_or_below(string target) => Case(c =>
    {
        c.Directory("/a");
        c.Directory("/a/b");
        c.Directory("/a/b/c");
        c.File("/a/b/c/file", [1]);
        c.Refused<ArgumentException>(() => c.Volume.Rename(c.Volume.RootId, "a", c.Id(target), "moved", replace: false));
        c.Refused<ArgumentException>(() => c.Volume.Rename(c.Volume.RootId, "a", c.Id(target), "moved", replace: true));
    });

    [Fact]
    public void An_existing_entry_stays_unless_it_may_be_replaced() => Case(c =>
    {
        c.File("/a", [1]);
        c.File("/b", [2]);
        c.Directory("/d");
        c.Directory("/e");
        c.Refused<AlreadyExistsException>(() => c.Volume.Rename(c.Volume.RootId, "a", c.Volume.RootId, "b", replace: false));
        c.Refused<AlreadyExistsException>(() => c.Volume.Rename(c.Volume.RootId, "d", c.Volume.RootId, "e", replace: false));
        c.Refused<AlreadyExistsException>(() => c.Volume.Rename(c.Volume.RootId, "a", c.Volume.RootId, "e", replace: false));
    });

    [Fact]
    public void A_file_replaces_a_file() => Case(c =>
    {
        c.Directory("/D");
        c.File("/D/A", ConformanceCase.Bytes(3000));
        c.Commit();
        var free = c.Volume.FreeBytes;
        c.File("/D/B", ConformanceCase.Bytes(9000, 2));
        var old = c.Id("/D/B");
        var id = c.Id("/D/A");
        c.Rename("/D/A", "/D/B", replace: true);
        Assert.Equal(id, c.Id("/D/B"));
        Assert.Throws<FileNotFoundException>(() => c.Volume.GetMetadata(old));
        c.Commit();
        AssertFree(c, free);
    });

    [Fact]
    public void A_file_replaces_a_file_in_another_directory() => Case(c =>
    {
        c.Directory("/a");
        c.Directory("/b");
        c.File("/a/file with a long name", ConformanceCase.Bytes(3000));
        c.File("/b/another long name", ConformanceCase.Bytes(5000, 2));
        c.Rename("/a/file with a long name", "/b/another long name", replace: true);
    });

    [Fact]
    public void A_directory_replaces_an_empty_directory() => Case(c =>
    {
        c.Directory("/a");
        c.File("/a/file", [1]);
        c.Directory("/b");
        c.Rename("/a", "/b", replace: true);
        Assert.Equal(1, c.Volume.Find("/b/file").Length);
    });

    [Fact]
    public void A_directory_that_holds_entries_is_not_replaced() => Case(c =>
    {
        c.Directory("/a");
        c.Directory("/b");
        c.File("/b/file", [1]);
        c.Refused<DirectoryNotEmptyException>(() => c.Volume.Rename(c.Volume.RootId, "a", c.Volume.RootId, "b", replace: true));
    });

    [Fact]
    public void A_directory_cannot_replace_its_own_parent() => Case(c =>
    {
        c.Directory("/a");
        c.Directory("/a/b");
        c.Refused<DirectoryNotEmptyException>(() => c.Volume.Rename(c.Id("/a"), "b", c.Volume.RootId, "a", replace: true));
    });

    [Theory]
    [InlineData("file", "directory")]
    [InlineData("directory", "file")]
    public void A_file_and_a_directory_do_not_replace_each_other(string from, string to) => Case(c =>
    {
        c.File("/file", [1]);
        c.Directory("/directory");
        c.Refused<AlreadyExistsException>(() => c.Volume.Rename(c.Volume.RootId, from, c.Volume.RootId, to, replace: true));
    });

    [Fact]
    public void Replacing_goes_by_the_filesystems_own_comparison() => Case(c =>
    {
        c.File("/Target.txt", [1]);
        c.File("/source.txt", [2]);
        c.Rename("/source.txt", "/TARGET.TXT", replace: true);
        Assert.Equal(c.Capabilities.CaseSensitive ? 2 : 1, c.Volume.Root.Entries.Count());
    });

    [Fact]
    public void A_file_that_is_open_is_not_replaced() => Case(c =>
    {
        c.File("/a", [1]);
        var open = c.File("/b", ConformanceCase.Bytes(5000));
        using (c.Volume.OpenRead(open, StreamName.Data))
            c.Refused<InUseException>(() => c.Volume.Rename(c.Volume.RootId, "a", c.Volume.RootId, "b", replace: true));
        c.Rename("/a", "/b", replace: true);
    });

    [Fact]
    public void A_file_moves_while_it_is_written() => Case(c =>
    {
        c.Directory("/sub");
        var id = c.File("/file", ConformanceCase.Bytes(3000));
        using (var stream = c.Volume.OpenWrite(id, StreamName.Data))
        {
            stream.WriteAt(3000, ConformanceCase.Bytes(3000, 2));
            c.Volume.Rename(c.Volume.RootId, "file", c.Id("/sub"), "a new name for it", replace: false);
            stream.WriteAt(6000, ConformanceCase.Bytes(3000, 3));
        }
        var node = c.Tree.Remove("/file");
        node.Write(3000, ConformanceCase.Bytes(3000, 2));
        node.Write(6000, ConformanceCase.Bytes(3000, 3));
        c.Tree.Add("/sub/a new name for it", node);
    });

    [Fact]
    public void Two_names_are_swapped_by_way_of_a_third() => Case(c =>
    {
        c.File("/one", ConformanceCase.Bytes(1000, 1));
        c.File("/two", ConformanceCase.Bytes(2000, 2));
        for (var i = 0; i < 6; i++)
        {
            c.Rename("/one", "/a third name");
            c.Rename("/two", "/one");
            c.Rename("/a third name", "/two");
        }
    });

    [Fact]
    public void A_refused_new_name_leaves_the_old() => Case(c =>
    {
        c.File("/file", [1]);
        foreach (var name in OddNames.Values.Where(n => !c.Fixture.IsNameAllowed(n, c.Capabilities)))
            c.Refused<InvalidNameException>(() => c.Volume.Rename(c.Volume.RootId, "file", c.Volume.RootId, name, replace: true));
    });

    [Fact]
    public void A_crowd_moves_to_another_directory_and_back() => Case(c =>
    {
        c.Directory("/a");
        c.Directory("/b");
        for (var i = 0; i < 150; i++)
            c.File($"/a/file number {i}", [(byte)i]);
        for (var i = 0; i < 150; i++)
            c.Rename($"/a/file number {i}", $"/b/file number {i}");
        c.Commit();
        for (var i = 149; i >= 0; i -= 2)
            c.Rename($"/b/file number {i}", $"/a/back again, under a longer name {i}");
    });
}
