using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>Named streams on their way through what has extended attributes alone (a host folder, a tar, ext4): a stream becomes an attribute, and a stream
/// again where there are streams.</summary>
internal static class StreamAttributes
{
    /// <summary>Before the stream's name.</summary>
    public const string Prefix = "user.ntfs.stream.";

    /// <summary>Bytes of the longest value that Linux takes, and of the longest name.</summary>
    private const int MaxLength = 65_536, MaxNameLength = 255;

    /// <summary>The attribute's name; null where the stream is too long for one.</summary>
    public static string? NameOf(StreamDescription stream)
    {
        var name = Prefix + stream.Name.Name;
        return stream.Name.Kind == StreamKind.Named && stream.Length <= MaxLength && System.Text.Encoding.UTF8.GetByteCount(name) <= MaxNameLength ? name : null;
    }

    /// <summary>The stream that an attribute is; null when it is none.</summary>
    public static StreamName? StreamOf(string attribute) =>
        attribute.Length > Prefix.Length && attribute.StartsWith(Prefix, StringComparison.Ordinal) ? StreamName.Named(attribute[Prefix.Length..]) : null;
}
