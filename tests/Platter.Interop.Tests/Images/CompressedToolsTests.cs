using System.Globalization;
using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Images;

/// <summary>What gzip, pigz, xz, zstd, lz4 and bzip2 make is read, at any offset; what Platter makes, they unpack.</summary>
public sealed class CompressedToolsTests(CompressedToolsTests.Source source) : IClassFixture<CompressedToolsTests.Source>, IDisposable
{
    private readonly TempFolder _folder = new();

    /// <summary>The disk that everybody compresses.</summary>
    public sealed class Source : IDisposable
    {
        private readonly TempFolder _folder = new();

        public Source()
        {
            Path = _folder.File("disk.img");
            TestDisk.Make(Path, 9_000_123, 3 << 20, seed: 3);
            Bytes = File.ReadAllBytes(Path);
        }

        public string Path { get; }
        public byte[] Bytes { get; }

        public void Dispose() => _folder.Dispose();
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("gz", "gzip -c {0}")]
    [InlineData("gz", "gzip -1 -n -c {0}")]
    [InlineData("gz", "pigz -p 2 -c {0}")]
    [InlineData("gz", "pigz -p 2 -i -b 512 -c {0}")]
    [InlineData("gz", "(head -c 4000000 {0} | gzip -9 -c; tail -c +4000001 {0} | gzip -1 -c)")]
    [InlineData("gz", "(gzip -c {0}; head -c 10000 /dev/zero)")]
    [InlineData("xz", "xz -1 -c {0}")]
    [InlineData("xz", "xz -1 -T 2 --block-size=1MiB -c {0}")]
    [InlineData("xz", "xz -0 -T 2 --block-size=6MiB --check=sha256 -c {0}")]
    [InlineData("xz", "xz -6e --x86 --lzma2 --check=none -c {0}")]
    [InlineData("xz", "(head -c 4000000 {0} | xz -0 --check=crc32 -c; head -c 8 /dev/zero; tail -c +4000001 {0} | xz -1 -c)")]
    [InlineData("zst", "zstd -q -c {0}")]
    [InlineData("zst", "zstd -q -19 --long=27 -c {0}")]
    [InlineData("zst", "zstd -q -1 --no-check -c {0}")]
    [InlineData("zst", "zstd -q -T2 -3 -c {0}")]
    [InlineData("zst", "(cat {0} | zstd -q -c)")]
    [InlineData("zst", "(head -c 4000000 {0} | zstd -q -c; tail -c +4000001 {0} | zstd -q -c)")]
    [InlineData("lz4", "lz4 -q -c {0}")]
    [InlineData("lz4", "lz4 -q -9 -B4 -BX --content-size -c {0}")]
    [InlineData("lz4", "lz4 -q -BD -B5 -c {0}")]
    [InlineData("lz4", "lz4 -q -l -c {0}")]
    [InlineData("lz4", "(head -c 4000000 {0} | lz4 -q -c; tail -c +4000001 {0} | lz4 -q -BD -c)")]
    [InlineData("bz2", "bzip2 -c {0}")]
    [InlineData("bz2", "bzip2 -1 -c {0}")]
    [InlineData("bz2", "(head -c 4000000 {0} | bzip2 -c; tail -c +4000001 {0} | bzip2 -2 -c)")]
    public void What_the_tools_make_is_read_at_any_offset(string extension, string command)
    {
        var path = _folder.File("disk.img." + extension);
        Tool.Expect("bash", "-c", string.Format(CultureInfo.InvariantCulture, command, source.Path) + " > " + path);
        using var image = ImageFile.Open(path, ImageAccess.Read);
        Assert.Equal(extension, image.Container.Format.Name);
        Assert.Equal(source.Bytes.Length, image.Device.Length);
        var random = new Random(11);
        var buffer = new byte[70_000];
        // Backwards and forwards, before anything is known of the middle.
        for (var i = 0; i < 60; i++)
        {
            var offset = i == 0 ? source.Bytes.Length - buffer.Length : random.Next(source.Bytes.Length - buffer.Length);
            image.Device.Read(offset, buffer);
            Assert.True(buffer.AsSpan().SequenceEqual(source.Bytes.AsSpan(offset, buffer.Length)), $"{command}: at {offset}");
        }
        var all = new byte[source.Bytes.Length];
        image.Device.Read(0, all);
        Assert.Equal(source.Bytes, all);
        foreach (var hole in Holes(image.Device))
            Assert.True(all.AsSpan((int)hole.Offset, (int)hole.Length).IndexOfAnyExcept((byte)0) < 0, $"{command}: {hole} is no hole");
        var report = new CheckReport();
        image.Container.Check(report);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
    }

