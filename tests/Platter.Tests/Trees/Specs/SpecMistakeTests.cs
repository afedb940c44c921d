using Platter.Trees.Specs;
using Platter.Trees.Toml;
using Xunit;

namespace Platter.Tests.Trees.Specs;

/// <summary>What a wrong spec is told: the place, what was found, what was expected.</summary>
public sealed class SpecMistakeTests
{
    private const string Disk = "[image]\nsize = '1G'\n";            // two lines
    private const string Mbr = "[image]\nsize = '1G'\npartition_table = 'mbr'\n";   // three
    private const string Part = "[[partition]]\ntype = 'linux'\nsize = '1M'\n";     // three
    private const string Fs = "[filesystem]\ntype = 'fat'\n";        // two
    private const string File = "[[filesystem.file]]\n";             // one

    private static string Refused(string text) => Assert.Throws<TomlException>(() => DiskSpec.Parse(text, "spec.toml")).Message;

    [Theory]
    [InlineData(Fs + "lable = 'x'", "spec.toml:3:1: unknown key 'lable' in [filesystem] (did you mean 'label'?)")]
    [InlineData(Fs + "Source = 'x'", "spec.toml:3:1: unknown key 'Source' in [filesystem] (did you mean 'source'?)")]
    [InlineData(Fs + "volume-id = 'x'", "spec.toml:3:1: unknown key 'volume-id' in [filesystem] (did you mean 'volume_id'?)")]
    [InlineData(Fs + "bootable = true", "spec.toml:3:1: unknown key 'bootable' in [filesystem] (it belongs to [[partition]])")]
    [InlineData(Fs + "xyzzy = 1", "spec.toml:3:1: unknown key 'xyzzy' in [filesystem] (known: type, label, volume_id, uuid, source, exclude, options, owner, rule, file, size, free)")]
    [InlineData("[imgae]\nsize = 1", "spec.toml:1:2: unknown key 'imgae' in the spec (did you mean 'image'?)")]
    [InlineData(Disk + Part + "label = 'x'", "spec.toml:6:1: unknown key 'label' in [[partition]] (it belongs to [partition.filesystem])")]
    [InlineData(Disk + Part + "[partition.filesystem]\ntype = 'fat'\nsize = 'auto'", "spec.toml:8:1: unknown key 'size' in [partition.filesystem] (it belongs to [image] or [[partition]])")]
    [InlineData(Fs + File + "pathh = '/x'", "spec.toml:4:1: unknown key 'pathh' in [[filesystem.file]] (did you mean 'path'?)")]
    [InlineData(Disk + "secotr_size = 512", "spec.toml:3:1: unknown key 'secotr_size' in [image] (did you mean 'sector_size'?)")]
    public void An_unknown_key_is_named_with_the_nearest_known_one(string text, string message) => Assert.Equal(message, Refused(text));

