using Platter.FileSystems;
using Platter.Testing;
using Platter.Trees;
using Platter.Trees.Host;
using Xunit;

namespace Platter.Tests.Trees;

/// <summary>Trees that want to get out of the folder they are written to.</summary>
public sealed class ExtractionTests
{
    private static readonly byte[] Evil = "evil"u8.ToArray();

    private static CopyReport Extract(TreeSource source, string folder, CopyOptions? options = null, HostSinkOptions? host = null, bool portable = false)
    {
        using var sink = new HostTreeSink(folder, host ?? HostSinkOptions.Default, portable);
        return TreeCopier.Copy(source, sink, options ?? new CopyOptions());
    }

    private static string List(string folder) => string.Join(' ', Tool.Expect("find", folder, "-mindepth", "1", "-printf", "%P\\n")
        .Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Names_that_are_paths_are_refused_one_by_one(bool portable)
    {
        using var folder = new TempFolder();
        var source = new ListedSource();
        foreach (var name in new[] { "..", ".", "", "/etc/passwd", "../up", "a/b", "nul\0byte", new string('x', 256) })
            source.File(null, name, Evil);
        var up = source.Directory(null, "..");
        source.File(up, "escaped", Evil);
        source.Link(null, "../link", "x");
        source.File(null, "good", "good"u8.ToArray());
        var report = Extract(source, folder.File("out"), portable: portable);
        Assert.Equal("good", List(folder.File("out")));
        Assert.Equal("out", string.Join(' ', Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName)));
        Assert.Equal((10L, 1L), (report.ProblemCount, report.NotReached));
        Assert.All(report.Problems, p => Assert.IsType<InvalidNameException>(p.Reason));
    }

