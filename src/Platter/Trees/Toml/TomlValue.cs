using System.Diagnostics.CodeAnalysis;

namespace Platter.Trees.Toml;

/// <summary>Anything that can stand to the right of a key.</summary>
/// <param name="place">Where the value begins.</param>
public abstract class TomlValue(TextPlace place)
{
    /// <summary>Where the value begins; for a table, its first header or key.</summary>
    public TextPlace Place { get; internal set; } = place;

    /// <summary>What messages call it: <c>a string</c>, <c>an integer</c>.</summary>
    public abstract string Kind { get; }
}

/// <summary>A string, of any of the four notations.</summary>
public sealed class TomlString(string value, TextPlace place) : TomlValue(place)
{
    public string Value { get; } = value;
    public override string Kind => "a string";
}

/// <summary>A 64-bit signed integer.</summary>
public sealed class TomlInteger(long value, int radix, TextPlace place) : TomlValue(place)
{
    public long Value { get; } = value;

    /// <summary>How it was written: 10, 16 (<c>0x</c>), 8 (<c>0o</c>) or 2 (<c>0b</c>).</summary>
    public int Radix { get; } = radix;
    public override string Kind => "an integer";
}

/// <summary>A 64-bit binary floating-point number; infinite or not a number only when it was written so.</summary>
public sealed class TomlFloat(double value, TextPlace place) : TomlValue(place)
{
    public double Value { get; } = value;
    public override string Kind => "a float";
}

/// <summary><c>true</c> or <c>false</c>.</summary>
public sealed class TomlBoolean(bool value, TextPlace place) : TomlValue(place)
{
    public bool Value { get; } = value;
    public override string Kind => "a boolean";
}

/// <summary>An array: <c>[1, 2]</c>, or an array of tables, written as <c>[[name]]</c>.</summary>
public sealed class TomlArray : TomlValue
{
    private readonly List<TomlValue> _items = [];

    internal TomlArray(TextPlace place, bool isOfTables)
        : base(place) => IsArrayOfTables = isOfTables;

    /// <summary>In the order of the text.</summary>
    public IReadOnlyList<TomlValue> Items => _items;

    /// <summary>Whether it was written with <c>[[name]]</c> headers, so that all items are tables.</summary>
    public bool IsArrayOfTables { get; }
    public override string Kind => IsArrayOfTables ? "an array of tables" : "an array";

    internal void Add(TomlValue item) => _items.Add(item);
}

/// <summary>A key and its value.</summary>
/// <param name="Key">One part of a dotted key, without quotes; may be empty.</param>
/// <param name="KeyPlace">Where the key was first written.</param>
/// <param name="Value">Its value.</param>
public readonly record struct TomlEntry(string Key, TextPlace KeyPlace, TomlValue Value);

/// <summary>A table: keys with values, in the order in which the text first names them.</summary>
public sealed class TomlTable : TomlValue
{
    private const int SmallCount = 8;   // up to here, looking through the list is as fast as hashing and takes no memory
    private readonly List<TomlEntry> _entries = [];
    private Dictionary<string, int>? _index;

    internal TomlTable(TextPlace place, TomlTableOrigin origin)
        : base(place) => Origin = origin;

    /// <summary>In the order of the text.</summary>
    public IReadOnlyList<TomlEntry> Entries => _entries;
    public override string Kind => "a table";

    /// <summary>How the table came about, which decides what may still add to it.</summary>
    internal TomlTableOrigin Origin { get; set; }

    /// <summary>Finds a key; case matters.</summary>
    public bool TryGet(string key, out TomlEntry entry)
    {
        var at = IndexOf(key);
        entry = at < 0 ? default : _entries[at];
        return at >= 0;
    }

    /// <summary>Finds the value of a key; case matters.</summary>
    public bool TryGet(string key, [NotNullWhen(true)] out TomlValue? value)
    {
        var at = IndexOf(key);
        value = at < 0 ? null : _entries[at].Value;
        return at >= 0;
    }

    /// <summary>Adds an entry whose key the caller has found to be new.</summary>
    internal void Add(TomlEntry entry)
    {
        _entries.Add(entry);
        if (_index is not null)
        {
            _index.Add(entry.Key, _entries.Count - 1);
        }
        else if (_entries.Count > SmallCount)
        {
            _index = new Dictionary<string, int>(StringComparer.Ordinal);
            for (var i = 0; i < _entries.Count; i++)
                _index.Add(_entries[i].Key, i);
        }
    }

    private int IndexOf(string key)
    {
        if (_index is not null)
            return _index.GetValueOrDefault(key, -1);
        for (var i = 0; i < _entries.Count; i++)
        {
            if (string.Equals(_entries[i].Key, key, StringComparison.Ordinal))
                return i;
        }
        return -1;
    }
}

/// <summary>How a table came about (TOML 1.0, "Table" and "Inline Table").</summary>
internal enum TomlTableOrigin
{
    /// <summary>Only named on the way to a deeper header; may still be defined by one header of its own.</summary>
    Implicit,

    /// <summary>By <c>[name]</c>, or as an element of <c>[[name]]</c>; deeper headers may add tables to it, dotted keys from elsewhere nothing.</summary>
    Header,

    /// <summary>By a dotted key; further dotted keys of the same section may add to it, deeper headers may add tables.</summary>
    Dotted,

    /// <summary>By <c>{ }</c>; complete and closed.</summary>
    Inline,
}
