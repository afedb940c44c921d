namespace Platter.Trees;

/// <summary>A shell pattern for one name: <c>*</c>, <c>?</c>, <c>[abc]</c>, <c>[a-z]</c>, <c>[!abc]</c>. Takes time of at most the product of
/// both lengths, whatever the pattern.</summary>
/// <param name="pattern">The pattern.</param>
/// <param name="ignoreCase">Whether upper and lower case are the same.</param>
public sealed class GlobPattern(string pattern, bool ignoreCase)
{
    private readonly string _pattern = ignoreCase ? pattern.ToUpperInvariant() : pattern;

    /// <summary>Whether the whole name fits the pattern.</summary>
    public bool IsMatch(string name)
    {
        if (ignoreCase)
            name = name.ToUpperInvariant();
        // The usual walk: at a mismatch, the last * takes one character more.
        int p = 0, n = 0, starAt = -1, resume = 0;
        while (n < name.Length)
        {
            if (p < _pattern.Length && _pattern[p] == '*')
            {
                starAt = p++;
                resume = n;
            }
            else if (p < _pattern.Length && MatchOne(name[n], p, out var after))
            {
                p = after;
                n++;
            }
            else if (starAt >= 0)
            {
                p = starAt + 1;
                n = ++resume;
            }
            else
            {
                return false;
            }
        }
        while (p < _pattern.Length && _pattern[p] == '*')
            p++;
        return p == _pattern.Length;
    }

    private bool MatchOne(char c, int p, out int after)
    {
        after = p + 1;
        if (_pattern[p] == '?')
            return true;
        if (_pattern[p] != '[' || ClassEnd(p) is not { } end)
            return _pattern[p] == c;
        after = end + 1;
        var negated = _pattern[p + 1] is '!' or '^';
        for (var i = p + (negated ? 2 : 1); i < end; i++)
        {
            if (i + 2 < end && _pattern[i + 1] == '-')
            {
                if (c >= _pattern[i] && c <= _pattern[i + 2])
                    return !negated;
                i += 2;
            }
            else if (_pattern[i] == c)
            {
                return !negated;
            }
        }
        return negated;
    }

    /// <summary>Where a class ends: a <c>]</c> right after the start stands for itself. Null: the <c>[</c> stands for itself.</summary>
    private int? ClassEnd(int p)
    {
        var first = p + 1 < _pattern.Length && _pattern[p + 1] is '!' or '^' ? p + 2 : p + 1;
        var end = first < _pattern.Length ? _pattern.IndexOf(']', first + 1) : -1;
        return end < 0 ? null : end;
    }
}
