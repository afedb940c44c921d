using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Images;

/// <summary>libvhdi reads what Platter wrote, differences included; Platter reads the images of the corpus, and what a killed qemu left.</summary>
public sealed class VhdJudgeTests(ITestOutputHelper output) : IDisposable
{
    // Reads a chain of images, the child first, and writes the disk.
    private const string LibvhdiDump = """
        import sys, pyvhdi
        files = []
        for path in sys.argv[2:]:
            f = pyvhdi.file()
            f.open(path)
            files.append(f)
        for child, parent in reversed(list(zip(files, files[1:]))):
            child.set_parent(parent)
        with open(sys.argv[1], 'wb') as out:
            left = files[0].get_media_size()
            while left > 0:
                data = files[0].read_buffer(min(left, 1 << 20))
                out.write(data)
                left -= len(data)
        """;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("vhd", "")]
    [InlineData("vhd", "block_size=512K")]
    [InlineData("vhd-fixed", "")]
    [InlineData("vhdx", "")]
    [InlineData("vhdx", "block_size=1M,log_size=2M,block_state_zero=off")]
    [InlineData("vhdx", "logical_sector_size=4096")]
    [InlineData("vhdx-fixed", "block_size=4M")]
    public void Libvhdi_reads_the_same_disk(string format, string settings)
    {
        var path = Make("a", format, settings, null);
        var model = new byte[Size];
        Scribble(path, model, new Random(3), 60, 1);
        Assert.True(model.AsSpan().SequenceEqual(Libvhdi(path)));
    }

    // libvhdi 20210425 takes sectors for zeros where a bitmap's run of bits doesn't end with a byte, and knows no small blocks; so for it
    // everything is written in units of 4096 bytes. The reader that was written for these tests gets the rest, too.
    [Theory]
    [InlineData("vhd", "vhd", "", 4096)]
    [InlineData("vhd", "vhd-fixed", "", 4096)]
    [InlineData("vhd", "vhd", "", 1)]
    [InlineData("vhd", "vhd", "block_size=64K", 1)]
    [InlineData("vhdx", "vhdx", "", 4096)]
    [InlineData("vhdx", "vhdx-fixed", "", 4096)]
    [InlineData("vhdx", "vhdx", "block_size=1M", 1)]
    [InlineData("vhdx", "vhdx", "block_size=32M", 1)]
    public void Others_read_the_same_from_a_chain_of_differences(string format, string bottom, string settings, int unit)
    {
        var random = new Random(4);
        var model = new byte[Size];
        var chain = new List<string>();
        for (var level = 0; level < 4; level++)
        {
            chain.Insert(0, Make($"{level}.{format}", level == 0 ? bottom : format, level == 0 ? "" : settings, chain.FirstOrDefault()));
            Scribble(chain[0], model, random, 40, unit);
            Same(model, SecondOpinion(chain), $"level {level}");
            if (unit == 4096)
                Same(model, Libvhdi([.. chain]), $"level {level}, libvhdi");
        }
        var info = Tool.Expect("vhdiinfo", chain[0]);
        Assert.Contains("Differential", info, StringComparison.Ordinal);
        Assert.Contains("2." + format, info, StringComparison.Ordinal);
        using var image = ImageFile.Open(chain[0], ImageAccess.Read);
        Assert.Contains(image.Container.Details, d => info.Contains(d.Value, StringComparison.OrdinalIgnoreCase) && d.Key.StartsWith("parent ", StringComparison.Ordinal));
    }

    public static TheoryData<string> CorpusImages() => new(Corpus.Images.Where(i => i.Kind is "vhd" or "vhdx").Select(i => i.File));

    [Theory]
    [MemberData(nameof(CorpusImages))]
    public void The_corpus_opens_and_qemu_sees_the_same_disk(string file)
    {
        var (image, path) = Unpack(file);
        var raw = _folder.File("raw");
        using (var opened = ImageFile.Open(path, ImageAccess.Read))
        {
            Assert.Equal(image.GuestSize, opened.Device.Length);
            var report = new CheckReport();
            opened.Container.Check(report);
            // The tests of dfvfs gave two images new identifiers, and left the checksums as they were.
            var expected = file.Contains("dfvfs-image", StringComparison.Ordinal) ? new[] { "VHD-0002", "VHD-0013", "VHD-0024" } : [];
            Assert.All(report.Findings, f => Assert.True(f.Severity == Severity.Note || expected.Contains(f.Code), f.ToString()));
            if (image.GuestSize <= 1 << 30)
                Assert.Equal(image.GuestHash, Hash(opened.Device));
            // qemu knows no holes in a VHDX and reads all of it, so of the large ones only the ends of what is there are compared.
            if (image.GuestSize > 300 << 20)
            {
                ComparePart(path, opened.Device, opened.Device.AllocatedRanges().First().Offset);
                ComparePart(path, opened.Device, Math.Max(0, opened.Device.AllocatedRanges().Last().End - PartSize));
                return;
            }
            CopyData(opened.Device, raw);
        }
        // qemu reads no differences, and believes no wrong checksum.
        if (file.Contains("dfvfs-image", StringComparison.Ordinal))
            return;
        var format = image.Kind == "vhd" ? "vpc" : "vhdx";
        Assert.Contains("identical", Tool.Expect("qemu-img", "compare", "-f", format, "-F", "raw", path, raw), StringComparison.Ordinal);
    }

    private void ComparePart(string path, BlockDevice disk, long offset)
    {
        var part = new byte[Math.Min(PartSize, disk.Length - offset)];
        disk.Read(offset, part);
        var raw = _folder.File($"part{offset}");
        File.WriteAllBytes(raw, part);
        var copy = path + ".replayed";
        File.Copy(path, copy, overwrite: true);
        Tool.Run("qemu-img", "check", "-r", "all", "-f", "vhdx", copy);
        Assert.Contains("identical", Tool.Expect("qemu-img", "compare", "--image-opts", string.Create(CultureInfo.InvariantCulture, $"driver=raw,offset={offset},size={part.Length},file.driver=vhdx,file.file.filename={copy}"),
            $"driver=raw,file.filename={raw}"), StringComparison.Ordinal);
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(CorpusImages))]
    public void The_corpus_has_its_known_contents_also_where_that_takes_minutes(string file)
    {
        var (image, path) = Unpack(file);
        using var opened = ImageFile.Open(path, ImageAccess.Read);
        Assert.Equal(image.GuestHash, Hash(opened.Device));
    }

    [Fact]
    public void A_corpus_image_with_a_dirty_log_can_be_edited()
    {
        var (_, path) = Unpack("vhdx/qemu-iotest-dirtylog-10G-4M.vhdx.zst");
        using (var opened = ImageFile.Open(path, ImageAccess.Edit))
        {
            opened.Device.Write(5L << 30, [1, 2, 3]);
            opened.Device.Flush();
        }
        using (var opened = ImageFile.Open(path, ImageAccess.Read))
        {
            ComparePart(path, opened.Device, 0);
            ComparePart(path, opened.Device, (5L << 30) - 4096);
        }
        Assert.Contains("No errors", Tool.Expect("qemu-img", "check", path), StringComparison.Ordinal);
    }

    // qemu writes to its log with every new block; killed in between, it leaves a log of which nobody knows how far it is.
    [Theory]
    [InlineData("block_size=1M", 6)]
    [InlineData("block_size=1M,log_size=2M", 4)]
    public void What_a_killed_qemu_left_in_its_log_is_replayed_as_qemu_would(string options, int times)
    {
        var (dirty, replayed) = (0, 0);
        for (var seed = 0; seed < times; seed++)
        {
            var path = _folder.File($"killed{seed}.vhdx");
            Tool.Expect("qemu-img", "create", "-q", "-f", "vhdx", "-o", options, path, "200M");
            KillWriting(path, seed);
            var before = File.ReadAllBytes(path);
            var raw = _folder.File($"killed{seed}.img");
            using (var opened = ImageFile.Open(path, ImageAccess.Read))
            {
                var report = new CheckReport();
                opened.Container.Check(report);
                Assert.True(report.IsClean, $"seed {seed}: {string.Join('\n', report.Findings)}");
                replayed += opened.Container.Details.Any(d => d is { Key: "log", Value: "replayed" }) ? 1 : 0;
                CopyData(opened.Device, raw);
            }
            Assert.True(before.AsSpan().SequenceEqual(File.ReadAllBytes(path)), "reading has written");
            dirty += HasLog(before) ? 1 : 0;
            var copy = path + ".copy";
            File.Copy(path, copy);
            using (var opened = ImageFile.Open(copy, ImageAccess.Edit))
            {
                // Replayed for good: nothing is left for qemu to do.
            }
            foreach (var judged in new[] { copy, path })
            {
                Tool.Run("qemu-img", "check", "-r", "all", "-f", "vhdx", judged);
                Assert.Contains("No errors", Tool.Expect("qemu-img", "check", "-f", "vhdx", judged), StringComparison.Ordinal);
                Assert.Contains("identical", Tool.Expect("qemu-img", "compare", "-f", "vhdx", "-F", "raw", judged, raw), StringComparison.Ordinal);
            }
        }
        output.WriteLine($"{options}: {times} killed, {dirty} left a log, {replayed} had something to replay");
    }

    private const int Size = 12 << 20, PartSize = 64 << 20;

    private static void KillWriting(string path, int seed)
    {
        var start = new ProcessStartInfo("qemu-io", ["-t", "writeback", "-f", "vhdx", path])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };
        using var qemu = Process.Start(start)!;
        var random = new Random(seed);
        qemu.OutputDataReceived += (_, _) => { };
        qemu.ErrorDataReceived += (_, _) => { };
        qemu.BeginOutputReadLine();
        qemu.BeginErrorReadLine();
        var kill = Task.Run(async () =>
        {
            await Task.Delay(20 + random.Next(120));
            qemu.Kill();
        });
        try
        {
            for (var i = 0; i < 3000; i++)
                qemu.StandardInput.WriteLine($"write -q -P {1 + i % 250} {(long)new Random(seed * 5000 + i).Next(199) << 20} {4096 * (1 + i % 40)}");
            qemu.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It is dead already.
        }
        kill.Wait();
        qemu.WaitForExit();
    }

    private static bool HasLog(byte[] image)
    {
        var sequence = new[] { BitConverter.ToUInt64(image, 0x10008), BitConverter.ToUInt64(image, 0x20008) };
        return image.AsSpan((sequence[0] > sequence[1] ? 0x10000 : 0x20000) + 0x30, 16).ContainsAnyExcept((byte)0);
    }

    private static void Scribble(string path, byte[] model, Random random, int count, int unit)
    {
        using var image = ImageFile.Open(path, ImageAccess.Edit);
        for (var i = 0; i < count; i++)
        {
            var offset = random.Next(Size) / unit * unit;
            var data = new byte[Math.Min(Size - offset, random.Next(5) == 0 ? random.Next(3 << 20) : random.Next(unit, unit + 9000)) / unit * unit];
            if (random.Next(4) > 0)
                random.NextBytes(data);
            if (random.Next(6) == 0)
            {
                Array.Clear(data);
                image.Device.WriteZeros(offset, data.Length);
            }
            else
            {
                image.Device.Write(offset, data);
            }
            data.CopyTo(model, offset);
        }
        image.Device.Flush();
    }

    private string Make(string name, string format, string settings, string? parent)
    {
        using var opened = parent is null ? null : ImageFile.Open(parent, ImageAccess.Read);
        var options = new ContainerOptions
        {
            Settings = settings.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('=')).ToDictionary(s => s[0], s => s[1]),
            Parent = opened?.Container, ParentReference = parent is null ? null : Path.GetFileName(parent),
        };
        using var image = NewImage.Create(_folder.File(name), Size, new NewImageOptions { Format = ContainerFormat.FromName(format), Container = options });
        image.Complete();
        return _folder.File(name);
    }

    private byte[] Libvhdi(params string[] chain)
    {
        var dump = _folder.File("libvhdi.img");
        var result = Tool.Run("/usr/bin/python3", ["-c", LibvhdiDump, dump, .. chain]);
        Assert.True(result.ExitCode == 0, $"libvhdi (Debian's python3-libvhdi): {result.All}");
        return File.ReadAllBytes(dump);
    }

    private static void Same(byte[] expected, byte[] found, string what)
    {
        Assert.Equal(expected.Length, found.Length);
        var first = expected.AsSpan().CommonPrefixLength(found);
        if (first == expected.Length)
            return;
        var wrong = Enumerable.Range(0, expected.Length / 512).Where(s => !expected.AsSpan(s * 512, 512).SequenceEqual(found.AsSpan(s * 512, 512))).ToList();
        Assert.Fail($"{what}: differs first at byte {first}, in {wrong.Count} sectors: {string.Join(' ', wrong.Take(40))}");
    }

    private byte[] SecondOpinion(IEnumerable<string> chain)
    {
        var dump = _folder.File("second.img");
        Tool.Expect("/usr/bin/python3", [Path.Combine(Corpus.Repository, "tests/Platter.Interop.Tests/Images/read_chain.py"), dump, .. chain.Reverse()]);
        return File.ReadAllBytes(dump);
    }

    private (Corpus.Image Image, string Path) Unpack(string file)
    {
        var image = Corpus.Images.First(i => i.File == file);
        foreach (var parent in Corpus.Images.Where(i => i.File != file && Path.GetDirectoryName(i.File) == Path.GetDirectoryName(file) && i.File.Contains("dfvfs-image", StringComparison.Ordinal)))
            Corpus.Unpack(parent, _folder);
        var path = Corpus.Unpack(image, _folder);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return (image, path);
    }

    // Only what is said to be data, into a file of holes.
    private static void CopyData(BlockDevice disk, string path)
    {
        using var raw = HostFile.Create(path, disk.Length);
        var buffer = new byte[1 << 20];
        foreach (var range in disk.AllocatedRanges())
        {
            for (var at = range.Offset; at < range.End; at += buffer.Length)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, range.End - at));
                disk.Read(at, part);
                if (part.ContainsAnyExcept((byte)0))
                    raw.Write(at, part);
            }
        }
    }

    private static string Hash(BlockDevice disk)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[4 << 20];
        for (var at = 0L; at < disk.Length; at += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, disk.Length - at));
            disk.Read(at, part);
            hash.AppendData(part);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
