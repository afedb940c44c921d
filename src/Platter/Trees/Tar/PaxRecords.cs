using System.Buffers.Text;
using Platter.FileSystems;

namespace Platter.Trees.Tar;

/// <summary>The records of an extended header: <c>LENGTH KEY=VALUE</c> and a newline, LENGTH being that of all of it, in decimal
/// (POSIX.1-2024, pax, "pax Extended Header").</summary>
/// <param name="bytes">The header's content.</param>
/// <param name="offset">Where in the archive it stands, for errors.</param>
internal ref struct PaxRecords(ReadOnlySpan<byte> bytes, long offset)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly long _offset = offset;
    private int _next;

    /// <summary>The key of the record.</summary>
    public ReadOnlySpan<byte> Key { get; private set; }

    /// <summary>Its value; empty takes away what a global header said.</summary>
    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>Goes to the next record.</summary>
    /// <exception cref="DiskFormatException">It is malformed.</exception>
    public bool MoveNext()
    {
        var rest = _bytes[_next..];
        // Some writers fill the header up with zeros.
        if (rest.IsEmpty || rest[0] == 0)
            return false;
        if (!Utf8Parser.TryParse(rest, out int length, out var digits) || digits > 9 || length <= digits + 2 || length > rest.Length)
            throw Malformed("a length that fits the header");
        if (rest[digits] != ' ' || rest[length - 1] != '\n')
            throw Malformed("a space behind the length and a newline at the end");
        var record = rest[(digits + 1)..(length - 1)];
        var equals = record.IndexOf((byte)'=');
        if (equals <= 0)
            throw Malformed("KEY=VALUE");
        Key = record[..equals];
        Value = record[(equals + 1)..];
        _next += length;
        return true;
    }

    /// <summary>The value as a whole number.</summary>
    /// <exception cref="DiskFormatException">It is none.</exception>
    public readonly long Number() =>
        Utf8Parser.TryParse(Value, out long value, out var used) && used == Value.Length ? value : throw Malformed("a decimal number as the value");

    /// <summary>The value as a number that counts something.</summary>
    /// <exception cref="DiskFormatException">It is none.</exception>
    public readonly long Count() => Number() is >= 0 and var value ? value : throw Malformed("a number that is not negative");

    /// <summary>The value as a time: seconds since 1970, with or without a fraction, maybe negative.</summary>
    /// <exception cref="DiskFormatException">It is none.</exception>
    public readonly Timestamp Time()
    {
        var text = Value;
        var isNegative = text.StartsWith("-"u8);
        if (isNegative)
            text = text[1..];
        var dot = text.IndexOf((byte)'.');
        var whole = dot < 0 ? text : text[..dot];
        var fraction = dot < 0 ? [] : text[(dot + 1)..];
        if (!Utf8Parser.TryParse(whole, out ulong seconds, out var used) || used != whole.Length || seconds > long.MaxValue / 2 || fraction.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            throw Malformed("a time in seconds as the value");
        // Digits beyond the nanosecond are cut off, towards the past.
        var nanoseconds = 0;
        for (var i = 0; i < 9; i++)
            nanoseconds = nanoseconds * 10 + (i < fraction.Length ? fraction[i] - '0' : 0);
        if (!isNegative)
            return new Timestamp((long)seconds, nanoseconds);
        if (fraction.Length > 9 && fraction[9..].ContainsAnyExcept((byte)'0'))
            nanoseconds++;
        return nanoseconds == 0 ? new Timestamp(-(long)seconds) : new Timestamp(-(long)seconds - 1, 1_000_000_000 - nanoseconds);
    }

    private readonly DiskFormatException Malformed(string expected) => new("TAR-0004", "PaxHeader.record", _offset + _next, $"found a malformed record, expected {expected}");
}
