namespace Platter.Cli.Syntax;

/// <summary>The word that somebody may have meant.</summary>
internal static class Nearest
{
    /// <summary>The nearest of some words, at most two changes (and less than half of the word) away; null when none is near.</summary>
    public static string? Of(string word, IEnumerable<string> words)
    {
        var best = (Word: (string?)null, Distance: Math.Min(3, (word.Length + 1) / 2));
        foreach (var candidate in words)
        {
            var distance = Distance(word, candidate);
            if (distance < best.Distance)
                best = (candidate, distance);
        }
        return best.Word;
    }

    // Levenshtein's distance, one row at a time.
    private static int Distance(string a, string b)
    {
        var row = new int[b.Length + 1];
        for (var j = 0; j < row.Length; j++)
            row[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(changed, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.Length];
    }
}
