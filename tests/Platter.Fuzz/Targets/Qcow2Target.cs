using System.Buffers.Binary;
using Platter.Blocks;
using Platter.Fuzz.Mutation;
using Platter.Images;
using Platter.Images.Qcow2;

namespace Platter.Fuzz.Targets;

/// <summary>qcow2 images of many layouts, with compressed clusters, snapshots and bitmaps: opened, checked, read, edited through a transaction,
/// checked again.</summary>
internal sealed class Qcow2Target : FuzzTarget
{
    private const int DiskSize = 1_500 * 512;

    private static readonly string[] Layouts =
    [
        "", "compat=0.10,cluster_size=4K", "cluster_size=512", "cluster_size=1K,refcount_bits=1", "refcount_bits=64,cluster_size=2K", "extended_l2=on,cluster_size=16K",
        "cluster_size=4K,lazy_refcounts=on", "cluster_size=4K,preallocation=metadata", "cluster_size=8K,compression_type=zstd",
    ];

    private readonly List<PagedImage> _bases = [];

    public override string Name => "qcow2";

    public override void Prepare()
    {
        foreach (var layout in Layouts)
        {
            var options = new ContainerOptions
            {
                Settings = layout.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('=')).ToDictionary(p => p[0], p => p[1], StringComparer.Ordinal),
            };
            var plain = new ResizableMemoryDevice(0);
            using (var container = ContainerFormat.Qcow2.Create(plain, DiskSize, options))
            {
                Fill(container.Disk);
                container.Disk.Flush();
            }
            _bases.Add(new PagedImage(plain.Bytes));
            if (!layout.Contains("refcount_bits=1", StringComparison.Ordinal))
            {
                Qcow2Extras.AddSnapshot(plain);
                if (!layout.StartsWith("compat", StringComparison.Ordinal))
                    Qcow2Extras.AddBitmap(plain);
                Sound(plain);
                _bases.Add(new PagedImage(plain.Bytes));
            }
            if (layout.Contains("prealloc", StringComparison.Ordinal))
                continue;
            var packed = new ResizableMemoryDevice(0);
            using (var writer = ContainerFormat.Qcow2.CreateInOrder(packed, DiskSize, options))
            {
                var content = new MemoryDevice(DiskSize);
                Fill(content);
                var block = new byte[writer.BlockSize];
                for (var offset = 0L; offset < DiskSize; offset += block.Length)
                {
                    var part = block.AsSpan(0, (int)Math.Min(block.Length, DiskSize - offset));
                    content.Read(offset, part);
                    writer.Store(writer.Pack(offset, part));
                }
                writer.Complete();
            }
            Sound(packed);
            _bases.Add(new PagedImage(packed.Bytes));
        }
    }

    public override bool Run(Dice dice)
    {
        var device = new OverlayDevice(dice.Pick(_bases));
        Qcow2Mutator.Mutate(device, dice);
        if (!dice.OneIn(3))
            return Try(() => Use(device, dice));
        using var transaction = TransactionDevice.Open(device, new MemoryJournalStore(), new TransactionOptions { FreshLimit = 0 });
        return Try(() => Edit(transaction, dice));
    }

    private static Container Use(BlockDevice device, Dice dice)
    {
        var container = Container.Open(device);
        var report = new CheckReport();
        container.Check(report);
        foreach (var (name, value) in container.Details)
            Expect(name.Length > 0 && !value.Any(char.IsControl), "details are text");
        Read(container.Disk, dice);
        foreach (var snapshot in container.Format == ContainerFormat.Qcow2 ? container.Snapshots.Take(2) : [])
            Try(() => Read(container.OpenSnapshot(snapshot.Id).Disk, dice));
        return container;
    }

    private static void Read(BlockDevice disk, Dice dice)
    {
        var buffer = new byte[Math.Min(disk.Length, 70_000)];
        Try(() => disk.Read(0, buffer));
        Try(() => disk.Read(disk.Length - buffer.Length, buffer));
        Try(() => disk.Read(dice.NextLong(disk.Length - buffer.Length), buffer));
        Try(() =>
        {
            var end = 0L;
            foreach (var range in disk.AllocatedRanges().Take(10_000))
            {
                Expect(range.Offset >= end && range.Length > 0 && range.End <= disk.Length, "allocated ranges are in order and within the disk");
                end = range.End;
            }
        });
    }

    private static void Edit(TransactionDevice device, Dice dice)
    {
        using var container = Use(device, dice);
        var disk = container.Disk;
        var report = new CheckReport();
        container.Check(report);
        var isClean = report.IsClean && container.Format == ContainerFormat.Qcow2;
        for (var left = dice.Between(1, 6); left > 0 && disk.Length > 0; left--)
        {
            var at = dice.NextLong(disk.Length);
            var data = new byte[(int)Math.Min(disk.Length - at, dice.Between(1, dice.OneIn(4) ? 200_000 : 5000))];
            dice.Fill(data);
            switch (dice.Next(6))
            {
                case 0:
                    disk.WriteZeros(at, data.Length);
                    data.AsSpan().Clear();
                    break;
                case 1:
                    disk.Discard(at, data.Length);
                    continue;
                case 2:
                    disk.WriteFresh(at, data);
                    break;
                default:
                    disk.Write(at, data);
                    break;
            }
            if (dice.OneIn(3))
                disk.Flush();
            var found = new byte[data.Length];
            disk.Read(at, found);
            Expect(!isClean || found.AsSpan().SequenceEqual(data), "what was written is read");
        }
        if (dice.OneIn(3))
            disk.Rollback();
        disk.Flush();
        if (!isClean)
            return;
        report = new CheckReport();
        using var again = Container.Open(device);
        again.Check(report);
        Expect(report.IsClean, "a clean image is clean after an edit: " + string.Join('\n', report.Findings.Take(3)));
    }

    // Text, noise, and holes.
    private static void Fill(BlockDevice disk)
    {
        var random = new Random(4);
        var data = new byte[90_000];
        random.NextBytes(data);
        disk.Write(100, data);
        foreach (ref var b in data.AsSpan())
            b = (byte)"the quick brown fox "[random.Next(20) * random.Next(20) / 20];
        disk.Write(200_000, data);
        disk.Write(500_000, data);
        disk.WriteZeros(520_000, 40_000);
    }

    private static void Sound(BlockDevice image)
    {
        var report = new CheckReport();
        new Qcow2Checker(image, null, Qcow2Geometry.Read(image), report).Check();
        Expect(report.IsClean, "a base is sound: " + string.Join('\n', report.Findings.Take(3)));
    }
}

