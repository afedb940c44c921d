using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Swap;
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

    /// <summary>The swap area that the partition holds; null when it holds none, or reaches past the end of the disk.</summary>
    /// <exception cref="DiskFormatException">It is broken.</exception>
    public SwapArea? Swap => Entry.IsExtended || Entry.ReachesPastEnd ? null : SwapArea.TryOpen(Device);

    /// <summary>What a look at the partition's head tells: a filesystem, swap, other data, or nothing.</summary>
    public PartitionContentKind ContentKind
    {
        get
        {
            if (Entry.IsExtended || Entry.ReachesPastEnd)
                return PartitionContentKind.Blank;
            if (FileSystem is not null)
                return PartitionContentKind.FileSystem;
            return SwapArea.Recognise(Device) ? PartitionContentKind.Swap : VolumePlace.StartsBlank(Device) ? PartitionContentKind.Blank : PartitionContentKind.Data;
        }
    }

    /// <summary>What the partition holds, with its article, where that can be named but is nothing that Platter opens ("an XFS filesystem"); null else.</summary>
    public string? ForeignContent => ContentKind == PartitionContentKind.Data ? FileSystems.ForeignContent.Find(Device) : null;

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

/// <summary>What a partition holds, as far as its head tells.</summary>
public enum PartitionContentKind
{
    /// <summary>The first MiB is zeros.</summary>
    Blank,

    /// <summary>A filesystem that Platter knows, sound or not.</summary>
    FileSystem,

    /// <summary>A Linux swap area.</summary>
    Swap,

    /// <summary>Something else: a boot loader, a filesystem that Platter does not know.</summary>
    Data,
}

/// <summary>A place where a filesystem is, or could be: the image as a whole, or one of its partitions.</summary>
/// <param name="Partition">The partition; null for the whole image.</param>
/// <param name="Device">Its bytes.</param>
/// <param name="FileSystem">The kind of filesystem that it starts like; null when it is none that Platter knows.</param>
public sealed record VolumePlace(DiskPartition? Partition, BlockDevice Device, FileSystemType? FileSystem)
{
    /// <summary>What the place starts like, with its article, where that can be named but is nothing that Platter opens ("an XFS filesystem"); null else.</summary>
    public string? ForeignContent => FileSystem is null ? FileSystems.ForeignContent.Find(Device) : null;

    /// <summary>Whether the first MiB is zeros: whoever writes here destroys nothing that anybody could find again.</summary>
    public bool IsBlank => FileSystem is null && StartsBlank(Device);

    internal static bool StartsBlank(BlockDevice device)
    {
        const int head = 1 << 20;
        var buffer = new byte[64 << 10];
        foreach (var range in device.AllocatedRanges(0, Math.Min(head, device.Length)))
        {
            for (var at = range.Offset; at < range.End; at += buffer.Length)
            {
                var piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, range.End - at));
                device.Read(at, piece);
                if (piece.ContainsAnyExcept((byte)0))
                    return false;
            }
        }
        return true;
    }
}
