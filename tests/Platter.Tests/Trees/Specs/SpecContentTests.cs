using Platter.Trees;
using Platter.Trees.Specs;
using Platter.Trees.Toml;
using Xunit;

namespace Platter.Tests.Trees.Specs;

/// <summary>Swap, bare contents, blobs, rules, excludes and room to spare in specs.</summary>
public sealed class SpecContentTests
{
    private const string Disk = "[image]\nsize = '1G'\n";            // two lines
    private const string Part = "[[partition]]\ntype = 'linux'\nsize = '1M'\n";     // three
    private const string Auto = "[[partition]]\ntype = 'linux'\nsize = 'auto'\n";
    private const string Fs = "[partition.filesystem]\ntype = 'fat'\n";
    private const string Swap = "[partition.filesystem]\ntype = 'swap'\n";

    private static string Refused(string text) => Assert.Throws<TomlException>(() => DiskSpec.Parse(text, "spec.toml")).Message;

    [Fact]
    public void Everything_new_is_read()
    {
        var spec = DiskSpec.Parse("""
            [image]
            size = "auto"
            container = { subformat = "streamOptimized", level = 9 }
            [[image.blob]]
            content = "u-boot.bin"
            offset = "8K"
            [[partition]]
            type = "linux"
            size = "auto"
            offset = "4M"
            content = "kernel.bin"
            uuid = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
            [[partition]]
            type = "linux"
            size = "auto"
            free = "12.5%"
            [partition.filesystem]
            type = "ext4"
            uuid = "c12a7328-f81f-11d2-ba4b-00a0c93ec93c"
            exclude = ["*.pyc", "/var/cache/**"]
            [[partition.filesystem.rule]]
            match = "/usr/bin/*"
            kind = "file"
            owner = "0:0"
            mode = "0755"
            mtime = 2026-01-31
            """, "spec.toml");
        Assert.Equal(("streamOptimized", "9"), (spec.ContainerSettings["subformat"], spec.ContainerSettings["level"]));
        Assert.Equal(("u-boot.bin", 8192L), (spec.Blobs[0].Content.Path, spec.Blobs[0].Offset));
        Assert.Equal(("kernel.bin", 4L << 20, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"), (spec.Partitions[0].Content!.Value.Path, spec.Partitions[0].Start, spec.Partitions[0].UniqueId.ToString()));
        Assert.Equal(new FreeRoom(0, 125), spec.Partitions[1].Free);
        var fs = spec.Partitions[1].FileSystem!;
        Assert.Equal(("*.pyc /var/cache/**", "c12a7328-f81f-11d2-ba4b-00a0c93ec93c"), (string.Join(' ', fs.Excludes.Select(e => e.Path)), fs.VolumeId));
        var rule = Assert.Single(fs.Rules);
        Assert.Equal((FileSpecKind.File, new OwnerSpec(0, 0), 0x1ED, 2026), (rule.Kind, rule.Owner, rule.Mode, rule.ModificationTime!.Value.Year));
    }

    [Theory]
    [InlineData("100M", 100L << 20, 0)]
    [InlineData("0", 0, 0)]
    [InlineData("10%", 0, 100)]
    [InlineData("0.5%", 0, 5)]
    [InlineData("10000%", 0, 100_000)]
    public void Room_is_a_size_or_a_part(string text, long bytes, int perMille) => Assert.Equal(new FreeRoom(bytes, perMille), FreeRoom.Parse(text));

    [Theory]
    [InlineData("%")]
    [InlineData("-1%")]
    [InlineData("10 %%")]
    [InlineData("0.25%")]
    [InlineData("10001%")]
    [InlineData("1e3%")]
    [InlineData("big")]
    [InlineData("99999999999999999999999999999%")]
    public void What_is_neither_is_refused(string text) => Assert.Throws<FormatException>(() => FreeRoom.Parse(text));

    [Theory]
    [InlineData(Disk + Part + "content = 'x'\n" + Fs, "spec.toml:6:1: a partition has 'content' or a [partition.filesystem], not both")]
    [InlineData(Disk + Part + "start = '1M'\noffset = '2M'", "spec.toml:7:1: 'offset' and 'start' are the same, and both are given")]
    [InlineData(Disk + Part + "offset = 1000", "spec.toml:6:10: 'offset' is 1000, which is no multiple of the sector size 512")]
    [InlineData(Disk + Part + "guid = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b'\nuuid = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b'", "spec.toml:7:1: 'uuid' and 'guid' are the same, and both are given")]
    [InlineData(Disk + Part + "free = '10%'\n" + Fs, "spec.toml:6:1: 'free' is for a size of \"auto\", with a [partition.filesystem]")]
    [InlineData(Disk + Auto + "free = '10%'\ncontent = 'x'", "spec.toml:6:1: 'free' is for a size of \"auto\", with a [partition.filesystem]")]
    [InlineData(Disk + Auto + "free = 'much'\n" + Fs, "spec.toml:6:8: 'free': 'much' is no room to leave free: expected a size such as 100M, or a part such as 10%")]
    [InlineData(Disk + Auto + Swap, "spec.toml:5:8: 'size' is \"auto\", but a swap area has no content to fit")]
    [InlineData(Disk + Part + Swap + "source = 'x'", "spec.toml:6:1: a swap area holds no files: it takes 'label', 'volume_id' and 'options' only")]
    [InlineData(Disk + Part + Fs + "exclude = ['*.o', '/']", "spec.toml:8:19: '/' is no pattern: expected a name such as *.o, or a path such as /var/cache/**")]
    [InlineData(Disk + Part + Fs + "[[partition.filesystem.rule]]\nmode = '0644'", "spec.toml:8:1: [[filesystem.rule]] needs 'match', such as match = \"/usr/bin/*\"")]
    [InlineData(Disk + Part + Fs + "[[partition.filesystem.rule]]\nmatch = '*'", "spec.toml:8:1: a rule needs 'owner', 'mode' or 'mtime': what the entries are to get")]
    [InlineData(Disk + Part + Fs + "[[partition.filesystem.rule]]\nmatch = '*'\nmode = 644", "spec.toml:10:8: 'mode' is the decimal number 644, expected octal permissions, 0o644 or \"0644\", up to 0o7777")]
    [InlineData(Disk + "[[image.blob]]\noffset = 1", "spec.toml:3:1: [[image.blob]] needs 'content', such as content = \"u-boot.bin\"")]
    [InlineData(Disk + "[[image.blob]]\ncontent = 'x'", "spec.toml:3:1: [[image.blob]] needs 'offset', such as offset = \"8K\"")]
    [InlineData("[image]\nsector_size = 512\n[[image.blob]]\ncontent = 'x'\noffset = 1\n[filesystem]\ntype = 'fat'", "spec.toml:3:9: 'blob' is for what lies beside partitions, and the filesystem fills the image")]
    [InlineData(Disk + Auto + "free = '1234567890123456789012345678901234567890123'\n" + Fs,
        "spec.toml:6:8: 'free': '1234567890123456789012345678901234567890...' is no room to leave free: expected a size such as 100M, or a part such as 10%")]
    [InlineData("[filesystem]\ntype = 'fat'\nsize = '1M'\nfree = '1M'", "spec.toml:4:1: 'free' is for a size of \"auto\"")]
    [InlineData("[filesystem]\ntype = 'swap'", "spec.toml:1:1: 'size' is \"auto\", but a swap area has no content to fit")]
    public void A_mistake_is_refused_with_its_place(string text, string message) => Assert.Equal(message, Refused(text));
}
