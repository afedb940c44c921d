using System.Buffers.Binary;
using Platter.Blocks;
using Platter.FileSystems.Clusters;

namespace Platter.FileSystems.ExFat;

/// <summary>The file allocation table: for each cluster of a linked chain the next one. It says nothing of files in one piece
/// (NoFatChain), and nothing of what is free: that is in the bitmap.</summary>
/// <remarks>Microsoft "exFAT file system specification", section 4.1. Four bytes an entry; 0 and 1 are not clusters. The FAT that is in use is
/// read and written; TexFAT's other one belongs to the state before.</remarks>
internal sealed class ExFatTable(BlockDevice device, ExFatGeometry geometry) : PagedStructure(geometry.SectorSize, MaxPages), IClusterLinks
{
    public const uint Bad = 0xFFFFFFF7, EndOfChain = 0xFFFFFFFF;

    /// <summary>Values from here on are taken for an end, as Linux does; only the last one is written.</summary>
    public const uint FirstEnd = 0xFFFFFFF8;

    private const int MaxPages = 1024;
    private const int EntrySize = 4, EntriesPerPage = PageBytes / EntrySize;

    public uint FirstCluster => ExFatGeometry.FirstCluster;
    public uint LastCluster => geometry.LastCluster;
    public bool AllowsContiguous => true;

    // Only the part that has clusters: what lies behind is of no use.
    protected override long PagedLength { get; } =
        Math.Min(geometry.FatLength, (((geometry.ClusterCount + 2L) * EntrySize - 1) | (uint)(geometry.SectorSize - 1)) + 1);

    public uint this[uint cluster]
    {
        get => BinaryPrimitives.ReadUInt32LittleEndian(GetPage((int)(cluster / EntriesPerPage)).Data.AsSpan((int)(cluster % EntriesPerPage) * EntrySize));
        set
        {
            var page = GetPage((int)(cluster / EntriesPerPage));
            var at = (int)(cluster % EntriesPerPage) * EntrySize;
            BinaryPrimitives.WriteUInt32LittleEndian(page.Data.AsSpan(at), value);
            MarkDirty(page, at, EntrySize);
        }
    }

    public uint Next(uint cluster)
    {
        var next = this[cluster];
        if (next >= FirstEnd)
            return 0;
        return geometry.IsCluster(next) ? next
            : throw new DiskFormatException("EXF-0063", $"FAT[{cluster}]", -1, $"found 0x{next:X}, expected the next cluster (2..{LastCluster}) or an end mark");
    }

    public void Join(uint last, ClusterRun run)
    {
        for (var cluster = run.First; cluster < run.Behind; cluster++)
            this[cluster] = cluster + 1 < run.Behind ? cluster + 1 : EndOfChain;
        if (last != 0)
            this[last] = run.First;
    }

    public void End(uint cluster) => this[cluster] = EndOfChain;

    public DiskFormatException StartsOutside(uint first, uint count) => count <= 1
        ? new("EXF-0060", "StreamExtension.firstCluster", -1, $"found {first}, expected 2..{LastCluster}")
        : new("EXF-0066", "StreamExtension.firstCluster", -1, $"{count} clusters from {first} on reach past the last one, {LastCluster}");

    public DiskFormatException Circle(uint first, uint at, uint next) =>
        new("EXF-0064", $"FAT[{at}]", -1, $"the chain from cluster {first} leads back into itself at {next}");

    protected override void Load(long offset, Span<byte> target) => device.Read(geometry.FatOffset(geometry.ActiveFat) + offset, target);

    protected override void Store(long offset, ReadOnlySpan<byte> data) => device.Write(geometry.FatOffset(geometry.ActiveFat) + offset, data);
}
