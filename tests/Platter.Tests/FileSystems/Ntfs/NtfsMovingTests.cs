using System.Globalization;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Blocks;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Volumes made shorter than what lies in them reaches: everything moves, and is as it was.</summary>
public class NtfsMovingTests(ITestOutputHelper output)
{
    private const int Mega = 1 << 20;

    [Theory]
    [InlineData(512, 512, 1024, 8)]
    [InlineData(512, 1024, 4096, 10)]
    [InlineData(512, 4096, 1024, 24)]
    [InlineData(4096, 4096, 4096, 30)]
    [InlineData(512, 65536, 1024, 64)]
    public void A_volume_shrinks_to_the_least_length_step_by_step(int sector, int cluster, int record, int megabytes)
    {
        var ground = NtfsFixture.Empty(new NtfsSizesOfVolume(sector, cluster, record), megabytes * Mega);
        NtfsMixture.Fill(ground);
        var outline = NtfsMixture.Outline(ground);
        var least = Least(ground);
        output.WriteLine($"clusters of {cluster}: {ground.Length} bytes, {least} at least");
        Assert.InRange(least, ground.Length / 16, ground.Length * 3 / 4);
        var device = ground.Copy();
        foreach (var length in new[] { ground.Length * 3 / 4, (ground.Length + 2 * least) / 3, least })
        {
            NtfsSized.Resize(device, length);
            NtfsSized.AssertIs(device, length / sector * sector);
            Assert.Equal(outline, NtfsMixture.Outline(device));
            Assert.Null(NtfsFixture.Complaint(NtfsSized.On(device, length / sector * sector)));
        }
        // Files that came together again may need shorter lists.
        Assert.InRange(Least(device), least - 16 * cluster, least);
        NtfsSized.AssertFills(device);

        // All at once, and back.
        device = ground.Copy();
        NtfsSized.Resize(device, least);
        NtfsSized.AssertIs(device, least);
        Assert.Equal(outline, NtfsMixture.Outline(device));
        NtfsSized.Resize(device);
        Assert.Equal(outline, NtfsMixture.Outline(device));
        NtfsSized.AssertFills(device);
    }

