using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Fuzz.Mutation;

namespace Platter.Fuzz.Targets;

/// <summary>FAT volumes of one width (or those of the corpus): recognised, opened, walked, read, checked, edited.</summary>
internal sealed class FatTarget(string name) : FuzzTarget
{
    private static readonly FatType Fat = new();
    private readonly List<(PagedImage Image, FatMap Map)> _bases = [];

    public override string Name => name;

    public override void Prepare()
    {
        foreach (var image in name == "fat-corpus" ? CorpusImages.Fat() : FatBases.Make(name))
            _bases.Add((image, new FatMap(new OverlayDevice(image))));
    }

    public override bool Run(Dice dice)
    {
        if (_bases.Count == 0)
            return false;
        var (image, map) = dice.Pick(_bases);
        var device = new OverlayDevice(image);
        FatMutator.Mutate(device, map, dice);
        Fat.Recognise(device);
        var report = default(CheckReport);
        Try(() => report = Fat.Check(device, new CheckOptions { ReadData = dice.OneIn(4) }));
        var options = new VolumeOptions { Clock = FatBases.Clock, OemCodePage = dice.Pick([437, 437, 850, 852, 866]), UtcOffset = TimeSpan.FromMinutes(dice.Pick([0, 0, 60, 840, -720])) };
        var opened = Try(() =>
        {
            using var volume = Fat.Open(device, options);
            VolumeReading.Everything(volume, device.Length, dice);
        });
        if (!dice.OneIn(3))
            Edit(device, options, report, dice);
        return opened;
    }

    private static void Edit(OverlayDevice device, VolumeOptions options, CheckReport? before, Dice dice)
    {
        // On the bare device, or as the command does it, above a transaction.
        var target = dice.OneIn(2) ? device : default(BlockDevice);
        using var transaction = target is null ? TransactionDevice.Open(device, new MemoryJournalStore()) : null;
        target ??= transaction!;
        var edited = Try(() =>
        {
            using var volume = Fat.OpenForEditing(target, options);
            VolumeEditing.Script(volume, target.CanRollback, dice);
        });
        if (!edited)
            return;
        CheckReport? after = null;
        Try(() => after = Fat.Check(target, CheckOptions.Default));
        foreach (var finding in before?.Findings.Take(10) ?? [])
            dice.Trace?.Invoke($"before: {finding}");
        if (before is { IsClean: true })
            Expect(after is { IsClean: true }, $"a clean volume is clean after edits: {string.Join("; ", after?.Findings.Where(f => f.Severity > Severity.Note).Take(3) ?? [])}");
        Try(() =>
        {
            using var volume = Fat.Open(target, options);
            VolumeReading.Everything(volume, target.Length, dice);
        });
    }
}
