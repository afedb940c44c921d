using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>The rules for the entries of one directory, fed slot by slot.</summary>
internal sealed class FatCheckerEntries
{
    private const int MaxSlots = FatGeometry.MaxDirectoryBytes / FatShortSlot.Size;

    private readonly FatCheckedDirectory _directory;
    private readonly FatGeometry _geometry;
    private readonly FatCheckerChains _chains;
    private readonly CheckReport _report;
    private readonly FatCheckerNames _names;
    private readonly List<FatCheckedDirectory> _children = [];
    private FatSlotAudit _reader = new();
    private int _slots;
    private int _behindEnd;
    private bool _ended;

    public FatCheckerEntries(FatCheckedDirectory directory, FatGeometry geometry, FatCheckerChains chains, CheckReport report, CodePage codePage)
    {
        _directory = directory;
        _geometry = geometry;
        _chains = chains;
        _report = report;
        _names = new FatCheckerNames(directory, report, codePage);
    }

    /// <summary>Directories found that have clusters of their own.</summary>
    public IReadOnlyList<FatCheckedDirectory> Children => _children;

    /// <summary>Files and directories, without "." and "..".</summary>
    public int Count { get; private set; }

    /// <summary>The first label entry, how many there are, and where the first is.</summary>
    public (byte[]? First, int Count, long Offset) Label { get; private set; }

    public void Next(ReadOnlySpan<byte> slot, long offset)
    {
        _slots++;
        if (_slots == MaxSlots + 1)
            _report.Add("FAT-0149", Severity.Error, "Directory " + _directory.Path, offset, $"has more than {MaxSlots} slots, which is the most that a directory may have");
        if (_ended)
        {
            // By the specification nothing counts here; Linux reads it all the same, so the two see different directories.
            if (slot[0] is not (FatShortSlot.End or FatShortSlot.Removed) && _behindEnd++ == 0)
                _report.Add("FAT-0148", Severity.Warning, "Directory " + _directory.Path, offset, "has entries behind the slot that ends it");
            return;
        }
        var kind = _reader.Next(slot);
        var index = _slots - 1;
        if (!_directory.IsRoot && index < 2)
            CheckDotSlot(slot, kind, index, offset);
        switch (kind)
        {
            case FatSlotKind.End:
                _names.ReportFaults(_reader.Faults, null, offset);
                _ended = true;
                break;
            case FatSlotKind.Removed:
                _names.ReportFaults(_reader.Faults, null, offset);
                break;
            case FatSlotKind.Label:
                _names.ReportFaults(_reader.Faults, null, offset);
                CheckLabel(slot, offset);
                break;
            case FatSlotKind.Entry:
                CheckEntry(slot, index, offset);
                break;
        }
    }

    /// <summary>All slots have been given.</summary>
    public void Finish()
    {
        if (!_ended)
            _names.ReportFaults(_reader.Finish(), null, null);
        if (!_directory.IsRoot && _slots == 0)
            _report.Add("FAT-0142", Severity.Error, "Directory " + _directory.Path, null, "has no clusters of its own, so no \".\" entry");
    }

    private void CheckEntry(ReadOnlySpan<byte> slot, int index, long offset)
    {
        ref readonly var entry = ref OnDisk.View<FatShortSlot>(slot);
        if (IsDot(slot) || IsDotDot(slot))
        {
            _names.ReportFaults(_reader.Faults, null, offset);
            if (_directory.IsRoot || index != (IsDot(slot) ? 0 : 1))
                _report.Add("FAT-0146", Severity.Error, "Directory " + _directory.Path, offset, $"has a \"{(IsDot(slot) ? "." : "..")}\" entry where none belongs");
            return;
        }
        Count++;
        var name = _names.Check(slot, ref _reader, offset);
        var isDirectory = (entry.Attributes & (byte)DosAttributes.Directory) != 0;
        var kind = isDirectory ? "Directory " : "File ";
        string Who() => kind + _directory.Path + name;
        CheckReserved(in entry, _reader.HasLongName, Who, offset);
        CheckTimes(in entry, Who, offset);

        uint length = entry.Length;
        var start = FirstCluster(in entry);
        if (isDirectory)
            CheckDirectory(name, start, length, Who, offset);
        else
            CheckFile(start, length, Who, offset);
    }

    private void CheckDirectory(string name, uint start, uint length, Func<string> who, long offset)
    {
        if (length != 0)
            _report.Add("FAT-0140", Severity.Warning, who(), offset + 0x1C, $"has a size of {length}, expected 0");
        if (start == 0)
        {
            _report.Add("FAT-0141", Severity.Error, who(), offset + 0x1A, "has no clusters: a directory needs one for its own two entries");
            return;
        }
        if (_directory.IsOrLiesBelow(start))
        {
            _report.Add("FAT-0147", Severity.Error, who(), offset + 0x1A, $"starts at cluster {start}, which is that of a directory above it");
            return;
        }
        var clusters = _chains.Claim(start, who, offset + 0x1A);
        if (clusters > 0)
            _children.Add(new FatCheckedDirectory(_directory, name, start, clusters));
    }

