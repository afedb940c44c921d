using System.Globalization;
using System.Text;
using System.Text.Json;
using Platter.Testing;
using Platter.Trees.Toml;
using Xunit;

namespace Platter.Tests.Trees.Toml;

/// <summary>The official conformance data, toml-test for TOML 1.0.0: every valid text gives exactly the tagged JSON beside it, every invalid one is refused.</summary>
public sealed class TomlConformance : IDisposable
{
    private readonly TempFolder _folder = new();

    public TomlConformance() =>
        Tool.Expect("tar", "--zstd", "-xf", Path.Combine(Corpus.Shared, "corpus", "toml", "toml-test-1.0.0.tar.zst"), "-C", _folder.Path);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_valid_text_gives_exactly_the_tagged_json()
    {
        var problems = new List<string>();
        var files = Files("valid");
        foreach (var file in files)
        {
            try
            {
                var document = TomlDocument.Parse(File.ReadAllBytes(file), "case.toml");
                using var expected = JsonDocument.Parse(File.ReadAllBytes(Path.ChangeExtension(file, ".json")));
                Compare(document.Root, expected.RootElement, "", problems, Name(file));
            }
            catch (TomlException e)
            {
                problems.Add($"{Name(file)}: refused: {e.Message}");
            }
        }
        Assert.True(files.Count >= 200, $"only {files.Count} valid texts were found");
        Assert.True(problems.Count == 0, string.Join('\n', problems));
    }

    [Fact]
    public void Every_invalid_text_is_refused_with_a_place_within_it()
    {
        var problems = new List<string>();
        var files = Files("invalid");
        foreach (var file in files)
        {
            var bytes = File.ReadAllBytes(file);
            try
            {
                TomlDocument.Parse(bytes, "case.toml");
                problems.Add($"{Name(file)}: accepted");
            }
            catch (TomlException e)
            {
                var lines = Encoding.Latin1.GetString(bytes).Split('\n');
                if (!e.Message.StartsWith($"case.toml:{e.Line}:{e.Column}: ", StringComparison.Ordinal) || e.Message.Any(char.IsControl)
                    || e.Line < 1 || e.Line > lines.Length || e.Column < 1 || e.Column > lines[e.Line - 1].Length + 1)
                    problems.Add($"{Name(file)}: {e.Message}");
            }
        }
        Assert.True(files.Count >= 490, $"only {files.Count} invalid texts were found");
        Assert.True(problems.Count == 0, string.Join('\n', problems));
    }

    private List<string> Files(string part) =>
        [.. Directory.EnumerateFiles(Path.Combine(_folder.Path, part), "*.toml", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private string Name(string file) => Path.GetRelativePath(_folder.Path, file);

    private static void Compare(TomlValue found, JsonElement expected, string path, List<string> problems, string file)
    {
        if (expected.ValueKind == JsonValueKind.Array)
        {
            if (found is not TomlArray array || array.Items.Count != expected.GetArrayLength())
            {
                problems.Add($"{file}: {path} is {found.Kind}, expected an array of {expected.GetArrayLength()}");
                return;
            }
            for (var i = 0; i < array.Items.Count; i++)
                Compare(array.Items[i], expected[i], $"{path}[{i}]", problems, file);
        }
        else if (found is TomlTable table)
        {
            var properties = expected.EnumerateObject().ToList();
            if (properties.Count != table.Entries.Count)
                problems.Add($"{file}: {path} has {table.Entries.Count} keys, expected {properties.Count}");
            foreach (var property in properties)
            {
                if (table.TryGet(property.Name, out TomlValue? value))
                    Compare(value, property.Value, $"{path}.{property.Name}", problems, file);
                else
                    problems.Add($"{file}: {path}.{property.Name} is missing");
            }
        }
        else
        {
            var type = expected.GetProperty("type").GetString()!;
            var text = expected.GetProperty("value").GetString()!;
            if (!IsEqual(found, type, text))
                problems.Add($"{file}: {path} is {found.Kind} {Text(found)}, expected {type} {text}");
        }
    }

    private static bool IsEqual(TomlValue found, string type, string text) => (found, type) switch
    {
        (TomlString s, "string") => s.Value == text,
        (TomlInteger i, "integer") => i.Value == long.Parse(text, CultureInfo.InvariantCulture),
        (TomlFloat f, "float") => double.IsNaN(f.Value) ? text == "nan" : f.Value.Equals(Float(text)) && double.IsNegative(f.Value) == double.IsNegative(Float(text)),
        (TomlBoolean b, "bool") => b.Value == (text == "true"),
        (TomlDateTime { DateTimeKind: TomlDateTimeKind.OffsetDateTime } d, "datetime") => d.ToString() == Shortest(text),
        (TomlDateTime { DateTimeKind: TomlDateTimeKind.LocalDateTime } d, "datetime-local") => d.ToString() == Shortest(text),
        (TomlDateTime { DateTimeKind: TomlDateTimeKind.LocalDate } d, "date-local") => d.ToString() == text,
        (TomlDateTime { DateTimeKind: TomlDateTimeKind.LocalTime } d, "time-local") => d.ToString() == Shortest(text),
        _ => false,
    };

    private static double Float(string text) => text switch
    {
        "nan" => double.NaN,
        "inf" or "+inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        _ => double.Parse(text, CultureInfo.InvariantCulture),
    };

    // The data pads fractions to milliseconds: 56.600Z is the 56.6Z of the text.
    private static string Shortest(string text)
    {
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0)
            return text;
        var end = dot + 1;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
            end++;
        return text[..end].TrimEnd('0').TrimEnd('.') + text[end..];
    }

    private static string Text(TomlValue value) => value switch
    {
        TomlString s => s.Value,
        TomlInteger i => i.Value.ToString(CultureInfo.InvariantCulture),
        TomlFloat f => f.Value.ToString("R", CultureInfo.InvariantCulture),
        TomlBoolean b => b.Value ? "true" : "false",
        _ => value.ToString()!,
    };
}
