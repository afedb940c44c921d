using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Images;
using Platter.Partitions;
using Platter.Testing;
using Platter.Testing.Volumes;
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
        VolumeListing.Compare(image, volume, Corpus.ReadOracle(image, image.Oracles.Single(o => o.Contains(".files.tsv", StringComparison.Ordinal))), Different);
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
            foreach (var _ in VolumeListing.Of(volume, image.File))
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
        // What lies in a folder of its own refers to the others there by name.
        foreach (var other in Corpus.Images.Where(i => i != image && i.File.Count(c => c == '/') > 1 && Path.GetDirectoryName(i.File) == Path.GetDirectoryName(image.File)))
            Corpus.Unpack(other, folder);
        var path = Corpus.Unpack(image, folder);
        using var host = HostFile.Open(path, FileAccess.Read);
        Container container;
        try
        {
            container = Container.Open(host, ImageNeighbours.Of(path));
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
                VolumeListing.Compare(image, volume, Corpus.ReadOracle(image, whole), Different);
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
                VolumeListing.Compare(image, volume, Corpus.ReadOracle(image, oracle), Different);
            }
        }
    }
}
