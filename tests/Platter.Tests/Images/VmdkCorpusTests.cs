using System.Security.Cryptography;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>VMDK images that other projects collected.</summary>
public sealed class VmdkCorpusTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("dfvfs-ext2.vmdk", "a6c2f0e39afe6c6ab432ca5465349fcefe8dc944398e97b2d957d3f89dbb5d80")]
    [InlineData("go-vmdk-parser-monolith.vmdk", "de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31")]
    [InlineData("go-vmdk-parser-streamoptimized.vmdk", "de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31")]
    [InlineData("plaso-image.vmdk", "854c3db1c4a07a241e2ed9fbd8892adf2adc662c7862a75deed26f3483f414c9")]
    [InlineData("vmdk-forensic-compressed_stream_opt.vmdk", "55f4f09be519d8702500e4442b9efd7d58c912ea774d5f767c2444a02bcf8080")]
    [InlineData("vmdk-rs-monolithicSparse.vmdk", "a3bcf05f07a1c06a3380eeca8571f0efb2b85afafa1e21662b8cad436d1f7727")]
    [InlineData("vmdk-rs-twoGbMaxExtentSparse/twoGbMaxExtentSparse.vmdk", "a3bcf05f07a1c06a3380eeca8571f0efb2b85afafa1e21662b8cad436d1f7727")]
    [InlineData("vmdk-rs-vmfs_thick/vmfs_thick.vmdk", "8d43c795d24bce01b49f92744f934c1072210dcac170bb1c83a5aa56df46ab7d")]
    public void Sound_images_hold_what_they_are_known_to(string name, string sha256)
    {
        using var image = ImageFile.Open(Unpack(name), ImageAccess.Read);
        var disk = new byte[image.Device.Length];
        image.Device.Read(0, disk);
        Assert.Equal(sha256, Convert.ToHexStringLower(SHA256.HashData(disk)));
    }

    // 16 GiB of zeros but for a few grains: only what is there is read, but all of it is summed, which takes ten seconds.
    [Fact(Explicit = true)]
    public void A_large_image_of_version_3_is_read_where_it_has_something()
    {
        using var image = ImageFile.Open(Unpack("qemu-iotest-version3.vmdk"), ImageAccess.Read);
        Assert.Equal(16L << 30, image.Device.Length);
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var zeros = new byte[1 << 20];
        var at = 0L;
        foreach (var range in image.Device.AllocatedRanges())
        {
            for (; at < range.Offset; at += Math.Min(zeros.Length, range.Offset - at))
                sum.AppendData(zeros, 0, (int)Math.Min(zeros.Length, range.Offset - at));
            var data = new byte[range.Length];
            image.Device.Read(range.Offset, data);
            sum.AppendData(data);
            at = range.End;
        }
        for (; at < image.Device.Length; at += Math.Min(zeros.Length, image.Device.Length - at))
            sum.AppendData(zeros, 0, (int)Math.Min(zeros.Length, image.Device.Length - at));
        Assert.Equal("0859bb3397bc1d30fa979c80a289ce98bfd6c1141a64594d6f3cc8cd68218faf", Convert.ToHexStringLower(sum.GetHashAndReset()));
    }

    [Theory]
    [InlineData("go-vmdk-parser-invalid.vmdk")]
    [InlineData("qemu-afl9.vmdk")]
    public void Broken_images_are_refused(string name) =>
        Assert.StartsWith("VMDK-", Assert.Throws<DiskFormatException>(() => ImageFile.Open(Unpack(name), ImageAccess.Read)).Code, StringComparison.Ordinal);

    [Fact]
    public void An_extent_alone_is_no_disk() =>
        Assert.Contains("descriptor", Assert.Throws<UnsupportedFeatureException>(() => ImageFile.Open(Unpack("vmdk-rs-twoGbMaxExtentSparse/twoGbMaxExtentSparse-s001.vmdk"), ImageAccess.Read)).Message, StringComparison.Ordinal);

    // The image, with what lies beside it in a folder of its own.
    private string Unpack(string name)
    {
        foreach (var image in Corpus.Images.Where(i => i.Kind == "vmdk" && (i.File.StartsWith("vmdk/" + name, StringComparison.Ordinal) || (name.Contains('/') && i.File.StartsWith("vmdk/" + name.Split('/')[0] + "/", StringComparison.Ordinal)))))
            Corpus.Unpack(image, _folder);
        return _folder.File(Path.GetFileName(name));
    }
}
