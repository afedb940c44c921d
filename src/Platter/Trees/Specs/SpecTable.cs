using System.Globalization;
using System.Text;
using Platter.Primitives;
using Platter.Trees.Toml;

namespace Platter.Trees.Specs;

/// <summary>A table of a spec on the way to its record: unknown keys are refused at once, and each value is read as the type that the key has.</summary>
internal sealed class SpecTable
{
    private readonly TomlTable _table;
    private readonly SpecSchema _schema;

    public SpecTable(TomlTable table, SpecSchema schema)
    {
        _table = table;
        _schema = schema;
        foreach (var entry in table.Entries)
        {
            if (!schema.Keys.Contains(entry.Key, StringComparer.Ordinal))
                throw new TomlException(entry.KeyPlace, $"unknown key {TomlCursor.Quote(entry.Key)} in {schema.Name}{schema.Explain(entry.Key)}");
        }
    }

    public TextPlace Place => _table.Place;

    public bool Has(string key) => _table.TryGet(key, out TomlValue? _);

    /// <summary>Where the value of a key stands; the table's place when it is absent.</summary>
    public TextPlace PlaceOf(string key) => _table.TryGet(key, out TomlValue? value) ? value.Place : Place;

    /// <summary>A refusal of a key's value, or of its absence.</summary>
    public TomlException Fail(string key, string problem) => new(PlaceOf(key), problem);

    /// <summary>A refusal of a key as such.</summary>
    public TomlException FailAtKey(string key, string problem) =>
        new(_table.TryGet(key, out TomlEntry entry) ? entry.KeyPlace : Place, problem);

    public TomlException Missing(string key, string? example = null) =>
        new(Place, $"{_schema.Name} needs '{key}'" + (example is null ? "" : $", such as {key} = {example}"));

    public TomlException WrongKind(string key, TomlValue found, string expected) => new(found.Place, $"'{key}' is {found.Kind}, expected {expected}");

    /// <summary>A text without U+0000, which no format can store in a name; null when absent.</summary>
    public string? Text(string key, bool allowEmpty = false)
    {
        if (!_table.TryGet(key, out TomlValue? value))
            return null;
        if (value is not TomlString text)
            throw WrongKind(key, value, "a string");
        return CheckText(key, text, allowEmpty);
    }

    /// <summary>A string as it is, U+0000 included; null when absent.</summary>
    public string? RawText(string key) =>
        !_table.TryGet(key, out TomlValue? value) ? null : value is TomlString text ? text.Value : throw WrongKind(key, value, "a string");

    public string RequiredText(string key, string example) => Text(key) ?? throw Missing(key, example);

    public bool Flag(string key) =>
        _table.TryGet(key, out TomlValue? value) && (value is TomlBoolean flag ? flag.Value : throw WrongKind(key, value, "true or false"));

    /// <summary>A number of bytes, as an integer or a text such as <c>"64K"</c>; null when absent.</summary>
    public long? Bytes(string key) => _table.TryGet(key, out TomlValue? value) ? ReadBytes(key, value, "") : null;

    /// <summary>A size: bytes above 0, or one of the words that the key allows; null when absent.</summary>
    public SizeSpec? Size(string key, bool allowRest)
    {
        if (!_table.TryGet(key, out TomlValue? value))
            return null;
        switch (value)
        {
            case TomlString { Value: "auto" }: return new SizeSpec(SizeRule.Auto, 0, value.Place);
            case TomlString { Value: "rest" } when allowRest: return new SizeSpec(SizeRule.Rest, 0, value.Place);
            case TomlString { Value: "rest" }: throw new TomlException(value.Place, $"'{key}' of {_schema.Name} cannot be \"rest\"; only a partition can take the rest");
        }
        var bytes = ReadBytes(key, value, allowRest ? ", \"auto\" or \"rest\"" : " or \"auto\"");
        return bytes > 0 ? new SizeSpec(SizeRule.Fixed, bytes, value.Place) : throw new TomlException(value.Place, $"'{key}' must be more than 0");
    }

    /// <summary>Room to leave free, as a size or a percentage; none when absent.</summary>
    public FreeRoom Free(string key)
    {
        switch (Value(key))
        {
            case null:
                return FreeRoom.None;
            case TomlInteger { Value: >= 0 } number:
                return new FreeRoom(number.Value, 0);
            case TomlString text:
                try
                {
                    return FreeRoom.Parse(text.Value);
                }
                catch (FormatException e)
                {
                    throw new TomlException(text.Place, $"'{key}': {e.Message}", e);
                }
            case { } other:
                throw WrongKind(key, other, "a size such as \"100M\", or a part such as \"10%\"");
        }
    }

    /// <summary>Which of two names of the same thing is used; the first one when neither is.</summary>
    public string OneOf(string first, string second)
    {
        if (Has(first) && Has(second))
            throw FailAtKey(second, $"'{second}' and '{first}' are the same, and both are given");
        return Has(second) ? second : first;
    }

