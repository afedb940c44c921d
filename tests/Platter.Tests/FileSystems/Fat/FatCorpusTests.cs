using System.Security.Cryptography;
using System.Text;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Images;
using Platter.Partitions;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

/// <summary>FAT volumes that others made, against listings that others wrote.</summary>
public class FatCorpusTests
{
    // What a listing's tool shows otherwise, and why Platter does not follow.
    private static readonly Dictionary<(string Image, string Path), string> Different = new()
    {
        [("fat/dfir_ntfs-fat32_loop.img.zst", "/test_dir/n40/4/T1")] =
            "the entry stands behind the end mark (0x00 in slot 2 of the directory): Linux goes on past it, the specification, 7-Zip and Platter stop",
    };

    public static TheoryData<string> Readable => [.. Corpus.Images.Where(i => i.Kind == "fat" && i.Status != "broken").Select(i => i.File)];

    public static TheoryData<string> Broken => [.. Corpus.Images.Where(i => i.Kind == "fat" && i.Status == "broken").Select(i => i.File)];

    public static TheoryData<string> Disks => [.. Corpus.Images.Where(i => i.Kind is "disk" or "vhd" && i.Size < 600 << 20).Select(i => i.File)];

    [Theory, MemberData(nameof(Readable))]
    public void A_volume_reads_as_its_listing_says(string file)
    {
        var image = Corpus.Images.Single(i => i.File == file);
        using var folder = new TempFolder();
        using var device = HostFile.Open(Corpus.Unpack(image, folder), FileAccess.Read);
        Assert.True(FatGeometry.Recognise(device), "not recognised");
        using var volume = FatVolume.Open(device, VolumeOptions.Default);
        Compare(image, volume, Corpus.ReadOracle(image, image.Oracles.Single(o => o.Contains(".files.tsv", StringComparison.Ordinal))));
    }

    [Theory, MemberData(nameof(Broken))]
    public void A_broken_volume_is_read_or_refused_and_never_crashes(string file)
    {
        var image = Corpus.Images.Single(i => i.File == file);
        using var folder = new TempFolder();
        using var device = HostFile.Open(Corpus.Unpack(image, folder), FileAccess.Read);
        try
        {
            using var volume = FatVolume.Open(device, VolumeOptions.Default);
            foreach (var _ in List(volume, image.File))
            {
                // Every byte has been read.
            }
        }
        catch (DiskFormatException e)
        {
            Assert.StartsWith("FAT-", e.Code, StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Disks))]
    public void FAT_partitions_read_as_their_listings_say(string file)
    {
        var image = Corpus.Images.Single(i => i.File == file);
        using var folder = new TempFolder();
        using var host = HostFile.Open(Corpus.Unpack(image, folder), FileAccess.Read);
        Container container;
        try
        {
            container = Container.Open(host);
        }
        catch (UnsupportedFeatureException)
        {
            return;     // a container of another kind: its own tests know it
        }
        using (container)
        {
            if (FatGeometry.Recognise(container.Disk) && image.Oracles.FirstOrDefault(o => o.EndsWith(image.File[(image.File.LastIndexOf('/') + 1)..^4] + ".files.tsv", StringComparison.Ordinal)) is { } whole)
            {
                using var volume = FatVolume.Open(container.Disk, VolumeOptions.Default);
                Compare(image, volume, Corpus.ReadOracle(image, whole));
                return;
            }
            foreach (var partition in PartitionTable.TryOpen(container.Disk)?.Partitions ?? [])
            {
                var oracle = image.Oracles.FirstOrDefault(o => o.Contains($".p{partition.Number}.files.tsv", StringComparison.Ordinal));
                if (oracle is null || partition.ReachesPastEnd || partition.IsExtended)
                    continue;
                using var window = partition.OpenDevice();
                if (!FatGeometry.Recognise(window))
                    continue;
                using var volume = FatVolume.Open(window, VolumeOptions.Default);
                Compare(image, volume, Corpus.ReadOracle(image, oracle));
            }
        }
    }

    private static void Compare(Corpus.Image image, FatVolume volume, string oracle)
    {
        var expected = oracle.Split('\n').Where(l => l.Length > 0 && l[0] == '/')
            .Select(l => l.Split('\t')).ToDictionary(c => c[0], c => string.Join('\t', c[1..4]), StringComparer.Ordinal);
        var found = List(volume, image.File).ToDictionary(e => e.Path, e => e.Text, StringComparer.Ordinal);
        var differences = new List<string>();
        foreach (var path in expected.Keys.Union(found.Keys).Order(StringComparer.Ordinal))
        {
            var (wanted, got) = (expected.GetValueOrDefault(path, "-"), found.GetValueOrDefault(path, "-"));
            var same = wanted == got || (wanted.EndsWith("\t-", StringComparison.Ordinal) && got.StartsWith(wanted[..^1], StringComparison.Ordinal));
            if (!same && !Different.ContainsKey((image.File, path)))
                differences.Add($"{path}: expected {wanted}, found {got}");
        }
        Assert.True(differences.Count == 0, $"{image.File} ({image.Special}): {differences.Count} of {expected.Count} differ\n" + string.Join('\n', differences.Take(20)));
    }

    private static IEnumerable<(string Path, string Text)> List(FatVolume volume, string image)
    {
        var seen = new HashSet<NodeId>();
        var pending = new Stack<(NodeId Id, string Path)>([(volume.RootId, "")]);
        while (pending.TryPop(out var directory))
        {
            // A directory that is its own ancestor would go on for ever.
            if (!seen.Add(directory.Id))
                continue;
            Assert.True(seen.Count < 100_000, $"{image}: endless");
            foreach (var entry in volume.Enumerate(directory.Id).ToList())
            {
                var path = $"{directory.Path}/{Escape(entry.Name)}";
                if (entry.Kind == EntryKind.Directory)
                {
                    pending.Push((entry.Id, path));
                    yield return (path, "d\t-\t-");
                }
                else
                {
                    yield return (path, $"f\t{volume.GetMetadata(entry.Id).Length}\t{Hash(volume, entry.Id)}");
                }
            }
        }
    }

    private static string Hash(FatVolume volume, NodeId id)
    {
        using var stream = volume.OpenRead(id, StreamName.Data);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static string Escape(string name)
    {
        var text = new StringBuilder();
        foreach (var c in name)
        {
            text.Append(c switch
            {
                '\\' => @"\\",
                '\t' => @"\t",
                '\n' => @"\n",
                '\r' => @"\r",
                < ' ' or '\x7F' => $@"\x{(int)c:x2}",
                _ => c.ToString(),
            });
        }
        return text.ToString();
    }
}
