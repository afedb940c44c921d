using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli;

/// <summary>Attributes to set and to clear, as DOS writes them: <c>+r-h</c>.</summary>
internal readonly record struct AttributeChange(DosAttributes Set, DosAttributes Clear)
{
    /// <summary>Whether a word is of that form, so that <c>-h</c> is no option here.</summary>
    public static bool IsChange(string word)
    {
        // -R is the option.
        if (word.Length < 2 || word[0] is not ('+' or '-') || word[1] is '+' or '-' || word == "-R")
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

    /// <summary>What an entry is to be given. Bits that follow from what it is (directory, reparse point) stay out of it, unless they are asked for, which the
    /// filesystem then refuses by name.</summary>
    /// <param name="entry">The entry as it is.</param>
    /// <param name="volume">What its volume can hold.</param>
    public MetadataChange For(FileMetadata entry, Capabilities volume)
    {
        var old = entry.DosAttributes ?? DosAttributes.None;
        var asked = (Set & ~old) | (Clear & old);
        return new MetadataChange
        {
            DosAttributes = (Set | Clear) is var all && (all & ~volume.StorageAttributes) == 0 ? null
                : Apply(old) & volume.SettableAttributes | asked & ~volume.StorageAttributes & ~volume.SettableAttributes,
            Compressed = Wish(DosAttributes.Compressed, volume),
            Sparse = Wish(DosAttributes.Sparse, volume),
        };
    }

    private bool? Wish(DosAttributes bit, Capabilities volume) =>
        (volume.StorageAttributes & bit) == 0 ? null : (Set & bit) != 0 ? true : (Clear & bit) != 0 ? false : null;

    /// <summary>This change, and then another.</summary>
    public AttributeChange Then(AttributeChange other) => new((Set | other.Set) & ~other.Clear, (Clear | other.Clear) & ~other.Set);
}
