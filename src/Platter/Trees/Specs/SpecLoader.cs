using Platter.Trees.Toml;

namespace Platter.Trees.Specs;

/// <summary>A spec as one text again: what it includes merged in, variables filled in.</summary>
/// <param name="SourceName">The name of the text that it began with.</param>
/// <param name="Root">The merged tables; each value still has the place where it was written.</param>
/// <param name="Folders">The folder of each text, by the text's name.</param>
internal sealed record LoadedSpec(string SourceName, TomlTable Root, IReadOnlyDictionary<string, string> Folders);

/// <summary>Merges what a spec includes below it, and fills in its variables.</summary>
/// <remarks>What is included comes first, what includes it wins: tables are merged key by key; partitions of the same name and files of the same
/// path are merged too, other tables of an array are added behind; every other value takes the place of the earlier one.</remarks>
internal sealed class SpecLoader
{
    /// <summary>How deep specs may include each other; a circle is found before.</summary>
    public const int MaxDepth = 16;

    /// <summary>How many texts one spec may come to; each may be included twice, and so on.</summary>
    public const int MaxTexts = 256;

    /// <summary>Bytes of one included text.</summary>
    public const int MaxLength = 16 << 20;

    private readonly SpecOptions _options;
    private readonly Dictionary<string, string> _folders = new(StringComparer.Ordinal);
    private int _texts;

    private SpecLoader(SpecOptions options) => _options = options;

    /// <summary>A text on the way down: what it is called, where its paths start from, what includes it.</summary>
    private sealed record Text(TomlDocument Document, string? Folder, string? Path, Text? Includer)
    {
        public int Depth { get; } = Includer is null ? 0 : Includer.Depth + 1;
    }

    /// <summary>Puts a spec together.</summary>
    /// <exception cref="TomlException">Something included is not there, or includes itself; a variable is not known.</exception>
    /// <exception cref="ArgumentException">A variable is set that the spec does not have.</exception>
    public static LoadedSpec Load(TomlDocument document, SpecOptions options)
    {
        var loader = new SpecLoader(options);
        if (options.Folder is { } folder)
            loader._folders[document.SourceName] = folder;
        var merged = loader.Merge(new Text(document, options.Folder, null, null));
        var variables = new SpecVariables(options.Variables, VariablesOf(merged));
        var root = (TomlTable)variables.Fill(merged, except: "variables");
        variables.RefuseUnknown();
        return new LoadedSpec(document.SourceName, Without(root, "variables"), loader._folders);
    }

    private TomlTable Merge(Text text)
    {
        var root = text.Document.Root;
        if (!root.TryGet("include", out TomlValue? value))
            return root;
        // The variables that a path here may use: those set from outside, then those of whoever includes this, then its own.
        var own = root;
        for (var includer = text.Includer; includer is not null; includer = includer.Includer)
            own = Merge(own, includer.Document.Root);
        var variables = new SpecVariables(_options.Variables, VariablesOf(own));
        TomlTable? below = null;
        foreach (var item in value is TomlArray array ? array.Items : [value])
        {
            if (item is not TomlString path)
                throw new TomlException(item.Place, $"'include' is {item.Kind}, expected {(value is TomlArray ? "strings in the array" : "a string or an array of strings")}");
            var included = Merge(Open(text, variables.Expand(path.Value, path.Place), path.Place));
            below = below is null ? included : Merge(below, included);
        }
        var rest = Without(root, "include");
        return below is null ? rest : Merge(below, rest);
    }

    private Text Open(Text includer, string path, TextPlace place)
    {
        if (includer.Folder is not { } folder)
            throw new TomlException(place, "nothing can be included here: the spec comes from no folder");
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal))
            throw new TomlException(place, "'include' is no path");
        var full = Path.GetFullPath(path, folder);
        for (var at = includer; at is not null; at = at.Includer)
        {
            if (at.Path == full || (at.Path is null && at.Folder is { } top && Path.GetFullPath(Path.GetFileName(at.Document.SourceName), top) == full))
                throw new TomlException(place, $"{path} includes itself");
        }
        if (includer.Depth + 1 >= MaxDepth)
            throw new TomlException(place, $"specs include each other more than {MaxDepth} deep");
        if (++_texts > MaxTexts)
            throw new TomlException(place, $"the spec includes more than {MaxTexts} texts");
        var name = Path.Combine(Path.GetDirectoryName(includer.Document.SourceName) ?? "", path);
        _folders[name] = Path.GetDirectoryName(full)!;
        return new Text(TomlDocument.Parse(Read(full, path, place), name), Path.GetDirectoryName(full), full, includer);
    }

    private static byte[] Read(string full, string path, TextPlace place)
    {
        try
        {
            var info = new FileInfo(full);
            return info.Exists && info.Length <= MaxLength ? File.ReadAllBytes(full)
                : throw new TomlException(place, info.Exists ? $"{path} has more than {MaxLength} bytes" : $"there is no file {path} to include");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TomlException(place, $"{path} cannot be read: {e.Message}", e);
        }
    }

    private static TomlTable? VariablesOf(TomlTable root) =>
        !root.TryGet("variables", out TomlValue? value) ? null
        : value as TomlTable ?? throw new TomlException(value.Place, $"'variables' is {value.Kind}, expected a table, written [variables]");

    private static TomlTable Without(TomlTable table, string key)
    {
        var rest = new TomlTable(table.Place, table.Origin);
        foreach (var entry in table.Entries)
        {
            if (entry.Key != key)
                rest.Add(entry);
        }
        return rest;
    }

    private static TomlTable Merge(TomlTable below, TomlTable above)
    {
        var merged = new TomlTable(above.Place, above.Origin);
        foreach (var entry in below.Entries)
            merged.Add(above.TryGet(entry.Key, out TomlEntry over) ? over with { Value = Merge(entry.Key, entry.Value, over.Value) } : entry);
        foreach (var entry in above.Entries)
        {
            if (!below.TryGet(entry.Key, out TomlEntry _))
                merged.Add(entry);
        }
        return merged;
    }

    private static TomlValue Merge(string key, TomlValue below, TomlValue above) => (below, above) switch
    {
        (TomlTable b, TomlTable a) => Merge(b, a),
        (TomlArray b, TomlArray a) when IsOfTables(b) && IsOfTables(a) => MergeTables(key, b, a),
        _ => above,
    };

    private static bool IsOfTables(TomlArray array) => array.Items.Count > 0 && array.Items.All(i => i is TomlTable);

    // Partitions are the same by their name, files by their path; nothing else is ever the same.
    private static TomlArray MergeTables(string key, TomlArray below, TomlArray above)
    {
        var identity = key switch { "partition" => "name", "file" => "path", _ => null };
        var items = new List<TomlValue>(below.Items);
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < items.Count; i++)
        {
            if (IdentityOf(items[i], identity) is { } name)
                known.TryAdd(name, i);
        }
        foreach (var item in above.Items)
        {
            if (IdentityOf(item, identity) is { } name && known.TryGetValue(name, out var at))
                items[at] = Merge((TomlTable)items[at], (TomlTable)item);
            else
                items.Add(item);
        }
        var merged = new TomlArray(above.Place, above.IsArrayOfTables);
        foreach (var item in items)
            merged.Add(item);
        return merged;
    }

    private static string? IdentityOf(TomlValue item, string? identity) =>
        identity is not null && ((TomlTable)item).TryGet(identity, out TomlValue? value) && value is TomlString { Value.Length: > 0 } text ? text.Value : null;
}
