using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>Finds the fewest clusters that a volume can have: as many as are in use, and some more where what moves has to be cut, so that maps get longer. That is tried, not
/// computed.</summary>
/// <param name="volume">The volume.</param>
/// <param name="works">Whether all of it goes into so many clusters.</param>
internal sealed class NtfsLeastLength(NtfsEditState volume, Func<long, bool> works)
{
    /// <summary>The fewest clusters that work, below which one less does not.</summary>
    /// <param name="tooFew">So many do not work.</param>
    public long Find(long tooFew)
    {
        var least = Math.Max(InUse(), tooFew + 1);
        // Behind the last one that fails lies the first one that works.
        var (fails, good) = (tooFew, volume.Geometry.ClusterCount);
        var step = 1L;
        if (least < good && works(least))
        {
            good = least;
            for (var less = least - 1; less > fails; less -= step, step *= 2)
            {
                if (!works(less))
                {
                    fails = less;
                    break;
                }
                good = less;
            }
        }
        else
        {
            fails = Math.Min(least, good - 1);
            for (var more = fails + 1; more < good; more += step, step *= 2)
            {
                if (works(more))
                {
                    good = more;
                    break;
                }
                fails = more;
            }
        }
        while (good - fails > 1)
        {
            var middle = fails + (good - fails) / 2;
            if (works(middle))
                good = middle;
            else
                fails = middle;
        }
        return good;
    }

    // $Bitmap gets shorter, and bad clusters behind the end need no room.
    private long InUse()
    {
        var geometry = volume.Geometry;
        var bad = NtfsResizedBitmap.OpenBad(volume)?.Runs ?? new NtfsRunList();
        var bitmap = volume.File(new NtfsReference(NtfsMft.BitmapRecord, 0)).Open(NtfsAttributeType.Data)!.Runs.End;
        var others = geometry.ClusterCount - volume.Space.FreeClusters - bad.Allocated - bitmap;
        var clusters = 0L;
        for (var needed = 1L; needed > clusters && clusters < geometry.ClusterCount;)
        {
            clusters = needed;
            needed = others + BadBefore(bad, clusters) + Math.Min(bitmap, geometry.ClustersFor(NtfsResizedBitmap.LengthFor(clusters)));
        }
        return Math.Min(clusters, geometry.ClusterCount);
    }

    private static long BadBefore(NtfsRunList bad, long end)
    {
        var count = 0L;
        foreach (var run in bad.Runs)
            count += run.IsHole ? 0 : Math.Clamp(end - run.Lcn, 0, run.Count);
        return count;
    }
}
