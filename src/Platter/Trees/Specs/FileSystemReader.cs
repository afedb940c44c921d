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
            Options = ReadOptions(table),
            OptionsPlace = table.PlaceOf("options"),
            Owner = table.Owner("owner"),
            Files = files,
        };
    }

    private static string? ReadVolumeId(SpecTable table) =>
        table.Value("volume_id") is TomlInteger
            ? table.Number("volume_id", uint.MaxValue)!.Value.ToString("X8", CultureInfo.InvariantCulture)
            : table.Text("volume_id");

    private static Dictionary<string, string> ReadOptions(SpecTable table)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, place, value) in table.Table("options", "options = { name = value }")?.Entries ?? [])
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
