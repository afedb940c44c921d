using Platter.FileSystems;
using Platter.FileSystems.Swap;
using Platter.Testing;
using Platter.Trees;
using Platter.Trees.Building;
using Platter.Trees.Specs;
using Platter.Trees.Toml;
using Xunit;

namespace Platter.Interop.Tests.Trees;

/// <summary>What a spec puts on a disk besides filesystems, as util-linux, gdisk and dd see it.</summary>
public sealed class RawAndSwapTests : IDisposable
{
    private static readonly DateTimeOffset Epoch = new(2024, 2, 29, 12, 0, 0, TimeSpan.Zero);
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private BuildReport Build(string spec, string output = "disk.img") =>
        DiskBuilder.Build(DiskSpec.Parse(spec, "disk.toml"), _folder.File(output), new BuildOptions { Epoch = Epoch, BaseFolder = _folder.Path });

    private byte[] Write(string name, int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        File.WriteAllBytes(_folder.File(name), bytes);
        return bytes;
    }

    private byte[] Read(long offset, int length)
    {
        using var file = File.OpenRead(_folder.File("disk.img"));
        var bytes = new byte[length];
        file.Position = offset;
        file.ReadExactly(bytes);
        return bytes;
    }

    private string Cut(long start, long length)
    {
        var part = _folder.File("part.img");
        Tool.Expect("dd", $"if={_folder.File("disk.img")}", $"of={part}", "bs=1M", "iflag=skip_bytes,count_bytes", $"skip={start}", $"count={length}");
        return part;
    }

    [Theory]
    [InlineData("SWAP", 4096, "8M")]
    [InlineData("a-label-of-15-b", 16384, "8196K")]
    [InlineData("", 65536, "1M")]
    public void A_swap_partition_is_the_one_that_mkswap_makes(string label, int pageSize, string size)
    {
        var report = Build($$"""
            [image]
            size = "auto"
            [[partition]]
            type = "linux-swap"
            size = "{{size}}"
            [partition.filesystem]
            type = "swap"
            label = "{{label}}"
            uuid = "0f0f0f0f-1234-4567-89ab-000102030405"
            options = { page_size = {{pageSize}} }
            """);
        var partition = report.Partitions[0];
        var ours = Cut(partition.Start, partition.Length);
        var theirs = _folder.File("theirs.img");
        using (var file = File.Create(theirs))
            file.SetLength(partition.Length);
        List<string> arguments = ["-p", pageSize.ToString(System.Globalization.CultureInfo.InvariantCulture), "-U", "0f0f0f0f-1234-4567-89ab-000102030405"];
        Tool.Expect("mkswap", [.. arguments, .. label.Length > 0 ? new[] { "-L", label } : [], theirs]);
        Assert.Equal(File.ReadAllBytes(theirs), File.ReadAllBytes(ours));
        Assert.Contains("TYPE=\"swap\"", Tool.Expect("blkid", "-p", ours), StringComparison.Ordinal);
        var told = Tool.Expect("swaplabel", ours);
        Assert.Contains("0f0f0f0f-1234-4567-89ab-000102030405", told, StringComparison.Ordinal);
        Assert.Contains(label, told, StringComparison.Ordinal);
        Assert.Equal(("swap", label.Length > 0 ? label : null), (report.Volumes[0].Info.Type, report.Volumes[0].Info.Label));
    }

    [Fact]
    public void A_swap_area_that_mkswap_made_is_read()
    {
        var path = _folder.File("swap.img");
        using (var file = File.Create(path))
            file.SetLength(4 << 20);
        Tool.Expect("mkswap", "-L", "theirs", path);
        using (var disk = DiskImage.Open(path))
        {
            var area = SwapArea.TryOpen(disk.Device)!;
            Assert.Equal(("theirs", 1024L), (area.Label, area.Pages));
            Assert.True(disk.Check().IsClean);
        }
        // And what Platter makes in place is mkswap's again.
        using (var disk = DiskImage.OpenForEditing(path))
            disk.Format(null, new FormatOptions { Type = "swap", Label = "ours" });
        Assert.Contains("ours", Tool.Expect("swaplabel", path), StringComparison.Ordinal);
    }

