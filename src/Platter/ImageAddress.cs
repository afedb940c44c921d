using System.Globalization;

namespace Platter;

/// <summary>What <c>IMAGE@N</c> means: a disk image on the host, and which partition of it, counted from 1.</summary>
/// <param name="Path">The image's path on the host.</param>
/// <param name="Partition">The partition's number; null for the image as a whole.</param>
public readonly record struct ImageAddress(string Path, int? Partition)
{
    /// <summary>Reads an address. A file whose real name ends in <c>@N</c> wins over the partition reading.</summary>
    public static ImageAddress Parse(string text)
    {
        var at = text.LastIndexOf('@');
        return at > 0 && int.TryParse(text.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && !File.Exists(text)
            ? new ImageAddress(text[..at], number)
            : new ImageAddress(text, null);
    }

    public override string ToString() => Partition is { } number ? string.Create(CultureInfo.InvariantCulture, $"{Path}@{number}") : Path;
}
