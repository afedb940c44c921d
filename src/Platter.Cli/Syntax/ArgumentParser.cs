namespace Platter.Cli.Syntax;

/// <summary>Reads a verb's words: options anywhere, <c>--name=value</c>, <c>-abc</c> for flags, <c>-nVALUE</c>, and <c>--</c> before what
/// only looks like an option.</summary>
/// <remarks>System.CommandLine does this too, and costs 10 ms of every start (29 ms against 19 ms for an empty program, both trimmed
/// ReadyToRun single files): most of what one edit may take. This costs 0.1 ms, and feeds the help and the completion as well.</remarks>
internal static class ArgumentParser
{
    /// <exception cref="UsageException">An unknown option, a value missing or too many, arguments missing or too many.</exception>
    public static ParsedArguments Parse(VerbSyntax syntax, ReadOnlySpan<string> words)
    {
        var parsed = new ParsedArguments();
        ReadWords(syntax, words, parsed);
        if (!parsed.Has(GlobalOptions.Help))
            CheckCount(syntax, parsed);
        return parsed;
    }

    /// <summary>As <see cref="Parse"/>, forgiving: for a command line that is still being typed.</summary>
    public static ParsedArguments ParseUnfinished(VerbSyntax syntax, ReadOnlySpan<string> words)
    {
        var parsed = new ParsedArguments();
        try
        {
            ReadWords(syntax, words, parsed);
        }
        catch (UsageException)
        {
            // What was understood is enough to complete what follows.
        }
        return parsed;
    }

    /// <summary>The option of this name, of the verb or global; null when there is none.</summary>
    public static Option? Find(VerbSyntax? syntax, string name)
    {
        foreach (var option in syntax?.Options ?? [])
        {
            if (HasName(option, name))
                return option;
        }
        foreach (var option in GlobalOptions.All)
        {
            if (HasName(option, name))
                return option;
        }
        return null;
    }

    // Plain loops here and below: the framework's searches prepare dozens of types of vectors and comparers at every start.
    private static bool HasName(Option option, string name)
    {
        foreach (var own in option.Names)
        {
            if (own == name)
                return true;
        }
        return false;
    }

    private static int EqualsSign(string word)
    {
        for (var i = 0; i < word.Length; i++)
        {
            if (word[i] == '=')
                return i;
        }
        return -1;
    }

    private static void ReadWords(VerbSyntax syntax, ReadOnlySpan<string> words, ParsedArguments parsed)
    {
        for (var i = 0; i < words.Length; i++)
        {
            var word = words[i];
            if (word == "--")
            {
                foreach (var rest in words[(i + 1)..])
                    parsed.AddWord(rest);
                return;
            }
            if (word.Length < 2 || word[0] != '-' || syntax.IsArgument?.Invoke(word) == true)
                parsed.AddWord(word);
            else if (word[1] == '-')
                ReadLong(syntax, word, words, ref i, parsed);
            else
                ReadShort(syntax, word, words, ref i, parsed);
        }
    }

    private static void ReadLong(VerbSyntax syntax, string word, ReadOnlySpan<string> words, ref int i, ParsedArguments parsed)
    {
        var equals = EqualsSign(word);
        var name = equals < 0 ? word : word[..equals];
        var option = Find(syntax, name) ?? throw Unknown(syntax, name);
        var value = equals < 0 ? null : word[(equals + 1)..];
        if (option.Value is null && value is not null)
            throw new UsageException($"{name} takes no value");
        AddWithValue(option, name, value, words, ref i, parsed);
    }

    private static void ReadShort(VerbSyntax syntax, string word, ReadOnlySpan<string> words, ref int i, ParsedArguments parsed)
    {
        for (var at = 1; at < word.Length; at++)
        {
            var name = "-" + word[at];
            // Long options with one dash are find's, and old tools'.
            var option = Find(syntax, name) ?? throw Unknown(syntax, Find(syntax, "-" + word) is null ? name : word);
            if (option.Value is null)
            {
                parsed.Add(option, null);
                continue;
            }
            AddWithValue(option, name, at + 1 < word.Length ? word[(at + 1)..] : null, words, ref i, parsed);
            return;
        }
    }

    private static void AddWithValue(Option option, string name, string? value, ReadOnlySpan<string> words, ref int i, ParsedArguments parsed)
    {
        if (option.Value is not null && value is null)
        {
            if (++i >= words.Length)
                throw new UsageException($"{name} needs a value: {option.Value}");
            value = words[i];
        }
        if (option.Choices.Length > 0 && !option.Choices.Contains(value, StringComparer.Ordinal))
            throw new UsageException($"{name}: '{value}' is none of {string.Join(", ", option.Choices)}");
        parsed.Add(option, value);
    }

    private static void CheckCount(VerbSyntax syntax, ParsedArguments parsed)
    {
        // Plain loops here and wherever every start comes by: a query's generic code is prepared at every start, 0.1 ms each.
        var left = parsed.Words.Length;
        var endless = false;
        foreach (var argument in syntax.Arguments)
        {
            left -= argument.Min;
            if (left < 0)
                throw new UsageException($"{argument.Name} is missing: {argument.Help}");
            endless |= argument.Many;
        }
        if (!endless && parsed.Words.Length > syntax.Arguments.Length)
            throw new UsageException($"'{parsed.Words[syntax.Arguments.Length]}' is one argument too many");
    }

    private static UsageException Unknown(VerbSyntax syntax, string name)
    {
        var near = Nearest.Of(name, syntax.Options.Concat(GlobalOptions.All).SelectMany(o => o.Names));
        return new UsageException($"there is no option {name}", near is null ? null : $"did you mean {near}?");
    }
}
