using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Swap;
using Platter.Partitions;
using Platter.Trees.Specs;
using Platter.Trees.Toml;

namespace Platter.Trees.Building;

/// <summary>What goes into a partition.</summary>
internal abstract class PartitionFilling : IDisposable
{
    /// <summary>Bytes that it needs, for a partition that is to fit it; null when it fits any.</summary>
    public virtual long? FittingLength => null;

    /// <summary>Makes <see cref="FittingLength"/> larger, since it was not enough.</summary>
    /// <returns>False when it cannot have been too small.</returns>
    public virtual bool TryGrow() => false;

    /// <summary>Writes it.</summary>
    /// <param name="partition">The entry.</param>
    /// <param name="device">Its bytes, zeros.</param>
    /// <param name="filled">Where to add what was made.</param>
    /// <param name="options">How.</param>
    public abstract void Fill(Partition partition, BlockDevice device, FilledPartitions filled, BuildOptions options);

    public virtual void Dispose()
    {
    }
}

/// <summary>What was put into the partitions so far.</summary>
internal sealed record FilledPartitions(List<BuiltVolume> Volumes, List<BuiltBlob> Blobs);

/// <summary>A filesystem, with files in it or empty.</summary>
internal sealed class FileSystemFilling : PartitionFilling
{
    private readonly FileSystemSpec _spec;
    private readonly FileSystemType _type;
    private readonly FormatOptions _format;
    private readonly TreeSource? _source;
    private FittingLength? _fit;
    private long? _entries;

    /// <param name="spec">The filesystem.</param>
    /// <param name="format">How to format it.</param>
    /// <param name="source">What is in it, null for nothing; disposed together with this.</param>
    public FileSystemFilling(FileSystemSpec spec, FormatOptions format, TreeSource? source)
    {
        _spec = spec;
        _type = DiskBuilder.FindType(spec);
        _format = format;
        _source = source;
    }

    public override long? FittingLength => _fit?.Length;

    /// <summary>Finds out how long the partition has to be.</summary>
    public void Measure(FreeRoom room, int sectorSize, CancellationToken cancellation)
    {
        _fit = DiskBuilder.At(_spec.OptionsPlace, () => FileSystemBuilder.Estimate(_type, _format, _source, sectorSize, room, cancellation));
        _entries = _fit?.Entries;
    }

    /// <summary>Finds out how many entries are to come, where the length of the partition is given.</summary>
    public void Count(CancellationToken cancellation) => _entries = FileSystemBuilder.CountEntries(_type, _source, cancellation);

    public override bool TryGrow()
    {
        _fit = _fit?.Grown();
        return _fit is not null;
    }

    public override void Fill(Partition partition, BlockDevice device, FilledPartitions filled, BuildOptions options)
    {
        var volume = DiskBuilder.At(_spec.Place, () => VolumeFiller.Fill(device, _type, _format with { PartitionOffset = partition.Start, ExpectedEntries = _entries }, _source, options));
        filled.Volumes.Add((_fit?.Demand(volume) ?? volume) with { Partition = partition });
    }

    public override void Dispose()
    {
        _source?.Dispose();
        base.Dispose();
    }
}

/// <summary>A swap area.</summary>
internal sealed class SwapFilling(FileSystemSpec spec, FormatOptions format) : PartitionFilling
{
    public override void Fill(Partition partition, BlockDevice device, FilledPartitions filled, BuildOptions options) =>
        filled.Volumes.Add(Make(spec.Place, device, format) with { Partition = partition });

    public static BuiltVolume Make(TextPlace place, BlockDevice device, FormatOptions format)
    {
        DiskBuilder.At(place, () =>
        {
            SwapArea.Format(device, format);
            return true;
        });
        var info = SwapArea.TryOpen(device)!.Info;
        return new BuiltVolume { Info = info, Length = device.Length, FreeBytes = info.TotalBytes, Copied = new CopyReport() };
    }
}

/// <summary>The bytes of a host file.</summary>
internal sealed class RawFilling(RawContent content) : PartitionFilling
{
    public override long? FittingLength => content.Length;

    public override void Fill(Partition partition, BlockDevice device, FilledPartitions filled, BuildOptions options)
    {
        if (content.Length > device.Length)
            throw new TomlException(content.Source.Place, $"{content.Source.Path} has {content.Length} bytes, its partition {device.Length}");
        content.WriteTo(device, 0, options);
        filled.Blobs.Add(new BuiltBlob { Source = content.Source.Path, Partition = partition, Offset = partition.Start, Length = content.Length });
    }
}