    /// <summary>An integer within 0..<paramref name="largest"/>; null when absent.</summary>
    public long? Number(string key, long largest)
    {
        if (!_table.TryGet(key, out TomlValue? value))
            return null;
        if (value is not TomlInteger number)
            throw WrongKind(key, value, "an integer");
        return number.Value >= 0 && number.Value <= largest
            ? number.Value
            : throw new TomlException(value.Place, $"'{key}' is {number.Value}, expected 0..{largest}");
    }

    /// <summary>One of the words, in exactly this form; null when absent.</summary>
    public string? Word(string key, IReadOnlyCollection<string> words)
    {
        var word = Text(key);
        if (word is not null && !words.Contains(word, StringComparer.Ordinal))
            throw Fail(key, $"'{key}' is {TomlCursor.Quote(word)}{NearestName.Hint(word, words)}");
        return word;
    }

    /// <summary>An owner, <c>"UID:GID"</c>; null when absent.</summary>
    public OwnerSpec? Owner(string key)
    {
        if (Text(key) is not { } text)
            return null;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon > 0 && uint.TryParse(text.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var uid)
            && uint.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var gid))
            return new OwnerSpec(uid, gid);
        throw Fail(key, $"'{key}' is {TomlCursor.Quote(text)}, expected \"UID:GID\" in numbers, such as \"0:0\" (a spec knows no user names)");
    }

    /// <summary>A GUID; null when absent.</summary>
    public Guid? Guid(string key) =>
        Text(key) is not { } text ? null
        : System.Guid.TryParseExact(text.Trim('{', '}'), "D", out var guid) && guid != System.Guid.Empty ? guid
        : throw Fail(key, $"'{key}' is {TomlCursor.Quote(text)}, expected a GUID such as \"c12a7328-f81f-11d2-ba4b-00a0c93ec93b\"");

    /// <summary>A text or an array of texts; empty when absent.</summary>
    public IReadOnlyList<SourceSpec> Texts(string key)
    {
        if (!_table.TryGet(key, out TomlValue? value))
            return [];
        var items = value is TomlArray array ? array.Items : [value];
        var texts = new List<SourceSpec>(items.Count);
        foreach (var item in items)
        {
            if (item is not TomlString text)
                throw WrongKind(key, item, value is TomlArray ? "strings in the array" : "a string or an array of strings");
            texts.Add(new SourceSpec(CheckText(key, text, allowEmpty: false), item.Place));
        }
        return texts;
    }

    /// <summary>A table within; null when absent.</summary>
    /// <param name="key">The key.</param>
    /// <param name="form">How the table is written, for the message.</param>
    public TomlTable? Table(string key, string form) =>
        !_table.TryGet(key, out TomlValue? value) ? null : value as TomlTable ?? throw WrongKind(key, value, $"a table, written {form}");

    /// <summary>An array of tables within; empty when absent.</summary>
    /// <param name="key">The key.</param>
    /// <param name="form">How the tables are written, for the message.</param>
    public IEnumerable<TomlTable> Tables(string key, string form)
    {
        if (!_table.TryGet(key, out TomlValue? value))
            return [];
        if (value is not TomlArray array)
            throw WrongKind(key, value, $"an array of tables, written {form}");
        return array.Items.Select(item => item as TomlTable ?? throw WrongKind(key, item, $"tables, written {form}"));
    }

    /// <summary>The value of a key whose type is special; null when absent.</summary>
    public TomlValue? Value(string key) => _table.TryGet(key, out TomlValue? value) ? value : null;

    private static long ReadBytes(string key, TomlValue value, string orWords)
    {
        switch (value)
        {
            case TomlInteger { Value: >= 0 } number:
                return number.Value;
            case TomlInteger:
                throw new TomlException(value.Place, $"'{key}' is negative");
            case TomlString text when ByteSize.TryParse(text.Value, out var bytes):
                return bytes;
            case TomlString text:
                throw new TomlException(value.Place, $"'{key}' is {TomlCursor.Quote(text.Value)}, expected a size such as 512, \"64K\" or \"2G\"{orWords}");
            default:
                throw new TomlException(value.Place, $"'{key}' is {value.Kind}, expected a size such as 512, \"64K\" or \"2G\"{orWords}");
        }
    }

    private static string CheckText(string key, TomlString text, bool allowEmpty)
    {
        if (text.Value.Length == 0 && !allowEmpty)
            throw new TomlException(text.Place, $"'{key}' is empty");
        return text.Value.Contains('\0', StringComparison.Ordinal) ? throw new TomlException(text.Place, $"'{key}' contains U+0000") : text.Value;
    }

    /// <summary>Length in UTF-8.</summary>
    public static int Utf8Length(string text) => Encoding.UTF8.GetByteCount(text);
}
