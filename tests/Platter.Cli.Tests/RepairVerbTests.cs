using System.Text.Json;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary><c>check --repair</c>.</summary>
public class RepairVerbTests
{
    [Fact]
    public void A_repair_is_told_beforehand_and_done_when_asked_for()
    {
        using var image = new TestImage("ntfs");
        Cli.Expect("check", image.Path);
        using (var file = File.OpenWrite(image.Path))
        {
            file.Seek(-512, SeekOrigin.End);
            file.Write(new byte[512]);
        }
        var damaged = File.ReadAllBytes(image.Path);
        Assert.Contains("NTFS-0012", Found("check", image.Path), StringComparison.Ordinal);
        Assert.Contains("NTFS-0012 would repair", Found("check", "--repair", "--dry-run", image.Path), StringComparison.Ordinal);
        Assert.Equal(damaged, File.ReadAllBytes(image.Path));
        using var json = JsonDocument.Parse(Cli.Expect("check", "--repair", "--json", image.Path).Output);
        Assert.Equal("NTFS-0012", json.RootElement.GetProperty("repairs")[0].GetProperty("code").GetString());
        Assert.True(json.RootElement.GetProperty("clean").GetBoolean());
        Cli.Expect("check", image.Path);
        Cli.Fails(2, "check", "--dry-run", image.Path);
    }

    [Fact]
    public void What_cannot_be_repaired_is_refused()
    {
        using var image = new TestImage("fat16");
        Cli.Fails(7, "check", "--repair", image.Path);
    }

    // Findings are the command's result: they go to standard output.
    private static string Found(params string[] args)
    {
        var outcome = Cli.Run(args);
        Assert.Equal(10, outcome.Code);
        Assert.Equal("", outcome.Error);
        return outcome.Output;
    }
}
