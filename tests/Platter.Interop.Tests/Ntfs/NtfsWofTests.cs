using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Interop.Tests.Ntfs;

/// <summary>Files compressed by Windows' overlay filter: the compressors are wimlib's, the volume is ntfs-3g's.</summary>
public class NtfsWofTests
{
    [Theory]
    [InlineData("XPRESS", 4, 0)]
    [InlineData("LZX", 32, 1)]
    [InlineData("XPRESS", 8, 2)]
    [InlineData("XPRESS", 16, 3)]
    public void Files_are_read_in_every_compression(string method, int kib, int algorithm)
    {
        using var folder = new TempFolder();
        var files = Files();
        var packed = WimResources.Compress(folder, files, $"--compress={method}:100", $"--chunk-size={kib}K");
        Assert.Superset(new HashSet<string>(["text", "mixed", "calls", "zeros", "one-chunk"]), new HashSet<string>(packed.Keys));
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 32 << 20);
        var script = "";
        foreach (var (name, stream) in packed)
        {
            File.WriteAllBytes(folder.File(name), stream);
            script += $"truncate -s {files[name].Length} {name}; cat $HERE/{name} > {name}:WofCompressedData\n"
                + $"setfattr -h -n system.ntfs_reparse_data -v 0x1700008010000000010000000200000001000000{algorithm:x2}000000 {name}\n";
        }
        Ntfs3g.Run(path, script);
        using var device = HostFile.Open(path, FileAccess.Read);
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        foreach (var name in packed.Keys)
        {
            var node = volume.Find("/" + name);
            Assert.Equal(EntryKind.File, node.Kind);
            Assert.Equal(files[name].Length, node.Length);
            Assert.Equal(0x80000017u, node.Metadata.ReparseTag);
            Assert.Empty(volume.GetStreams(node.Id));
            using var stream = node.OpenRead();
            var content = new byte[stream.Length];
            stream.ReadExactly(content);
            Assert.True(content.AsSpan().SequenceEqual(files[name]), name);
            var random = new Random(1);
            for (var i = 0; i < 50; i++)
            {
                var at = random.Next(content.Length);
                var part = new byte[random.Next(1, 100_000)];
                var count = stream.ReadAt(at, part);
                Assert.True(content.AsSpan(at, count).SequenceEqual(part.AsSpan(0, count)));
            }
        }
    }

    private static Dictionary<string, byte[]> Files()
    {
        var random = new Random(4);
        var words = Enumerable.Range(0, 500).Select(_ => string.Concat(Enumerable.Range(0, random.Next(2, 9)).Select(_ => (char)random.Next('a', 'z' + 1)))).ToArray();
        byte[] Text(int length) => System.Text.Encoding.ASCII.GetBytes(string.Join(' ', Enumerable.Range(0, length / 3 + 1).Select(_ => words[random.Next(500)])))[..length];
        var noise = new byte[50_000];
        random.NextBytes(noise);
        var calls = Text(90_000);
        for (var i = 0; i < calls.Length; i += 37)
            calls[i] = 0xE8;
        return new Dictionary<string, byte[]>(StringComparer.Ordinal)
        {
            ["text"] = Text(300_000), ["one-chunk"] = Text(3000), ["zeros"] = new byte[100_001], ["calls"] = calls,
            ["mixed"] = [.. Text(45_000), .. noise, .. new byte[70_000], .. Text(1)], ["whole-chunks"] = Text(65536),
        };
    }
}
