using Platter.Blocks;
using Platter.Fuzz.Mutation;
using Platter.Partitions;

namespace Platter.Fuzz.Targets;

/// <summary>Partition tables of one kind, with those of the corpus: opened, checked, their partitions opened, edited.</summary>
internal sealed class PartitionTarget(string name) : FuzzTarget
{
    private const int Mega = 1 << 20;
    private readonly List<PagedImage> _bases = [];

    public override string Name => name;

    public override void Prepare()
    {
        var scheme = Enum.Parse<PartitionScheme>(name, ignoreCase: true);
        foreach (var sectorSize in scheme == PartitionScheme.Gpt ? new[] { 512, 4096 } : [512])
        {
            _bases.Add(Make(scheme, sectorSize, partitions: 3));
            _bases.Add(Make(scheme, sectorSize, partitions: 7));
            _bases.Add(Make(scheme, sectorSize, partitions: 0));
        }
        if (scheme == PartitionScheme.Mbr)
            _bases.AddRange(CorpusImages.Tables());
    }

    public override bool Run(Dice dice)
    {
        var disk = new OverlayDevice(dice.Pick(_bases));
        TableMutator.Mutate(disk, dice);
        var report = PartitionChecker.Check(disk);
        PartitionTable? table = null;
        try
        {
            table = PartitionTable.TryOpen(disk);
        }
        catch (DiskFormatException e)
        {
            Expect(report.Findings.Any(f => f.Code == e.Code), $"what opening refuses the check finds: {e.Code}");
        }
        if (table is null)
            return false;
        Trace(table, dice);
        Look(table);
        var kept = Content(table);
        if (Try(() => _ = PartitionEditor.Open(disk)))
        {
            var editor = PartitionEditor.Open(disk, Options());
            for (var left = dice.Between(1, 5); left > 0; left--)
            {
                TryEdit(editor, dice);
                // What an edit removed or cut is free for the next one.
                kept.RemoveAll(k => !editor.Table.Partitions.Any(p => p.Start == k.Partition.Start && p.End == k.Partition.End));
                foreach (var (_, range, bytes) in kept)
                    Expect(bytes.AsSpan().SequenceEqual(Read(disk, range)), $"editing a table leaves the data alone: at {range}");
            }
            // A stick with a boot sector of FAT in front is taken for a volume again once its last partition is gone.
            if (!IsDamaged(table) && editor.Table.Partitions.Count > 0)
                Expect(PartitionTable.TryOpen(disk) is { } again && again.Partitions.SequenceEqual(editor.Table.Partitions), "what the editor shows is what is read anew");
        }
        return true;
    }

    private static bool IsDamaged(PartitionTable table) => table.Findings.Any(f => f.Severity > Severity.Note);

    private static void Look(PartitionTable table)
    {
        var last = long.MinValue;
        foreach (var range in table.FreeRanges())
        {
            Expect(range.Length > 0 && range.Offset >= last && range.End <= table.Disk.Length, $"free ranges are in order and within the disk: {range} of {table.Disk.Length}");
            last = range.End;
        }
        foreach (var p in table.Partitions)
        {
            _ = p.Type.Name + p.Type.Description + p.Type.Id + PartitionFlagNames.Format(p.Flags).Count;
            Try(() =>
            {
                var device = p.OpenDevice();
                if (device.Length > 0)
                    device.Read(device.Length - 1, new byte[1]);
            });
        }
        Expect(table.Partitions.Count <= 5000, "the number of partitions is bounded");
    }

    // A sector at each end of what holds data: editing entries must not touch it.
    private static List<(Partition Partition, ByteRange Range, byte[] Bytes)> Content(PartitionTable table)
    {
        var kept = new List<(Partition, ByteRange, byte[])>();
        foreach (var p in table.Partitions)
        {
            // In a damaged table a partition may claim the place of the table itself.
            if (IsDamaged(table) || p.IsExtended || p.ReachesPastEnd || p.Length < 1024 || p.Type.Text is "Apple_partition_map" or "Apple_Free")
                continue;
            foreach (var range in new[] { new ByteRange(p.Start, 512), new ByteRange(p.End - 512, 512) })
                kept.Add((p, range, Read(table.Disk, range)));
        }
        return kept;
    }

