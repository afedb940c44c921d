using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

// Finding and listing.
public abstract partial class VolumeConformance
{
    [Fact]
    public void A_new_volume_is_empty_and_clean() => Case(c =>
    {
        Assert.Empty(c.Volume.Root.Entries);
        Assert.True(c.Volume.Info.IsClean);
        Assert.Equal(EntryKind.Directory, c.Volume.Root.Kind);
    });

    [Fact]
    public void The_root_has_no_name_and_is_found_by_a_slash_or_nothing() => Case(c =>
    {
        Assert.Equal("", c.Volume.Root.Name);
        Assert.Equal(c.Volume.RootId, c.Volume.Find("/").Id);
        Assert.Equal(c.Volume.RootId, c.Volume.Find("").Id);
    });

    [Fact]
    public void A_missing_name_is_not_found() => Case(c =>
    {
        c.File("/there.txt", [1]);
        Assert.False(c.Volume.TryLookup(c.Volume.RootId, "missing.txt", out _));
        Assert.False(c.Volume.TryFind("/missing.txt", out _));
        Assert.False(c.Volume.TryFind("/missing/there.txt", out _));
    });

    [Fact]
    public void Find_names_the_first_part_of_a_path_that_is_missing() => Case(c =>
    {
        c.Directory("/a");
        Assert.Contains("/a/b", Assert.Throws<FileNotFoundException>(() => c.Volume.Find("/a/b/c")).Message);
        Assert.Contains("/x", Assert.Throws<FileNotFoundException>(() => c.Volume.Find("/x")).Message);
    });

    [Fact]
    public void A_path_through_a_file_leads_nowhere() => Case(c =>
    {
        c.File("/file", [1]);
        Assert.False(c.Volume.TryFind("/file/below", out _));
        Assert.Throws<FileNotFoundException>(() => c.Volume.Find("/file/below"));
    });

    [Fact]
    public void Looking_up_a_name_in_a_file_says_that_it_is_no_directory() => Case(c =>
    {
        var file = c.File("/file", [1]);
        Assert.Throws<DirectoryNotFoundException>(() => c.Volume.TryLookup(file, "x", out _));
    });

    [Fact]
    public void Listing_a_file_says_that_it_is_no_directory() => Case(c =>
    {
        var file = c.File("/file", [1]);
        Assert.Throws<DirectoryNotFoundException>(() => c.Volume.Enumerate(file).ToList());
    });

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    public void Dots_and_the_empty_name_are_not_found(string name) => Case(c =>
    {
        var directory = c.Directory("/sub");
        Assert.False(c.Volume.TryLookup(directory, name, out _));
        Assert.False(c.Volume.TryLookup(c.Volume.RootId, name, out _));
    });

    [Fact]
    public void A_directory_lists_no_dots() => Case(c =>
    {
        c.Directory("/sub");
        c.Directory("/sub/deeper");
        Assert.Equal("deeper", Assert.Single(c.Volume.Find("/sub").Entries).Name);
        Assert.Empty(c.Volume.Find("/sub/deeper").Entries);
    });

    [Fact]
    public void Doubled_and_trailing_slashes_are_passed_over() => Case(c =>
    {
        var id = c.Directory("/a");
        c.File("/a/b", [1]);
        Assert.Equal(id, c.Volume.Find("//a/").Id);
        Assert.True(c.Volume.TryFind("/a///b", out _));
    });

    [Theory]
    [InlineData("readme.txt", "README.TXT")]
    [InlineData("README.TXT", "readme.txt")]
    [InlineData("A Long Mixed Name.Text", "a long mixed name.tEXT")]
    public void Case_counts_in_lookup_exactly_where_the_capabilities_say_so(string name, string other) => Case(c =>
    {
        c.File("/" + name, [1]);
        Assert.Equal(!c.Capabilities.CaseSensitive, c.Volume.TryFind("/" + other, out _));
        Assert.Equal(!c.Capabilities.CaseSensitive, c.Volume.NameComparer.Equals(name, other));
        c.Reopen();
        Assert.Equal(!c.Capabilities.CaseSensitive, c.Volume.TryFind("/" + other, out _));
    });

