using System.Security.Cryptography;
using Platter.Blocks;
using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

/// <summary>A volume's tree as text, to be compared with another.</summary>
public static class VolumeOutline
{
    /// <summary>The label, and a line for each entry: path, kind, and what is told of it; fails where the type's checker finds anything.</summary>
    /// <param name="disk">The volume's device.</param>
    /// <param name="type">Its type.</param>
    /// <param name="describe">What to tell of an entry, whose content is given as SHA-256, empty for what is no file; null tells that alone.</param>
    /// <param name="unread">The name of files whose content does not matter.</param>
    public static string Of(BlockDevice disk, FileSystemType type, Func<Volume, DirectoryEntry, string, string>? describe = null, string? unread = null)
    {
        var report = type.Check(disk, CheckOptions.Default);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        using var volume = type.Open(disk, new VolumeOptions { RawEncrypted = true });
        var lines = new List<string> { $"label {volume.Info.Label}" };
        var pending = new Stack<(NodeId Id, string Path)>([(volume.RootId, "")]);
        while (pending.TryPop(out var directory))
        {
            foreach (var entry in volume.Enumerate(directory.Id))
            {
                var path = $"{directory.Path}/{entry.Name}";
                if (entry.Kind == EntryKind.Directory)
                    pending.Push((entry.Id, path));
                var content = entry.Kind == EntryKind.File && entry.Name != unread ? Hash(volume, entry.Id) : "";
                lines.Add($"{path} {entry.Kind} {(describe is null ? content : describe(volume, entry, content))}");
            }
        }
        return string.Join('\n', lines.Order(StringComparer.Ordinal));
    }

    private static string Hash(Volume volume, NodeId id)
    {
        using var stream = volume.OpenRead(id, StreamName.Data);
        return Convert.ToHexString(SHA256.HashData(stream));
    }
}
