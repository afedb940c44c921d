using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Fuzz.Mutation;

namespace Platter.Fuzz.Targets;

/// <summary>ext volumes, damaged or sound, that are opened for editing and edited at random: what was sound stays sound, and what is not is refused in order.</summary>
internal sealed class ExtEditTarget : FuzzTarget
{
    private static readonly ExtType Ext = new();
    private static readonly string[] Wishes =
        ["metadata_csum", "metadata_csum", "^metadata_csum,^metadata_csum_seed", "^metadata_csum", "uuid=11111111-2222-4333-8444-555555555555", "^dir_index", "dir_index", "^has_journal", "orphan_file", "mmp", "^mmp,label=new", "^resize_inode", "64bit", "^64bit"];

    private readonly List<(PagedImage Image, ExtMap Map)> _bases = [];

    public override string Name => "ext-edit";

    public override void Prepare()
    {
        foreach (var image in ExtBases.Make())
            _bases.Add((image, new ExtMap(new OverlayDevice(image))));
    }

    public override bool Run(Dice dice)
    {
        var (image, map) = dice.Pick(_bases);
        var device = new OverlayDevice(image);
        if (!dice.OneIn(4))
            ExtMutator.Mutate(device, map, dice);
        var before = default(CheckReport);
        Try(() => before = Ext.Check(device, CheckOptions.Default));
        // On the bare device, or as the command does it, above a transaction.
        var target = dice.OneIn(2) ? device : default(BlockDevice);
        using var transaction = target is null ? TransactionDevice.Open(device, new MemoryJournalStore()) : null;
        target ??= transaction!;
        var edited = Try(() =>
        {
            using var volume = Ext.OpenForEditing(target, new VolumeOptions { DiscardJournal = dice.OneIn(20) });
            VolumeEditing.Script(volume, target.CanRollback, dice);
            VolumeReading.Everything(volume, target.Length, dice, kindsAgree: false);
        });
        if (!edited)
            return false;
        if (dice.OneIn(3))
            Tune(target, dice);
        CheckReport? after = null;
        Try(() => after = Ext.Check(target, CheckOptions.Default));
        foreach (var finding in before?.Findings.Take(10) ?? [])
            dice.Trace?.Invoke($"before: {finding}");
        if (before is { IsClean: true })
            Expect(after is { IsClean: true }, $"a clean volume is clean after edits: {string.Join("; ", after?.Findings.Where(f => f.Severity > Severity.Note).Take(3) ?? [])}");
        return true;
    }

    // What changes structures all over the volume.
    private static void Tune(BlockDevice target, Dice dice)
    {
        var wish = dice.Pick(Wishes);
        dice.Trace?.Invoke($"tune: {wish}");
        Try(() =>
        {
            try
            {
                Ext.Tune(target, new TuneOptions { Options = wish.Split(',').Select(w => w.Split('=')).ToDictionary(w => w[0], w => w.Length > 1 ? w[1] : "true", StringComparer.Ordinal) });
            }
            catch (ArgumentException)
            {
                // Features that this volume cannot have together.
            }
        });
    }
}
