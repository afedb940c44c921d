using System.Text;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>Every example of the documents is run, in order, as printed.</summary>
public class ManualTests
{
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
        var lines = File.ReadAllLines(Path.Combine(Corpus.Repository, document));
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
        var result = Tool.Run(folder: folder.File("work"), input: null, tool: "bash", "-c", $"PATH='{folder.File("bin")}':$PATH; export DOTNET_TieredPGO=0; . '{path}'");
        Assert.True(result.ExitCode == 0, $"the examples of {document} ended with {result.ExitCode} after {result.Error}");
    }
}
