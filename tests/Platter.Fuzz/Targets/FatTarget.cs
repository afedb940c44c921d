using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Fuzz.Mutation;

namespace Platter.Fuzz.Targets;

/// <summary>FAT volumes of one width (or those of the corpus).</summary>
internal sealed class FatTarget(string name) : VolumeTarget(new FatType())
{
    private readonly List<(PagedImage Image, FatMap Map)> _bases = [];

    public override string Name => name;

    public override void Prepare()
    {
        foreach (var image in name == "fat-corpus" ? CorpusImages.Fat() : FatBases.Make(name))
            _bases.Add((image, new FatMap(new OverlayDevice(image))));
    }

    protected override OverlayDevice? Mutated(Dice dice)
    {
        if (_bases.Count == 0)
            return null;
        var (image, map) = dice.Pick(_bases);
        var device = new OverlayDevice(image);
        FatMutator.Mutate(device, map, dice);
        return device;
    }

    protected override VolumeOptions Options(Dice dice) =>
        base.Options(dice) with { OemCodePage = dice.Pick([437, 437, 850, 852, 866]), UtcOffset = TimeSpan.FromMinutes(dice.Pick([0, 0, 60, 840, -720])) };
}
