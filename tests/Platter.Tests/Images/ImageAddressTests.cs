using Platter.Testing;
using Xunit;

namespace Platter.Tests.Images;

public sealed class ImageAddressTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_snapshot_is_named_behind_a_hash_and_a_partition_behind_an_at()
    {
        var image = Make("disk.qcow2");
        Assert.Equal(new ImageAddress(image, null, "before the update"), ImageAddress.Parse(image + "#before the update"));
        Assert.Equal(new ImageAddress(image, 2, "1"), ImageAddress.Parse(image + "#1@2"));
        Assert.Equal(new ImageAddress(image, 2), ImageAddress.Parse(image + "@2"));
        Assert.Equal(new ImageAddress(image, null, "a#b"), ImageAddress.Parse(image + "#a#b"));
        Assert.Equal(new ImageAddress(image, null, "me@home"), ImageAddress.Parse(image + "#me@home"));
        Assert.Equal(image + "#x@3", new ImageAddress(image, 3, "x").ToString());
    }

    [Fact]
    public void A_file_whose_real_name_holds_a_hash_or_an_at_wins()
    {
        var image = Make("disk.qcow2");
        var hash = Make("disk.qcow2#one");
        var at = Make("disk.qcow2#two@7");
        Assert.Equal(new ImageAddress(hash, null), ImageAddress.Parse(hash));
        Assert.Equal(new ImageAddress(hash, 3), ImageAddress.Parse(hash + "@3"));
        Assert.Equal(new ImageAddress(hash, null, "two"), ImageAddress.Parse(hash + "#two"));
        Assert.Equal(new ImageAddress(at, null), ImageAddress.Parse(at));
        Assert.Equal(new ImageAddress(image, 8, "two"), ImageAddress.Parse(image + "#two@8"));
    }

    [Fact]
    public void Without_a_file_the_text_is_a_path()
    {
        var missing = _folder.File("gone#1.qcow2");
        Assert.Equal(new ImageAddress(missing, null), ImageAddress.Parse(missing));
        Assert.Equal(new ImageAddress(missing, 1), ImageAddress.Parse(missing + "@1"));
    }

    private string Make(string name)
    {
        File.WriteAllBytes(_folder.File(name), new byte[512]);
        return _folder.File(name);
    }
}