    [Theory]
    [InlineData("gz", "gzip -t {0}", "gzip -dc {0}", "")]
    [InlineData("gz", "gzip -t {0}", "pigz -dc {0}", "compression_level=1,block_size=64K")]
    [InlineData("xz", "xz -t {0}", "xz -dc {0}", "")]
    [InlineData("xz", "xz -t {0}", "xz -dc -T 2 {0}", "compression_level=0,block_size=256K")]
    [InlineData("zst", "zstd -q -t {0}", "zstd -q -dc {0}", "")]
    [InlineData("zst", "zstd -q -t {0}", "zstd -q -dc {0}", "compression_level=12,block_size=128K")]
    [InlineData("lz4", "lz4 -q -t {0}", "lz4 -q -dc {0}", "")]
    [InlineData("lz4", "lz4 -q -t {0}", "lz4 -q -dc {0}", "compression_level=9,block_size=128K")]
    [InlineData("bz2", "bzip2 -t {0}", "bzip2 -dc {0}", "")]
    [InlineData("bz2", "bzip2 -t {0}", "bzip2 -dc {0}", "compression_level=3")]
    public void What_Platter_makes_is_unpacked_by_the_tools_and_read_again(string extension, string test, string unpack, string settings)
    {
        var path = _folder.File("disk.img." + extension);
        using (var image = ImageFile.Open(source.Path, ImageAccess.Read))
        {
            ImageConverter.ToNewImage(image.Device, path, new ConvertOptions
            {
                Verify = true,
                Container = new ContainerOptions { Settings = settings.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('=')).ToDictionary(s => s[0], s => s[1]) },
            });
        }
        Tool.Expect("bash", "-c", string.Format(CultureInfo.InvariantCulture, test, path));
        Tool.Expect("bash", "-c", string.Format(CultureInfo.InvariantCulture, unpack, path) + " | cmp - " + source.Path);
        using var opened = ImageFile.Open(path, ImageAccess.Read);
        Assert.Equal(extension, opened.Container.Format.Name);
        using var original = ImageFile.Open(source.Path, ImageAccess.Read);
        TestDisk.Same(original.Device, opened.Device);
    }

    [Fact]
    public void Xz_lists_as_many_blocks_as_were_written()
    {
        var path = _folder.File("disk.img.xz");
        using (var image = ImageFile.Open(source.Path, ImageAccess.Read))
            ImageConverter.ToNewImage(image.Device, path, new ConvertOptions { Container = new ContainerOptions { Settings = new Dictionary<string, string> { ["block_size"] = "1M", ["compression_level"] = "1" } } });
        Assert.Contains("\t9\t", Tool.Expect("xz", "--robot", "--list", path), StringComparison.Ordinal);
    }

    private static IEnumerable<ByteRange> Holes(BlockDevice device)
    {
        var at = 0L;
        foreach (var range in device.AllocatedRanges())
        {
            if (range.Offset > at)
                yield return new ByteRange(at, range.Offset - at);
            at = range.End;
        }
        if (at < device.Length)
            yield return new ByteRange(at, device.Length - at);
    }
}
