using Platter.Blocks;

namespace Platter.Images;

/// <summary>The paths by which Microsoft's differencing images refer to their parents, from Windows and from elsewhere.</summary>
internal static class ParentPaths
{
    /// <summary>Adds a path as it stands and with the other separators. A name may contain a backslash where backslashes separate nothing, so
    /// the path as it stands comes first.</summary>
    internal static void AddSpellings(List<string> paths, string path)
    {
        foreach (var spelling in new[] { path, path.Replace('\\', '/') })
        {
            if (!paths.Contains(spelling, StringComparer.Ordinal))
                paths.Add(spelling);
        }
    }

    /// <summary>Adds the name at a path's end: the parent may lie in the child's own folder now.</summary>
    internal static void AddName(List<string> paths, string path)
    {
        var name = path[(path.LastIndexOfAny(['\\', '/']) + 1)..];
        if (name.Length > 0 && !paths.Contains(name, StringComparer.Ordinal))
            paths.Add(name);
    }

    /// <summary>The parent's path as seen from a new image, and from the root; each where it can be known.</summary>
    internal static (string? Relative, string? Absolute) Both(string reference, BlockDevice host)
    {
        var folder = host is HostFile file ? Path.GetDirectoryName(Path.GetFullPath(file.Path)) : null;
        var isAbsolute = Path.IsPathFullyQualified(reference);
        var relative = isAbsolute ? folder is null ? null : Path.GetRelativePath(folder, reference) : reference;
        var absolute = isAbsolute ? reference : folder is null ? null : Path.GetFullPath(reference, folder);
        if (relative is not null && !relative.StartsWith('.'))
            relative = "./" + relative;
        return (relative?.Replace('/', '\\'), absolute);
    }

    /// <summary>What to say when the parent is in none of its places.</summary>
    internal static FileNotFoundException Missing(ImageNeighbours neighbours, List<string> paths, string what)
    {
        var places = string.Join(", ", paths.Select(Printable));
        return new FileNotFoundException($"{neighbours.Path ?? "the image"} is a difference to a parent that is not there: looked for {(places.Length > 0 ? places : "no name at all")}; put {what} there");
    }

    /// <summary>Text from an image in a form that people can be shown.</summary>
    internal static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '.' : c));
}
