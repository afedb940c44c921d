using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Fuzz.Mutation;
using Platter.Testing.Ntfs;

namespace Platter.Fuzz.Targets;

/// <summary>NTFS volumes of the corpus, checked: nothing escapes; and what is found clean can be read.</summary>
internal sealed class NtfsCheckTarget : FuzzTarget
{
    // What is within compressed data, and where a WOF file's is, only reading knows.
    private static readonly string[] OfReadingAlone = ["NTFS-0203", "NTFS-0204"];

    private static readonly NtfsType Ntfs = new();
    private readonly List<(PagedImage Image, NtfsMap Map, bool IsClean)> _bases = [];

    public override string Name => "ntfs-check";

    public override void Prepare()
    {
        foreach (var image in CorpusImages.Ntfs())
        {
            var device = new OverlayDevice(image);
            _bases.Add((image, new NtfsMap(device), Worst(Ntfs.Check(device, CheckOptions.Default)) == Severity.Note));
        }
    }

    public override bool Run(Dice dice)
    {
        if (_bases.Count == 0)
            return false;
        var (image, map, isClean) = dice.Pick(_bases);
        var device = new OverlayDevice(image);
        NtfsMutator.Mutate(device, map, dice);
        var report = Ntfs.Check(device, new CheckOptions { ReadData = dice.OneIn(4) });
        foreach (var finding in report.Findings.Take(20))
            dice.Trace?.Invoke(finding.ToString());
        Expect(report.Findings.All(f => f.Offset is null or >= 0), "an offset is no less than 0");
        if (dice.OneIn(8))
            Repair(device, report, dice);
        if (!isClean || Worst(report) > Severity.Note)
            return report.Findings.Count > 0;
        var codes = NtfsDamage.CodesOf(device);
        codes.ExceptWith(OfReadingAlone);
        Expect(codes.Count == 0, $"what is clean can be read: {string.Join(' ', codes)}");
        return true;
    }

    // What is mended makes nothing worse.
    private static void Repair(OverlayDevice device, CheckReport before, Dice dice)
    {
        RepairReport? done = null;
        try
        {
            done = Ntfs.Repair(device, new RepairOptions { Check = new CheckOptions { Volume = new VolumeOptions { DiscardJournal = dice.OneIn(2) } } });
        }
        catch (UnsupportedFeatureException)
        {
            // Hibernated, or a log in use.
            return;
        }
        foreach (var repair in done.Repairs)
            dice.Trace?.Invoke(repair.ToString());
        Expect(done.Repairs.Count > 0 || done.Remaining.Total == before.Total, "what is not mended stays as it is");
        // A record that is readable again shows what was hidden; the rest only gets less.
        if (done.Repairs.All(r => r.Code is "NTFS-0136" or "NTFS-0137" or "NTFS-0211" or "NTFS-0212" or "NTFS-0214" or "NTFS-0012" or "NTFS-0013"))
            Expect(done.Remaining.Total <= before.Total, "a repair makes nothing worse");
    }

    private static Severity Worst(CheckReport report) => report.Findings.Count == 0 ? Severity.Note : report.Findings.Max(f => f.Severity);
}