    [Theory]
    [InlineData("", "spec.toml:1:1: a spec needs [image] and [[partition]], or [filesystem]")]
    [InlineData(Part, "spec.toml:1:3: [[partition]] needs an [image], with its size")]
    [InlineData(Disk + Part + Fs, "spec.toml:3:3: a spec has [[partition]] or [filesystem], not both")]
    [InlineData("[image]\nformat = 'raw'", "spec.toml:1:1: [image] needs 'size', such as size = \"2G\" or \"auto\"")]
    [InlineData("[image]\nsize = 'rest'", "spec.toml:2:8: 'size' of [image] cannot be \"rest\"; only a partition can take the rest")]
    [InlineData("[image]\nsize = '1GB'", "spec.toml:2:8: 'size' is '1GB', expected a size such as 512, \"64K\" or \"2G\" or \"auto\"")]
    [InlineData("[image]\nsize = -1", "spec.toml:2:8: 'size' is negative")]
    [InlineData("[image]\nsize = 0", "spec.toml:2:8: 'size' must be more than 0")]
    [InlineData("[image]\nsize = true", "spec.toml:2:8: 'size' is a boolean, expected a size such as 512, \"64K\" or \"2G\" or \"auto\"")]
    [InlineData("[image]\nsize = 1000", "spec.toml:2:8: 'size' is 1000 bytes, which is no multiple of the sector size 512")]
    [InlineData("image = 1", "spec.toml:1:9: 'image' is an integer, expected a table, written [image]")]
    [InlineData("[[image]]\nsize = 1", "spec.toml:1:1: 'image' is an array of tables, expected a table, written [image]")]
    [InlineData(Disk + "[partition]\ntype = 'linux'", "spec.toml:3:1: 'partition' is a table, expected an array of tables, written [[partition]]")]
    [InlineData("partition = [1]\n" + Disk, "spec.toml:1:14: 'partition' is an integer, expected tables, written [[partition]]")]
    [InlineData(Disk + "sector_size = 513", "spec.toml:3:15: 'sector_size' is 513, expected 512, 1024, 2048 or 4096")]
    [InlineData(Disk + "alignment = '3M'", "spec.toml:3:13: 'alignment' is 3145728, expected a power of two from the sector size 512 to 1073741824")]
    [InlineData(Disk + "partition_table = 'gtp'", "spec.toml:3:19: 'partition_table' is 'gtp' (did you mean 'gpt'?)")]
    [InlineData(Disk + "partition_table = 'none'", "spec.toml:3:19: 'partition_table' is 'none', so a [filesystem] must fill the image")]
    [InlineData(Disk + "partition_table = 'gpt'\n" + Fs, "spec.toml:3:19: 'partition_table' is 'gpt', but there is a [filesystem] that fills the image; a partition's is [partition.filesystem]")]
    [InlineData(Disk + Fs + "size = '1M'", "spec.toml:5:1: 'size' is given twice, here and in [image] at line 2")]
    [InlineData(Disk + "alignment = '1M'\n" + Fs, "spec.toml:3:1: 'alignment' is for partitions, and there is no partition table")]
    [InlineData(Disk + "disk_id = 'x'", "spec.toml:3:11: 'disk_id' is 'x', expected a GUID such as \"c12a7328-f81f-11d2-ba4b-00a0c93ec93b\"")]
    [InlineData(Disk + "disk_id = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b'\n" + Fs, "spec.toml:3:1: 'disk_id' is for GPT and MBR only")]
    [InlineData(Mbr + "disk_id = '1234'", "spec.toml:4:11: 'disk_id' is '1234', expected the 8 hexadecimal digits of an MBR disk signature, such as 0x1234abcd")]
    [InlineData(Mbr + "disk_id = 0x100000000", "spec.toml:4:11: 'disk_id' is 4294967296, expected 0..4294967295")]
    [InlineData(Disk + "format = ''", "spec.toml:3:10: 'format' is empty")]
    [InlineData(Disk + "format = \"\\u0000\"", "spec.toml:3:10: 'format' contains U+0000")]
    public void A_wrong_image_is_refused_with_its_place(string text, string message) => Assert.Equal(message, Refused(text));

