using System.Text;
using Platter.Trees.Specs;
using Platter.Trees.Toml;

namespace Platter.Fuzz.Targets;

/// <summary>Build specs: TOML that is almost one.</summary>
internal sealed class SpecTarget : FuzzTarget
{
    private static readonly string[] Seeds =
    [
        """
        [image]
        size = "2G"
        format = "qcow2"
        partition_table = "gpt"
        sector_size = 512
        alignment = '1M'
        disk_id = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b'
        [[partition]]
        name = "EFI"
        type = "esp"
        size = "64M"
        bootable = false
        attributes = ['hidden', "bit48"]
        start = 1_048_576
        [partition.filesystem]
        type = "fat32"
        label = "EFI"
        source = ["esp/", 'old.qcow2@2']
        options = { cluster_size = "4K", x.y = 1 }
        owner = "0:0"
        [[partition.filesystem.file]]
        path = "/loader/entry.conf"
        content = "a\u00e4\n"
        mode = 0o644
        mtime = 2026-01-31T12:00:00.5+01:00
        [[partition]]
        type = 'linux'
        size = 'rest'
        """,
        """
        [filesystem]
        type = 'fat16'
        volume_id = 0x1234
        size = "auto"
        file = [{path='/a', kind='dir', mode='0755', owner='1:2'}, {path='/a/b', kind='char', major=1, minor=2, mtime=-1},
          {path='/l', kind='symlink', target='a', xattrs={user.x='0xff', 'user.y'='0sAA=='}}, {path='/f', from='x', mtime=1979-05-27 07:32:00}] # end
        """,
        """
        [variables]
        v = "x${w}"
        w = 7
        [image]
        size = "${w}G"
        container = { cluster_size = "64K" }
        [[image.blob]]
        content = "${v}.bin"
        offset = "8K"
        [[partition]]
        name = "$$a"
        type = "linux-swap"
        size = "1G"
        [partition.filesystem]
        type = "swap"
        [[partition]]
        type = "linux"
        size = "auto"
        free = "10%"
        offset = "4M"
        [partition.filesystem]
        type = "ext4"
        exclude = ["*.o", "/var/**", "a/"]
        [[partition.filesystem.rule]]
        match = ["/usr/bin/*"]
        kind = "file"
        owner = "0:0"
        mode = 0o755
        [[partition]]
        type = "linux"
        size = "auto"
        content = "u-boot.bin"
        uuid = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b'
        """,
        """
        [image]
        size = 1073741824
        partition_table = 'mbr'
        disk_id = 0xdeadbeef
        [[partition]]
        type = 0x0c
        size = '1.5M'
        bootable = true
        """,
    ];

    private static readonly string[] Pieces =
    [
        "[", "]", "[[", "]]", "{", "}", "\"", "'", "\"\"\"", "'''", "=", ".", ",", "#", "\n", "\r\n", "\r", "\\", "\\u", "\\UFFFFFFFF", "0x", "0o", "0b", "9223372036854775807", "-9223372036854775808", "-", "_", "1e400", "1e-400",
        "nan", "inf", "auto", "rest", "'8E'", "'16E'", "'1e30'", "/..", "/../..", "\0", "\x7F", "\uFEFF", "ü", "😀", "[image]\n", "[filesystem]\n", "[[partition]]\n", "[[filesystem.file]]\n", "size = ", "0000-01-01", "9999-12-31T23:59:60-23:59",
        "a.b.c = 1\n", "${", "${v}", "$$", "include = 'x'\n", "[[image.blob]]\n", "[[partition.filesystem.rule]]\n", "free = '1%'\n", "/**/", "a = {b = {c = [[[]]]}}\n", "true", "kind = 'dir'\n", "path = '/'\n", "= 1\n", "07:32:00", "1979-05-27",
    ];

    private static readonly byte[][] Bytes = [.. Seeds.Select(Encoding.UTF8.GetBytes)];

    public override string Name => "spec";

    public override void Prepare()
    {
        // The seeds are texts.
    }

    public override bool Run(Dice dice)
    {
        var text = Mutate([.. dice.Pick(Bytes)], dice);
        try
        {
            DiskSpec.Parse(text, "fuzz.toml");
            return true;
        }
        catch (TomlException e)
        {
            Expect(e.Line >= 1 && e.Column >= 1 && e.Line <= text.AsSpan().Count((byte)'\n') + 1, $"a mistake has a place: line {e.Line}, column {e.Column}");
            Expect(!e.Message.Any(char.IsControl) && e.Message.Length < 500, $"a message is one line: {e.Message}");
            return false;
        }
    }

    private static byte[] Mutate(List<byte> text, Dice dice)
    {
        for (var left = dice.Between(1, 4); left > 0; left--)
        {
            var at = dice.Next(text.Count + 1);
            var length = Math.Min(dice.Between(1, 12), text.Count - at);
            switch (dice.Next(9))
            {
                case 0:
                    text.RemoveRange(at, length);
                    break;
                case 1 or 2:
                    text.InsertRange(at, Encoding.UTF8.GetBytes(dice.Pick(Pieces)));
                    break;
                case 3 when at < text.Count:
                    text[at] = (byte)dice.Next(256);
                    break;
                case 4 when at < text.Count:
                    text[at] ^= (byte)(1 << dice.Next(8));
                    break;
                case 5:
                    text.InsertRange(dice.Next(text.Count + 1), text.GetRange(at, length));
                    break;
                case 6 when dice.OneIn(20):
                    // Deep, or long.
                    text.InsertRange(at, Enumerable.Repeat((byte)dice.Pick(Pieces)[0], dice.Next(100_000)));
                    break;
                default:
                    var digit = text.FindIndex(at, b => char.IsAsciiDigit((char)b));
                    if (digit >= 0)
                        text[digit] = (byte)('0' + dice.Next(10));
                    break;
            }
        }
        return [.. text];
    }
}
