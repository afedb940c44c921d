using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>NTFS volumes that others made, against listings that others wrote.</summary>
public class NtfsCorpusTests
{
    // A file of 32 TiB, which the tool that wrote the listing left out.
    private const string LeftOut = "/seek_sanity_testfile12";

    public static TheoryData<string> Readable => [.. Volumes.Where(i => i.Status != "broken" && i.Oracles.Any(IsListing)).Select(i => i.File)];

    public static TheoryData<string> Broken => [.. Volumes.Where(i => i.Status == "broken").Select(i => i.File)];

    private static IEnumerable<Corpus.Image> Volumes => Corpus.Images.Where(i => i.Kind == "ntfs");

    [Theory, MemberData(nameof(Readable))]
    public void A_volume_reads_as_its_listing_says(string file)
    {
        var image = Corpus.Images.Single(i => i.File == file);
        using var folder = new TempFolder();
        using var device = HostFile.Open(Unpack(image, folder), FileAccess.Read);
        Assert.True(new NtfsType().Recognise(device), "not recognised");
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        var problems = new List<string>();
        var differences = NtfsListing.Differences(NtfsListing.Parse(Corpus.ReadOracle(image, image.Oracles.Single(IsListing))), NtfsListing.Read(volume, problems));
        if (file.Contains("block_overflow_hole_file", StringComparison.Ordinal))
            Assert.Equal(1, differences.RemoveAll(d => d.StartsWith("+ " + LeftOut, StringComparison.Ordinal)));
        Assert.True(differences.Count == 0 && problems.Count == 0,
            $"{file} ({image.Special}):\n{string.Join('\n', differences.Take(20))}\n{string.Join('\n', problems.Take(20))}");
        Assert.All(volume.AllocatedRanges(), r => Assert.InRange(r.End, 1, device.Length));
        Assert.InRange(volume.FreeBytes, 0, volume.Info.TotalBytes);
        AssertFindings(file, device);
    }

    [Theory, MemberData(nameof(Readable))]
    public void A_volume_grows_and_shrinks_again_or_is_refused_as_edits_are(string file)
    {
        var image = Corpus.Images.Single(i => i.File == file);
        using var folder = new TempFolder();
        var path = Unpack(image, folder);
        HashSet<string> before;
        using (var device = HostFile.Open(path, FileAccess.Read))
            before = [.. new NtfsType().Check(device, CheckOptions.Default).Findings.Select(f => f.Code)];
        using (var stream = new FileStream(path, FileMode.Open))
            stream.SetLength(stream.Length + (5 << 20));
        using var disk = DiskImage.OpenForEditing(path);
        if (Refusal(() => disk.OpenVolumeForEditing().Dispose()) is { } refusal)
        {
            Assert.Equal(refusal, Refusal(() => disk.Resize(null, new ResizeOptions())));
            return;
        }
        var report = disk.Resize(null, new ResizeOptions());
        AssertSame();
        var hasErrors = before.Overlaps(Errors(disk));
        if (!hasErrors)
        {
            disk.Resize(null, new ResizeOptions { Length = report.Length - (1 << 20) });
            AssertSame();
        }

        void AssertSame()
        {
            var findings = disk.Check().Findings;
            Assert.True(findings.All(f => before.Contains(f.Code)), $"{file}:\n{string.Join('\n', findings.Take(20))}");
            using var volume = (NtfsVolume)disk.OpenVolume();
            var differences = NtfsListing.Differences(NtfsListing.Parse(Corpus.ReadOracle(image, image.Oracles.Single(IsListing))), NtfsListing.Read(volume, []));
            differences.RemoveAll(d => d.StartsWith("+ " + LeftOut, StringComparison.Ordinal));
            Assert.True(differences.Count == 0, $"{file}:\n{string.Join('\n', differences.Take(20))}");
        }
    }

    private static IEnumerable<string> Errors(DiskImage disk) => disk.Check().Findings.Where(f => f.Severity >= Severity.Error).Select(f => f.Code);

    private static string? Refusal(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (Exception e) when (e is UnsupportedFeatureException or DiskFormatException)
        {
            return e.Message;
        }
    }

    [Theory, MemberData(nameof(Broken))]
    public void A_broken_volume_is_read_or_refused_and_never_crashes(string file)
    {
        var image = Corpus.Images.Single(i => i.File == file);
        using var folder = new TempFolder();
        using var device = HostFile.Open(Unpack(image, folder), FileAccess.Read);
        AssertFindings(file, device);
        try
        {
            using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
            NtfsListing.Read(volume, [], mostHashed: 16 << 20);
            Assert.All(volume.AllocatedRanges(), r => Assert.InRange(r.End, 1, device.Length));
            Assert.NotNull(volume.Info.Type);
        }
        catch (DiskFormatException e)
        {
            Assert.StartsWith("NTFS-", e.Code, StringComparison.Ordinal);
        }
    }

    private static void AssertFindings(string file, BlockDevice device)
    {
        var report = new NtfsType().Check(device, CheckOptions.Default);
        var codes = report.Findings.Select(f => f.Code).Distinct().Order(StringComparer.Ordinal);
        Assert.True(codes.SequenceEqual(NtfsCorpusFindings.Of(file)), $"{file}: {string.Join(' ', codes)}\n{string.Join('\n', report.Findings.Take(20))}");
    }

    // Sparse images of many gigabytes come as sparse archives.
    private static string Unpack(Corpus.Image image, TempFolder folder)
    {
        if (image.Packed != "tar.zst")
            return Corpus.Unpack(image, folder);
        Tool.Expect("tar", "--zstd", "-xSf", Path.Combine(Corpus.Folder, image.File), "-C", folder.Path);
        return Directory.EnumerateFiles(folder.Path, "*", SearchOption.AllDirectories).Single();
    }

    private static bool IsListing(string oracle) => oracle.Contains(".files.tsv", StringComparison.Ordinal);
}
