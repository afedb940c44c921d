using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Fuzz.Mutation;

namespace Platter.Fuzz.Targets;

/// <summary>Damaged NTFS volumes, repaired: no more findings than before, and none of another kind; and what could be read still can.</summary>
internal sealed class NtfsRepairTarget : FuzzTarget
{
    // What comes to light when a record, or the whole volume, can be read again.
    private static readonly string[] Revealed = ["NTFS-0137", "NTFS-0212"];

    private static readonly NtfsType Ntfs = new();
    private List<(PagedImage Image, NtfsMap Map)> _bases = [];

    public override string Name => "ntfs-repair";

    public override void Prepare() => _bases = NtfsBases.Make();

    public override bool Run(Dice dice)
    {
        var (image, map) = dice.Pick(_bases);
        var device = new OverlayDevice(image);
        for (var left = dice.Between(1, 3); left > 0; left--)
            NtfsMutator.Mutate(device, map, dice);
        var options = new RepairOptions { DryRun = dice.OneIn(8), Check = new CheckOptions { Volume = new VolumeOptions { DiscardJournal = !dice.OneIn(8) } } };
        var before = Ntfs.Check(device, options.Check);
        var readable = dice.OneIn(2) ? NtfsReading.Of(device) : null;
        var target = dice.OneIn(2) ? device : default(BlockDevice);
        using var transaction = target is null ? TransactionDevice.Open(device, new MemoryJournalStore()) : null;
        target ??= transaction!;
        RepairReport done;
        try
        {
            done = Ntfs.Repair(target, options);
        }
        catch (UnsupportedFeatureException)
        {
            // Hibernated, a log in use, or too much damage.
            return false;
        }
        foreach (var finding in before.Findings.Take(20))
            dice.Trace?.Invoke($"before: {finding}");
        foreach (var repair in done.Repairs)
            dice.Trace?.Invoke(repair.ToString());
        foreach (var finding in done.Remaining.Findings.Take(20))
            dice.Trace?.Invoke($"after: {finding}");
        Expect(done.Repairs.Count > 0 || done.Remaining.Total == before.Total, "what is not mended stays as it is");
        if (!options.DryRun && !IsRestored(done))
        {
            var kinds = before.Findings.Select(f => f.Code).Concat(Revealed).ToHashSet(StringComparer.Ordinal);
            Expect(done.Remaining.Findings.All(f => kinds.Contains(f.Code)), $"a repair brings nothing of another kind: {done.Remaining.Findings.FirstOrDefault(f => !kinds.Contains(f.Code))}");
            Expect(done.Remaining.Findings.Count(f => !Revealed.Contains(f.Code)) <= before.Total, "a repair makes nothing worse");
        }
        if (readable is not null)
        {
            var loss = NtfsReading.Loss(readable, before, target);
            Expect(loss is null, $"what could be read still can: {loss}");
        }
        return true;
    }

    // A boot sector or a first record from its copy: from then on the volume is looked at by other numbers.
    private static bool IsRestored(RepairReport done) => done.Repairs.Any(r => r.Structure == "BootSector" || r.Message.EndsWith("from its copy in $MFTMirr", StringComparison.Ordinal));
}
