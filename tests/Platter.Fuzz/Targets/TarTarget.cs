using System.Globalization;
using System.IO.Compression;
using System.Text;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Testing.Trees;
using Platter.Trees;
using Platter.Trees.Tar;

namespace Platter.Fuzz.Targets;

/// <summary>Archives made of headers that are right but for a field or two, with pax records and maps of sparse files: opened, walked, read, laid on
/// each other, copied into a new archive, into a volume and to a folder of the host.</summary>
internal sealed class TarTarget : FuzzTarget
{
    private static readonly ExtType Ext = new();
    private static readonly Lazy<PagedImage[]> Volumes = new(MakeVolumes);

    private static readonly string[] Names =
    [
        "a", "b", "dir", "dir/a", "dir/sub/b", "./a", "/a", "../a", "dir/../a", "dir/", "dir//a", ".", "", "/", "..", "link/a", "a/b", ".wh.a", "dir/.wh..wh..opq", "a\0b", "ü", "CON", "A",
        new string('n', 100), string.Concat(Enumerable.Repeat("d/", 49)),
    ];

    private static readonly char[] Types = ['0', '0', '0', '\0', '1', '1', '2', '3', '4', '5', '5', '6', '7', 'S', 'S', 'L', 'K', 'V', 'D', 'M', 'N', 'A', 'X', '?'];

    private static readonly (int Offset, int Length)[] Fields =
        [(0, 100), (100, 8), (108, 8), (116, 8), (124, 12), (124, 12), (136, 12), (156, 1), (157, 100), (257, 8), (265, 32), (329, 8), (337, 8), (345, 155), (386, 24), (410, 24), (482, 1), (483, 12), (508, 4)];

    private static readonly string[] Keys =
    [
        "path", "linkpath", "size", "mtime", "uid", "gid", "uname", "gname", "SCHILY.devmajor", "SCHILY.devminor", "SCHILY.realsize", "SCHILY.xattr.user.x", "SCHILY.xattr.trusted.overlay.opaque",
        "LIBARCHIVE.xattr.user.%78", "RHT.security.selinux", "SCHILY.acl.access", "SCHILY.acl.default", "GNU.sparse.major", "GNU.sparse.minor", "GNU.sparse.name", "GNU.sparse.realsize", "GNU.sparse.size",
        "GNU.sparse.numblocks", "GNU.sparse.offset", "GNU.sparse.numbytes", "GNU.sparse.map", "hdrcharset", "comment",
    ];

    private static readonly string[] Values =
    [
        "", "0", "1", "-1", "512", "4096", "1.5", "-0.000000001", "9223372036854775807", "9223372036854775808", "18446744073709551615", "99999999999999999999999", "a", "dir/a", "../x", "a\0b", "y", "0,1", "1,2,3,4", "0,512,1024,9",
        "5,5,4,4", "100,9223372036854775807", "user::rwx,user:1:r--,group::r-x,mask::rwx,other::---", "user:joe:rwx", "AAECAw", "*", "UTF-8", "BINARY", "1e5", " 1", "1 ",
    ];

    private static readonly string[] Maps = ["0\n", "1\n0\n5\n", "2\n0\n1\n600\n4\n", "1\n9223372036854775807\n1\n", "1000000\n", "2\n5\n5\n1\n1\n", "\n", "-1\n", "1\n0\n99999\n", "x"];

    public override string Name => "tar";

    public override void Prepare()
    {
        // Each case makes its own archive.
    }

    public override bool Run(Dice dice)
    {
        var opened = Try(() => Use(Make(dice), dice));
        if (dice.OneIn(4))
            Try(() => Layer([Make(dice), Make(dice), Make(dice)], dice));
        if (dice.OneIn(8))
            Try(() => Settle(Make(dice), dice));
        return opened;
    }

    // Whatever the archive is, the volume that it goes into is sound.
    private static void Settle(byte[] bytes, Dice dice)
    {
        using var source = TarSource.Open(new MemoryStream(bytes));
        var device = new OverlayDevice(dice.Pick(Volumes.Value));
        using (var volume = Ext.OpenForEditing(device, VolumeOptions.Default))
        {
            using var sink = new VolumeTreeSink(volume);
            Try(() => TreeCopier.Copy(source, sink, new CopyOptions { CopyRootMetadata = true }));
            volume.Commit();
        }
        var report = Ext.Check(device, CheckOptions.Default);
        Expect(report.IsClean, $"a volume filled from an archive is sound: {string.Join("; ", report.Findings.Where(f => f.Severity > Severity.Note).Take(3))}");
    }

