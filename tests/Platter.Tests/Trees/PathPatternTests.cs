using Platter.FileSystems;
using Platter.Testing;
using Platter.Trees;
using Platter.Trees.Host;
using Xunit;

namespace Platter.Tests.Trees;

public sealed class PathPatternTests
{
    private static TreeEntry Entry(string path)
    {
        TreeEntry? entry = null;
        var names = path.Trim('/').Split('/');
        for (var i = 0; i < names.Length; i++)
            entry = new TreeEntry(entry, names[i], new FileMetadata { Kind = i < names.Length - 1 || path.EndsWith('/') ? EntryKind.Directory : EntryKind.File });
        return entry!;
    }

    [Theory]
    [InlineData("*.pyc", "/a/b/x.pyc", true)]
    [InlineData("*.pyc", "/a.pyc/b", false)]
    [InlineData("*.pyc", "/x.PYC", false)]
    [InlineData("/var/cache/**", "/var/cache/", false)]
    [InlineData("/var/cache/**", "/var/cache/x", true)]
    [InlineData("/var/cache/**", "/var/cache/x/y/z", true)]
    [InlineData("/var/cache/**", "/x/var/cache/y", false)]
    [InlineData("var/cache", "/var/cache/", true)]
    [InlineData("var/cache", "/x/var/cache/", false)]
    [InlineData("/usr/*/x", "/usr/lib/x", true)]
    [InlineData("/usr/*/x", "/usr/lib/a/x", false)]
    [InlineData("/usr/**/x", "/usr/lib/a/x", true)]
    [InlineData("/usr/**/x", "/usr/x", true)]
    [InlineData("**/doc/**", "/usr/share/doc/a", true)]
    [InlineData("**/doc/**", "/doc/a", true)]
    [InlineData("**/doc/**", "/usr/doc/", false)]
    [InlineData("**", "/x", true)]
    [InlineData("/**/a/**/b", "/a/a/c/a/d/b", true)]
    [InlineData("/**/a/**/b", "/a/a/c/a/d/c", false)]
    [InlineData("tmp/", "/x/tmp/", true)]
    [InlineData("tmp/", "/x/tmp", false)]
    [InlineData("/tmp/", "/tmp/", true)]
    [InlineData("[a-c]?", "/b1", true)]
    [InlineData("[!a-c]?", "/b1", false)]
    public void Patterns_fit_as_gitignore_has_them(string pattern, string path, bool fits)
    {
        var entry = Entry(path);
        Assert.Equal(fits, PathPattern.Parse(pattern).IsMatch(entry.Parent, entry.Name, entry.Kind == EntryKind.Directory));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("//")]
    public void What_names_nothing_is_no_pattern(string pattern) => Assert.Throws<FormatException>(() => PathPattern.Parse(pattern));

    [Fact]
    public void Many_stars_take_no_time()
    {
        var pattern = PathPattern.Parse(string.Concat(Enumerable.Repeat("/**/a", 100)) + "/b");
        var entry = Entry(string.Concat(Enumerable.Repeat("/a", 2000)));
        Assert.False(pattern.IsMatch(entry.Parent, entry.Name, false));
    }

    [Fact]
    public void A_folder_and_a_filtered_tree_leave_out_the_same()
    {
        using var folder = new TempFolder();
        foreach (var path in new[] { "a/keep", "a/x.o", "build/deep/er", "c/build", "d/tmp/x", "e/tmp" })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder.File(path))!);
            File.WriteAllText(folder.File(path), "");
        }
        string[] exclude = ["*.o", "/build/**", "tmp/"];
        using var direct = HostTreeSource.Content(folder.Path, new HostSourceOptions { Exclude = exclude });
        using var filtered = new FilteredSource(HostTreeSource.Content(folder.Path), PathPatterns.Parse(exclude));
        Assert.Equal("/a /a/keep /build /c /c/build /d /e /e/tmp", string.Join(' ', direct.Walk().Select(e => e.Path)));
        Assert.Equal(direct.Walk().Select(e => e.Path), filtered.Walk().Select(e => e.Path));
    }
}
