using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing.Fat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

/// <summary>A medium that fails in the midst of edits of a FAT volume, at every single read, write and flush.</summary>
public class FatFaultTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(12)]
    [InlineData(16)]
    [InlineData(32)]
    public void Every_edit_is_whole_or_nothing_whatever_fails(int width)
    {
        var cuts = new VolumePowerCuts { Type = new FatType(), ClusterSize = 512, Judge = MkfsFat.Complaint };
        using var c = FatCase.OfWidth(width);
        cuts.Fill(c.Volume, full: false);
        var outcome = new VolumeFaults { Type = new FatType(), Judge = MkfsFat.Complaint }.RunAll(c.Device, cuts.CommonEdits, VolumePowerCuts.SeveralCalls);
        output.WriteLine($"FAT{width}: {outcome}");
        Assert.True(outcome.Faults > 250);
        Assert.Equal(0, outcome.Refused);
    }

    [Fact]
    public void A_chain_over_many_pages_of_the_table_is_whole_whatever_fails()
    {
        // A page of the table is for 4096 clusters; two files that grew in turns lie in many pieces.
        using var c = FatCase.OfWidth(32);
        var one = c.Volume.CreateFile(c.Volume.RootId, "one", MetadataChange.None);
        var two = c.Volume.CreateFile(c.Volume.RootId, "two", MetadataChange.None);
        var part = ConformanceCase.Bytes(200_000);
        using (var first = c.Volume.OpenWrite(one, StreamName.Data))
        using (var second = c.Volume.OpenWrite(two, StreamName.Data))
        {
            for (var i = 0; i < 16; i++)
            {
                first.WriteAt(i * part.Length, part);
                second.WriteAt(i * part.Length, part);
            }
        }
        c.Volume.Commit();
        var outcome = new VolumeFaults { Type = new FatType(), Judge = MkfsFat.Complaint }.RunAll(c.Device,
        [
            new("delete", false, v => v.Delete(v.RootId, "one")),
            new("replace", false, v => v.Rename(v.RootId, "one", v.RootId, "two", replace: true)),
            new("shorten", false, v => SetLength(v, 700_000)),
            new("lengthen", false, v => SetLength(v, 6_000_000)),
            new("make", false, v => v.CreateFile(v.RootId, "new", new MemoryStream(ConformanceCase.Bytes(4_000_000)), null, MetadataChange.None)),
        ]);
        output.WriteLine($"{outcome}");
        Assert.True(outcome.Faults > 80);

        static void SetLength(EditableVolume volume, long length)
        {
            using var stream = volume.OpenWrite(volume.Find("/one").Id, StreamName.Data);
            stream.SetLength(length);
        }
    }
}
