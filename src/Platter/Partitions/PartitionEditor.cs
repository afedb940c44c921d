using System.Buffers.Binary;
using Platter.Blocks;
using Platter.Partitions.OnDisk;

namespace Platter.Partitions;

/// <summary>Makes and edits a disk's partition table; never touches a sector of a partition.</summary>
/// <remarks>Every call writes what it changed through <see cref="BlockDevice.Write"/>; the caller's <see cref="BlockDevice.Flush"/> makes the
/// whole series durable at once, above a transaction device.</remarks>
public sealed class PartitionEditor
{
    private readonly PartitionOptions _options;

    private PartitionEditor(PartitionTable table, PartitionOptions options)
    {
        Table = table;
        _options = options;
    }

    /// <summary>The table as it is now, all edits so far included.</summary>
    public PartitionTable Table { get; private set; }

    /// <summary>Writes an empty table: GPT with its protective MBR and both copies, or MBR, or APM. Traces of other tables are wiped.</summary>
    /// <exception cref="SafetyException">The disk has partitions, and <see cref="PartitionOptions.Overwrite"/> is off.</exception>
    /// <exception cref="VolumeFullException">The disk is too small for the table.</exception>
    public static PartitionEditor Create(BlockDevice disk, PartitionScheme scheme, PartitionOptions? options = null)
    {
        options ??= new PartitionOptions();
        if (!options.Overwrite)
            RefuseToOverwrite(disk);
        WipeOtherTables(disk);
        return new PartitionEditor(scheme switch
        {
            PartitionScheme.Gpt => GptWriter.Create(disk, options),
            PartitionScheme.Mbr => MbrWriter.Create(disk, options),
            _ => ApmWriter.Create(disk, options),
        }, options);
    }

    /// <summary>Opens the table of a disk for editing.</summary>
    /// <exception cref="DiskFormatException">There is none, or it is damaged.</exception>
    public static PartitionEditor Open(BlockDevice disk, PartitionOptions? options = null)
    {
        var table = PartitionTable.TryOpen(disk)
            ?? throw new DiskFormatException("MBR-0015", "MbrSector.signature", MbrSector.SignatureOffset, "found no partition table, expected an MBR, a GPT or an Apple partition map");
        return new PartitionEditor(table, options ?? new PartitionOptions());
    }

    /// <summary>Adds a partition and returns it as it is now in the table.</summary>
    /// <exception cref="VolumeFullException">No gap is large enough, or no entry is free.</exception>
    /// <exception cref="ArgumentException">The place overlaps another partition or lies outside the disk's usable range; the name does not fit.</exception>
    /// <exception cref="UnsupportedFeatureException">The kind of table cannot hold it (MBR: a name, a place above 2 TiB).</exception>
    /// <exception cref="AlreadyExistsException">The wished number is taken.</exception>
    public Partition Add(NewPartition partition)
    {
        var writer = Writer();
        var start = writer.Add(partition);
        Table = writer.Reread();
        return Table.Partitions.First(p => p.Start == start && p.Type == partition.Type);
    }

    /// <summary>Removes a partition's entry; its data stays where it is. Removing an MBR extended partition removes its logical ones,
    /// removing a logical one renumbers those behind it.</summary>
    /// <exception cref="FileNotFoundException">There is no such partition.</exception>
    public void Remove(int number) => Apply(writer => writer.Remove(Table[number]));

    /// <summary>Moves a partition's end; its start stays. <paramref name="length"/> is in bytes and rounded up to whole sectors.</summary>
    /// <exception cref="ArgumentException">The new end overlaps another partition or lies outside the usable range.</exception>
    public Partition Resize(int number, long length)
    {
        var whole = new Placement(Table.SectorSize, _options).WholeSectors(length);
        Apply(writer => writer.Resize(Table[number], whole));
        return Table[number];
    }

    /// <summary>Changes a partition's type, name, flags or GUID.</summary>
    public Partition Set(int number, PartitionChange change)
    {
        Apply(writer => writer.Set(Table[number], change));
        return Table[number];
    }

    /// <summary>GPT: sets the disk's GUID.</summary>
    public void SetDiskId(Guid id) => Apply(writer => writer.SetDiskId(id));

    /// <summary>MBR (also the protective one of a GPT disk): sets the disk signature at byte 440.</summary>
    public void SetDiskSignature(uint signature)
    {
        if (Table.Scheme == PartitionScheme.Apm)
            throw new UnsupportedFeatureException("an Apple partition map has no disk signature");
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, signature);
        Apply(_ => Table.Disk.Write(MbrSector.DiskSignatureOffset, bytes));
    }

    /// <summary>Sets the boot code at the start of the disk, up to 440 bytes; the rest of the 440 becomes zeros.</summary>
    public void SetBootCode(ReadOnlySpan<byte> code)
    {
        if (Table.Scheme == PartitionScheme.Apm)
            throw new UnsupportedFeatureException("an Apple partition map has no room for boot code in front: block 0 is the driver descriptor");
        if (code.Length > MbrSector.BootCodeSize)
            throw new ArgumentException($"boot code of {code.Length} bytes: the first sector has room for {MbrSector.BootCodeSize}");
        var bytes = new byte[MbrSector.BootCodeSize];
        code.CopyTo(bytes);
        Apply(_ => Table.Disk.Write(0, bytes));
    }

    /// <summary>GPT: writes both copies anew from the sound one, the backup at the disk's end (where it is not after an image was enlarged), and
    /// a protective MBR when there is none. Does nothing for other tables.</summary>
    public void Repair() => Apply(writer => writer.Repair());

    private TableWriter Writer() => TableWriter.For(Table, _options);

    private void Apply(Action<TableWriter> edit)
    {
        var writer = Writer();
        edit(writer);
        Table = writer.Reread();
    }

    private static void RefuseToOverwrite(BlockDevice disk)
    {
        PartitionTable? table;
        try
        {
            table = PartitionTable.TryOpen(disk);
        }
        catch (DiskFormatException e)
        {
            throw new SafetyException($"the disk has a damaged partition table, which would be lost ({e.Message})");
        }
        if (table is { Partitions.Count: > 0 } && table.Partitions.Any(p => p.Type.Text is not ("Apple_partition_map" or "Apple_Free")))
            throw new SafetyException($"the disk has a table already, whose entries (partitions: {table.Partitions.Count}) would be lost");
    }

    /// <summary>What other readers would take for a table: Apple's map in block 1, GPT headers in sector 1 and in the last one.</summary>
    private static void WipeOtherTables(BlockDevice disk)
    {
        if (disk.Length < 1024)
            throw new VolumeFullException("bytes", 1024, disk.Length);
        var signature = new byte[8];
        foreach (var size in new[] { 512, 1024, 2048, 4096 })
        {
            foreach (var offset in new long[] { size, ((disk.Length / size) - 1) * size })
            {
                if (offset < 512 || offset > disk.Length - 512)
                    continue;
                disk.Read(offset, signature);
                if (signature.AsSpan().SequenceEqual("EFI PART"u8) || (offset == size && signature.AsSpan().StartsWith("PM\0\0"u8)))
                    disk.WriteZeros(offset, 512);
            }
        }
    }
}
