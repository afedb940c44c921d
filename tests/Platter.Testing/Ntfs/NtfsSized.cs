using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Testing.Ntfs;

/// <summary>Volumes on devices that are longer, and what of a volume goes with its length.</summary>
public static class NtfsSized
{
    /// <summary>The same bytes on a device of another length, with rubbish behind them: what comes to a volume was somebody's.</summary>
    public static ScratchDevice On(BlockDevice device, long length)
    {
        var copy = new ScratchDevice(length);
        var bytes = new byte[Math.Max(length, device.Length)];
        bytes.AsSpan((int)device.Length..).Fill(0xA5);
        device.Read(0, bytes.AsSpan(0, (int)device.Length));
        copy.Write(0, bytes.AsSpan(0, (int)length));
        copy.Flush();
        return copy;
    }

    /// <summary>Resizes, and asserts that nothing waits for a commit.</summary>
    public static ResizeReport Resize(ScratchDevice device, long? length = null)
    {
        var report = new NtfsType().Resize(device, new ResizeOptions { Length = length });
        Assert.False(device.IsDirty);
        return report;
    }

    /// <summary>Asserts that boot sector, its copy, $Bitmap and $BadClus are those of a volume of that length, and that the checker is content.</summary>
    /// <param name="device">The volume.</param>
    /// <param name="length">Bytes, with the copy of the boot sector.</param>
    public static void AssertIs(BlockDevice device, long length)
    {
        var geometry = NtfsGeometry.Read(device);
        var sector = Math.Max(512, geometry.SectorSize);
        Assert.Equal((length - sector) / geometry.SectorSize, geometry.TotalSectors);
        Assert.Equal(0, geometry.BootOffset);
        var (first, copy) = (new byte[sector], new byte[sector]);
        device.Read(0, first);
        device.Read(geometry.Length, copy);
        Assert.Equal(first, copy);
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        var bitmap = volume.OpenSystemFile(NtfsMft.BitmapRecord).Open(NtfsAttributeType.Data)!;
        Assert.Equal((geometry.ClusterCount + 63) / 64 * 8, bitmap.Length);
        Assert.Equal(bitmap.Length, bitmap.Initialized);
        Assert.Equal(geometry.ClustersFor(bitmap.Length), bitmap.Runs.End);
        var bad = volume.OpenSystemFile(NtfsMft.BadClustersRecord).Open(NtfsAttributeType.Data, "$Bad")!;
        Assert.Equal((geometry.ClusterCount << geometry.ClusterShift, geometry.ClusterCount), (bad.Length, bad.Runs.End));
        Assert.Equal(bitmap.Length, (long)(ulong)NameOf(volume).DataSize);
        NtfsCheck.AssertClean(device, "NTFS-0215");
    }

    /// <summary>Fills a volume to its last cluster and asserts that what was written is read.</summary>
    public static void AssertFills(BlockDevice device)
    {
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            volume.CreateFile(volume.RootId, "filler", MetadataChange.None);
            var free = volume.FreeBytes;
            using (var stream = volume.OpenWrite(volume.Find("/filler").Id, StreamName.Data))
                stream.WriteAt(0, ConformanceCase.Bytes((int)free, 77));
            Assert.Equal(0, volume.FreeBytes);
            volume.Commit();
            using var read = volume.OpenRead(volume.Find("/filler").Id, StreamName.Data);
            var bytes = new byte[free];
            read.ReadExactly(bytes);
            Assert.Equal(ConformanceCase.Bytes((int)free, 77), bytes);
        }
        NtfsCheck.AssertClean(device);
    }

    // What the root's index says of $Bitmap.
    private static NtfsFileName NameOf(NtfsVolume volume)
    {
        Assert.True(volume.OpenSystemFile(NtfsMft.BitmapRecord).TryFind(NtfsAttributeType.FileName, "", out _, out var name));
        return OnDisk.View<NtfsFileName>(name.Value);
    }
}
