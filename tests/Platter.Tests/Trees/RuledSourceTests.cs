using Platter.FileSystems;
using Platter.Trees;
using Xunit;

namespace Platter.Tests.Trees;

/// <summary>Owners, modes and times by pattern.</summary>
public sealed class RuledSourceTests
{
    private static readonly FileMetadata File = new() { Kind = EntryKind.File, Mode = 0x1A4, UserId = 7, GroupId = 8, Modified = new Timestamp(1) };

    [Fact]
    public void The_last_rule_that_fits_wins_and_what_none_names_stays()
    {
        var tree = new ListedSource();
        var bin = tree.Add(null, "bin", new FileMetadata { Kind = EntryKind.Directory, Mode = 0x1ED, UserId = 7, GroupId = 8 });
        tree.Add(bin, "sh", File);
        tree.Add(bin, "link", new FileMetadata { Kind = EntryKind.SymbolicLink, LinkTarget = "sh", Mode = 0x1FF });
        tree.Add(null, "other", File);
        using var ruled = new RuledSource(tree,
        [
            new TreeRule { Match = PathPatterns.Parse(["**"]), Owner = new Ownership(0, 0) },
            new TreeRule { Match = PathPatterns.Parse(["/bin/*"]), Mode = 0x1ED, Owner = new Ownership(1, 1) },
            new TreeRule { Match = PathPatterns.Parse(["/bin/*"]), Kinds = [EntryKind.SymbolicLink], Owner = new Ownership(2, 2) },
            new TreeRule { Match = PathPatterns.Parse(["bin/"]), Modified = new Timestamp(99) },
        ]);
        var entries = ruled.Walk().ToDictionary(e => e.Path, e => e.Metadata, StringComparer.Ordinal);
        Assert.Equal((0u, 0x1ED, new Timestamp(99)), (entries["/bin"].UserId!.Value, entries["/bin"].Mode!.Value, entries["/bin"].Modified!.Value));
        Assert.Equal((1u, 0x1ED, new Timestamp(1)), (entries["/bin/sh"].UserId!.Value, entries["/bin/sh"].Mode!.Value, entries["/bin/sh"].Modified!.Value));
        Assert.Equal((2u, 0x1FF), (entries["/bin/link"].UserId!.Value, entries["/bin/link"].Mode!.Value));
        Assert.Equal((0u, 0x1A4), (entries["/other"].UserId!.Value, entries["/other"].Mode!.Value));
    }

    [Fact]
    public void What_an_entry_has_been_given_by_itself_stands_above_the_rules()
    {
        var tree = new ListedSource();
        tree.Add(null, "a", File);
        using var ruled = new RuledSource(tree, [new TreeRule { Match = PathPatterns.Parse(["*"]), Mode = 0x180, Owner = new Ownership(0, 0) }],
            path => path == "/a" ? new TreeRule { Match = PathPatterns.None, Mode = 1 } : null);
        var entry = Assert.Single(ruled.Walk());
        Assert.Equal((0x1A4, 0u), (entry.Metadata.Mode!.Value, entry.Metadata.UserId!.Value));
    }

    [Fact]
    public void Problems_and_names_of_one_file_come_through()
    {
        var tree = new ListedSource();
        var identity = new object();
        tree.File(null, "a", [1, 2], identity);
        tree.File(null, "b", [1, 2], identity);
        using var ruled = new RuledSource(tree, [new TreeRule { Match = PathPatterns.Parse(["*"]), Mode = 0x180 }]);
        var entries = ruled.Walk().ToList();
        Assert.Same(entries[0].LinkIdentity, entries[1].LinkIdentity);
        var bytes = new byte[2];
        Assert.Equal(2, ruled.ReadWhole(entries[1], bytes));
        Assert.Equal([1, 2], bytes);
    }

    [Fact]
    public void A_problem_that_comes_before_its_directory_keeps_its_path()
    {
        using var ruled = new RuledSource(new EarlyProblem(), []);
        Assert.Equal(["/a/b/broken", "/a"], ruled.Walk().Select(e => e.Path));
        using var owned = new OwnedSource(new EarlyProblem(), null, new Ownership(1, 2));
        Assert.Equal(["/a/b/broken", "/a"], owned.Walk().Select(e => e.Path));
    }

    // A walk that finds out, while it looks ahead, that something below cannot be read.
    private sealed class EarlyProblem : TreeSource
    {
        private static readonly FileMetadata Directory = new() { Kind = EntryKind.Directory };

        public override FileMetadata? RootMetadata => null;

        public override IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default)
        {
            var above = new TreeEntry(null, "a", Directory);
            yield return new TreeEntry(new TreeEntry(above, "b", Directory), "broken", File) { Problem = new IOException("cannot be read") };
            yield return above;
        }

        public override TreeContent OpenContent(TreeEntry entry, StreamName stream) => throw new NotSupportedException();
    }
}
