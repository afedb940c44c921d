using Platter.Blocks;
using Platter.Trees.Specs;
using Platter.Trees.Toml;

namespace Platter.Trees.Building;

/// <summary>What a spec puts beside the partitions, such as a boot loader: checked against everything else on the disk, then written.</summary>
internal sealed class DiskBlobs
{
    private readonly DiskSpec _spec;
    private readonly List<RawContent> _contents = [];

    public DiskBlobs(DiskSpec spec, SpecFolders folders)
    {
        _spec = spec;
        foreach (var blob in spec.Blobs)
        {
            var content = new RawContent(blob.Content, folders);
            if (blob.Offset > long.MaxValue / 2 - content.Length)
                throw new TomlException(blob.Place, $"'offset' is {blob.Offset}, which is beyond any disk");
            _contents.Add(content);
        }
    }

    /// <summary>Bytes from the start of the disk to the end of the last one; 0 for none.</summary>
    public long End => Ranges().Select(r => r.End).DefaultIfEmpty(0).Max();

    /// <summary>Refuses what would overwrite the partition table, a partition, or another blob.</summary>
    /// <exception cref="TomlException">Something would be overwritten.</exception>
    public void Check(DiskPlan plan)
    {
        var taken = new List<(ByteRange Range, string What)>(plan.TableRanges());
        for (var i = 0; i < plan.Starts.Count; i++)
            taken.Add((new ByteRange(plan.Starts[i], plan.Lengths[i]), PartitionName(i)));
        foreach (var (blob, range) in _spec.Blobs.Zip(Ranges()))
        {
            foreach (var (other, what) in taken)
            {
                if (range.Offset < other.End && other.Offset < range.End)
                    throw new TomlException(blob.Place, $"{blob.Content.Path}, bytes {range.Offset} to {range.End} of the disk, would overwrite {what}, {other.Offset} to {other.End}");
            }
            if (range.End > plan.DiskLength)
                throw new TomlException(blob.Place, $"{blob.Content.Path} ends at byte {range.End}, the disk at {plan.DiskLength}");
            taken.Add((range, blob.Content.Path));
        }
    }

    public void Write(BlockDevice disk, FilledPartitions filled, BuildOptions options)
    {
        for (var i = 0; i < _contents.Count; i++)
        {
            _contents[i].WriteTo(disk, _spec.Blobs[i].Offset, options);
            filled.Blobs.Add(new BuiltBlob { Source = _contents[i].Source.Path, Offset = _spec.Blobs[i].Offset, Length = _contents[i].Length });
        }
    }

    private IEnumerable<ByteRange> Ranges() => _spec.Blobs.Select((b, i) => new ByteRange(b.Offset, _contents[i].Length));

    private string PartitionName(int index) =>
        _spec.Partitions[index].Name is { Length: > 0 } name ? $"the partition '{name}'" : $"partition {index + 1}";
}
