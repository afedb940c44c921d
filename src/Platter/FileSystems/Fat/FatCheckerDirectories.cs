using Platter.Blocks;
using Platter.FileSystems.Clusters;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>Walks every directory, from the root down, without recursion: slots, names, entries and the chains they start.</summary>
/// <remarks>A directory is walked over the clusters that its own chain took and no others, so no damage can lead in a circle.</remarks>
internal sealed class FatCheckerDirectories
{
    private readonly BlockDevice _device;
    private readonly FatGeometry _geometry;
    private readonly FatTable _table;
    private readonly FatCheckerChains _chains;
    private readonly CheckReport _report;
    private readonly CheckOptions _options;
    private readonly CodePage _codePage;
    private readonly Stack<FatCheckedDirectory> _pending = [];
    private readonly byte[] _cluster;
    private long _entries;

    public FatCheckerDirectories(BlockDevice device, FatGeometry geometry, FatTable table, FatCheckerChains chains, CheckReport report, CheckOptions options)
    {
        _device = device;
        _geometry = geometry;
        _table = table;
        _chains = chains;
        _report = report;
        _options = options;
        _codePage = CodePage.Get(options.Volume.OemCodePage);
        _cluster = new byte[Math.Max(geometry.ClusterSize, 4096)];
    }

    /// <summary>The 11 bytes of the label entries in the root: the first, and how many.</summary>
    public (byte[]? First, int Count, long Offset) RootLabel { get; private set; }

    public void Walk()
    {
        var clusters = _geometry.RootCluster == 0 ? 0 : _chains.Claim(_geometry.RootCluster, () => "Directory /", 0x2C);
        _pending.Push(new FatCheckedDirectory(null, "", _geometry.RootCluster, clusters));
        while (_pending.TryPop(out var directory))
        {
            _options.Cancellation.ThrowIfCancellationRequested();
            if (_options.Progress is { } progress && (_entries & 0x3F) == 0)
                progress.Report(new WorkProgress("checking directories", 0, null, _entries, null, directory.Path));
            WalkOne(directory);
        }
    }

    private void WalkOne(FatCheckedDirectory directory)
    {
        var entries = new FatCheckerEntries(directory, _geometry, _chains, _report, _codePage);
        if (directory.IsRoot && _geometry.RootCluster == 0)
        {
            for (var at = 0; at < _geometry.RootLength; at += _cluster.Length)
                Feed(entries, _geometry.RootOffset + at, Math.Min(_cluster.Length, _geometry.RootLength - at));
        }
        else
        {
            var cluster = directory.FirstCluster;
            for (var left = directory.Clusters; left > 0; left--)
            {
                Feed(entries, _geometry.ClusterOffset(cluster), _geometry.ClusterSize);
                cluster = _table[cluster];
            }
        }
        entries.Finish();
        _entries += entries.Count;
        if (directory.IsRoot)
            RootLabel = entries.Label;
        foreach (var child in entries.Children)
            _pending.Push(child);
    }

    private void Feed(FatCheckerEntries entries, long offset, int length)
    {
        // The last cluster of a volume that is longer than its device: what is missing reads as nothing.
        var there = (int)Math.Clamp(_device.Length - offset, 0, length);
        if (there > 0)
            _device.Read(offset, _cluster.AsSpan(0, there));
        _cluster.AsSpan(there, length - there).Clear();
        for (var at = 0; at < length; at += FatShortSlot.Size)
            entries.Next(_cluster.AsSpan(at, FatShortSlot.Size), offset + at);
    }
}

/// <summary>A directory that the checker has found: where it hangs and which clusters are its own.</summary>
/// <param name="Parent">Null for the root.</param>
/// <param name="Name">Empty for the root.</param>
/// <param name="FirstCluster">0 for the fixed root.</param>
/// <param name="Clusters">How many of its chain are its own.</param>
internal sealed record FatCheckedDirectory(FatCheckedDirectory? Parent, string Name, uint FirstCluster, uint Clusters) : CheckedDirectory<FatCheckedDirectory>(Parent, Name)
{
    /// <summary>Whether a cluster starts this directory or one above it.</summary>
    public bool IsOrLiesBelow(uint cluster)
    {
        for (var at = this; at is not null; at = at.Parent)
        {
            if (at.FirstCluster == cluster)
                return true;
        }
        return false;
    }
}
