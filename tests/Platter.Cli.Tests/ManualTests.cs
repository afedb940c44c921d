using System.Text;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>Every example of the manual is run, in order, as printed.</summary>
public class ManualTests
{
    [Fact]
    public void The_examples_of_the_manual_run_as_printed()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("bin"));
        File.CreateSymbolicLink(folder.File("bin/platter"), Cli.Executable);
        Directory.CreateDirectory(folder.File("work"));
        var script = new StringBuilder("set -e\nset -o pipefail\n");
        var lines = File.ReadAllLines(Path.Combine(Corpus.Repository, "docs", "manual.md"));
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
        var path = folder.File("manual.sh");
        File.WriteAllText(path, script.ToString());
        var result = Tool.Run(folder.File("work"), null, "bash", "-c", $"PATH='{folder.File("bin")}':$PATH; export DOTNET_TieredPGO=0; . '{path}'");
        Assert.True(result.ExitCode == 0, $"the manual's examples ended with {result.ExitCode} after {result.Error}");
    }
}
