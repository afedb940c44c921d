using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The groups' bitmaps: which clusters and inodes are in use.</summary>
internal sealed class ExtBitmaps(ExtGeometry geometry, ExtBlocks blocks, ExtGroups groups, ExtChecksums checksums)
{
    /// <summary>The bytes of everything in use, group by group, for used-only imaging. A group whose bitmap cannot be trusted counts as full.</summary>
    public IEnumerable<ByteRange> UsedRanges() => Used().Joined();

    private IEnumerable<ByteRange> Used()
    {
        var limit = blocks.Device.Length;
        // Before the first group: the boot block.
        yield return new ByteRange(0, Math.Min(geometry.FirstDataBlock << geometry.LogBlockSize, limit));
        for (var group = 0L; group < geometry.GroupCount; group++)
        {
            foreach (var run in UsedClusters(group))
            {
                var from = geometry.GroupStart(group) + run.Start * geometry.ClusterRatio;
                var offset = Math.Min(from << geometry.LogBlockSize, limit);
                var end = Math.Min(Math.Min(from + run.Length * geometry.ClusterRatio, geometry.BlocksCount) << geometry.LogBlockSize, limit);
                if (end > offset)
                    yield return new ByteRange(offset, end - offset);
            }
        }
    }

    /// <summary>A group's block bitmap: a bit for each cluster; computed where it was never written.</summary>
    /// <returns>Null when it cannot be read or its checksum is wrong.</returns>
    public Bitmap? TryReadBlocks(long group, in ExtGroup descriptor)
    {
        var count = geometry.ClustersIn(group);
        if ((descriptor.Flags & ExtGroupFlags.BlockUninit) != 0)
            return Initial(group, descriptor);
        if (!TryReadBytes(descriptor.BlockBitmap, out var bytes) || !IsRight(bytes, geometry.ClustersPerGroup, descriptor.BlockBitmapChecksum))
            return null;
        var bitmap = new Bitmap(count);
        bitmap.Load(0, bytes.AsSpan(0, (count + 7) / 8));
        return bitmap;
    }

    /// <summary>Whether a bitmap's checksum is right, or there is none.</summary>
    public bool IsRight(ReadOnlySpan<byte> bitmap, int bits, uint stored)
    {
        if (!checksums.IsOn)
            return true;
        var expected = checksums.OfBitmap(bitmap, bits);
        return stored == (geometry.DescriptorSize >= ExtGroupDescriptor.LargeSize ? expected : expected & 0xFFFF);
    }

    /// <summary>What a group's block bitmap is before anything was allocated in it: the group's own structures, as far as they lie in it.</summary>
    public Bitmap Initial(long group, in ExtGroup descriptor)
    {
        var bitmap = new Bitmap(geometry.ClustersIn(group));
        var start = geometry.GroupStart(group);
        Mark(start, geometry.BaseBlocks(group));
        Mark(descriptor.BlockBitmap, 1);
        Mark(descriptor.InodeBitmap, 1);
        Mark(descriptor.InodeTable, geometry.InodeTableBlocks);
        return bitmap;

        void Mark(long block, long count)
        {
            var from = Math.Max(block, start);
            var end = Math.Min(block + count, start + geometry.BlocksIn(group));
            if (from >= end)
                return;
            var first = (from - start) / geometry.ClusterRatio;
            bitmap.Fill(first, (end - 1 - start) / geometry.ClusterRatio + 1 - first, true);
        }
    }

    private IEnumerable<LongRange> UsedClusters(long group)
    {
        var count = geometry.ClustersIn(group);
        var bitmap = default(Bitmap);
        try
        {
            bitmap = TryReadBlocks(group, groups[group]);
        }
        catch (DiskFormatException)
        {
            // The descriptor is broken: all of the group, to be safe.
        }
        return bitmap is null ? [new LongRange(0, count)] : bitmap.Runs(true, 0, count);
    }

    private bool TryReadBytes(long block, out byte[] bytes)
    {
        bytes = [];
        try
        {
            bytes = blocks.Read(block, "Block bitmap");
            return true;
        }
        catch (DiskFormatException)
        {
            return false;
        }
    }
}
