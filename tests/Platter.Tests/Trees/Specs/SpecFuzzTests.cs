using System.Diagnostics;
using System.Text;
using Platter.Testing;
using Platter.Trees.Specs;
using Platter.Trees.Toml;
using Xunit;

namespace Platter.Tests.Trees.Specs;

/// <summary>Mutated specs: whatever the bytes are, there is a spec or a <see cref="TomlException"/> with a place, soon and in little memory.</summary>
public sealed class SpecFuzzTests
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(4);

    private static readonly string[] Seeds =
    [
        "[image]\nsize = \"2G\"\nformat = \"qcow2\"\npartition_table = \"gpt\"\nsector_size = 512\nalignment = '1M'\ndisk_id = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b'\n"
        + "[[partition]]\nname = \"EFI\"\ntype = \"esp\"\nsize = \"64M\"\nbootable = false\nattributes = ['hidden', \"bit48\"]\nstart = 1_048_576\n"
        + "[partition.filesystem]\ntype = \"fat32\"\nlabel = \"EFI\"\nsource = [\"esp/\", 'old.qcow2@2']\noptions = { cluster_size = \"4K\", x.y = 1 }\nowner = \"0:0\"\n"
        + "[[partition.filesystem.file]]\npath = \"/loader/entry.conf\"\ncontent = \"\"\"\\\n   a\\u00e4\n\"\"\"\nmode = 0o644\nmtime = 2026-01-31T12:00:00.5+01:00\n[[partition]]\ntype = 'linux'\nsize = 'rest'\n",
        "[image]\r\nsize = 1073741824\r\npartition_table = 'mbr'\r\ndisk_id = 0xdeadbeef\r\n[[partition]]\r\ntype = 0x0c\r\nsize = '1.5M'\r\nbootable = true\r\n",
        "[filesystem]\ntype = 'ext4'\nvolume_id = 0x1234\nfile = [{path='/a', kind='dir', mode='0755', owner='1:2'}, {path='/a/b', kind='char', major=1, minor=2, mtime=-1},\n"
        + "{path='/l', kind='symlink', target='a', xattrs={user.x='0xff', 'user.y'='0sAA=='}}, {path='/f', from='x', mtime=1979-05-27 07:32:00}] # end\n",
        "a.b.'c d'.\"e\\t\" = [inf, -nan, +1.5e-3, 0b1_0, 07:32:00.999999, true]\n[a.x]\n[[a.y]]\n[[a.y]]\nz = ''''q'''''\n",
    ];

    private static readonly string[] Pieces =
    [
        "[", "]", "[[", "]]", "{", "}", "\"", "'", "\"\"\"", "'''", "=", ".", ",", "#", "\n", "\r\n", "\r", "\\", "\\u", "\\UFFFFFFFF", "0x", "0o", "9223372036854775807", "-", "_", "1e400", "nan",
        "auto", "rest", "'8E'", "/..", "\0", "\x7F", "\uFEFF", "ü", "😀", "path = '/'\n", "[image]\n", "[filesystem]\n", "[[partition]]\n", "[[filesystem.file]]\n", "size = ", "0000-01-01", "9999-12-31T23:59:60-23:59", "kind = 'dir'\n",
    ];

    [Fact]
    public void Any_text_is_a_spec_or_is_refused_with_a_place()
    {
        const int seed = 20261121;
        var random = new Random(seed);
        foreach (var sound in Seeds)
            Try(Encoding.UTF8.GetBytes(sound), "a seed");   // compiled once, so that the slowest case is not the first
        var watch = Stopwatch.StartNew();
        var (cases, accepted, slowest) = (0, 0, TimeSpan.Zero);
        var memoryBefore = GC.GetAllocatedBytesForCurrentThread();
        long bytesRead = 0;
        while (watch.Elapsed < Budget)
        {
            var text = Mutate(Encoding.UTF8.GetBytes(Seeds[random.Next(Seeds.Length)]), random);
            var start = ProcessorTime.OfThread();
            accepted += Try(text, $"seed {seed}, case {cases}") ? 1 : 0;
            var took = ProcessorTime.OfThread() - start;
            slowest = took > slowest ? took : slowest;
            bytesRead += text.Length;
            cases++;
        }
        Assert.True(cases > 500, $"only {cases} cases in {Budget}");
        Assert.True(accepted > cases / 100, $"{accepted} of {cases} texts were accepted: the mutations are too coarse to reach the rules");
        Assert.True(slowest < TimeSpan.FromSeconds(2), $"the slowest of {cases} cases took {slowest}");
        var perByte = (GC.GetAllocatedBytesForCurrentThread() - memoryBefore) / bytesRead;
        Assert.True(perByte < 400, $"{perByte} bytes were allocated for each byte of text");
        TestContext.Current.TestOutputHelper?.WriteLine($"{cases} cases, {accepted} accepted, slowest {slowest.TotalMilliseconds:F1} ms, {perByte} bytes allocated for each byte of text");
    }

    [Fact]
    public void Every_prefix_of_a_spec_is_a_spec_or_is_refused_with_a_place()
    {
        foreach (var seed in Seeds)
        {
            var bytes = Encoding.UTF8.GetBytes(seed);
            for (var length = 0; length <= bytes.Length; length++)
                Try(bytes[..length], $"the first {length} bytes of {seed[..10]}");
        }
    }

    private static bool Try(byte[] text, string which)
    {
        try
        {
            DiskSpec.Parse(text, "fuzz.toml");
            return true;
        }
        catch (TomlException e)
        {
            if (e.Line < 1 || e.Column < 1 || e.Line > text.Count(b => b == '\n') + 1 || e.Message.Any(char.IsControl) || e.Message.Length > 400)
                Assert.Fail($"{which}: bad message or place: {e.Message}");
            return false;
        }
        catch (Exception e)
        {
            Assert.Fail($"{which}: {e}\n{Convert.ToBase64String(text)}");
            return false;
        }
    }

    private static byte[] Mutate(byte[] text, Random random)
    {
        var bytes = new List<byte>(text);
        for (var edits = random.Next(1, 4); edits > 0; edits--)
        {
            var at = random.Next(bytes.Count + 1);
            var length = Math.Min(random.Next(1, 12), bytes.Count - at);
            switch (random.Next(9))
            {
                case 0: bytes.RemoveRange(at, length); break;
                case 1: bytes.InsertRange(at, Encoding.UTF8.GetBytes(Pieces[random.Next(Pieces.Length)])); break;
                case 2 when at < bytes.Count: bytes[at] = (byte)random.Next(256); break;
                case 3 when at < bytes.Count: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 4: bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, length)); break;
                case 5: SwapLines(bytes, random); break;
                case 6 when random.Next(8) == 0: bytes.InsertRange(at, Enumerable.Repeat((byte)Pieces[random.Next(Pieces.Length)][0], random.Next(1, 600))); break;
                default: ChangeDigit(bytes, random); break;
            }
        }
        return [.. bytes];
    }

    // Another number is sound TOML, and reaches the rules on ranges.
    private static void ChangeDigit(List<byte> bytes, Random random)
    {
        var at = bytes.FindIndex(random.Next(bytes.Count + 1), b => char.IsAsciiDigit((char)b));
        if (at >= 0)
            bytes[at] = (byte)('0' + random.Next(10));
    }

    // Lines in another table, or another order, are sound TOML more often than not, and reach the rules of the model.
    private static void SwapLines(List<byte> bytes, Random random)
    {
        var lines = Encoding.Latin1.GetString([.. bytes]).Split('\n');
        var (a, b) = (random.Next(lines.Length), random.Next(lines.Length));
        (lines[a], lines[b]) = (lines[b], lines[a]);
        bytes.Clear();
        bytes.AddRange(Encoding.Latin1.GetBytes(string.Join('\n', lines)));
    }
}
