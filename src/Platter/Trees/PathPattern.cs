using Platter.Trees.Toml;

namespace Platter.Trees;

/// <summary>A pattern for the entries of a tree, as .gitignore has them: without a slash it is for the name, wherever the entry is
/// (<c>*.pyc</c>); with one for the path from the top (<c>/var/cache/**</c>, <c>usr/share/doc/*</c>).</summary>
/// <remarks><c>*</c>, <c>?</c> and <c>[...]</c> stay within a name, <c>**</c> between slashes is any number of names; at the end it is
/// everything below. A slash at the end: directories only. Upper and lower case differ.</remarks>
public sealed class PathPattern
{
    private const int MaxParts = 256;

    private readonly GlobPattern? _name;                 // a pattern without a slash
    private readonly List<GlobPattern?> _parts = [];     // null is **
    private readonly bool _directoriesOnly;

    private PathPattern(string text)
    {
        Text = text;
        var rest = text;
        if (rest.Length > 1 && rest.EndsWith('/'))
        {
            _directoriesOnly = true;
            rest = rest.TrimEnd('/');
        }
        if (!rest.Contains('/', StringComparison.Ordinal) && rest != "**")
        {
            _name = new GlobPattern(rest, ignoreCase: false);
            return;
        }
        foreach (var part in rest.Split('/', StringSplitOptions.RemoveEmptyEntries))
            _parts.Add(part == "**" ? null : new GlobPattern(part, ignoreCase: false));
        // "Everything below" is not the directory itself.
        if (_parts.Count > 0 && _parts[^1] is null)
            _parts.Add(new GlobPattern("*", ignoreCase: false));
    }

    /// <summary>The pattern as it was written.</summary>
    public string Text { get; }

    /// <summary>Reads a pattern.</summary>
    /// <exception cref="FormatException">It is empty, or nothing but slashes, or has too many parts.</exception>
    public static PathPattern Parse(string text)
    {
        if (text.Trim('/').Length == 0)
            throw new FormatException($"{TomlCursor.Quote(text)} is no pattern: expected a name such as *.o, or a path such as /var/cache/**");
        return text.AsSpan().Count('/') <= MaxParts ? new PathPattern(text) : throw new FormatException($"a pattern has at most {MaxParts} parts");
    }

    /// <summary>Whether an entry fits.</summary>
    /// <param name="parent">The directory it is in; null at the top.</param>
    /// <param name="name">Its name.</param>
    /// <param name="isDirectory">Whether it is a directory.</param>
    public bool IsMatch(TreeEntry? parent, string name, bool isDirectory)
    {
        if (_directoriesOnly && !isDirectory)
            return false;
        if (_name is not null)
            return _name.IsMatch(name);
        var path = new string[(parent?.Depth + 1 ?? 0) + 1];
        path[^1] = name;
        for (var at = parent; at is not null; at = at.Parent)
            path[at.Depth] = at.Name;
        return IsMatch(path);
    }

    // The walk of GlobPattern, over names instead of characters: at a mismatch, the last ** takes one name more.
    private bool IsMatch(string[] path)
    {
        int p = 0, n = 0, starAt = -1, resume = 0;
        while (n < path.Length)
        {
            if (p < _parts.Count && _parts[p] is null)
            {
                starAt = p++;
                resume = n;
            }
            else if (p < _parts.Count && _parts[p]!.IsMatch(path[n]))
            {
                p++;
                n++;
            }
            else if (starAt >= 0)
            {
                p = starAt + 1;
                n = ++resume;
            }
            else
            {
                return false;
            }
        }
        while (p < _parts.Count && _parts[p] is null)
            p++;
        return p == _parts.Count;
    }

    public override string ToString() => Text;
}

/// <summary>Several patterns, any of which may fit.</summary>
public sealed class PathPatterns
{
    private readonly PathPattern[] _patterns;

    private PathPatterns(PathPattern[] patterns) => _patterns = patterns;

    /// <summary>None: nothing fits.</summary>
    public static PathPatterns None { get; } = new([]);

    public bool IsEmpty => _patterns.Length == 0;

    /// <summary>Reads patterns.</summary>
    /// <exception cref="FormatException">One of them is none.</exception>
    public static PathPatterns Parse(IReadOnlyList<string> texts) => texts.Count == 0 ? None : ParseAll(texts);

    private static PathPatterns ParseAll(IReadOnlyList<string> texts) => new([.. texts.Select(PathPattern.Parse)]);

    /// <inheritdoc cref="PathPattern.IsMatch(TreeEntry?, string, bool)"/>
    public bool IsMatch(TreeEntry? parent, string name, bool isDirectory)
    {
        foreach (var pattern in _patterns)
        {
            if (pattern.IsMatch(parent, name, isDirectory))
                return true;
        }
        return false;
    }
}
