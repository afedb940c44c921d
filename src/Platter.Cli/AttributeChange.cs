using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli;

/// <summary>Attributes to set and to clear, as DOS writes them: <c>+r-h</c>.</summary>
internal readonly record struct AttributeChange(DosAttributes Set, DosAttributes Clear)
{
    /// <summary>Whether a word is of that form, so that <c>-h</c> is no option here.</summary>
    public static bool IsChange(string word)
    {
        if (word.Length < 2 || word[0] is not ('+' or '-') || word[1] is '+' or '-')
            return false;
        foreach (var c in word)
        {
            if (c is not ('+' or '-') && EntryText.AttributeOf(c) is null)
                return false;
        }
        return true;
    }

    /// <exception cref="UsageException">Not of that form.</exception>
    public static AttributeChange Parse(string word)
    {
        if (!IsChange(word))
            throw new UsageException($"'{word}' does not change attributes: expected such as +r-h");
        DosAttributes set = 0, clear = 0;
        var adding = true;
        foreach (var c in word)
        {
            if (c is '+' or '-')
            {
                adding = c == '+';
                continue;
            }
            var bit = EntryText.AttributeOf(c)!.Value;
            (set, clear) = adding ? (set | bit, clear & ~bit) : (set & ~bit, clear | bit);
        }
        return new AttributeChange(set, clear);
    }

    public DosAttributes Apply(DosAttributes to) => (to | Set) & ~Clear;

    /// <summary>This change, and then another.</summary>
    public AttributeChange Then(AttributeChange other) => new((Set | other.Set) & ~other.Clear, (Clear | other.Clear) & ~other.Set);
}
