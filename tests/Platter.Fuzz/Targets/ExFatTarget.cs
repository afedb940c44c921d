using Platter.FileSystems.ExFat;
using Platter.Fuzz.Mutation;

namespace Platter.Fuzz.Targets;

/// <summary>exFAT volumes made here, or those of the corpus.</summary>
internal sealed class ExFatTarget(string name) : VolumeTarget(new ExFatType())
{
    private readonly List<(PagedImage Image, ExFatMap Map)> _bases = [];

    public override string Name => name;

    public override void Prepare()
    {
        foreach (var image in name == "exfat-corpus" ? CorpusImages.ExFat() : ExFatBases.Make())
            _bases.Add((image, new ExFatMap(new OverlayDevice(image))));
    }

    protected override OverlayDevice? Mutated(Dice dice)
    {
        if (_bases.Count == 0)
            return null;
        var (image, map) = dice.Pick(_bases);
        var device = new OverlayDevice(image);
        ExFatMutator.Mutate(device, map, dice);
        return device;
    }
}