/// <summary>What Platter does not make itself, put into an image by hand.</summary>
internal static class Qcow2Extras
{
    /// <summary>A snapshot: a copy of the L1 table, and one reference more to all that it leads to.</summary>
    public static void AddSnapshot(ResizableMemoryDevice image)
    {
        var (geometry, tables, refcounts, space) = Open(image);
        var size = geometry.ClusterSize;
        var l1 = space.TakeAtEnd(1);
        for (var i = 0; i < geometry.L1Entries; i++)
        {
            var at = geometry.L1Offset + i * 8;
            var table = (long)(tables.Read(at) & L2Entry.OffsetMask);
            tables.Write(at, (ulong)table);
            tables.Write(l1.Offset + i * 8, (ulong)table);
            if (table == 0)
                continue;
            refcounts.Set(table / size, refcounts.Get(table / size) + 1);
            for (var entry = table; entry < table + size; entry += geometry.EntrySize)
            {
                var descriptor = tables.Read(entry);
                var l2 = new L2Entry(descriptor, 0);
                if (l2.IsCompressed || l2.Offset == 0)
                    continue;
                tables.Write(entry, descriptor & ~L2Entry.CopiedFlag);
                refcounts.Set(l2.Offset / size, refcounts.Get(l2.Offset / size) + 1);
            }
        }
        var list = space.TakeAtEnd(1);
        tables.Save();
        var head = new byte[40 + 24 + 4];
        BinaryPrimitives.WriteUInt64BigEndian(head, (ulong)l1.Offset);
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(8), (uint)geometry.L1Entries);
        BinaryPrimitives.WriteUInt16BigEndian(head.AsSpan(12), 1);
        BinaryPrimitives.WriteUInt16BigEndian(head.AsSpan(14), 3);
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(36), 24);
        BinaryPrimitives.WriteUInt64BigEndian(head.AsSpan(48), (ulong)geometry.Size);
        "1old"u8.CopyTo(head.AsSpan(64));
        image.Write(list.Offset, head);
        Put(image, 0x3C, 4, 1);
        Put(image, 0x40, 8, (ulong)list.Offset);
    }

    /// <summary>A bitmap that follows writes, all clear.</summary>
    public static void AddBitmap(ResizableMemoryDevice image)
    {
        var (geometry, tables, _, space) = Open(image);
        var (directory, table) = (space.TakeAtEnd(1), space.TakeAtEnd(1));
        tables.Save();
        var head = new byte[32];
        BinaryPrimitives.WriteUInt64BigEndian(head, (ulong)table.Offset);
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(8), (uint)Qcow2Bitmap.EntriesFor(geometry.Size, 12, geometry.ClusterSize));
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(12), (uint)BitmapFlags.Auto);
        (head[16], head[17]) = (1, 12);
        BinaryPrimitives.WriteUInt16BigEndian(head.AsSpan(18), 3);
        "day"u8.CopyTo(head.AsSpan(24));
        image.Write(directory.Offset, head);
        // In the place of what extensions there are.
        Put(image, 0x70, 4, ExtensionHead.Bitmaps);
        Put(image, 0x74, 4, 24);
        Put(image, 0x78, 8, 1UL << 32);
        Put(image, 0x80, 8, 32);
        Put(image, 0x88, 8, (ulong)directory.Offset);
        Put(image, 0x90, 8, 0);
        Put(image, 0x58, 8, 1);
    }

    private static (Qcow2Geometry, Qcow2Tables, Qcow2Refcounts, Qcow2Space) Open(ResizableMemoryDevice image)
    {
        var geometry = Qcow2Geometry.Read(image);
        var tables = new Qcow2Tables(image, geometry.ClusterSize);
        var refcounts = new Qcow2Refcounts(geometry, tables);
        return (geometry, tables, refcounts, new Qcow2Space(geometry, tables, refcounts, image));
    }

    private static void Put(ResizableMemoryDevice image, long offset, int width, ulong value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        image.Write(offset, bytes.AsSpan(8 - width));
    }
}
