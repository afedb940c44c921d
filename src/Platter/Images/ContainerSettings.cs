namespace Platter.Images;

/// <summary>Reads what the format alone knows of <see cref="ContainerOptions.Settings"/>: unknown keys are refused by name, values with what is expected.</summary>
internal sealed class ContainerSettings
{
    private readonly ContainerFormat _format;
    private readonly IReadOnlyDictionary<string, string> _settings;

    /// <exception cref="ArgumentException">A key is not known.</exception>
    internal ContainerSettings(ContainerFormat format, ContainerOptions options, IReadOnlyList<string> known)
    {
        _format = format;
        _settings = options.Settings;
        foreach (var key in _settings.Keys)
        {
            if (!known.Contains(key, StringComparer.Ordinal))
                throw new ArgumentException(known.Count == 0 ? $"{format.Name} has no setting '{key}', and no others" : $"{format.Name} has no setting '{key}'; there are {string.Join(", ", known)}");
        }
    }

    /// <summary>One of some words.</summary>
    /// <exception cref="ArgumentException">It is none of them.</exception>
    internal string Choice(string key, string otherwise, IReadOnlyList<string> words)
    {
        var word = _settings.GetValueOrDefault(key, otherwise);
        return words.Contains(word, StringComparer.Ordinal) ? word : throw new ArgumentException($"{_format.Name}: {key}={word} is not one of {string.Join(", ", words)}");
    }

    /// <summary>A size in bytes that is a power of two.</summary>
    /// <exception cref="ArgumentException">No size, no power of two, or not within the limits.</exception>
    internal long PowerOfTwo(string key, long otherwise, long least, long most)
    {
        if (!_settings.TryGetValue(key, out var text))
            return otherwise;
        if (!ByteSize.TryParse(text, out var size) || size < least || size > most || (size & (size - 1)) != 0)
            throw new ArgumentException($"{_format.Name}: {key}={text} is not a power of two from {ByteSize.Format(least)} to {ByteSize.Format(most)}");
        return size;
    }

    /// <summary>A whole number.</summary>
    /// <exception cref="ArgumentException">No number, or not within the limits.</exception>
    internal int Number(string key, int otherwise, int least, int most)
    {
        if (!_settings.TryGetValue(key, out var text))
            return otherwise;
        if (!int.TryParse(text, out var number) || number < least || number > most)
            throw new ArgumentException($"{_format.Name}: {key}={text} is not a number from {least} to {most}");
        return number;
    }

    /// <summary>A size in bytes, a multiple of <paramref name="unit"/>.</summary>
    /// <exception cref="ArgumentException">No size, not a multiple, or not within the limits.</exception>
    internal long Size(string key, long otherwise, long least, long most, long unit)
    {
        if (!_settings.TryGetValue(key, out var text))
            return otherwise;
        if (!ByteSize.TryParse(text, out var size) || size < least || size > most || size % unit != 0)
            throw new ArgumentException($"{_format.Name}: {key}={text} is not a multiple of {ByteSize.Format(unit)} from {ByteSize.Format(least)} to {ByteSize.Format(most)}");
        return size;
    }
}
