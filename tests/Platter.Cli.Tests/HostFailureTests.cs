using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>A host that is full, that lets nobody read what went wrong, or whose names are no text.</summary>
public sealed class HostFailureTests
{
    [Theory]
    [InlineData("fat16")]
    [InlineData("exfat")]
    [InlineData("ext4")]
    public void A_put_that_fills_the_host_leaves_room_for_the_next_command(string type)
    {
        using var folder = new TempFolder();
        using var small = new SmallHost(folder.File("small"), "3M");
        var image = folder.File("small/a.img");
        Cli.Expect("mkfs", image, "-t", type, "--size", "64M");
        var random = new byte[8 << 20];
        new Random(1).NextBytes(random);
        File.WriteAllBytes(folder.File("big"), random);
        Directory.CreateDirectory(folder.File("tree"));
        for (var i = 0; i < 20; i++)
            File.WriteAllBytes(folder.File($"tree/{i}"), random[..300_000]);
        foreach (var source in new[] { "big", "tree" })
        {
            var error = Cli.Fails(5, "put", image, folder.File(source), "/").Error;
            Assert.StartsWith($"platter: {image}: No space left on device", error, StringComparison.Ordinal);
            Assert.DoesNotContain($"device: {image}", error, StringComparison.Ordinal);
            Assert.Equal([image], Directory.GetFiles(folder.File("small")));
            Cli.Expect("check", image);
        }
        Cli.Expect("mkdir", image, "/there is room");
        Cli.Expect("rm", "-r", image, "/there is room");
        Cli.Expect("check", image);
    }

    [Theory]
    [InlineData("2>/dev/full")]
    [InlineData("2>&-")]
    [InlineData("2>&1 >/dev/null | true")]
    public void Nobody_who_reads_the_error_does_not_change_the_exit_code(string where)
    {
        using var image = new TestImage();
        // Written late, so that the reader of the pipe is gone.
        var result = Tool.Run("bash", "-c", $"(sleep 0.3; exec '{Cli.Executable}' put '{image.Path}' - /no/such/folder/x < /dev/null) {where}; echo ${{PIPESTATUS[0]}}");
        Assert.Equal("3\n", result.Output);
        Assert.Empty(image.List());
        Assert.Equal([image.Path], Directory.GetFiles(image.Folder));
    }

    [Fact]
    public void A_name_that_is_no_text_is_told_as_such()
    {
        using var image = new TestImage();
        var result = Tool.Run("bash", "-c", $"cp '{image.Path}' '{image.Folder}/'$'a\\xff.img'; '{Cli.Executable}' ls '{image.Folder}/'$'a\\xff.img'");
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("no such file (a name that is not UTF-8 cannot be given", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(700)]
    public void A_few_bytes_of_nothing_known_are_not_called_clean_for_all_that_is_noted_of_them(int length)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("a.img"), new byte[length]);
        Assert.Contains("nothing to check", Cli.Fails(7, "check", folder.File("a.img")).Error, StringComparison.Ordinal);
    }

    /// <summary>A filesystem of the host with little room.</summary>
    private sealed class SmallHost : IDisposable
    {
        private readonly string _path;

        internal SmallHost(string path, string size)
        {
            _path = path;
            Directory.CreateDirectory(path);
            Tool.Expect("mount", "-t", "tmpfs", "-o", $"size={size}", "tmpfs", path);
        }

        public void Dispose() => Tool.Run("umount", _path);
    }
}
