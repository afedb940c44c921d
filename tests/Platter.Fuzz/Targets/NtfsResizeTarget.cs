using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Fuzz.Mutation;

namespace Platter.Fuzz.Targets;

/// <summary>NTFS volumes, damaged or sound, made longer and shorter: what could be read still can, and nothing is wrong afterwards that was not before.</summary>
internal sealed class NtfsResizeTarget : FuzzTarget
{
    private const int MostGrowth = 8 << 20;

    // Of a log that was given up: the volume is marked for Windows to look at.
    private static readonly string[] Allowed = ["NTFS-0015", "NTFS-0016", "NTFS-0017"];

    private static readonly NtfsType Ntfs = new();
    private List<(PagedImage Image, NtfsMap Map)> _bases = [];

    public override string Name => "ntfs-resize";

    public override void Prepare() => _bases = NtfsBases.Make();

    public override bool Run(Dice dice)
    {
        var (image, map) = dice.Pick(_bases);
        var device = new OverlayDevice(image);
        if (!dice.OneIn(4))
            NtfsMutator.Mutate(device, map, dice);
        if (dice.OneIn(2))
            device.SetLength(device.Length + dice.Next(MostGrowth));
        var before = Ntfs.Check(device, CheckOptions.Default);
        var readable = NtfsReading.Of(device);
        var target = dice.OneIn(2) ? device : default(BlockDevice);
        using var transaction = target is null ? TransactionDevice.Open(device, new MemoryJournalStore()) : null;
        target ??= transaction!;
        var isResized = false;
        for (var left = dice.Between(1, 3); left > 0; left--)
            isResized |= Resize(target, dice);
        var after = Ntfs.Check(target, CheckOptions.Default);
        foreach (var finding in before.Findings.Take(20))
            dice.Trace?.Invoke($"before: {finding}");
        foreach (var finding in after.Findings.Take(20))
            dice.Trace?.Invoke($"after: {finding}");
        // With an older copy of the boot sector, or none where the volume now ends, it is looked at by other numbers.
        var kinds = before.Findings.Select(f => f.Code).Concat(Allowed).ToHashSet(StringComparer.Ordinal);
        var worse = after.Findings.FirstOrDefault(f => f.Severity > Severity.Note && !kinds.Contains(f.Code));
        Expect(worse is null, $"nothing is wrong after a resize that was not before: {worse}");
        var loss = NtfsReading.Loss(readable, before, target);
        Expect(loss is null, $"what could be read still can: {loss}");
        return isResized;
    }

    private static bool Resize(BlockDevice target, Dice dice)
    {
        long? length = dice.Next(4) switch
        {
            0 => null,
            1 => target.Length - dice.Next(1 << 20),
            2 => (long)dice.Next(1 << 16) * target.SectorSize,
            _ => dice.NextLong(target.Length),
        };
        try
        {
            var report = Ntfs.Resize(target, new ResizeOptions { Length = length, Volume = new VolumeOptions { DiscardJournal = !dice.OneIn(4) } });
            dice.Trace?.Invoke($"resized to {length}: {report}");
            return true;
        }
        catch (Exception e) when (IsLawful(e) || e.GetType() == typeof(ArgumentException))
        {
            dice.Trace?.Invoke($"not resized to {length}: {e.Message}");
            return false;
        }
    }
}
