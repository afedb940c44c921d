using Platter.Blocks;
using Platter.Images;
using Platter.Testing.Blocks;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>A container's disk in a transaction over memory; reopened through the container, as a program would.</summary>
public abstract class ContainerConformance : BlockDeviceConformance, IDisposable
{
    private readonly MemoryJournalStore _store = new();
    private ResizableMemoryDevice? _home;

    protected override long TestLength => 1_000_448;      // an odd number of sectors, no whole pages, no whole blocks

    /// <summary>Makes the container; its disk has <see cref="BlockDeviceConformance.TestLength"/> bytes.</summary>
    protected abstract void Make(ResizableDevice host, long length);

    /// <summary>Opens it.</summary>
    private protected virtual Container Open(BlockDevice host) => Container.Open(host, ownsHost: true);

    /// <summary>Bytes that a transaction may write as fresh and still hold as pages.</summary>
    protected virtual long FreshLimit => 64 << 10;

    protected override BlockDevice Create()
    {
        _home = new ResizableMemoryDevice(0);
        Make(_home, TestLength);
        return OpenTransaction();
    }

    protected override BlockDevice Reopen(BlockDevice device)
    {
        device.Flush();
        device.Dispose();
        var report = new CheckReport();
        using (var container = Open(_home!))
            container.Check(report);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        return OpenTransaction();
    }

    public void Dispose()
    {
        _home?.Dispose();
        GC.SuppressFinalize(this);
    }

    private Owner OpenTransaction() =>
        new(Open(TransactionDevice.Open(_home!, _store, new TransactionOptions { FreshLimit = FreshLimit })));

    /// <summary>The disk of a container, that closes the container with itself.</summary>
    private sealed class Owner(Container container) : BlockDevice
    {
        public override long Length => container.Disk.Length;
        public override int SectorSize => container.Disk.SectorSize;
        public override bool CanWrite => container.Disk.CanWrite;
        public override bool CanRollback => container.Disk.CanRollback;

        public override void Flush() => container.Disk.Flush();

        public override void Rollback() => container.Disk.Rollback();

        public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length) => container.Disk.AllocatedRanges(offset, length);

        protected override void ReadCore(long offset, Span<byte> buffer) => container.Disk.Read(offset, buffer);

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => container.Disk.Write(offset, data);

        protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data) => container.Disk.WriteFresh(offset, data);

        protected override void DiscardCore(long offset, long length) => container.Disk.Discard(offset, length);

        protected override void WriteZerosCore(long offset, long length) => container.Disk.WriteZeros(offset, length);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                container.Dispose();
            base.Dispose(disposing);
        }
    }
}

/// <summary>Dynamic VHDs in blocks of some size.</summary>
public abstract class VhdDynamicConformance(string blockSize, long freshLimit) : ContainerConformance
{
    protected override long FreshLimit => freshLimit;

    protected override void Make(ResizableDevice host, long length) => ContainerFormat.Vhd.Create(host, length, new ContainerOptions
    {
        WholeMebibytes = false, Settings = new Dictionary<string, string> { ["block_size"] = blockSize },
    }).Dispose();
}

public sealed class VhdOfSmallBlocksConformance() : VhdDynamicConformance("4K", 0);

public sealed class VhdOfMiddlingBlocksConformance() : VhdDynamicConformance("64K", 64 << 10);

public sealed class VhdOfOneBlockConformance() : VhdDynamicConformance("2M", 64 << 10);

/// <summary>VHDX with some settings.</summary>
public abstract class VhdxConformance(ContainerFormat format, long freshLimit, params (string Key, string Value)[] settings) : ContainerConformance
{
    protected override long TestLength => 3_002_368;     // whole sectors of 4096, no whole blocks
    protected override long FreshLimit => freshLimit;

    protected override void Make(ResizableDevice host, long length) =>
        format.Create(host, length, new ContainerOptions { Settings = settings.ToDictionary(s => s.Key, s => s.Value) }).Dispose();
}

public sealed class VhdxOfSmallBlocksConformance() : VhdxConformance(ContainerFormat.Vhdx, 0, ("block_size", "1M"));

public sealed class VhdxOfOneBlockConformance() : VhdxConformance(ContainerFormat.Vhdx, 64 << 10, ("block_size", "8M"), ("block_state_zero", "off"));

public sealed class VhdxOfLargeSectorsConformance() : VhdxConformance(ContainerFormat.Vhdx, 64 << 10, ("block_size", "1M"), ("logical_sector_size", "4096"));

public sealed class VhdxFixedConformance() : VhdxConformance(ContainerFormat.VhdxFixed, 64 << 10, ("block_size", "1M"));
