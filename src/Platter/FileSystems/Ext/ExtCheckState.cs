using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>What the parts of a check share: the volume's structures, what has been found in use, and the report.</summary>
internal sealed class ExtCheckState
{
    public ExtCheckState(ExtJournalState journal, CheckReport report, CheckOptions options)
    {
        Geometry = journal.Geometry;
        Report = report;
        Options = options;
        WasReplayed = journal.Replay is not null;
        Blocks = new ExtBlocks(journal.Device, Geometry);
        Checksums = new ExtChecksums(Geometry);
        Groups = new ExtGroups(Geometry, Blocks, Checksums);
        Inodes = new ExtInodeTable(Geometry, Blocks, Groups, Checksums);
        Used = new ExtClusterSet(Geometry);
        Facts = new ExtInodeFacts(Geometry);

        // A volume that is larger than its device is checked as far as it is there.
        var there = Math.Max(0, (journal.Device.Length >> Geometry.LogBlockSize) - Geometry.FirstDataBlock);
        GroupCount = Math.Min(Geometry.GroupCount, (there + Geometry.BlocksPerGroup - 1) / Geometry.BlocksPerGroup);
    }

    public ExtGeometry Geometry { get; }
    public CheckReport Report { get; }
    public CheckOptions Options { get; }
    public ExtBlocks Blocks { get; }
    public ExtChecksums Checksums { get; }
    public ExtGroups Groups { get; }
    public ExtInodeTable Inodes { get; }

    /// <summary>Groups that start within the device.</summary>
    public long GroupCount { get; }

    /// <summary>The clusters that structures and files were found to use.</summary>
    public ExtClusterSet Used { get; }

    public ExtInodeFacts Facts { get; }

    /// <summary>Directories, in the order of their numbers.</summary>
    public List<uint> Directories { get; } = [];

    /// <summary>Whether the journal has been replayed: the counts in the superblock are then old, and that is usual.</summary>
    public bool WasReplayed { get; }

    /// <summary>Whether something in use may have been overlooked (a broken map, a group that cannot be read), so that bitmaps are not compared bit by bit.</summary>
    public bool IsIncomplete { get; set; }

    public void Error(string code, string structure, long? offset, string message) => Report.Add(code, Severity.Error, structure, offset is < 0 ? null : offset, message);

    public void Warning(string code, string structure, long? offset, string message) => Report.Add(code, Severity.Warning, structure, offset is < 0 ? null : offset, message);

    /// <summary>Reports what reading met.</summary>
    public void Error(DiskFormatException e)
    {
        IsIncomplete = true;
        Error(e.Code, e.Structure, e.Offset, e.Problem);
    }

    public void Progress(string what, long done, long total)
    {
        Options.Cancellation.ThrowIfCancellationRequested();
        if ((done & 0xFF) == 0)
            Options.Progress?.Report(new WorkProgress(what, done, total, done, total, null));
    }
}

/// <summary>A set of clusters, by the blocks in them; bitmaps are made for the groups that have any.</summary>
internal sealed class ExtClusterSet(ExtGeometry geometry)
{
    private readonly Dictionary<long, Bitmap> _groups = [];

    /// <summary>The blocks that were added more than once.</summary>
    public RangeSet Shared { get; } = new();

    /// <summary>Adds a run of blocks within the volume, and takes what was there before for shared.</summary>
    /// <returns>False when some of them were there before.</returns>
    public bool Add(long block, long count)
    {
        var isNew = true;
        foreach (var (group, run) in Parts(block, count))
        {
            var bitmap = Of(group);
            for (var at = run.Start; at < run.End && (at = bitmap.NextSet(at, run.End)) >= 0;)
            {
                isNew = false;
                var clear = bitmap.NextClear(at, run.End);
                var end = clear < 0 ? run.End : clear;
                Shared.Add(geometry.GroupStart(group) + at * geometry.ClusterRatio, (end - at) * geometry.ClusterRatio);
                at = end;
            }
            bitmap.Fill(run.Start, run.Length, true);
        }
        return isNew;
    }

    /// <summary>Adds a run of blocks within the volume, whether they were there before or not.</summary>
    public void Include(long block, long count)
    {
        foreach (var (group, run) in Parts(block, count))
            Of(group).Fill(run.Start, run.Length, true);
    }

    public bool Contains(long block)
    {
        var group = geometry.GroupOf(block);
        return _groups.TryGetValue(group, out var bitmap) && bitmap[(block - geometry.GroupStart(group)) / geometry.ClusterRatio];
    }

    /// <summary>A group's clusters.</summary>
    public Bitmap Of(long group)
    {
        if (!_groups.TryGetValue(group, out var bitmap))
            _groups[group] = bitmap = new Bitmap(geometry.ClustersIn(group));
        return bitmap;
    }

    // A run of blocks as clusters of groups.
    private IEnumerable<(long Group, LongRange Clusters)> Parts(long block, long count)
    {
        for (var end = block + count; block < end;)
        {
            var group = geometry.GroupOf(block);
            var start = geometry.GroupStart(group);
            var part = Math.Min(end, start + geometry.BlocksPerGroup) - block;
            var first = (block - start) / geometry.ClusterRatio;
            yield return (group, new LongRange(first, (block + part - 1 - start) / geometry.ClusterRatio + 1 - first));
            block += part;
        }
    }
}

/// <summary>What was found of one inode.</summary>
internal struct ExtInodeFact
{
    public ushort Mode;
    public ushort Links;

    /// <summary>Names that lead to it, "." and ".." included.</summary>
    public uint Names;

    /// <summary>Of a directory: the directory that names it; 0 while none was found.</summary>
    public uint Parent;

    /// <summary>Of a directory: where ".." leads.</summary>
    public uint DotDot;

    public bool IsUsed;

    /// <summary>Holds the value of an attribute; <see cref="Names"/> counts the attributes.</summary>
    public bool IsValue;

    public bool IsEncrypted;

    public readonly bool IsDirectory => (Mode & 0xF000) == 0x4000;
}

/// <summary>The facts of all inodes; room is made for the groups that have any in use.</summary>
internal sealed class ExtInodeFacts(ExtGeometry geometry)
{
    private readonly Dictionary<long, ExtInodeFact[]> _groups = [];

    /// <summary>The facts of an inode in the volume.</summary>
    public ref ExtInodeFact this[uint number]
    {
        get
        {
            var group = (number - 1) / geometry.InodesPerGroup;
            if (!_groups.TryGetValue(group, out var facts))
                _groups[group] = facts = new ExtInodeFact[geometry.InodesPerGroup];
            return ref facts[(number - 1) % geometry.InodesPerGroup];
        }
    }

    /// <summary>Whether an inode is in use; makes no room.</summary>
    public bool IsUsed(uint number) =>
        _groups.TryGetValue((number - 1) / geometry.InodesPerGroup, out var facts) && facts[(number - 1) % geometry.InodesPerGroup].IsUsed;

    /// <summary>A group's facts; null when none of its inodes is in use.</summary>
    public ExtInodeFact[]? Of(long group) => _groups.GetValueOrDefault(group);
}
