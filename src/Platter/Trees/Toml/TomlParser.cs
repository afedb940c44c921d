namespace Platter.Trees.Toml;

/// <summary>The statements of TOML 1.0 (headers and key-value pairs), and the values that hold values.</summary>
/// <remarks>What may define or extend a table is decided by <see cref="TomlTableOrigin"/> alone.</remarks>
internal sealed class TomlParser(TomlCursor cursor)
{
    private readonly record struct Key(string Name, TextPlace Place);

    private readonly TomlTable _root = new(cursor.Place, TomlTableOrigin.Header);

    /// <summary>Reads the whole text.</summary>
    public TomlTable ReadDocument()
    {
        var section = _root;
        var depth = 0;   // of the section's table; the root's is 0
        while (true)
        {
            cursor.SkipBlankLines();
            if (cursor.AtEnd)
                return _root;
            if (cursor.Current == '[')
                (section, depth) = ReadHeader();
            else
                ReadPair(section, depth);
            cursor.SkipBlanks();
            cursor.SkipComment();
            if (!cursor.AtEnd && cursor.LineEndLength() == 0)
                throw cursor.Fail($"expected the end of the line, found {cursor.Describe()}");
        }
    }

    private (TomlTable Section, int Depth) ReadHeader()
    {
        var start = cursor.Place;
        cursor.Advance();
        var isArray = cursor.TrySkip('[');
        var path = ReadKey(0);
        if (!cursor.TrySkip(']') || (isArray && !cursor.TrySkip(']')))
            throw cursor.Fail($"expected {(isArray ? "']]'" : "']'")} after the table name, found {cursor.Describe()}");

        var table = _root;
        for (var i = 0; i < path.Count - 1; i++)
            table = EnterForHeader(table, path[i]);
        var section = isArray ? Append(table, path[^1], start) : Define(table, path[^1], start);
        return (section, path.Count);
    }

    private static TomlTable EnterForHeader(TomlTable parent, Key key)
    {
        if (!parent.TryGet(key.Name, out TomlEntry entry))
            return AddTable(parent, key, TomlTableOrigin.Implicit, key.Place);
        return entry.Value switch
        {
            TomlTable { Origin: not TomlTableOrigin.Inline } table => table,
            TomlArray { IsArrayOfTables: true } array => (TomlTable)array.Items[^1],   // never empty: made by its first header
            _ => throw Refuse(key, entry, "and cannot be added to"),
        };
    }

    private static TomlTable Define(TomlTable parent, Key key, TextPlace start)
    {
        if (!parent.TryGet(key.Name, out TomlEntry entry))
            return AddTable(parent, key, TomlTableOrigin.Header, start);
        if (entry.Value is not TomlTable { Origin: TomlTableOrigin.Implicit } table)
            throw Refuse(key, entry, "and cannot be defined again");
        table.Origin = TomlTableOrigin.Header;
        table.Place = start;
        return table;
    }

    private static TomlTable Append(TomlTable parent, Key key, TextPlace start)
    {
        if (!parent.TryGet(key.Name, out TomlEntry entry))
        {
            entry = new TomlEntry(key.Name, key.Place, new TomlArray(start, isOfTables: true));
            parent.Add(entry);
        }
        if (entry.Value is not TomlArray { IsArrayOfTables: true } array)
            throw Refuse(key, entry, "and cannot be an array of tables as well");
        var element = new TomlTable(start, TomlTableOrigin.Header);
        array.Add(element);
        return element;
    }

    private void ReadPair(TomlTable table, int depth)
    {
        var path = ReadKey(depth);
        if (!cursor.TrySkip('='))
            throw cursor.Fail($"expected '=' after the key, found {cursor.Describe()}");
        cursor.SkipBlanks();
        for (var i = 0; i < path.Count - 1; i++)
            table = EnterForPair(table, path[i]);
        var key = path[^1];
        if (table.TryGet(key.Name, out TomlEntry entry))
            throw Refuse(key, entry, "and cannot be given again");
        table.Add(new TomlEntry(key.Name, key.Place, ReadValue(depth + path.Count)));
    }

