using Platter.Blocks;
using Platter.Partitions.OnDisk;

namespace Platter.Partitions;

/// <summary>Carries out edits on one kind of table. One instance does one edit: the editor reads the table anew after each.</summary>
internal abstract class TableWriter(PartitionTable table, PartitionOptions options)
{
    protected PartitionTable Table { get; } = table;
    protected PartitionOptions Options { get; } = options;
    protected BlockDevice Disk => Table.Disk;
    protected int SectorSize => Table.SectorSize;
    protected Placement Placement { get; } = new(table.SectorSize, options);

    /// <summary>Adds a partition; returns where it starts, in bytes.</summary>
    public abstract long Add(NewPartition wish);

    public abstract void Remove(Partition partition);

    /// <param name="partition">The partition as it is.</param>
    /// <param name="length">Bytes, whole sectors.</param>
    public abstract void Resize(Partition partition, long length);

    public abstract void Set(Partition partition, PartitionChange change);

    /// <summary>The table, read back.</summary>
    public abstract PartitionTable Reread();

    public virtual void SetDiskId(Guid id) => throw new UnsupportedFeatureException($"{Article} has no disk GUID");

    public virtual void Repair()
    {
        // MBR and APM have one copy: there is nothing to repair it from.
    }

    public static TableWriter For(PartitionTable table, PartitionOptions options) => table.Layout switch
    {
        GptLayout layout => new GptWriter(table, layout, options),
        MbrLayout layout => new MbrWriter(table, layout, options),
        ApmLayout layout => new ApmWriter(table, layout, options),
        _ => throw new InvalidOperationException(table.Layout.GetType().Name),
    };

    protected byte[] ReadFirstSector()
    {
        var bytes = new byte[MbrSector.Size];
        Disk.Read(0, bytes);
        return bytes;
    }

    protected void RequireScheme(PartitionType type)
    {
        if (type.Scheme != Table.Scheme)
            throw new ArgumentException($"the type {type.Id} is for {type.Scheme.ToString().ToUpperInvariant()} tables, this one is {Table.Scheme.ToString().ToUpperInvariant()}");
    }

    /// <summary>Says what keeps a range from becoming a partition.</summary>
    protected string Conflict(ByteRange wanted) => Conflict(wanted, Table.UsableRange, Table.Partitions.Where(p => !p.IsLogical));

    protected static string Conflict(ByteRange wanted, ByteRange usable, IEnumerable<Partition> others)
    {
        if (wanted.Offset < usable.Offset || wanted.End > usable.End)
            return $"outside of the usable bytes {usable.Offset}..{usable.End}";
        var other = others.FirstOrDefault(p => p.Start < wanted.End && wanted.Offset < p.End);
        return other is null ? "the table itself needs some of them" : $"overlaps partition {other.Number} at bytes {other.Start}..{other.End}";
    }

    private string Article => Table.Scheme == PartitionScheme.Mbr ? "an MBR" : "an Apple partition map";
}
