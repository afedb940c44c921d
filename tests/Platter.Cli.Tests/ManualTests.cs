using System.Text;
using System.Text.RegularExpressions;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>Every example of the documents is run, in order, as printed, and puts out what is printed below it.</summary>
public partial class ManualTests
{
    private const string Mark = "--- the next block";

    [Theory]
    [InlineData("docs/manual.md")]
    [InlineData("README.md")]
    public void The_examples_run_as_printed(string document)
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("bin"));
        File.CreateSymbolicLink(folder.File("bin/platter"), Cli.Executable);
        Directory.CreateDirectory(folder.File("work"));
        Directory.CreateSymbolicLink(folder.File("work/examples"), Path.Combine(Corpus.Repository, "examples"));
        var script = new StringBuilder("set -e\nset -o pipefail\n");
        var printed = new List<string?>();
        var lines = File.ReadAllLines(Path.Combine(Corpus.Repository, document));
        var inside = false;
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].StartsWith("```", StringComparison.Ordinal))
            {
                // A block without a language directly below a block of commands is their output.
                var below = lines[i] == "```" && inside && i + 1 < lines.Length && lines[i + 1] == "```";
                inside = lines[i] == "```sh";
                if (inside)
                {
                    script.Append("echo '--- line ").Append(i + 1).Append("' >&2; echo '").Append(Mark).Append("'\n");
                    printed.Add(null);
                }
                if (below)
                {
                    var end = Array.IndexOf(lines, "```", i + 2);
                    printed[^1] = string.Join('\n', lines[(i + 2)..end]);
                    i = end;
                }
            }
            else if (inside)
            {
                script.Append(lines[i]).Append('\n');
            }
        }
        var path = folder.File("examples.sh");
        File.WriteAllText(path, script.ToString());
        var result = Tool.Run(folder: folder.File("work"), input: null, tool: "bash", "-c", $"PATH='{folder.File("bin")}':$PATH; export DOTNET_TieredPGO=0; . '{path}'");
        Assert.True(result.ExitCode == 0, $"the examples of {document} ended with {result.ExitCode} after {result.Error}");
        var put = result.Output.Split(Mark + "\n")[1..];
        Assert.Equal(printed.Count, put.Length);
        for (var i = 0; i < put.Length; i++)
        {
            if (printed[i] is { } expected)
                Assert.Equal(Shape(expected), Shape(put[i]));
        }
    }

    // Ids, times, lengths of names and what the host allocates differ from day to day; the words and their order don't.
    private static string Shape(string output) => Spaces().Replace(Numbers().Replace(Ids().Replace(output.TrimEnd(), "ID"), "0"), " ");

    [GeneratedRegex("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")]
    private static partial Regex Ids();

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Numbers();

    [GeneratedRegex(" +")]
    private static partial Regex Spaces();
}
