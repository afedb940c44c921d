using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.FileSystems.Clusters;
using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>The allocation bitmap: bit 0 is cluster 2, a set bit is a cluster in use. Read in pages as it is searched.</summary>
/// <remarks>Microsoft "exFAT file system specification", section 7.1. It lies in clusters as a file does. How many bits of a page are clear
/// is counted once and kept, so that full pages are passed over.</remarks>
internal sealed class ExFatBitmap : PagedStructure, IClusterMap
{
    private const int MaxPages = 1024;
    private const int BitsPerPage = PageBytes * 8;
    private const int NotCounted = -1;

    private readonly BlockDevice _device;
    private readonly ExFatGeometry _geometry;
    private readonly ClusterChain _chain;
    private readonly int[] _freeInPage;

    /// <param name="device">The volume.</param>
    /// <param name="geometry">Its layout.</param>
    /// <param name="chain">Where the bitmap lies.</param>
    public ExFatBitmap(BlockDevice device, ExFatGeometry geometry, ClusterChain chain) : base(geometry.SectorSize, MaxPages)
    {
        _device = device;
        _geometry = geometry;
        _chain = chain;
        PagedLength = ((geometry.BitmapLength - 1) | (uint)(geometry.SectorSize - 1)) + 1;
        _freeInPage = new int[(int)((geometry.BitmapLength + PageBytes - 1) / PageBytes)];
        Array.Fill(_freeInPage, NotCounted);
    }

    public uint FirstCluster => ExFatGeometry.FirstCluster;
    public uint LastCluster => _geometry.LastCluster;

    protected override long PagedLength { get; }

    public uint FindFree(uint from)
    {
        for (var bit = (long)from - FirstCluster; bit < _geometry.ClusterCount;)
        {
            var number = (int)(bit / BitsPerPage);
            var start = (long)number * BitsPerPage;
            if (_freeInPage[number] != 0)
            {
                var found = BitWords.Next(Words(GetPage(number)), bit - start, BitsIn(number), 0);
                if (found >= 0)
                    return (uint)(start + found) + FirstCluster;
            }
            bit = start + BitsPerPage;
        }
        return 0;
    }

    public uint CountFreeFrom(uint first, uint most) => (uint)RunLength((long)first - FirstCluster, most, used: false);

    public long CountFree()
    {
        var count = 0L;
        for (var number = 0; number < _freeInPage.Length; number++)
        {
            if (_freeInPage[number] == NotCounted)
                _freeInPage[number] = BitsIn(number) - (int)BitWords.CountSet(Words(GetPage(number)), 0, BitsIn(number));
            count += _freeInPage[number];
        }
        return count;
    }

    public void Touch(ClusterRun run) => Touch((run.First - FirstCluster) / 8, (run.Behind - 1L - FirstCluster) / 8);

    public void Take(ClusterRun run) => Fill(run, true);

    public void Release(ClusterRun run) => Fill(run, false);

    /// <summary>The runs of clusters in use, in order.</summary>
    public IEnumerable<ClusterRun> UsedRuns()
    {
        for (var bit = 0L; bit < _geometry.ClusterCount;)
        {
            var used = RunLength(bit, _geometry.ClusterCount, used: true);
            if (used > 0)
                yield return new ClusterRun((uint)bit + FirstCluster, (uint)used);
            bit += used;
            if (bit < _geometry.ClusterCount)
                bit += RunLength(bit, _geometry.ClusterCount, used: false);
        }
    }

    protected override void Load(long offset, Span<byte> target)
    {
        while (!target.IsEmpty)
        {
            var part = target[..(int)Math.Min(target.Length, Locate(offset, out var deviceOffset))];
            if (deviceOffset + part.Length > _device.Length)
                throw new DiskFormatException("EXF-0074", "AllocationBitmap", deviceOffset, $"lies behind the end of the device ({_device.Length} bytes): the image is cut short");
            _device.Read(deviceOffset, part);
            offset += part.Length;
            target = target[part.Length..];
        }
    }

    protected override void Store(long offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var part = data[..(int)Math.Min(data.Length, Locate(offset, out var deviceOffset))];
            _device.Write(deviceOffset, part);
            offset += part.Length;
            data = data[part.Length..];
        }
    }

    private static Span<ulong> Words(Page page) => MemoryMarshal.Cast<byte, ulong>(page.Data.AsSpan());

    private int BitsIn(int page) => (int)Math.Min(BitsPerPage, _geometry.ClusterCount - (long)page * BitsPerPage);

    // Bits that are alike from one on, at most so many.
    private long RunLength(long bit, long most, bool used)
    {
        var end = Math.Min(bit + most, _geometry.ClusterCount);
        for (var at = bit; at < end;)
        {
            var number = (int)(at / BitsPerPage);
            var start = (long)number * BitsPerPage;
            var limit = Math.Min(end - start, BitsPerPage);
            var other = BitWords.Next(Words(GetPage(number)), at - start, limit, used ? 0 : ulong.MaxValue);
            if (other >= 0)
                return start + other - bit;
            at = start + limit;
        }
        return end - bit;
    }

    private void Fill(ClusterRun run, bool used)
    {
        var end = (long)run.First - FirstCluster + run.Count;
        for (var bit = (long)run.First - FirstCluster; bit < end;)
        {
            var number = (int)(bit / BitsPerPage);
            var from = bit - (long)number * BitsPerPage;
            var count = Math.Min(end - bit, BitsPerPage - from);
            var page = GetPage(number);
            var words = Words(page);
            if (_freeInPage[number] != NotCounted)
            {
                var set = (int)BitWords.CountSet(words, from, count);
                _freeInPage[number] += used ? set - (int)count : set;
            }
            BitWords.Fill(words, from, count, used);
            MarkDirty(page, (int)(from / 8), (int)((from + count - 1) / 8 - from / 8 + 1));
            bit += count;
        }
    }

    // Where a byte of the bitmap lies; returns how many follow it in one piece.
    private long Locate(long offset, out long deviceOffset)
    {
        if (!_chain.TryLocate((uint)(offset / _geometry.ClusterSize), out var run))
            throw new DiskFormatException("EXF-0068", "AllocationBitmap", -1, $"its chain ends after {_chain.CountAll()} clusters, {_geometry.BitmapLength} bytes need {_geometry.ClustersFor((ulong)_geometry.BitmapLength)}");
        var within = offset % _geometry.ClusterSize;
        deviceOffset = _geometry.ClusterOffset(run.First) + within;
        return ((long)run.Count << _geometry.ClusterShift) - within;
    }
}
