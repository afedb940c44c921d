using Platter.Blocks;

namespace Platter.Images;

// Which ranges of the disk may hold anything: block by block, asking host and parent in runs as long as can be.
internal abstract partial class SparseDisk
{
    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        return Ranges(offset, length).Joined();
    }

    private IEnumerable<ByteRange> Ranges(long offset, long length)
    {
        var end = offset + length;
        var absentFrom = -1L;       // start of a run of absent blocks whose parent is yet to be asked
        for (var at = offset; at < end;)
        {
            var block = at >> _shift;
            var place = Locate(block);
            var next = Math.Min(end, (block + 1) << _shift);
            if (place.Kind == BlockKind.Absent)
            {
                if (absentFrom < 0)
                    absentFrom = at;
                at = Math.Min(end, Math.Max(next, NextKnown(block + 1) << _shift));
                continue;
            }
            foreach (var range in RangesBelow(absentFrom, at))
                yield return range;
            absentFrom = -1;
            var count = next - at;
            var start = place.Data + (at & (BlockSize - 1));
            if (place.Kind == BlockKind.Full)
            {
                // Blocks that follow each other in the host, too, are one question to it.
                while (next < end && Locate(next >> _shift) is { Kind: BlockKind.Full } following && following.Data == start + count)
                {
                    var more = Math.Min(end - next, BlockSize);
                    next += more;
                    count += more;
                }
                foreach (var range in Host.AllocatedRanges(start, Checked(start, count)))
                    yield return new ByteRange(at + range.Offset - start, range.Length);
            }
            else if (place.Kind == BlockKind.Partial)
            {
                foreach (var range in PartialRanges(block, place, at, count))
                    yield return range;
            }
            at = next;
        }
        foreach (var range in RangesBelow(absentFrom, end))
            yield return range;
    }

    private IEnumerable<ByteRange> RangesBelow(long start, long end)
    {
        if (Parent is null || start < 0 || start >= Math.Min(end, Parent.Length))
            return [];
        return Parent.AllocatedRanges(start, Math.Min(end, Parent.Length) - start);
    }

    private List<ByteRange> PartialRanges(long block, BlockPlace place, long offset, long count)
    {
        var found = new List<ByteRange>();
        for (var end = offset + count; offset < end;)
        {
            var within = offset & (BlockSize - 1);
            var inset = within & (SectorSize - 1);
            var (present, sectors) = SectorRun(block, place, (int)(within / SectorSize), (int)((inset + end - offset + SectorSize - 1) / SectorSize));
            var run = Math.Min(end - offset, (long)sectors * SectorSize - inset);
            if (present)
                found.AddRange(Host.AllocatedRanges(place.Data + within, Checked(place.Data + within, run)).Select(r => r with { Offset = offset + r.Offset - place.Data - within }));
            else
                found.AddRange(RangesBelow(offset, offset + run));
            offset += run;
        }
        return found;
    }
}
