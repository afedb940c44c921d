using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Every edit with 0, 1, 2 ... clusters free, until it fits: each place where it takes one is where the volume is full once.</summary>
public class NtfsFullVolumeTests(ITestOutputHelper output)
{
    private const string Filler = "FILLER.BIN";
    private const int MostClusters = 500;

    [Theory]
    [InlineData(512, false)]
    [InlineData(512, true)]
    [InlineData(4096, false)]
    [InlineData(4096, true)]
    public void An_edit_fits_or_is_refused_and_fits_when_there_is_room_again(int clusterSize, bool hasNoRecords)
    {
        var cuts = NtfsPowerCutTests.Cuts(clusterSize);
        var ground = Filled(cuts, hasNoRecords);
        var (edits, refused) = (0, 0);
        foreach (var edit in cuts.CommonEdits.Concat(NtfsPowerCutTests.OwnEdits).Where(e => !e.Full))
        {
            edits++;
            var fits = false;
            for (var free = 0; !fits; free++)
            {
                Assert.InRange(free, 0, MostClusters);
                var device = ground.Copy();
                try
                {
                    fits = Try(device, edit.Run, free * (long)clusterSize);
                }
                catch (Exception e)
                {
                    Assert.Fail($"{edit.Verb} with {free} clusters free: {e}");
                }
                refused += fits ? 0 : 1;
                Clean(device, $"{edit.Verb} with {free} clusters free");
            }
        }
        output.WriteLine($"clusters of {clusterSize} bytes, {(hasNoRecords ? "no free record" : "free records")}: {edits} edits, refused {refused} times");
        Assert.True(refused > (hasNoRecords ? 40 : 20));
    }

    [Fact]
    public void The_table_of_records_grows_over_its_record_or_not_at_all_with_however_few_clusters()
    {
        var ground = NtfsPowerCutTests.FragmentedTable(out _);
        var (without, with) = (0, 0);
        for (var free = 0; free < 300; free += free < 40 ? 1 : 7)
        {
            var device = ground.Copy();
            using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
            {
                using (var stream = volume.OpenWrite(volume.CreateFile(volume.RootId, "FILLER2.BIN", MetadataChange.None), StreamName.Data))
                {
                    for (var at = 0L; volume.FreeBytes > free * 512L; at += 512)
                        stream.WriteAt(at, ConformanceCase.Bytes(512, (int)at));
                }
                volume.Commit();
                Assert.Throws<VolumeFullException>(() => NtfsPowerCutTests.FilesOverTheEnd(1000).Run(volume));
                volume.Commit();
                Clean(device, $"{free} clusters free");
                (without, with) = NtfsPowerCutTests.HasList(device) ? (without, with + 1) : (without + 1, with);
                volume.Delete(volume.RootId, "FILLER2.BIN");
                NtfsPowerCutTests.FilesOverTheEnd(100, 1000).Run(volume);
                volume.Commit();
            }
            Clean(device, $"{free} clusters free, and room again");
        }
        output.WriteLine($"{without} times without a list, {with} times with one");
        Assert.True(without > 0 && with > 0);
    }

    // False when the edit was refused, after it was done with room.
    private static bool Try(ScratchDevice device, Action<EditableVolume> edit, long free)
    {
        using var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default);
        var filler = volume.Find("/" + Filler);
        using (var stream = volume.OpenWrite(filler.Id, StreamName.Data))
            stream.SetLength(stream.Length - free);
        volume.Commit();
        Assert.Equal(free, volume.FreeBytes);
        try
        {
            edit(volume);
            volume.Commit();
            return true;
        }
        catch (VolumeFullException)
        {
            volume.Commit();
            Clean(device, "refused");
        }
        // It may have been several edits; those that were made stay.
        volume.Delete(volume.RootId, Filler);
        volume.CreateFile(volume.RootId, "there is room", new MemoryStream(ConformanceCase.Bytes(10_000)), null, MetadataChange.None);
        volume.Commit();
        return false;
    }

    private static ScratchDevice Filled(VolumePowerCuts cuts, bool hasNoRecords)
    {
        var device = NtfsPowerCutTests.Ground(cuts, full: false);
        using var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default);
        var records = volume.CreateDirectory(volume.RootId, "records", MetadataChange.None);
        var filler = volume.CreateFile(volume.RootId, Filler, MetadataChange.None);
        using (var stream = volume.OpenWrite(filler, StreamName.Data))
            stream.WriteAt(0, new byte[volume.FreeBytes]);
        volume.Commit();
        Assert.Equal(0, volume.FreeBytes);
        // Directories of their own, so that no index needs a block before the records are all in use.
        for (var (isFull, within) = (!hasNoRecords, records); !isFull;)
        {
            try
            {
                within = volume.CreateDirectory(within, "d", MetadataChange.None);
            }
            catch (VolumeFullException)
            {
                isFull = true;
            }
        }
        volume.Commit();
        Clean(device, "ground");
        return device;
    }

    private static void Clean(ScratchDevice device, string place)
    {
        var report = new NtfsType().Check(device, CheckOptions.Default);
        Assert.True(report.IsClean, $"{place}:\n{string.Join('\n', report.Findings.Take(20))}");
    }
}
