using Platter.Blocks;
using Platter.Fuzz.Mutation;
using Platter.Images;
using Platter.Images.Vhdx;
using Platter.Primitives;

namespace Platter.Fuzz.Targets;

/// <summary>Dynamic and differencing VHDs (or VHDX, some with a log): opened, checked, read and edited through a transaction; differences over a sound parent.</summary>
internal sealed class SparseVhdTarget(string format) : FuzzTarget
{
    private const int Size = 6 << 20;

    private readonly List<PagedImage> _bases = [];
    private byte[] _parent = [];

    public override string Name => format + "-blocks";

    private bool IsVhdx => format == "vhdx";

    public override void Prepare()
    {
        var sizes = IsVhdx ? new[] { "1M", "4M" } : ["16K", "2M"];
        _parent = Make(sizes[0], null);
        foreach (var size in sizes)
        {
            _bases.Add(new PagedImage(Make(size, null)));
            using var parent = Container.Open(new MemoryDevice(_parent, canWrite: false));
            _bases.Add(new PagedImage(Make(size, parent)));
        }
        if (IsVhdx)
            _bases.Add(new PagedImage(WithLog(Make("1M", null))));
    }

    public override bool Run(Dice dice)
    {
        var device = new OverlayDevice(dice.Pick(_bases));
        if (IsVhdx)
            VhdMutator.Vhdx(device, dice);
        else
            VhdMutator.Vhd(device, dice);
        if (!dice.OneIn(3))
            return Try(() => Use(new ReadOnlyDevice(device), dice));
        using var transaction = TransactionDevice.Open(new GrowingDevice(device), new MemoryJournalStore());
        return Try(() => Use(transaction, dice));
    }

    private void Use(BlockDevice device, Dice dice)
    {
        using var parent = Container.Open(new MemoryDevice(_parent, canWrite: false));
        using var container = Open(device, parent);
        container.Check(new CheckReport());
        foreach (var (name, value) in container.Details)
            Expect(name.Length > 0 && !value.Any(char.IsControl), "details are text");
        var disk = container.Disk;
        Expect(container.VirtualSize == disk.Length && disk.Length >= 0, "a size is a size");
        var buffer = new byte[Math.Min(disk.Length, 40_000)];
        for (var i = 0; i < 4; i++)
            Try(() => disk.Read(dice.NextLong(disk.Length - buffer.Length + 1), buffer));
        Try(() =>
        {
            var end = 0L;
            foreach (var range in disk.AllocatedRanges().Take(1000))
            {
                Expect(range.Offset >= end && range.Length > 0 && range.End <= disk.Length, "allocated ranges are in order and within");
                end = range.End;
            }
        });
        if (!disk.CanWrite || disk.Length == 0)
            return;
        for (var i = 0; i < 3; i++)
        {
            var at = dice.NextLong(disk.Length);
            var data = buffer.AsSpan(0, (int)Math.Min(buffer.Length, disk.Length - at)).ToArray();
            dice.Fill(data);
            switch (dice.Next(5))
            {
                case 0:
                    Array.Clear(data);
                    disk.WriteZeros(at, data.Length);
                    break;
                case 1:
                    disk.WriteFresh(at, data);
                    break;
                case 2:
                    disk.Discard(at, disk.Length - at);
                    disk.Write(at, data);
                    break;
                default:
                    disk.Write(at, data);
                    break;
            }
            var back = new byte[data.Length];
            disk.Read(at, back);
            Expect(back.AsSpan().SequenceEqual(data), "what was written is read");
            if (dice.OneIn(3))
                disk.Rollback();
            else
                disk.Flush();
        }
        // What has lost its marks is a raw disk, and may get anything over them.
        if (container.Format == ContainerFormat.Raw)
            return;
        using var again = Open(device, parent);
        Expect(again.VirtualSize == container.VirtualSize, $"an edit leaves the container whole: {container.Format.Name} of {container.VirtualSize} bytes, now {again.Format.Name} of {again.VirtualSize}");
    }

    // A difference finds its parent by a path; here there are no paths, so it is given one.
    private static Container Open(BlockDevice device, Container parent)
    {
        try
        {
            return Container.Open(device);
        }
        catch (FileNotFoundException)
        {
            if (new ContainerProbe(device).HeadHas(0, "vhdxfile"u8))
                return new VhdxImage(device, VhdxParts.Read(device, VhdxHeaders.Read(device)), parent, (false, false));
            return new VhdDynamicImage(device, VhdParts.Read(device), parent, (false, false));
        }
    }

