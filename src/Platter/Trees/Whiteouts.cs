using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>What a layer takes away from those below it.</summary>
/// <param name="top">The layers below, merged.</param>
/// <param name="layer">Index of the layer.</param>
/// <param name="findings">Gets what the layer says and cannot be done.</param>
internal sealed class Whiteouts(MergedNode top, int layer, CheckReport findings)
{
    private const string Prefix = ".wh.", OwnPrefix = ".wh..wh.", OpaqueMarker = ".wh..wh..opq";

    private static readonly string[] Overlay = ["trusted.overlay.", "user.overlay."];

    /// <summary>Does what an entry asks to be done to the layers below.</summary>
    /// <returns>Whether it is a marker, and no entry of the tree.</returns>
    public bool Take(TreeSource source, TreeEntry entry)
    {
        if (entry.Name.StartsWith(Prefix, StringComparison.Ordinal))
        {
            // Other names of aufs' own are its bookkeeping.
            if (entry.Name == OpaqueMarker)
                Below(entry.Parent)?.Children?.Clear();
            else if (!entry.Name.StartsWith(OwnPrefix, StringComparison.Ordinal))
                Below(entry.Parent)?.Children?.Remove(entry.Name[Prefix.Length..]);
            return true;
        }
        if (entry.Kind == EntryKind.CharacterDevice && entry.Metadata.Device is { Major: 0, Minor: 0 })
        {
            Below(entry.Parent)?.Children?.Remove(entry.Name);
            return true;
        }
        // What overlayfs says in attributes is said of layers that lie on others; and of files only where their content lies elsewhere.
        if (layer > 0 && (entry.Kind == EntryKind.Directory || (entry.Kind == EntryKind.File && entry.Length > 0 && entry.Metadata.AllocatedLength == 0)))
            ReadAttributes(source, entry);
        return false;
    }

    /// <summary>The attributes that are not overlayfs' own.</summary>
    public static IReadOnlyDictionary<string, byte[]> WithoutOwnAttributes(IReadOnlyDictionary<string, byte[]> attributes)
    {
        if (!attributes.Keys.Any(IsOwn))
            return attributes;
        return new SortedDictionary<string, byte[]>(attributes.Where(a => !IsOwn(a.Key)).ToDictionary(), StringComparer.Ordinal);
    }

    private static bool IsOwn(string name) => Overlay.Any(o => name.StartsWith(o, StringComparison.Ordinal));

    private MergedNode? Below(TreeEntry? directory) => directory is null ? top : top.Find(directory.Path);

    private void ReadAttributes(TreeSource source, TreeEntry entry)
    {
        foreach (var (name, value) in source.GetExtendedAttributes(entry))
        {
            if (Overlay.FirstOrDefault(o => name.StartsWith(o, StringComparison.Ordinal)) is not { } prefix)
                continue;
            switch (name[prefix.Length..])
            {
                case "opaque" when value is [(byte)'y']:
                    Below(entry)?.Children?.Clear();
                    break;
                case "redirect":
                    findings.Add("TREE-0001", Severity.Warning, entry.Path, null, "the directory was renamed from a layer below (overlayfs' redirect_dir), and what it had there is missing");
                    break;
                case "metacopy":
                    findings.Add("TREE-0002", Severity.Warning, entry.Path, null, "the file's content is in a layer below (overlayfs' metacopy), and is zeros here");
                    break;
            }
        }
    }
}
