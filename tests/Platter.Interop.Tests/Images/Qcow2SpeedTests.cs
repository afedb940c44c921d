using System.Diagnostics;
using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Images;

/// <summary>How fast it is, beside the bare file: run by hand on a quiet machine.</summary>
public sealed class Qcow2SpeedTests(ITestOutputHelper output) : IDisposable
{
    private const long Size = 1L << 30;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact(Explicit = true)]
    public void Finding_a_cluster_takes_little_beside_reading_it()
    {
        var file = new ResizableMemoryDevice(0);
        using var image = ContainerFormat.Qcow2.Create(file, Size);
        var data = new byte[65536];
        data.AsSpan().Fill(1);
        foreach (var cluster in Enumerable.Range(0, (int)(Size >> 16)).OrderBy(i => (uint)i * 2_654_435_761u))
            image.Disk.WriteFresh((long)cluster << 16, data);
        for (var round = 0; round < 4; round++)
        {
            foreach (var device in new[] { file, image.Disk })
            {
                var random = new Random(2);
                var block = new byte[512];
                var clock = Stopwatch.StartNew();
                for (var i = 0; i < 1_000_000; i++)
                    device.Read(random.NextInt64(Size >> 12) << 12, block);
                output.WriteLine($"{device.GetType().Name}: {clock.Elapsed.TotalNanoseconds / 1_000_000:F0} ns for each random 512 bytes");
            }
        }
    }

    [Fact(Explicit = true)]
    public void Sequential_writing_and_random_reading_keep_up_with_a_raw_image()
    {
        var data = new byte[1 << 20];
        new Random(1).NextBytes(data);
        foreach (var name in new[] { "a.img", "a.qcow2", "b.img", "b.qcow2" })
        {
            var clock = Stopwatch.StartNew();
            using var image = NewImage.Create(_folder.File(name), Size);
            for (var offset = 0L; offset < Size; offset += data.Length)
                image.Device.WriteFresh(offset, data);
            var written = clock.Elapsed.TotalSeconds;
            image.Complete();
            output.WriteLine($"{name}: 1 GiB written in {written:F2} s, durable after {clock.Elapsed.TotalSeconds:F2} s");
        }
        var scattered = _folder.File("scattered.qcow2");
        using (var image = NewImage.Create(scattered, Size))
        {
            foreach (var cluster in Enumerable.Range(0, (int)(Size >> 16)).OrderBy(i => (uint)i * 2_654_435_761u))
                image.Device.WriteFresh((long)cluster << 16, data.AsSpan(0, 65536));
            image.Complete();
        }
        for (var round = 0; round < 2; round++)
        {
            foreach (var name in new[] { "a.img", "a.qcow2", "scattered.qcow2" })
            {
                using var image = ImageFile.Open(_folder.File(name), ImageAccess.Read);
                var random = new Random(2);
                var block = new byte[4096];
                var clock = Stopwatch.StartNew();
                for (var i = 0; i < 300_000; i++)
                    image.Device.Read(random.NextInt64(Size >> 12) << 12, block);
                output.WriteLine($"{name}: {clock.Elapsed.TotalMicroseconds / 300_000:F2} us for each random 4 KiB");
            }
        }
        var check = Stopwatch.StartNew();
        QemuJudge.AssertClean(_folder.File("scattered.qcow2"));
        output.WriteLine($"both checks of 1 GiB: {check.Elapsed.TotalSeconds:F2} s");
        output.WriteLine($"working set: {Environment.WorkingSet >> 20} MiB, managed {GC.GetTotalMemory(true) >> 20} MiB");
    }
}
