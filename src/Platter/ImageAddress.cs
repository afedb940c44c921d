using System.Globalization;
using Platter.Blocks;

namespace Platter;

/// <summary>What <c>IMAGE#SNAPSHOT@N</c> means: a disk image on the host, which of the states that it has kept, and which partition, counted
/// from 1.</summary>
/// <param name="Path">The image's path on the host.</param>
/// <param name="Partition">The partition's number; null for the image as a whole.</param>
/// <param name="Snapshot">Identifier or name of a kept state; null for the disk as it is now.</param>
public readonly record struct ImageAddress(string Path, int? Partition, string? Snapshot = null)
{
    /// <summary>Reads an address. A file whose real name ends in <c>@N</c>, or holds a <c>#</c>, wins over the other readings.</summary>
    public static ImageAddress Parse(string text)
    {
        return HostFile.Exists(text) ? new ImageAddress(text, null) : WithPartition(text);
    }

    private static ImageAddress WithPartition(string text)
    {
        var at = text.LastIndexOf('@');
        return at > 0 && int.TryParse(text.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? WithSnapshot(text[..at], number)
            : WithSnapshot(text, null);
    }

    public override string ToString() =>
        Path + (Snapshot is null ? "" : $"#{Snapshot}") + (Partition is { } number ? string.Create(CultureInfo.InvariantCulture, $"@{number}") : "");

    // The longest name before a # that is a file; names of snapshots may hold more of them.
    private static ImageAddress WithSnapshot(string text, int? partition)
    {
        if (!HostFile.Exists(text))
        {
            for (var hash = text.LastIndexOf('#'); hash > 0; hash = text.LastIndexOf('#', hash - 1))
            {
                if (hash + 1 < text.Length && HostFile.Exists(text[..hash]))
                    return new ImageAddress(text[..hash], partition, text[(hash + 1)..]);
            }
        }
        return new ImageAddress(text, partition);
    }
}
