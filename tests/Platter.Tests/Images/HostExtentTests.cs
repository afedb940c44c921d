using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>Where a disk's bytes lie in the files of the host: what lies there is what the disk reads as.</summary>
public sealed class HostExtentTests : IDisposable
{
    private const int DiskLength = 24 << 20, DataLength = 6 << 20;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("raw", "")]
    [InlineData("vhd-fixed", "")]
    [InlineData("vhd", "")]
    [InlineData("vhd", "block_size=64K")]
    [InlineData("vhdx", "block_size=1M")]
    [InlineData("vhdx-fixed", "")]
    [InlineData("qcow2", "")]
    [InlineData("qcow2", "cluster_size=512")]
    [InlineData("qcow2", "cluster_size=2M")]
    [InlineData("qcow2", "extended_l2=on")]
    [InlineData("vmdk", "")]
    [InlineData("vmdk", "subformat=twoGbMaxExtentFlat")]
    [InlineData("vdi", "")]
    public void A_disk_lies_where_its_extents_say(string format, string settings)
    {
        var path = Make(format, settings);
        using (var image = ImageFile.Open(path, ImageAccess.Read))
            Assert.InRange(Compare(image.Device), DataLength / 4, DiskLength);
        using var edited = ImageFile.Open(path, ImageAccess.Edit);
        Compare(edited.Device);
        // What a transaction holds back is nowhere in a file; what is discarded or zeroed is no longer the disk's.
        var random = new Random(7);
        for (var step = 0; step < 12; step++)
        {
            var bytes = new byte[random.Next(1, 300_000)];
            random.NextBytes(bytes);
            var offset = random.Next(DiskLength - bytes.Length);
            if (step % 3 == 0)
                edited.Device.WriteZeros(offset, bytes.Length);
            else if (step % 3 == 1)
                edited.Device.Write(offset, bytes);
            else
                edited.Device.WriteFresh(offset, bytes);
            Compare(edited.Device);
            if (step % 4 == 3)
            {
                edited.Device.Flush();
                Assert.InRange(Compare(edited.Device), DataLength / 4, DiskLength);
            }
        }
    }

    [Theory]
    [InlineData("qcow2", "")]
    [InlineData("qcow2", "extended_l2=on")]
    [InlineData("vhd", "")]
    [InlineData("vhdx", "")]
    [InlineData("vmdk", "")]
    public void What_a_difference_lacks_lies_in_its_base(string format, string settings)
    {
        var path = Make(format, "");
        using (var below = ImageFile.Open(path, ImageAccess.Read))
        using (var made = NewImage.Create(_folder.File("child"), DiskLength, Options(format, settings) with { Container = Settings(settings) with { Parent = below.Container, ParentReference = Path.GetFileName(path) } }))
        {
            made.Device.Write(5_000_123, new byte[70_000]);
            TestDisk.Fill(made.Device, 1 << 20, 99);
            made.Complete();
        }
        using var image = ImageFile.Open(_folder.File("child"), ImageAccess.Read);
        Assert.InRange(Compare(image.Device), DataLength / 4, DiskLength);
    }

    [Fact]
    public void Compressed_bytes_and_bytes_in_memory_lie_in_no_file()
    {
        var text = new byte[3 << 20];
        for (var i = 0; i < text.Length; i++)
            text[i] = (byte)(i / 100);
        ImageConverter.ToNewImage(new MemoryDevice(text), _folder.File("c.qcow2"), new ConvertOptions { Compress = true });
        using (var image = ImageFile.Open(_folder.File("c.qcow2"), ImageAccess.Read))
            Assert.Equal(0, Compare(image.Device));
        Assert.Null(new MemoryDevice(4096).FindOnHost(0, 4096));
    }

    [Fact]
    public void The_host_copies_an_extent_into_a_file()
    {
        var path = Make("vdi", "");
        using var image = ImageFile.Open(path, ImageAccess.Read);
        using var target = HostFile.Create(_folder.File("out"), DiskLength);
        foreach (var range in image.Device.AllocatedRanges())
        {
            for (var at = range.Offset; at < range.End;)
            {
                var extent = image.Device.FindOnHost(at, range.End - at)!.Value.Upto(1_234_567);
                var copied = extent.CopyTo(target.Handle, at);
                Assert.Equal(OperatingSystem.IsLinux() ? extent.Length : 0, copied);
                at += extent.Length;
            }
        }
        if (OperatingSystem.IsLinux())
            TestDisk.Same(image.Device, target);
    }

    [Fact]
    public void A_file_cut_behind_the_extents_back_gives_what_is_left_of_it()
    {
        File.WriteAllBytes(_folder.File("a"), new byte[10_000]);
        using var file = HostFile.Open(_folder.File("a"), FileAccess.Read);
        var extent = file.FindOnHost(1000, 9000)!.Value;
        using (var other = new FileStream(_folder.File("b"), FileMode.CreateNew))
        {
            using (var cut = File.OpenHandle(_folder.File("c"), FileMode.CreateNew, FileAccess.ReadWrite))
                Assert.Equal(OperatingSystem.IsLinux() ? 9000 : 0, extent.CopyTo(cut, 0));
            Truncate(_folder.File("a"), 3000);
            Assert.Equal(OperatingSystem.IsLinux() ? 2000 : 0, extent.CopyTo(other.SafeFileHandle, 0));
        }
    }

    // The bytes that lie in files; all of them compared with what is read.
    private static long Compare(BlockDevice disk)
    {
        var total = 0L;
        var (expected, found) = (new byte[1 << 20], new byte[1 << 20]);
        var random = new Random(1);
        for (var at = 0L; at < disk.Length;)
        {
            var asked = Math.Min(disk.Length - at, random.Next(1, 3 << 20));
            if (disk.FindOnHost(at, asked) is not { } extent)
            {
                at += Math.Min(asked, 512);
                continue;
            }
            Assert.InRange(extent.Length, 1, asked);
            for (var done = 0L; done < extent.Length;)
            {
                var count = (int)Math.Min(extent.Length - done, expected.Length);
                disk.Read(at + done, expected.AsSpan(0, count));
                extent.File.Read(extent.Offset + done, found.AsSpan(0, count));
                Assert.True(expected.AsSpan(0, count).SequenceEqual(found.AsSpan(0, count)), $"{asked} bytes at {at}");
                done += count;
            }
            at += extent.Length;
            total += extent.Length;
        }
        return total;
    }

    private string Make(string format, string settings)
    {
        var path = _folder.File("disk." + format);
        using var made = NewImage.Create(path, DiskLength, Options(format, settings));
        TestDisk.Fill(made.Device, DataLength, 5);
        made.Complete();
        return path;
    }

    private static NewImageOptions Options(string format, string settings) => new() { Format = ContainerFormat.FromName(format), Container = Settings(settings) };

    private static ContainerOptions Settings(string settings) => new()
    {
        Settings = settings.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('=')).ToDictionary(s => s[0], s => s[1], StringComparer.Ordinal),
    };

    private static void Truncate(string path, long length)
    {
        // Nobody who asks for the lock gets it: cut as a program does that doesn't ask.
        using var process = System.Diagnostics.Process.Start("truncate", ["-s", length.ToString(System.Globalization.CultureInfo.InvariantCulture), path]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
