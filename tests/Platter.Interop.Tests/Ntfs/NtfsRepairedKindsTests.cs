using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Interop.Tests.Ntfs;

/// <summary>Every kind of damage that can be repaired, repaired and shown to the judges: they see what they saw before the damage.</summary>
public class NtfsRepairedKindsTests
{
    // As for what the repairs themselves are tested with: the logs of Windows' volumes were not closed.
    private static readonly RepairOptions Options = new() { Check = new CheckOptions { Volume = new VolumeOptions { DiscardJournal = true } } };

    private static readonly Lazy<Dictionary<NtfsSoundVolume, Views>> Before = new(() => Enum.GetValues<NtfsSoundVolume>().ToDictionary(v => v, SeenBefore));

    public static TheoryData<string> Names => [.. Repairable.Select(k => k.What)];

    private static IEnumerable<NtfsDamageKind> Repairable => NtfsDamageKinds.All.Where(k => !NtfsDamageKinds.Left.ContainsKey(k.What));

    [Theory, MemberData(nameof(Names))]
    public void The_tools_of_ntfs_3g_and_sleuthkit_see_what_they_saw(string what)
    {
        using var folder = new TempFolder();
        var kind = NtfsDamageKinds.Of(what);
        var bytes = Repaired(kind);
        var path = folder.File("repaired.img");
        File.WriteAllBytes(path, bytes);
        var before = NtfsDamageKinds.Changed.Contains(what) ? null : Before.Value[kind.Volume];
        var seen = Look(path, bytes);
        Same(before?.Names, seen.Names, "fls");
        Same(before?.Listed, seen.Listed, "ntfsls");
        var differences = NtfsListing.Differences(before?.Tree ?? Ours(bytes), seen.Tree);
        Assert.True(differences.Count == 0, string.Join('\n', differences.Take(20)));
    }

    [Fact]
    public void The_kernel_sees_what_it_saw_on_every_second() => Kernel(2);

    [Fact(Explicit = true)]
    public void The_kernel_sees_what_it_saw_on_all_of_them() => Kernel(1);

    // A second an image in the emulated machine: `every` says how many of them are left out.
    private static void Kernel(int every)
    {
        using var folder = new TempFolder();
        var paths = new List<string>();
        var hashes = new HashSet<string>(StringComparer.Ordinal);
        var number = 0;
        foreach (var volume in Enum.GetValues<NtfsSoundVolume>())
            Write(NtfsDamageKinds.Sound(volume).Bytes.ToArray());
        // Those that are byte for byte what they were, or what another is, need not be looked at.
        var kinds = Repairable.Where(k => !NtfsDamageKinds.Changed.Contains(k.What) && number++ % every == 0 && Write(Repaired(k))).ToList();
        var reports = KernelMount.Run([.. paths.Select(p => new KernelMount.Image(p, "ntfs3"))], KernelMount.Options.Default);
        var wrong = new List<string>();
        for (var i = 0; i < kinds.Count; i++)
        {
            var (before, after) = (reports[(int)kinds[i].Volume], reports[3 + i]);
            if (after.Error != before.Error || !Lines(before).SequenceEqual(Lines(after)))
                wrong.Add($"{kinds[i].What}: {after.Error}\n{string.Join('\n', after.Warnings.Select(w => w.Text).Concat(Lines(before).Except(Lines(after)).Select(l => "- " + l)).Concat(Lines(after).Except(Lines(before)).Select(l => "+ " + l)))}");
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));

        bool Write(byte[] bytes)
        {
            if (!hashes.Add(Convert.ToHexString(SHA256.HashData(bytes))))
                return false;
            paths.Add(folder.File($"{paths.Count}.img"));
            File.WriteAllBytes(paths[^1], bytes);
            return true;
        }
    }

    private static List<string> Lines(KernelMount.Report report) => [.. report.Tree.Entries.Values.Select(e => $"{e.Path} {e.Kind} {e.Sha256}").Order(StringComparer.Ordinal)];

    private static void Same(SortedSet<string>? before, SortedSet<string> after, string tool)
    {
        if (before is not null)
            Assert.True(before.SetEquals(after), $"{tool}: {string.Join(", ", before.Except(after).Select(n => "-" + n).Concat(after.Except(before).Select(n => "+" + n)))}");
    }

    private static byte[] Repaired(NtfsDamageKind kind)
    {
        var damage = NtfsDamageKinds.Sound(kind.Volume);
        kind.Make(damage);
        var report = new NtfsType().Repair(damage.Device, Options);
        Assert.NotEmpty(report.Repairs);
        Assert.True(report.Remaining.IsClean, $"{kind.What}: {string.Join('\n', report.Remaining.Findings)}");
        return damage.Bytes.ToArray();
    }

    private static Views SeenBefore(NtfsSoundVolume volume)
    {
        using var folder = new TempFolder();
        var bytes = NtfsDamageKinds.Sound(volume).Bytes.ToArray();
        var path = folder.File("sound.img");
        File.WriteAllBytes(path, bytes);
        return Look(path, bytes);
    }

    private static Views Look(string path, byte[] bytes)
    {
        Tool.Expect("ntfsfix", "-n", path);
        Tool.Expect("ntfsinfo", "-m", path);
        var listed = Words(Tool.Expect("ntfsls", "-R", "-a", "-s", path));
        // KIND/KIND RECORD-TYPE-INSTANCE: PATH. A directory or an index that was made anew has another instance.
        var names = Words(Regex.Replace(Tool.Expect("fls", "-r", "-p", "-u", "-f", "ntfs", path), @"-\d+:\t", "\t"));
        var streams = Ours(bytes).Where(l => l.Value.Kind == "a").Select(l => l.Key[1..]).ToArray();
        return new Views(names, listed, Ntfs3g.List(path, streams));
    }

    private static SortedSet<string> Words(string output) => new(output.Split('\n', StringSplitOptions.RemoveEmptyEntries), StringComparer.Ordinal);

    private static Dictionary<string, NtfsListing.Line> Ours(byte[] bytes)
    {
        using var volume = NtfsVolume.Open(new MemoryDevice(bytes), VolumeOptions.Default);
        return NtfsListing.Read(volume, []);
    }

    // What each judge sees of a volume.
    private sealed record Views(SortedSet<string> Names, SortedSet<string> Listed, Dictionary<string, NtfsListing.Line> Tree);
}
