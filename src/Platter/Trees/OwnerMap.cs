using System.Globalization;

namespace Platter.Trees;

/// <summary>A table that turns numeric owners into others: what user namespaces and foreign systems make necessary.</summary>
/// <remarks>Ranges of <c>FROM:TO</c>, <c>FROM-LAST:TO</c> or <c>FROM:TO:COUNT</c>, with commas between: the first number of a range becomes TO, the
/// next one the number behind it. A <c>u</c> or <c>g</c> in front is for users or groups only. The first range that holds a number counts;
/// what is in none stays.</remarks>
public sealed class OwnerMap
{
    private const int MaxRanges = 10_000;

    private readonly List<Range> _ranges = [];

    private readonly record struct Range(bool Users, bool Groups, uint First, uint Last, uint To);

    private OwnerMap()
    {
    }

    /// <summary>Reads a table: <c>1000:0</c>, <c>100000-165535:0,u33:48</c>.</summary>
    /// <exception cref="FormatException">It is none; the message says what is wrong.</exception>
    public static OwnerMap Parse(string text)
    {
        var map = new OwnerMap();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (map._ranges.Count == MaxRanges)
                throw new FormatException($"a table of owners has at most {MaxRanges} ranges");
            map._ranges.Add(ParseRange(part));
        }
        return map._ranges.Count > 0 ? map : throw new FormatException("a table of owners is empty: expected ranges such as 1000:0 or 100000-165535:0");
    }

    public uint User(uint id) => Find(id, static r => r.Users);

    public uint Group(uint id) => Find(id, static r => r.Groups);

    private uint Find(uint id, Func<Range, bool> isOfKind)
    {
        foreach (var range in _ranges)
        {
            if (isOfKind(range) && id >= range.First && id <= range.Last)
                return range.To + (id - range.First);
        }
        return id;
    }

    private static Range ParseRange(string text)
    {
        var kind = text[0];
        var fields = (kind is 'u' or 'g' ? text[1..] : text).Split(':');
        var span = fields[0].Split('-');
        if (fields.Length is < 2 or > 3 || span.Length > 2 || (span.Length == 2 && fields.Length == 3) || !TryId(span[0], out var first) || !TryId(fields[1], out var to))
            throw Refuse(text);
        var last = first;
        if (span.Length == 2 && (!TryId(span[1], out last) || last < first))
            throw Refuse(text);
        if (fields.Length == 3)
        {
            if (!TryId(fields[2], out var count) || count == 0 || count - 1 > uint.MaxValue - first)
                throw Refuse(text);
            last = first + (count - 1);
        }
        return last - first <= uint.MaxValue - to ? new Range(kind != 'g', kind != 'u', first, last, to) : throw Refuse(text);
    }

    private static bool TryId(string text, out uint id) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id);

    private static FormatException Refuse(string text) => new($"'{text}' is no range of owners: expected FROM:TO, FROM-LAST:TO or FROM:TO:COUNT, with u or g in front for users or groups only");
}
