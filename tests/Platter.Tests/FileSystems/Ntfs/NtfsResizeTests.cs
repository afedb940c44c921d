using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Volumes made longer and shorter: all that goes with the length, files as they were, refusals that change nothing.</summary>
public class NtfsResizeTests(ITestOutputHelper output)
{
    private const int Mega = 1 << 20;

    [Theory]
    [InlineData(512, 512, 1024, 3)]
    [InlineData(512, 4096, 1024, 3)]
    [InlineData(512, 4096, 4096, 3)]
    [InlineData(512, 65536, 1024, 24)]
    [InlineData(4096, 4096, 4096, 4)]
    [InlineData(4096, 65536, 4096, 24)]
    public void A_volume_grows_to_lengths_around_every_boundary(int sector, int cluster, int record, int megabytes)
    {
        var ground = NtfsFixture.Empty(new NtfsSizesOfVolume(sector, cluster, record), megabytes * Mega);
        Fill(ground);
        var outline = Outline(ground);
        var start = ground.Length;
        long[] more = [sector, cluster - sector, cluster, cluster + sector, 7L * cluster, 63L * cluster, 64L * cluster, 65L * cluster, 64L * cluster + sector, 300L * cluster + 77];
        foreach (var longer in more)
        {
            var device = NtfsSized.On(ground, start + longer);
            var report = NtfsSized.Resize(device);
            Assert.Equal((start, (start + longer) / sector * sector), (report.LengthBefore, report.Length));
            NtfsSized.AssertIs(device, start + longer);
            Assert.Equal(outline, Outline(device));
        }
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void A_full_volume_grows_and_is_filled(int cluster)
    {
        // $Bitmap needs clusters of its own, and there is none but those that come.
        var ground = NtfsFixture.Empty($"-c {cluster}", 3 * Mega);
        NtfsSized.AssertFills(ground);
        foreach (var length in new[] { ground.Length + 5 * cluster, 4 * Mega, 8L * Mega * cluster / 512 + 300 })
        {
            var device = NtfsSized.On(ground, length);
            NtfsSized.Resize(device);
            NtfsSized.AssertIs(device, length);
            using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
            {
                volume.Rename(volume.RootId, "filler", volume.RootId, "first", replace: false);
                volume.Commit();
            }
            NtfsSized.AssertFills(device);
        }
    }

    [Fact]
    public void A_bitmap_in_pieces_grows_step_by_step()
    {
        var device = NtfsFixture.Empty("-c 512", 2 * Mega);
        for (var step = 1; step <= 12; step++)
        {
            // What lies behind the bitmap's last cluster is taken, so that each piece of it is one of its own.
            using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
            {
                volume.CreateFile(volume.RootId, $"taken {step}", new MemoryStream(ConformanceCase.Bytes((int)volume.FreeBytes - 20_000, step)), null, MetadataChange.None);
                volume.Commit();
            }
            device = NtfsSized.On(device, device.Length + 5000 * 512);
            NtfsSized.Resize(device);
            NtfsSized.AssertIs(device, device.Length);
        }
        using var last = NtfsVolume.Open(device, VolumeOptions.Default);
        var runs = last.OpenSystemFile(NtfsMft.BitmapRecord).Open(NtfsAttributeType.Data)!.Runs.Count;
        output.WriteLine($"{runs} pieces");
        Assert.InRange(runs, 8, 20);
        NtfsSized.AssertFills(device);
    }

    [Theory]
    [InlineData(512, 512, 1024)]
    [InlineData(512, 4096, 1024)]
    [InlineData(4096, 4096, 4096)]
    [InlineData(512, 65536, 1024)]
    public void A_volume_grows_and_shrinks_back_to_what_it_was(int sector, int cluster, int record)
    {
        var ground = NtfsFixture.Empty(new NtfsSizesOfVolume(sector, cluster, record), Math.Max(4 * Mega, 400L * cluster));
        Fill(ground);
        var outline = Outline(ground);
        var device = NtfsSized.On(ground, ground.Length * 4);
        NtfsSized.Resize(device);
        foreach (var length in new[] { ground.Length * 3, ground.Length * 2 + cluster, ground.Length + cluster + sector, ground.Length })
        {
            NtfsSized.Resize(device, length);
            NtfsSized.AssertIs(device, length);
            Assert.Equal(outline, Outline(device));
        }
        Assert.Equal(new ResizeReport(ground.Length, ground.Length), NtfsSized.Resize(device, ground.Length));

        // Where the volume ended before there is no copy that could bring that back.
        Assert.Null(NtfsGeometry.FindCopy(device));
        NtfsSized.AssertFills(device);
    }

    [Fact]
    public void What_cannot_be_is_refused_and_nothing_changes()
    {
        var device = NtfsFixture.Empty("-c 4096", 4 * Mega);
        Assert.Contains("does not fit", Refused<ArgumentException>(device, device.Length + 1), StringComparison.Ordinal);
        Refused<ArgumentException>(device, 0);
        Refused<ArgumentException>(device, 512);
        var dirty = NtfsSized.On(device, 5 * Mega);
        Dirty(dirty);
        Assert.Contains("dirty", Refused<UnsupportedFeatureException>(dirty, null), StringComparison.Ordinal);
        new NtfsType().Resize(dirty, new ResizeOptions { Volume = VolumeOptions.Default with { DiscardJournal = true } });
        Assert.Equal((5L * Mega - 512) / 512, NtfsGeometry.Read(dirty).TotalSectors);
        Assert.Contains("does not resize", Assert.Throws<UnsupportedFeatureException>(() => FileSystemTypes.Find("fat32")!.Resize(device, new ResizeOptions())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_growth_that_damage_refuses_writes_nothing_where_nothing_can_be_taken_back()
    {
        var ground = NtfsSized.On(NtfsFixture.Empty("-c 512", 2 * Mega), 6 * Mega);
        var device = new MemoryDevice(ground.Length);
        device.Write(0, Bytes(ground));
        long block;
        using (var volume = NtfsVolume.Open(device, VolumeOptions.Default))
            block = volume.OpenSystemFile(NtfsMft.RootRecord).Open(NtfsAttributeType.IndexAllocation, NtfsDirectory.IndexName)!.Runs[0].Lcn * 512;
        // The length of the root's index: its entry for $Bitmap, which tells the size, cannot be found.
        device.Write(block + NtfsIndexBlock.HeaderOffset + 4, [0, 0, 0, 0x80]);
        var before = new byte[device.Length];
        device.Read(0, before);
        Assert.False(device.CanRollback);
        Assert.Throws<DiskFormatException>(() => new NtfsType().Resize(device, new ResizeOptions()));
        var after = new byte[device.Length];
        device.Read(0, after);
        Assert.True(before.AsSpan().SequenceEqual(after), "the device was changed");
    }

    [Fact]
    public void A_volume_with_errors_is_not_made_shorter()
    {
        var device = NtfsFixture.Empty("-c 4096", 4 * Mega);
        using (var volume = NtfsVolume.Open(device, VolumeOptions.Default))
        {
            // The whole bitmap says free: nothing would be in the way.
            var run = volume.OpenSystemFile(NtfsMft.BitmapRecord).Open(NtfsAttributeType.Data)!.Runs[0];
            device.Write(run.Lcn * 4096, new byte[64]);
            device.Flush();
        }
        Assert.Contains("NTFS-0211", Refused<UnsupportedFeatureException>(device, 2 * Mega), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(512, 1)]
    [InlineData(4096, 3)]
    public void A_power_cut_leaves_the_old_volume_or_the_new_one(int cluster, int growth)
    {
        // ntfsfix looks for the copy of the boot sector at the end of what it is given.
        var cuts = new VolumePowerCuts
        {
            Type = new NtfsType(), ClusterSize = cluster, ForeignEvery = 5, Judge = device => NtfsFixture.Complaint(NtfsSized.On(device, NtfsGeometry.Read(device).Length + 512)),
        };
        foreach (var full in new[] { false, true })
        {
            var ground = Bytes(NtfsSized.On(NtfsPowerCutTests.Ground(cuts, full), (2 + growth) * Mega));
            var outcome = cuts.Run(ground, ground,
            [
                new("grow", false, v => Resize(v, null)),
                new("grow a little", false, v => Resize(v, 2 * Mega + 3 * cluster)),
                new("grow, and shrink again", false, v =>
                {
                    Resize(v, null);
                    Resize(v, 2 * Mega + 9 * cluster);
                }),
            ]);
            output.WriteLine($"clusters of {cluster} bytes: {outcome.Points} crash points, {outcome.Judged} of them judged by ntfsfix and ntfsls");
            Assert.True(outcome.Points > 20 && outcome.Judged > 2);
        }

        static void Resize(EditableVolume volume, long? length)
        {
            new NtfsType().Resize(((NtfsEditableVolume)volume).Device, new ResizeOptions { Length = length });
            volume.Rollback();
        }
    }

    private static string Refused<T>(ScratchDevice device, long? length)
        where T : Exception
    {
        var before = Bytes(device);
        var message = Assert.Throws<T>(() => new NtfsType().Resize(device, new ResizeOptions { Length = length })).Message;
        Assert.True(before.AsSpan().SequenceEqual(Bytes(device)), "the volume was changed");
        return message;
    }

    private static void Fill(ScratchDevice device)
    {
        using var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default);
        var directory = volume.CreateDirectory(volume.RootId, "dir", MetadataChange.None);
        for (var i = 0; i < 40; i++)
            volume.CreateFile(directory, $"a file with a long name {i}", new MemoryStream(ConformanceCase.Bytes(i * 300, i)), null, MetadataChange.None);
        volume.Commit();
    }

    private static void Dirty(ScratchDevice device)
    {
        var changes = new NtfsChanges(device);
        var state = new NtfsEditState(NtfsVolume.Open(changes, VolumeOptions.Default), changes, VolumeOptions.Default);
        state.Begin();
        NtfsEditRefusals.MarkDirty(state);
        state.Store();
        state.Keep();
        state.Commit();
    }

    private static string Outline(ScratchDevice device) => VolumeOutline.Of(device, new NtfsType(), (volume, entry, content) => $"{volume.GetMetadata(entry.Id).Length} {content}", "");

    private static byte[] Bytes(ScratchDevice device)
    {
        var bytes = new byte[device.Length];
        device.Read(0, bytes);
        return bytes;
    }
}