    [Theory]
    [InlineData("[[partition]]\nsize = '1M'", "spec.toml:3:1: [[partition]] needs 'type', such as type = \"linux\"")]
    [InlineData("[[partition]]\ntype = 'linux'", "spec.toml:3:1: [[partition]] needs 'size', such as size = \"64M\", \"auto\" or \"rest\"")]
    [InlineData("[[partition]]\ntype = 'linux'\nsize = 'big'", "spec.toml:5:8: 'size' is 'big', expected a size such as 512, \"64K\" or \"2G\", \"auto\" or \"rest\"")]
    [InlineData("[[partition]]\ntype = 0x83\nsize = '1M'", "spec.toml:4:8: 'type' is an integer, which only an MBR knows; expected a name such as \"linux\", or a GUID")]
    [InlineData("[[partition]]\ntype = 'linux'\nsize = 'auto'", "spec.toml:5:8: 'size' is \"auto\", but there is no [partition.filesystem] to fit it to")]
    [InlineData("[[partition]]\ntype = 'linux'\nsize = 'rest'\n[[partition]]\ntype = 'linux'\nsize = 'rest'", "spec.toml:8:8: 'size' is \"rest\" for a second time; the first is at line 5")]
    [InlineData("[[partition]]\ntype = 'linux'\nsize = '900M'\n[[partition]]\ntype = 'linux'\nsize = '200M'", "spec.toml:6:1: the partition does not fit: the image has 1G, the partitions up to here need 1100M")]
    [InlineData(Part + "start = '1G'", "spec.toml:3:1: the partition does not fit: the image has 1G, the partitions up to here need 1M, and this one starts at 1G")]
    [InlineData(Part + "start = 1000", "spec.toml:6:9: 'start' is 1000, which is no multiple of the sector size 512")]
    [InlineData(Part + "bootable = 'yes'", "spec.toml:6:12: 'bootable' is a string, expected true or false")]
    [InlineData(Part + "guid = '1'", "spec.toml:6:8: 'guid' is '1', expected a GUID such as \"c12a7328-f81f-11d2-ba4b-00a0c93ec93b\"")]
    [InlineData(Part + "attributes = [1]", "spec.toml:6:15: 'attributes' is an integer, expected strings in the array")]
    [InlineData(Part + "name = '1234567890123456789012345678901234567'", "spec.toml:6:8: 'name' has 37 UTF-16 units, a GPT has room for 36")]
    [InlineData(Part + "filesystem = 'fat'", "spec.toml:6:14: 'filesystem' is a string, expected a table, written [partition.filesystem]")]
    [InlineData(Part + "[partition.filesystem]\nlabel = 'x'", "spec.toml:6:1: [partition.filesystem] needs 'type', such as type = \"fat32\"")]
    public void A_wrong_partition_is_refused_with_its_place(string text, string message) => Assert.Equal(message, Refused(Disk + text));

    [Theory]
    [InlineData(Part + "name = 'x'", "spec.toml:7:1: 'name': an MBR has no partition names")]
    [InlineData(Part + "guid = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b'", "spec.toml:7:1: 'guid' is for GPT only")]
    [InlineData(Part + "attributes = 'hidden'", "spec.toml:7:1: 'attributes' are for GPT only")]
    [InlineData(Part + "bootable = true\n" + Part + "bootable = true", "spec.toml:8:1: 'bootable' is true for a second time; an MBR has one active partition, the one at line 4")]
    [InlineData("[[partition]]\nsize = 512\ntype = 256", "spec.toml:6:8: 'type' is 256, expected 0..255")]
    [InlineData("[[partition]]\nsize = 512\ntype = 0", "spec.toml:6:8: 'type' is 0, which marks an empty entry")]
    public void What_an_mbr_cannot_hold_is_refused(string text, string message) => Assert.Equal(message, Refused(Mbr + text));

    [Fact]
    public void Rest_of_an_image_that_fits_itself_is_refused() =>
        Assert.Equal("spec.toml:5:8: 'size' is \"rest\", but the image's own size is \"auto\" (line 2): there is no rest",
            Refused("[image]\nsize = 'auto'\n[[partition]]\ntype = 'linux'\nsize = 'rest'"));

    [Fact]
    public void Sizes_whose_sum_overflows_are_refused() =>
        Assert.Contains("does not fit", Refused(Disk + string.Concat(Enumerable.Repeat("[[partition]]\ntype = 'linux'\nsize = '7E'\n", 4))), StringComparison.Ordinal);

