using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Testing.Blocks;
using Platter.Testing.ExFat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.ExFat;

/// <summary>A medium that fails in the midst of edits of an exFAT volume, at every single read, write and flush.</summary>
public class ExFatFaultTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("-c 512", 512)]
    [InlineData("-c 4K", 4096)]
    [InlineData("-c 32K", 32768)]
    public void Every_edit_is_whole_or_nothing_whatever_fails(string arguments, int clusterSize)
    {
        var cuts = new VolumePowerCuts { Type = new ExFatType(), ClusterSize = clusterSize, Judge = MkfsExFat.Complaint };
        using var c = new ExFatCase(arguments, 1024L * Math.Max(clusterSize, 4096));
        cuts.Fill(c.Volume, full: false);
        var outcome = new VolumeFaults { Type = new ExFatType(), Judge = MkfsExFat.Complaint }.RunAll(c.Device, cuts.CommonEdits, VolumePowerCuts.SeveralCalls);
        output.WriteLine($"{arguments}: {outcome}");
        Assert.True(outcome.Faults > 250);
    }

    [Fact]
    public void A_chain_over_two_pages_of_the_bitmap_is_whole_whatever_fails()
    {
        // A page of the bitmap is for 131072 clusters, 64 MiB here; the files are not written, only their lengths are.
        using var c = new ExFatCase("-c 512", 160 << 20);
        c.Volume.CreateFile(c.Volume.RootId, "one", MetadataChange.None);
        c.Volume.CreateFile(c.Volume.RootId, "two", MetadataChange.None);
        SetLength(c.Volume, "/one", 60 << 20);
        SetLength(c.Volume, "/two", 1 << 20);
        SetLength(c.Volume, "/one", 80 << 20);
        c.Volume.Commit();
        Assert.False(c.IsContiguous("/one"));
        var outcome = new VolumeFaults { Type = new ExFatType(), Judge = MkfsExFat.Complaint, Every = 3 }.RunAll(c.Device,
        [
            new("delete", false, v => v.Delete(v.RootId, "one")),
            new("replace", false, v => v.Rename(v.RootId, "two", v.RootId, "one", replace: true)),
            new("shorten", false, v => SetLength(v, "/one", 1 << 20)),
            new("lengthen", false, v => SetLength(v, "/two", 5 << 20)),
        ]);
        output.WriteLine($"{outcome}");
        Assert.True(outcome.Faults > 30);
    }

    [Fact]
    public void A_directory_that_could_not_grow_to_its_next_page_is_not_used_before_the_volume_goes_back()
    {
        // 170 names of three entries each, of 512 entries: with the next one the directory takes a second cluster, which is a page of its own.
        using var c = new ExFatCase("-c 16K", 16 << 20);
        var directory = c.Volume.CreateDirectory(c.Volume.RootId, "dir", MetadataChange.None);
        for (var i = 0; i < 170; i++)
            c.Volume.CreateFile(directory, $"name {i}", MetadataChange.None);
        c.Volume.Commit();
        var refused = 0;
        for (var number = 0; Try(number); number++)
        {
        }
        Assert.True(refused > 0);

        bool Try(int number)
        {
            var device = c.Device.Copy();
            var faulty = new FaultyDevice(device);
            var failed = false;
            using (var volume = ExFatVolume.OpenForEditing(faulty, VolumeOptions.Default))
            {
                var parent = volume.Find("/dir").Id;
                faulty.FailAt(FaultyOperation.Read, number);
                try
                {
                    volume.CreateFile(parent, "one more", MetadataChange.None);
                }
                catch (IOException)
                {
                    failed = true;
                }
                faulty.Before = (_, _, _) => { };
                if (failed && Record.Exception(() => volume.TryLookup(parent, "name 1", out _)) is IOException refusal)
                {
                    refused++;
                    Assert.Contains("could not be undone", refusal.Message, StringComparison.Ordinal);
                    Assert.Equal(refusal.Message, Assert.Throws<IOException>(volume.Commit).Message);
                    Assert.Equal(refusal.Message, Assert.Throws<IOException>(() => volume.Delete(volume.RootId, "dir")).Message);
                    volume.Rollback();
                }
                if (failed)
                    volume.CreateFile(volume.Find("/dir").Id, "one more", MetadataChange.None);
                volume.Commit();
            }
            Assert.Equal([], new ExFatType().Check(device, CheckOptions.Default).Findings);
            using var after = ExFatVolume.Open(device, VolumeOptions.Default);
            Assert.Equal(171, after.Enumerate(after.Find("/dir").Id).Count());
            return failed;
        }
    }

    private static void SetLength(EditableVolume volume, string path, long length)
    {
        using var stream = volume.OpenWrite(volume.Find(path).Id, StreamName.Data);
        stream.SetLength(length);
    }
}
