namespace Platter.Primitives;

/// <summary>Guesses which known name a mistyped one was meant to be.</summary>
internal static class NearestName
{
    private const int MaxLength = 64;   // longer names are not typing mistakes, and the work grows with the square

    /// <summary>The known name with the fewest typing mistakes (a character added, left out, changed, or two swapped), if they are few enough
    /// for the length: one up to 5 characters, then one for each 3. Case and <c>-</c> for <c>_</c> don't count.</summary>
    public static string? Find(string name, IEnumerable<string> known)
    {
        if (name.Length > MaxLength)
            return null;
        var typed = Fold(name);
        string? nearest = null;
        var least = Math.Max(1, name.Length / 3) + 1;
        foreach (var candidate in known)
        {
            var distance = Distance(typed, Fold(candidate), least);
            if (distance < least)
                (nearest, least) = (candidate, distance);
        }
        return nearest;
    }

    /// <summary>What a message adds: <c> (did you mean 'label'?)</c>, or the known names.</summary>
    public static string Hint(string name, IReadOnlyCollection<string> known) =>
        Find(name, known) is { } nearest ? $" (did you mean '{nearest}'?)" : $" (known: {string.Join(", ", known)})";

    private static string Fold(string name) => name.Replace('-', '_').ToLowerInvariant();

    // Optimal string alignment distance, row by row; limit when it is that or more.
    private static int Distance(string a, string b, int limit)
    {
        if (Math.Abs(a.Length - b.Length) >= limit)
            return limit;
        var before = new int[b.Length + 1];
        var above = new int[b.Length + 1];
        var row = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            above[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                row[j] = Math.Min(Math.Min(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    row[j] = Math.Min(row[j], before[j - 2] + 1);
            }
            (before, above, row) = (above, row, before);
        }
        return Math.Min(above[b.Length], limit);
    }
}
