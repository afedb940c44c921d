using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Fuzz.Mutation;

namespace Platter.Fuzz.Targets;

/// <summary>NTFS volumes of the corpus: recognised, opened, walked, read, their streams, attributes and ranges too.</summary>
internal sealed class NtfsTarget : FuzzTarget
{
    private static readonly NtfsType Ntfs = new();
    private readonly List<(PagedImage Image, NtfsMap Map)> _bases = [];

    public override string Name => "ntfs";

    public override void Prepare()
    {
        foreach (var image in CorpusImages.Ntfs())
            _bases.Add((image, new NtfsMap(new OverlayDevice(image))));
    }

    public override bool Run(Dice dice)
    {
        if (_bases.Count == 0)
            return false;
        var (image, map) = dice.Pick(_bases);
        var device = new OverlayDevice(image);
        NtfsMutator.Mutate(device, map, dice);
        Ntfs.Recognise(device);
        return Try(() =>
        {
            using (var volume = (NtfsVolume)Ntfs.Open(device, VolumeOptions.Default))
                VolumeReading.Everything(volume, device.Length, dice, kindsAgree: false);
            // Ciphertext comes in whole sectors, longer than the file.
            using var raw = (NtfsVolume)Ntfs.Open(device, new VolumeOptions { RawEncrypted = dice.OneIn(2) });
            Details(raw, dice);
        });
    }

    private static void Details(NtfsVolume volume, Dice dice)
    {
        var buffer = new byte[65536];
        for (var i = 0; i < 40; i++)
        {
            var id = volume.RootId;
            if (!Try(() => id = volume.OpenSystemFile(dice.NextLong(Math.Min(volume.Mft.Count, 300))) is { } file ? new NodeId(file.Reference.Raw) : id))
                continue;
            Try(() => volume.GetFormatAttributes(id));
            Try(() =>
            {
                if (volume.GetMetadata(id).SecurityDescriptor is { } descriptor && Sddl.Format(descriptor) is { } text)
                    Expect(Sddl.Format(Sddl.Parse(text)) == text, "the text of a descriptor comes back");
            });
            Try(() =>
            {
                foreach (var stream in volume.GetStreams(id).Take(20))
                {
                    using var opened = volume.OpenRead(id, stream.Name);
                    Expect(opened.Length >= stream.Length, "a stream is as long as the list says");
                    opened.ReadAt(0, buffer);
                    opened.ReadAt(dice.NextLong(Math.Max(1, opened.Length)), buffer);
                    Expect(opened.Extents().Take(1000).All(e => e.Length > 0), "an extent is not empty");
                }
            });
        }
    }
}
