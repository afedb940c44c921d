using Platter.Blocks;

namespace Platter.Partitions;

/// <summary>Makes and edits a disk's partition table; never touches a sector of a partition.</summary>
/// <remarks>Every call writes what it changed through <see cref="BlockDevice.Write"/>; the caller's <see cref="BlockDevice.Flush"/> makes the
/// whole series durable at once, above a transaction device.</remarks>
public sealed class PartitionEditor
{
    private PartitionEditor(PartitionTable table) => Table = table;

    /// <summary>The table as it is now, all edits so far included.</summary>
    public PartitionTable Table { get; private set; }

    /// <summary>Writes an empty table: GPT with its protective MBR and both copies, or MBR, or APM. Traces of other tables are wiped.</summary>
    /// <exception cref="SafetyException">The disk has partitions, and <see cref="PartitionOptions.Overwrite"/> is off.</exception>
    /// <exception cref="VolumeFullException">The disk is too small for the table.</exception>
    public static PartitionEditor Create(BlockDevice disk, PartitionScheme scheme, PartitionOptions? options = null) => throw new InvalidOperationException();

    /// <summary>Opens the table of a disk for editing.</summary>
    /// <exception cref="DiskFormatException">There is none, or it is damaged.</exception>
    public static PartitionEditor Open(BlockDevice disk, PartitionOptions? options = null) => throw new InvalidOperationException();

    /// <summary>Adds a partition and returns it as it is now in the table.</summary>
    /// <exception cref="VolumeFullException">No gap is large enough, or no entry is free.</exception>
    /// <exception cref="ArgumentException">The place overlaps another partition or lies outside the disk's usable range; the name does not fit.</exception>
    /// <exception cref="UnsupportedFeatureException">The kind of table cannot hold it (MBR: a name, a place above 2 TiB).</exception>
    /// <exception cref="AlreadyExistsException">The wished number is taken.</exception>
    public Partition Add(NewPartition partition) => throw new InvalidOperationException();

    /// <summary>Removes a partition's entry; its data stays where it is. Removing an MBR extended partition removes its logical ones,
    /// removing a logical one renumbers those behind it.</summary>
    /// <exception cref="FileNotFoundException">There is no such partition.</exception>
    public void Remove(int number) => throw new InvalidOperationException();

    /// <summary>Moves a partition's end; its start stays. <paramref name="length"/> is in bytes and rounded up to whole sectors.</summary>
    /// <exception cref="ArgumentException">The new end overlaps another partition or lies outside the usable range.</exception>
    public Partition Resize(int number, long length) => throw new InvalidOperationException();

    /// <summary>Changes a partition's type, name, flags or GUID.</summary>
    public Partition Set(int number, PartitionChange change) => throw new InvalidOperationException();

    /// <summary>GPT: sets the disk's GUID.</summary>
    public void SetDiskId(Guid id) => throw new InvalidOperationException();

    /// <summary>MBR (also the protective one of a GPT disk): sets the disk signature at byte 440.</summary>
    public void SetDiskSignature(uint signature) => throw new InvalidOperationException();

    /// <summary>Sets the boot code at the start of the disk, up to 440 bytes; the rest of the 440 becomes zeros.</summary>
    public void SetBootCode(ReadOnlySpan<byte> code) => throw new InvalidOperationException();

    /// <summary>GPT: writes both copies anew from the sound one, the backup at the disk's end (where it is not after an image was enlarged), and
    /// a protective MBR when there is none. Does nothing for other tables.</summary>
    public void Repair() => throw new InvalidOperationException();
}
