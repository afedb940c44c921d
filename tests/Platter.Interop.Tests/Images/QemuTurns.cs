using System.Text.Json;
using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Images;

/// <summary>Lets qemu and Platter write to an image in turns, and each read what the other wrote.</summary>
public abstract class QemuTurns(ITestOutputHelper output) : IDisposable
{
    private const int Rounds = 6, PerRound = 30;

    // Rounds of both programs' operations on each image; more by hand, with PLATTER_INTEROP_ROUNDS.
    private static int RoundCount => int.TryParse(Environment.GetEnvironmentVariable("PLATTER_INTEROP_ROUNDS"), out var rounds) ? rounds : Rounds;

    protected TempFolder Folder { get; } = new();

    public void Dispose()
    {
        Folder.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Both programs in turns, each reading all of what the other left.</summary>
    protected void InTurns(string path, string format, string what)
    {
        var random = new Random(7);
        var length = VirtualSize(path, format);
        var model = new DiskModel(length, 512);
        var operations = 0;
        for (var round = 0; round < RoundCount; round++)
        {
            operations += round % 2 == 0 ? WriteWithQemu(path, format, model, random, what) : WriteWithPlatter(path, model, random, what);
            CheckWithPlatter(path, model, what);
            CheckWithQemu(path, format, model, what);
        }
        output.WriteLine($"{what}: {operations} operations in {RoundCount} rounds");
    }

    private static int WriteWithQemu(string path, string format, DiskModel model, Random random, string what)
    {
        var qemu = new QemuIo(path, format);
        for (var i = 0; i < PerRound; i++)
        {
            var (first, count, value) = Operation(model, random);
            if (value == 0 && random.Next(2) == 0)
                qemu.WriteZeros((long)first * model.Unit, count * model.Unit, random.Next(2) == 0);
            else
                qemu.Write((long)first * model.Unit, count * model.Unit, value);
            model.Fill(first, count, value);
        }
        qemu.Run(what);
        return PerRound;
    }

    private static int WriteWithPlatter(string path, DiskModel model, Random random, string what)
    {
        using var image = ImageFile.Open(path, ImageAccess.Edit);
        Assert.True(model.Length == image.Device.Length, what);
        for (var i = 0; i < PerRound; i++)
        {
            var (first, count, value) = Operation(model, random);
            var (offset, length) = ((long)first * model.Unit, count * model.Unit);
            if (value == 0 && random.Next(2) == 0)
                image.Device.WriteZeros(offset, length);
            else if (random.Next(3) == 0)
                image.Device.WriteFresh(offset, Filled(length, value));
            else
                image.Device.Write(offset, Filled(length, value));
            model.Fill(first, count, value);
            if (random.Next(8) == 0)
                image.Device.Flush();
        }
        image.Device.Flush();
        return PerRound;
    }

    private static (int First, int Count, byte Value) Operation(DiskModel model, Random random)
    {
        var first = random.Next(model.Count);
        var most = random.Next(5) switch { 0 => 1, 1 => 8, 2 => 200, 3 => 4096, _ => 20_000 };
        // Whole blocks, too, which may be given back.
        if (random.Next(6) == 0)
            (first, most) = (first / 4096 * 4096, 8192);
        var count = Math.Min(model.Count - first, most == 8192 ? most : random.Next(1, most + 1));
        return (first, count, random.Next(4) == 0 ? (byte)0 : (byte)random.Next(1, 256));
    }

    private static void CheckWithPlatter(string path, DiskModel model, string what)
    {
        using var image = ImageFile.Open(path, ImageAccess.Read);
        var report = new CheckReport();
        image.Container.Check(report);
        Assert.True(report.IsClean, $"{what}: {string.Join('\n', report.Findings.Take(10))}");
        var buffer = new byte[1 << 20];
        for (var first = 0; first < model.Count; first += buffer.Length / model.Unit)
        {
            var count = Math.Min(buffer.Length / model.Unit, model.Count - first);
            image.Device.Read((long)first * model.Unit, buffer.AsSpan(0, count * model.Unit));
            foreach (var run in model.Runs(first, count))
            {
                var differs = buffer.AsSpan((run.First - first) * model.Unit, run.Count * model.Unit).IndexOfAnyExcept(run.Value);
                Assert.True(differs < 0, $"{what}: byte {(long)run.First * model.Unit + differs} is {(differs < 0 ? 0 : buffer[(run.First - first) * model.Unit + differs])}, expected {run.Value}");
            }
        }
        foreach (var (first, count, _) in Holes(image.Device, model))
            Assert.True(model.Runs(first, count).All(r => r.Value == 0), $"{what}: sector {first} and {count} more are said to be a hole");
    }

    // The whole sectors that no allocated range touches.
    private static IEnumerable<(int First, int Count, byte Value)> Holes(BlockDevice disk, DiskModel model)
    {
        var at = 0L;
        foreach (var range in disk.AllocatedRanges().Append(new ByteRange(disk.Length, 0)))
        {
            var (first, end) = ((int)((at + model.Unit - 1) / model.Unit), (int)(range.Offset / model.Unit));
            if (end > first)
                yield return (first, end - first, 0);
            at = range.End;
        }
    }

    private static void CheckWithQemu(string path, string format, DiskModel model, string what)
    {
        if (format != "vpc")       // of which qemu-img knows no check
            Assert.Contains("No errors", Tool.Expect("qemu-img", "check", "-f", format, path), StringComparison.Ordinal);
        var qemu = new QemuIo(path, format);
        foreach (var run in model.Runs(0, model.Count))
            qemu.Read((long)run.First * model.Unit, run.Count * model.Unit, run.Value);
        qemu.Run(what, readOnly: true);
    }

    protected static void Make(string path, string name, string settings, long size)
    {
        var options = new ContainerOptions { Settings = settings.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('=')).ToDictionary(s => s[0], s => s[1]) };
        using var image = NewImage.Create(path, size, new NewImageOptions { Format = ContainerFormat.FromName(name), Container = options });
        image.Complete();
    }

    protected static long VirtualSize(string path, string format)
    {
        using var info = JsonDocument.Parse(Tool.Expect("qemu-img", "info", "--output=json", "-f", format, path));
        return info.RootElement.GetProperty("virtual-size").GetInt64();
    }

    protected static byte[] Filled(int count, byte value)
    {
        var bytes = new byte[count];
        bytes.AsSpan().Fill(value);
        return bytes;
    }
}
