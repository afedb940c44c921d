using System.Security.Cryptography;
using System.Text.Json;
using Platter.Blocks;
using Platter.Images;
using Platter.Images.Qcow2;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Images;

/// <summary>What the matrix does not show: compressed images of Platter's, images that were left dirty, bitmaps, other tools, the corpus.</summary>
public sealed class Qcow2InteropTests(ITestOutputHelper output) : IDisposable
{
    private const int DiskSize = (6 << 20) + 3 * 512;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("compat=0.10")]
    [InlineData("cluster_size=512")]
    [InlineData("cluster_size=4K,refcount_bits=1")]
    [InlineData("cluster_size=2M")]
    [InlineData("refcount_bits=2")]
    [InlineData("compression_type=zstd")]
    [InlineData("compression_type=zstd,cluster_size=1K,refcount_bits=4")]
    [InlineData("compression_type=zstd,extended_l2=on")]
    public void Compressed_images_of_platters_are_read_by_qemu_and_edited_by_both(string settings)
    {
        var content = Mixed();
        var path = _folder.File("ours.qcow2");
        WriteCompressed(path, settings, content);
        QemuJudge.AssertClean(path);
        QemuJudge.AssertSame(path, content, _folder);
        var duet = new QemuDuet(path, content, 12);
        duet.LetPlatter(40);
        duet.Verify(_folder);
        duet.LetQemu(20);
        duet.Verify(_folder);
    }

    [Theory]
    [InlineData("")]
    [InlineData("compression_type=zstd")]
    public void A_compressed_image_is_about_as_small_as_qemus(string settings)
    {
        var content = Mixed();
        WriteCompressed(_folder.File("ours.qcow2"), settings, content);
        File.WriteAllBytes(_folder.File("content.img"), content);
        Tool.Expect("qemu-img", ["convert", "-c", "-O", "qcow2", .. settings.Length == 0 ? [] : new[] { "-o", settings }, _folder.File("content.img"), _folder.File("theirs.qcow2")]);
        var (ours, theirs) = (new FileInfo(_folder.File("ours.qcow2")).Length, new FileInfo(_folder.File("theirs.qcow2")).Length);
        output.WriteLine($"ours {ours}, theirs {theirs}");
        Assert.InRange(ours, theirs / 2, theirs + theirs / 20);
    }

    [Theory]
    [InlineData("lazy_refcounts=on")]
    [InlineData("lazy_refcounts=on,cluster_size=512,refcount_bits=64")]
    [InlineData("lazy_refcounts=on,extended_l2=on,refcount_bits=2")]
    public void A_dirty_image_is_read_as_it_is_and_mended_by_the_first_edit(string settings)
    {
        var path = _folder.File("dirty.qcow2");
        Tool.Expect("qemu-img", "create", "-q", "-f", "qcow2", "-o", settings, path, $"{DiskSize}");
        var model = new byte[DiskSize];
        var commands = new List<string>();
        for (var i = 0; i < 30; i++)
        {
            commands.AddRange(["-c", $"write -P {i + 1} {i * 180_224} 100352"]);
            model.AsSpan(i * 180_224, 100_352).Fill((byte)(i + 1));
        }
        Tool.Run("qemu-io", ["-f", "qcow2", .. commands, "-c", "flush", "-c", "abort", path]);
        QemuJudge.AssertReads(path, model);
        using (var image = ImageFile.Open(path, ImageAccess.Read))
        {
            var report = new CheckReport();
            image.Container.Check(report);
            Assert.Contains(report.Findings, f => f.Code == "QCOW-0015");
            Assert.Contains(report.Findings, f => f.Code == "QCOW-0032");
        }
        using (var image = ImageFile.Open(path, ImageAccess.Edit))
        {
            image.Device.Write(1_000_000, [1, 2, 3]);
            image.Device.Rollback();
            image.Device.Write(2_000_000, [1, 2, 3]);
            image.Device.Flush();
        }
        new byte[] { 1, 2, 3 }.CopyTo(model, 2_000_000);
        var duet = new QemuDuet(path, model, 3);
        duet.Verify(_folder);
        duet.LetPlatter(30);
        duet.LetQemu(20);
        duet.Verify(_folder);
    }

    [Theory]
    [InlineData("", "512K")]
    [InlineData("cluster_size=4K", "64K")]
    [InlineData("cluster_size=512", "512")]
    public void Bitmaps_follow_platters_writes_as_they_follow_qemus(string settings, string granularity)
    {
        var theirs = _folder.File("theirs.qcow2");
        Tool.Expect("qemu-img", ["create", "-q", "-f", "qcow2", .. settings.Length == 0 ? [] : new[] { "-o", settings }, theirs, "40M"]);
        Tool.Expect("qemu-img", "bitmap", "--add", "-g", granularity, theirs, "follows");
        Tool.Expect("qemu-img", "bitmap", "--add", "--disable", "-g", granularity, theirs, "stands still");
        var ours = _folder.File("ours.qcow2");
        File.Copy(theirs, ours);
        var random = new Random(5);
        for (var round = 0; round < 2; round++)
        {
            var commands = new List<string>();
            using (var image = ImageFile.Open(ours, ImageAccess.Edit))
            {
                for (var i = 0; i < 25; i++)
                {
                    var (offset, length) = (random.Next(39 << 11) * 512, random.Next(1, 300) * 512);
                    commands.AddRange(["-c", $"write -P {i + 1} {offset} {length}"]);
                    var data = new byte[length];
                    data.AsSpan().Fill((byte)(i + 1));
                    image.Device.Write(offset, data);
                }
                image.Device.Flush();
                image.Device.Write(0, new byte[] { 9 });       // and what is dropped leaves no bit
                image.Device.Rollback();
            }
            Tool.Expect("qemu-io", ["-f", "qcow2", .. commands, theirs]);
            QemuJudge.AssertClean(ours);
            Assert.Equal(Bits(theirs), Bits(ours));
            Assert.Contains("identical", Tool.Expect("qemu-img", "compare", ours, theirs), StringComparison.Ordinal);
        }
        Assert.Contains("follows", Tool.Expect("qemu-img", "info", ours), StringComparison.Ordinal);
        Assert.Contains(Bits(ours)["follows"], b => b != 0);
        Assert.DoesNotContain(Bits(ours)["stands still"], b => b != 0);
    }

    [Fact]
    public void Chains_of_bases_are_followed_and_loops_of_them_refused()
    {
        var model = new byte[DiskSize];
        for (var i = 0; i < 5; i++)
        {
            var path = _folder.File($"{i}.qcow2");
            if (i == 0)
                Tool.Expect("qemu-img", "create", "-q", "-f", "qcow2", path, $"{DiskSize}");
            else
                Tool.Expect("qemu-img", "create", "-q", "-f", "qcow2", "-b", $"{i - 1}.qcow2", "-F", "qcow2", path);
            var duet = new QemuDuet(path, model, i);
            duet.LetQemu(8);
            duet.LetPlatter(8);
            duet.Verify(_folder);
        }
        using (var image = ImageFile.Open(_folder.File("4.qcow2"), ImageAccess.Read))
        {
            var depth = 0;
            for (var parent = image.Container.Parent; parent is not null; parent = parent.Parent)
                depth++;
            Assert.Equal(4, depth);
        }
        Tool.Expect("qemu-img", "rebase", "-u", "-b", "4.qcow2", "-F", "qcow2", _folder.File("0.qcow2"));
        Assert.Equal("IMG-0003", Assert.Throws<DiskFormatException>(() => ImageFile.Open(_folder.File("4.qcow2"), ImageAccess.Read)).Code);
        File.Delete(_folder.File("2.qcow2"));
        Assert.Contains("2.qcow2 is missing", Assert.Throws<FileNotFoundException>(() => ImageFile.Open(_folder.File("4.qcow2"), ImageAccess.Read)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_base_that_is_an_address_is_refused_by_its_name()
    {
        var path = _folder.File("remote.qcow2");
        Tool.Expect("qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", "nbd://example.org/disk", "-F", "raw", path, "1M");
        Assert.Contains("nbd://example.org/disk", Assert.Throws<UnsupportedFeatureException>(() => ImageFile.Open(path, ImageAccess.Read)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_base_that_is_said_to_be_raw_is_not_looked_into()
    {
        Tool.Expect("qemu-img", "create", "-q", "-f", "qcow2", _folder.File("inner"), "64M");
        Tool.Expect("qemu-img", "create", "-q", "-f", "qcow2", "-b", "inner", "-F", "raw", _folder.File("outer.qcow2"));
        using var image = ImageFile.Open(_folder.File("outer.qcow2"), ImageAccess.Read);
        Assert.Equal("raw", image.Container.Parent!.Format.Name);
        var head = new byte[4];
        image.Device.Read(0, head);
        Assert.Equal("QFI\u00FB"u8.ToArray()[..3], head[..3]);
    }

    [Theory]
    [InlineData("aes", "AES")]
    [InlineData("luks", "LUKS")]
    public void Encrypted_images_are_refused_by_name(string format, string name)
    {
        var path = _folder.File("secret.qcow2");
        Tool.Expect("qemu-img", "create", "-q", "--object", "secret,id=s,data=secret", "-f", "qcow2", "-o", $"encrypt.format={format},encrypt.key-secret=s", path, "1M");
        foreach (var access in new[] { ImageAccess.Read, ImageAccess.Edit })
            Assert.Contains(name, Assert.Throws<UnsupportedFeatureException>(() => ImageFile.Open(path, access)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("compat=0.10,cluster_size=4K")]
    [InlineData("cluster_size=1K")]
    public void Libqcow_agrees(string settings)
    {
        var path = _folder.File("ours.qcow2");
        var content = Mixed();
        WriteCompressed(path, settings, content);
        var info = Tool.Expect("qcowinfo", path);
        Assert.Contains($"({DiskSize} bytes)", info, StringComparison.Ordinal);
        Assert.Contains("Format version\t\t: " + (settings.StartsWith("compat=0.10", StringComparison.Ordinal) ? "2" : "3"), info, StringComparison.Ordinal);
        var mount = Directory.CreateDirectory(_folder.File("mount")).FullName;
        Tool.Expect("qcowmount", path, mount);
        try
        {
            Assert.True(content.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(mount, "qcow1"))), "libqcow reads the same");
        }
        finally
        {
            Tool.Expect("umount", mount);
        }
    }

    [Fact]
    public void Details_say_what_qemu_says()
    {
        Tool.Expect("qemu-img", "create", "-q", "-f", "raw", _folder.File("base.img"), "8M");
        var path = _folder.File("a.qcow2");
        Tool.Expect("qemu-img", "create", "-q", "-f", "qcow2", "-o", "lazy_refcounts=on,extended_l2=on,refcount_bits=8,compression_type=zstd,cluster_size=128K", "-b", "base.img", "-F", "raw", path);
        Tool.Expect("qemu-img", "snapshot", "-c", "before", path);
        using var image = ImageFile.Open(path, ImageAccess.Read);
        var details = image.Container.Details.ToDictionary(d => d.Key, d => d.Value);
        Assert.Equal("3 (compat 1.1)", details["version"]);
        Assert.Equal("128 KiB", details["cluster size"]);
        Assert.Equal("8", details["refcount bits"]);
        Assert.Equal("zstd", details["compression"]);
        Assert.Equal("extended L2 entries, lazy refcounts", details["features"]);
        Assert.Equal("base.img (raw)", details["backing file"]);
        Assert.StartsWith("before (1, ", details["snapshots"], StringComparison.Ordinal);
        Assert.Equal(8 << 20, image.Container.VirtualSize);
        Assert.True(image.Container.AllocatedSize < 2 << 20);
    }

    [Fact]
    public void Map_and_allocated_ranges_say_the_same()
    {
        var content = Mixed();
        var path = _folder.File("ours.qcow2");
        using (var image = NewImage.Create(path, content.Length))
        {
            image.Device.Write(0, content);
            image.Complete();
        }
        var ranges = new List<ByteRange>();
        using var map = JsonDocument.Parse(Tool.Expect("qemu-img", "map", "--output=json", path));
        foreach (var piece in map.RootElement.EnumerateArray().Where(p => p.GetProperty("data").GetBoolean()))
        {
            var range = new ByteRange(piece.GetProperty("start").GetInt64(), piece.GetProperty("length").GetInt64());
            if (ranges.Count > 0 && ranges[^1].End == range.Offset)
                ranges[^1] = ranges[^1] with { Length = ranges[^1].Length + range.Length };
            else
                ranges.Add(range);
        }
        using var opened = ImageFile.Open(path, ImageAccess.Read);
        Assert.Equal(ranges, opened.Device.AllocatedRanges());
    }

    [Fact]
    public void The_corpus_images_hold_what_they_are_known_to_hold()
    {
        var seen = 0;
        foreach (var image in Corpus.Images.Where(i => i.Kind == "qcow2"))
        {
            var path = Corpus.Unpack(image, _folder);
            if (image.Status == "broken")
            {
                Assert.True(Assert.ThrowsAny<Exception>(() => ImageFile.Open(path, ImageAccess.Read).Dispose()) is DiskFormatException or UnsupportedFeatureException);
                seen++;
                continue;
            }
            using var opened = ImageFile.Open(path, ImageAccess.Read);
            Assert.Equal("qcow2", opened.Container.Format.Name);
            Assert.Equal(image.GuestSize, opened.Device.Length);
            Assert.Equal(image.GuestHash, Hash(opened.Device));
            var report = new CheckReport();
            opened.Container.Check(report);
            Assert.Equal(Tool.Run("qemu-img", "check", "-f", "qcow2", path).ExitCode == 0, report.IsClean);
            File.Delete(path);
            seen++;
        }
        Assert.Equal(8, seen);
    }

    private void WriteCompressed(string path, string settings, byte[] content)
    {
        var options = new ContainerOptions
        {
            Settings = settings.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('=')).ToDictionary(p => p[0], p => p[1], StringComparer.Ordinal),
        };
        File.Delete(path);
        using var host = HostFile.Create(path, 0);
        using var writer = ContainerFormat.Qcow2.CreateInOrder(host, content.Length, options);
        var blocks = Enumerable.Range(0, (content.Length + writer.BlockSize - 1) / writer.BlockSize).AsParallel().AsOrdered().WithDegreeOfParallelism(4)
            .Select(i => writer.Pack((long)i * writer.BlockSize, content.AsSpan(i * writer.BlockSize, Math.Min(writer.BlockSize, content.Length - i * writer.BlockSize))));
        foreach (var block in blocks)
            writer.Store(block);
        writer.Complete();
    }

    private static Dictionary<string, byte[]> Bits(string path)
    {
        using var file = HostFile.Open(path, FileAccess.Read);
        var geometry = Qcow2Geometry.Read(file);
        var tables = new Qcow2Tables(file, geometry.ClusterSize);
        var all = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var bitmap in Qcow2Bitmaps.ReadAll(file, geometry))
        {
            Assert.Equal(BitmapFlags.None, bitmap.Flags & BitmapFlags.InUse);
            var bits = new byte[bitmap.TableEntries * geometry.ClusterSize];
            for (var i = 0; i < bitmap.TableEntries; i++)
            {
                var entry = tables.Read(bitmap.TableOffset + i * 8);
                var part = bits.AsSpan(i * geometry.ClusterSize, geometry.ClusterSize);
                if ((long)(entry & L2Entry.OffsetMask) is not 0 and var cluster)
                    file.Read(cluster, part[..(int)Math.Min(part.Length, file.Length - cluster)]);
                else if ((entry & 1) != 0)
                    part.Fill(0xFF);
            }
            all[bitmap.Name] = bits;
        }
        return all;
    }

    private static string Hash(BlockDevice disk)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 20];
        for (var offset = 0L; offset < disk.Length; offset += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, disk.Length - offset));
            disk.Read(offset, part);
            hash.AppendData(part);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // Text, noise, and nothing.
    private static byte[] Mixed()
    {
        var random = new Random(9);
        var content = new byte[DiskSize];
        for (var at = 0; at < content.Length;)
        {
            var part = content.AsSpan(at, Math.Min(content.Length - at, random.Next(1, 300_000)));
            switch (random.Next(3))
            {
                case 0:
                    random.NextBytes(part);
                    break;
                case 1:
                    foreach (ref var b in part)
                        b = (byte)"the quick brown fox "[random.Next(20) * random.Next(20) / 20];
                    break;
                default:
                    break;
            }
            at += part.Length;
        }
        return content;
    }
}
