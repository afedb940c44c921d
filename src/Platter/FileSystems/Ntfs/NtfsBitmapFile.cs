using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>A bitmap that lies in clusters, to be changed: $Bitmap, and the bitmap of $MFT. Read in pages as they are touched.</summary>
/// <remarks>A change goes on to the volume at once, so that nothing is held here that would have to be undone.</remarks>
internal sealed class NtfsBitmapFile(NtfsChanges changes, NtfsGeometry geometry, string structure)
{
    /// <summary>Bits of a page.</summary>
    public const int PageBits = PageBytes * 8;

    private const int PageBytes = 4096, CachedPages = 256;

    private readonly LruCache<ulong[]> _pages = new(CachedPages);
    private NtfsRunList _runs = new();

    /// <summary>Bits in all.</summary>
    public long Count { get; private set; }

    public long PageCount => (Count + PageBits - 1) / PageBits;

    /// <summary>Says where the bitmap lies, now that it is opened or has grown.</summary>
    public void Attach(NtfsRunList runs, long count)
    {
        _runs = runs;
        Count = count;
        _pages.Clear();
    }

    /// <summary>Has fewer bits from now on; what lies behind them is left alone.</summary>
    public void Shorten(long count)
    {
        Count = count;
        _pages.Clear();
    }

    /// <summary>Forgets what was read.</summary>
    public void Clear() => _pages.Clear();

    /// <summary>The words of a page; bits behind the end of the bitmap are not to be asked for.</summary>
    public ReadOnlySpan<ulong> Words(long page) => Load(page);

    /// <summary>How many bits a page has.</summary>
    public int BitsIn(long page) => (int)Math.Min(PageBits, Count - page * PageBits);

    /// <summary>Makes that setting a bit can't fail, before the next edit begins.</summary>
    public void Hold(long bit)
    {
        Load(bit / PageBits);
        var (place, count) = Place(bit / 8, 1);
        if (place >= 0)
            changes.Hold(place, count);
    }

    /// <summary>Sets or clears bits.</summary>
    /// <returns>How many of them were set before.</returns>
    public long Set(long start, long count, bool value)
    {
        var before = 0L;
        for (var at = start; at < start + count;)
        {
            var page = at / PageBits;
            var within = at % PageBits;
            var part = Math.Min(start + count - at, PageBits - within);
            var words = Load(page);
            before += BitWords.CountSet(words, within, part);
            BitWords.Fill(words, within, part, value);
            var (from, to) = ((int)(within / 8), (int)((within + part - 1) / 8 + 1));
            Store(page * PageBytes + from, MemoryMarshal.AsBytes(words.AsSpan())[from..to]);
            at += part;
        }
        return before;
    }

    private ulong[] Load(long page)
    {
        if (_pages.TryGet(page, out var words))
            return words;
        words = new ulong[PageBytes / 8];
        var bytes = MemoryMarshal.AsBytes(words.AsSpan())[..((BitsIn(page) + 7) / 8)];
        for (var done = 0; done < bytes.Length;)
        {
            var (place, count) = Place(page * PageBytes + done, bytes.Length - done);
            if (place >= 0)
                changes.Read(place, bytes.Slice(done, count));
            done += count;
        }
        _pages.Set(page, words);
        return words;
    }

    private void Store(long offset, ReadOnlySpan<byte> bytes)
    {
        for (var done = 0; done < bytes.Length;)
        {
            var (place, count) = Place(offset + done, bytes.Length - done);
            if (place < 0)
                throw new UnsupportedFeatureException($"{structure} has a hole where it is to be changed");
            changes.Write(place, bytes.Slice(done, count));
            done += count;
        }
    }

    // Where a part of the bitmap is on the volume, and how much of it lies there in one piece.
    private (long Place, int Count) Place(long offset, int length)
    {
        var run = _runs.Find(offset >> geometry.ClusterShift)
            ?? throw new DiskFormatException("NTFS-0201", structure, -1, $"byte {offset} is not mapped");
        var within = offset - (run.Vcn << geometry.ClusterShift);
        var count = (int)Math.Min(length, (run.Count << geometry.ClusterShift) - within);
        return (run.IsHole ? -1 : (run.Lcn << geometry.ClusterShift) + within, count);
    }
}
