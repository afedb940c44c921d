using System.Text;
using System.Text.RegularExpressions;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>Every example of the manual and of README is run, in order, as printed.</summary>
public class ManualTests
{
    [Fact]
    public void The_manual_runs_as_printed()
    {
        using var folder = Prepared();
        var script = new StringBuilder("set -e\nset -o pipefail\n");
        var lines = File.ReadAllLines(Path.Combine(Corpus.Repository, "docs/manual.md"));
        var inside = false;
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].StartsWith("```", StringComparison.Ordinal))
            {
                inside = lines[i] == "```sh";
                if (inside)
                    script.Append("echo '--- line ").Append(i + 1).Append("' >&2\n");
            }
            else if (inside)
            {
                script.Append(lines[i]).Append('\n');
            }
        }
        var path = folder.File("examples.sh");
        File.WriteAllText(path, script.ToString());
        var result = Bash(folder, $". '{path}'");
        Assert.True(result.ExitCode == 0, $"its examples ended with {result.ExitCode} after {result.Error}");
    }

    [Fact]
    public void The_tour_prints_what_README_says()
    {
        using var folder = Prepared();
        var blocks = File.ReadAllText(Path.Combine(Corpus.Repository, "README.md")).Split("```");
        var compared = 0;
        for (var i = 1; i < blocks.Length; i += 2)
        {
            if (!blocks[i].StartsWith("sh\n", StringComparison.Ordinal))
                continue;
            var result = Bash(folder, "set -e\n" + blocks[i][3..]);
            Assert.True(result.ExitCode == 0, result.All);
            // What is printed follows at once.
            Assert.Equal("\n", blocks[i + 1]);
            Assert.Equal(Masked(blocks[i + 2][1..]), Masked(result.Output));
            compared++;
        }
        Assert.True(compared > 6, $"{compared} blocks");
    }

    // Times, random identifiers, what the host allocated, and the length of what times were compressed into differ each time.
    private static string Masked(string output)
    {
        output = Regex.Replace(output, @"\d{4}-\d\d-\d\d([ T]+)\d\d:\d\d:\d\d", "TIME");
        output = Regex.Replace(output, "[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", "GUID");
        output = Regex.Replace(output, @"(  allocated +).*", "$1SIZE");
        return Regex.Replace(output, @"(tar\.zst, .*, )[\d.]+ K?i?B", "$1SIZE");
    }

    private static TempFolder Prepared()
    {
        var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("bin"));
        File.CreateSymbolicLink(folder.File("bin/platter"), Cli.Executable);
        Directory.CreateDirectory(folder.File("work"));
        Directory.CreateSymbolicLink(folder.File("work/examples"), Path.Combine(Corpus.Repository, "examples"));
        return folder;
    }

    private static Tool.Result Bash(TempFolder folder, string script) =>
        Tool.Run(folder: folder.File("work"), input: null, tool: "bash", "-c", $"PATH='{folder.File("bin")}':$PATH; export DOTNET_TieredPGO=0; {script}");
}
