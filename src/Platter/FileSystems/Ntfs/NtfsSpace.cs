using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The free clusters: taken near a goal, in runs as long as can be found soon, and given back.</summary>
/// <remarks>
/// <para>A search looks at the goal's page of $Bitmap, then at the pages behind it, then at those before it; pages in which nothing is free are
/// remembered. Behind the MFT an eighth of the volume is left for its growth as long as there is room elsewhere.</para>
/// <para>Blocks of indexes are taken from stretches that content passes by: those of a directory that is filled along with its files lie together, and are read
/// together.</para>
/// <para>Clusters freed since the last commit come last (<see cref="UncommittedSpace"/>).</para>
/// </remarks>
internal sealed partial class NtfsSpace
{
    // Pages looked at before the longest run found has to do.
    private const int MaxPages = 8;

    // Bytes of a stretch for indexes; at most this part of the volume.
    private const int IndexStretch = 256 << 10, IndexShare = 64;

    private const int PageBits = NtfsBitmapFile.PageBits;

    private readonly NtfsGeometry _geometry;
    private readonly NtfsBitmapFile _bitmap;
    private readonly UncommittedSpace _uncommitted = new();
    private readonly RangeSet _full = new();                        // pages in which nothing can be taken before the next commit
    private long? _free, _freeBefore;
    private long _next;
    private long _nextIndex = -1;

    // Set where $Bitmap lay in its record, as it does again after a rollback of the first commit.
    private readonly (NtfsVolume Volume, NtfsChanges Changes, long Mapped)? _moved;

    /// <param name="changes">What the volume is read through.</param>
    /// <param name="volume">The volume.</param>
    /// <param name="mapped">How many clusters $Bitmap has bits of: all, unless it is to follow the volume's length (<see cref="Grow"/>).</param>
    public NtfsSpace(NtfsChanges changes, NtfsVolume volume, long mapped)
    {
        _geometry = volume.Geometry;
        _bitmap = new NtfsBitmapFile(changes, _geometry, "$Bitmap");
        var content = volume.OpenSystemFile(NtfsMft.BitmapRecord).Open(NtfsAttributeType.Data)
            ?? throw new DiskFormatException("NTFS-0112", "$Bitmap", -1, "has no $DATA");
        if (content.Initialized < (mapped + 7) / 8)
            throw new DiskFormatException("NTFS-0112", "$Bitmap", -1, $"has {content.Initialized} bytes, expected at least {(mapped + 7) / 8}");
        if (content.IsResident)
        {
            content = NtfsResidentBitmaps.MoveClusters(volume, changes, mapped);
            _moved = (volume, changes, mapped);
        }
        _bitmap.Attach(content.Runs, mapped);
        var mft = volume.Mft.Content.Runs;
        _next = Math.Min(mft[mft.Count - 1].Lcn + mft[mft.Count - 1].Count + _geometry.ClusterCount / 8, _geometry.ClusterCount - 1);
    }

    /// <summary>Free clusters; counted when first asked for.</summary>
    public long FreeClusters => _free ??= CountFree(long.MaxValue);

    /// <summary>An edit begins.</summary>
    public void Begin() => _freeBefore = _free;

    /// <summary>The edit is whole.</summary>
    public void Keep() => _uncommitted.Keep();

    /// <summary>The edit failed. The bitmap goes back with the pages that it lies in.</summary>
    public void Undo()
    {
        _uncommitted.Undo();
        _full.Clear();
        _bitmap.Clear();
        _free = _freeBefore;
    }

    /// <summary>Everything is durable: what was freed may be used again, what was fresh no longer is.</summary>
    public void Committed()
    {
        if (!_uncommitted.Freed.IsEmpty)
            _full.Clear();
        _uncommitted.Clear();
    }

    /// <summary>The volume went back to the last commit.</summary>
    public void ForgetAll()
    {
        _uncommitted.Clear();
        _full.Clear();
        _bitmap.Clear();
        _free = null;
        if (_moved is { } moved)
            NtfsResidentBitmaps.MoveClustersAgain(moved.Volume, moved.Changes, moved.Mapped);
    }

    private void Forget()
    {
        _free = null;
        _full.Clear();
    }

    /// <summary>Whether no committed structure refers to any of these clusters.</summary>
    public bool IsFresh(long cluster, long count) => _uncommitted.IsFresh(cluster, count);

    /// <summary>As <see cref="IsFresh"/>, of bytes of the volume.</summary>
    public bool IsFreshRange(long offset, long length)
    {
        var first = offset >> _geometry.ClusterShift;
        return IsFresh(first, (offset + length - 1 >> _geometry.ClusterShift) - first + 1);
    }

    /// <summary>Whether so many clusters are free, beside those that are <see cref="Promised"/>.</summary>
    public bool HasRoom(long clusters) => (_free ?? CountFree(clusters + Promised)) >= clusters + Promised;

    /// <summary>Where so many clusters lie in one piece, or the longest piece that is found soon; below 0 when there is none.</summary>
    public long SeekRoom(long wanted)
    {
        var run = Find(_next, Math.Min(wanted, PageBits));
        return run.Length > 0 ? run.Start : -1;
    }

