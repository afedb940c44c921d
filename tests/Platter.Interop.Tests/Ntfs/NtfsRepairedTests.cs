using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Xunit;
using static Platter.FileSystems.Ntfs.NtfsAttributeType;

namespace Platter.Interop.Tests.Ntfs;

/// <summary>Volumes that were damaged and repaired, before the judges: they see the tree as it was before the damage.</summary>
public class NtfsRepairedTests
{
    private const string Names = NtfsDirectory.IndexName;

    private static readonly Lazy<byte[]> Sound = new(() => NtfsTrial.Make("4K", 400, 12 << 20));

    private static readonly (string What, Action<NtfsDamage> Make)[] Damages =
    [
        ("an index block that is gone", d => d.Bytes.Slice((int)d.Place(Directory(d, "many"), IndexAllocation, 0, Names), 4096).Clear()),
        ("every index of names broken", d =>
        {
            foreach (var record in d.Records().Where(r => r.IsDirectory && r.Number != NtfsMft.RootRecord).ToList())
                d.EditValue(record, IndexRoot, v => v.Span[8] = 3, Names);
            d.Bytes.Slice((int)d.Place(d.Record(5), IndexAllocation, 0, Names), 8).Clear();
        }),
        ("names out of order", d => d.EditBlock(Directory(d, "many"), Names, 4096, b => NtfsDamage.SwapEntries(b, NtfsDamage.Entries(b, NtfsIndexBlock.HeaderOffset)[2]))),
        ("a file without a name in its record", d => d.Cut(d.With(Data, "stream"), FileName)),
        ("a broken attribute list", d => d.EditValue(d.With(AttributeList), AttributeList, v => v.Span[4] = 3)),
        ("link counts", d =>
        {
            foreach (var record in d.Records().Where(r => r.Number >= 64).ToList())
                d.Edit(record, r => r[0x12] += 3);
        }),
        ("$Secure's indexes", d => d.Cut(d.Record(9), IndexRoot, "$SII")),
        ("a dirty volume whose bitmaps are wrong", d =>
        {
            d.EditValue(d.Record(3), VolumeInformation, v => v.Span[0x0A] = 1);
            d.Bytes.Slice((int)d.Place(d.Record(6), Data, 0), 64).Clear();
            d.Bytes[(int)d.Place(d.Record(0), NtfsAttributeType.Bitmap, 8)] = 0;
        }),
    ];

    public static TheoryData<string> Kinds => [.. Damages.Select(d => d.What)];

    [Theory, MemberData(nameof(Kinds))]
    public void The_tools_of_ntfs_3g_see_the_tree_as_it_was(string what)
    {
        using var folder = new TempFolder();
        var path = Repaired(folder, what);
        Tool.Expect("ntfsfix", "-n", path);
        Tool.Expect("ntfsls", "-R", "-a", path);
        var differences = NtfsListing.Differences(Before(), Ntfs3g.List(path, "other.txt:stream"));
        Assert.True(differences.Count == 0, string.Join('\n', differences.Take(20)));
    }

    [Fact(Explicit = true)]
    public void The_kernel_sees_the_tree_as_it_was()
    {
        using var folder = new TempFolder();
        var paths = Damages.Select(d => Repaired(folder, d.What)).ToList();
        var expected = Before().Where(e => !e.Key.Contains(':', StringComparison.Ordinal)).Select(e => $"{e.Key} {e.Value.Kind} {e.Value.Hash}").Order(StringComparer.Ordinal).ToList();
        foreach (var report in KernelMount.Run([.. paths.Select(p => new KernelMount.Image(p, "ntfs3"))], KernelMount.Options.Default))
        {
            Assert.True(report.IsOk, report.Error);
            var found = report.Tree.Entries.Values.Select(e => $"{e.Path} {Kind(e.Kind)} {(e.Kind == EntryKind.File ? e.Sha256 : "-")}").Order(StringComparer.Ordinal);
            Assert.Equal(expected, found);
        }
    }

    private static string Kind(EntryKind kind) => kind switch { EntryKind.Directory => "d", EntryKind.SymbolicLink => "l", _ => "f" };

    private static string Repaired(TempFolder folder, string what)
    {
        var damage = new NtfsDamage(Sound.Value.ToArray());
        Damages.Single(d => d.What == what).Make(damage);
        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.NotEmpty(report.Repairs);
        Assert.True(report.Remaining.IsClean, $"{what}: {string.Join('\n', report.Remaining.Findings)}");
        var path = folder.File($"{Array.FindIndex(Damages, d => d.What == what)}.img");
        File.WriteAllBytes(path, damage.Bytes);
        return path;
    }

    private static Dictionary<string, NtfsListing.Line> Before()
    {
        using var volume = NtfsVolume.Open(new Platter.Blocks.MemoryDevice(Sound.Value), VolumeOptions.Default);
        return NtfsListing.Read(volume, []);
    }

    private static NtfsRecord Directory(NtfsDamage damage, string name) => damage.Records().First(r => r.IsDirectory
        && r.TryFind(FileName, "", out var found) && NtfsCollation.NameOf(found.Value).SequenceEqual(name));
}