    private static PagedImage[] MakeVolumes() =>
    [
        .. new[] { ("ext4", "1K", 256), ("ext4", "4K", 2048), ("ext2", "1K", 512) }.Select(v =>
        {
            var device = new MemoryDevice(v.Item3 << 10);
            Ext.Format(device, new FormatOptions { Type = v.Item1, Options = new Dictionary<string, string>(StringComparer.Ordinal) { ["block_size"] = v.Item2, ["inodes"] = "64", ["^has_journal"] = "true" } });
            return new PagedImage(device.Bytes);
        }),
    ];

    private static void Use(byte[] bytes, Dice dice)
    {
        using var source = TarSource.Open(new MemoryStream(bytes));
        Expect(source.Findings.All(f => f.Code.StartsWith("TAR-", StringComparison.Ordinal) || f.Code.StartsWith("CMP-", StringComparison.Ordinal)), "findings have their codes");
        Read(source);
        Copy(source);
        if (!dice.OneIn(16))
            return;
        using var trap = new HostTrap(prepared: dice.OneIn(2));
        Try(() => trap.Extract(source, dice));
        trap.CheckNothingEscaped();
    }

    private static void Layer(byte[][] archives, Dice dice)
    {
        var layers = new List<TreeSource>();
        try
        {
            foreach (var bytes in archives)
                layers.Add(TarSource.Open(new MemoryStream(bytes)));
        }
        finally
        {
            using var merged = new LayeredSource([.. layers], null, dice.OneIn(2) ? new Ownership(1, 2) : null) { HonoursWhiteouts = !dice.OneIn(4) };
            Read(merged);
            Copy(merged);
        }
    }

    private static void Read(TreeSource source)
    {
        var paths = new HashSet<string>(StringComparer.Ordinal);
        var parents = new HashSet<TreeEntry>(ReferenceEqualityComparer.Instance);
        var buffer = new byte[64 << 10];
        foreach (var entry in source.Walk())
        {
            if (entry.Problem is not null)
            {
                Expect(IsLawful(entry.Problem), "problems are lawful");
                continue;
            }
            Expect(paths.Add(entry.Path), "paths are unique");
            Expect(entry.Name is not ("" or "." or "..") && !entry.Name.Contains('/', StringComparison.Ordinal), "names are single names");
            Expect(entry.Parent is null || parents.Contains(entry.Parent), "parents come first");
            if (entry.Kind == EntryKind.Directory)
                parents.Add(entry);
            Try(() => source.GetExtendedAttributes(entry));
            if (entry.Kind == EntryKind.SymbolicLink)
                source.FollowLink(entry);
            if (entry.Kind != EntryKind.File)
                continue;
            Expect(entry.Length >= 0, "lengths are not negative");
            Try(() =>
            {
                using var content = source.OpenContent(entry, StreamName.Data);
                Expect(content.Length == entry.Length, "the content is as long as the entry says");
                var end = 0L;
                foreach (var range in content.DataRanges())
                {
                    Expect(range.Offset >= end && range.Length > 0 && range.End <= entry.Length, "ranges are in order and within the file");
                    end = range.End;
                }
                foreach (var at in new[] { 0, entry.Length / 2, Math.Max(0, entry.Length - 10), entry.Length })
                    Expect(content.ReadAt(at, buffer) == Math.Min(buffer.Length, entry.Length - at), "all of the content can be read");
            });
        }
    }

    // What was read can be written, and is then without fault.
    private static void Copy(TreeSource source)
    {
        if (source.Walk().Any(e => e.Length > 1 << 20 && e.Metadata.AllocatedLength is null))
            return;
        using var stream = new MemoryStream();
        CopyReport report;
        using (var archive = NewTar.To(stream))
        {
            report = TreeCopier.Copy(source, archive.Sink, new CopyOptions { CopyRootMetadata = true });
            archive.Complete();
        }
        stream.Position = 0;
        using var again = TarSource.Open(stream);
        Expect(again.Findings.Count == 0, "an archive of ours has no faults");
        var entries = again.Walk().Count();
        Expect(entries == report.Files + report.Directories + report.SymbolicLinks + report.SpecialFiles + report.HardLinks, "all that was copied is there");
        Read(again);
    }

