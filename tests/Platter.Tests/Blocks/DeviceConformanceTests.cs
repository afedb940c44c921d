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

/// <summary>A file whose long fresh writes go past the host's cache, beside others that don't.</summary>
public sealed class HostFilePastCacheConformance : BlockDeviceConformance, IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    protected override BlockDevice Create()
    {
        var file = HostFile.Create(_folder.File("file"), TestLength);
        file.WritePastCache();
        return file;
    }

    protected override BlockDevice Reopen(BlockDevice device)
    {
        device.Dispose();
        var file = HostFile.Open(_folder.File("file"), FileAccess.ReadWrite);
        file.WritePastCache();
        return file;
    }

    [Fact]
    public unsafe void What_lies_aligned_in_memory_and_in_the_file_goes_either_way_and_is_read()
    {
        var buffer = GC.AllocateUninitializedArray<byte>(520_000, pinned: true);
        int start;
        fixed (byte* bytes = buffer)
            start = (int)(-(nint)bytes & 4095);
        using var file = (HostFile)Create();
        var model = new byte[TestLength];
        var random = new Random(4);
        for (var step = 0; step < 200; step++)
        {
            var offset = random.Next(2) == 0 ? random.Next((int)TestLength / 4096) * 4096 : random.Next((int)TestLength);
            var data = buffer.AsSpan(start + (random.Next(4) == 0 ? 512 : 0), (int)Math.Min(TestLength - offset, random.Next(1, 500_000)));
            random.NextBytes(data);
            if (step % 3 == 0)
                file.Write(offset, data);
            else
                file.WriteFresh(offset, data);
            data.CopyTo(model.AsSpan(offset));
            file.Read(offset / 2, data);
            Assert.True(data.SequenceEqual(model.AsSpan(offset / 2, data.Length)), $"step {step}");
        }
        using var again = (HostFile)Reopen(file);
        Assert.True(ReadAll(again).AsSpan().SequenceEqual(model));
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
