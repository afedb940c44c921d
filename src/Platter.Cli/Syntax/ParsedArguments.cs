using System.Globalization;
using Platter.FileSystems;

namespace Platter.Cli.Syntax;

/// <summary>A verb's arguments and options as they were given, read as what they mean when asked for.</summary>
internal sealed class ParsedArguments
{
    // Two plain lists: a list of pairs would have its generic code compiled at every start.
    private readonly List<Option> _options = [];
    private readonly List<string?> _values = [];

    /// <summary>The positional arguments, in order.</summary>
    public List<string> Words { get; } = [];

    public void Add(Option option, string? value)
    {
        _options.Add(option);
        _values.Add(value);
    }

    public bool Has(Option option) => LastIndex(option) >= 0;

    /// <summary>The option's last value, or null.</summary>
    public string? Text(Option option) => LastIndex(option) is var index and >= 0 ? _values[index] : null;

    /// <summary>Every value, of an option that may be given several times.</summary>
    public List<string> Texts(Option option)
    {
        var texts = new List<string>();
        for (var i = 0; i < _options.Count; i++)
        {
            if (ReferenceEquals(_options[i], option))
                texts.Add(_values[i]!);
        }
        return texts;
    }

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

    private int LastIndex(Option option)
    {
        for (var i = _options.Count - 1; i >= 0; i--)
        {
            if (ReferenceEquals(_options[i], option))
                return i;
        }
        return -1;
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
