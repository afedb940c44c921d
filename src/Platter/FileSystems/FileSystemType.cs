using Platter.Blocks;

namespace Platter.FileSystems;

/// <summary>One kind of filesystem: how to recognise, open, format and check it.</summary>
public abstract class FileSystemType
{
    /// <summary>The type names that <c>mkfs -t</c> takes: <c>fat fat12 fat16 fat32</c>.</summary>
    public abstract IReadOnlyList<string> Names { get; }

    /// <summary>Whether formatting decides once and for all how many entries there can be, and so wants to know of them
    /// (<see cref="FormatOptions.ExpectedEntries"/>).</summary>
    public virtual bool FixesEntryCount => false;

    /// <summary>Whether the device starts like a volume of this kind; reads a few sectors at most. False is "not mine"; a
    /// broken volume of this kind is recognised and refused when opened.</summary>
    public abstract bool Recognise(BlockDevice device);

    /// <exception cref="DiskFormatException">The volume is broken.</exception>
    /// <exception cref="UnsupportedFeatureException">It uses something that Platter does not have.</exception>
    public abstract Volume Open(BlockDevice device, VolumeOptions options);

    /// <exception cref="DiskFormatException">The volume is broken.</exception>
    /// <exception cref="UnsupportedFeatureException">It uses something that Platter does not have; or volumes of this kind are only read.</exception>
    public virtual EditableVolume OpenForEditing(BlockDevice device, VolumeOptions options) => throw IsOnlyRead();

    /// <summary>Writes an empty filesystem that fills the device. Does not flush.</summary>
    /// <exception cref="ArgumentException">An option is unknown, or its value does not fit.</exception>
    /// <exception cref="UnsupportedFeatureException">Volumes of this kind are only read.</exception>
    public virtual void Format(BlockDevice device, FormatOptions options) => throw IsOnlyRead();

    /// <summary>Changes settings of a volume, all of them or none, and commits.</summary>
    /// <exception cref="ArgumentException">An option is unknown, or its value does not fit this volume.</exception>
    /// <exception cref="DiskFormatException">The volume is broken.</exception>
    /// <exception cref="UnsupportedFeatureException">The volume has, or would get, what Platter cannot change; or volumes of this kind have no settings.</exception>
    public virtual void Tune(BlockDevice device, TuneOptions options) =>
        throw new UnsupportedFeatureException($"{string.Join(", ", Names)} volumes have no settings to be changed afterwards");

    /// <summary>Makes a volume longer or shorter on the device that it lies on, or leaves it as it is, and commits.</summary>
    /// <exception cref="ArgumentException">It would not fit the device, or what it holds would not fit it.</exception>
    /// <exception cref="DiskFormatException">The volume is broken.</exception>
    /// <exception cref="UnsupportedFeatureException">Volumes of this kind, or this one as it is, are not resized.</exception>
    public virtual ResizeReport Resize(BlockDevice device, ResizeOptions options) =>
        throw new UnsupportedFeatureException($"Platter does not resize {string.Join(", ", Names)} volumes");

    /// <summary>Bytes that a volume takes from the start of the device, with all that belongs to it: what lies behind is nothing to it. Null when nothing tells.</summary>
    /// <exception cref="DiskFormatException">The volume is broken.</exception>
    /// <exception cref="UnsupportedFeatureException">It uses something that Platter does not have.</exception>
    public virtual long? LengthOf(BlockDevice device) => null;

    /// <summary>Looks at every structure, changing nothing.</summary>
    public abstract CheckReport Check(BlockDevice device, CheckOptions options);

    /// <summary>Mends what can be mended without a loss, and commits; or says what would be done.</summary>
    /// <exception cref="UnsupportedFeatureException">Volumes of this kind, or this one as it is, are not repaired.</exception>
    public virtual RepairReport Repair(BlockDevice device, RepairOptions options) =>
        throw new UnsupportedFeatureException($"Platter does not repair {string.Join(", ", Names)}");

    /// <summary>The smallest sensible length, in bytes, of a volume that holds a tree: what <c>--size auto</c> makes.</summary>
    /// <exception cref="UnsupportedFeatureException">Volumes of this kind are only read.</exception>
    public virtual long EstimateLength(TreeShape tree, FormatOptions options, int sectorSize) => throw IsOnlyRead();

    private UnsupportedFeatureException IsOnlyRead() => new($"Platter reads {string.Join(", ", Names)} and does not write them");
}

/// <summary>The outline of a tree, enough to know how large a volume it needs.</summary>
/// <param name="Entries">Parents before their children.</param>
public sealed record TreeShape(IReadOnlyList<TreeShapeEntry> Entries);

/// <param name="Parent">Index of the parent in <see cref="TreeShape.Entries"/>; -1 for the root's entries.</param>
/// <param name="Name">The name.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Length">Bytes of content.</param>
public readonly record struct TreeShapeEntry(int Parent, string Name, EntryKind Kind, long Length)
{
    /// <summary>Whether it is another name of a file that came before: its content is there once, where there are hard links.</summary>
    public bool IsFurtherName { get; init; }
}
