using System.IO.Compression;
using Platter.Blocks;
using Platter.Images;
using Platter.Images.Qcow2;
using Platter.Primitives;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Images.Qcow2;

/// <summary>Images made to hurt: they are read, checked or refused at once, in little memory.</summary>
public sealed class Qcow2HostileTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);     // the machine may be busy

    [Fact]
    public void A_disk_of_exabytes_with_an_empty_table_is_opened_and_checked_at_once()
    {
        var device = Sparse(1L << 42, clusterBits: 21, size: 1L << 60, l1Entries: 1 << 21);
        Bounded(() =>
        {
            using var container = Container.Open(device);
            var report = new CheckReport();
            container.Check(report);
            var buffer = new byte[1 << 20];
            container.Disk.Read(container.Disk.Length - buffer.Length, buffer);
            Assert.Empty(container.Disk.AllocatedRanges());
        });
    }

    [Fact]
    public void An_L1_table_that_leads_a_million_times_to_one_L2_table_is_checked_once()
    {
        const int Entries = 1 << 20;
        var device = Sparse(64L << 20, clusterBits: 16, size: (long)Entries << 29, l1Entries: Entries);
        var table = 32L << 20;
        var l1 = new byte[Entries * 8];
        for (var i = 0; i < Entries; i++)
            OnDisk.Edit<U64Be>(l1, i * 8) = (ulong)table | L2Entry.CopiedFlag;
        device.Write(0x30000, l1);
        var l2 = new byte[65536];
        for (var i = 0; i < 8192; i++)
            OnDisk.Edit<U64Be>(l2, i * 8) = (40UL << 20) | L2Entry.CopiedFlag;
        device.Write(table, l2);
        Bounded(() =>
        {
            using var container = Container.Open(device);
            var report = new CheckReport();
            container.Check(report);
            Assert.Contains(report.Findings, f => f.Code == "QCOW-0032");
        });
    }

    [Fact]
    public void Tens_of_thousands_of_snapshots_with_one_table_are_checked_as_one()
    {
        const int Count = 65_536;
        var device = Sparse(64L << 20, clusterBits: 16, size: 1L << 40, l1Entries: 2048, snapshots: Count);
        var list = new byte[Count * 40];
        for (var i = 0; i < Count; i++)
        {
            ref var head = ref OnDisk.Edit<SnapshotHead>(list, i * 40);
            head.L1Offset = 0x30000;
            head.L1Entries = i % 2 == 0 ? 2048u : 2049u;     // the same, and one that overlaps with it
        }
        device.Write(16 << 20, list);
        Bounded(() =>
        {
            using var container = Container.Open(device);
            Assert.Equal(Count, container.Snapshots.Count);
            Assert.Contains("and 65436 more", container.Details.Single(d => d.Key == "snapshots").Value, StringComparison.Ordinal);
            var report = new CheckReport();
            container.Check(report);
            Assert.False(report.IsClean);
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_compressed_cluster_that_never_ends_gives_a_cluster_and_no_more(bool zstd)
    {
        // A gigabyte of zeros in a megabyte of deflate, or in a few bytes of zstd.
        var bomb = new MemoryStream();
        if (zstd)
        {
            using var context = new Platter.Primitives.Codecs.ZstdCompressor(1);
            var zeros = new byte[1 << 20];
            var room = new byte[1 << 16];
            for (var i = 0; i < 256; i++)
            {
                ReadOnlySpan<byte> left = zeros;
                bool done;
                do
                {
                    done = context.Compress(ref left, room, end: i == 255, out var written);
                    bomb.Write(room, 0, written);
                }
                while (!done);
            }
        }
        else
        {
            using var deflate = new DeflateStream(bomb, CompressionLevel.Fastest, leaveOpen: true);
            for (var i = 0; i < 64; i++)
                deflate.Write(new byte[1 << 20]);
        }
        var file = new ResizableMemoryDevice(0);
        using var container = ContainerFormat.Qcow2.Create(file, 1 << 20, Qcow2Images.Options(zstd ? "compression_type=zstd,cluster_size=2M" : "cluster_size=2M"));
        container.Disk.Write(0, new byte[] { 1 });
        container.Disk.Flush();
        var geometry = Qcow2Geometry.Read(file);
        var tables = new Qcow2Tables(file, geometry.ClusterSize);
        var table = (long)(tables.Read(geometry.L1Offset) & L2Entry.OffsetMask);
        var place = (long)(tables.Read(table) & L2Entry.OffsetMask);
        var bytes = bomb.ToArray();
        file.Write(place, bytes.AsSpan(0, Math.Min(bytes.Length, 1 << 20)));
        tables.Write(table, L2Entry.Compressed(place, Math.Min(bytes.Length, 1 << 20), geometry.ClusterBits).Descriptor);
        tables.Save();
        Bounded(() =>
        {
            using var again = Container.Open(file);
            var buffer = new byte[100_000];
            again.Disk.Read(500_000, buffer);
            Assert.Equal(new byte[100_000], buffer);
        });
    }

    [Fact]
    public void An_edit_of_a_dirty_image_of_many_terabytes_keeps_to_its_memory()
    {
        var device = Sparse(8L << 40, clusterBits: 16, size: 4L << 40, l1Entries: 8192);
        device.Write(0x48, [0, 0, 0, 0, 0, 0, 0, 1]);
        Bounded(() =>
        {
            using var transaction = TransactionDevice.Open(device, new MemoryJournalStore());
            using var container = Container.Open(transaction);
            container.Disk.Write(1L << 40, new byte[] { 1, 2, 3 });
            container.Disk.Flush();
            var report = new CheckReport();
            container.Check(report);
            Assert.True(report.IsClean, string.Join('\n', report.Findings));
        });
    }

    private static void Bounded(Action action)
    {
        var start = ProcessorTime.OfThread();
        var before = GC.GetAllocatedBytesForCurrentThread();
        action();
        Assert.InRange(ProcessorTime.OfThread() - start, TimeSpan.Zero, Patience);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < 1L << 30, $"{allocated} bytes in all");
    }

    // Header, refcount table, one block, L1 table; the rest is a hole.
    private static SparseFile Sparse(long length, int clusterBits, long size, int l1Entries, int snapshots = 0)
    {
        var cluster = 1 << clusterBits;
        var device = new SparseFile(length);
        var bytes = new byte[Qcow2Header.KnownLength];
        ref var header = ref OnDisk.Edit<Qcow2Header>(bytes);
        header.Magic = Qcow2Header.MagicValue;
        header.Version = 3;
        header.ClusterBits = (uint)clusterBits;
        header.Size = (ulong)size;
        header.L1Entries = (uint)l1Entries;
        header.L1Offset = (ulong)(3 * cluster);
        header.RefcountTableOffset = (ulong)cluster;
        header.RefcountTableClusters = 1;
        header.RefcountOrder = 4;
        header.HeaderLength = Qcow2Header.KnownLength;
        if (snapshots > 0)
        {
            header.SnapshotCount = (uint)snapshots;
            header.SnapshotsOffset = 16 << 20;
        }
        device.Write(0, bytes);
        var entry = new byte[8];
        OnDisk.Edit<U64Be>(entry) = (ulong)(2 * cluster);
        device.Write(cluster, entry);
        return device;
    }

    /// <summary>A file of terabytes in little memory.</summary>
    private sealed class SparseFile(long length) : ResizableDevice
    {
        private const int PageSize = 65536;

        private readonly SortedDictionary<long, byte[]> _pages = [];
        private long _length = length;

        public override long Length => _length;
        public override bool CanWrite => true;

        public override void Flush()
        {
            // Memory has no medium behind it.
        }

        public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
        {
            CheckRange(offset, length);
            return length < 100L * PageSize
                ? Enumerable.Range(0, (int)((offset % PageSize + length + PageSize - 1) / PageSize)).Select(i => offset / PageSize + i).Where(_pages.ContainsKey).Select(p => Part(p, offset, length))
                : _pages.Keys.Where(p => p * PageSize < offset + length && (p + 1) * PageSize > offset).Select(p => Part(p, offset, length));
        }

        protected override void ReadCore(long offset, Span<byte> buffer)
        {
            for (var done = 0; done < buffer.Length;)
            {
                var at = (int)((offset + done) % PageSize);
                var part = buffer.Slice(done, Math.Min(buffer.Length - done, PageSize - at));
                if (_pages.TryGetValue((offset + done) / PageSize, out var page))
                    page.AsSpan(at, part.Length).CopyTo(part);
                else
                    part.Clear();
                done += part.Length;
            }
        }

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
        {
            for (var done = 0; done < data.Length;)
            {
                var at = (int)((offset + done) % PageSize);
                var part = data.Slice(done, Math.Min(data.Length - done, PageSize - at));
                if (!_pages.TryGetValue((offset + done) / PageSize, out var page))
                    _pages[(offset + done) / PageSize] = page = new byte[PageSize];
                part.CopyTo(page.AsSpan(at));
                done += part.Length;
            }
        }

        protected override void SetLengthCore(long length) => _length = length;

        private static ByteRange Part(long page, long offset, long length)
        {
            var from = Math.Max(offset, page * PageSize);
            return new ByteRange(from, Math.Min(offset + length, (page + 1) * PageSize) - from);
        }
    }
}
