using Platter.Blocks;

namespace Platter.Partitions;

/// <summary>Checks a disk's partition table, changing nothing.</summary>
public static class PartitionChecker
{
    /// <summary>Collects everything that is wrong with the table; the codes are listed in <c>docs/findings.md</c>. A disk without a table gives no finding.</summary>
    public static CheckReport Check(BlockDevice disk) 
    {
        var log = new FindingLog(throws: false);
        PartitionTable.Read(disk, log);
        return log.Report;
    }
}
