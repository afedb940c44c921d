namespace Platter.Images.Qcow2;

/// <summary>What entries of the tables must be like; said once, for reading (which stops at the first breach) and for the checker.</summary>
internal static class Qcow2Rules
{
    /// <summary>A broken rule: its code, and what was found and expected.</summary>
    internal readonly record struct Breach(string Code, string Problem);

    internal const ulong L1ReservedBits = 0x7F00_0000_0000_01FF;

    /// <summary>What is wrong with an L1 entry; null when it leads to a table within the file, or nowhere.</summary>
    internal static Breach? L1Problem(ulong entry, int clusterSize, long fileLength)
    {
        var offset = (long)(entry & L2Entry.OffsetMask);
        if ((offset & (clusterSize - 1)) != 0)
            return new("QCOW-0020", $"found an L2 table at 0x{offset:X}, expected a multiple of {clusterSize}");
        return offset != 0 && offset > fileLength - clusterSize
            ? new("QCOW-0021", $"found an L2 table at 0x{offset:X}, but the file ends at 0x{fileLength:X}")
            : null;
    }

    /// <summary>What is wrong with an L2 entry.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="geometry">The image's.</param>
    /// <param name="dataLength">Bytes of the file that data lies in.</param>
    internal static Breach? L2Problem(L2Entry entry, Qcow2Geometry geometry, long dataLength)
    {
        if (entry.IsCompressed)
            return CompressedProblem(entry, geometry, dataLength);
        if ((entry.Offset & (geometry.ClusterSize - 1)) != 0)
            return new("QCOW-0022", $"found a cluster at 0x{entry.Offset:X}, expected a multiple of {geometry.ClusterSize}");
        // A last cluster that was never written to its end may lie partly behind the end of the file.
        var needsBytes = geometry.HasExtendedL2 ? (entry.Subclusters & L2Entry.AllAllocated) != 0 : !entry.HasZeroFlag;
        if (entry.Offset != 0 && entry.Offset >= dataLength && needsBytes)
            return new("QCOW-0023", $"found a cluster at 0x{entry.Offset:X}, but the file ends at 0x{dataLength:X}");
        if (geometry.HasExtendedL2)
        {
            if (((entry.Subclusters >> 32) & entry.Subclusters) != 0)
                return new("QCOW-0026", $"found subclusters 0x{entry.Subclusters:X16}, some allocated and zero at once");
            if (entry.Offset == 0 && (entry.Subclusters & L2Entry.AllAllocated) != 0 && !(geometry.HasDataFile && entry.IsCopied))
                return new("QCOW-0026", $"found subclusters 0x{entry.Subclusters:X16} allocated in a cluster that is not");
        }
        else if (entry.HasZeroFlag && geometry.Version < 3)
        {
            return new("QCOW-0027", "found the zero flag, which version 2 does not have");
        }
        return null;
    }

    private static Breach? CompressedProblem(L2Entry entry, Qcow2Geometry geometry, long fileLength)
    {
        if (geometry.HasDataFile)
            return new("QCOW-0024", "found a compressed cluster, expected none in an image with an external data file");
        var (offset, length) = entry.CompressedRange(geometry.ClusterBits);
        // The last sector need not be whole in the file.
        if (offset >= fileLength || offset < geometry.ClusterSize)
            return new("QCOW-0024", $"found {length} compressed bytes at 0x{offset:X}, but the file ends at 0x{fileLength:X}");
        return geometry.HasExtendedL2 && entry.Subclusters != 0
            ? new("QCOW-0026", $"found subclusters 0x{entry.Subclusters:X16} of a compressed cluster, expected 0")
            : null;
    }
}
