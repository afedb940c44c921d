namespace Platter.FileSystems.Fat;

/// <summary>When two long names are the same.</summary>
/// <remarks>"FAT: General Overview of On-Disk Format" 1.03, "Long File Names". What may stand in them, <see cref="WindowsNames"/> knows.</remarks>
internal sealed class FatNames : IEqualityComparer<string>
{
    /// <summary>Compares unit by unit without case, as Windows and Linux do: surrogates have no case.</summary>
    public static FatNames Comparer { get; } = new();

    public static bool Same(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        if (a.Length != b.Length)
            return false;
        for (var i = 0; i < a.Length; i++)
        {
            if (a[i] != b[i] && ToUpper(a[i]) != ToUpper(b[i]))
                return false;
        }
        return true;
    }

    public static char ToUpper(char c) => c < 0x80 ? (uint)(c - 'a') <= 'z' - 'a' ? (char)(c - 32) : c : char.ToUpperInvariant(c);

    public bool Equals(string? x, string? y) => x is null || y is null ? ReferenceEquals(x, y) : Same(x, y);

    public int GetHashCode(string name)
    {
        // FNV-1a over upper-case units: names come from images, but a directory has 65,536 at most.
        var hash = 2166136261u;
        foreach (var c in name)
            hash = (hash ^ ToUpper(c)) * 16777619;
        return (int)(hash ^ hash >> 15);
    }
}