    [Fact]
    public void A_volume_with_the_largest_clusters_shrinks()
    {
        var device = NtfsFixture.Empty(new NtfsSizesOfVolume(512, 2 * Mega, 1024), 160L * Mega);
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            NtfsMixture.InTurns(volume, volume.RootId, 8, 2 * Mega);
            volume.Commit();
        }
        var outline = NtfsMixture.Outline(device);
        var least = Least(device);
        Assert.InRange(least, 40L * Mega, 90L * Mega);
        NtfsSized.Resize(device, least);
        NtfsSized.AssertIs(device, least);
        Assert.Equal(outline, NtfsMixture.Outline(device));
    }

    [Fact]
    public void The_table_its_map_its_list_and_its_bitmap_move()
    {
        var ground = NtfsPowerCutTests.FragmentedTable(out var left);
        using (var volume = new NtfsType().OpenForEditing(ground, VolumeOptions.Default))
        {
            NtfsPowerCutTests.FilesOverTheEnd(2 * left).Run(volume);
            volume.Commit();
            volume.Delete(volume.RootId, "a");
            volume.Commit();
        }
        Assert.True(NtfsPowerCutTests.HasList(ground));
        var outline = NtfsMixture.Outline(ground);
        var least = Least(ground);
        output.WriteLine($"{ground.Length} bytes, {least} at least");
        foreach (var length in new[] { (ground.Length + least) / 2, least })
        {
            var device = ground.Copy();
            NtfsSized.Resize(device, length);
            NtfsSized.AssertIs(device, length / 512 * 512);
            Assert.Equal(outline, NtfsMixture.Outline(device));
            NtfsSized.AssertFills(device);
        }
    }

    [Fact]
    public void Everything_moves_where_all_of_it_lies_behind_the_end()
    {
        // A volume whose first half was filled, and then emptied again.
        var ground = NtfsFixture.Empty("-c 1024", 16 * Mega);
        using (var volume = new NtfsType().OpenForEditing(ground, VolumeOptions.Default))
        {
            volume.CreateFile(volume.RootId, "first half", new MemoryStream(new byte[7 * Mega]), null, MetadataChange.None);
            volume.Commit();
        }
        NtfsMixture.Fill(ground, 300);
        using (var volume = new NtfsType().OpenForEditing(ground, VolumeOptions.Default))
        {
            volume.Delete(volume.RootId, "first half");
            volume.Commit();
        }
        var outline = NtfsMixture.Outline(ground);
        NtfsSized.Resize(ground, 7 * Mega);
        NtfsSized.AssertIs(ground, 7 * Mega);
        Assert.Equal(outline, NtfsMixture.Outline(ground));
        NtfsSized.AssertFills(ground);
    }

    [Fact]
    public void Bad_clusters_are_no_target_and_those_cut_off_are_forgotten()
    {
        var device = NtfsFixture.Empty("-c 4096", 16 * Mega);
        NtfsMixture.Fill(device);
        NtfsMixture.MarkBad(device, [.. FreeClusters(device, 0, 600).Where((_, i) => i % 3 == 0), .. FreeClusters(device, 3000, 4000).Take(5)]);
        var outline = NtfsMixture.Outline(device);
        var before = Bad(device).Where(c => c < 1700).ToArray();
        Assert.True(before.Length > 20 && Bad(device).Any(c => c > 3000));
        NtfsSized.Resize(device, 1700 * 4096 + 512);
        NtfsSized.AssertIs(device, 1700 * 4096 + 512);
        Assert.Equal(before, Bad(device));
        Assert.Equal(outline, NtfsMixture.Outline(device));
        var least = Least(device);
        NtfsSized.Resize(device, least);
        NtfsSized.AssertIs(device, least);
        Assert.Equal(outline, NtfsMixture.Outline(device));
    }

    [Fact]
    public void A_file_goes_whole_into_the_gap_that_fits_it_best()
    {
        var device = NtfsFixture.Empty("-c 4096", 64 * Mega);
        long expected;
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            foreach (var (name, length) in new[] { ("gap 1", 3 * Mega), ("stays 1", 9000), ("gap 2", Mega), ("stays 2", 9000), ("gap 3", 2 * Mega), ("stays 3", 9000) })
                volume.CreateFile(volume.RootId, name, new MemoryStream(new byte[length]), null, MetadataChange.None);
            foreach (var (name, length) in new[] { ("filler", 36 * Mega), ("moves", Mega - 5000) })
                volume.CreateFile(volume.RootId, name, new MemoryStream(ConformanceCase.Bytes(length)), null, MetadataChange.None);
            volume.Commit();
            expected = Runs(device, "gap 2")[0].Lcn;
            Assert.True(Runs(device, "moves")[0].Lcn > 48 * 256);
            foreach (var name in new[] { "gap 1", "gap 2", "gap 3", "filler" })
                volume.Delete(volume.RootId, name);
            volume.Commit();
        }
        NtfsSized.Resize(device, 48 * Mega);
        var runs = Runs(device, "moves");
        Assert.Equal((expected, 1), (runs[0].Lcn, runs.Length));
    }

    [Fact]
    public void A_record_that_overflows_when_a_map_is_cut_keeps_its_sizes_in_all_names()
    {
        var device = NtfsFixture.Empty("-c 512", 4 * Mega);
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            NtfsMixture.InTurns(volume, volume.RootId, 700, 512);
            FillButTheEnd(volume, device, 2);
            var file = volume.CreateFile(volume.RootId, "file", new MemoryStream(ConformanceCase.Bytes(380)), null, MetadataChange.None);
            volume.CreateHardLink(file, volume.CreateDirectory(volume.RootId, "dir", MetadataChange.None), "link");
            using (var stream = volume.OpenWrite(file, StreamName.Named("stream")))
                stream.WriteAt(0, ConformanceCase.Bytes(120 * 512, 1));
            volume.Commit();
            Assert.Equal(0, volume.GetMetadata(file).AllocatedLength);
            volume.Delete(volume.RootId, "in turns 1");
            volume.Commit();
        }
        var outline = NtfsMixture.Outline(device);
        var length = Runs(device, "file", "stream")[0].Lcn * 512 + 512;
        NtfsSized.Resize(device, length);
        NtfsSized.AssertIs(device, length);
        Assert.True(Runs(device, "file", "stream").Length > 100);
        var moved = NtfsMixture.Outline(device);
        Assert.NotEqual(outline, moved);
        Assert.Equal(outline.Replace(" 380 0 ", " 380 512 ", StringComparison.Ordinal), moved);
    }

    [Fact]
    public void Encrypted_content_moves_as_it_lies()
    {
        var device = NtfsFixture.Empty("-c 4096", 8 * Mega);
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            for (var i = 0; ; i++)
            {
                volume.CreateFile(volume.RootId, $"filler {i}", new MemoryStream(new byte[256 << 10]), null, MetadataChange.None);
                volume.CreateFile(volume.RootId, "secret", new MemoryStream(ConformanceCase.Bytes(30_000)), null, MetadataChange.None);
                volume.Commit();
                if (Runs(device, "secret")[0].Lcn > 1024)
                    break;
                volume.Delete(volume.RootId, "secret");
            }
            foreach (var entry in volume.Enumerate(volume.RootId).Where(e => e.Name != "secret").ToArray())
                volume.Delete(volume.RootId, entry.Name);
            volume.Commit();
        }
        NtfsEncryptedTests.Encrypt(device);
        var before = Runs(device, "secret")[0].Lcn;
        NtfsSized.Resize(device, 4 * Mega);
        NtfsSized.AssertIs(device, 4 * Mega);
        Assert.NotEqual(before, Runs(device, "secret")[0].Lcn);
        using var raw = NtfsVolume.Open(device, new VolumeOptions { RawEncrypted = true });
        using var content = raw.Find("/secret").OpenRead();
        var bytes = new byte[30_000];
        content.ReadExactly(bytes);
        Assert.Equal(ConformanceCase.Bytes(30_000), bytes);
    }

    [Fact]
    public void A_bitmap_in_pieces_comes_together()
    {
        var device = NtfsFixture.Empty("-c 512", 2 * Mega);
        for (var step = 1; step <= 8; step++)
        {
            using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
            {
                volume.CreateFile(volume.RootId, $"taken {step}", new MemoryStream(ConformanceCase.Bytes((int)volume.FreeBytes - 20_000, step)), null, MetadataChange.None);
                volume.Commit();
            }
            device = NtfsSized.On(device, device.Length + 5000 * 512);
            NtfsSized.Resize(device);
        }
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            for (var step = 2; step <= 8; step += 2)
                volume.Delete(volume.RootId, $"taken {step}");
            volume.Commit();
        }
        var outline = NtfsMixture.Outline(device);
        Assert.True(Content(device, NtfsMft.BitmapRecord).Runs.Count > 5);
        var least = Least(device);
        NtfsSized.Resize(device, least);
        NtfsSized.AssertIs(device, least);
        Assert.Equal(outline, NtfsMixture.Outline(device));
        NtfsSized.AssertFills(device);
    }

    [Fact]
    public void More_records_than_are_held_in_memory_move()
    {
        var device = NtfsFixture.Empty("-c 512", 64 * Mega);
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            volume.CreateFile(volume.RootId, "filler", new MemoryStream(new byte[25 * Mega]), null, MetadataChange.None);
            var directory = volume.CreateDirectory(volume.RootId, "dir", MetadataChange.None);
            for (var i = 0; i < 18_000; i++)
                volume.CreateFile(directory, $"{i}", new MemoryStream(ConformanceCase.Bytes(700, i)), null, MetadataChange.None);
            volume.Delete(volume.RootId, "filler");
            volume.Commit();
        }
        var outline = VolumeOutline.Of(device, new NtfsType());
        NtfsSized.Resize(device, 42 * Mega);
        NtfsSized.AssertIs(device, 42 * Mega);
        Assert.Equal(outline, VolumeOutline.Of(device, new NtfsType()));
    }

    [Fact]
    public void Growing_by_terabytes_holds_no_bitmap_in_memory()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        NtfsFixture.Empty("-c 4096", 16 * Mega).SaveTo(path);
        using (var file = new FileStream(path, FileMode.Open))
            file.SetLength(4L << 40);
        using (var disk = DiskImage.OpenForEditing(path))
        {
            var before = GC.GetTotalAllocatedBytes();
            disk.Resize(null, new ResizeOptions());
            Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 24 << 20);
        }
        using (var disk = DiskImage.OpenForEditing(path))
        using (var volume = disk.OpenVolumeForEditing())
        {
            Assert.InRange(volume.FreeBytes, (4L << 40) - (150L << 20), 4L << 40);
            volume.CreateFile(volume.RootId, "file", new MemoryStream(ConformanceCase.Bytes(100_000)), null, MetadataChange.None);
            volume.Commit();
        }
        using var device = HostFile.Open(path, FileAccess.Read);
        NtfsSized.AssertIs(device, 4L << 40);
    }

    [Fact]
    public void A_log_that_is_given_up_is_empty_where_it_comes_to()
    {
        var device = NtfsFixture.Empty("-c 4096", 16 * Mega);
        NtfsMixture.Fill(device);
        var log = Content(device, NtfsMft.LogFileRecord);
        device.Write(log.Runs[0].Lcn * 4096, new byte[16384]);
        device.Flush();
        var options = VolumeOptions.Default with { DiscardJournal = true };
        Assert.Throws<UnsupportedFeatureException>(() => NtfsSized.Resize(device, 6 * Mega));
        new NtfsType().Resize(device, new ResizeOptions { Length = 6 * Mega, Volume = options });
        var moved = Content(device, NtfsMft.LogFileRecord);
        Assert.NotEqual(log.Runs[0].Lcn, moved.Runs[0].Lcn);
        Assert.False(moved.ReadAll(4 * Mega, "NTFS-0112").AsSpan().ContainsAnyExcept((byte)0xFF));
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        Assert.True((volume.State.Flags & NtfsVolumeFlags.Dirty) != 0);
    }

    [Fact]
    public void A_device_that_cannot_forget_is_not_touched_by_what_does_not_fit()
    {
        var ground = NtfsFixture.Empty("-c 4096", 16 * Mega);
        NtfsMixture.Fill(ground);
        var bytes = Bytes(ground);
        var device = new MemoryDevice(bytes.ToArray());
        Assert.False(device.CanRollback);
        var least = Parse(Assert.Throws<ArgumentException>(() => new NtfsType().Resize(device, new ResizeOptions { Length = Mega })).Message);
        Assert.True(bytes.AsSpan().SequenceEqual(Bytes(device)));
        Assert.Equal(Least(ground), least);
        var outline = NtfsMixture.Outline(device);
        new NtfsType().Resize(device, new ResizeOptions { Length = least });
        NtfsSized.AssertIs(device, least);
        Assert.Equal(outline, NtfsMixture.Outline(device));
    }

    [Fact]
    public void It_says_how_far_it_has_come_and_stops_when_asked()
    {
        var device = NtfsFixture.Empty("-c 4096", 16 * Mega);
        NtfsMixture.Fill(device);
        var before = Bytes(device);
        foreach (var stage in new[] { "looking", "planning" })
        {
            using var stop = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => new NtfsType().Resize(device, new ResizeOptions
            {
                Length = 6 * Mega, Cancellation = stop.Token,
                Progress = new Stages(p =>
                {
                    if (p.Stage == stage)
                        stop.Cancel();
                }),
            }));
            Assert.True(before.AsSpan().SequenceEqual(Bytes(device)), stage);
        }
        var last = default(WorkProgress);
        new NtfsType().Resize(device, new ResizeOptions { Length = 6 * Mega, Progress = new Stages(p => last = p) });
        Assert.Equal("moving", last.Stage);
        Assert.InRange(last.DoneBytes, 4096, last.TotalBytes!.Value);
    }

    [Theory]
    [InlineData(512, 0)]
    [InlineData(4096, 64 << 10)]
    public void A_power_cut_leaves_the_long_volume_or_the_short_one(int cluster, long freshLimit)
    {
        var cuts = new VolumePowerCuts
        {
            Type = new NtfsType(), ClusterSize = cluster, ForeignEvery = 7, FreshLimit = freshLimit,
            Judge = device => NtfsFixture.Complaint(NtfsSized.On(device, NtfsGeometry.Read(device).Length + 512)),
        };
        var ground = Movable(cluster);
        var least = Least(ground);
        var bytes = Bytes(ground);
        var outcome = cuts.Run(bytes, bytes,
        [
            new("shrink", false, v => Resize(v, (ground.Length + least) / 2)),
            new("shrink to the least", false, v => Resize(v, least)),
            new("shrink, and grow again", false, v =>
            {
                Resize(v, least + 20 * cluster);
                Resize(v, null);
            }),
        ]);
        output.WriteLine($"clusters of {cluster} bytes: {outcome.Points} crash points, {outcome.Judged} of them judged by ntfsfix and ntfsls");
        Assert.True(outcome.Points > 100 && outcome.Judged > 10);
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void A_volume_is_whole_whatever_fails_while_it_shrinks(int cluster)
    {
        var ground = Movable(cluster);
        var (before, outline) = (Bytes(ground), NtfsMixture.Outline(ground));
        var length = (ground.Length + 2 * Least(ground)) / 3;
        var faults = 0;
        foreach (var operation in (FaultyOperation[])[FaultyOperation.Read, FaultyOperation.Write, FaultyOperation.Flush])
        {
            foreach (var isLasting in (bool[])[false, true])
            {
                // There are many reads, all alike.
                for (var number = 0; Try(operation, number, isLasting); number += operation == FaultyOperation.Read ? 7 : 1)
                    faults++;
            }
        }
        output.WriteLine($"clusters of {cluster} bytes: {faults} faults");
        Assert.True(faults > 50);

        bool Try(FaultyOperation operation, int number, bool isLasting)
        {
            var device = ground.Copy();
            var faulty = new FaultyDevice(device);
            faulty.FailAt(operation, number, isLasting);
            var hasFailed = false;
            try
            {
                new NtfsType().Resize(faulty, new ResizeOptions { Length = length });
            }
            catch (IOException)
            {
                hasFailed = true;
                // What went to free clusters may stay.
                Assert.Equal(before.Length, NtfsGeometry.Read(device).Length + 512);
                Assert.Equal(outline, NtfsMixture.Outline(device));
                faulty.Before = (_, _, _) => { };
                new NtfsType().Resize(faulty, new ResizeOptions { Length = length });
            }
            NtfsSized.AssertIs(device, length / 512 * 512);
            Assert.Equal(outline, NtfsMixture.Outline(device));
            return hasFailed;
        }
    }

    // The table, its copy, the log, $Bitmap, indexes and files of some pieces lie in the second half.
    private static ScratchDevice Movable(int cluster)
    {
        var device = NtfsFixture.Empty($"-c {cluster}", 3 * Mega);
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            var fillers = FillButTheEnd(volume, device, Math.Max(2, cluster / 800));
            var directory = volume.CreateDirectory(volume.RootId, "dir", MetadataChange.None);
            for (var i = 0; i < 70; i++)
                volume.CreateFile(directory, $"a file with a name {i}", new MemoryStream(ConformanceCase.Bytes(i * 30, i)), null, MetadataChange.None);
            NtfsMixture.InTurns(volume, volume.RootId, 12, cluster);
            volume.Commit();
            foreach (var name in fillers)
                volume.Delete(volume.RootId, name);
            volume.Commit();
        }
        // A table in two pieces, the second of them far behind.
        Assert.True(Content(device, NtfsMft.MftRecord).Runs.Count > 1);
        return device;
    }

    // All that comes has to go to the end.
    private static List<string> FillButTheEnd(EditableVolume volume, ScratchDevice device, int pieces)
    {
        var fillers = new List<string>();
        while (volume.FreeBytes > 256 << 10)
        {
            fillers.Add($"filler {fillers.Count}");
            volume.CreateFile(volume.RootId, fillers[^1], new MemoryStream(new byte[128 << 10]), null, MetadataChange.None);
        }
        volume.Commit();
        var last = fillers.OrderBy(name => Runs(device, name)[0].Lcn).TakeLast(pieces).ToArray();
        volume.CreateFile(volume.RootId, "filler", new MemoryStream(new byte[volume.FreeBytes - 2 * volume.Info.BlockSize]), null, MetadataChange.None);
        foreach (var name in last)
            volume.Delete(volume.RootId, name);
        volume.Commit();
        return [.. fillers.Except(last), "filler"];
    }

    private static void Resize(EditableVolume volume, long? length)
    {
        new NtfsType().Resize(((NtfsEditableVolume)volume).Device, new ResizeOptions { Length = length });
        volume.Rollback();
    }

    private sealed class Stages(Action<WorkProgress> report) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => report(value);
    }

    // The least length that is told; one sector less is refused, and tells the same.
    private static long Least(ScratchDevice device)
    {
        var before = Bytes(device);
        var least = Refused(device, 1000);
        Assert.Equal(least, Refused(device, least - 1));
        Assert.True(before.AsSpan().SequenceEqual(Bytes(device)), "the volume was changed");
        return least;
    }

    private static long Refused(ScratchDevice device, long length) =>
        Parse(Assert.Throws<ArgumentException>(() => new NtfsType().Resize(device, new ResizeOptions { Length = length })).Message);

    private static long Parse(string message) => long.Parse(message.Split(" bytes long")[0].Split(' ')[^1], CultureInfo.InvariantCulture);

    private static NtfsContent Content(ScratchDevice device, long record)
    {
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        return volume.OpenSystemFile(record).Open(NtfsAttributeType.Data)!;
    }

    private static NtfsRun[] Runs(ScratchDevice device, string name, string stream = "")
    {
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        Assert.True(volume.TryLookup(volume.RootId, name, out var id));
        return volume.OpenFile(id).Open(NtfsAttributeType.Data, stream)!.Runs.Runs.ToArray();
    }

    private static long[] FreeClusters(ScratchDevice device, long from, long to)
    {
        var changes = new NtfsChanges(device);
        var state = new NtfsEditState(NtfsVolume.Open(changes, VolumeOptions.Default), changes, VolumeOptions.Default);
        return [.. state.Space.FreeRuns(from, to).SelectMany(r => Enumerable.Range(0, (int)r.Length).Select(i => r.Start + i))];
    }

    private static long[] Bad(ScratchDevice device)
    {
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        var runs = volume.OpenSystemFile(NtfsMft.BadClustersRecord).Open(NtfsAttributeType.Data, "$Bad")!.Runs.Runs.ToArray();
        return [.. runs.Where(r => !r.IsHole).SelectMany(r => Enumerable.Range(0, (int)r.Count).Select(i => r.Lcn + i))];
    }

    private static byte[] Bytes(BlockDevice device)
    {
        var bytes = new byte[device.Length];
        device.Read(0, bytes);
        return bytes;
    }
}
