namespace Platter.FileSystems.ExFat;

/// <summary>When two names are one on a volume: by its own up-case table.</summary>
internal sealed class ExFatNameComparer(ExFatUpcase upcase) : IEqualityComparer<string>
{
    public bool Equals(string? x, string? y) => x is null || y is null ? ReferenceEquals(x, y) : upcase.AreEqual(x, y);

    public int GetHashCode(string name) => (int)ExFatNameIndex.HashOf(name, upcase);
}
