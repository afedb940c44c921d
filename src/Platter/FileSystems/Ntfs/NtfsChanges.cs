using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>The volume as it is changed: pages of structures held in memory until they are written, in order.</summary>
/// <remarks>
/// <para>Everything that reads the volume reads it through this. An edit begins with <see cref="Begin"/> and ends with <see cref="Keep"/> or
/// <see cref="Undo"/>: <see cref="ChangedPages"/>.</para>
/// <para>Content of files does not collect here: it goes to the device at once (<see cref="WriteContent"/>), after everything else of its edit has
/// succeeded.</para>
/// </remarks>
/// <param name="device">The volume.</param>
/// <param name="isTrial">Whether it stands for a device of its own that forgets: then nothing is written but by <see cref="WriteBack"/>, and the device below may be
/// one that is only read.</param>
internal sealed class NtfsChanges(BlockDevice device, bool isTrial = false) : BlockDevice
{
    private const int PageShift = 12, PageLength = 1 << PageShift;
    private const int MaxSpareBytes = 16 << 20, MaxRunBytes = 1 << 18;

    private readonly ChangedPages _pages = new(PageLength, MaxSpareBytes);

    public override long Length => device.Length;
    public override int SectorSize => device.SectorSize;
    public override bool CanWrite => isTrial || device.CanWrite;

    /// <summary>Bytes of changed pages held.</summary>
    public long HeldBytes => (long)_pages.Count << PageShift;

    /// <summary>Bytes written to the device since the last commit.</summary>
    public long WrittenBytes { get; set; }

    /// <summary>An edit begins. What was changed since the last one stays.</summary>
    public void Begin() => Keep();

    /// <summary>The edit succeeded.</summary>
    public void Keep() => _pages.Keep();

    /// <summary>The edit failed: every page is what it was.</summary>
    public void Undo() => _pages.Undo();

    /// <summary>Holds the pages of a range: writing there, before the next edit begins or this one ends, can't fail.</summary>
    public void Hold(long offset, int length)
    {
        for (var done = 0; done < length;)
        {
            var (number, _, count) = Part(offset + done, length - done);
            Edit(number, isWhole: false);
            done += count;
        }
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        _pages.Clear();
        WrittenBytes = 0;
    }

    /// <summary>Writes content of a file to the device; pages that hold a part of it follow.</summary>
    /// <param name="offset">Bytes from the start of the volume.</param>
    /// <param name="data">The content.</param>
    /// <param name="isFresh">Whether no committed structure refers to the range.</param>
    public void WriteContent(long offset, ReadOnlySpan<byte> data, bool isFresh)
    {
        if (isFresh)
            device.WriteFresh(offset, data);
        else
            device.Write(offset, data);
        WrittenBytes += data.Length;
        if (_pages.Count == 0)
            return;
        for (var done = 0; done < data.Length;)
        {
            var (number, within, count) = Part(offset + done, data.Length - done);
            if (_pages.Contains(number))
                data.Slice(done, count).CopyTo(Edit(number, isWhole: false).AsSpan(within));
            done += count;
        }
    }

    /// <summary>As <see cref="WriteContent"/>, of zeros, which the device may have a shorter way for.</summary>
    public void WriteZeroContent(long offset, long length)
    {
        device.WriteZeros(offset, length);
        WrittenBytes += length;
        if (_pages.Count == 0)
            return;
        for (var done = 0L; done < length;)
        {
            var (number, within, count) = Part(offset + done, (int)Math.Min(length - done, PageLength));
            if (_pages.Contains(number))
                Edit(number, isWhole: false).AsSpan(within, count).Clear();
            done += count;
        }
    }

    /// <summary>Writes every changed page to the device, in order.</summary>
    /// <param name="isFresh">Whether no committed structure refers to a range, in bytes.</param>
    public void WriteBack(Func<long, long, bool> isFresh)
    {
        var numbers = _pages.SortedNumbers();
        var run = new byte[Math.Min(MaxRunBytes, numbers.Length << PageShift)];
        for (var i = 0; i < numbers.Length;)
        {
            var first = (long)numbers[i];
            var fresh = isFresh(first << PageShift, LengthOf(first));
            var length = 0;
            do
            {
                var number = (long)numbers[i];
                _pages.TryGet(number, out var bytes);
                bytes.AsSpan(0, LengthOf(number)).CopyTo(run.AsSpan(length));
                length += LengthOf(number);
                i++;
            }
            while (i < numbers.Length && length < run.Length && (long)numbers[i] == first + (length >> PageShift)
                && isFresh((long)numbers[i] << PageShift, LengthOf((long)numbers[i])) == fresh);
            if (fresh)
                device.WriteFresh(first << PageShift, run.AsSpan(0, length));
            else
                device.Write(first << PageShift, run.AsSpan(0, length));
            WrittenBytes += length;
        }
        _pages.Recycle(numbers);
    }

    public override void Flush()
    {
        if (!isTrial)
            device.Flush();
    }

    private protected override HostExtent? FindOnHostCore(long offset, long length) => _pages.Count == 0 ? device.FindOnHost(offset, length) : null;

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        if (_pages.Count == 0)
        {
            device.Read(offset, buffer);
            return;
        }
        // What is not held is read in pieces as long as can be.
        var missing = 0;
        for (var done = 0; done < buffer.Length;)
        {
            var (number, within, count) = Part(offset + done, buffer.Length - done);
            if (_pages.TryGet(number, out var page))
            {
                if (done > missing)
                    device.Read(offset + missing, buffer[missing..done]);
                page.AsSpan(within, count).CopyTo(buffer[done..]);
                missing = done + count;
            }
            done += count;
        }
        if (missing < buffer.Length)
            device.Read(offset + missing, buffer[missing..]);
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        for (var done = 0; done < data.Length;)
        {
            var (number, within, count) = Part(offset + done, data.Length - done);
            data.Slice(done, count).CopyTo(Edit(number, isWhole: count == PageLength).AsSpan(within));
            done += count;
        }
    }

    // A page to be changed; one that is going to be written whole need not be read.
    private byte[] Edit(long number, bool isWhole)
    {
        if (_pages.TryEdit(number, out var held))
            return held;
        var bytes = _pages.Rent();
        if (!isWhole)
            device.Read(number << PageShift, bytes.AsSpan(0, LengthOf(number)));
        _pages.Add(number, bytes);
        return bytes;
    }

    // The last page may be shorter.
    private int LengthOf(long number) => (int)Math.Min(PageLength, Length - (number << PageShift));

    private static (long Number, int Within, int Count) Part(long offset, int length)
    {
        var within = (int)(offset & PageLength - 1);
        return (offset >> PageShift, within, Math.Min(PageLength - within, length));
    }
}
