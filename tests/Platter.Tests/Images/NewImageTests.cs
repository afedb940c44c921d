using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Images;

public sealed class NewImageTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.img", "raw", 5 << 20)]
    [InlineData("a.vhd", "vhd", 4096 + (2 << 20) + 512)]
    [InlineData("a.VHD", "vhd", 4096 + (2 << 20) + 512)]
    [InlineData("a", "raw", 5 << 20)]
    public void Nothing_has_the_name_before_it_is_complete(string name, string format, long length)
    {
        var path = _folder.File(name);
        using (var image = NewImage.Create(path, 5 << 20))
        {
            image.Device.Write(1 << 20, [1, 2, 3]);
            Assert.False(File.Exists(path));
            image.Complete();
        }
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
        Assert.Equal(length, new FileInfo(path).Length);
        using var opened = ImageFile.Open(path, ImageAccess.Read);
        Assert.Equal(format, opened.Container.Format.Name);
        Assert.True(opened.Container.AllocatedSize < 1 << 20);
        var bytes = new byte[3];
        opened.Device.Read(1 << 20, bytes);
        Assert.Equal([1, 2, 3], bytes);
    }

    [Fact]
    public void What_a_killed_process_left_of_the_same_image_is_removed()
    {
        // No process has a number as high as that.
        string[] dead = ["a.img.platter-new-2147483646", "a.img.platter-new-2147483646-2"];
        string[] others =
        [
            "a.img.platter-new-1", "a.img.platter-new-2147483645", "a.img.platter-new-x", "a.img.platter-new-", "a.img.platter-new--1",
            "b.img.platter-new-2147483646", "aa.img.platter-new-2147483646", "a.img.platter-journal",
        ];
        foreach (var name in dead.Concat(others))
            File.WriteAllText(_folder.File(name), "left");
        using (HostFile.Open(_folder.File("a.img.platter-new-2147483645"), FileAccess.ReadWrite))
        using (NewImage.Create(_folder.File("a.img"), 1 << 20))
            Assert.Equal(others.Length + 1, Directory.GetFiles(_folder.Path).Length);
        Assert.Equal(others.Order(StringComparer.Ordinal), Directory.GetFiles(_folder.Path).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_is_not_completed_leaves_nothing()
    {
        using (var image = NewImage.Create(_folder.File("a.img"), 1 << 20))
            image.Device.Write(0, [1]);
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void What_is_there_is_kept_unless_told_otherwise()
    {
        var path = _folder.File("a.img");
        File.WriteAllText(path, "old");
        Assert.Throws<AlreadyExistsException>(() => NewImage.Create(path, 1000));
        using (var image = NewImage.Create(path, 1000, new NewImageOptions { Overwrite = true }))
        {
            Assert.Equal("old", File.ReadAllText(path));
            File.WriteAllText(path + ".platter-journal", "of the old one");
            image.Complete();
        }
        Assert.Equal(1000, new FileInfo(path).Length);
        Assert.Single(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void A_name_taken_meanwhile_is_not_overwritten()
    {
        var path = _folder.File("a.img");
        using (var image = NewImage.Create(path, 1000))
        {
            File.WriteAllText(path, "somebody else's");
            Assert.Throws<AlreadyExistsException>(image.Complete);
        }
        Assert.Equal("somebody else's", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void An_image_in_use_is_not_replaced()
    {
        var path = _folder.File("a.img");
        File.WriteAllText(path, "old");
        using var reader = ImageFile.Open(path, ImageAccess.Read);
        using var image = NewImage.Create(path, 1000, new NewImageOptions { Overwrite = true });
        Assert.Throws<InUseException>(image.Complete);
    }

    [Fact]
    public void Room_is_taken_in_advance_when_asked()
    {
        using var image = NewImage.Create(_folder.File("a.vhd"), 3 << 20, new NewImageOptions { Preallocate = true, Format = ContainerFormat.VhdFixed });
        image.Complete();
        using var file = HostFile.Open(_folder.File("a.vhd"), FileAccess.Read);
        Assert.True(file.AllocatedBytes >= 3 << 20);
    }

    [Fact]
    public void Two_images_of_one_name_can_be_in_the_making()
    {
        using var first = NewImage.Create(_folder.File("a.img"), 1000);
        using var second = NewImage.Create(_folder.File("a.img"), 1000);
        second.Complete();
        Assert.Throws<AlreadyExistsException>(first.Complete);
    }

    [Fact]
    public void Edits_of_a_vhd_are_transactions()
    {
        var path = _folder.File("a.vhd");
        using (var image = NewImage.Create(path, 1 << 20))
            image.Complete();
        using (var image = ImageFile.Open(path, ImageAccess.Edit))
        {
            image.Device.Write(0, [1]);
            image.Device.Flush();
            image.Device.Write(0, [2]);
            Assert.True(image.Device.CanRollback);
        }
        using (var image = ImageFile.Open(path, ImageAccess.Read))
        {
            var one = new byte[1];
            image.Device.Read(0, one);
            Assert.Equal(1, one[0]);
        }
        Assert.Single(Directory.GetFiles(_folder.Path));
    }
}
