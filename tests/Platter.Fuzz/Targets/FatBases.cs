using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;

namespace Platter.Fuzz.Targets;

/// <summary>Sound FAT volumes with varied trees, the same ones every time.</summary>
internal static class FatBases
{
    public static IEnumerable<PagedImage> Make(string type)
    {
        const int kilo = 1024, mega = 1024 * 1024;
        return type switch
        {
            "fat12" =>
            [
                Build(type, 64 * kilo, 512, 512, many: 30), Build(type, 1440 * kilo, 512, 0, many: 100), Build(type, mega, 4096, 4096, many: 40),
                Build(type, 2 * mega, 512, 16384, many: 40), Build(type, 512 * kilo, 512, 512, many: 30, fats: 1),
            ],
            "fat16" => [Build(type, 5 * mega / 2, 512, 512, many: 60), Build(type, 4 * mega, 512, 512, many: 900), Build(type, 18 * mega, 4096, 4096, many: 40)],
            _ => [Build(type, 34 * mega, 512, 512, many: 60), Build(type, 34 * mega, 512, 512, many: 900)],
        };
    }

    /// <summary>Volumes with few entries, for what takes long for each.</summary>
    public static IEnumerable<PagedImage> MakeSmall() => [Build("fat12", 64 << 10, 512, 512, many: 4), Build("fat12", 320 << 10, 512, 1024, many: 8)];

    private static PagedImage Build(string type, int length, int sectorSize, int clusterSize, int many, int fats = 2)
    {
        var device = new MemoryDevice(length, sectorSize);
        var format = new Dictionary<string, string>(StringComparer.Ordinal) { ["fat_count"] = fats.ToString() };
        if (clusterSize != 0)
            format["cluster_size"] = clusterSize.ToString();
        var fat = new FatType();
        fat.Format(device, new FormatOptions { Type = type, Label = "FUZZ", Clock = VolumeTree.Clock, Options = format });
        using (var volume = fat.OpenForEditing(device, VolumeOptions.Default with { Clock = VolumeTree.Clock }))
        {
            VolumeTree.Fill(volume, many, clusterSize == 0 ? 512 : clusterSize);
            volume.Commit();
        }
        return new PagedImage(device.Bytes, sectorSize);
    }
}