    private byte[] Make(string blockSize, Container? parent)
    {
        var host = new ResizableMemoryDevice(0);
        var options = new ContainerOptions
        {
            UniqueId = new Guid(1, 2, 3, new byte[8]), Created = DateTimeOffset.UnixEpoch.AddYears(50), Parent = parent, ParentReference = "parent",
            Settings = new Dictionary<string, string> { ["block_size"] = blockSize },
        };
        using var container = ContainerFormat.FromName(format)!.Create(host, Size, options);
        container.Disk.Write(10, "a disk of some bytes"u8);
        container.Disk.Write(3 << 20, Enumerable.Repeat((byte)3, 70_000).ToArray());
        container.Disk.Write(Size - 512, "its end"u8);
        container.Disk.Flush();
        return host.Bytes.ToArray();
    }

    // Two entries, the second of which replaces what the first wrote, and zeros.
    private static byte[] WithLog(byte[] image)
    {
        var id = new Guid(9, 9, 9, new byte[8]);
        var host = new ResizableMemoryDevice(image);
        for (var slot = 0; slot < 2; slot++)
        {
            var header = VhdxHeaders.TryRead(host, slot)!.Value;
            header.LogGuid = id;
            VhdxHeaders.Write(host, header, slot);
        }
        for (var n = 0; n < 2; n++)
        {
            var entry = new byte[8192];
            OnDisk.Edit<VhdxLogEntry>(entry) = new VhdxLogEntry
            {
                Signature = VhdxLogEntry.SignatureValue, Length = 8192, SequenceNumber = (ulong)n + 5, DescriptorCount = 2, LogGuid = id,
                FlushedFileOffset = (ulong)image.Length, LastFileOffset = (ulong)image.Length,
            };
            OnDisk.Edit<VhdxLogDescriptor>(entry, 64) = new VhdxLogDescriptor { Signature = VhdxLogDescriptor.DataSignature, FileOffset = (4 << 20) + 8192, SequenceNumber = (ulong)n + 5 };
            OnDisk.Edit<VhdxLogDescriptor>(entry, 96) = new VhdxLogDescriptor { Signature = VhdxLogDescriptor.ZeroSignature, LeadingBytes = 8192, FileOffset = (4 << 20) + 16384, SequenceNumber = (ulong)n + 5 };
            OnDisk.Edit<U32Le>(entry, 4096) = VhdxLogDescriptor.SectorSignature;
            OnDisk.Edit<U32Le>(entry, 8188) = (uint)n + 5;
            OnDisk.Edit<VhdxLogEntry>(entry).Checksum = Crc32C.Compute(entry);
            host.Write((1 << 20) + n * 8192, entry);
        }
        return host.Bytes.ToArray();
    }

    /// <summary>A case's image, which may become longer than it was.</summary>
    private sealed class GrowingDevice(OverlayDevice inner) : ResizableDevice
    {
        private readonly long _kept = inner.Length;
        private readonly ResizableMemoryDevice _tail = new(0);

        public override long Length => _kept + _tail.Length;
        public override bool CanWrite => true;

        public override void Flush()
        {
            // Memory has no medium behind it.
        }

        protected override void ReadCore(long offset, Span<byte> buffer)
        {
            var here = (int)Math.Clamp(_kept - offset, 0, buffer.Length);
            if (here > 0)
                inner.Read(offset, buffer[..here]);
            _tail.Read(Math.Max(0, offset - _kept), buffer[here..]);
        }

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
        {
            var here = (int)Math.Clamp(_kept - offset, 0, data.Length);
            if (here > 0)
                inner.Write(offset, data[..here]);
            _tail.Write(Math.Max(0, offset - _kept), data[here..]);
        }

        protected override void SetLengthCore(long length) => _tail.SetLength(length >= _kept && length <= 64 << 20 ? length - _kept : throw new IOException("these images only grow, and not beyond 64 MiB"));
    }

    /// <summary>What may be read and not written, whatever lies below.</summary>
    private sealed class ReadOnlyDevice(BlockDevice inner) : BlockDevice
    {
        public override long Length => inner.Length;
        public override bool CanWrite => false;

        public override void Flush()
        {
            // Nothing is ever written here.
        }

        protected override void ReadCore(long offset, Span<byte> buffer) => inner.Read(offset, buffer);

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => throw new NotSupportedException();
    }
}
