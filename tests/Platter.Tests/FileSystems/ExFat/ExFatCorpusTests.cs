using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Images;
using Platter.Partitions;
using Platter.Testing;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.ExFat;

/// <summary>exFAT volumes that others made, against listings that others wrote, and against the checker.</summary>
public class ExFatCorpusTests
{
    private static readonly Dictionary<(string Image, string Path), string> Different = [];

    // Images that fsck.exfat calls clean, what is found in them all the same, and why (docs/filesystems/exfat.md).
    private static readonly Dictionary<string, (string Code, string Why)> Unclean = new(StringComparer.Ordinal)
    {
        ["exfat/dfir_ntfs-exfat_orphan.img.zst"] = ("EXF-0071", "a directory was removed and its clusters were not: fsck.exfat does not look for those"),
        ["exfat/go-exfat-test.img.zst"] = ("EXF-0048", "a label of 15 characters: fsck.exfat prints it and says clean"),
        ["disk/dfir_ntfs-exfat_lin_part.img.zst"] = ("EXF-0048", "a label of 15 characters, and a directory's name of 256, which counts as 0: fsck.exfat agrees, exfat-fuse gives up"),
        ["exfat/exfat-slim-sd.img.zst"] = ("EXF-0018", "the head of a larger card"),
    };

    public static TheoryData<string> Readable => [.. Corpus.Images.Where(i => i.Kind == "exfat" && i.Status != "broken").Select(i => i.File)];

    public static TheoryData<string> Broken => [.. Corpus.Images.Where(i => i.Kind == "exfat" && i.Status == "broken").Select(i => i.File)];

    public static TheoryData<string> Disks => [.. Corpus.Images.Where(i => i.Kind is "disk" or "vhd" or "container" or "vhdx" && i.File.Contains("exfat", StringComparison.Ordinal)).Select(i => i.File)];

    [Theory, MemberData(nameof(Readable))]
    public void A_volume_reads_as_its_listing_says_and_is_clean(string file)
    {
        var image = Corpus.Images.Single(i => i.File == file);
        using var folder = new TempFolder();
        using var device = HostFile.Open(Corpus.Unpack(image, folder), FileAccess.Read);
        Assert.True(ExFatGeometry.Recognise(device), "not recognised");
        using var volume = ExFatVolume.Open(device, VolumeOptions.Default);
        VolumeListing.Compare(image, volume, Corpus.ReadOracle(image, image.Oracles.Single(o => o.Contains(".files.tsv", StringComparison.Ordinal))), Different);
        var report = ExFatChecker.Check(device, new CheckOptions { ReadData = true });
        AssertVerdict(file, report);
    }

    [Theory, MemberData(nameof(Broken))]
    public void A_broken_volume_is_reported_and_read_or_refused(string file)
    {
        var image = Corpus.Images.Single(i => i.File == file);
        using var folder = new TempFolder();
        using var device = HostFile.Open(Corpus.Unpack(image, folder), FileAccess.Read);
        Assert.False(ExFatChecker.Check(device, CheckOptions.Default).IsClean, image.Verdict);
        try
        {
            using var volume = ExFatVolume.Open(device, VolumeOptions.Default);
            foreach (var _ in VolumeListing.Of(volume, image.File))
            {
                // Every byte has been read.
            }
        }
        catch (DiskFormatException e)
        {
            Assert.StartsWith("EXF-", e.Code, StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Disks))]
    public void The_volumes_of_a_disk_read_as_their_listings_say_and_are_clean(string file)
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
            var compared = 0;
            foreach (var partition in PartitionTable.TryOpen(container.Disk)?.Partitions ?? [])
            {
                var oracle = image.Oracles.FirstOrDefault(o => o.Contains($".p{partition.Number}.files.tsv", StringComparison.Ordinal));
                if (oracle is null || partition.ReachesPastEnd)
                    continue;
                using var window = partition.OpenDevice();
                Assert.True(ExFatGeometry.Recognise(window), "not recognised");
                using var volume = ExFatVolume.Open(window, VolumeOptions.Default);
                var listing = Corpus.ReadOracle(image, oracle);
                if (listing.Contains("unreadable", StringComparison.Ordinal))
                    Assert.NotEmpty(VolumeListing.Of(volume, image.File));      // the tool that made it gave up at the root
                else
                    VolumeListing.Compare(image, volume, listing, Different);
                var report = ExFatChecker.Check(window, CheckOptions.Default);
                AssertVerdict(file, report);
                compared++;
            }
            Assert.Equal(1, compared);
        }
    }

    private static void AssertVerdict(string file, CheckReport report)
    {
        if (Unclean.TryGetValue(file, out var odd))
            Assert.Equal(odd.Code, report.Findings.First(f => f.Severity > Severity.Note).Code);
        else
            Assert.True(report.IsClean, string.Join('\n', report.Findings));
    }
}
