using Platter.Blocks;
using Platter.FileSystems;
using Platter.Partitions;
using Platter.Trees.Specs;
using Platter.Trees.Toml;

namespace Platter.Trees.Building;

/// <summary>One partition of a disk being built: what goes into its entry, and into it.</summary>
internal sealed class PartitionContent : IDisposable
{
    private readonly DiskSpec _disk;
    private readonly int _index;
    private readonly FormatOptions? _format;
    private readonly TreeSource? _source;
    private readonly Guid _uniqueId;
    private readonly PartitionType _partitionType;
    private readonly PartitionFlags _flags;

    public PartitionContent(DiskSpec disk, int index, BuildIds ids, BuildOptions options)
    {
        _disk = disk;
        _index = index;
        var name = $"partition {index + 1}";
        _uniqueId = Spec.UniqueId ?? ids.Guid(name);
        _partitionType = DiskBuilder.At(Spec.TypePlace, () => PartitionType.Parse(Spec.Type, DiskBuilder.Scheme(disk)));
        _flags = Spec.Bootable ? PartitionFlags.Bootable : PartitionFlags.None;
        foreach (var attribute in Spec.Attributes)
            _flags |= DiskBuilder.At(Spec.AttributesPlace, () => PartitionFlagNames.Parse(attribute));
        Length = Spec.Size.Rule == SizeRule.Fixed ? Spec.Size.Bytes : null;
        if (Spec.FileSystem is not { } fileSystem)
            return;
        Type = DiskBuilder.FindType(fileSystem);
        _format = new FormatOptions
        {
            Type = fileSystem.Type.ToLowerInvariant(), Label = fileSystem.Label, Id = fileSystem.VolumeId ?? ids.Volume(fileSystem.Type, name + " volume"),
            Options = fileSystem.Options, Clock = options.Clock, Volume = options.Volume,
        };
        _source = SpecSources.Open(fileSystem, options);
        try
        {
            if (IsAuto)
                Length = DiskBuilder.At(fileSystem.OptionsPlace, () => FileSystemBuilder.Estimate(Type, _format, _source, disk.SectorSize, options.Cancellation));
        }
        catch
        {
            _source.Dispose();
            throw;
        }
    }

    public PartitionSpec Spec => _disk.Partitions[_index];

    /// <summary>The filesystem that it gets; null leaves it empty.</summary>
    public FileSystemType? Type { get; }

    public bool IsAuto => Spec.Size.Rule == SizeRule.Auto;

    /// <summary>Bytes; null for the rest of the disk.</summary>
    public long? Length { get; private set; }

    public void Grow() => Length = FileSystemBuilder.Grow(Length!.Value);

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

    public BuiltVolume Fill(Partition partition, BlockDevice device, BuildOptions options)
    {
        var fileSystem = Spec.FileSystem!;
        var volume = DiskBuilder.At(fileSystem.Place, () =>
            VolumeFiller.Fill(device, Type!, _format! with { PartitionOffset = partition.Start }, _source, options));
        return volume with { Partition = partition };
    }

    public void Dispose() => _source?.Dispose();
}
