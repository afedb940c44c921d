using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>A file's entries as they are found, sound or not: file entry, and whatever its SecondaryCount counts. Nothing is taken for granted.</summary>
/// <remarks>Microsoft "exFAT file system specification", sections 6.3, 7.4, 7.6, 7.7.</remarks>
internal readonly ref struct ExFatSetAudit(ReadOnlySpan<byte> entries)
{
    /// <summary>A file has a stream entry and at least one name entry (section 7.4.1).</summary>
    public const int MinSecondaryCount = 2;

    /// <summary>The file entry and all that its SecondaryCount counts; 32 bytes each.</summary>
    public ReadOnlySpan<byte> Entries { get; } = entries;

    public int Count => Entries.Length / ExFatEntryType.Size;

    public ref readonly ExFatFileEntry File => ref OnDisk.View<ExFatFileEntry>(Entries);

    /// <summary>Whether the stream entry is where it must be: right behind the file entry.</summary>
    public bool HasStream => Count > 1 && TypeOf(1) == ExFatEntryType.Stream;

    /// <summary>Only with <see cref="HasStream"/>.</summary>
    public ref readonly ExFatStreamEntry Stream => ref OnDisk.View<ExFatStreamEntry>(Entries, ExFatEntryType.Size);

    /// <summary>Name entries that follow the stream entry.</summary>
    public int NameEntries
    {
        get
        {
            var count = 0;
            while (2 + count < Count && TypeOf(2 + count) == ExFatEntryType.Name)
                count++;
            return count;
        }
    }

    /// <summary>Name entries that a name of the stream entry's length takes.</summary>
    public int NameEntriesNeeded => (Stream.NameLength + ExFatNameEntry.UnitsPerEntry - 1) / ExFatNameEntry.UnitsPerEntry;

    /// <summary>Whether it has a stream and a whole name: enough to be listed.</summary>
    public bool IsReadable => HasStream && Stream.NameLength > 0 && NameEntries >= NameEntriesNeeded;

    /// <summary>Whether no byte changed since the set was written.</summary>
    public bool HasRightChecksum => ExFatChecksums.EntrySet(Entries) == File.SetChecksum;

    public bool IsDirectory => (File.Attributes & (ushort)DosAttributes.Directory) != 0;

    public byte TypeOf(int index) => Entries[index * ExFatEntryType.Size];

    public ref readonly ExFatSecondaryEntry Secondary(int index) => ref OnDisk.View<ExFatSecondaryEntry>(Entries, index * ExFatEntryType.Size);

    /// <summary>The units of the first name entries, as they stand there: also those behind the name.</summary>
    /// <param name="units">Room for 255 units; only with <see cref="IsReadable"/> are the first NameLength of them the name.</param>
    /// <returns>How many units the name entries hold, up to the room.</returns>
    public int CopyName(Span<char> units)
    {
        var count = Math.Min(NameEntries * ExFatNameEntry.UnitsPerEntry, units.Length);
        for (var done = 0; done < count; done += ExFatNameEntry.UnitsPerEntry)
        {
            ref readonly var entry = ref OnDisk.View<ExFatNameEntry>(Entries, (2 + done / ExFatNameEntry.UnitsPerEntry) * ExFatEntryType.Size);
            ExFatNameRules.Decode(entry.Units, units[done..Math.Min(done + ExFatNameEntry.UnitsPerEntry, count)]);
        }
        return count;
    }

    /// <summary>The name; empty when there is no whole one.</summary>
    public string DecodeName()
    {
        if (!IsReadable)
            return "";
        Span<char> units = stackalloc char[ExFatNameEntry.MaxUnits];
        CopyName(units);
        return new string(units[..Stream.NameLength]);
    }
}
