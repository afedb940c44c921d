using Platter.Blocks;
using Platter.Partitions;

namespace Platter.Interop.Tests.Partitions;

/// <summary>Random edits of a partition table, some of which must be refused.</summary>
internal static class RandomEdits
{
    private const int MiB = 1 << 20;

    private static readonly string[] Types = ["linux", "linux-swap", "fat32", "ntfs", "apple-hfs", "freebsd", "esp"];

    /// <summary>Does one edit; a refusal for lack of room leaves the table as it was.</summary>
    public static void Apply(PartitionEditor editor, Random random)
    {
        var numbers = editor.Table.Partitions.Where(p => !p.IsExtended && p.Type.Text is not ("Apple_partition_map" or "Apple_Free")).Select(p => p.Number).ToList();
        try
        {
            switch (numbers.Count == 0 ? 0 : random.Next(8))
            {
                case < 5:
                    editor.Add(Partition(editor, random));
                    break;
                case 5:
                    editor.Remove(numbers[random.Next(numbers.Count)]);
                    break;
                case 6:
                    editor.Resize(numbers[random.Next(numbers.Count)], random.NextInt64(512, 20 * MiB));
                    break;
                default:
                    editor.Set(numbers[random.Next(numbers.Count)], new PartitionChange
                    {
                        Type = Type(editor, random),
                        Name = editor.Table.Scheme == PartitionScheme.Mbr ? null : "renamed",
                        Flags = random.Next(2) == 0 ? PartitionFlags.Bootable : PartitionFlags.None,
                    });
                    break;
            }
        }
        catch (Exception e) when (e is VolumeFullException or ArgumentException)
        {
            // No room there: the table is what it was.
        }
    }

    private static NewPartition Partition(PartitionEditor editor, Random random)
    {
        var free = editor.Table.FreeRanges();
        var gap = free.Count > 0 ? free[random.Next(free.Count)] : new ByteRange(MiB, MiB);
        return new NewPartition
        {
            Type = Type(editor, random),
            Length = random.Next(5) == 0 ? null : random.NextInt64(1, 12 * MiB),
            Start = random.Next(3) == 0 ? (gap.Offset + random.NextInt64(gap.Length)) / 512 * 512 : null,
            Name = editor.Table.Scheme == PartitionScheme.Mbr ? "" : "part " + random.Next(100),
            Placement = random.Next(3) == 0 ? MbrPlacement.Automatic : MbrPlacement.Logical,
        };
    }

    private static PartitionType Type(PartitionEditor editor, Random random)
    {
        while (true)
        {
            if (PartitionTypes.TryGet(Types[random.Next(Types.Length)], editor.Table.Scheme, out var type))
                return type;
        }
    }
}
