using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>The rules for the entries of one directory, fed entry by entry.</summary>
internal sealed class ExFatCheckerEntries
{
    private readonly ExFatCheckedDirectory _directory;
    private readonly ExFatGeometry _geometry;
    private readonly CheckReport _report;
    private readonly ExFatCheckerChains _chains;
    private readonly ExFatCheckerFiles _files;
    private readonly ExFatSetReader _set = new();
    private long _bytes;
    private int _volumeGuids;
    private bool _ended, _behindEnd;

    public ExFatCheckerEntries(ExFatCheckedDirectory directory, ExFatGeometry geometry, ExFatCheckerChains chains, ExFatUpcase upcase, CheckReport report)
    {
        _directory = directory;
        _geometry = geometry;
        _chains = chains;
        _report = report;
        _files = new ExFatCheckerFiles(directory, geometry, chains, upcase, report);
    }

    /// <summary>Directories found that have clusters of their own.</summary>
    public IReadOnlyList<ExFatCheckedDirectory> Children => _files.Children;

    /// <summary>Files and directories.</summary>
    public int Count { get; private set; }

    /// <summary>Whether it has more entries than any directory may have; what follows is not looked at.</summary>
    public bool IsTooLong => _bytes > ExFatGeometry.MaxDirectoryBytes;

    private string Who => "Directory " + _directory.Path;

    public void Next(ReadOnlySpan<byte> entry, long offset)
    {
        if (_bytes == ExFatGeometry.MaxDirectoryBytes)
            _report.Add("EXF-0085", Severity.Error, Who, offset, $"has more than {ExFatGeometry.MaxDirectoryBytes} bytes, which is the most that a directory may have");
        _bytes += entry.Length;
        var type = entry[0];
        if (_set.IsOpen)
        {
            if (_set.TryAppend(entry))
            {
                if (!_set.IsOpen)
                    CheckSet();
                return;
            }
            _report.Add("EXF-0092", Severity.Error, Who, _set.Offset, $"a set of {_set.Expected} entries ends after {_set.Entries.Length / ExFatEntryType.Size}, before one of type {type:X2}");
            _set.Clear();
        }
        if (type == ExFatEntryType.End)
        {
            _ended = true;
            return;
        }
        if (_ended && !_behindEnd && ExFatEntryType.IsInUse(type))
        {
            // By the specification nothing counts here; the Linux driver refuses the whole directory.
            _behindEnd = true;
            _report.Add("EXF-0080", Severity.Error, Who, offset, $"has an entry of type {type:X2} behind the one that ends it");
        }
        if (_ended || !ExFatEntryType.IsInUse(type))
            return;
        if (ExFatEntryType.IsSecondary(type))
        {
            _report.Add("EXF-0083", Severity.Error, Who, offset, $"has a secondary entry of type {type:X2} that belongs to no other");
            return;
        }
        _set.Start(entry, offset);
        if (!_set.IsOpen)
            CheckSet();
    }

    /// <summary>All entries have been given.</summary>
    public void Finish()
    {
        if (_set.IsOpen)
            _report.Add("EXF-0092", Severity.Error, Who, _set.Offset, $"a set of {_set.Expected} entries ends after {_set.Entries.Length / ExFatEntryType.Size}, with the directory");
    }

    private void CheckSet()
    {
        var type = _set.Entries[0];
        switch (type)
        {
            case ExFatEntryType.File:
                Count++;
                _files.Check(new ExFatSetAudit(_set.Entries), _set.Offset);
                break;
            case ExFatEntryType.Bitmap or ExFatEntryType.Upcase or ExFatEntryType.Label or ExFatEntryType.VolumeGuid when !_directory.IsRoot:
                _report.Add("EXF-0084", Severity.Error, Who, _set.Offset, $"has an entry of type {type:X2}, which only the root may have");
                break;
            case ExFatEntryType.Bitmap or ExFatEntryType.Upcase or ExFatEntryType.Label or ExFatEntryType.TexFatPadding:
                break;
            case ExFatEntryType.VolumeGuid:
                CheckVolumeGuid();
                break;
            default:
                CheckUnknown(type);
                break;
        }
        _set.Clear();
    }

    private void CheckVolumeGuid()
    {
        ref readonly var entry = ref OnDisk.View<ExFatVolumeGuidEntry>(_set.Entries);
        if (_volumeGuids++ == 1)
            _report.Add("EXF-0050", Severity.Warning, "VolumeGuid", _set.Offset, "the root has more than one, expected one at most");
        var sum = ExFatChecksums.EntrySet(_set.Entries);
        if (sum != entry.SetChecksum || entry.SecondaryCount != 0 || (Guid)entry.Guid == Guid.Empty)
            _report.Add("EXF-0051", Severity.Warning, "VolumeGuid", _set.Offset, $"is {(Guid)entry.Guid} with {entry.SecondaryCount} secondary entries and the checksum {(ushort)entry.SetChecksum:X4}, expected a GUID, none, and {sum:X4}");
    }

    // Critical ones must be known, benign ones may be passed over, but their clusters are in use (section 6.2.1).
    private void CheckUnknown(byte type)
    {
        if (!ExFatEntryType.IsBenign(type))
        {
            _report.Add("EXF-0081", Severity.Error, Who, _set.Offset, $"has a critical entry of the unknown type {type:X2}: nothing in here can be relied on");
            return;
        }
        _report.Add("EXF-0082", Severity.Note, Who, _set.Offset, $"has a benign entry of the unknown type {type:X2}");
        ref readonly var entry = ref OnDisk.View<ExFatPrimaryEntry>(_set.Entries);
        if (ExFatChecksums.EntrySet(_set.Entries) != entry.SetChecksum)
            return;
        var flags = (ExFatSecondaryFlags)(byte)(ushort)entry.Flags;
        if (flags.HasFlag(ExFatSecondaryFlags.AllocationPossible))
            _chains.ClaimExactly(new ExFatAllocation(entry.FirstCluster, entry.DataLength, flags.HasFlag(ExFatSecondaryFlags.NoFatChain), _set.Offset + 0x14), () => $"Entry {type:X2} in {_directory.Path}");
    }
}