    private void CheckFile(uint start, uint length, Func<string> who, long offset)
    {
        var needed = ((long)length + _geometry.ClusterSize - 1) / _geometry.ClusterSize;
        if (start == 0)
        {
            if (needed > 0)
                _report.Add("FAT-0127", Severity.Error, who(), offset + 0x1C, $"has {length} bytes, but no clusters");
            return;
        }
        var before = _report.Total;
        var clusters = _chains.Claim(start, who, offset + 0x1A);
        if (length == 0)
            _report.Add("FAT-0128", Severity.Error, who(), offset + 0x1A, $"is empty, but has {clusters} clusters from {start} on");
        else if (clusters > needed)
            _report.Add("FAT-0126", Severity.Error, who(), offset + 0x1C, $"has {length} bytes, which take {needed} clusters, but a chain of {clusters}");
        else if (clusters < needed && _report.Total == before)
            _report.Add("FAT-0127", Severity.Error, who(), offset + 0x1C, $"has {length} bytes, which take {needed} clusters, but a chain of {clusters}");
    }

    // The first slot is "." and points to the directory itself, the second ".." and to the parent: 0 when that is the root.
    private void CheckDotSlot(ReadOnlySpan<byte> slot, FatSlotKind kind, int index, long offset)
    {
        var name = index == 0 ? "." : "..";
        var there = kind == FatSlotKind.Entry && (index == 0 ? IsDot(slot) : IsDotDot(slot));
        ref readonly var entry = ref OnDisk.View<FatShortSlot>(slot);
        if (!there || (entry.Attributes & (byte)DosAttributes.Directory) == 0)
        {
            _report.Add(index == 0 ? "FAT-0142" : "FAT-0143", Severity.Error, "Directory " + _directory.Path, offset, there ? $"\"{name}\" is not marked as a directory" : $"expected \"{name}\" in slot {index}");
            return;
        }
        var expected = index == 0 ? _directory.FirstCluster : _directory.Parent!.IsRoot ? 0 : _directory.Parent.FirstCluster;
        var target = FirstCluster(in entry);
        CheckReserved(in entry, false, () => "Directory " + _directory.Path + name, offset);
        if (target != expected)
            _report.Add(index == 0 ? "FAT-0144" : "FAT-0145", Severity.Error, "Directory " + _directory.Path, offset + 0x1A, $"\"{name}\" points to cluster {target}, expected {expected}");
        if (entry.Length != 0)
            _report.Add("FAT-0140", Severity.Note, "Directory " + _directory.Path + name, offset + 0x1C, $"has a size of {(uint)entry.Length}, expected 0");
    }

    private void CheckLabel(ReadOnlySpan<byte> slot, long offset)
    {
        if (!_directory.IsRoot)
        {
            _report.Add("FAT-0180", Severity.Warning, "Directory " + _directory.Path, offset, "has a volume label; only the root may have one");
            return;
        }
        Label = Label.Count == 0 ? (slot[..FatShortNames.Length].ToArray(), 1, offset) : Label with { Count = Label.Count + 1 };
        ref readonly var entry = ref OnDisk.View<FatShortSlot>(slot);
        var cluster = FirstCluster(in entry);
        if (entry.Length != 0 || cluster != 0)
            _report.Add("FAT-0186", Severity.Warning, "Label", offset, $"has a size of {(uint)entry.Length} and cluster {cluster}, expected 0 and 0");
    }

    private void CheckReserved(in FatShortSlot entry, bool hasLongName, Func<string> who, long offset)
    {
        // Without a long name, an entry whose short one is a dummy has none. 0x01 and 0x02 are Windows 10's marks of encrypted files.
        var flags = (byte)entry.Case;
        if (entry.Case.HasFlag(FatCaseFlags.NoShortName) && !hasLongName)
            _report.Add("FAT-0169", Severity.Warning, who(), offset + 0x0C, $"is marked as having no short name: found 0x{flags:X2}");
        else if ((entry.Attributes & 0xC0) != 0 || (flags & 0xE4) != 0)
            _report.Add("FAT-0169", Severity.Note, who(), offset + 0x0B, $"has reserved bits set: attributes 0x{entry.Attributes:X2}, case 0x{flags:X2}");
    }

    // The upper half means something on FAT32 only; OS/2 and others keep other things there. All of its bits count here.
    private uint FirstCluster(in FatShortSlot entry) =>
        entry.ClusterLow | (_geometry.Width == FatWidth.Fat32 ? (uint)entry.ClusterHigh << 16 : 0);

    private void CheckTimes(in FatShortSlot entry, Func<string> who, long offset)
    {
        if (!IsPossible(entry.ModifiedDate, entry.ModifiedTime) || !IsPossible(entry.CreatedDate, entry.CreatedTime) || !IsPossible(entry.AccessedDate, 0) || entry.CreatedTenMs > 199)
            _report.Add("FAT-0170", Severity.Note, who(), offset + 0x0D, "has a date or time that does not exist");
    }

    private static bool IsPossible(ushort date, ushort time)
    {
        // 0 stands for "none".
        if (date == 0)
            return true;
        int month = (date >> 5) & 15, day = date & 31;
        return month is >= 1 and <= 12 && day >= 1 && day <= DateTime.DaysInMonth(1980 + (date >> 9), month)
            && time >> 11 <= 23 && ((time >> 5) & 63) <= 59 && (time & 31) <= 29;
    }

    private static bool IsDot(ReadOnlySpan<byte> slot) => slot[..FatShortNames.Length].SequenceEqual(".          "u8);

    private static bool IsDotDot(ReadOnlySpan<byte> slot) => slot[..FatShortNames.Length].SequenceEqual("..         "u8);
}
