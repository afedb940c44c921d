using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Swap;
using Platter.Partitions;
using Platter.Trees.Specs;
using Platter.Trees.Toml;

namespace Platter.Trees.Building;

/// <summary>One partition of a disk being built: what goes into its entry, and into it.</summary>
internal sealed class PartitionContent : IDisposable
{
    private readonly DiskSpec _disk;
    private readonly int _index;
    private readonly PartitionFilling? _filling;
    private readonly Guid _uniqueId;
    private readonly PartitionType _partitionType;
    private readonly PartitionFlags _flags;

    public PartitionContent(DiskSpec disk, int index, SpecFolders folders, BuildIds ids, BuildOptions options)
    {
        _disk = disk;
        _index = index;
        _uniqueId = Spec.UniqueId ?? ids.Guid(Name);
        _partitionType = DiskBuilder.At(Spec.TypePlace, () => PartitionType.Parse(Spec.Type, DiskBuilder.Scheme(disk)));
        _flags = Spec.Bootable ? PartitionFlags.Bootable : PartitionFlags.None;
        foreach (var attribute in Spec.Attributes)
            _flags |= DiskBuilder.At(Spec.AttributesPlace, () => PartitionFlagNames.Parse(attribute));
        if (Spec.Content is { } content)
            _filling = new RawFilling(new RawContent(content, folders));
        else if (Spec.FileSystem is { } fileSystem)
            _filling = Open(fileSystem, folders, DiskBuilder.Format(fileSystem, ids, Name + " volume", options), options);
    }

    public PartitionSpec Spec => _disk.Partitions[_index];

    /// <summary>As messages call it, and as its identifiers are derived.</summary>
    public string Name => $"partition {_index + 1}";

    /// <summary>Bytes; null for the rest of the disk.</summary>
    public long? Length => Spec.Size.Rule switch { SizeRule.Fixed => Spec.Size.Bytes, SizeRule.Auto => _filling!.FittingLength, _ => null };

    /// <summary>Makes a partition that is to fit its content larger.</summary>
    /// <returns>False when that is not for the builder to do.</returns>
    public bool TryGrow() => Spec.Size.Rule == SizeRule.Auto && _filling!.TryGrow();

    public void AddTo(PartitionEditor editor, DiskPlan plan)
    {
        var wish = new NewPartition
        {
            Type = _partitionType, Name = Spec.Name, Start = plan.Starts[_index], Length = plan.Lengths[_index], Flags = _flags,
            UniqueId = editor.Table.Scheme == PartitionScheme.Gpt ? _uniqueId : null,
            Placement = plan.IsLogical(_index) ? MbrPlacement.Logical : MbrPlacement.Automatic,
        };
        DiskBuilder.At(Spec.Place, () => editor.Add(wish));
    }

    public void Fill(Partition partition, BlockDevice disk, FilledPartitions filled, BuildOptions options) =>
        _filling?.Fill(partition, new WindowDevice(disk, partition.Start, partition.Length), filled, options);

    public void Dispose() => _filling?.Dispose();

    private PartitionFilling Open(FileSystemSpec spec, SpecFolders folders, FormatOptions format, BuildOptions options)
    {
        if (spec.Type == SwapArea.TypeName)
            return new SwapFilling(spec, format);
        DiskBuilder.FindType(spec);
        var filling = new FileSystemFilling(spec, format, SpecSources.Open(spec, folders, options));
        try
        {
            if (Spec.Size.Rule == SizeRule.Auto)
                filling.Measure(Spec.Free, _disk.SectorSize, options.Cancellation);
            else
                filling.Count(options.Cancellation);
            return filling;
        }
        catch
        {
            filling.Dispose();
            throw;
        }
    }
}
