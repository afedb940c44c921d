using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Testing;
using Platter.Testing.Ext;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>ext volumes that others made, against listings that others wrote.</summary>
public class ExtCorpusTests
{
    // What a listing has otherwise, and why Platter does not follow.
    private static readonly Dictionary<string, string> Different = new(StringComparer.Ordinal)
    {
        ["ext/e2fsprogs-f_journal.img.zst"] = "/journal: the listing is from after e2fsck, which hides the file that holds the journal",
    };

    public static TheoryData<string> Readable => [.. Corpus.Images.Where(i => i.Kind == "ext" && i.Status != "broken" && i.Oracles.Any(IsListing)).Select(i => i.File)];

    public static TheoryData<string> Broken => [.. Corpus.Images.Where(i => i.Kind == "ext" && i.Status is "broken" or "special").Select(i => i.File)];

    [Theory, MemberData(nameof(Readable))]
    public void A_volume_reads_as_its_listing_says(string file)
    {
        var image = Corpus.Images.Single(i => i.File == file);
        using var folder = new TempFolder();
        using var device = HostFile.Open(Corpus.Unpack(image, folder), FileAccess.Read);
        Assert.True(new ExtType().Recognise(device), "not recognised");
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        var problems = new List<string>();
        var differences = ExtListing.Differences(ExtListing.Parse(Corpus.ReadOracle(image, image.Oracles.Single(IsListing))), ExtListing.Read(volume, problems));
        if (Different.TryGetValue(file, out var known))
            Assert.Equal(1, differences.RemoveAll(d => d.StartsWith("+ " + known[..known.IndexOf(':', StringComparison.Ordinal)], StringComparison.Ordinal)));
        Assert.True(differences.Count == 0 && problems.Count == 0,
            $"{file} ({image.Special}):\n{string.Join('\n', differences.Take(20))}\n{string.Join('\n', problems.Take(20))}");
    }

    [Theory, MemberData(nameof(Broken))]
    public void A_broken_volume_is_read_or_refused_and_never_crashes(string file)
    {
        var image = Corpus.Images.Single(i => i.File == file);
        using var folder = new TempFolder();
        using var device = HostFile.Open(Corpus.Unpack(image, folder), FileAccess.Read);
        try
        {
            using var volume = ExtVolume.Open(device, VolumeOptions.Default);
            ExtListing.Read(volume, []);
            Assert.All(volume.AllocatedRanges(), r => Assert.InRange(r.End, 1, device.Length));
        }
        catch (DiskFormatException e)
        {
            Assert.StartsWith("EXT-", e.Code, StringComparison.Ordinal);
        }
        catch (UnsupportedFeatureException e)
        {
            Assert.NotEmpty(e.Message);
        }
    }

    private static bool IsListing(string oracle) => oracle.Contains(".files.tsv", StringComparison.Ordinal);
}
