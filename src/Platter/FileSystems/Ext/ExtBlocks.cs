using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The volume's structure blocks, by number; those used lately are kept.</summary>
/// <remarks>Content passes by: a stream reads straight from <see cref="Device"/>.</remarks>
internal sealed class ExtBlocks
{
    private const int CachedBytes = 8 << 20;

    private readonly ExtGeometry _geometry;
    private readonly LruCache<byte[]> _cache;

    public ExtBlocks(BlockDevice device, ExtGeometry geometry)
    {
        Device = device;
        _geometry = geometry;
        _cache = new LruCache<byte[]>(CachedBytes / geometry.BlockSize);
    }

    public BlockDevice Device { get; }

    /// <summary>The blocks that were changed and are not written yet; null where nothing is ever changed.</summary>
    public ExtBlockChanges? Changes { get; init; }

    /// <summary>A block's bytes, shared: not to be changed.</summary>
    /// <exception cref="DiskFormatException">The block is not within the volume, or not within its device.</exception>
    public byte[] Read(long block, in ExtStructure structure)
    {
        if (Changes is not null && Changes.TryGet(block, out var bytes))
            return bytes;
        if (_cache.TryGet(block, out bytes))
            return bytes;
        CheckRange(block, 1, structure);
        bytes = new byte[_geometry.BlockSize];
        Device.Read(block << _geometry.LogBlockSize, bytes);
        _cache.Set(block, bytes);
        return bytes;
    }

    /// <summary>Keeps a block that has just been written.</summary>
    public void Keep(long block, byte[] bytes) => _cache.Set(block, bytes);

    /// <summary>Gives up everything that was read.</summary>
    public void Clear() => _cache.Clear();

    /// <summary>Refuses blocks that cannot be read.</summary>
    public void CheckRange(long block, long count, in ExtStructure structure)
    {
        // Block 0 is asked for only as the place of descriptors and superblock; the maps take it for a hole.
        if (block < 0 || count > _geometry.BlocksCount || block > _geometry.BlocksCount - count)
            throw new DiskFormatException("EXT-0016", structure.ToString(), -1, $"block {block} (and {count - 1} more), expected within the volume's {_geometry.BlocksCount}");
        if (block + count > Device.Length >> _geometry.LogBlockSize)
            throw new DiskFormatException("EXT-0012", structure.ToString(), block << _geometry.LogBlockSize, $"block {block} (and {count - 1} more) is behind the end of the device at {Device.Length} bytes");
    }
}
