using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Images;

public sealed class ImageNeighboursTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_relative_reference_starts_at_the_images_own_folder()
    {
        var neighbours = ImageNeighbours.Of(MakeFile("sub/child.img", 512));
        MakeFile("base.img", 1024);

        using var parent = neighbours.OpenImage("../base.img");

        Assert.Equal(1024, parent.VirtualSize);
        Assert.False(parent.Disk.CanWrite);
        Assert.True(neighbours.Exists("../base.img"));
        Assert.False(neighbours.Exists("base.img"));
    }

    [Fact]
    public void An_image_that_refers_to_itself_is_refused_also_through_a_link()
    {
        var path = MakeFile("a.img", 512);
        File.CreateSymbolicLink(_folder.File("b.img"), path);

        Assert.Equal("IMG-0003", Assert.Throws<DiskFormatException>(() => ImageNeighbours.Of(path).OpenImage("b.img")).Code);
    }

    [Fact]
    public void A_missing_file_is_named_together_with_who_refers_to_it()
    {
        var message = Assert.Throws<FileNotFoundException>(() => ImageNeighbours.Of(MakeFile("a.img", 512)).OpenImage("gone.img")).Message;

        Assert.Contains("gone.img", message, StringComparison.Ordinal);
        Assert.Contains("a.img", message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_in_memory_refers_to_nothing()
    {
        Assert.Null(ImageNeighbours.None.Resolve("base.img"));
        Assert.Throws<FileNotFoundException>(() => ImageNeighbours.None.OpenBytes("base.img"));
    }

    private string MakeFile(string name, int length)
    {
        var path = _folder.File(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, new byte[length]);
        return path;
    }
}
