using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ext;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;
using Xunit.Sdk;

namespace Platter.Interop.Tests.Ntfs;

/// <summary>Images that cases leave for the kernel, which looks at all of them at once when the last case has ended: starting its machine takes
/// longer than looking.</summary>
public sealed class NtfsKernelCourt : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<(string Path, Dictionary<string, NtfsListing.Line> Own)> _images = [];

    /// <summary>The tools judge a volume now; every so many the kernel gets, later.</summary>
    public string? Judge(ScratchDevice device, int kernelEvery)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        device.SaveTo(path);
        if (NtfsJudges.Complaint(path) is { } complaint)
            return complaint;
        lock (_images)
        {
            if (kernelEvery > 0 && Seen++ % kernelEvery == 0)
                Keep(path);
        }
        return null;
    }

    private int Seen { get; set; }

    private void Keep(string path)
    {
        var own = new List<string>();
        using (var device = HostFile.Open(path, FileAccess.Read))
        using (var volume = NtfsVolume.Open(device, VolumeOptions.Default))
            _images.Add((_folder.File($"{_images.Count}.img"), NtfsListing.Read(volume, own)));
        Tool.Expect("cp", "--sparse=always", path, _images[^1].Path);
    }

    public void Dispose()
    {
        try
        {
            foreach (var some in _images.Chunk(KernelMount.MaxImages))
                Look(some);
        }
        finally
        {
            _folder.Dispose();
        }
    }

    private static void Look((string Path, Dictionary<string, NtfsListing.Line> Own)[] images)
    {
        var reports = KernelMount.Run([.. images.Select(i => new KernelMount.Image(i.Path, "ntfs3"))]);
        var wrong = new List<string>();
        foreach (var (image, report) in images.Zip(reports))
        {
            if (!report.IsOk || report.Warnings.Any())
                wrong.Add($"{report.Error} {string.Join('\n', report.Warnings.Select(w => w.Text))}");
            var own = image.Own.Where(l => l.Value.Kind != "a").Select(l => (l.Key, l.Value.Kind, l.Value.Kind == "f" ? l.Value.Hash : "")).ToHashSet();
            var seen = report.Tree.Entries.Values.Select(e => (ExtListing.Escape(e.Path), Kind(e.Kind), e.Kind == EntryKind.File ? e.Sha256 ?? "" : "")).ToHashSet();
            wrong.AddRange(own.Except(seen).Select(l => $"- {l}"));
            wrong.AddRange(seen.Except(own).Select(l => $"+ {l}"));
        }
        if (wrong.Count > 0)
            throw new XunitException($"the kernel sees otherwise, of {images.Length} volumes:\n{string.Join('\n', wrong.Take(30))}");
    }

    private static string Kind(EntryKind kind) => kind switch
    {
        EntryKind.Directory => "d", EntryKind.File => "f", EntryKind.SymbolicLink => "l", EntryKind.CharacterDevice => "c",
        EntryKind.BlockDevice => "b", EntryKind.Fifo => "p", _ => "s",
    };
}

/// <summary>The conformance suite once more, every case before all judges; of the kernel's, every sixth.</summary>
public sealed class NtfsJudgedConformanceTests(NtfsKernelCourt court) : VolumeConformance, IClassFixture<NtfsKernelCourt>
{
    protected override VolumeFixture NewFixture() => new NtfsFixture { Arguments = "-c 4096", ClusterSize = 4096, JudgedBy = device => court.Judge(device, 6) };
}

/// <summary>Random edits beside a model, every hundred of them before all judges, in every layout.</summary>
public sealed class NtfsJudgedEditsTests(NtfsKernelCourt court, ITestOutputHelper output) : IClassFixture<NtfsKernelCourt>
{
    [Theory]
    [InlineData(512, 512, 1024, 41)]
    [InlineData(512, 512, 4096, 42)]
    [InlineData(512, 4096, 1024, 43)]
    [InlineData(512, 4096, 4096, 44)]
    [InlineData(512, 65536, 1024, 45)]
    [InlineData(512, 65536, 4096, 46)]
    [InlineData(512, 2 << 20, 1024, 47)]
    [InlineData(512, 2 << 20, 4096, 48)]
    [InlineData(4096, 4096, 4096, 49)]
    [InlineData(4096, 65536, 4096, 50)]
    [InlineData(4096, 2 << 20, 4096, 51)]
    public void Every_hundred_edits_all_judges_see_the_same(int sector, int cluster, int record, int seed)
    {
        var fixture = new NtfsFixture
        {
            Sizes = new NtfsSizesOfVolume(sector, cluster, record), ClusterSize = cluster,
            JudgedBy = device => court.Judge(device, sector == 512 ? 2 : 0),
        };
        var outcome = RandomEdits.Run(fixture, seed, 500, TimeSpan.FromSeconds(20));
        output.WriteLine($"sectors of {sector}, clusters of {cluster}, records of {record} bytes: {outcome}");
        Assert.True(outcome.Judgements > 0);
    }
}
