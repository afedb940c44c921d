using System.Buffers.Binary;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Volumes whose $Bitmap, or the bitmap of whose MFT, lies in its record: the format allows it, nobody makes them.</summary>
public class NtfsResidentBitmapTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(512, true, false)]
    [InlineData(512, false, true)]
    [InlineData(4096, true, true)]
    [InlineData(65536, true, true)]
    public void Bitmaps_get_clusters_of_their_own_when_the_volume_is_edited(int clusterSize, bool clusters, bool records)
    {
        var device = Resident(clusterSize, clusters, records);
        Assert.Null(NtfsFixture.Complaint(device));
        long free;
        using (var read = NtfsVolume.Open(device, VolumeOptions.Default))
            free = read.FreeBytes;
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            volume.CreateFile(volume.RootId, "dropped", new MemoryStream(ConformanceCase.Bytes(100_000)), null, MetadataChange.None);
            volume.Rollback();
            Assert.False(volume.TryFind("/dropped", out _));
            for (var i = 0; i < 100; i++)
                volume.CreateFile(volume.RootId, $"file {i}", new MemoryStream(ConformanceCase.Bytes(3000, i)), null, MetadataChange.None);
            volume.Commit();
            volume.Delete(volume.RootId, "file 7");
            volume.Rollback();
            volume.Delete(volume.RootId, "file 8");
            volume.Commit();
        }
        using (var volume = NtfsVolume.Open(device, VolumeOptions.Default))
        {
            Assert.Equal(99, volume.Enumerate(volume.RootId).Count());
            Assert.False(volume.OpenSystemFile(NtfsMft.BitmapRecord).Open(NtfsAttributeType.Data)!.IsResident);
            Assert.False(volume.OpenSystemFile(NtfsMft.MftRecord).Open(NtfsAttributeType.Bitmap)!.IsResident);
            Assert.InRange(volume.FreeBytes, 1, free - 99 * Math.Max(3072, clusterSize));
        }
        Assert.Empty(new NtfsType().Check(device, CheckOptions.Default).Findings);
        Assert.Null(NtfsFixture.Complaint(device));
    }

    [Fact]
    public void Who_changes_nothing_moves_nothing()
    {
        var device = Resident(4096, clusters: true, records: true);
        var before = Bytes(device);
        new NtfsType().OpenForEditing(device, VolumeOptions.Default).Dispose();
        Assert.Equal(before, Bytes(device));
    }

    [Fact]
    public void A_full_volume_has_no_room_for_them()
    {
        var device = NtfsFixture.Empty("-c 4096", 2 << 20);
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            volume.CreateFile(volume.RootId, "all", new MemoryStream(ConformanceCase.Bytes(volume.FreeBytes)), null, MetadataChange.None);
            volume.Commit();
        }
        // The one cluster that moving it into the record sets free is taken by a bit alone.
        MoveIn(device, NtfsMft.BitmapRecord, NtfsAttributeType.Data, isKept: true);
        Assert.Throws<VolumeFullException>(() => new NtfsType().OpenForEditing(device, VolumeOptions.Default));
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void A_power_cut_leaves_the_old_tree_or_the_new_one(int clusterSize)
    {
        var cuts = NtfsPowerCutTests.Cuts(clusterSize);
        var device = NtfsPowerCutTests.Ground(cuts, full: false);
        MoveIn(device, NtfsMft.MftRecord, NtfsAttributeType.Bitmap);
        MoveIn(device, NtfsMft.BitmapRecord, NtfsAttributeType.Data);
        var ground = Bytes(device);
        var outcome = cuts.Run(ground, ground, [.. cuts.CommonEdits.Where(e => !e.Full)]);
        output.WriteLine($"{outcome.Edits} edits, {outcome.Points} crash points, {outcome.Judged} of them judged by ntfsfix and ntfsls");
        Assert.True(outcome.Points > 500);
    }

    private static ScratchDevice Resident(int clusterSize, bool clusters, bool records)
    {
        var device = NtfsFixture.Empty($"-c {clusterSize}", Math.Max(2 << 20, 250 * clusterSize));
        if (records)
            MoveIn(device, NtfsMft.MftRecord, NtfsAttributeType.Bitmap);
        if (clusters)
            MoveIn(device, NtfsMft.BitmapRecord, NtfsAttributeType.Data);
        return device;
    }

    // The other way round: a bitmap comes into its record, and its clusters are free.
    private static void MoveIn(ScratchDevice device, long number, NtfsAttributeType type, bool isKept = false)
    {
        using (var volume = NtfsVolume.Open(device, VolumeOptions.Default))
        {
            var geometry = volume.Geometry;
            var content = volume.OpenSystemFile(number).Open(type)!;
            var value = content.ReadAll(4096, "");
            var bitmap = number == NtfsMft.BitmapRecord ? value : volume.OpenSystemFile(NtfsMft.BitmapRecord).Open(NtfsAttributeType.Data)!.ReadAll(4096, "");
            foreach (var run in content.Runs.Runs)
            {
                for (var cluster = run.Lcn; cluster < run.Lcn + run.Count && !isKept; cluster++)
                    bitmap[cluster / 8] &= (byte)~(1 << (int)(cluster % 8));
            }
            if (number != NtfsMft.BitmapRecord)
                device.Write(volume.OpenSystemFile(NtfsMft.BitmapRecord).Open(NtfsAttributeType.Data)!.Runs[0].Lcn << geometry.ClusterShift, bitmap);
            var record = volume.Mft.Read(number);
            Assert.True(record.TryFind(type, "", out var old));
            var attribute = NtfsAttributeBytes.Resident(type, "", value);
            OnDisk.Edit<NtfsAttributeHeader>(attribute).Instance = old.Instance;
            var bytes = new byte[geometry.RecordSize];
            var inUse = BinaryPrimitives.ReadInt32LittleEndian(record.Bytes.AsSpan(0x18));
            record.Bytes.AsSpan(0, old.Offset).CopyTo(bytes);
            attribute.CopyTo(bytes, old.Offset);
            record.Bytes.AsSpan((old.Offset + old.Length)..inUse).CopyTo(bytes.AsSpan(old.Offset + attribute.Length));
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(0x18), inUse + attribute.Length - old.Length);
            NtfsUpdateSequence.Apply(bytes);
            device.Write(record.Offset, bytes);
            if (number < geometry.MirrorRecords)
                device.Write((geometry.MftMirrorCluster << geometry.ClusterShift) + number * bytes.Length, bytes);
        }
        device.Flush();
    }

    private static byte[] Bytes(ScratchDevice device)
    {
        var bytes = new byte[device.Length];
        device.Read(0, bytes);
        return bytes;
    }
}
