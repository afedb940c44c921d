using System.Text;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Fuzz.Mutation;

namespace Platter.Fuzz.Targets;

/// <summary>NTFS volumes whose descriptors, or the indexes of them, are damaged: read, edited, repaired. Descriptors that could be read stay what they are.</summary>
internal sealed class NtfsSecureTarget : FuzzTarget
{
    private const int MostFiles = 300;

    // Of a log that was given up; and copies that others left old.
    private static readonly string[] Allowed = ["NTFS-0015", "NTFS-0016", "NTFS-0017"];

    private static readonly string[] Texts = ["D:(A;;FA;;;WD)", "O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICIIO;GA;;;CO)", "O:S-1-5-21-1-2-3-1000D:(D;;FR;;;AN)S:(AU;SAFA;FA;;;WD)", "D:", "O:BA"];

    private static readonly NtfsType Ntfs = new();
    private readonly List<(PagedImage Image, NtfsMap Map, NtfsSecureMap Secure)> _bases = [];

    public override string Name => "ntfs-secure";

    public override void Prepare()
    {
        foreach (var (image, map) in NtfsBases.Make())
        {
            var secure = new NtfsSecureMap(new OverlayDevice(image), map);
            if (secure.Descriptors.Count > 0)
                _bases.Add((image, map, secure));
        }
    }

    public override bool Run(Dice dice)
    {
        var (image, map, secure) = dice.Pick(_bases);
        var device = new OverlayDevice(image);
        NtfsSecureMutator.Mutate(device, secure, dice);
        if (dice.OneIn(4))
            NtfsMutator.Mutate(device, map, dice);
        var before = Ntfs.Check(device, CheckOptions.Default);
        foreach (var finding in before.Findings.Take(20))
            dice.Trace?.Invoke($"before: {finding}");
        var known = Descriptors(device);
        var edited = new HashSet<ulong>();
        var isDone = dice.OneIn(2) ? Repair(device, dice) : Edit(device, edited, dice);
        var after = Ntfs.Check(device, CheckOptions.Default);
        foreach (var finding in after.Findings.Take(20))
            dice.Trace?.Invoke($"after: {finding}");
        if (!before.Findings.Any(IsFault))
            Expect(!after.Findings.Any(IsFault), $"what is clean stays clean: {string.Join("; ", after.Findings.Where(IsFault).Take(3))}");
        // Where a record says something else than before, or its file is reached by another name, there are findings of files, not of $Secure alone.
        if (before.Findings.All(f => f.Severity == Severity.Note || f.Structure.StartsWith("$Secure", StringComparison.Ordinal) || f.Structure.StartsWith("Record 9", StringComparison.Ordinal)))
        {
            var now = Descriptors(device);
            foreach (var (id, descriptor) in known)
                Expect(edited.Contains(id) || (now.TryGetValue(id, out var found) && found == descriptor), $"a descriptor stays what it is: that of {id & 0xFFFF_FFFF_FFFF} was {descriptor}, and is {now.GetValueOrDefault(id)}");
        }
        return isDone;
    }

    private static bool IsFault(Finding finding) => finding.Severity > Severity.Note && !Allowed.Contains(finding.Code);

    private static bool Repair(OverlayDevice device, Dice dice)
    {
        try
        {
            var done = Ntfs.Repair(device, new RepairOptions { Check = new CheckOptions { Volume = new VolumeOptions { DiscardJournal = true } } });
            foreach (var repair in done.Repairs)
                dice.Trace?.Invoke(repair.ToString());
            return done.Repairs.Count > 0;
        }
        catch (UnsupportedFeatureException)
        {
            return false;
        }
    }

    // New files inherit, others get descriptors of their own.
    private static bool Edit(BlockDevice device, HashSet<ulong> edited, Dice dice) => Try(() =>
    {
        using var volume = Ntfs.OpenForEditing(device, new VolumeOptions { DiscardJournal = true });
        var known = Files(volume);
        for (var left = dice.Between(1, 12); left > 0; left--)
        {
            var some = dice.Pick(known);
            switch (dice.Next(3))
            {
                case 0:
                    Try(() => volume.CreateFile(some, $"file {left}", MetadataChange.None));
                    break;
                case 1:
                    Try(() => volume.CreateDirectory(some, $"directory {left}", MetadataChange.None));
                    break;
                default:
                    edited.Add(some.Value);
                    Try(() => volume.SetExtendedAttribute(some, "system.ntfs_security", Encoding.UTF8.GetBytes(dice.Pick(Texts))));
                    break;
            }
        }
        volume.Commit();
    });

    private static Dictionary<ulong, string> Descriptors(BlockDevice device)
    {
        var found = new Dictionary<ulong, string>();
        Try(() =>
        {
            using var volume = Ntfs.Open(device, VolumeOptions.Default);
            foreach (var id in Files(volume))
            {
                Try(() =>
                {
                    if (volume.GetMetadata(id).SecurityDescriptor is not { } descriptor)
                        return;
                    found[id.Value] = Convert.ToHexString(descriptor);
                    if (Sddl.Format(descriptor) is { } text)
                        Expect(Sddl.Format(Sddl.Parse(text)) == text, "the text of a descriptor comes back");
                });
            }
        });
        return found;
    }

    private static List<NodeId> Files(Volume volume)
    {
        var found = new List<NodeId> { volume.RootId };
        var seen = new HashSet<NodeId>(found);
        for (var i = 0; i < found.Count && found.Count < MostFiles; i++)
        {
            var directory = found[i];
            Try(() => found.AddRange(volume.Enumerate(directory).Take(MostFiles).Select(e => e.Id).Where(seen.Add)));
        }
        return found;
    }
}