    [Fact]
    public void Bare_contents_lie_where_the_spec_says()
    {
        var loader = Write("u-boot.bin", 700_001);
        var code = Write("boot.img", 440);
        var kernel = Write("kernel.bin", 1_300_000);
        var report = Build("""
            [image]
            size = "auto"
            disk_id = "11111111-2222-3333-4444-555555555555"
            [[image.blob]]
            content = "boot.img"
            offset = 0
            [[image.blob]]
            content = "u-boot.bin"
            offset = "32K"
            [[partition]]
            name = "kernel"
            type = "linux"
            size = "auto"
            content = "kernel.bin"
            uuid = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
            attributes = ["required", "bit48"]
            [[partition]]
            type = "linux"
            size = "4M"
            offset = "8M"
            content = "u-boot.bin"
            """);
        var image = _folder.File("disk.img");
        Assert.Contains("No problems found", Tool.Expect("sgdisk", "-v", image), StringComparison.Ordinal);
        Assert.Contains("11111111-2222-3333-4444-555555555555", Tool.Expect("sgdisk", "-p", image), StringComparison.Ordinal);
        var first = Tool.Expect("sgdisk", "-i", "1", image);
        Assert.Contains("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", first, StringComparison.Ordinal);
        Assert.Contains("Attribute flags: 0001000000000001", first, StringComparison.Ordinal);
        Assert.Equal(code, Read(0, 440));
        Assert.Equal(loader, Read(32 << 10, loader.Length));
        Assert.Equal(kernel, Read(1 << 20, kernel.Length));
        Assert.Equal([.. loader, .. new byte[(4 << 20) - loader.Length]], Read(8 << 20, 4 << 20));
        Assert.Equal(((1_300_000 + 511) / 512 * 512, 4L << 20), (report.Partitions[0].Length, report.Partitions[1].Length));
        Assert.Equal("boot.img u-boot.bin kernel.bin u-boot.bin", string.Join(' ', report.Blobs.Select(b => b.Source)));
    }

    [Fact]
    public void A_disk_grows_for_what_lies_behind_its_partitions()
    {
        Write("late.bin", 100_000);
        var report = Build("[image]\nsize = 'auto'\npartition_table = 'mbr'\n[[image.blob]]\ncontent = 'late.bin'\noffset = '5M'\n[[partition]]\ntype = 'linux'\nsize = '1M'\n");
        Assert.Equal(6L << 20, report.Length);
    }

