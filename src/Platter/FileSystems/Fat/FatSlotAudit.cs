using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>What a slot turned out to be.</summary>
internal enum FatSlotKind
{
    /// <summary>First byte 0x00: nothing follows.</summary>
    End,

    /// <summary>First byte 0xE5.</summary>
    Removed,

    /// <summary>A piece of a long name; its file is still to come.</summary>
    LongPiece,

    /// <summary>The volume label: attribute 0x08, not a long piece.</summary>
    Label,

    /// <summary>A file or directory, "." and ".." too.</summary>
    Entry,
}

/// <summary>What is wrong with the long name before an entry. Any but <see cref="Reserved"/> and <see cref="Padding"/> means: pass over it.</summary>
[Flags]
internal enum FatLongNameFaults
{
    None = 0,

    /// <summary>Pieces that a removed slot or the end follows.</summary>
    Orphan = 1,

    /// <summary>A piece without the one that starts a long name.</summary>
    Fragment = 2,

    /// <summary>Pieces not numbered n, n-1, ... 1, or more than 20 of them.</summary>
    Order = 4,

    /// <summary>The entry comes before piece 1.</summary>
    Unfinished = 8,

    /// <summary>The checksum is not that of the entry's short name, or the pieces have different ones.</summary>
    Checksum = 16,

    /// <summary>The type or cluster field of a piece is not 0, or the upper attribute bits.</summary>
    Reserved = 32,

    /// <summary>Something other than 0xFFFF behind the terminating 0, or no name at all.</summary>
    Padding = 64,
}

/// <summary>Puts the slots of a directory together: each entry with the long name before it. Fed slot by slot, so it does not care
/// where clusters end.</summary>
/// <remarks>"FAT: General Overview of On-Disk Format" 1.03, "Long Directory Entries": a long name counts only if its pieces are complete, in
/// order, right before their entry, and have the checksum of its short name. One instance serves a directory; nothing is allocated
/// per slot.</remarks>
internal struct FatSlotAudit()
{
    private readonly char[] _units = new char[FatLongSlot.MaxSlots * FatLongSlot.UnitsPerSlot];
    private int _expected = -1; // the ordinal that must come next; 0: an entry must; -1: no long name is under way
    private int _pieces;
    private byte _checksum;
    private int _length;

    // Faults of the name under way, and of pieces given up already: those are told with the next slot, but don't spoil its name.
    private FatLongNameFaults _own, _pending;

    /// <summary>Number of slots fed so far.</summary>
    public int Slots { get; private set; }

    /// <summary>What is wrong with the long pieces since the last entry; after a <see cref="FatSlotKind.LongPiece"/> not yet known.</summary>
    public FatLongNameFaults Faults { get; private set; }

    /// <summary>How many slots the entry takes: its own and those of its long name.</summary>
    public int SetLength { get; private set; }

    /// <summary>Whether the entry has a long name that belongs to it.</summary>
    public readonly bool HasLongName => _length > 0;

    /// <summary>The entry's long name; empty when it has none that counts. Valid until the next slot.</summary>
    public readonly ReadOnlySpan<char> LongName => _units.AsSpan(0, _length);

    /// <summary>Starts a directory.</summary>
    public void Reset()
    {
        Slots = 0;
        Forget();
        _pending = FatLongNameFaults.None;
    }

    /// <summary>Takes the next slot, 32 bytes.</summary>
    public FatSlotKind Next(ReadOnlySpan<byte> slot)
    {
        Slots++;
        _length = 0;
        SetLength = 1;
        Faults = FatLongNameFaults.None;
        var first = slot[0];
        if (first is FatShortSlot.End or FatShortSlot.Removed)
        {
            Faults = Drain(FatLongNameFaults.Orphan);
            return first == FatShortSlot.End ? FatSlotKind.End : FatSlotKind.Removed;
        }
        ref readonly var entry = ref OnDisk.View<FatShortSlot>(slot);
        if ((entry.Attributes & 0x3F) == FatLongSlot.AttributesValue)
        {
            AddPiece(in OnDisk.View<FatLongSlot>(slot), slot);
            return FatSlotKind.LongPiece;
        }
        if ((entry.Attributes & (byte)DosAttributes.VolumeLabel) != 0)
        {
            Faults = Drain(FatLongNameFaults.Unfinished);
            return FatSlotKind.Label;
        }
        Finish(slot);
        return FatSlotKind.Entry;
    }

