using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Platter.FileSystems.ExFat;

/// <summary>The rules for the names of one directory: length, hash, characters, names that are there twice.</summary>
internal sealed class ExFatCheckerNames(ExFatCheckedDirectory directory, ExFatUpcase upcase, CheckReport report)
{
    // Sixteen bytes for each name whatever its length: a directory may have millions. Half of a SHA-256 stands for the name.
    private readonly HashSet<UInt128> _seen = [];

    /// <summary>Checks the name of a set that has a stream entry.</summary>
    /// <returns>How many name entries there are.</returns>
    public int Check(ExFatSetAudit set, Func<string> who, long offset)
    {
        int length = set.Stream.NameLength, entries = set.NameEntries, needed = set.NameEntriesNeeded;
        var streamOffset = offset + ExFatEntryType.Size;
        if (length == 0)
            report.Add("EXF-0096", Severity.Error, who(), streamOffset + 3, "its name has no characters");
        else if (entries < needed)
            report.Add("EXF-0094", Severity.Error, who(), streamOffset + 3, $"its name of {length} characters takes {needed} name entries, there are {entries}");
        else if (entries > needed)
            report.Add("EXF-0110", Severity.Warning, who(), streamOffset + 3, $"its name of {length} characters takes {needed} name entries, there are {entries}");
        if (length == 0 || entries < needed)
            return entries;

        Span<char> units = stackalloc char[ExFatNameEntry.MaxUnits];
        var stored = units[..set.CopyName(units)];
        var name = stored[..length];
        var behind = stored[length..Math.Min(needed * ExFatNameEntry.UnitsPerEntry, stored.Length)];
        if (behind.ContainsAnyExcept('\0'))
        {
            // Who looks for a 0 instead of counting reads a longer name when there is none right behind it.
            report.Add("EXF-0101", behind[0] != '\0' ? Severity.Warning : Severity.Note, who(), streamOffset + ExFatEntryType.Size, $"has something behind the {length} characters of its name");
        }
        var bad = ExFatNameRules.IndexOfForbidden(name);
        if (bad >= 0)
            report.Add("EXF-0098", Severity.Error, who(), streamOffset + ExFatEntryType.Size, $"its name has the character U+{(int)name[bad]:X4}, which is forbidden");
        if (name is "." or "..")
            report.Add("EXF-0099", Severity.Error, who(), streamOffset + ExFatEntryType.Size, "its name stands for a directory itself or its parent");
        var hash = upcase.Hash(name);
        if (hash != set.Stream.NameHash)
            report.Add("EXF-0097", Severity.Error, who(), streamOffset + 4, $"the hash of its name is {hash:X4}, the entry says {(ushort)set.Stream.NameHash:X4}: it is not found by its name");
        for (var i = 0; i < name.Length; i++)
            name[i] = upcase.Up(name[i]);
        if (!_seen.Add(KeyOf(name)))
            report.Add("EXF-0100", Severity.Error, who(), offset, $"the name is there twice in {directory.Path}: only the first is found");
        return entries;
    }

    private static UInt128 KeyOf(ReadOnlySpan<char> name)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsBytes(name), hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}