    [Theory]
    [InlineData("é", "É")]
    [InlineData("straße ж", "straße Ж")]
    [InlineData("ω omega", "Ω omega")]
    public void Case_beyond_ASCII_is_folded_by_the_filesystems_own_rule(string name, string other) => Case(c =>
    {
        if (!c.Fixture.IsNameAllowed(name, c.Capabilities))
            return;
        c.File("/" + name, [1]);
        var same = !c.Capabilities.CaseSensitive && c.Fixture.FoldsUnicode;
        Assert.Equal(same, c.Volume.TryFind("/" + other, out _));
        Assert.Equal(same, c.Volume.NameComparer.Equals(name, other));
    });

    [Fact]
    public void Equal_names_have_equal_hashes() => Case(c =>
    {
        foreach (var (a, b) in new[] { ("readme", "README"), ("x.Txt", "X.tXT"), ("same", "same") })
        {
            if (c.Volume.NameComparer.Equals(a, b))
                Assert.Equal(c.Volume.NameComparer.GetHashCode(a), c.Volume.NameComparer.GetHashCode(b));
        }
        Assert.False(c.Volume.NameComparer.Equals("a", "b"));
    });

    [Fact]
    public void Names_keep_their_case() => Case(c =>
    {
        foreach (var name in new[] { "lower.txt", "UPPER.TXT", "Mixed.Txt", "UPPER2.txt", "lower2.TXT", "nodot", "NODOT2", "MiXeD" })
            c.File("/" + name, [1]);
    });

    [Fact]
    public void An_entry_tells_name_id_and_kind() => Case(c =>
    {
        var file = c.File("/file", [1, 2, 3]);
        var directory = c.Directory("/directory");
        var entries = c.Volume.Enumerate(c.Volume.RootId).OrderBy(e => e.Name, StringComparer.Ordinal).ToList();
        Assert.Equal([new DirectoryEntry("directory", directory, EntryKind.Directory), new DirectoryEntry("file", file, EntryKind.File)], entries.Select(e => e with { Attributes = null }));
    });

    [Fact]
    public void Lookup_and_listing_agree_on_ids() => Case(c =>
    {
        for (var i = 0; i < 40; i++)
            c.File($"/file number {i}", [(byte)i]);
        c.Reopen();
        foreach (var entry in c.Volume.Enumerate(c.Volume.RootId))
        {
            Assert.True(c.Volume.TryLookup(c.Volume.RootId, entry.Name, out var id));
            Assert.Equal(entry.Id, id);
        }
    });

    [Fact]
    public void A_list_of_names_says_what_enumerating_says() => Case(c =>
    {
        var names = new NameList();
        foreach (var count in new[] { 90, 0, 7 })
        {
            c.Directory($"/directory of {count}");
            for (var i = 0; i < count; i++)
            {
                var path = $"/directory of {count}/{(char)('a' + i * 7 % 26)} entry {i * 37 % 90}";
                if (i % 5 == 0)
                    c.Directory(path);
                else
                    c.File(path);
            }
            c.Reopen();
            foreach (var id in new[] { c.Volume.Find($"/directory of {count}").Id, c.Volume.RootId })
            {
                names.Clear();
                c.Volume.List(id, names);
                var expected = c.Volume.Enumerate(id).ToList();
                Assert.Equal(expected, Enumerable.Range(0, names.Count)
                    .Select(i => new DirectoryEntry(names.Name(i).ToString(), names.Id(i), names.Kind(i)) { Attributes = names.Attributes(i) }));
                names.Sort();
                Assert.Equal(expected.Select(e => e.Name).Order(StringComparer.Ordinal), Enumerable.Range(0, names.Count).Select(i => names.Name(i).ToString()));
            }
        }
    });

    [Fact]
    public void Listing_twice_gives_the_same_order() => Case(c =>
    {
        foreach (var i in Enumerable.Range(0, 60).Select(i => i * 37 % 60))
            c.File($"/entry {i}");
        var first = c.Volume.Enumerate(c.Volume.RootId).ToList();
        Assert.Equal(first, c.Volume.Enumerate(c.Volume.RootId).ToList());
        c.Commit();
        Assert.Equal(first, c.Volume.Enumerate(c.Volume.RootId).ToList());
    });

