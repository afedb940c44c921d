using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Fuzz.Mutation;
using Platter.Trees;

namespace Platter.Fuzz.Targets;

/// <summary>Broken FAT volumes, extracted to a folder of the host: nothing may leave it.</summary>
internal sealed class ExtractTarget : FuzzTarget
{
    private readonly List<(PagedImage Image, FatMap Map)> _bases = [];

    public override string Name => "extract";

    public override void Prepare()
    {
        foreach (var image in FatBases.MakeSmall())
            _bases.Add((image, new FatMap(new OverlayDevice(image))));
    }

    public override bool Run(Dice dice)
    {
        var (image, map) = dice.Pick(_bases);
        var device = new OverlayDevice(image);
        for (var left = dice.Between(0, 4); left > 0; left--)
            FatMutator.MutateNames(device, map, dice);
        if (dice.OneIn(2))
            FatMutator.Mutate(device, map, dice);
        using var trap = new HostTrap(prepared: dice.OneIn(2));
        var done = Try(() =>
        {
            using var volume = FatVolume.Open(device, VolumeOptions.Default);
            trap.Extract(VolumeTreeSource.Content(volume), dice);
        });
        trap.CheckNothingEscaped();
        return done;
    }
}