    private static byte[] Make(Dice dice)
    {
        var tar = new HandMadeTar();
        for (var left = dice.Between(1, 12); left > 0; left--)
        {
            if (dice.OneIn(2))
                AddRecords(tar, dice);
            AddMember(tar, dice);
        }
        var bytes = dice.OneIn(6) ? tar.Unended() : tar.ToArray();
        if (dice.OneIn(4))
            Damage(bytes, dice);
        if (dice.OneIn(8))
            bytes = bytes[..dice.Next(bytes.Length)];
        if (!dice.OneIn(8))
            return bytes;
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(bytes);
        bytes = packed.ToArray();
        if (dice.OneIn(2))
            Damage(bytes, dice);
        return bytes;
    }

    private static void AddMember(HandMadeTar tar, Dice dice)
    {
        var type = dice.Pick(Types);
        var content = new byte[dice.OneIn(3) ? 0 : dice.Between(0, 3000)];
        dice.Fill(content);
        if (dice.OneIn(3) && Encoding.ASCII.GetBytes(dice.Pick(Maps)) is var map && map.Length <= content.Length)
            map.CopyTo(content, 0);
        if (type is 'L' or 'K')
            content = Encoding.UTF8.GetBytes(dice.Pick(Names) + "\0");
        tar.Add(type, Encoding.UTF8.GetBytes(dice.Pick(Names)), content, dice.Pick(Names), block =>
        {
            if (type == 'S')
                MakeSparse(block, content.Length, dice);
            for (var left = dice.Next(4) - 1; left > 0; left--)
                Change(block, dice);
        });
    }

    private static void MakeSparse(byte[] block, int stored, Dice dice)
    {
        HandMadeTar.Put(block, 257, "ustar  \0");
        var first = dice.Next(stored + 1);
        var gap = dice.Next(2000);
        HandMadeTar.Put(block, 386, HandMadeTar.Octal(gap, 11) + "\0" + HandMadeTar.Octal(first, 11));
        HandMadeTar.Put(block, 410, HandMadeTar.Octal(gap + first + dice.Next(200_000), 11) + "\0" + HandMadeTar.Octal(stored - first, 11));
        HandMadeTar.Put(block, 483, HandMadeTar.Octal(gap + stored + 200_000 + dice.Next(100_000), 11));
    }

    private static void Change(byte[] block, Dice dice)
    {
        var (offset, length) = dice.Pick(Fields);
        var field = block.AsSpan(offset, length);
        switch (dice.Next(6))
        {
            case 0:
                dice.Fill(field);
                break;
            case 1:
                field.Clear();
                break;
            case 2:
                // Base 256.
                field.Fill((byte)dice.Next(256));
                field[0] = (byte)dice.Pick([0x80, 0xFF, 0xBF, 0xC0]);
                break;
            case 3:
                field.Fill((byte)'7');
                break;
            case 4:
                field[dice.Next(length)] ^= (byte)(1 << dice.Next(8));
                break;
            default:
                Encoding.ASCII.GetBytes(Convert.ToString((long)(dice.Odd(512, 8) >> 1), 8).PadLeft(length, '0').AsSpan()[^length..], field);
                break;
        }
    }

    private static void AddRecords(HandMadeTar tar, Dice dice)
    {
        var records = new List<byte>();
        for (var left = dice.Between(1, 6); left > 0; left--)
        {
            var value = dice.OneIn(4) ? dice.Odd(dice.OneIn(2) ? 1024u : 0u, 8).ToString(CultureInfo.InvariantCulture) : dice.OneIn(4) ? dice.Pick(Names) : dice.Pick(Values);
            records.AddRange(HandMadeTar.Record(Encoding.ASCII.GetBytes(dice.Pick(Keys)), Encoding.UTF8.GetBytes(value)));
        }
        if (dice.OneIn(8))
            records[dice.Next(records.Count)] = (byte)dice.Next(256);
        tar.Add(dice.OneIn(8) ? 'g' : 'x', "PaxHeaders/x"u8.ToArray(), [.. records]);
    }

    private static void Damage(byte[] bytes, Dice dice)
    {
        for (var left = dice.Between(1, 4); left > 0 && bytes.Length > 0; left--)
        {
            var at = dice.Next(bytes.Length);
            bytes[at] ^= (byte)(1 << dice.Next(8));
            var block = at / 512 * 512;
            if (dice.OneIn(2) && block + 512 <= bytes.Length)
                HandMadeTar.Sum(bytes.AsSpan(block, 512));
        }
    }
}
