using System.Text;
using Platter.Cli.Syntax;

namespace Platter.Cli.Shell;

/// <summary>Splits a line into words as a Unix shell does: quotes of both kinds, backslashes, <c>#</c> for the rest of the line.</summary>
internal static class WordSplitter
{
    /// <summary>The words of a line that is complete.</summary>
    /// <exception cref="UsageException">A quote is open at its end.</exception>
    public static List<string> Split(string line)
    {
        var words = Split(line, out _, out var quote);
        return quote == '\0' ? words : throw new UsageException($"the quote that {quote} opens does not end in this line");
    }

    /// <summary>The words of a line that is being typed; an open quote is closed by its end.</summary>
    /// <param name="line">The line.</param>
    /// <param name="lastIsOpen">Whether the line ends within its last word, which is then still being typed.</param>
    public static List<string> Split(string line, out bool lastIsOpen) => Split(line, out lastIsOpen, out _);

    private static List<string> Split(string line, out bool lastIsOpen, out char quote)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var inWord = false;
        quote = '\0';
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (quote != '\0')
            {
                if (c == quote)
                    quote = '\0';
                else if (c == '\\' && quote == '"' && i + 1 < line.Length && line[i + 1] is '"' or '\\')
                    word.Append(line[++i]);
                else
                    word.Append(c);
                continue;
            }
            if (c == '#' && !inWord)
                break;
            if (char.IsWhiteSpace(c))
            {
                if (inWord)
                    words.Add(word.ToString());
                word.Clear();
                inWord = false;
                continue;
            }
            inWord = true;
            if (c is '\'' or '"')
                quote = c;
            else if (c == '\\' && i + 1 < line.Length)
                word.Append(line[++i]);
            else
                word.Append(c);
        }
        lastIsOpen = inWord;
        if (inWord)
            words.Add(word.ToString());
        return words;
    }

    /// <summary>The word so that <see cref="Split"/> reads it back.</summary>
    public static string Quote(string word)
    {
        var quoted = new StringBuilder(word.Length);
        foreach (var c in word)
        {
            if (char.IsWhiteSpace(c) || c is '\'' or '"' or '\\' or '#')
                quoted.Append('\\');
            quoted.Append(c);
        }
        return quoted.ToString();
    }
}
