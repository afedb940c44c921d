namespace Platter.FileSystems.ExFat;

/// <summary>Puts the entries of a directory together: each primary one with the secondary ones that belong to it. Fed entry by entry, so it
/// does not care where clusters end.</summary>
/// <remarks>Microsoft "exFAT file system specification", section 6.3.2: SecondaryCount entries follow the primary one at once. Bitmap, up-case table,
/// label and TexFAT padding have none. One instance serves a directory; nothing is allocated per entry.</remarks>
internal sealed class ExFatSetReader
{
    // A primary entry and the 255 that its count can say.
    private readonly byte[] _entries = new byte[(1 + byte.MaxValue) * ExFatEntryType.Size];
    private int _count;
    private int _expected;

    /// <summary>Whether a set waits for more entries.</summary>
    public bool IsOpen => _count > 0 && _count < _expected;

    /// <summary>The entries fed so far; the whole set unless <see cref="IsOpen"/>.</summary>
    public ReadOnlySpan<byte> Entries => _entries.AsSpan(0, _count * ExFatEntryType.Size);

    /// <summary>Where the primary entry stands, in bytes from the start of the volume.</summary>
    public long Offset { get; private set; }

    /// <summary>How many entries there should be, by the primary one.</summary>
    public int Expected => _expected;

    /// <summary>Begins a set with a primary entry that is in use.</summary>
    public void Start(ReadOnlySpan<byte> entry, long offset)
    {
        entry.CopyTo(_entries);
        _count = 1;
        _expected = 1 + entry[0] switch
        {
            ExFatEntryType.Bitmap or ExFatEntryType.Upcase or ExFatEntryType.Label or ExFatEntryType.TexFatPadding => 0,
            _ => entry[1],
        };
        Offset = offset;
    }

    /// <summary>Adds an entry to the open set when it can belong to it; false ends the set as it is.</summary>
    public bool TryAppend(ReadOnlySpan<byte> entry)
    {
        if (!ExFatEntryType.IsInUse(entry[0]) || !ExFatEntryType.IsSecondary(entry[0]))
            return false;
        entry.CopyTo(_entries.AsSpan(_count++ * ExFatEntryType.Size));
        return true;
    }

    /// <summary>Forgets the set.</summary>
    public void Clear() => _count = _expected = 0;
}