    private static byte[] Read(BlockDevice disk, ByteRange range)
    {
        var bytes = new byte[range.Length];
        disk.Read(range.Offset, bytes);
        return bytes;
    }

    private static void TryEdit(PartitionEditor editor, Dice dice)
    {
        try
        {
            Edit(editor, dice);
        }
        catch (Exception e) when (IsLawful(e) || e is SafetyException || e.GetType() == typeof(ArgumentException))
        {
            dice.Trace?.Invoke($"  refused: {e.Message}");
        }
        Trace(editor.Table, dice);
    }

    private static void Edit(PartitionEditor editor, Dice dice)
    {
        var table = editor.Table;
        var number = table.Partitions.Count == 0 || dice.OneIn(10) ? dice.Next(200) : dice.Pick(table.Partitions).Number;
        var length = dice.OneIn(6) ? (long)(dice.Odd(0, 8) >> 1) : dice.NextLong(8 * Mega);
        var what = dice.Next(10);
        dice.Trace?.Invoke($"edit {what}: number {number}, length {length}");
        switch (what)
        {
            case 0:
                editor.Remove(number);
                break;
            case 1 or 2:
                editor.Resize(number, length);
                break;
            case 3:
                editor.Set(number, new PartitionChange
                {
                    Type = dice.OneIn(2) ? PartitionType.Parse("linux", table.Scheme) : null, Name = dice.OneIn(2) ? dice.Pick<string>(["", "new", "ü", new string('x', 40)]) : null,
                    Flags = dice.OneIn(2) ? (PartitionFlags)(1UL << dice.Next(64)) : null, UniqueId = dice.OneIn(4) ? new Guid(dice.Next(9), 1, 2, new byte[8]) : null,
                });
                break;
            case 4:
                editor.Repair();
                break;
            case 5:
                editor.SetDiskSignature((uint)dice.Next(int.MaxValue));
                break;
            case 6:
                editor.SetBootCode(new byte[dice.Next(450)]);
                break;
            default:
                editor.Add(new NewPartition
                {
                    Type = PartitionType.Parse(table.Scheme == PartitionScheme.Mbr && dice.OneIn(4) ? "05" : "linux", table.Scheme), Length = dice.OneIn(4) ? null : length,
                    Start = dice.OneIn(3) ? dice.NextLong(table.Disk.Length / 512 + 2) * 512 : null, Placement = (MbrPlacement)dice.Next(3), Number = dice.OneIn(5) ? dice.Next(140) : null,
                });
                break;
        }
    }

    private static void Trace(PartitionTable table, Dice dice)
    {
        if (dice.Trace is null)
            return;
        dice.Trace($"{table.Scheme}, usable {table.UsableRange}, free {string.Join(", ", table.FreeRanges())}");
        foreach (var p in table.Partitions)
            dice.Trace($"  {p.Number} {p.Start}..{p.End} {p.Type} {p.Name} {p.Flags}");
        foreach (var f in table.Findings)
            dice.Trace($"  {f.Code} {f.Severity} {f.Structure} {f.Message}");
    }

    private static PartitionOptions Options()
    {
        var count = 0;
        return new PartitionOptions { NewGuid = () => new Guid(++count, 0, 0, [0, 0, 0, 0, 0, 0, 0, 1]), AllowSmallerAlignment = true };
    }

    private static PagedImage Make(PartitionScheme scheme, int sectorSize, int partitions)
    {
        var disk = new MemoryDevice(16 * Mega, sectorSize);
        var editor = PartitionEditor.Create(disk, scheme, Options());
        for (var i = 0; i < partitions; i++)
        {
            var partition = editor.Add(new NewPartition
            {
                Type = PartitionType.Parse("linux", scheme), Length = Mega, Start = null, Placement = i == 0 ? MbrPlacement.Automatic : i % 2 == 0 ? MbrPlacement.Logical : MbrPlacement.Automatic,
                Name = scheme == PartitionScheme.Mbr ? "" : $"part {i}",
            });
            disk.Bytes.AsSpan((int)partition.Start, 1024).Fill((byte)(i + 1));
        }
        return new PagedImage(disk.Bytes, sectorSize);
    }
}