    [Fact]
    public void Two_listings_may_run_at_once() => Case(c =>
    {
        for (var i = 0; i < 20; i++)
            c.File($"/entry {i}");
        var names = c.Volume.Root.Entries.Select(e => e.Name).ToList();
        Assert.Equal(names, c.Volume.Root.Entries.Zip(c.Volume.Root.Entries, (a, b) => a.Name == b.Name ? a.Name : "?").ToList());
    });

    [Fact]
    public void A_listing_can_be_left_and_looked_up_from() => Case(c =>
    {
        c.Directory("/sub");
        for (var i = 0; i < 50; i++)
            c.File($"/sub/entry {i}", [1]);
        var first = c.Volume.Find("/sub").Entries.First();
        Assert.Equal(1, first.Length);
        foreach (var entry in c.Volume.Find("/sub").Entries)
            Assert.True(c.Volume.TryFind("/sub/" + entry.Name, out _));
    });

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(300)]
    [InlineData(2000)]
    public void A_directory_of_many_entries_is_listed_whole(int count) => Case(c =>
    {
        c.Directory("/many");
        for (var i = 0; i < count; i++)
            c.File($"/many/entry number {i}");
        Assert.Equal(count, c.Volume.Find("/many").Entries.Count());
    });

    [Fact]
    public void The_first_of_thousands_of_entries_comes_without_reading_them_all() => Case(c =>
    {
        c.Directory("/many");
        for (var i = 0; i < 3000; i++)
            c.File($"/many/a rather long name, so that it takes some room {i}");
        c.Reopen();
        if (c.Fixture.Device is not { } device || !c.Fixture.ListsLazily)
            return;
        c.Volume.Dispose();
        using var volume = c.Fixture.Reopen();
        var before = device.BytesRead;
        Assert.Single(volume.Find("/many").Entries.Take(1));
        var forFirst = device.BytesRead - before;
        Assert.Equal(3000, volume.Find("/many").Entries.Count());
        var forAll = device.BytesRead - before;
        Assert.True(forFirst * 2 < forAll, $"{forFirst} bytes were read for the first entry, {forAll} for all");
    });

    [Fact]
    public void A_tree_of_forty_levels_can_be_made_and_found() => Case(c =>
    {
        var path = "";
        for (var level = 0; level < 40; level++)
            c.Directory(path += $"/level {level}");
        c.File(path + "/bottom", [42]);
        c.Reopen();
        Assert.Equal(1, c.Volume.Find(path + "/bottom").Length);
    });

    [Fact]
    public void A_node_that_is_no_more_is_not_found() => Case(c =>
    {
        var id = c.File("/file", [1]);
        c.Delete("/file");
        Assert.Throws<FileNotFoundException>(() => c.Volume.GetMetadata(id));
        Assert.Throws<FileNotFoundException>(() => c.Volume.OpenRead(id, StreamName.Data));
    });

    [Fact]
    public void A_directory_has_no_data_to_open() => Case(c =>
    {
        var id = c.Directory("/sub");
        Assert.Throws<UnauthorizedAccessException>(() => c.Volume.OpenRead(id, StreamName.Data));
        c.Refused<UnauthorizedAccessException>(() => c.Volume.OpenWrite(id, StreamName.Data));
        Assert.Throws<UnauthorizedAccessException>(() => c.Volume.OpenRead(c.Volume.RootId, StreamName.Data));
    });

    [Fact]
    public void Reading_changes_nothing() => Case(c =>
    {
        c.Directory("/sub");
        c.File("/sub/file", ConformanceCase.Bytes(5000));
        c.Reopen();
        c.Fixture.Clock.Advance(TimeSpan.FromDays(3));
        TreeSnapshot.Read(c.Volume);
        _ = c.Volume.FreeBytes;
        _ = c.Volume.AllocatedRanges().Count();
        Assert.Equal(0, c.Volume.UncommittedBytes);
        Assert.False(c.Fixture.Device?.IsDirty ?? false);
    });
}
