using System.Globalization;
using Platter.Trees.Toml;

namespace Platter.Trees.Specs;

/// <summary>Turns a <c>[filesystem]</c> table into a <see cref="FileSystemSpec"/>.</summary>
internal static class FileSystemReader
{
    public static FileSystemSpec Read(SpecTable table)
    {
        var files = table.Tables("file", "[[filesystem.file]]").Select(t => FileSpecReader.Read(new SpecTable(t, SpecSchema.File))).ToList();
        CheckPaths(files);
        return new FileSystemSpec
        {
            Place = table.Place,
            Type = table.RequiredText("type", "\"fat32\"").ToLowerInvariant(),
            TypePlace = table.PlaceOf("type"),
            Label = table.Text("label", allowEmpty: true) is { Length: > 0 } label ? label : null,
            LabelPlace = table.PlaceOf("label"),
            VolumeId = ReadVolumeId(table),
            Sources = table.Texts("source"),
            Excludes = ReadExcludes(table),
            Rules = [.. table.Tables("rule", "[[filesystem.rule]]").Select(t => ReadRule(new SpecTable(t, SpecSchema.Rule)))],
            Free = table.Free("free"),
            Options = ReadOptions(table),
            OptionsPlace = table.PlaceOf("options"),
            Owner = table.Owner("owner"),
            Files = files,
        };
    }

    private static string? ReadVolumeId(SpecTable table)
    {
        var key = table.OneOf("volume_id", "uuid");
        return table.Value(key) is TomlInteger
            ? table.Number(key, uint.MaxValue)!.Value.ToString("X8", CultureInfo.InvariantCulture)
            : table.Text(key);
    }

    private static IReadOnlyList<SourceSpec> ReadExcludes(SpecTable table)
    {
        var excludes = table.Texts("exclude");
        foreach (var exclude in excludes)
            ReadPatterns([exclude]);
        return excludes;
    }

    private static RuleSpec ReadRule(SpecTable table)
    {
        if (!table.Has("match"))
            throw table.Missing("match", "\"/usr/bin/*\"");
        if (!table.Has("owner") && !table.Has("mode") && !table.Has("mtime"))
            throw new TomlException(table.Place, "a rule needs 'owner', 'mode' or 'mtime': what the entries are to get");
        return new RuleSpec
        {
            Place = table.Place,
            Match = ReadPatterns(table.Texts("match")),
            Kind = FileSpecReader.ReadKind(table),
            Owner = table.Owner("owner"),
            Mode = FileSpecReader.ReadMode(table),
            ModificationTime = FileSpecReader.ReadTime(table),
        };
    }

    private static PathPatterns ReadPatterns(IReadOnlyList<SourceSpec> texts)
    {
        foreach (var text in texts)
        {
            try
            {
                PathPattern.Parse(text.Path);
            }
            catch (FormatException e)
            {
                throw new TomlException(text.Place, e.Message, e);
            }
        }
        return PathPatterns.Parse([.. texts.Select(t => t.Path)]);
    }

    private static Dictionary<string, string> ReadOptions(SpecTable table) => ReadSettings(table, "options");

    /// <summary>A table of a user's settings, each as text.</summary>
    public static Dictionary<string, string> ReadSettings(SpecTable table, string name)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, place, value) in table.Table(name, $"{name} = {{ name = value }}")?.Entries ?? [])
        {
            options.Add(key, value switch
            {
                TomlString text => text.Value,
                TomlInteger number => number.Value.ToString(CultureInfo.InvariantCulture),
                TomlFloat number => number.Value.ToString("R", CultureInfo.InvariantCulture),
                TomlBoolean flag => flag.Value ? "true" : "false",
                _ => throw new TomlException(value.Place, $"the option {TomlCursor.Quote(key)} is {value.Kind}, expected a string, a number or a boolean"),
            });
            if (key.Length == 0)
                throw new TomlException(place, "an option needs a name");
        }
        return options;
    }

    // No path twice, and nothing beneath an entry that is no directory.
    private static void CheckPaths(List<FileSpec> files)
    {
        var known = new Dictionary<string, FileSpec>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            if (!known.TryAdd(file.Path, file))
                throw new TomlException(file.PathPlace, $"{TomlCursor.Quote(file.Path)} is given twice; the first is at line {known[file.Path].PathPlace.Line}");
        }
        var parents = known.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var file in files)
        {
            // A path has at most FileSpecReader.MaxDepth parts, so this is bounded.
            for (var slash = file.Path.LastIndexOf('/'); slash > 0; slash = file.Path.LastIndexOf('/', slash - 1))
            {
                if (parents.TryGetValue(file.Path.AsSpan(0, slash), out var parent) && parent.Kind != FileSpecKind.Directory)
                    throw new TomlException(file.PathPlace, $"{TomlCursor.Quote(file.Path)} lies beneath {TomlCursor.Quote(parent.Path)}, which is no directory (line {parent.PathPlace.Line})");
            }
        }
    }
}
