using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;

namespace Platter.Fuzz.Targets;

/// <summary>Sound FAT volumes with varied trees, the same ones every time.</summary>
internal static class FatBases
{
    public static TimeProvider Clock { get; } = new FixedClock();

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
        fat.Format(device, new FormatOptions { Type = type, Label = "FUZZ", Clock = Clock, Options = format });
        using (var volume = fat.OpenForEditing(device, VolumeOptions.Default with { Clock = Clock }))
        {
            Fill(volume, many, clusterSize == 0 ? 512 : clusterSize);
            volume.Commit();
        }
        return new PagedImage(device.Bytes, sectorSize);
    }

    private static void Fill(EditableVolume volume, int many, int clusterSize)
    {
        var root = volume.RootId;
        Put(volume, root, "README.TXT", 700);
        Put(volume, root, "A file with a long name.text", 3 * clusterSize + 17);
        Put(volume, root, "empty", 0);
        Put(volume, root, "Grüße an die 😀 Ω", 100);
        Put(volume, root, new string('l', 200) + ".long", 1);
        var deep = root;
        for (var depth = 0; depth < 8; depth++)
        {
            deep = volume.CreateDirectory(deep, depth % 2 == 0 ? $"DEEP{depth}" : $"deeper and deeper {depth}", MetadataChange.None);
            Put(volume, deep, $"at depth {depth}", 33);
        }
        var big = volume.CreateDirectory(root, "many entries", MetadataChange.None);
        for (var i = 0; i < many; i++)
            Put(volume, big, i % 3 == 0 ? $"entry number {i} of many.txt" : $"F{i:D5}", 0);
        for (var i = 0; i < many; i += 7)
            volume.Delete(big, i % 3 == 0 ? $"entry number {i} of many.txt" : $"F{i:D5}");
        Fragment(volume, volume.CreateDirectory(root, "Fragments", MetadataChange.None), clusterSize);
        volume.SetMetadata(volume.Find("/README.TXT").Id, new MetadataChange { DosAttributes = DosAttributes.ReadOnly | DosAttributes.Hidden });
    }

    // Two files that grow in turns lie between each other.
    private static void Fragment(EditableVolume volume, NodeId directory, int clusterSize)
    {
        var (a, b) = (volume.CreateFile(directory, "a.bin", MetadataChange.None), volume.CreateFile(directory, "b.bin", MetadataChange.None));
        using var first = volume.OpenWrite(a, StreamName.Data);
        using var second = volume.OpenWrite(b, StreamName.Data);
        var piece = new byte[Math.Min(clusterSize, 2048)];
        for (var i = 0; i < 10; i++)
        {
            piece.AsSpan().Fill((byte)(i + 1));
            first.WriteAt(first.Length, piece);
            second.WriteAt(second.Length, piece);
        }
    }

    private static void Put(EditableVolume volume, NodeId parent, string name, int length)
    {
        var content = new byte[length];
        new Random(length).NextBytes(content);
        volume.CreateFile(parent, name, new MemoryStream(content), length, MetadataChange.None);
    }

    private sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);
    }
}
