using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>Every verb works through qcow2, and a kept state is read by its name.</summary>
public class SnapshotTests
{
    [Fact]
    public void A_kept_state_is_listed_and_read_and_not_edited()
    {
        using var folder = new TempFolder();
        var image = folder.File("disk.qcow2");
        var text = folder.File("text");
        File.WriteAllText(text, "before");
        Cli.Expect("mkfs", image, "-t", "fat16", "--size", "16M");
        Cli.Expect("put", image, text, "/a.txt");
        Tool.Expect("qemu-img", "snapshot", "-c", "first state", image);
        File.WriteAllText(text, "after");
        Cli.Expect("put", image, text, "/a.txt");
        Cli.Expect("put", image, text, "/b.txt");

        Assert.Equal("after", Cli.Expect("cat", image, "/a.txt").Output.Trim());
        Assert.Equal("before", Cli.Expect("cat", image + "#first state", "/a.txt").Output.Trim());
        Assert.Equal("before", Cli.Expect("cat", image + "#1", "/a.txt").Output.Trim());
        Assert.DoesNotContain("b.txt", Cli.Expect("ls", image + "#1").Output, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("first state (1", Cli.Expect("info", image).Output, StringComparison.Ordinal);
        Assert.Contains("snapshot can be read, not edited", Cli.Fails(8, "rm", image + "#1", "/a.txt").Error, StringComparison.Ordinal);
        Assert.Contains("there are first state", Cli.Fails(3, "ls", image + "#second").Error, StringComparison.Ordinal);
        Cli.Expect("check", image);
        Tool.Expect("qemu-img", "check", image);
    }
}
