using Platter.Blocks;
using Platter.Images.Conversion;

namespace Platter.Images;

/// <summary>Copies disks from container to container: any to any, only what isn't zeros, on all cores.</summary>
/// <remarks>Source and target are disks as a guest sees them, so a partition will do on either side.</remarks>
public static class ImageConverter
{
    // Zeros inside a block that is allocated as a whole are written with it up to here; smaller holes cost more than they save.
    private const int LargestGranule = 64 << 10;

    // With less, the host's cache is faster than the medium.
    private const long PastCacheTotal = 32 << 20;

    /// <summary>Makes an image of a disk, under a temporary name until it is complete.</summary>
    /// <param name="source">The disk (or partition).</param>
    /// <param name="path">Where the image goes.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="AlreadyExistsException">Something of that name is there.</exception>
    /// <exception cref="UnsupportedFeatureException">The format can't be written, can't hold the size, or has no compression.</exception>
    /// <exception cref="ArgumentException">The length asked for is below the source's, or a setting does not fit.</exception>
    /// <exception cref="IOException">The host failed, or verifying found a difference.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left.</exception>
    public static ConvertReport ToNewImage(BlockDevice source, string path, ConvertOptions? options = null)
    {
        options ??= ConvertOptions.Default;
        var length = options.Length ?? source.Length;
        if (length < source.Length)
            throw new ArgumentException($"the new image would have {length} bytes, but the source has {source.Length}: an image is never cut on the way");
        var format = options.Format ?? ContainerFormat.FromExtension(path);
        var image = new NewImageOptions { Format = format, Container = options.Container, Overwrite = options.Overwrite, Preallocate = options.Preallocate, NoSync = options.NoSync };
        if (options.Container?.Parent is not null && !format.CanHaveParent)
            throw new UnsupportedFeatureException($"{format.Description} images that build upon another one are not made");
        if (!options.Compress && !format.IsOnlyWrittenInOrder(options.Container ?? new ContainerOptions()))
            return Copy(source, path, length, image, options);
        if (options.Container?.Parent is not null)
            throw new UnsupportedFeatureException("a compressed image that builds upon another one is not made");
        return Pack(source, path, length, image, options);
    }

    /// <summary>Replaces the content of a device that is there: a partition, a disk of the host. What is behind the source's end becomes zeros.</summary>
    /// <param name="source">The disk (or partition).</param>
    /// <param name="target">The device; its <see cref="BlockDevice.Flush"/> is the last thing that happens. Cancelled or failed, it is rolled
    /// back where it can be.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="VolumeFullException">The source is longer than the target. Nothing has been written.</exception>
    /// <exception cref="IOException">The host failed, or verifying found a difference.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static ConvertReport Into(BlockDevice source, BlockDevice target, ConvertOptions? options = null)
    {
        options ??= ConvertOptions.Default;
        if (source.Length > target.Length)
            throw new VolumeFullException("bytes", source.Length - target.Length, 0);
        try
        {
            var (read, stored) = new DiskCopier(source, ChunkPlan.RangesOf(source, source.Length), target, options) { Replace = true }.Run();
            if (options.Verify)
                new DiskComparer(source, target, options).Run("the target");
            options.Cancellation.ThrowIfCancellationRequested();
            target.Flush();
            return new ConvertReport { Length = target.Length, ReadBytes = read, StoredBytes = stored, IsVerified = options.Verify };
        }
        catch when (target.CanRollback)
        {
            target.Rollback();
            throw;
        }
    }

    private static ConvertReport Copy(BlockDevice source, string path, long length, NewImageOptions how, ConvertOptions options)
    {
        using var image = NewImage.Create(path, length, how);
        var ranges = ChunkPlan.RangesOf(source, source.Length);
        if (ranges.Total >= PastCacheTotal)
            image.WritePastCache();
        var (read, stored) = new DiskCopier(source, ranges, image.Device, options)
        {
            Base = options.Container?.Parent?.Disk,
            Granule = (int)Math.Clamp(image.Container.BlockSize ?? 4096, 4096, LargestGranule),
            Written = image.StartWriting,
        }.Run();
        var report = new ConvertReport { Path = path, Format = image.Container.Format.Name, Length = image.Device.Length, ReadBytes = read, StoredBytes = stored };
        if (options.Verify)
        {
            image.Device.Flush();
            using var written = image.Reread();
            new DiskComparer(source, written.Disk, options).Run(path);
            report = report with { IsVerified = true };
        }
        options.Cancellation.ThrowIfCancellationRequested();
        image.Complete();
        return report with { FileLength = new FileInfo(path).Length };
    }

    private static ConvertReport Pack(BlockDevice source, string path, long length, NewImageOptions how, ConvertOptions options)
    {
        using var image = NewPackedImage.Create(path, length, how);
        var (read, stored) = new DiskPacker(source, image.Writer, options).Run();
        var report = new ConvertReport { Path = path, Format = how.Format!.Name, Length = image.Writer.Length, ReadBytes = read, StoredBytes = stored };
        image.Finish();
        if (options.Verify)
        {
            using var written = image.Reread();
            new DiskComparer(source, written.Disk, options).Run(path);
            report = report with { IsVerified = true };
        }
        options.Cancellation.ThrowIfCancellationRequested();
        image.Publish();
        return report with { FileLength = new FileInfo(path).Length };
    }
}