    [Fact]
    public void A_link_target_that_is_too_long_for_the_host_costs_that_link_and_no_other()
    {
        using var folder = new TempFolder();
        var source = new ListedSource();
        source.Link(null, "long", new string('t', 5000));
        source.Link(null, "short", "t");
        var report = Extract(source, folder.File("out"));
        Assert.Equal("short", List(folder.File("out")));
        Assert.Equal((1L, 1L), (report.SymbolicLinks, report.ProblemCount));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_is_written_through_a_link_that_the_tree_brings(bool portable)
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("victim"));
        var source = new ListedSource();
        source.Link(null, "way", folder.File("victim"));
        source.File(source.Directory(null, "way"), "planted", Evil);
        source.Link(null, "file", folder.File("victim") + "/target");
        source.File(null, "file", Evil);
        var report = Extract(source, folder.File("out"), new CopyOptions { Overwrite = Overwrite.Replace }, portable: portable);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.File("victim")));
        Assert.Equal(2, report.ProblemCount);
        Assert.Equal("file way way/planted", List(folder.File("out")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_is_written_through_a_link_that_was_there_before(bool portable)
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("victim"));
        File.WriteAllText(folder.File("victim/target"), "untouched");
        Directory.CreateDirectory(folder.File("out"));
        Directory.CreateSymbolicLink(folder.File("out/way"), "../victim");
        File.CreateSymbolicLink(folder.File("out/file"), "../victim/target");
        var source = new ListedSource();
        source.File(source.Directory(null, "way"), "planted", Evil);
        source.File(null, "file", Evil);
        var report = Extract(source, folder.File("out"), new CopyOptions { Overwrite = Overwrite.Replace }, portable: portable);
        Assert.Equal("target", List(folder.File("victim")));
        Assert.Equal("untouched", File.ReadAllText(folder.File("victim/target")));
        Assert.Equal("/way", Assert.Single(report.Problems).Path);
        // The link itself has given way to the file.
        Assert.Null(new FileInfo(folder.File("out/file")).LinkTarget);
        Assert.Equal("evil", File.ReadAllText(folder.File("out/file")));
    }

    [Fact]
    public void Links_that_lead_out_are_made_last_and_told()
    {
        using var folder = new TempFolder();
        var source = new ListedSource();
        source.Link(null, "abs", "/etc/passwd");
        source.Link(null, "up", "../x");
        var d = source.Directory(null, "d");
        source.Link(d, "in", "../abs");
        source.Link(d, "out", "./../../x");
        var report = Extract(source, folder.File("out"));
        Assert.Equal((4L, 3L), (report.SymbolicLinks, report.Losses.Single(l => l.Kind == LossKind.LinksLeadingOut).Count));
        Assert.Equal("./../../x", new FileInfo(folder.File("out/d/out")).LinkTarget);
    }

    [Fact]
    public void Device_nodes_are_left_out_unless_asked_for()
    {
        using var folder = new TempFolder();
        var source = new ListedSource();
        source.Add(null, "sda", new FileMetadata { Kind = EntryKind.BlockDevice, Device = new DeviceNumber(8, 0), Mode = 0x1B6 });
        source.Add(null, "pipe", new FileMetadata { Kind = EntryKind.Fifo, Mode = 0x1B6 });
        var report = Extract(source, folder.File("out"));
        Assert.Equal((LossKind.SpecialFiles, 2L), (report.Losses.Single().Kind, report.Losses.Single().Count));
        Assert.Empty(List(folder.File("out")));
        Extract(source, folder.File("asked"), host: new HostSinkOptions { RestoreSpecialFiles = true });
        Assert.Contains("pipe", List(folder.File("asked")), StringComparison.Ordinal);
        Assert.Equal("fifo", Tool.Expect("stat", "-c", "%F", folder.File("asked/pipe")).Trim());
    }

    [Theory]
    [InlineData("CON")]
    [InlineData("nul.txt")]
    [InlineData("Com1 .log")]
    [InlineData("LPT\u00B2")]
    [InlineData("file:stream")]
    [InlineData("back\\slash")]
    [InlineData("dot.")]
    [InlineData("space ")]
    [InlineData("bell\u0007")]
    [InlineData("what?")]
    public void Windows_does_not_get_names_that_it_reads_otherwise(string name)
    {
        Assert.Throws<InvalidNameException>(() => HostNameRules.Windows.Check(name));
        HostNameRules.Unix.Check(name);
    }

    [Theory]
    [InlineData("console")]
    [InlineData("COM10")]
    [InlineData(".hidden")]
    [InlineData("LPT")]
    [InlineData("a.NUL")]
    public void Windows_gets_names_that_only_look_like_devices(string name) => HostNameRules.Windows.Check(name);

    [Fact]
    public void Absurd_lengths_end_with_what_there_is()
    {
        using var folder = new TempFolder();
        var source = new ListedSource();
        source.Liar(null, "exabyte", Evil, 1L << 60);
        var report = Extract(source, folder.File("out"));
        Assert.Equal(4, new FileInfo(folder.File("out/exabyte")).Length);
        Assert.Equal(LossKind.ChangedWhileRead, report.Losses.Single().Kind);
    }

    [Fact]
    public void A_file_that_fails_half_way_is_gone_and_an_older_one_stays()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("out"));
        File.WriteAllText(folder.File("out/there"), "older");
        var source = new ListedSource();
        source.Liar(null, "new", new byte[3 << 20], 5 << 20, fails: true);
        source.Liar(null, "there", new byte[3 << 20], 5 << 20, fails: true);
        var report = Extract(source, folder.File("out"), new CopyOptions { Overwrite = Overwrite.Replace });
        Assert.Equal(2, report.ProblemCount);
        Assert.Equal("there", List(folder.File("out")));
        Assert.Equal("older", File.ReadAllText(folder.File("out/there")));
    }

    [Theory]
    [InlineData(Overwrite.Refuse, "old", 1)]
    [InlineData(Overwrite.Skip, "old", 0)]
    [InlineData(Overwrite.Replace, "new", 0)]
    [InlineData(Overwrite.ReplaceOlder, "new", 0)]
    public void What_is_there_already_is_treated_as_asked(Overwrite overwrite, string content, int problems)
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("out/d"));
        File.WriteAllText(folder.File("out/d/f"), "old");
        var source = new ListedSource();
        source.File(source.Directory(null, "d"), "f", "new"u8.ToArray());
        Assert.Equal(problems, Extract(source, folder.File("out"), new CopyOptions { Overwrite = overwrite }).ProblemCount);
        Assert.Equal(content, File.ReadAllText(folder.File("out/d/f")));
        Assert.Equal("d d/f", List(folder.File("out")));
    }

    [Fact]
    public void Directories_without_write_permission_are_filled_first()
    {
        using var folder = new TempFolder();
        var source = new ListedSource();
        var time = new Timestamp(1_000_000_000);
        var locked = source.Add(null, "locked", new FileMetadata { Kind = EntryKind.Directory, Mode = 0x16D, Modified = time });
        source.File(locked, "inside", Evil);
        Extract(source, folder.File("out"));
        Assert.Equal("555 1000000000", Tool.Expect("stat", "-c", "%a %Y", folder.File("out/locked")).Trim());
        Tool.Expect("chmod", "-R", "u+w", folder.File("out"));
    }

    [Fact]
    public void More_folders_than_are_held_open_are_written_to_in_turns()
    {
        using var folder = new TempFolder();
        var source = new ListedSource();
        var folders = Enumerable.Range(0, 400).Select(i => source.Directory(null, $"{i:D3}")).ToList();
        var deep = folders[0];
        for (var i = 0; i < 300; i++)
            deep = source.Directory(deep, "d");
        folders.Add(deep);
        var first = source.File(deep, "first", Evil, identity: 1);
        foreach (var f in folders)
            source.File(f, "f", Evil);
        source.File(folders[7], "again", Evil, identity: 1);
        var report = Extract(source, folder.File("out"));
        Assert.Empty(report.Problems);
        Assert.Equal((402L, 1L), (report.Files, report.HardLinks));
        Assert.Equal(2, int.Parse(Tool.Expect("stat", "-c", "%h", folder.File("out/007/again"))));
        _ = first;
    }

    [Fact]
    public void Set_user_bits_go_when_the_owner_goes()
    {
        using var folder = new TempFolder();
        var source = new ListedSource();
        source.Add(null, "su", new FileMetadata { Kind = EntryKind.File, Mode = 0x9ED, UserId = 12345, GroupId = 12345 });
        var report = Extract(source, folder.File("out"), host: new HostSinkOptions { RestoreOwner = false });
        Assert.Equal([LossKind.Owner, LossKind.SetIdBits], report.Losses.Select(l => l.Kind));
        Assert.Equal("755", Tool.Expect("stat", "-c", "%a", folder.File("out/su")).Trim());
    }
}
