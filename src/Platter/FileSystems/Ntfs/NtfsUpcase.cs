using System.Runtime.InteropServices;

namespace Platter.FileSystems.Ntfs;

/// <summary>A volume's own table of capitals, $UpCase: what makes two names equal, and the order of directories.</summary>
/// <remarks>65,536 UTF-16 units, little-endian, each the capital of its index; there is no compression and no locale.</remarks>
internal sealed class NtfsUpcase
{
    /// <summary>Units of a whole table.</summary>
    public const int Units = char.MaxValue + 1;

    /// <summary>Bytes of a whole table on disk.</summary>
    public const int Length = 2 * Units;

    private readonly char[] _map;

    /// <param name="table">Bytes as on disk; units that a short table does not speak of are their own capitals.</param>
    public NtfsUpcase(ReadOnlySpan<byte> table)
    {
        _map = new char[Units];
        var stored = MemoryMarshal.Cast<byte, char>(table[..Math.Min(table.Length & ~1, Length)]);
        for (var i = 0; i < Units; i++)
            _map[i] = i < stored.Length ? BitConverter.IsLittleEndian ? stored[i] : (char)System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(stored[i]) : (char)i;
    }

    public char Up(char unit) => _map[unit];

    /// <summary>The order of names where case does not count: by capitals as unsigned numbers, then the shorter one first.</summary>
    public int CompareIgnoringCase(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        var length = Math.Min(a.Length, b.Length);
        for (var i = 0; i < length; i++)
        {
            if (a[i] == b[i])
                continue;
            var difference = _map[a[i]] - _map[b[i]];
            if (difference != 0)
                return difference;
        }
        return a.Length - b.Length;
    }

    /// <summary>The order of directories: as <see cref="CompareIgnoringCase"/>; names that are equal then, by their units.</summary>
    public int Compare(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        var order = CompareIgnoringCase(a, b);
        if (order != 0)
            return order;
        // A plain loop: the framework's comparison is compiled at every start.
        for (var i = 0; i < a.Length; i++)
        {
            if (a[i] != b[i])
                return a[i] - b[i];
        }
        return 0;
    }

    public bool AreEqual(ReadOnlySpan<char> a, ReadOnlySpan<char> b) => a.Length == b.Length && CompareIgnoringCase(a, b) == 0;
}

/// <summary>When two names are one on a volume, case-sensitive directories aside.</summary>
internal sealed class NtfsNameComparer(NtfsUpcase upcase) : IEqualityComparer<string>
{
    public bool Equals(string? x, string? y) => x is null || y is null ? ReferenceEquals(x, y) : upcase.AreEqual(x, y);

    public int GetHashCode(string name)
    {
        var hash = 17u;
        foreach (var unit in name)
            hash = hash * 31 + upcase.Up(unit);
        return (int)hash;
    }
}
