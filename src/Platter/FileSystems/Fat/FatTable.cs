using System.Buffers.Binary;
using Platter.Blocks;
using Platter.FileSystems.Clusters;

namespace Platter.FileSystems.Fat;

/// <summary>The file allocation table: for each cluster the next one of its chain. Read in pages as it is touched, changed in
/// memory, written back to every copy.</summary>
/// <remarks>Values are the same for all widths: what FAT12 and FAT16 write as FF7..FFF is widened to 28 bits, so that one set of
/// constants serves. How many free entries a page has is counted once and kept, so full pages are passed over.</remarks>
internal sealed class FatTable : PagedStructure, IClusterLinks, IClusterMap
{
    public const uint Free = 0, Bad = 0x0FFFFFF7, EndOfChain = 0x0FFFFFFF, FirstEnd = 0x0FFFFFF8;

    // 16 MiB. The FAT of FAT12 (6 KiB) lies in one page, so no entry straddles two.
    private const int MaxPages = 1024;

    private readonly BlockDevice _device;
    private readonly FatGeometry _geometry;

    // Free entries of each page + 1; 0: not counted yet.
    private readonly short[] _freeInPage;
    private readonly int _entriesPerPage;

    public FatTable(BlockDevice device, FatGeometry geometry) : base(geometry.BytesPerSector, MaxPages)
    {
        _device = device;
        _geometry = geometry;
        var used = ((geometry.ClusterCount + 2L) * (int)geometry.Width + 7) / 8;
        PagedLength = Math.Min(geometry.FatLength, (used + geometry.BytesPerSector - 1) / geometry.BytesPerSector * geometry.BytesPerSector);
        _entriesPerPage = geometry.Width == FatWidth.Fat12 ? int.MaxValue : PageBytes * 8 / (int)geometry.Width;
        _freeInPage = new short[(int)((used + PageBytes - 1) / PageBytes)];
    }

    public uint FirstCluster => FatGeometry.FirstCluster;
    public uint LastCluster => _geometry.LastCluster;
    public bool AllowsContiguous => false;

    protected override long PagedLength { get; }

    public static bool IsEnd(uint value) => value >= FirstEnd;

    /// <summary>The entry of a cluster (or of 0 and 1, which hold the media byte and the state bits).</summary>
    public uint this[uint cluster]
    {
        get
        {
            var page = GetPage(cluster, out var index);
            return ReadEntry(page.Data, index);
        }
        set
        {
            var page = GetPage(cluster, out var index);
            ref var free = ref _freeInPage[page.Number];
            if (free > 0 && cluster >= FatGeometry.FirstCluster)
                free += (short)((value == Free ? 1 : 0) - (ReadEntry(page.Data, index) == Free ? 1 : 0));
            WriteEntry(page, index, value);
        }
    }

    public uint Next(uint cluster)
    {
        var next = this[cluster];
        if (IsEnd(next))
            return 0;
        return _geometry.IsCluster(next) ? next
            : throw new DiskFormatException("FAT-0202", $"FAT[{cluster}]", -1, $"found 0x{next:X}, expected the next cluster (2..{LastCluster}) or an end mark");
    }

    public void Join(uint last, ClusterRun run)
    {
        // The links within the run are there since it was taken: here, that is what makes it taken.
        if (last != 0)
            this[last] = run.First;
    }

    public void End(uint cluster) => this[cluster] = EndOfChain;

    public DiskFormatException StartsOutside(uint first, uint count) =>
        new("FAT-0201", "DirectoryEntry.firstCluster", -1, $"found {first}, expected 0 or 2..{LastCluster}");

    public DiskFormatException Circle(uint first, uint at, uint next) =>
        new("FAT-0203", $"FAT[{at}]", -1, $"the chain from cluster {first} leads back into itself at {next}");

    public uint FindFree(uint from)
    {
        for (var cluster = from; cluster <= LastCluster;)
        {
            var number = PageNumber(cluster);
            var behind = (uint)Math.Min((long)(number + 1) * _entriesPerPage, LastCluster + 1L);
            if (FreeInPage(number) != 0)
            {
                var page = GetPage(cluster, out var index);
                for (; cluster < behind; cluster++, index++)
                {
                    if (ReadEntry(page.Data, index) == Free)
                        return cluster;
                }
            }
            cluster = behind;
        }
        return 0;
    }

