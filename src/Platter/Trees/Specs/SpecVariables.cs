using System.Globalization;
using System.Text;
using Platter.Primitives;
using Platter.Trees.Toml;

namespace Platter.Trees.Specs;

/// <summary>The variables of a spec: <c>${name}</c> in any string is the value, <c>$$</c> is <c>$</c>.</summary>
/// <remarks>A value in <c>[variables]</c> may refer to others; one that is set from outside is taken as it is.</remarks>
internal sealed class SpecVariables
{
    // Characters of a value, and of everything that is filled in: variables that double each other grow without end.
    private const int MaxValueLength = 64 << 10;
    private const int MaxTotal = 64 << 20;

    /// <summary>How deep variables may refer to each other.</summary>
    private const int MaxDepth = 64;

    private readonly IReadOnlyDictionary<string, string> _set;
    private readonly Dictionary<string, TomlValue> _declared = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly HashSet<string> _open = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private int _total;

    /// <param name="set">Values from outside.</param>
    /// <param name="declared">The table <c>[variables]</c>; null for none.</param>
    /// <exception cref="TomlException">A declared variable has no proper name or value.</exception>
    public SpecVariables(IReadOnlyDictionary<string, string> set, TomlTable? declared)
    {
        _set = set;
        foreach (var (key, place, value) in declared?.Entries ?? [])
        {
            if (!IsName(key))
                throw new TomlException(place, $"{TomlCursor.Quote(key)} is no name of a variable: expected letters, digits, - and _, a letter first");
            if (value is not (TomlString or TomlInteger or TomlFloat or TomlBoolean))
                throw new TomlException(value.Place, $"the variable '{key}' is {value.Kind}, expected a string, a number or a boolean");
            _declared.Add(key, value);
        }
    }

    /// <summary>The value with all its strings filled in; keys stay as they are.</summary>
    /// <param name="value">The value.</param>
    /// <param name="except">A key of this table whose value stays as it is; null for none.</param>
    public TomlValue Fill(TomlValue value, string? except = null)
    {
        switch (value)
        {
            case TomlString text:
                return text.Value.Contains('$', StringComparison.Ordinal) ? new TomlString(Expand(text.Value, text.Place), text.Place) : text;
            case TomlArray array:
                var items = new TomlArray(array.Place, array.IsArrayOfTables);
                foreach (var item in array.Items)
                    items.Add(Fill(item));
                return items;
            case TomlTable table:
                var filled = new TomlTable(table.Place, table.Origin);
                foreach (var entry in table.Entries)
                    filled.Add(entry.Key == except ? entry : entry with { Value = Fill(entry.Value) });
                return filled;
            default:
                return value;
        }
    }

    /// <summary>A text with its variables filled in.</summary>
    /// <exception cref="TomlException">A variable is not known, refers to itself, or is no name at all.</exception>
    public string Expand(string text, TextPlace place)
    {
        var filled = new StringBuilder(text.Length);
        for (var at = 0; at < text.Length; at++)
        {
            var next = at + 1 < text.Length ? text[at + 1] : '\0';
            if (text[at] != '$' || next is not ('$' or '{'))
            {
                filled.Append(text[at]);
                continue;
            }
            if (next == '$')
            {
                filled.Append('$');
                at++;
                continue;
            }
            var end = text.IndexOf('}', at);
            var name = end < 0 ? text[(at + 2)..] : text[(at + 2)..end];
            if (end < 0 || !IsName(name))
                throw new TomlException(place, $"{TomlCursor.Quote("${" + name + (end < 0 ? "" : "}"))} is no variable ('$${{' stands for the characters themselves)");
            var value = ValueOf(name, place);
            _total += value.Length;
            if (_total > MaxTotal)
                throw new TomlException(place, $"the variables come to more than {MaxTotal} characters");
            filled.Append(value);
            at = end;
        }
        return filled.ToString();
    }

    /// <summary>Refuses what was set from outside and is not there to be set.</summary>
    /// <exception cref="ArgumentException">There is such a variable.</exception>
    public void RefuseUnknown()
    {
        foreach (var name in _set.Keys)
        {
            if (!_declared.ContainsKey(name) && !_used.Contains(name))
                throw new ArgumentException($"the spec has no variable '{name}'" + (_declared.Count > 0 ? NearestName.Hint(name, [.. _declared.Keys.Order(StringComparer.Ordinal)]) : ""));
        }
    }

    private string ValueOf(string name, TextPlace place)
    {
        _used.Add(name);
        if (_set.TryGetValue(name, out var set))
            return set;
        if (_values.TryGetValue(name, out var known))
            return known;
        if (!_declared.TryGetValue(name, out var value))
        {
            throw new TomlException(place, $"there is no variable {TomlCursor.Quote(name)}"
                + (_declared.Count > 0 ? NearestName.Hint(name, [.. _declared.Keys.Order(StringComparer.Ordinal)]) : "")
                + "; --set gives it a value, and $${ stands for the characters themselves");
        }
        if (!_open.Add(name))
            throw new TomlException(value.Place, $"the variable '{name}' refers to itself");
        if (_open.Count > MaxDepth)
            throw new TomlException(value.Place, $"variables refer to each other more than {MaxDepth} deep");
        var text = value switch
        {
            TomlString given => Expand(given.Value, given.Place),
            TomlInteger number => number.Value.ToString(CultureInfo.InvariantCulture),
            TomlFloat number => number.Value.ToString("R", CultureInfo.InvariantCulture),
            _ => ((TomlBoolean)value).Value ? "true" : "false",
        };
        _open.Remove(name);
        if (text.Length > MaxValueLength)
            throw new TomlException(value.Place, $"the variable '{name}' becomes longer than {MaxValueLength} characters");
        return _values[name] = text;
    }

    private static bool IsName(string name) =>
        name.Length is > 0 and <= 100 && char.IsAsciiLetter(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
