using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;

namespace Platter.Testing.Ntfs;

/// <summary>A volume made here, with something of everything in it, for damage and repair.</summary>
public static class NtfsTrial
{
    /// <summary>The bytes of a volume with a directory of so many names, and some files with content, links, streams.</summary>
    /// <param name="clusterSize">As for mkfs.</param>
    /// <param name="names">Names in /many.</param>
    /// <param name="length">Bytes.</param>
    public static byte[] Make(string clusterSize = "1K", int names = 300, int length = 6 << 20)
    {
        var bytes = new byte[length];
        var device = new MemoryDevice(bytes);
        var type = new NtfsType();
        type.Format(device, new FormatOptions { Type = "ntfs", Id = "0123456789ABCDEF", Options = new Dictionary<string, string>(StringComparer.Ordinal) { ["cluster_size"] = clusterSize } });
        using var volume = type.OpenForEditing(device, VolumeOptions.Default);
        var many = volume.CreateDirectory(volume.RootId, "many", MetadataChange.None);
        for (var i = 0; i < names; i++)
            volume.CreateFile(many, $"one of many files {i * 7919 % names:D5}", new MemoryStream(Content(i, i % 40)), null, MetadataChange.None);
        var folder = volume.CreateDirectory(volume.RootId, "folder", MetadataChange.None);
        var inner = volume.CreateDirectory(folder, "inner", MetadataChange.None);
        var file = volume.CreateFile(inner, "a file", new MemoryStream(Content(1000, 20_000)), null, MetadataChange.None);
        volume.CreateFile(inner, "another file", new MemoryStream(Content(1001, 500)), null, new MetadataChange { ShortName = "ANOTHE~1" });
        volume.CreateHardLink(file, folder, "a link");
        for (var i = 0; i < 10; i++)
            volume.CreateHardLink(file, inner, $"a name of the same file that is long enough for a list, number {i}");
        var other = volume.CreateFile(volume.RootId, "other.txt", new MemoryStream(Content(1002, 3000)), null, MetadataChange.None);
        using (var stream = volume.OpenWrite(other, StreamName.Named("stream")))
            stream.WriteAt(0, Content(1003, 2500));
        volume.CreateSymbolicLink(volume.RootId, "link", "folder/inner", MetadataChange.None);
        volume.SetExtendedAttribute(other, "user.ntfs.object_id", Content(1004, 16));
        volume.Commit();
        return bytes;
    }

    private static byte[] Content(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
