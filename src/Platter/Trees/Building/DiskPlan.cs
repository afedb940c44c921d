using Platter.Blocks;
using Platter.Partitions;
using Platter.Trees.Specs;
using Platter.Trees.Toml;

namespace Platter.Trees.Building;

/// <summary>Where the partitions of a spec lie, and how long the disk is.</summary>
/// <remarks>In the spec's order, each start aligned; what has the rest ends where the partitions behind it, laid out from the end, begin.
/// The partition table's own place: UEFI 2.10, 5.3 (GPT: 16 KiB of entries and a header at either end); an MBR's first sector; an
/// APM's driver descriptor and 63 blocks of map.</remarks>
internal sealed class DiskPlan
{
    /// <summary>In front of a logical partition, its extended boot record, on an alignment of its own.</summary>
    private const int PrimaryEntries = 4;

    private const int GptEntriesLength = 16384, ApmBlocks = 64;

    private readonly DiskSpec _spec;
    private readonly long _alignment;

    /// <param name="spec">The spec.</param>
    /// <param name="lengths">Bytes for each partition; null for the one that has the rest.</param>
    /// <param name="end">Bytes that the disk has at least, for what lies outside the partitions.</param>
    public DiskPlan(DiskSpec spec, IReadOnlyList<long?> lengths, long end = 0)
    {
        _spec = spec;
        _alignment = Math.Max(spec.Alignment ?? PartitionOptions.DefaultAlignment, spec.SectorSize);
        var sector = spec.SectorSize;
        var (front, back) = spec.PartitionTable switch
        {
            SpecPartitionTable.Gpt => (2 * sector + GptEntriesLength, GptEntriesLength + sector),
            SpecPartitionTable.Mbr => (sector, 0),
            _ => (ApmBlocks * sector, 0),
        };
        var rest = Enumerable.Range(0, lengths.Count).FirstOrDefault(i => lengths[i] is null, -1);
        var starts = new long[lengths.Count];
        var sizes = new long[lengths.Count];
        var position = (long)front;
        for (var i = 0; i < (rest < 0 ? lengths.Count : rest); i++)
            position = Place(i, position, lengths[i]!.Value, starts, sizes);
        if (rest < 0)
        {
            DiskLength = spec.Size.Rule == SizeRule.Fixed ? spec.Size.Bytes : Align(Math.Max(position, end) + back, Math.Max(_alignment, 1 << 20));
        }
        else
        {
            DiskLength = spec.Size.Bytes;
            PlaceRest(rest, position, (DiskLength - back) / sector * sector, lengths, starts, sizes);
            position = rest + 1 < lengths.Count ? starts[^1] + sizes[^1] : starts[rest] + sizes[rest];
        }
        if (position > DiskLength - back)
        {
            throw new TomlException(spec.Size.Place,
                $"an image of {spec.Size} has no room for the partitions and their table, which need {ByteSize.Format(Align(position + back, sector))}");
        }
        Starts = starts;
        Lengths = sizes;
    }

    /// <summary>Bytes of the disk.</summary>
    public long DiskLength { get; }

    /// <summary>Bytes from the start of the disk.</summary>
    public IReadOnlyList<long> Starts { get; }

    public IReadOnlyList<long> Lengths { get; }

    /// <summary>What the partition table itself occupies, and what messages call it.</summary>
    public IEnumerable<(ByteRange Range, string What)> TableRanges()
    {
        // The boot code in front of the disk signature, at byte 440, is nobody's but the boot loader's.
        const int signature = 440, bootSector = 512;
        var sector = _spec.SectorSize;
        switch (_spec.PartitionTable)
        {
            case SpecPartitionTable.Gpt:
                yield return (new ByteRange(signature, bootSector - signature), "the protective MBR");
                yield return (new ByteRange(sector, sector + GptEntriesLength), "the GPT");
                yield return (new ByteRange(DiskLength - sector - GptEntriesLength, sector + GptEntriesLength), "the GPT's backup");
                break;
            case SpecPartitionTable.Mbr:
                yield return (new ByteRange(signature, bootSector - signature), "the MBR");
                if (Starts.Count > PrimaryEntries)
                {
                    // The records of the logical partitions lie between these.
                    var first = Starts[PrimaryEntries - 1] - _alignment;
                    yield return (new ByteRange(first, Starts[^1] + Lengths[^1] - first), "the extended partition");
                }
                break;
            case SpecPartitionTable.Apm:
                yield return (new ByteRange(0, ApmBlocks * sector), "the Apple partition map");
                break;
        }
    }

    /// <summary>Whether a partition of an MBR disk is a logical one: with more than four, all from the fourth on.</summary>
    public bool IsLogical(int index) =>
        _spec.PartitionTable == SpecPartitionTable.Mbr && _spec.Partitions.Count > PrimaryEntries && index >= PrimaryEntries - 1;

    private long Place(int index, long position, long length, long[] starts, long[] sizes)
    {
        var start = _spec.Partitions[index].Start ?? Align(position, _alignment) + (IsLogical(index) ? _alignment : 0);
        if (start < position)
            throw new TomlException(_spec.Partitions[index].Place, $"the partition starts at byte {start}, within the one before it or the partition table, which end at {position}");
        starts[index] = start;
        sizes[index] = Align(length, _spec.SectorSize);
        return start + sizes[index];
    }

    private void PlaceRest(int rest, long position, long end, IReadOnlyList<long?> lengths, long[] starts, long[] sizes)
    {
        var start = _spec.Partitions[rest].Start ?? Align(position, _alignment) + (IsLogical(rest) ? _alignment : 0);
        if (start < position)
            throw new TomlException(_spec.Partitions[rest].Place, $"the partition starts at byte {start}, within the one before it or the partition table, which end at {position}");
        // The ones behind it: from their own start, or as far back as they go.
        var behind = end;
        for (var i = lengths.Count - 1; i > rest; i--)
        {
            sizes[i] = Align(lengths[i]!.Value, _spec.SectorSize);
            starts[i] = _spec.Partitions[i].Start ?? (behind - sizes[i]) / _alignment * _alignment;
            if (starts[i] + sizes[i] > behind)
                throw new TomlException(_spec.Partitions[i].Place, $"the partition reaches to byte {starts[i] + sizes[i]}, beyond the end of the room for it at {behind}");
            behind = starts[i] - (IsLogical(i) ? _alignment : 0);
        }
        starts[rest] = start;
        sizes[rest] = behind - start;
        if (sizes[rest] < _spec.SectorSize)
            throw new TomlException(_spec.Partitions[rest].Size.Place, $"the other partitions leave nothing of an image of {_spec.Size}");
    }

    private static long Align(long value, long unit) => checked((value + unit - 1) / unit * unit);
}
