using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>The rules for the names of one directory: what may stand in them, long names that lost their entry, names that are there twice.</summary>
internal sealed class FatCheckerNames(FatCheckedDirectory directory, CheckReport report, CodePage codePage)
{
    // Held against each other up to here; a directory that is larger is damaged anyway.
    private const int MostNames = 65536;

    private readonly HashSet<(ulong, uint)> _short = [];
    private readonly HashSet<string> _shown = new(FatNames.Comparer);

    /// <summary>Checks the names of an entry.</summary>
    /// <returns>The name that a person knows it by.</returns>
    public string Check(ReadOnlySpan<byte> slot, ref FatSlotAudit reader, long offset)
    {
        var stored = slot[..FatShortNames.Length];
        var shortName = FatShortNames.Decode(stored, FatCaseFlags.None, codePage);
        var name = reader.HasLongName ? reader.LongName.ToString() : shortName;
        ReportFaults(reader.Faults, name, offset);
        if (BadShort(stored) is { } problem)
            report.Add("FAT-0160", Severity.Warning, "Entry " + directory.Path + name, offset, $"short name '{shortName}': {problem}");
        if (reader.HasLongName && BadLong(reader.LongName) is { } longProblem)
            report.Add("FAT-0167", Severity.Warning, "Entry " + directory.Path + name, offset, $"long name: {longProblem}");
        CheckTwice(stored, shortName, reader.HasLongName ? name : null, offset);
        return name;
    }

    /// <summary>Reports what is wrong with the long name before a slot.</summary>
    /// <param name="faults">What the reader found.</param>
    /// <param name="name">The entry that follows; null when there is none.</param>
    /// <param name="offset">Where the slot is that made it known.</param>
    public void ReportFaults(FatLongNameFaults faults, string? name, long? offset)
    {
        if (faults == FatLongNameFaults.None)
            return;

        // Programs that don't know long names leave such pieces behind with every rename: drivers pass over them, fsck.vfat too.
        var where = "Entry " + directory.Path + name;
        if (faults.HasFlag(FatLongNameFaults.Orphan))
            report.Add("FAT-0163", Severity.Warning, where, offset, "pieces of a long name stand before it that belong to no entry");
        if (faults.HasFlag(FatLongNameFaults.Checksum))
            report.Add("FAT-0164", Severity.Note, where, offset, "the long name before it has another checksum than the short name, so it is not its own");
        if ((faults & (FatLongNameFaults.Fragment | FatLongNameFaults.Order | FatLongNameFaults.Unfinished)) != 0)
            report.Add("FAT-0165", Severity.Note, where, offset, "the long name before it is incomplete or out of order");
        if (faults.HasFlag(FatLongNameFaults.Reserved))
            report.Add("FAT-0166", Severity.Warning, where, offset, "the long name before it has a type or cluster field that is not 0");
        if (faults.HasFlag(FatLongNameFaults.Padding))
            report.Add("FAT-0168", Severity.Note, where, offset, "the long name before it is not padded with 0xFFFF");
    }

    // Short names are compared byte by byte; what is shown, long and short, without case, as a look-up does.
    private void CheckTwice(ReadOnlySpan<byte> stored, string shortName, string? longName, long offset)
    {
        if (_short.Count >= MostNames)
            return;
        var key = (BinaryPrimitives.ReadUInt64LittleEndian(stored), (uint)stored[8] | (uint)stored[9] << 8 | (uint)stored[10] << 16);
        if (!_short.Add(key))
        {
            report.Add("FAT-0161", Severity.Error, "Entry " + directory.Path + (longName ?? shortName), offset, $"the short name '{shortName}' is there twice");
            return;
        }
        var twice = !_shown.Add(shortName);
        if (longName is not null && !FatNames.Same(longName, shortName))
            twice |= !_shown.Add(longName);
        if (twice)
            report.Add("FAT-0162", Severity.Warning, "Entry " + directory.Path + (longName ?? shortName), offset, "the name is there twice, as a long or a short one: only the first is found");
    }

    private static string? BadShort(ReadOnlySpan<byte> stored)
    {
        // Spaces within are legal, though no shell lets one type them: OS/2 keeps its extended attributes in "EA DATA. SF".
        if (stored[0] == (byte)' ')
            return "starts with a space";
        for (var i = 0; i < stored.Length; i++)
        {
            var b = stored[i];
            if ((b < 0x20 && !(i == 0 && b == FatShortSlot.KanjiE5)) || b == 0x7F)
                return $"has the control character 0x{b:X2}";
            if ("*?<>|\":/\\."u8.Contains(b))
                return $"has '{(char)b}'";
        }
        return null;
    }

    private static string? BadLong(ReadOnlySpan<char> name)
    {
        if (name.Length > WindowsNames.MaxLength)
            return $"has {name.Length} UTF-16 units, expected at most {WindowsNames.MaxLength}";
        foreach (var c in name)
        {
            if (c < 0x20 || "*?<>|\":/\\".Contains(c))
                return $"has the character 0x{(int)c:X2}, which is forbidden";
        }
        return name is "." or ".." ? "stands for a directory itself or its parent" : null;
    }
}
