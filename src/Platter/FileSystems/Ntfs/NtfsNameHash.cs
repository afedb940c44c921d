using System.Numerics;

namespace Platter.FileSystems.Ntfs;

/// <summary>Hashes by which a check compares what records say with what directories say, without keeping either.</summary>
internal static class NtfsNameHash
{
    /// <summary>A name as a record has it: which directory, which namespace, which units.</summary>
    public static ulong Of(NtfsReference directory, NtfsNamespace space, ReadOnlySpan<char> name)
    {
        var hash = Mix(directory.Raw) + (ulong)space;
        foreach (var unit in name)
            hash = (hash ^ unit) * 0x100000001B3;
        return Mix(hash);
    }

    /// <summary>A number and what it belongs to.</summary>
    public static ulong Of(ulong a, ulong b) => Mix(Mix(a) + b);

    /// <summary>What a directory's entry copies from the record.</summary>
    public static uint Copies(long allocated, long length, uint attributes, uint tag) =>
        (uint)(Mix(Mix((ulong)allocated) + BitOperations.RotateLeft(Mix((ulong)length), 1) + ((ulong)attributes << 32 | tag)) >> 32);

    // The finaliser of SplitMix64.
    private static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
        value = (value ^ value >> 27) * 0x94D049BB133111EB;
        return value ^ value >> 31;
    }
}
