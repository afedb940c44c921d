using Platter.Images;
using Platter.Images.Compressed;

namespace Platter.Trees.Tar;

/// <summary>What an archive is compressed by.</summary>
public sealed class TarCompression
{
    private readonly string[] _names;

    private TarCompression(CompressedFormat? format, params string[] names)
    {
        Format = format;
        _names = names;
    }

    public static TarCompression None { get; } = new(null, "tar");
    public static TarCompression Gzip { get; } = new((CompressedFormat)ContainerFormat.Gzip, "tar.gz", "tgz");
    public static TarCompression Zstd { get; } = new((CompressedFormat)ContainerFormat.Zstd, "tar.zst", "tzst");
    public static TarCompression Xz { get; } = new((CompressedFormat)ContainerFormat.Xz, "tar.xz", "txz");
    public static TarCompression Lz4 { get; } = new((CompressedFormat)ContainerFormat.Lz4, "tar.lz4");
    public static TarCompression Bzip2 { get; } = new((CompressedFormat)ContainerFormat.Bzip2, "tar.bz2", "tbz2");

    public static IReadOnlyList<TarCompression> All { get; } = [None, Gzip, Zstd, Xz, Lz4, Bzip2];

    internal CompressedFormat? Format { get; }

    /// <summary>The name of archives so compressed, as a type: <c>tar.zst</c>.</summary>
    public string Name => _names[0];

    /// <summary>The compression that a type or extension names (<c>tar.gz</c>, <c>tgz</c>); null for none of them.</summary>
    public static TarCompression? FromName(string name) => All.FirstOrDefault(c => c._names.Contains(name, StringComparer.OrdinalIgnoreCase));

    /// <summary>The compression that a file's name asks for; null when it is no archive's.</summary>
    public static TarCompression? FromPath(string path) =>
        All.FirstOrDefault(c => c._names.Any(n => Path.GetFileName(path).EndsWith("." + n, StringComparison.OrdinalIgnoreCase)));

    public override string ToString() => Name;
}
