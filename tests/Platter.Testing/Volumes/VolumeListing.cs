using System.Security.Cryptography;
using System.Text;
using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

/// <summary>What a volume holds, as the listings beside the corpus's images have it: path, kind, length, SHA-256 of the content.</summary>
public static class VolumeListing
{
    /// <summary>Holds a volume against a listing.</summary>
    /// <param name="image">For messages.</param>
    /// <param name="volume">What was opened.</param>
    /// <param name="oracle">The listing: <c>/path TAB kind TAB length TAB hash</c>; <c>-</c> where the tool that made it could not tell.</param>
    /// <param name="different">Paths that the listing's tool shows otherwise, and why Platter does not follow.</param>
    public static void Compare(Corpus.Image image, Volume volume, string oracle, IReadOnlyDictionary<(string Image, string Path), string> different)
    {
        var expected = oracle.Split('\n').Where(l => l.Length > 0 && l[0] == '/')
            .Select(l => l.Split('\t')).ToDictionary(c => c[0], c => string.Join('\t', c[1..4]), StringComparer.Ordinal);
        var found = Of(volume, image.File).ToDictionary(e => e.Path, e => e.Text, StringComparer.Ordinal);
        var differences = new List<string>();
        foreach (var path in expected.Keys.Union(found.Keys).Order(StringComparer.Ordinal))
        {
            var (wanted, got) = (expected.GetValueOrDefault(path, "-"), found.GetValueOrDefault(path, "-"));
            var same = wanted == got || (wanted.EndsWith("\t-", StringComparison.Ordinal) && got.StartsWith(wanted[..^1], StringComparison.Ordinal));
            if (!same && !different.ContainsKey((image.File, path)))
                differences.Add($"{path}: expected {wanted}, found {got}");
        }
        Assert.True(differences.Count == 0, $"{image.File} ({image.Special}): {differences.Count} of {expected.Count} differ\n" + string.Join('\n', differences.Take(20)));
    }

    /// <summary>Every file and directory, each file read to its end.</summary>
    public static IEnumerable<(string Path, string Text)> Of(Volume volume, string image)
    {
        var seen = new HashSet<NodeId>();
        var pending = new Stack<(NodeId Id, string Path)>([(volume.RootId, "")]);
        while (pending.TryPop(out var directory))
        {
            // A directory that is its own ancestor would go on for ever.
            if (!seen.Add(directory.Id))
                continue;
            Assert.True(seen.Count < 100_000, $"{image}: endless");
            foreach (var entry in volume.Enumerate(directory.Id).ToList())
            {
                var path = $"{directory.Path}/{Escape(entry.Name)}";
                if (entry.Kind == EntryKind.Directory)
                {
                    pending.Push((entry.Id, path));
                    yield return (path, "d\t-\t-");
                }
                else
                {
                    yield return (path, $"f\t{volume.GetMetadata(entry.Id).Length}\t{Hash(volume, entry.Id)}");
                }
            }
        }
    }

    private static string Hash(Volume volume, NodeId id)
    {
        using var stream = volume.OpenRead(id, StreamName.Data);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static string Escape(string name)
    {
        var text = new StringBuilder();
        foreach (var c in name)
        {
            text.Append(c switch
            {
                '\\' => @"\\",
                '\t' => @"\t",
                '\n' => @"\n",
                '\r' => @"\r",
                < ' ' or '\x7F' => $@"\x{(int)c:x2}",
                _ => c.ToString(),
            });
        }
        return text.ToString();
    }
}