    /// <summary>The directory is over without an end mark: what is under way is an orphan.</summary>
    public FatLongNameFaults Finish() => Drain(FatLongNameFaults.Orphan);

    private void AddPiece(in FatLongSlot piece, ReadOnlySpan<byte> slot)
    {
        var ordinal = piece.Ordinal & 0x3F;
        if ((piece.Ordinal & FatLongSlot.LastFlag) != 0)
        {
            // A new name; what was under way has lost its entry.
            if (_expected >= 0)
                _pending |= FatLongNameFaults.Order;
            Forget();
            if (ordinal is 0 or > FatLongSlot.MaxSlots)
            {
                _pending |= FatLongNameFaults.Order;
                return;
            }
            _expected = ordinal;
            _checksum = piece.Checksum;
        }
        else if (_expected < 0)
        {
            _pending |= FatLongNameFaults.Fragment;
            return;
        }
        else if (_expected == 0)
        {
            // A complete name is followed by a piece of another one that has lost its start.
            _pending |= FatLongNameFaults.Orphan | FatLongNameFaults.Fragment;
            Forget();
            return;
        }
        else if (ordinal != _expected)
        {
            _pending |= FatLongNameFaults.Order;
            Forget();
            return;
        }
        if (piece.Type != 0 || piece.Cluster != 0 || piece.Attributes != FatLongSlot.AttributesValue)
            _own |= FatLongNameFaults.Reserved;
        if (piece.Checksum != _checksum)
            _own |= FatLongNameFaults.Checksum;
        var units = _units.AsSpan((ordinal - 1) * FatLongSlot.UnitsPerSlot, FatLongSlot.UnitsPerSlot);
        CopyUnits(slot[0x01..0x0B], units);
        CopyUnits(slot[0x0E..0x1A], units[5..]);
        CopyUnits(slot[0x1C..0x20], units[11..]);
        _expected = ordinal - 1;
        _pieces++;
    }

    private void Finish(ReadOnlySpan<byte> slot)
    {
        var pieces = _pieces;
        if (_expected > 0)
        {
            Faults = Drain(FatLongNameFaults.Unfinished);
            return;
        }
        if (_expected < 0)
        {
            Faults = Drain(FatLongNameFaults.None);
            return;
        }
        if (FatShortNames.Checksum(slot) != _checksum)
            _own |= FatLongNameFaults.Checksum;
        var units = _units.AsSpan(0, pieces * FatLongSlot.UnitsPerSlot);
        var end = units.IndexOf('\0');
        if (end >= 0 && (end == 0 || end <= units.Length - FatLongSlot.UnitsPerSlot || units[(end + 1)..].IndexOfAnyExcept('\uFFFF') >= 0))
            _own |= FatLongNameFaults.Padding;

        // Odd padding and reserved fields don't take the name away: no driver looks at them.
        if ((_own & ~(FatLongNameFaults.Reserved | FatLongNameFaults.Padding)) == FatLongNameFaults.None)
        {
            _length = end >= 0 ? end : units.Length;
            SetLength = 1 + pieces;
        }
        Faults = Drain(FatLongNameFaults.None);
    }

    // What is told of the pieces so far, with one fault more if a name is under way.
    private FatLongNameFaults Drain(FatLongNameFaults underWay)
    {
        var faults = _expected >= 0 ? underWay : FatLongNameFaults.None;
        Forget();
        faults |= _pending;
        _pending = FatLongNameFaults.None;
        return faults;
    }

    private void Forget()
    {
        _pending |= _own;
        _own = FatLongNameFaults.None;
        _expected = -1;
        _pieces = 0;
    }

    private static void CopyUnits(ReadOnlySpan<byte> bytes, Span<char> units)
    {
        for (var i = 0; i < bytes.Length / 2; i++)
            units[i] = (char)BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]);
    }
}