    public VolumeFullException Full(long wanted) => new("bytes", wanted << _geometry.ClusterShift, FreeClusters << _geometry.ClusterShift);

    /// <summary>Takes clusters in one piece.</summary>
    /// <param name="goal">The cluster at or behind which they should lie; below 0 where that does not matter.</param>
    /// <param name="wanted">How many; at least 1.</param>
    /// <returns>The first one, and how many from there on: fewer where there is no such run nearby.</returns>
    /// <exception cref="VolumeFullException">There is none.</exception>
    public LongRange Take(long goal, long wanted)
    {
        var isFree = goal < 0 || goal >= _bitmap.Count;
        if (isFree)
            goal = _next;
        var most = Math.Min(wanted, PageBits);
        var run = _uncommitted.FreeAt(Page(goal / PageBits), goal % PageBits, most);
        if (run.Length == 0 || (isFree && run.Length < most))
            run = Find(goal, most);
        var fresh = run.Length > 0;
        if (!fresh)
        {
            if (_uncommitted.Freed.IsEmpty)
                throw Full(wanted);
            run = new LongRange(_uncommitted.Freed[0].Start, Math.Min(_uncommitted.Freed[0].Length, most));
        }
        _bitmap.Set(run.Start, run.Length, true);
        _free -= run.Length;
        _uncommitted.Take(run, fresh);
        if (isFree)
            _next = run.End < _bitmap.Count ? run.End : 0;
        return run;
    }

    /// <summary>As <see cref="Take"/>, for the blocks of an index.</summary>
    public LongRange TakeForIndex(long goal, long wanted)
    {
        if (IsFreeAt(goal))
            return Take(goal, wanted);
        if (!IsFreeAt(_nextIndex))
        {
            var size = Math.Min(IndexStretch >> _geometry.ClusterShift, _geometry.ClusterCount / IndexShare);
            var stretch = size < 2 * wanted ? default : Find(_next, size);
            if (stretch.Length < 2 * wanted)
                return Take(goal, wanted);
            _nextIndex = stretch.Start;
            _next = stretch.End < _bitmap.Count ? stretch.End : 0;
        }
        var taken = Take(_nextIndex, wanted);
        _nextIndex = taken.End;
        return taken;
    }

    /// <summary>Gives clusters back.</summary>
    /// <exception cref="DiskFormatException">Some of them are free already: two files have them, or the bitmap is wrong.</exception>
    public void Release(long cluster, long count)
    {
        if (!_geometry.IsRange(cluster, count))
            throw new DiskFormatException("NTFS-0900", "$Bitmap", -1, $"clusters {cluster}..{cluster + count - 1} are outside of the volume and cannot be freed");
        // What is cut off has no bits any more.
        count = Math.Min(count, _bitmap.Count - cluster);
        if (count <= 0)
            return;
        var used = _bitmap.Set(cluster, count, false);
        if (used != count)
            throw new DiskFormatException("NTFS-0900", "$Bitmap", -1, $"clusters {cluster}..{cluster + count - 1} are to be freed, and {count - used} of them are free already");
        _free += count;
        for (var page = cluster / PageBits; page <= (cluster + count - 1) / PageBits; page++)
            _full.Remove(page, 1);
        _uncommitted.Free(cluster, cluster + count);
    }

    // Counting may end when so many were found.
    private long CountFree(long enough)
    {
        var free = 0L;
        for (var page = 0L; page < _bitmap.PageCount && free < enough; page++)
        {
            var bits = _bitmap.BitsIn(page);
            free += bits - BitWords.CountSet(_bitmap.Words(page), 0, bits);
        }
        return free;
    }

    private LongRange Find(long goal, long wanted)
    {
        var best = default(LongRange);
        var looked = 0;
        var goalPage = goal / PageBits;
        for (var wrapped = false; ; wrapped = true)
        {
            var end = wrapped ? goalPage + 1 : _bitmap.PageCount;
            for (var page = wrapped ? 0 : goalPage; page < end; page++)
            {
                if (_full.NextGap(page, end) is not { } gap)
                    break;
                page = gap.Start;
                var from = page == goalPage && !wrapped ? goal % PageBits : 0;
                var run = default(LongRange);
                _uncommitted.Find(Page(page), from, _bitmap.BitsIn(page), wanted, ref run);
                if (run.Length >= wanted)
                    return run;
                if (run.Length == 0 && from == 0)
                    _full.Add(page, 1);
                if (run.Length > best.Length)
                    best = run;
                if (best.Length > 0 && ++looked >= MaxPages)
                    return best;
            }
            if (wrapped)
                return best;
        }
    }

    private bool IsFreeAt(long cluster) => cluster >= 0 && cluster < _bitmap.Count && _uncommitted.FreeAt(Page(cluster / PageBits), cluster % PageBits, 1).Length > 0;

    private BitmapPage Page(long number) => new(_bitmap.Words(number), number * PageBits, _bitmap.BitsIn(number));
}
