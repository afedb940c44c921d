using Platter.Blocks;
using Platter.FileSystems;

namespace Platter.Fuzz.Targets;

/// <summary>Volumes of one kind of filesystem: recognised, opened, walked, read, checked, edited.</summary>
internal abstract class VolumeTarget(FileSystemType type) : FuzzTarget
{
    public override bool Run(Dice dice)
    {
        if (Mutated(dice) is not { } device)
            return false;
        type.Recognise(device);
        var report = default(CheckReport);
        Try(() => report = type.Check(device, new CheckOptions { ReadData = dice.OneIn(4) }));
        var options = Options(dice);
        var opened = Try(() =>
        {
            using var volume = type.Open(device, options);
            VolumeReading.Everything(volume, device.Length, dice);
        });
        if (!dice.OneIn(3))
            Edit(device, options, report, dice);
        return opened;
    }

    /// <summary>A base with something broken; null when there are no bases.</summary>
    protected abstract OverlayDevice? Mutated(Dice dice);

    protected virtual VolumeOptions Options(Dice dice) => new() { Clock = VolumeTree.Clock };

    private void Edit(OverlayDevice device, VolumeOptions options, CheckReport? before, Dice dice)
    {
        // On the bare device, or as the command does it, above a transaction.
        var target = dice.OneIn(2) ? device : default(BlockDevice);
        using var transaction = target is null ? TransactionDevice.Open(device, new MemoryJournalStore()) : null;
        target ??= transaction!;
        var edited = Try(() =>
        {
            using var volume = type.OpenForEditing(target, options);
            VolumeEditing.Script(volume, target.CanRollback, dice);
        });
        if (!edited)
            return;
        CheckReport? after = null;
        Try(() => after = type.Check(target, CheckOptions.Default));
        foreach (var finding in before?.Findings.Take(10) ?? [])
            dice.Trace?.Invoke($"before: {finding}");
        if (before is { IsClean: true })
            Expect(after is { IsClean: true }, $"a clean volume is clean after edits: {string.Join("; ", after?.Findings.Where(f => f.Severity > Severity.Note).Take(3) ?? [])}");
        Try(() =>
        {
            using var volume = type.Open(target, options);
            VolumeReading.Everything(volume, target.Length, dice);
        });
    }
}
