using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Each kind of damage that the checker's tests make, repaired: clean and as it was before the damage; or left, and told.</summary>
public class NtfsRepairKindsTests(ITestOutputHelper output) : NtfsCheckBase
{
    private static readonly IEnumerable<NtfsCheckCase> Cases = NtfsCheckRecordTests.Cases.Concat(NtfsCheckIndexTests.Cases);

    /// <summary>What is not repaired, or not to the tree as it was, and what a check says afterwards: content, or what decides over it, is lost or not known.</summary>
    private static readonly Dictionary<string, string> Left = new(StringComparer.Ordinal)
    {
        ["both boot sectors broken"] = "NTFS-0002",
        ["a volume of an unknown version"] = "NTFS-0019",
        ["a volume with unknown flags"] = "NTFS-0020",
        ["a record of another magic"] = "NTFS-0101",
        ["a torn record"] = "NTFS-0102",
        ["a record of another size"] = "NTFS-0103",
        ["an attribute that is too long"] = "NTFS-0105",
        ["an attribute's name outside of it"] = "NTFS-0106",
        ["a resident value outside of its attribute"] = "NTFS-0107",
        ["impossible clusters of an attribute"] = "NTFS-0108",
        ["an attribute that is there twice"] = "NTFS-0115 NTFS-0120",
        ["a type that is not defined"] = "NTFS-0134",
        ["a bitmap of records that is too short"] = "NTFS-0138",
        ["a table of records that ends in a hole"] = "NTFS-0100 NTFS-0141 NTFS-0208",
        ["a free record that is not formatted"] = "NTFS-0139",
        ["extents with a gap"] = "NTFS-0120",
        ["encrypted data without keys"] = "NTFS-0127",
        ["EAs that are broken"] = "NTFS-0501",
        ["a reparse point that is broken"] = "NTFS-0500",
        ["content longer than its clusters"] = "NTFS-0201",
        ["a sparse stream that does not say what is there"] = "NTFS-0207",
        ["a hole in what is not sparse"] = "NTFS-0208 NTFS-0212",
        ["an index that is compressed"] = "NTFS-0207 NTFS-0217",
        ["a compressed file of odd units"] = "NTFS-0209",
        ["a broken run list"] = "NTFS-0200",
        ["a run list outside of the volume"] = "NTFS-0200",
        ["a run list that goes on"] = "NTFS-0200",
        ["clusters that two files have"] = "NTFS-0210 NTFS-0212",
        ["a bitmap that is too short"] = "NTFS-0211 NTFS-0213",
        ["bad clusters"] = "NTFS-0215",
        ["a boot file that starts elsewhere"] = "NTFS-0212 NTFS-0216",
        ["an extent that is resident"] = "NTFS-0115 NTFS-0120",
        ["a table of capitals of another length"] = "NTFS-0400",
        ["another table of capitals"] = "NTFS-0404",
        ["a table of capitals that is not one"] = "NTFS-0403",
        ["a security id that is not there"] = "NTFS-0410",
        ["a descriptor of another hash"] = "NTFS-0411",
        ["an owner of a file whom nobody knows"] = "NTFS-0431",
    };

    /// <summary>Where the damage itself took something away or added it, so that the tree is another one.</summary>
    private static readonly HashSet<string> Changed =
    [
        "a file without data", "clusters of nobody that are in use in the bitmap",
        // A stream more.
        "streams out of order",
        // Its way from the root is lost: it is in found.000.
        "directories in a circle",
    ];

    private static readonly RepairOptions Options = new() { Check = new CheckOptions { Volume = new VolumeOptions { DiscardJournal = true } } };

    public static TheoryData<string> Names => NamesOf(Cases);

    [Theory, MemberData(nameof(Names))]
    public void Damage_is_repaired_or_left_and_told(string what)
    {
        var wanted = Cases.Single(c => c.What == what);
        var volume = Sound(wanted.Volume);
        var before = Tree(volume, []);
        wanted.Make(volume);
        var damaged = volume.Bytes.ToArray();

        var dry = new NtfsType().Repair(volume.Device, Options with { DryRun = true });
        Assert.True(volume.Bytes.SequenceEqual(damaged), "a dry run writes nothing");
        var done = new NtfsType().Repair(volume.Device, Options);
        Assert.Equal(dry.Repairs, done.Repairs);
        foreach (var repair in done.Repairs)
            output.WriteLine($"{repair.Code} {repair.Structure}: {repair.Message}");
        foreach (var finding in done.Remaining.Findings)
            output.WriteLine($"left: {finding}");
        var left = string.Join(' ', done.Remaining.Findings.Select(f => f.Code).Except(SoundCodes(wanted.Volume).Split(' ')).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(Left.GetValueOrDefault(what, ""), left);
        if (Left.ContainsKey(what) || Changed.Contains(what))
            return;
        Assert.True(done.Remaining.IsClean);
        var problems = new List<string>();
        var differences = NtfsListing.Differences(before, Tree(volume, problems));
        Assert.True(differences.Count == 0 && problems.Count == 0, string.Join('\n', [.. differences, .. problems]));
    }

    private static Dictionary<string, NtfsListing.Line> Tree(NtfsDamage volume, List<string> problems)
    {
        using var opened = NtfsVolume.Open(volume.Device, VolumeOptions.Default);
        return NtfsListing.Read(opened, problems);
    }
}
