using System.Globalization;
using Platter.Primitives;

namespace Platter.FileSystems;

/// <summary>Reads the options of <c>mkfs -O key=value</c>: unknown keys are refused with the nearest known one, values with what is expected.</summary>
internal sealed class FormatOptionReader
{
    private readonly IReadOnlyDictionary<string, string> _options;

    /// <exception cref="ArgumentException">A key is not known.</exception>
    public FormatOptionReader(FormatOptions options, IReadOnlyList<string> known)
    {
        _options = options.Options;
        foreach (var key in _options.Keys)
        {
            if (!known.Contains(key, StringComparer.Ordinal))
                throw new ArgumentException($"{options.Type} has no option '{key}'{(NearestName.Find(key, known) is { } nearest ? $"; the nearest is '{nearest}'" : "")} (known: {string.Join(", ", known)})");
        }
    }

    /// <summary>The value as it was given, or null.</summary>
    public string? Text(string key) => _options.GetValueOrDefault(key);

    /// <summary>A whole number, decimal or with 0x.</summary>
    /// <exception cref="ArgumentException">No number, or not within the limits.</exception>
    public long? Number(string key, long least, long most)
    {
        if (Text(key) is not { } text)
            return null;
        var ok = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        if (!ok || value < least || value > most)
            throw new ArgumentException($"the option {key}={text} needs a number, {least} to {most}");
        return value;
    }

    /// <summary>A length in bytes: <c>512</c>, <c>4K</c>, <c>1MiB</c>.</summary>
    /// <exception cref="ArgumentException">No length, or not within the limits.</exception>
    public long? Size(string key, long least, long most)
    {
        if (Text(key) is not { } text)
            return null;
        var digits = text.AsSpan().TrimEnd("iB");
        var unit = digits.IsEmpty ? 0 : "KMGT".IndexOf(char.ToUpperInvariant(digits[^1]), StringComparison.Ordinal) + 1;
        var ok = long.TryParse(unit > 0 ? digits[..^1] : text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            && value <= most >> (10 * unit);
        value <<= 10 * unit;
        if (!ok || value < least)
            throw new ArgumentException($"the option {key}={text} needs a size, {least} to {most} bytes (512, 4K, 1M)");
        return value;
    }

    /// <summary>As <see cref="Size"/>, for sizes that must be a power of two.</summary>
    public long? PowerOfTwo(string key, long least, long most)
    {
        var value = Size(key, least, most);
        if (value is { } size && (size & (size - 1)) != 0)
            throw new ArgumentException($"the option {key}={Text(key)} needs a power of two");
        return value;
    }
}