    [Theory]
    [InlineData("[filesystem]", "spec.toml:1:1: [filesystem] needs 'type', such as type = \"fat32\"")]
    [InlineData(Fs + "source = 1", "spec.toml:3:10: 'source' is an integer, expected a string or an array of strings")]
    [InlineData(Fs + "source = ['a', '']", "spec.toml:3:16: 'source' is empty")]
    [InlineData(Fs + "owner = 'root:root'", "spec.toml:3:9: 'owner' is 'root:root', expected \"UID:GID\" in numbers, such as \"0:0\" (a spec knows no user names)")]
    [InlineData(Fs + "owner = '0'", "spec.toml:3:9: 'owner' is '0', expected \"UID:GID\" in numbers, such as \"0:0\" (a spec knows no user names)")]
    [InlineData(Fs + "owner = '0:4294967296'", "spec.toml:3:9: 'owner' is '0:4294967296', expected \"UID:GID\" in numbers, such as \"0:0\" (a spec knows no user names)")]
    [InlineData(Fs + "options = 'x'", "spec.toml:3:11: 'options' is a string, expected a table, written options = { name = value }")]
    [InlineData(Fs + "options = { a = [] }", "spec.toml:3:17: the option 'a' is an array, expected a string, a number or a boolean")]
    [InlineData(Fs + "volume_id = 1.5", "spec.toml:3:13: 'volume_id' is a float, expected a string")]
    [InlineData(Fs + "file = 'x'", "spec.toml:3:8: 'file' is a string, expected an array of tables, written [[filesystem.file]]")]
    public void A_wrong_filesystem_is_refused_with_its_place(string text, string message) => Assert.Equal(message, Refused(text));

