using System.Diagnostics;
using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>What a container costs over a raw image, on a file of the host; by hand, on a machine that does nothing else.</summary>
public sealed class SparseSpeedTests(ITestOutputHelper output) : IDisposable
{
    private const long Size = 1L << 30;
    private const int Reads = 100_000;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact(Explicit = true)]
    public void Random_reads_and_sequential_writes_against_raw()
    {
        foreach (var format in new[] { "raw", "vhd", "vhd-fixed", "vhdx", "vhdx-fixed", "raw", "vhd", "vhdx" })
        {
            var path = _folder.File("a");
            File.Delete(path);
            var clock = Stopwatch.StartNew();
            using (var image = NewImage.Create(path, Size, new NewImageOptions { Format = ContainerFormat.FromName(format) }))
            {
                var data = new byte[1 << 20];
                new Random(1).NextBytes(data);
                for (var at = 0L; at < Size; at += data.Length)
                    image.Device.WriteFresh(at, data);
                var written = clock.Elapsed;
                image.Complete();
                output.WriteLine($"{format}: written at {Size / written.TotalSeconds / 1e6:F0} MB/s, {Size / clock.Elapsed.TotalSeconds / 1e6:F0} MB/s durable");
            }
            using (var image = ImageFile.Open(path, ImageAccess.Read))
            {
                var block = new byte[4096];
                var random = new Random(2);
                for (var pass = 0; pass < 2; pass++)
                {
                    clock.Restart();
                    for (var i = 0; i < Reads; i++)
                        image.Device.Read(random.NextInt64(Size / 4096) * 4096, block);
                    output.WriteLine($"{format}: {clock.Elapsed.TotalMicroseconds / Reads:F2} us a random read of 4 KiB, pass {pass + 1}");
                }
            }
        }
    }
}