    public uint CountFreeFrom(uint first, uint most)
    {
        var count = 0u;
        while (count < most && first + count <= LastCluster && this[first + count] == Free)
            count++;
        return count;
    }

    public long CountFree()
    {
        var count = 0L;
        for (var number = 0; number < _freeInPage.Length; number++)
            count += FreeInPage(number);
        return count;
    }

    public void Touch(ClusterRun run)
    {
        for (var number = PageNumber(run.First); number <= PageNumber(run.Behind - 1); number++)
            GetPage(number);
    }

    public void Take(ClusterRun run)
    {
        for (var cluster = run.First; cluster < run.Behind; cluster++)
            this[cluster] = cluster + 1 < run.Behind ? cluster + 1 : EndOfChain;
    }

    public void Release(ClusterRun run)
    {
        for (var cluster = run.First; cluster < run.Behind; cluster++)
            this[cluster] = Free;
    }

    protected override void Load(long offset, Span<byte> target) => _device.Read(_geometry.FatOffset(_geometry.ActiveFat) + offset, target);

    // To every copy that is in use.
    protected override void Store(long offset, ReadOnlySpan<byte> data)
    {
        for (var fat = 0; fat < _geometry.FatCount; fat++)
        {
            if (_geometry.OnlyActiveFat < 0 || fat == _geometry.OnlyActiveFat)
                _device.Write(_geometry.FatOffset(fat) + offset, data);
        }
    }

    private int FreeInPage(int number)
    {
        if (_freeInPage[number] > 0)
            return _freeInPage[number] - 1;
        var first = Math.Max((uint)((long)number * _entriesPerPage), FatGeometry.FirstCluster);
        var behind = Math.Min((number + 1L) * _entriesPerPage, LastCluster + 1L);
        short count = 0;
        if (first < behind)
        {
            var page = GetPage(first, out var index);
            for (long cluster = first; cluster < behind; cluster++, index++)
                count += (short)(ReadEntry(page.Data, index) == Free ? 1 : 0);
        }
        _freeInPage[number] = (short)(count + 1);
        return count;
    }

    private int PageNumber(uint cluster) => (int)(cluster / (uint)_entriesPerPage);

    private Page GetPage(uint cluster, out int index)
    {
        var number = PageNumber(cluster);
        index = (int)(cluster - (uint)number * (uint)_entriesPerPage);
        return GetPage(number);
    }

    private uint ReadEntry(byte[] data, int index)
    {
        switch (_geometry.Width)
        {
            case FatWidth.Fat32:
                return BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(index * 4)) & 0x0FFFFFFF;
            case FatWidth.Fat16:
                uint wide = BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(index * 2));
                return wide >= 0xFFF7 ? wide | 0x0FFF0000 : wide;
            default:
                var at = index + index / 2;
                uint pair = BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(at));
                var value = (index & 1) == 0 ? pair & 0xFFF : pair >> 4;
                return value >= 0xFF7 ? value | 0x0FFFF000 : value;
        }
    }

    private void WriteEntry(Page page, int index, uint value)
    {
        int at, length;
        switch (_geometry.Width)
        {
            case FatWidth.Fat32:
                at = index * 4;
                length = 4;
                // The top four bits are reserved and kept.
                var kept = BinaryPrimitives.ReadUInt32LittleEndian(page.Data.AsSpan(at)) & 0xF0000000;
                BinaryPrimitives.WriteUInt32LittleEndian(page.Data.AsSpan(at), kept | (value & 0x0FFFFFFF));
                break;
            case FatWidth.Fat16:
                at = index * 2;
                length = 2;
                BinaryPrimitives.WriteUInt16LittleEndian(page.Data.AsSpan(at), (ushort)value);
                break;
            default:
                at = index + index / 2;
                length = 2;
                uint pair = BinaryPrimitives.ReadUInt16LittleEndian(page.Data.AsSpan(at));
                pair = (index & 1) == 0 ? (pair & 0xF000) | (value & 0xFFF) : (pair & 0x000F) | (value & 0xFFF) << 4;
                BinaryPrimitives.WriteUInt16LittleEndian(page.Data.AsSpan(at), (ushort)pair);
                break;
        }
        MarkDirty(page, at, length);
    }
}