    [Theory]
    [InlineData("content = ''", "spec.toml:3:1: [[filesystem.file]] needs 'path', such as path = \"/etc/hosts\"")]
    [InlineData("path = 'x'\ncontent = ''", "spec.toml:4:8: 'path' is 'x', expected an absolute path, beginning with /")]
    [InlineData("path = '/a/../b'\ncontent = ''", "spec.toml:4:8: 'path' is '/a/../b', expected no empty, '.' or '..' part")]
    [InlineData("path = '/..'\nkind = 'dir'", "spec.toml:4:8: 'path' is '/..', expected no empty, '.' or '..' part")]
    [InlineData("path = '/./a'\ncontent = ''", "spec.toml:4:8: 'path' is '/./a', expected no empty, '.' or '..' part")]
    [InlineData("path = '//a'\ncontent = ''", "spec.toml:4:8: 'path' is '//a', expected no empty, '.' or '..' part")]
    [InlineData("path = '/a/'\ncontent = ''", "spec.toml:4:8: 'path' is '/a/', expected no empty, '.' or '..' part")]
    [InlineData("path = '//'\nkind = 'dir'", null)]
    [InlineData("path = '/'\ncontent = ''", "spec.toml:4:8: 'path' is the root, which is always a directory: it needs kind = \"dir\"")]
    [InlineData("path = \"/a\\u0000\"\ncontent = ''", "spec.toml:4:8: 'path' contains U+0000")]
    [InlineData("path = '/a'", "spec.toml:3:1: a file needs 'content' or 'from' (content = \"\" makes it empty), or another 'kind'")]
    [InlineData("path = '/a'\ncontent = ''\nfrom = 'b'", "spec.toml:6:1: an entry has 'content' or 'from', not both")]
    [InlineData("path = '/a'\nkind = 'dir'\ncontent = ''", "spec.toml:6:1: 'content' is for a regular file only")]
    [InlineData("path = '/a'\ncontent = ''\ntarget = 'b'", "spec.toml:6:1: 'target' is for kind = \"symlink\" only")]
    [InlineData("path = '/a'\nkind = 'symlink'", "spec.toml:3:1: [[filesystem.file]] needs 'target', such as target = \"../lib\"")]
    [InlineData("path = '/a'\nkind = 'char'\nmajor = 1", "spec.toml:3:1: [[filesystem.file]] needs 'minor', such as minor = 64")]
    [InlineData("path = '/a'\nkind = 'char'\nmajor = -1\nminor = 1", "spec.toml:6:9: 'major' is -1, expected 0..4294967295")]
    [InlineData("path = '/a'\nkind = 'fifo'\nmajor = 1", "spec.toml:6:1: 'major' is for kind = \"char\" or \"block\" only")]
    [InlineData("path = '/a'\nkind = 'folder'", "spec.toml:5:8: 'kind' is 'folder' (known: file, dir, symlink, char, block, fifo)")]
    [InlineData("path = '/a'\nkind = 'symlnik'\ntarget = 'b'", "spec.toml:5:8: 'kind' is 'symlnik' (did you mean 'symlink'?)")]
    [InlineData("path = '/a'\ncontent = ''\nmode = 644", "spec.toml:6:8: 'mode' is the decimal number 644, expected octal permissions, 0o644 or \"0644\", up to 0o7777")]
    [InlineData("path = '/a'\ncontent = ''\nmode = 0o10000", "spec.toml:6:8: 'mode' is 0o10000, expected octal permissions, 0o644 or \"0644\", up to 0o7777")]
    [InlineData("path = '/a'\ncontent = ''\nmode = 'rw'", "spec.toml:6:8: 'mode' is 'rw', expected octal permissions, 0o644 or \"0644\", up to 0o7777")]
    [InlineData("path = '/a'\ncontent = ''\nmtime = '2026-01-01'", "spec.toml:6:9: 'mtime' is a string, expected a date-time such as 2026-01-31T12:00:00Z, without quotes, or seconds since 1970")]
    [InlineData("path = '/a'\ncontent = ''\nmtime = 12:00:00", "spec.toml:6:9: 'mtime' is a local time, expected a date-time such as 2026-01-31T12:00:00Z, without quotes, or seconds since 1970")]
    [InlineData("path = '/a'\ncontent = ''\nmtime = 0000-01-01", "spec.toml:6:9: 'mtime' is outside the years 1 to 9999")]
    [InlineData("path = '/a'\ncontent = ''\nmtime = 9223372036854775807", "spec.toml:6:9: 'mtime' is outside the years 1 to 9999")]
    [InlineData("path = '/a'\ncontent = ''\nxattrs = { user.a = 1 }", "spec.toml:6:21: the extended attribute 'user.a' is an integer, expected a string")]
    [InlineData("path = '/a'\ncontent = ''\nxattrs = { user.a = '0xZZ' }", "spec.toml:6:21: '0xZZ': 0x is followed by hexadecimal digits in pairs, 0s by base64 (a text that begins so must be written that way too)")]
    [InlineData("path = '/a'\ncontent = ''\nxattrs = { user.a = 'x', 'user.a' = 'y' }", "spec.toml:6:26: the extended attribute 'user.a' is given twice")]
    [InlineData("path = '/a'\ncontent = ''\nxattrs = { '' = 'x' }", "spec.toml:6:12: an extended attribute's name has 1 to 255 bytes, none of them 0")]
    [InlineData("path = '/a'\ncontent = ''\n" + File + "path = '/a'\nkind = 'fifo'", "spec.toml:7:8: '/a' is given twice; the first is at line 4")]
    [InlineData("path = '/a/b/c'\ncontent = ''\n" + File + "path = '/a'\nkind = 'fifo'", "spec.toml:4:8: '/a/b/c' lies beneath '/a', which is no directory (line 7)")]
    public void A_wrong_entry_is_refused_with_its_place(string text, string? message)
    {
        if (message is not null)
            Assert.Equal(message, Refused(Fs + File + text));
        else
            DiskSpec.Parse(Fs + File + text, "spec.toml");   // "//" is the root with a slash behind it
    }

    [Fact]
    public void A_path_is_bounded_in_length_and_depth()
    {
        Assert.EndsWith("'path' is longer than 4096 bytes", Refused($"{Fs}{File}path = '/{new string('ü', 2048)}'\ncontent = ''"), StringComparison.Ordinal);
        Assert.EndsWith("'path' is deeper than 256 directories", Refused($"{Fs}{File}path = '{string.Concat(Enumerable.Repeat("/a", 257))}'\ncontent = ''"), StringComparison.Ordinal);
    }
}
