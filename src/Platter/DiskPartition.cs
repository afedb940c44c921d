using Platter.Blocks;
using Platter.FileSystems;
using Platter.Partitions;

namespace Platter;

/// <summary>A partition of an opened <see cref="DiskImage"/>, and the filesystem in it.</summary>
public sealed class DiskPartition
{
    private readonly DiskImage _disk;
    private BlockDevice? _device;

    internal DiskPartition(DiskImage disk, Partition entry)
    {
        _disk = disk;
        Entry = entry;
    }

    /// <summary>What the partition table says of it.</summary>
    public Partition Entry { get; }

    /// <summary>Counted from 1; what <c>IMAGE@N</c> names.</summary>
    public int Number => Entry.Number;

    /// <summary>The partition's bytes. Disposing it does nothing; it ends with the disk.</summary>
    /// <exception cref="DiskFormatException">The partition reaches past the end of the disk.</exception>
    public BlockDevice Device => _device ??= Entry.OpenDevice();

    /// <summary>The kind of filesystem that the partition starts like; null when it is none that Platter knows, or the partition
    /// reaches past the end of the disk.</summary>
    public FileSystemType? FileSystem => Entry.IsExtended || Entry.ReachesPastEnd ? null : FileSystemTypes.Recognise(Device);

    /// <summary>Opens the filesystem for reading.</summary>
    /// <exception cref="UnsupportedFeatureException">There is none that Platter knows.</exception>
    /// <exception cref="DiskFormatException">It is broken.</exception>
    public Volume OpenVolume() => _disk.OpenVolume(Number);

    /// <summary>Opens the filesystem for editing; the disk must have been opened for editing.</summary>
    /// <exception cref="UnsupportedFeatureException">There is none that Platter knows.</exception>
    /// <exception cref="DiskFormatException">It is broken.</exception>
    public EditableVolume OpenVolumeForEditing() => _disk.OpenVolumeForEditing(Number);

    public override string ToString() => $"{Number} {Entry.Type}";
}

/// <summary>A place where a filesystem is, or could be: the image as a whole, or one of its partitions.</summary>
/// <param name="Partition">The partition; null for the whole image.</param>
/// <param name="Device">Its bytes.</param>
/// <param name="FileSystem">The kind of filesystem that it starts like; null when it is none that Platter knows.</param>
public sealed record VolumePlace(DiskPartition? Partition, BlockDevice Device, FileSystemType? FileSystem);
