using Platter.FileSystems;

namespace Platter.Fuzz.Targets;

/// <summary>A varied tree for the bases of every filesystem, the same one every time.</summary>
internal static class VolumeTree
{
    public static TimeProvider Clock { get; } = new FixedClock();

    /// <summary>Fills an empty volume: long and short names, deep and large directories with holes, fragments.</summary>
    public static void Fill(EditableVolume volume, int many, int clusterSize)
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
