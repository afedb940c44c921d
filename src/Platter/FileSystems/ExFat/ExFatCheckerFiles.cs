using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>The rules for a file's or directory's set of entries.</summary>
internal sealed class ExFatCheckerFiles(ExFatCheckedDirectory directory, ExFatGeometry geometry, ExFatCheckerChains chains, ExFatUpcase upcase, CheckReport report)
{
    // Read-only, hidden, system, directory, archive; bit 3 and the upper byte are reserved.
    private const int KnownAttributes = 0x37;

    private readonly ExFatCheckerNames _names = new(directory, upcase, report);
    private readonly List<ExFatCheckedDirectory> _children = [];

    public IReadOnlyList<ExFatCheckedDirectory> Children => _children;

    public void Check(ExFatSetAudit set, long offset)
    {
        var name = set.DecodeName();
        var prefix = set.IsDirectory ? "Directory " : "File ";
        string Who() => prefix + directory.Path + (name.Length == 0 ? "?" : name);
        if (!set.HasRightChecksum)
            report.Add("EXF-0090", Severity.Error, Who(), offset + 2, $"the checksum of its {set.Count} entries is {ExFatChecksums.EntrySet(set.Entries):X4}, expected {(ushort)set.File.SetChecksum:X4}");
        if (set.Count - 1 < ExFatSetAudit.MinSecondaryCount)
        {
            report.Add("EXF-0091", Severity.Error, Who(), offset + 1, $"has {set.Count - 1} secondary entries, expected at least {ExFatSetAudit.MinSecondaryCount}");
            return;
        }
        if (!set.HasStream)
        {
            report.Add("EXF-0093", Severity.Error, Who(), offset + ExFatEntryType.Size, $"its second entry has the type {set.TypeOf(1):X2}, expected a stream ({ExFatEntryType.Stream:X2})");
            return;
        }
        var names = _names.Check(set, Who, offset);
        for (var i = 2 + names; i < set.Count; i++)
            CheckBenign(set, i, Who, offset + i * ExFatEntryType.Size);
        CheckTimes(in set.File, Who, offset);
        if ((set.File.Attributes & ~KnownAttributes) != 0)
            report.Add("EXF-0108", Severity.Note, Who(), offset + 4, $"has reserved attribute bits set: {(ushort)set.File.Attributes:X4}");
        CheckStream(in set.Stream, set.IsDirectory, name, Who, offset + ExFatEntryType.Size);
    }

    private void CheckStream(in ExFatStreamEntry stream, bool isDirectory, string name, Func<string> who, long offset)
    {
        ulong length = stream.DataLength, valid = stream.ValidDataLength;
        var contiguous = stream.Flags.HasFlag(ExFatSecondaryFlags.NoFatChain);
        if (!stream.Flags.HasFlag(ExFatSecondaryFlags.AllocationPossible))
            report.Add("EXF-0104", Severity.Warning, who(), offset + 1, "its stream says that it can have no clusters (AllocationPossible is not set)");
        if (valid > length)
            report.Add("EXF-0102", Severity.Error, who(), offset + 8, $"its valid data length is {valid}, expected at most its length of {length}");
        if (contiguous && (length == 0 || stream.FirstCluster == 0))
            report.Add("EXF-0103", Severity.Warning, who(), offset + 1, "is empty, but marked as lying in one piece (NoFatChain)");
        if (isDirectory)
            CheckDirectoryLength(length, valid, who, offset);
        var clusters = 0u;
        if (length > (ulong)geometry.ClusterCount << geometry.ClusterShift)
            report.Add("EXF-0105", Severity.Error, who(), offset + 0x18, $"has {length} bytes, more than the {(ulong)geometry.ClusterCount << geometry.ClusterShift} of all clusters");
        clusters = chains.ClaimExactly(new ExFatAllocation(stream.FirstCluster, length, contiguous, offset + 0x14), who);
        if (isDirectory && clusters > 0)
            _children.Add(new ExFatCheckedDirectory(directory, name.Length == 0 ? "?" : name, new ExFatClaimed(stream.FirstCluster, clusters, contiguous)));
    }

    private void CheckDirectoryLength(ulong length, ulong valid, Func<string> who, long offset)
    {
        if (length == 0)
            report.Add("EXF-0088", Severity.Note, who(), offset + 0x18, "has no clusters; drivers write one at least");
        if (length % (uint)geometry.ClusterSize != 0)
            report.Add("EXF-0086", Severity.Error, who(), offset + 0x18, $"has {length} bytes, expected whole clusters of {geometry.ClusterSize}");
        if (valid < length)
            report.Add("EXF-0087", Severity.Warning, who(), offset + 8, $"its valid data length is {valid}, expected its length of {length}");
    }

    // What stands behind the names. A second run of names belongs to no name at all.
    private void CheckBenign(ExFatSetAudit set, int index, Func<string> who, long offset)
    {
        var type = set.TypeOf(index);
        ref readonly var entry = ref set.Secondary(index);
        if (!ExFatEntryType.IsBenign(type))
        {
            report.Add("EXF-0095", Severity.Error, who(), offset, $"has a critical entry of type {type:X2} where only benign ones may stand");
            return;
        }
        var hasClusters = entry.Flags.HasFlag(ExFatSecondaryFlags.AllocationPossible);
        if (type is ExFatEntryType.VendorExtension or ExFatEntryType.VendorAllocation && (Guid)OnDisk.View<ExFatVendorExtensionEntry>(OnDisk.Bytes(in entry)).Vendor == Guid.Empty)
            report.Add("EXF-0109", Severity.Note, who(), offset + 2, "has a vendor entry whose vendor is all zeros");
        if (type > ExFatEntryType.VendorAllocation)
            report.Add("EXF-0082", Severity.Note, who(), offset, $"has a benign entry of the unknown type {type:X2}");
        if (hasClusters && type != ExFatEntryType.VendorExtension)
            chains.ClaimExactly(new ExFatAllocation(entry.FirstCluster, entry.DataLength, entry.Flags.HasFlag(ExFatSecondaryFlags.NoFatChain), offset + 0x14), () => who() + $", entry {type:X2}");
    }

    private void CheckTimes(in ExFatFileEntry file, Func<string> who, long offset)
    {
        if (!IsPossible(file.Created) || !IsPossible(file.Modified) || !IsPossible(file.Accessed) || file.CreatedTenMs > 199 || file.ModifiedTenMs > 199)
            report.Add("EXF-0106", Severity.Note, who(), offset + 8, "has a date or time that does not exist");
    }

    // 0 is no date, but what some drivers write for one they don't know.
    private static bool IsPossible(uint stamp)
    {
        int year = 1980 + (int)(stamp >> 25), month = (int)(stamp >> 21) & 15, day = (int)(stamp >> 16) & 31;
        return stamp == 0 || (month is >= 1 and <= 12 && day >= 1 && day <= DateTime.DaysInMonth(year, month)
            && (stamp >> 11 & 31) <= 23 && (stamp >> 5 & 63) <= 59 && (stamp & 31) <= 29);
    }
}
