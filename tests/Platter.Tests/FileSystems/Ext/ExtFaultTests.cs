using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>A medium that fails in the midst of edits of an ext volume, at every single read, write and flush.</summary>
public class ExtFaultTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("ext2")]
    [InlineData("ext4")]
    public void Every_edit_is_whole_or_nothing_whatever_fails(string type)
    {
        var cuts = new VolumePowerCuts { Type = new ExtType(), ClusterSize = 1024, Judge = _ => null };
        var ground = new ScratchDevice(4 << 20);
        new ExtType().Format(ground, new FormatOptions { Type = type });
        ground.Flush();
        using (var volume = new ExtType().OpenForEditing(ground, VolumeOptions.Default))
            cuts.Fill(volume, full: false);
        // Those that set what only FAT has have others of ext's own, in the tests of power cuts.
        var outcome = new VolumeFaults { Type = new ExtType() }.RunAll(ground, cuts.CommonEdits.Where(e => e.Verb is not ("set attributes" or "set times")), VolumePowerCuts.SeveralCalls);
        output.WriteLine($"{type}: {outcome}");
        Assert.True(outcome.Faults > 400);
        Assert.Equal(0, outcome.Refused);
    }
}
