using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>What only shows when the command is a process of its own.</summary>
public class ProcessTests
{
    [Fact]
    public void Standard_input_is_put_and_the_exit_code_comes_out()
    {
        using var image = new TestImage();
        Assert.Equal(0, Cli.Spawn(null, "from a pipe"u8.ToArray(), [], "put", image.Path, "-", "/piped.txt").Code);
        var cat = Cli.Spawn(null, [], [], "cat", image.Path, "/piped.txt");
        Assert.Equal((0, "from a pipe"), (cat.Code, cat.Output));
        Assert.Equal(0, Cli.Spawn(null, "another"u8.ToArray(), [], "put", image.Path, "-", "/piped.txt").Code);
        Assert.Equal("another", Cli.Spawn(null, [], [], "cat", image.Path, "/piped.txt").Output);
        Assert.Equal(["/piped.txt"], Cli.Expect("ls", image.Path, "/piped*").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        var missing = Cli.Spawn(null, [], [], "cat", image.Path, "/none");
        Assert.Equal((3, ""), (missing.Code, missing.Output));
        Assert.StartsWith("platter: ", missing.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reader_that_goes_away_ends_the_command_quietly()
    {
        using var image = new TestImage();
        File.WriteAllBytes(image.Host("big"), new byte[8 << 20]);
        Cli.Expect("put", image.Path, image.Host("big"), "/big");
        var result = Tool.Run("bash", "-c", $"set -o pipefail; '{Cli.Executable}' cat '{image.Path}' /big | head -c 10 | wc -c; echo ${{PIPESTATUS[0]}}");
        Assert.Equal("", result.Error);
        Assert.StartsWith("10\n", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_commands_append_to_one_file()
    {
        using var image = new TestImage();
        image.Put("/f", "one\n");
        var both = image.Host("both");
        Tool.Expect("bash", "-c", $"{{ '{Cli.Executable}' cat '{image.Path}' /f; '{Cli.Executable}' cat '{image.Path}' /f; echo end; }} > '{both}'");
        Assert.Equal("one\none\nend\n", File.ReadAllText(both));
    }

    [Fact]
    public void Hostile_names_are_shown_harmless_on_a_terminal_and_as_they_are_in_a_pipe()
    {
        using var image = new TestImage();
        // FAT forbids control characters, but a hostile image holds what it likes: turn the X of the long name into an escape.
        image.Put("/evilXname.txt", "x");
        var bytes = File.ReadAllBytes(image.Path);
        var name = Encoding.Unicode.GetBytes("evilX");
        var at = bytes.AsSpan().IndexOf(name);
        Assert.True(at > 0);
        bytes[at + 8] = 0x1B;
        File.WriteAllBytes(image.Path, bytes);
        var piped = Cli.Expect("ls", image.Path).Output;
        var terminal = Tool.Run("script", "-qec", $"'{Cli.Executable}' ls '{image.Path}'", "/dev/null").Output;
        Assert.DoesNotContain("evil\e", terminal, StringComparison.Ordinal);
        if (piped.Contains('\e'))
            Assert.Contains("evil\\x1Bname.txt", terminal, StringComparison.Ordinal);
    }

    [Fact]
    public void Colours_are_for_terminals_that_want_them()
    {
        using var image = new TestImage();
        Cli.Expect("mkdir", image.Path, "/d");
        Assert.DoesNotContain('\e', Cli.Expect("ls", image.Path).Output);
        Assert.Contains("\e[1;34md", Cli.Expect("ls", "--color=always", image.Path).Output, StringComparison.Ordinal);
        Assert.Contains("\e[1;34md", Tool.Run("script", "-qec", $"TERM=xterm NO_COLOR= '{Cli.Executable}' ls '{image.Path}'", "/dev/null").Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\e[1;34m", Tool.Run("script", "-qec", $"TERM=xterm NO_COLOR=1 '{Cli.Executable}' ls '{image.Path}'", "/dev/null").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_epoch_gives_the_same_bytes()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("tree/sub"));
        File.WriteAllText(folder.File("tree/a.txt"), "a");
        File.WriteAllText(folder.File("tree/sub/b.txt"), "b");
        byte[] Make(string name, string epoch)
        {
            var outcome = Cli.Spawn(folder.Path, [], [("SOURCE_DATE_EPOCH", epoch)], "create", "-t", "fat16", "-o", name, "tree", "-q");
            Assert.True(outcome.Code == 0, outcome.Error);
            Assert.Equal(0, Cli.Spawn(folder.Path, [], [("SOURCE_DATE_EPOCH", epoch)], "touch", name, "/new").Code);
            return File.ReadAllBytes(folder.File(name));
        }

        var first = Make("1.vhd", "1600000000");
        File.SetLastWriteTimeUtc(folder.File("tree/a.txt"), DateTime.UtcNow.AddDays(1));
        Assert.Equal(first, Make("2.vhd", "1600000000"));
        Assert.NotEqual(first, Make("3.vhd", "1600000100"));
        Assert.Equal(2, Cli.Spawn(folder.Path, [], [("SOURCE_DATE_EPOCH", "yesterday")], "touch", "1.vhd", "/x").Code);
    }

    [Fact]
    public void Progress_as_json_is_a_line_per_step()
    {
        using var image = new TestImage();
        File.WriteAllBytes(image.Host("big"), new byte[4 << 20]);
        var outcome = Cli.Run("put", "--progress", "json", image.Path, image.Host("big"), "/");
        Assert.Equal(0, outcome.Code);
        Assert.Contains("{\"progress\":{\"stage\":", outcome.Error, StringComparison.Ordinal);
        Assert.Equal("", Cli.Expect("put", image.Path, image.Host("big"), "/").Error);
    }

    [Fact]
    public void An_interrupt_ends_with_130_and_nothing_half_done()
    {
        using var image = new TestImage();
        using var process = Cli.Start(null, [], "put", image.Path, "-", "/slow");
        process.StandardInput.BaseStream.Write(new byte[300_000]);
        process.StandardInput.BaseStream.Flush();
        WaitUntilHeld(image.Path);
        Assert.Equal(0, Kill(process.Id, 2));
        // A read that blocks ends with its next byte; the signal takes its time on a busy machine, the end of the input must not come first.
        var clock = Stopwatch.StartNew();
        while (!process.WaitForExit(50) && clock.Elapsed < TimeSpan.FromSeconds(20))
        {
            try
            {
                process.StandardInput.BaseStream.Write(new byte[1]);
                process.StandardInput.BaseStream.Flush();
            }
            catch (IOException)
            {
                // gone already
            }
        }
        Assert.True(process.HasExited);
        Assert.Equal(130, process.ExitCode);
        Assert.Empty(image.List());
        Cli.Expect("check", image.Path);
    }

    [Fact]
    public void The_shell_runs_commands_from_a_pipe()
    {
        using var image = new TestImage();
        var script = "mkdir docs\ncd docs\npwd\nput 'host file.txt' .\nls -l\ncat 'host file.txt'\n# a comment\n\ncd ..\nrm -r docs\nls nothing\n";
        image.Write("host file.txt", "hello");
        var outcome = Cli.Spawn(image.Folder, Encoding.UTF8.GetBytes(script), [], "shell", image.Path);
        Assert.Equal(3, outcome.Code);      // that of the last command
        Assert.Equal("/docs", outcome.Lines[0]);
        Assert.EndsWith("host file.txt", outcome.Lines[1], StringComparison.Ordinal);
        Assert.Equal("hello", outcome.Lines[2]);
        Assert.Contains("no such file or directory: /nothing", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(image.List());
    }

    [Fact]
    public void The_shell_edits_lines_on_a_terminal()
    {
        using var image = new TestImage();
        image.Put("/readme.txt", "x");
        var input = image.Host("keys");
        File.WriteAllText(input, "cat /re\t\rexit\r");
        var state = image.Host("state");
        var result = Tool.Run("bash", "-c",
            $"(while IFS= read -r -n1 -d '' c; do printf '%s' \"$c\"; sleep 0.02; done < '{input}'; sleep 1) | XDG_STATE_HOME='{state}' script -qec \"TERM=xterm '{Cli.Executable}' shell '{image.Path}'\" /dev/null");
        Assert.Contains("test.img:/>", result.Output, StringComparison.Ordinal);
        Assert.Contains("cat /readme.txt", File.ReadAllText(Path.Combine(state, "platter", "history")), StringComparison.Ordinal);
    }

    private static void WaitUntilHeld(string image)
    {
        var deadline = Stopwatch.StartNew();
        while (deadline.Elapsed < TimeSpan.FromSeconds(20))
        {
            if (Cli.Run("ls", image).Code == 11)
            {
                Thread.Sleep(300);
                return;
            }
            Thread.Sleep(20);
        }
        Assert.Fail("the command never opened the image");
    }

    private static int Kill(int process, int signal) => Tool.Run("kill", "-" + signal.ToString(CultureInfo.InvariantCulture), process.ToString(CultureInfo.InvariantCulture)).ExitCode;
}
