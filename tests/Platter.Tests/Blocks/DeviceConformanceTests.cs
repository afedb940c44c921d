using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Platter.Testing.Blocks;
using Xunit;

namespace Platter.Tests.Blocks;

public sealed class MemoryDeviceConformance : BlockDeviceConformance
{
    protected override BlockDevice Create() => new MemoryDevice(TestLength);
}

public sealed class ResizableMemoryDeviceConformance : BlockDeviceConformance
{
    protected override BlockDevice Create() => new ResizableMemoryDevice(TestLength);
}

public sealed class WindowDeviceConformance : BlockDeviceConformance
{
    protected override BlockDevice Create() => new WindowDevice(new MemoryDevice(TestLength + 1000), 777, TestLength, ownsInner: true);
}

public sealed class WindowOfTransactionConformance : BlockDeviceConformance
{
    protected override BlockDevice Create() =>
        new WindowDevice(TransactionDevice.Open(new MemoryDevice(TestLength + 5000), new MemoryJournalStore()), 777, TestLength, ownsInner: true);
}

public sealed class RecordingDeviceConformance : BlockDeviceConformance
{
    protected override BlockDevice Create() => new RecordingDevice(new ResizableMemoryDevice(TestLength));
}

public sealed class FaultyDeviceConformance : BlockDeviceConformance
{
    protected override BlockDevice Create() => new FaultyDevice(new ResizableMemoryDevice(TestLength));
}

public sealed class SharedPagesConformance : BlockDeviceConformance
{
    protected override BlockDevice Create() => new SharedPages(new byte[TestLength]).Copy();
}

public sealed class HostFileConformance : BlockDeviceConformance, IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    protected override BlockDevice Create() => HostFile.Create(_folder.File("file"), TestLength);

    protected override BlockDevice Reopen(BlockDevice device)
    {
        device.Dispose();
        return HostFile.Open(_folder.File("file"), FileAccess.ReadWrite);
    }
}

/// <summary>A transaction over memory; <paramref name="memory"/> and <paramref name="fresh"/> are its limits.</summary>
public abstract class TransactionConformance(long memory, long fresh) : BlockDeviceConformance, IDisposable
{
    private readonly MemoryJournalStore _store = new();
    private BlockDevice? _home;

    protected override BlockDevice Create()
    {
        _home = new ResizableMemoryDevice(TestLength);
        return Open();
    }

    protected override BlockDevice Reopen(BlockDevice device)
    {
        device.Flush();
        device.Dispose();
        return Open();
    }

    public void Dispose() => _home?.Dispose();

    private TransactionDevice Open() => TransactionDevice.Open(_home!, _store, new TransactionOptions { MemoryLimit = memory, FreshLimit = fresh });
}

public sealed class TransactionInMemoryConformance() : TransactionConformance(32 << 20, 64 << 10);

public sealed class TransactionWithAllFreshHeldConformance() : TransactionConformance(32 << 20, 1 << 30);

public sealed class TransactionThatSpillsAlwaysConformance() : TransactionConformance(16 << 10, 0);

public sealed class ImageFileConformance : BlockDeviceConformance, IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<ImageFile> _open = [];

    public void Dispose()
    {
        _open.ForEach(i => i.Dispose());
        _folder.Dispose();
    }

    protected override BlockDevice Create()
    {
        HostFile.Create(_folder.File("file.img"), TestLength).Dispose();
        return Open();
    }

    protected override BlockDevice Reopen(BlockDevice device)
    {
        device.Flush();
        _open[^1].Dispose();
        return Open();
    }

    private BlockDevice Open()
    {
        _open.Add(ImageFile.Open(_folder.File("file.img"), ImageAccess.Edit, new ImageOptions { AsRaw = true }));
        return _open[^1].Device;
    }
}

public sealed class VhdFixedConformance : BlockDeviceConformance
{
    private readonly List<Container> _open = [];

    protected override long TestLength => 1 << 20;

    protected override BlockDevice Create()
    {
        _open.Add(ContainerFormat.VhdFixed.Create(new ResizableMemoryDevice(0), TestLength));
        return _open[^1].Disk;
    }

    protected override BlockDevice Reopen(BlockDevice device)
    {
        _open.Add(Container.Open(_open[^1].Host));
        return _open[^1].Disk;
    }
}

public sealed class CacheDeviceConformance : BlockDeviceConformance
{
    protected override BlockDevice Create() => new CacheDevice(new MemoryDevice(TestLength), 4096, 20, ownsInner: true);
}

public sealed class CacheOverTransactionConformance : BlockDeviceConformance
{
    protected override BlockDevice Create() =>
        new CacheDevice(TransactionDevice.Open(new MemoryDevice(TestLength), new MemoryJournalStore()), ownsInner: true);
}
