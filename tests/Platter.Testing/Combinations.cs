namespace Platter.Testing;

/// <summary>Chooses rows of values so that every two (or more) values of different factors come together in some row, as far as they don't clash.
/// The same rows on every machine.</summary>
public static class Combinations
{
    private const int Attempts = 60, GiveUpAfter = 200, ValueBits = 6;

    /// <param name="factors">What there is to choose from, at most 64 values each.</param>
    /// <param name="clash">Whether a row, a value for each factor, cannot be.</param>
    /// <param name="strength">How many factors' values shall come together in every way.</param>
    /// <param name="seed">Other rows, as good.</param>
    public static List<string[]> Cover(IReadOnlyList<(string Name, string[] Values)> factors, Func<string[], bool> clash, int strength = 2, int seed = 4)
    {
        var groups = Groups(factors.Count, strength).ToList();
        var open = new HashSet<long>();
        foreach (var (index, group) in groups.Index())
            Enter(open, index, group, factors, 0);
        // Greedy: each row takes, factor by factor, the value that covers most of what is not yet covered.
        var random = new Random(seed);
        var rows = new List<string[]>();
        for (var failures = 0; open.Count > 0 && failures < GiveUpAfter;)
        {
            var best = default(int[]);
            var bestGain = 0;
            for (var attempt = 0; attempt < Attempts; attempt++)
            {
                var wanted = open.ElementAt(random.Next(open.Count));
                var row = factors.Select(f => random.Next(f.Values.Length)).ToArray();
                var fixedFactors = groups[(int)(wanted >> (strength * ValueBits))];
                for (var i = 0; i < strength; i++)
                    row[fixedFactors[i]] = (int)(wanted >> ((strength - 1 - i) * ValueBits)) & ((1 << ValueBits) - 1);
                for (var round = 0; round < 2; round++)
                {
                    foreach (var f in Enumerable.Range(0, factors.Count).Where(f => !fixedFactors.Contains(f)).OrderBy(_ => random.Next()))
                        row[f] = Best(row, f);
                }
                if (!clash(Named(row)) && Gain(row) is var won && won > bestGain)
                    (best, bestGain) = (row, won);
            }
            if (best is null)
            {
                failures++;
                continue;
            }
            failures = 0;
            rows.Add(Named(best));
            foreach (var (index, group) in groups.Index())
                open.Remove(Code(index, group, best));
        }
        return rows;

        string[] Named(int[] row) => [.. row.Select((value, f) => factors[f].Values[value])];

        int Best(int[] row, int f)
        {
            var old = row[f];
            var (chosen, most) = (0, int.MinValue);
            for (var value = 0; value < factors[f].Values.Length; value++)
            {
                row[f] = value;
                var gain = clash(Named(row)) ? -1 : Gain(row);
                if (gain > most)
                    (chosen, most) = (value, gain);
            }
            row[f] = old;
            return chosen;
        }

        int Gain(int[] row)
        {
            var gain = 0;
            for (var i = 0; i < groups.Count; i++)
                gain += open.Contains(Code(i, groups[i], row)) ? 1 : 0;
            return gain;
        }
    }

    // Every choice of so many factors, in order.
    private static IEnumerable<int[]> Groups(int factors, int strength, int from = 0)
    {
        if (strength == 0)
            yield return [];
        for (var first = from; strength > 0 && first < factors; first++)
        {
            foreach (var rest in Groups(factors, strength - 1, first + 1))
                yield return [first, .. rest];
        }
    }

    private static void Enter(HashSet<long> open, long code, int[] group, IReadOnlyList<(string Name, string[] Values)> factors, int at)
    {
        if (at == group.Length)
        {
            open.Add(code);
            return;
        }
        for (var value = 0; value < factors[group[at]].Values.Length; value++)
            Enter(open, code << ValueBits | (uint)value, group, factors, at + 1);
    }

    private static long Code(int index, int[] group, int[] row)
    {
        long code = index;
        foreach (var f in group)
            code = code << ValueBits | (uint)row[f];
        return code;
    }
}
