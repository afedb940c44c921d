using System.Globalization;
using System.Runtime.CompilerServices;
using Platter.FileSystems;

namespace Platter.Cli.Syntax;

/// <summary>A verb's arguments and options as they were given, read as what they mean when asked for.</summary>
internal sealed class ParsedArguments
{
    // Plain arrays, since lists would be prepared at every start.
    private Option[] _options = new Option[8];
    private string?[] _values = new string?[8];
    private int _count;
    private string[] _words = new string[4];
    private int _wordCount;

    /// <summary>The positional arguments, in order; valid until the next <see cref="AddWord"/>.</summary>
    public string[] Words
    {
        get
        {
            if (_words.Length != _wordCount)
                Resize(_wordCount);
            return _words;
        }
    }

    public void AddWord(string word)
    {
        if (_wordCount == _words.Length)
            Resize(Math.Max(4, _wordCount * 2));
        _words[_wordCount++] = word;
    }

    // Not Array.Resize, which is prepared for each type.
    private void Resize(int length)
    {
        var words = new string[length];
        Array.Copy(_words, words, _wordCount);
        _words = words;
    }

    public void Add(Option option, string? value)
    {
        if (_count == _options.Length)
            MakeRoom();
        _options[_count] = option;
        _values[_count++] = value;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void MakeRoom()
    {
        Array.Resize(ref _options, _count * 2);
        Array.Resize(ref _values, _count * 2);
    }

    public bool Has(Option option) => LastIndex(option) >= 0;

    /// <summary>The option's last value, or null.</summary>
    public string? Text(Option option) => LastIndex(option) is var index and >= 0 ? _values[index] : null;

    /// <summary>Every value, of an option that may be given several times.</summary>
    public string[] Texts(Option option)
    {
        string[] texts = [];
        for (var i = 0; i < _count; i++)
        {
            if (ReferenceEquals(_options[i], option))
                texts = [.. texts, _values[i]!];
        }
        return texts;
    }

    public long? Size(Option option) => Text(option) is { } text ? Size(option, text) : null;

    public int? Number(Option option) => Text(option) is { } text ? Number(option, text) : null;

    /// <summary>An octal mode: <c>644</c>, <c>0755</c>.</summary>
    public int? Mode(Option option) => Text(option) is { } text ? Mode(option, text) : null;

    public Timestamp? Time(Option option) => Text(option) is { } text ? Time(option, text) : null;

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
        for (var i = _count - 1; i >= 0; i--)
        {
            if (ReferenceEquals(_options[i], option))
                return i;
        }
        return -1;
    }

    // Apart from the question whether the option was given: the runtime prepares the types that a method names when it is first called.
    private static long Size(Option option, string text) => Parse(option, text, ByteSize.Parse);

    private static int Number(Option option, string text) => Parse(option, text, t => int.Parse(t, NumberStyles.None, CultureInfo.InvariantCulture));

    private static int Mode(Option option, string text) => Parse(option, text, ModeText.ParseOctal);

    private static Timestamp Time(Option option, string text) => Parse(option, text, TimeText.Parse);

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
