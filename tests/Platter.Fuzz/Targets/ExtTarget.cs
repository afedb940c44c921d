using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Fuzz.Mutation;

namespace Platter.Fuzz.Targets;

/// <summary>ext volumes of e2fsprogs (or those of the corpus): recognised, checked, opened, walked, read, their attributes and ranges too.</summary>
internal sealed class ExtTarget(string name) : FuzzTarget
{
    private static readonly ExtType Ext = new();
    private readonly List<(PagedImage Image, ExtMap Map)> _bases = [];

    public override string Name => name;

    public override void Prepare()
    {
        foreach (var image in name == "ext-corpus" ? CorpusImages.Ext() : ExtBases.Make())
            _bases.Add((image, new ExtMap(new OverlayDevice(image))));
    }

    public override bool Run(Dice dice)
    {
        if (_bases.Count == 0)
            return false;
        var (image, map) = dice.Pick(_bases);
        var device = new OverlayDevice(image);
        ExtMutator.Mutate(device, map, dice);
        Ext.Recognise(device);
        var report = default(CheckReport);
        var (checkedWithout, openedWithout) = (dice.OneIn(8), dice.OneIn(8));
        Try(() => report = Ext.Check(device, new CheckOptions { Volume = new VolumeOptions { DiscardJournal = checkedWithout } }));
        foreach (var finding in report?.Findings.Take(10) ?? [])
            dice.Trace?.Invoke($"check: {finding}");
        var problems = 0;
        var opened = Try(() =>
        {
            using var volume = Ext.Open(device, new VolumeOptions { DiscardJournal = openedWithout });
            problems = VolumeReading.Everything(volume, device.Length, dice, kindsAgree: false);
        });
        // Whatever reading stumbles over is damage, and the checker's business: what it calls clean can be read.
        if (opened && checkedWithout == openedWithout && report is { IsClean: true })
            Expect(problems == 0, "a volume that the checker calls clean can be read");
        return opened;
    }
}
