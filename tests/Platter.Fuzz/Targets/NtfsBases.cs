using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Fuzz.Mutation;

namespace Platter.Fuzz.Targets;

/// <summary>Sound NTFS volumes: those of the corpus, and small ones made here with what those lack.</summary>
internal static class NtfsBases
{
    private static readonly NtfsType Ntfs = new();

    public static List<(PagedImage Image, NtfsMap Map)> Make()
    {
        var bases = new List<(PagedImage, NtfsMap)>();
        foreach (var image in CorpusImages.Ntfs())
            bases.Add((image, new NtfsMap(new OverlayDevice(image))));
        foreach (var clusterSize in new[] { "512", "4K", "64K" })
        {
            var image = Own(clusterSize);
            bases.Add((image, new NtfsMap(new OverlayDevice(image))));
        }
        return bases;
    }

    private static PagedImage Own(string clusterSize)
    {
        var bytes = new byte[(clusterSize == "64K" ? 24 : 5) << 20];
        var device = new OverlayDevice(new PagedImage(bytes));
        var clock = new FixedClock();
        Ntfs.Format(device, new FormatOptions { Type = "ntfs", Options = new Dictionary<string, string>(StringComparer.Ordinal) { ["cluster_size"] = clusterSize }, Clock = clock, Id = "0123456789ABCDEF" });
        using (var volume = Ntfs.OpenForEditing(device, new VolumeOptions { Clock = clock }))
        {
            Fill(volume);
            volume.Commit();
        }
        device.Read(0, bytes);
        return new PagedImage(bytes);
    }

    // A directory with blocks, one with a tree of several levels, pieces, streams, links, attributes, a list of attributes, a reparse point, an object id.
    private static void Fill(EditableVolume volume)
    {
        var many = volume.CreateDirectory(volume.RootId, "many", MetadataChange.None);
        for (var i = 0; i < 150; i++)
            volume.CreateFile(many, $"one of many files {i * 7 % 150}", MetadataChange.None);
        var deep = volume.CreateDirectory(volume.CreateDirectory(many, "deep", MetadataChange.None), "deeper", MetadataChange.None);
        var file = volume.CreateFile(deep, "file with content", new MemoryStream(new byte[5000]), 5000, MetadataChange.None);
        var other = volume.CreateFile(volume.RootId, "other.txt", new MemoryStream(new byte[300]), 300, new MetadataChange { ShortName = "OTHER~1.TXT" });
        using (var first = volume.OpenWrite(file, StreamName.Data))
        using (var second = volume.OpenWrite(other, StreamName.Data))
        {
            for (var i = 0; i < 12; i++)
            {
                first.WriteAt(first.Length, new byte[3000]);
                second.WriteAt(second.Length + i * 1000, new byte[3000]);
            }
        }
        for (var i = 0; i < 12; i++)
            volume.CreateHardLink(file, deep, $"another name of the file, with a number {i}");
        using (var stream = volume.OpenWrite(other, StreamName.Named("stream")))
            stream.WriteAt(0, new byte[3000]);
        volume.SetExtendedAttribute(other, "user.small", [1, 2, 3]);
        volume.SetExtendedAttribute(file, "user.ntfs.object_id", [.. Enumerable.Range(1, 16).Select(b => (byte)b)]);
        volume.CreateSymbolicLink(volume.RootId, "link", "many/deep", MetadataChange.None);
    }

    private sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddDays(19_000);
    }
}