    private static TomlTable EnterForPair(TomlTable parent, Key key)
    {
        if (!parent.TryGet(key.Name, out TomlEntry entry))
            return AddTable(parent, key, TomlTableOrigin.Dotted, key.Place);
        if (entry.Value is not TomlTable { Origin: TomlTableOrigin.Dotted or TomlTableOrigin.Implicit } table)
            throw Refuse(key, entry, "and cannot be added to by a dotted key");
        table.Origin = TomlTableOrigin.Dotted;
        return table;
    }

    private static TomlTable AddTable(TomlTable parent, Key key, TomlTableOrigin origin, TextPlace place)
    {
        var table = new TomlTable(place, origin);
        parent.Add(new TomlEntry(key.Name, key.Place, table));
        return table;
    }

    /// <summary>Reads a simple or dotted key and the blanks behind it.</summary>
    private List<Key> ReadKey(int depth)
    {
        var path = new List<Key>(1);
        do
        {
            cursor.SkipBlanks();
            CheckDepth(depth + path.Count + 1);
            var place = cursor.Place;
            path.Add(new Key(ReadSimpleKey(), place));
            cursor.SkipBlanks();
        }
        while (cursor.TrySkip('.'));
        return path;
    }

    private string ReadSimpleKey()
    {
        if (cursor.Current is '"' or '\'')
            return TomlStrings.Read(cursor, allowLines: false);
        var rest = cursor.Rest;
        var length = 0;
        while (length < rest.Length && (char.IsAsciiLetterOrDigit(rest[length]) || rest[length] is '-' or '_'))
            length++;
        if (length == 0)
            throw cursor.Fail($"expected a key, found {cursor.Describe()}" + (rest.IsEmpty || rest[0] < 0x80 ? "" : "; a key with such characters needs quotes"));
        cursor.Advance(length);
        return rest[..length].ToString();
    }

    private TomlValue ReadValue(int depth)
    {
        CheckDepth(depth);
        var place = cursor.Place;
        return cursor.Current switch
        {
            '"' or '\'' => new TomlString(TomlStrings.Read(cursor, allowLines: true), place),
            '[' => ReadArray(depth),
            '{' => ReadInlineTable(depth),
            _ => TomlScalars.Read(cursor),
        };
    }

    private TomlArray ReadArray(int depth)
    {
        var array = new TomlArray(cursor.Place, isOfTables: false);
        cursor.Advance();
        cursor.SkipBlankLines();
        while (!cursor.TrySkip(']'))
        {
            array.Add(ReadValue(depth + 1));
            cursor.SkipBlankLines();
            if (cursor.TrySkip(','))
                cursor.SkipBlankLines();
            else if (cursor.Current != ']')
                throw cursor.Fail($"expected ',' or ']' in the array that begins at line {array.Place.Line}, found {cursor.Describe()}");
        }
        return array;
    }

    private TomlTable ReadInlineTable(int depth)
    {
        var table = new TomlTable(cursor.Place, TomlTableOrigin.Inline);
        cursor.Advance();
        cursor.SkipBlanks();
        if (cursor.TrySkip('}'))
            return table;
        do
        {
            ReadPair(table, depth);
            cursor.SkipBlanks();
        }
        while (cursor.TrySkip(','));
        if (!cursor.TrySkip('}'))
            throw cursor.Fail($"expected ',' or '}}' in the inline table, found {cursor.Describe()}; an inline table stands on one line");
        return table;
    }

    private void CheckDepth(int depth)
    {
        if (depth > TomlDocument.MaxDepth)
            throw cursor.Fail($"tables and arrays nest deeper than {TomlDocument.MaxDepth}");
    }

    private static TomlException Refuse(Key key, TomlEntry first, string consequence)
    {
        var what = first.Value is TomlTable { Origin: TomlTableOrigin.Inline } ? "an inline table" : first.Value.Kind;
        return new(key.Place, $"{TomlCursor.Quote(key.Name)} is {what} since line {first.Value.Place.Line} {consequence}");
    }
}
