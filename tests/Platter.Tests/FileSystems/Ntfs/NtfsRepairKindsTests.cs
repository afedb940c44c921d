using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Each kind of damage that the checker's tests make, repaired: clean and as it was before the damage; or left, and told.</summary>
public class NtfsRepairKindsTests(ITestOutputHelper output) : NtfsCheckBase
{
    private static readonly RepairOptions Options = new() { Check = new CheckOptions { Volume = new VolumeOptions { DiscardJournal = true } } };

    public static TheoryData<string> Names => NamesOf(NtfsDamageKinds.All);

    [Theory, MemberData(nameof(Names))]
    public void Damage_is_repaired_or_left_and_told(string what)
    {
        var wanted = NtfsDamageKinds.Of(what);
        var volume = NtfsDamageKinds.Sound(wanted.Volume);
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
        var left = string.Join(' ', done.Remaining.Findings.Select(f => f.Code).Except(NtfsDamageKinds.SoundCodes(wanted.Volume).Split(' ')).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(NtfsDamageKinds.Left.GetValueOrDefault(what, ""), left);
        if (NtfsDamageKinds.Left.ContainsKey(what) || NtfsDamageKinds.Changed.Contains(what))
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
