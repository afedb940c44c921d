using System.Buffers.Binary;
using Platter.Blocks;

namespace Platter.FileSystems.ExFat;

/// <summary>A FAT as the checker reads it: the raw entry of each cluster, in pages.</summary>
internal sealed class ExFatCheckerFat(BlockDevice device, ExFatGeometry geometry, int fat) : PagedStructure(geometry.SectorSize, MaxPages)
{
    public const uint Bad = 0xFFFFFFF7, EndOfChain = 0xFFFFFFFF;

    // Values from here on are taken for an end, as Linux does.
    public const uint FirstEnd = 0xFFFFFFF8;

    // 16 MiB.
    private const int MaxPages = 1024;

    /// <summary>The entry of a cluster, or of 0 and 1.</summary>
    public uint this[uint cluster]
    {
        get
        {
            var offset = 4L * cluster;
            return BinaryPrimitives.ReadUInt32LittleEndian(GetPage((int)(offset / PageBytes)).Data.AsSpan((int)(offset % PageBytes)));
        }
    }

    protected override long PagedLength => geometry.FatLength;

    protected override void Load(long offset, Span<byte> target) => device.Read(geometry.FatOffset(fat) + offset, target);

    protected override void Store(long offset, ReadOnlySpan<byte> data) => throw new InvalidOperationException("the checker changes nothing");
}
