using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Platter.Testing.Ntfs;

/// <summary>Takes compressed resources out of a WIM image as they are: the overlay filter's streams have the same form.</summary>
/// <remarks>Microsoft, "Windows Imaging File Format (WIM)": a header, and a table of resources by SHA-1.</remarks>
public static class WimResources
{
    /// <summary>Compresses content by wimlib.</summary>
    /// <param name="folder">Where to work.</param>
    /// <param name="files">Name and content.</param>
    /// <param name="arguments">Of <c>wimlib-imagex capture</c>, such as <c>--compress=LZX</c>.</param>
    /// <returns>By name the compressed form; what did not get smaller is left out.</returns>
    public static Dictionary<string, byte[]> Compress(TempFolder folder, IReadOnlyDictionary<string, byte[]> files, params string[] arguments)
    {
        var source = Directory.CreateDirectory(folder.File("wim-source")).FullName;
        foreach (var (name, content) in files)
            File.WriteAllBytes(Path.Combine(source, name), content);
        var path = folder.File("image.wim");
        File.Delete(path);
        Tool.Expect("wimlib-imagex", ["capture", source, path, .. arguments]);
        var wim = File.ReadAllBytes(path);
        var names = files.ToDictionary(f => Convert.ToHexString(SHA1.HashData(f.Value)), f => f.Key, StringComparer.Ordinal);
        var found = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        const int entrySize = 50, compressed = 4;
        var (length, table, _) = Resource(wim.AsSpan(0x30));
        for (var at = (int)table; at < table + length; at += entrySize)
        {
            var entry = wim.AsSpan(at, entrySize);
            var (stored, offset, flags) = Resource(entry);
            if ((flags & compressed) != 0 && names.TryGetValue(Convert.ToHexString(entry[30..]), out var name))
                found[name] = wim.AsSpan((int)offset, (int)stored).ToArray();
        }
        return found;
    }

    // Seven bytes of stored length, one of flags, eight of offset, eight of original length.
    private static (long Stored, long Offset, byte Flags) Resource(ReadOnlySpan<byte> head) =>
        (BinaryPrimitives.ReadInt64LittleEndian(head) & (1L << 56) - 1, BinaryPrimitives.ReadInt64LittleEndian(head[8..]), head[7]);
}