    [Theory]
    [InlineData("gpt", 512, "1K", "would overwrite the GPT, 512 to 17408")]
    [InlineData("gpt", 512, "441", "would overwrite the protective MBR, 440 to 512")]
    [InlineData("gpt", 4096, "16K", "would overwrite the GPT, 4096 to 24576")]
    [InlineData("gpt", 512, "1000K", "would overwrite the partition 'one', 1048576 to 2097152")]
    [InlineData("gpt", 512, "16766976", "would overwrite the GPT's backup, 16760320 to 16777216")]
    [InlineData("gpt", 512, "20M", "ends at byte 21071520, the disk at 16777216")]
    [InlineData("mbr", 512, "500", "would overwrite the MBR, 440 to 512")]
    [InlineData("apm", 512, "20K", "would overwrite the Apple partition map, 0 to 32768")]
    public void What_would_overwrite_something_is_refused_with_its_place(string table, int sector, string offset, string message)
    {
        Write("x.bin", 100_000);
        var type = table == "apm" ? "Apple_HFS" : "linux";
        var problem = Assert.Throws<TomlException>(() => Build($"""
            [image]
            size = "16M"
            partition_table = "{table}"
            sector_size = {sector}
            [[image.blob]]
            content = "x.bin"
            offset = "{offset}"
            [[partition]]
            {(table == "mbr" ? "" : "name = 'one'")}
            type = "{type}"
            size = "1M"
            """));
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
        Assert.StartsWith("disk.toml:7:10: x.bin", problem.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.File("disk.img")));
    }

    [Fact]
    public void Blobs_stay_clear_of_each_other_and_of_logical_partitions()
    {
        Write("x.bin", 100_000);
        const string two = "[image]\nsize = 'auto'\npartition_table = 'mbr'\n[[image.blob]]\ncontent = 'x.bin'\noffset = '8K'\n[[image.blob]]\ncontent = 'x.bin'\noffset = '100K'\n";
        Assert.Contains("would overwrite x.bin, 8192 to 108192", Assert.Throws<TomlException>(() => Build(two)).Message, StringComparison.Ordinal);
        var logical = "[image]\nsize = '64M'\npartition_table = 'mbr'\n[[image.blob]]\ncontent = 'x.bin'\noffset = '6M'\n"
            + string.Concat(Enumerable.Repeat("[[partition]]\ntype = 'linux'\nsize = '1M'\n", 6));
        Assert.Contains("would overwrite the extended partition", Assert.Throws<TomlException>(() => Build(logical)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("content = 'nowhere.bin'", "disk.toml:6:11: there is no file nowhere.bin")]
    [InlineData("content = 'big.bin'", "disk.toml:6:11: big.bin has 2000000 bytes, its partition 1048576")]
    [InlineData("content = 'empty.bin'", "disk.toml:6:11: the file empty.bin is empty")]
    public void A_content_that_cannot_be_is_refused_with_its_place(string line, string message)
    {
        Write("big.bin", 2_000_000);
        Write("empty.bin", 0);
        Assert.Equal(message, Assert.Throws<TomlException>(() => Build($"[image]\nsize = '16M'\n[[partition]]\ntype = 'linux'\nsize = '1M'\n{line}\n")).Message);
    }

    [Theory]
    [InlineData("fat16", "100M", 100L << 20)]
    [InlineData("fat32", "50%", 0)]
    [InlineData("exfat", "64M", 64L << 20)]
    [InlineData("exfat", "200%", 0)]
    [InlineData("fat", "0", 0)]
    public void A_volume_that_fits_has_the_room_that_was_asked_for(string type, string free, long least)
    {
        Directory.CreateDirectory(_folder.File("tree"));
        for (var i = 0; i < 40; i++)
            Write($"tree/{i}", i * 20_000);
        var bare = Build($"[filesystem]\ntype = '{type}'\nsource = 'tree'\n", "bare.img");
        var report = Build($"[filesystem]\ntype = '{type}'\nsource = 'tree'\nfree = '{free}'\n");
        var wanted = Math.Max(least, FreeRoom.Parse(free).Of(bare.Length));
        Assert.InRange(report.Volumes[0].FreeBytes, wanted, wanted + bare.Volumes[0].FreeBytes + (2 << 20) + wanted / 50);
        var part = Build($"[image]\nsize = 'auto'\n[[partition]]\ntype = 'linux'\nsize = 'auto'\nfree = '{free}'\n[partition.filesystem]\ntype = '{type}'\nsource = 'tree'\n", "part.img");
        Assert.Equal(report.Length, part.Partitions[0].Length);
    }

    /// <summary>The smallest sensible volume: one step of the estimate less does not hold the tree any more.</summary>
    [Theory]
    [InlineData("fat12", 60)]
    [InlineData("fat16", 100)]
    [InlineData("fat", 40)]
    [InlineData("exfat", 60)]
    [InlineData("exfat", 300)]
    public void A_volume_that_fits_is_no_larger_than_it_has_to_be(string type, int files)
    {
        Directory.CreateDirectory(_folder.File("tree"));
        for (var i = 0; i < files; i++)
            Write($"tree/a rather long name, to take some room {i}", i * 997);
        var fitting = Build($"[filesystem]\ntype = '{type}'\nsource = 'tree'\n");
        var least = fitting.Length;
        // A width of FAT, and exFAT, have a least size of their own.
        var smallest = Build($"[filesystem]\ntype = '{type}'\n", "empty.img").Length;
        if (least == smallest)
            return;
        var smaller = $"[filesystem]\ntype = '{type}'\nsource = 'tree'\nsize = {least - (64 << 10)}\n";
        Assert.ThrowsAny<Exception>(() => Build(smaller, "smaller.img"));
    }
}
