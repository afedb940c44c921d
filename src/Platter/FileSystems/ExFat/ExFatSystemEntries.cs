using Platter.Blocks;
using Platter.FileSystems.Clusters;
using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>What the root says of the volume's own structures: where bitmap and up-case table lie.</summary>
/// <remarks>Read until all is found; they are the first entries on every volume in the wild. Without one of them files can still be read, but
/// nothing changed.</remarks>
internal sealed class ExFatSystemEntries
{
    private readonly ExFatGeometry _geometry;
    private readonly ExFatTable _table;
    private readonly DiskFormatException? _bitmapProblem;

    /// <param name="device">The volume.</param>
    /// <param name="geometry">Its layout.</param>
    /// <param name="table">Its FAT.</param>
    /// <param name="root">Its root directory.</param>
    public ExFatSystemEntries(BlockDevice device, ExFatGeometry geometry, ExFatTable table, ExFatDirectory root)
    {
        _geometry = geometry;
        _table = table;
        try
        {
            Bitmap = new ExFatBitmap(device, geometry, FindBitmap(root));
        }
        catch (DiskFormatException e)
        {
            _bitmapProblem = e;
        }
        try
        {
            (Upcase, UpcaseChecksum) = LoadUpcase(device, root);
        }
        catch (DiskFormatException e)
        {
            (Upcase, UpcaseProblem) = (ExFatUpcase.Standard, e);
        }
    }

    /// <summary>The bitmap that belongs to the FAT in use; null when there is none.</summary>
    public ExFatBitmap? Bitmap { get; }

    /// <summary>The volume's up-case table, or the standard one in the place of one that cannot be used.</summary>
    public ExFatUpcase Upcase { get; }

    public uint UpcaseChecksum { get; }

    public DiskFormatException? UpcaseProblem { get; }

    /// <exception cref="DiskFormatException">The volume has none.</exception>
    public ExFatBitmap RequireBitmap() => Bitmap ?? throw _bitmapProblem!;

    private ClusterChain FindBitmap(ExFatDirectory root)
    {
        for (var slot = root.Find(ExFatEntryType.Bitmap); slot >= 0; slot = root.Find(ExFatEntryType.Bitmap, slot + 1))
        {
            ref readonly var entry = ref OnDisk.View<ExFatBitmapEntry>(root.Entry(slot));
            if ((entry.Flags & ExFatBitmapEntry.SecondBitmap) != _geometry.ActiveFat)
                continue;
            if (entry.DataLength < (ulong)_geometry.BitmapLength)
                throw new DiskFormatException("EXF-0037", "AllocationBitmap.dataLength", -1, $"found {(ulong)entry.DataLength}, expected {_geometry.BitmapLength}: a bit for each cluster");
            return entry.FirstCluster != 0 ? new ClusterChain(_table, entry.FirstCluster) : throw _table.StartsOutside(0, 1);
        }
        throw new DiskFormatException("EXF-0035", "RootDirectory", _geometry.ClusterOffset(_geometry.RootCluster), "has no entry for an allocation bitmap");
    }

    private (ExFatUpcase, uint) LoadUpcase(BlockDevice device, ExFatDirectory root)
    {
        var slot = root.Find(ExFatEntryType.Upcase);
        if (slot < 0)
            throw new DiskFormatException("EXF-0040", "RootDirectory", _geometry.ClusterOffset(_geometry.RootCluster), "has no entry for an up-case table");
        var entry = OnDisk.View<ExFatUpcaseEntry>(root.Entry(slot));
        uint first = entry.FirstCluster, checksum = entry.TableChecksum;
        if (!_geometry.IsCluster(first))
            throw _table.StartsOutside(first, 1);
        var offset = _geometry.ClusterOffset(first);
        if (entry.DataLength > ExFatUpcase.MaxLength)
            return (ExFatUpcase.Load([], checksum, offset), checksum);      // throws: that is no length of a table
        var bytes = new byte[(int)(ulong)entry.DataLength];
        var chain = new ClusterChain(_table, first);
        for (var at = 0; at < bytes.Length;)
        {
            if (!chain.TryLocate((uint)(at / _geometry.ClusterSize), out var run))
                throw new DiskFormatException("EXF-0068", "UpcaseTable", offset, $"its chain ends after {chain.CountAll()} clusters, {bytes.Length} bytes need {_geometry.ClustersFor((ulong)bytes.Length)}");
            var part = bytes.AsSpan(at, (int)Math.Min(bytes.Length - at, run.Count * (long)_geometry.ClusterSize));
            var from = _geometry.ClusterOffset(run.First);
            if (from + part.Length > device.Length)
                throw new DiskFormatException("EXF-0074", "UpcaseTable", from, $"lies behind the end of the device ({device.Length} bytes): the image is cut short");
            device.Read(from, part);
            at += part.Length;
        }
        return (ExFatUpcase.Load(bytes, checksum, offset), checksum);
    }
}
