using System.Text;
using Platter.Blocks;
using Platter.Images;
using Platter.Images.Vhdx;
using Platter.Primitives;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>Differencing VHDs and VHDX: chains, edits that leave the parents alone, parents that moved or are not what they were.</summary>
public sealed class DifferencingTests : IDisposable
{
    private const int Size = 5 << 20;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Formats => new("vhd", "vhdx");

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_difference_shows_its_parent_and_keeps_its_own_changes(string format)
    {
        var (basePath, child) = Pair(format);
        var before = File.ReadAllBytes(basePath);
        Edit(child, d =>
        {
            d.Write(1000, [1, 2, 3]);
            d.WriteZeros(2 << 20, 1 << 20);
            d.Write((4 << 20) + 7, new byte[10_000]);
        });
        Assert.Equal(before, File.ReadAllBytes(basePath));
        var expected = Content(basePath);
        new byte[] { 1, 2, 3 }.CopyTo(expected, 1000);
        expected.AsSpan(2 << 20, 1 << 20).Clear();
        expected.AsSpan((4 << 20) + 7, 10_000).Clear();
        Assert.True(expected.AsSpan().SequenceEqual(Content(child)));
        using var image = ImageFile.Open(child, ImageAccess.Read);
        Assert.Equal(format, image.Container.Parent!.Format.Name);
        Assert.Contains(image.Container.Details, d => d is { Key: "kind", Value: "differencing" });
        Assert.Contains(image.Container.Details, d => d.Key == "parent" && d.Value.Contains("base", StringComparison.Ordinal));
        Assert.True(Check(image.Container).IsClean);
    }

    [Theory]
    [InlineData("vhd", 512)]
    [InlineData("vhd", 4096)]
    [InlineData("vhdx", 512)]
    [InlineData("vhdx", 4096)]
    public void A_chain_of_differences_holds_what_an_array_would(string format, int unaligned)
    {
        var settings = format == "vhd" ? ("block_size", "64K") : ("block_size", "1M");
        var paths = new List<string> { Make($"0.{format}", format, null, settings) };
        var model = new byte[Size];
        var random = new Random(5);
        for (var level = 0; level < 6; level++)
        {
            if (level > 0)
                paths.Add(Make($"{level}.{format}", format, paths[^1], settings));
            var states = paths[..^1].Select(File.ReadAllBytes).ToList();
            for (var session = 0; session < 3; session++)
            {
                Edit(paths[^1], d =>
                {
                    for (var i = 0; i < 40; i++)
                        Change(d, model, random, unaligned);
                });
                Assert.True(model.AsSpan().SequenceEqual(Content(paths[^1])), $"level {level}, session {session}");
                using var image = ImageFile.Open(paths[^1], ImageAccess.Read);
                var report = Check(image.Container);
                Assert.True(report.IsClean, string.Join('\n', report.Findings));
                CheckAllocated(image.Device, model);
            }
            for (var i = 0; i < states.Count; i++)
                Assert.True(states[i].AsSpan().SequenceEqual(File.ReadAllBytes(paths[i])), $"level {i} has changed");
        }
    }

