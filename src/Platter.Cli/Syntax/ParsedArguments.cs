using System.Globalization;
using Platter.FileSystems;

namespace Platter.Cli.Syntax;

/// <summary>A verb's arguments and options as they were given, read as what they mean when asked for.</summary>
internal sealed class ParsedArguments
{
    private readonly List<(Option Option, string? Value)> _options = [];

    /// <summary>The positional arguments, in order.</summary>
    public List<string> Words { get; } = [];

    public void Add(Option option, string? value) => _options.Add((option, value));

    public bool Has(Option option) => _options.Exists(o => ReferenceEquals(o.Option, option));

    /// <summary>The option's last value, or null.</summary>
    public string? Text(Option option)
    {
        var index = _options.FindLastIndex(o => ReferenceEquals(o.Option, option));
        return index < 0 ? null : _options[index].Value;
    }

    /// <summary>Every value, of an option that may be given several times.</summary>
    public IEnumerable<string> Texts(Option option) => _options.Where(o => ReferenceEquals(o.Option, option)).Select(o => o.Value!);

    public long? Size(Option option) => Text(option) is { } text ? Parse(option, text, ByteSize.Parse) : null;

    public int? Number(Option option) =>
        Text(option) is { } text ? Parse(option, text, t => int.Parse(t, NumberStyles.None, CultureInfo.InvariantCulture)) : null;

    /// <summary>An octal mode: <c>644</c>, <c>0755</c>.</summary>
    public int? Mode(Option option) => Text(option) is { } text ? Parse(option, text, ModeText.ParseOctal) : null;

    public Timestamp? Time(Option option) => Text(option) is { } text ? Parse(option, text, TimeText.Parse) : null;

    /// <summary>What comes after <c>-O</c>: <c>key=value,key=value</c>, also several times.</summary>
    public IReadOnlyDictionary<string, string> Pairs(Option option)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in Texts(option).SelectMany(t => t.Split(',', StringSplitOptions.RemoveEmptyEntries)))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            pairs[equals < 0 ? pair : pair[..equals]] = equals < 0 ? "true" : pair[(equals + 1)..];
        }
        return pairs;
    }

    private static T Parse<T>(Option option, string text, Func<string, T> parse)
    {
        try
        {
            return parse(text);
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new UsageException($"{option.Name}: {e.Message}");
        }
    }
}
