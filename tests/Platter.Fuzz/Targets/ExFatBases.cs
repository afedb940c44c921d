using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Testing.ExFat;

namespace Platter.Fuzz.Targets;

/// <summary>Sound exFAT volumes with varied trees, the same ones every time: made by the editor, and by hand with what the editor does not make
/// (vendor entries, a volume GUID, chained directories).</summary>
internal static class ExFatBases
{
    public static IEnumerable<PagedImage> Make()
    {
        const int mega = 1 << 20;
        return
        [
            Build(mega, 512, 512, many: 30), Build(2 * mega, 512, 4096, many: 100), Build(4 * mega, 4096, 4096, many: 40), Build(6 * mega, 512, 1024, many: 600),
            Build(12 * mega, 512, 131072, many: 20), Build(3 * mega, 1024, 2048, many: 40),
            ByHand(2 * mega, 512, 512), ByHand(4 * mega, 512, 4096), ByHand(4 * mega, 4096, 8192),
        ];
    }

    private static PagedImage Build(int length, int sectorSize, int clusterSize, int many)
    {
        var device = new MemoryDevice(length, sectorSize);
        var type = new ExFatType();
        var options = new Dictionary<string, string>(StringComparer.Ordinal) { ["cluster_size"] = clusterSize.ToString(), ["align"] = "32K" };
        type.Format(device, new FormatOptions { Type = "exfat", Label = "FUZZ", Clock = VolumeTree.Clock, Options = options });
        using (var volume = type.OpenForEditing(device, VolumeOptions.Default with { Clock = VolumeTree.Clock }))
        {
            VolumeTree.Fill(volume, many, clusterSize);
            volume.Commit();
        }
        return new PagedImage(device.Bytes, sectorSize);
    }

    private static PagedImage ByHand(int length, int sectorSize, int clusterSize) =>
        new(HandmadeExFat.CreateFilled(length, sectorSize, clusterSize).Bytes, sectorSize);
}
