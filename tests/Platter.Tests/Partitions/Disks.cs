using Platter.Blocks;
using Platter.Partitions;
using Platter.Partitions.OnDisk;
using Platter.Primitives;
using Structure = Platter.Primitives.OnDisk;

namespace Platter.Tests.Partitions;

/// <summary>Disks with tables, to be read, edited and damaged.</summary>
internal static class Disks
{
    public const int MiB = 1 << 20;

    /// <summary>Ids that are the same in every run: 00000001-..., 00000002-...</summary>
    public static PartitionOptions Options()
    {
        var count = 0;
        return new PartitionOptions { NewGuid = () => new Guid(++count, 0, 0, [0, 0, 0, 0, 0, 0, 0, 1]) };
    }

    public static PartitionEditor Make(PartitionScheme scheme, int sectorSize = 512, int length = 16 * MiB) =>
        PartitionEditor.Create(new MemoryDevice(length, sectorSize), scheme, Options());

    public static byte[] Bytes(this PartitionEditor editor) => ((MemoryDevice)editor.Table.Disk).Bytes;

    public static Partition Add(this PartitionEditor editor, string type, long? length = null, long? start = null, MbrPlacement placement = MbrPlacement.Automatic) =>
        editor.Add(new NewPartition { Type = PartitionType.Parse(type, editor.Table.Scheme), Length = length, Start = start, Placement = placement });

    /// <summary>A GPT with an ESP of 2 MiB and a Linux partition of 4 MiB.</summary>
    public static PartitionEditor Gpt(int sectorSize = 512)
    {
        var editor = Make(PartitionScheme.Gpt, sectorSize);
        editor.Add("esp", 2 * MiB);
        editor.Add("linux", 4 * MiB);
        return editor;
    }

    /// <summary>An MBR with a primary FAT partition of 2 MiB, an extended one over the rest and two logical ones of 2 MiB.</summary>
    public static PartitionEditor Mbr()
    {
        var editor = Make(PartitionScheme.Mbr);
        editor.Add("fat32", 2 * MiB);
        editor.Add("linux", 2 * MiB, placement: MbrPlacement.Logical);
        editor.Add("linux-swap", 2 * MiB, placement: MbrPlacement.Logical);
        return editor;
    }

    /// <summary>An Apple map with an HFS partition of 2 MiB and one of 3 MiB.</summary>
    public static PartitionEditor Apm(int sectorSize = 512)
    {
        var editor = Make(PartitionScheme.Apm, sectorSize);
        editor.Add("apple-hfs", 2 * MiB);
        editor.Add("apple-ufs", 3 * MiB);
        return editor;
    }

    public static PartitionEditor Of(PartitionScheme scheme) => scheme switch { PartitionScheme.Gpt => Gpt(), PartitionScheme.Mbr => Mbr(), _ => Apm() };

    /// <summary>Changes a GPT header and makes its checksum right again.</summary>
    public static void EditHeader(byte[] disk, long sector, int sectorSize, GptHeaderEdit edit)
    {
        var bytes = disk.AsSpan((int)(sector * sectorSize), sectorSize);
        ref var header = ref Structure.Edit<GptHeader>(bytes);
        edit(ref header);
        header.HeaderCrc = GptCopy.ComputeHeaderCrc(bytes);
    }

    /// <summary>Changes an entry in both copies of a GPT of 128 entries and 512-byte sectors, and makes the checksums right again.</summary>
    public static void EditEntry(byte[] disk, int index, GptEntryEdit edit)
    {
        var last = (disk.Length / 512) - 1;
        foreach (var (header, entries) in new[] { (1, 2), (last, last - 32) })
        {
            edit(ref Structure.Edit<GptEntry>(disk, (entries * 512) + (index * 128)));
            EditHeader(disk, header, 512, (ref GptHeader h) => h.EntriesCrc = Crc32.Compute(disk.AsSpan(entries * 512, 32 * 512)));
        }
    }

    public static ref MbrEntry MbrEntry(byte[] disk, int index, long sector = 0) =>
        ref Structure.Edit<MbrEntry>(disk, (int)(sector * 512) + MbrSector.EntriesOffset + (16 * index));

    public static ref ApmEntry ApmEntry(byte[] disk, int index) => ref Structure.Edit<ApmEntry>(disk, (index + 1) * 512);

    public static CheckReport Check(byte[] disk, int sectorSize = 512) => PartitionChecker.Check(new MemoryDevice(disk, sectorSize));

    public delegate void GptHeaderEdit(ref GptHeader header);

    public delegate void GptEntryEdit(ref GptEntry entry);
}
