using System.Diagnostics;
using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Blocks;

/// <summary>What a transaction holds in memory; measured for the whole process, and so with no other test beside it.</summary>
[Collection(nameof(TransactionMemoryTests))]
[CollectionDefinition(nameof(TransactionMemoryTests), DisableParallelization = true)]
public sealed class TransactionMemoryTests(ITestOutputHelper output)
{
    [Fact]
    public void A_bulk_write_stays_within_its_memory()
    {
        using var folder = new TempFolder();
        HostFile.Create(folder.File("big.img"), 300 << 20).Dispose();
        using var image = ImageFile.Open(folder.File("big.img"), ImageAccess.Edit);
        var data = new byte[1 << 20];
        new Random(1).NextBytes(data);
        image.Device.Write(0, data);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < 256; i++)
            image.Device.Write((long)i << 20, data);
        var grown = GC.GetTotalMemory(forceFullCollection: true) - before;
        image.Device.Flush();
        output.WriteLine($"256 MiB in one transaction: {watch.ElapsedMilliseconds} ms, {grown >> 20} MiB of memory");
        Assert.True(grown < 48 << 20, $"{grown} bytes");
        var back = new byte[1 << 20];
        image.Device.Read(255L << 20, back);
        Assert.Equal(data, back);
    }
}
