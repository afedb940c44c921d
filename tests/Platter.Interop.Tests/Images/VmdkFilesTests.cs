using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Images;

/// <summary>VMDK in several files: made by Platter and read by qemu, flat ones edited by both.</summary>
public sealed class VmdkFilesTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("monolithicFlat", "a-flat.vmdk")]
    [InlineData("twoGbMaxExtentFlat", "a-f001.vmdk a-f002.vmdk a-f003.vmdk")]
    [InlineData("twoGbMaxExtentSparse", "a-s001.vmdk a-s002.vmdk a-s003.vmdk")]
    public void What_Platter_makes_is_what_qemu_sees(string subformat, string extents)
    {
        const long Size = (4L << 30) + 512;
        var (path, raw) = (_folder.File("a.vmdk"), _folder.File("raw"));
        using (var source = HostFile.Create(raw, Size))
        {
            TestDisk.Fill(source, 4 << 20, seed: 5);
            // Over the border between the first two extents.
            source.Write(4192256L * 512 - 3000, Enumerable.Repeat((byte)7, 6000).ToArray());
            var report = ImageConverter.ToNewImage(source, path, new ConvertOptions { Container = Settings(subformat), Verify = true });
            Assert.True(report.IsVerified);
        }
        Assert.Equal([.. extents.Split(' '), "a.vmdk", "raw"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(0, Tool.Run("qemu-img", "compare", "-f", "vmdk", "-F", "raw", path, raw).ExitCode);
        Assert.Contains(subformat, Tool.Expect("qemu-img", "info", "-f", "vmdk", path), StringComparison.Ordinal);
        Assert.Contains("Number of extents", Tool.Expect("vmdkinfo", path), StringComparison.OrdinalIgnoreCase);
        using var image = ImageFile.Open(path, ImageAccess.Read);
        var check = new CheckReport();
        image.Container.Check(check);
        Assert.True(check.IsClean, string.Join('\n', check.Findings));
        using var original = HostFile.Open(raw, FileAccess.Read);
        TestDisk.Same(original, image.Device);
        Assert.True(image.Container.AllocatedSize < 20 << 20, "the holes were written");
    }

    [Theory]
    [InlineData("monolithicFlat", true)]
    [InlineData("twoGbMaxExtentFlat", true)]
    [InlineData("monolithicFlat", false)]
    public void Flat_ones_are_edited_by_both_in_turns(string subformat, bool ours)
    {
        const int Size = (9 << 20) + 512;
        var (path, raw) = (_folder.File("a.vmdk"), _folder.File("raw"));
        var model = new byte[Size];
        if (ours)
        {
            using var image = NewImage.Create(path, Size, new NewImageOptions { Container = Settings(subformat) });
            image.Complete();
        }
        else
        {
            Tool.Expect("qemu-img", "create", "-q", "-f", "vmdk", "-o", $"subformat={subformat}", path, $"{Size}");
        }
        var random = new Random(4);
        var ids = new HashSet<string> { ContentId(path) };
        for (var round = 0; round < 4; round++)
        {
            using (var image = ImageFile.Open(path, ImageAccess.Edit))
            {
                for (var i = 0; i < 40; i++)
                {
                    var bytes = new byte[random.Next(1, i % 10 == 0 ? 300_000 : 9000)];
                    random.NextBytes(bytes);
                    var offset = random.Next(Size - bytes.Length);
                    if (i == 20)
                        image.Device.Flush();
                    if (i % 7 == 0)
                        Array.Clear(bytes);
                    if (i % 7 == 0)
                        image.Device.WriteZeros(offset, bytes.Length);
                    else
                        image.Device.Write(offset, bytes);
                    bytes.CopyTo(model, offset);
                }
                image.Device.Flush();
                image.Device.Write(1000, new byte[5000].Select(_ => (byte)3).ToArray());
                image.Device.Rollback();
            }
            Assert.True(ids.Add(ContentId(path)), "the content id is the same as before the edit");
            File.WriteAllBytes(raw, model);
            Assert.Equal(0, Tool.Run("qemu-img", "compare", "-f", "vmdk", "-F", "raw", path, raw).ExitCode);
            var at = random.Next(Size / 512 - 20) * 512;
            Tool.Expect("qemu-io", "-f", "vmdk", "-c", $"write -P {round + 1} {at} 10K", path);
            model.AsSpan(at, 10 << 10).Fill((byte)(round + 1));
        }
        Assert.Empty(Directory.GetFiles(_folder.Path, "*journal*"));
    }

    [Fact]
    public void Split_sparse_ones_and_those_with_a_short_extent_are_not_edited()
    {
        var path = _folder.File("a.vmdk");
        using (var image = NewImage.Create(path, 3 << 20, new NewImageOptions { Container = Settings("twoGbMaxExtentSparse") }))
            image.Complete();
        Assert.Throws<UnsupportedFeatureException>(() => ImageFile.Open(path, ImageAccess.Edit));
        using (var image = NewImage.Create(_folder.File("b.vmdk"), 3 << 20, new NewImageOptions { Container = Settings("monolithicFlat") }))
            image.Complete();
        using (var extent = File.OpenWrite(_folder.File("b-flat.vmdk")))
            extent.SetLength(2 << 20);
        Assert.Equal("VMDK-0012", Assert.Throws<DiskFormatException>(() => ImageFile.Open(_folder.File("b.vmdk"), ImageAccess.Edit)).Code);
        Assert.Equal(2 << 20, new FileInfo(_folder.File("b-flat.vmdk")).Length);
    }

    [Fact]
    public void What_is_not_completed_leaves_none_of_the_files()
    {
        using (var image = NewImage.Create(_folder.File("a.vmdk"), 5L << 30, new NewImageOptions { Container = Settings("twoGbMaxExtentSparse") }))
            image.Device.Write(0, [1, 2, 3]);
        Assert.Empty(Directory.GetFiles(_folder.Path));
        File.WriteAllText(_folder.File("b-f002.vmdk"), "mine");
        Assert.Throws<AlreadyExistsException>(() => NewImage.Create(_folder.File("b.vmdk"), 5L << 30, new NewImageOptions { Container = Settings("twoGbMaxExtentFlat") }));
        Assert.Equal([_folder.File("b-f002.vmdk")], Directory.GetFiles(_folder.Path));
    }

    private static string ContentId(string path) => File.ReadLines(path).First(l => l.StartsWith("CID=", StringComparison.Ordinal));

    private static ContainerOptions Settings(string subformat) =>
        new() { Settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["subformat"] = subformat } };
}