    [Fact]
    public void A_fixed_disk_can_be_a_parent()
    {
        foreach (var (name, format) in new[] { ("vhd-fixed", "vhd"), ("vhdx-fixed", "vhdx") })
        {
            var parent = Make($"fixed.{name}", name, null);
            Edit(parent, d => d.Write(5000, [9]));
            var child = Make($"over-{name}", format, parent);
            Assert.Equal(9, Content(child)[5000]);
            Edit(child, d => d.Write(5001, [8]));
            Assert.Equal([9, 8], Content(child)[5000..5002]);
            Edit(parent, d => d.Write(5000, [7]));
            Assert.StartsWith(format.ToUpperInvariant() + "-", Assert.Throws<DiskFormatException>(() => Content(child)).Code, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_chain_may_be_moved_and_copied_together(string format)
    {
        var (basePath, child) = Pair(format);
        var expected = Content(child);
        var moved = Directory.CreateDirectory(_folder.File("elsewhere")).FullName;
        foreach (var path in new[] { basePath, child })
        {
            File.Copy(path, Path.Combine(moved, Path.GetFileName(path)));
            File.SetLastWriteTimeUtc(Path.Combine(moved, Path.GetFileName(path)), DateTime.UtcNow.AddYears(-3));
            File.Delete(path);
        }
        Assert.True(expected.AsSpan().SequenceEqual(Content(Path.Combine(moved, Path.GetFileName(child)))));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_parent_in_another_folder_is_found_by_its_relative_path(string format)
    {
        Directory.CreateDirectory(_folder.File("bases/deep"));
        Directory.CreateDirectory(_folder.File("work"));
        var parent = Make($"bases/deep/b.{format}", format, null);
        Edit(parent, d => d.Write(0, [1]));
        using (var opened = ImageFile.Open(parent, ImageAccess.Read))
        {
            using var image = NewImage.Create(_folder.File($"work/c.{format}"), Size, new NewImageOptions
            {
                Container = new ContainerOptions { Parent = opened.Container, ParentReference = $"../bases/deep/b.{format}" },
            });
            image.Complete();
        }
        Assert.Equal(1, Content(_folder.File($"work/c.{format}"))[0]);
        Directory.Move(_folder.File("bases"), _folder.File("new"));
        Directory.CreateDirectory(_folder.File("x"));
        Directory.Move(_folder.File("new"), _folder.File("x/bases"));
        Directory.Move(_folder.File("work"), _folder.File("x/work"));
        Assert.Equal(1, Content(_folder.File($"x/work/c.{format}"))[0]);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_missing_parent_is_named(string format)
    {
        var (basePath, child) = Pair(format);
        File.Delete(basePath);
        var message = Assert.Throws<FileNotFoundException>(() => Content(child)).Message;
        Assert.Contains(Path.GetFileName(basePath), message, StringComparison.Ordinal);
        Assert.Contains("identifier", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vhd", "VHD-0027")]
    [InlineData("vhdx", "VHDX-0021")]
    public void Another_disk_in_the_parents_place_is_refused(string format, string code)
    {
        var (basePath, child) = Pair(format);
        File.Delete(basePath);
        Make(Path.GetFileName(basePath), format, null);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => Content(child)).Code);
    }

    [Theory]
    [InlineData("vhd", "VHD-0028")]
    [InlineData("vhdx", "VHDX-0021")]
    public void A_parent_that_was_changed_is_refused(string format, string code)
    {
        var (basePath, child) = Pair(format);
        Edit(basePath, d => d.Write(0, [99]));
        File.SetLastWriteTimeUtc(basePath, DateTime.UtcNow.AddDays(-7));
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => Content(child)).Code);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => ImageFile.Open(child, ImageAccess.Edit)).Code);
    }

    [Theory]
    [InlineData("vhd", "VHD-0030")]
    [InlineData("vhdx", "VHDX-0022")]
    public void A_parent_of_another_kind_is_refused(string format, string code)
    {
        var (basePath, child) = Pair(format);
        File.WriteAllBytes(basePath, new byte[100_000]);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => Content(child)).Code);
        using var raw = ImageFile.Open(basePath, ImageAccess.Read);
        Assert.Throws<UnsupportedFeatureException>(() => ContainerFormat.FromName(format)!.Create(new ResizableMemoryDevice(0), 100_352, new ContainerOptions { Parent = raw.Container, ParentReference = "x" }));
    }

    [Theory]
    [InlineData("vhd", "VHD-0029")]
    [InlineData("vhdx", "VHDX-0028")]
    public void A_parent_of_another_size_is_a_finding_and_what_it_lacks_reads_as_zeros(string format, string code)
    {
        using var parent = new ResizableMemoryDevice(0);
        using var child = new ResizableMemoryDevice(0);
        using var below = ContainerFormat.FromName(format)!.Create(parent, 1 << 20);
        below.Disk.Write(0, [1]);
        below.Disk.Flush();
        ContainerFormat.FromName(format)!.Create(child, 3 << 20).Dispose();
        using var image = Over(child, below);
        var report = Check(image);
        Assert.Contains(report.Findings, f => f.Code == code);
        var bytes = new byte[3 << 20];
        image.Disk.Read(0, bytes);
        Assert.Equal(1, bytes[0]);
        Assert.True(bytes.AsSpan(1).IndexOfAnyExcept((byte)0) < 0);
        Assert.Throws<UnsupportedFeatureException>(() => ContainerFormat.FromName(format)!.Create(new ResizableMemoryDevice(0), 2 << 20, new ContainerOptions { Parent = below, ParentReference = "x" }));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_difference_to_itself_or_to_its_own_difference_is_refused(string format)
    {
        var a = Make($"a.{format}", format, null);
        var b = Make($"b.{format}", format, a);
        File.Delete(a);
        File.CreateSymbolicLink(a, b);
        Assert.Equal("IMG-0003", Assert.Throws<DiskFormatException>(() => Content(b)).Code);
        File.Delete(a);
        File.Copy(b, a);
        Assert.Equal("IMG-0003", Assert.Throws<DiskFormatException>(() => Content(b)).Code);
    }

    [Fact]
    public void A_vhd_made_elsewhere_is_found_by_any_of_the_locators()
    {
        var (basePath, child) = Pair("vhd");
        var name = Path.GetFileName(basePath);
        foreach (var (code, bytes) in new (uint, byte[])[]
        {
            (VhdParentLocator.W2ru, Encoding.Unicode.GetBytes(@".\" + name)), (VhdParentLocator.W2ku, Encoding.Unicode.GetBytes(basePath + "\0\0")),
            (VhdParentLocator.Wi2r, Encoding.ASCII.GetBytes(name)), (VhdParentLocator.Wi2k, Encoding.ASCII.GetBytes(basePath)),
            (VhdParentLocator.MacX, Encoding.UTF8.GetBytes(new Uri(basePath).AbsoluteUri)), (0u, []), (0x4D616320u, [1, 2, 3]),
        })
        {
            var image = File.ReadAllBytes(child);
            ref var header = ref OnDisk.Edit<VhdDynamicHeader>(image, 512);
            header.ParentLocators = default;
            header.ParentLocators[3] = new VhdParentLocator { PlatformCode = code, DataSpace = 1, DataLength = (uint)bytes.Length, DataOffset = (ulong)image.Length - 512 };
            header.ParentFileName = code == 0 ? @"C:\disks\" + name : code == 0x4D616320u ? name : "no such file";
            header.Checksum = header.ComputeChecksum();
            var moved = _folder.File("other.vhd");
            var footer = image[^512..];
            File.WriteAllBytes(moved, [.. image[..^512], .. bytes, .. new byte[(512 - bytes.Length % 512) % 512], .. footer]);
            Assert.Equal(77, Content(moved)[100]);
        }
    }

    [Fact]
    public void A_vhd_that_notes_when_its_parents_file_was_written_is_believed()
    {
        var (basePath, child) = Pair("vhd");
        var image = File.ReadAllBytes(child);
        var time = new DateTimeOffset(2019, 5, 6, 7, 8, 9, TimeSpan.Zero);
        ref var header = ref OnDisk.Edit<VhdDynamicHeader>(image, 512);
        header.ParentTimeStamp = VhdFooter.Time(time);
        header.Checksum = header.ComputeChecksum();
        ref var footer = ref OnDisk.Edit<VhdFooter>(image, image.Length - 512);
        "vbox"u8.CopyTo(image.AsSpan(image.Length - 512 + 0x1C));
        footer.Checksum = footer.ComputeChecksum();
        File.WriteAllBytes(child, image);
        Assert.Equal("VHD-0028", Assert.Throws<DiskFormatException>(() => Content(child)).Code);
        File.SetLastWriteTimeUtc(basePath, time.UtcDateTime);
        Assert.Equal(77, Content(child)[100]);
        header.ParentTimeStamp = 0;
        header.Checksum = header.ComputeChecksum();
        File.WriteAllBytes(child, image);
        File.SetLastWriteTimeUtc(basePath, DateTime.UtcNow);
        Assert.Equal(77, Content(child)[100]);
    }

    [Fact]
    public void The_parts_of_a_vhd_chain_are_where_the_specification_puts_them()
    {
        var (_, child) = Pair("vhd");
        var image = File.ReadAllBytes(child);
        var header = OnDisk.View<VhdDynamicHeader>(image, 512);
        Assert.Equal("base.vhd", Encoding.BigEndianUnicode.GetString(image, 512 + 0x40, 16));
        Assert.Equal("base.vhd", header.ParentFileName);
        Assert.Equal(@".\base.vhd", Encoding.Unicode.GetString(image, (int)(ulong)header.ParentLocators[0].DataOffset, (int)(uint)header.ParentLocators[0].DataLength));
        Assert.Equal("W2ru", Encoding.ASCII.GetString(image, 512 + 0x240, 4));
        Assert.Equal("W2ku", Encoding.ASCII.GetString(image, 512 + 0x240 + 24, 4));
        Assert.Equal(_folder.File("base.vhd"), Encoding.Unicode.GetString(image, (int)(ulong)header.ParentLocators[1].DataOffset, (int)(uint)header.ParentLocators[1].DataLength));
    }

    /// <summary>A difference in memory, to a parent that was opened by other means.</summary>
    internal static Container Over(BlockDevice host, Container parent, bool ownsHost = false)
    {
        if (parent is not VhdxImage)
            return new VhdDynamicImage(host, VhdParts.Read(host), parent, (false, ownsHost));
        var parts = VhdxParts.Read(host, VhdxHeaders.Read(host));
        parts = parts with { Layout = new VhdxLayout(parts.Layout.Bat, parts.Layout.Metadata with { HasParent = true }) };
        for (var block = 0L; block < parts.Layout.BlockCount && host.CanWrite; block++)
        {
            U64Le entry = default;
            host.Read(parts.Layout.Bat.Offset + 8 * parts.Layout.IndexOf(block), entry);
            if (entry == (ulong)VhdxBlockState.Zero)
                host.Write(parts.Layout.Bat.Offset + 8 * parts.Layout.IndexOf(block), new byte[8]);
        }
        return new VhdxImage(host, parts, parent, (false, ownsHost));
    }

    private static void Change(BlockDevice disk, byte[] model, Random random, int unit)
    {
        var offset = random.Next(Size);
        var count = Math.Min(Size - offset, random.Next(4) == 0 ? random.Next(1 << 20) : random.Next(5000));
        if (random.Next(2) == 0)
        {
            offset -= offset % unit;
            count -= count % unit;
        }
        if (random.Next(8) == 0)
            (offset, count) = (offset >> 20 << 20, 1 << 20);
        var data = new byte[count];
        if (random.Next(4) != 0)
            random.NextBytes(data);
        switch (random.Next(5))
        {
            case 0:
                Array.Clear(data);
                disk.WriteZeros(offset, count);
                break;
            case 1:
                disk.WriteFresh(offset, data);
                break;
            case 2 when random.Next(4) == 0:
                // The old content until the commit, and perhaps zeros after it.
                disk.Discard(offset, count);
                disk.Flush();
                disk.Read(offset, data);
                break;
            default:
                disk.Write(offset, data);
                break;
        }
        data.CopyTo(model, offset);
        if (random.Next(10) == 0)
            disk.Flush();
    }

    private static void CheckAllocated(BlockDevice disk, byte[] model)
    {
        var at = 0L;
        foreach (var range in disk.AllocatedRanges().Append(new ByteRange(Size, 0)))
        {
            Assert.True(range.Offset >= at);
            Assert.False(model.AsSpan((int)at, (int)(range.Offset - at)).ContainsAnyExcept((byte)0), $"{at}..{range.Offset} is said to be a hole");
            at = range.End;
        }
    }

    // A base with something in it, and a difference to it.
    private (string Base, string Child) Pair(string format)
    {
        var parent = Make($"base.{format}", format, null);
        Edit(parent, d =>
        {
            for (var i = 0; i < Size; i += 300_000)
                d.Write(i, Enumerable.Repeat((byte)(i / 300_000 + 1), 100_000).ToArray());
            d.Write(100, [77]);
        });
        return (parent, Make($"child.{format}", format, parent));
    }

    private string Make(string name, string format, string? parent, params (string Key, string Value)[] settings)
    {
        using var opened = parent is null ? null : ImageFile.Open(parent, ImageAccess.Read);
        using var image = NewImage.Create(_folder.File(name), Size, new NewImageOptions
        {
            Format = ContainerFormat.FromName(format),
            Container = new ContainerOptions { Parent = opened?.Container, ParentReference = parent, Settings = settings.ToDictionary(s => s.Key, s => s.Value) },
        });
        image.Complete();
        return _folder.File(name);
    }

    private static void Edit(string path, Action<BlockDevice> edit)
    {
        using var image = ImageFile.Open(path, ImageAccess.Edit);
        edit(image.Device);
        image.Device.Flush();
    }

    private static byte[] Content(string path)
    {
        using var image = ImageFile.Open(path, ImageAccess.Read);
        var all = new byte[image.Device.Length];
        image.Device.Read(0, all);
        return all;
    }

    private static CheckReport Check(Container container)
    {
        var report = new CheckReport();
        container.Check(report);
        return report;
    }
}

/// <summary>Differences to an empty parent, in memory.</summary>
public abstract class DifferencingConformance(string format, string blockSize) : ContainerConformance
{
    private Container? _parent;

    protected override long TestLength => 3_002_368;

    protected override void Make(ResizableDevice host, long length)
    {
        var options = new ContainerOptions { WholeMebibytes = false, Settings = new Dictionary<string, string> { ["block_size"] = blockSize } };
        _parent = ContainerFormat.FromName(format)!.Create(new ResizableMemoryDevice(0), length, options);
        ContainerFormat.FromName(format)!.Create(host, length, options with { Parent = _parent, ParentReference = "base" }).Dispose();
    }

    private protected override Container Open(BlockDevice host) => DifferencingTests.Over(host, _parent!, ownsHost: true);
}

public sealed class DifferencingVhdOfSmallBlocksConformance() : DifferencingConformance("vhd", "16K");

public sealed class DifferencingVhdConformance() : DifferencingConformance("vhd", "2M");

public sealed class DifferencingVhdxConformance() : DifferencingConformance("vhdx", "1M");

public sealed class DifferencingVhdxOfLargeBlocksConformance() : DifferencingConformance("vhdx", "32M");
