using Platter.Blocks;

namespace Platter.Testing.Volumes;

/// <summary>A sparse device in memory that can roll back, as a volume sees it above a transaction device.</summary>
/// <remarks>It keeps the contract in the least friendly way: <see cref="BlockDevice.WriteFresh"/> stays after a rollback, and a
/// discarded range reads as zeros at once. So a filesystem that breaks one of its promises is found out.</remarks>
public sealed class ScratchDevice(long length, int sectorSize = 512) : BlockDevice
{
    private const int PageLength = 1 << 16;
    private readonly SortedDictionary<long, byte[]> _pages = [];
    private readonly List<(long Offset, byte[] Old)> _undo = [];

    public override long Length => length;
    public override int SectorSize => sectorSize;
    public override bool CanWrite => true;
    public override bool CanRollback => true;

    /// <summary>Bytes read since the device was made: tells whether something is read lazily.</summary>
    public long BytesRead { get; private set; }

    /// <summary>Whether something was written since the last flush.</summary>
    public bool IsDirty => _undo.Count > 0;

    public override void Flush() => _undo.Clear();

    public override void Rollback()
    {
        for (var i = _undo.Count - 1; i >= 0; i--)
            Put(_undo[i].Offset, _undo[i].Old);
        _undo.Clear();
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        var start = -1L;
        var end = -1L;
        foreach (var (page, _) in _pages)
        {
            var from = Math.Max(page * PageLength, offset);
            var to = Math.Min((page + 1) * PageLength, offset + length);
            if (from >= to)
                continue;
            if (from != end)
            {
                if (end > start)
                    yield return new ByteRange(start, end - start);
                start = from;
            }
            end = to;
        }
        if (end > start)
            yield return new ByteRange(start, end - start);
    }

    /// <summary>Another device with the same bytes.</summary>
    public ScratchDevice Copy() => CopyOf(AllocatedRanges());

    /// <summary>Another device that has the bytes of these ranges only: what used-only imaging would restore.</summary>
    public ScratchDevice CopyOf(IEnumerable<ByteRange> ranges)
    {
        var copy = new ScratchDevice(Length, SectorSize);
        var buffer = new byte[PageLength];
        foreach (var range in ranges)
        {
            for (var at = range.Offset; at < range.End; at += PageLength)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(PageLength, range.End - at));
                Read(at, part);
                copy.Put(at, part);
            }
        }
        return copy;
    }

    /// <summary>Writes the bytes to a host file, sparsely, for a tool to look at.</summary>
    public void SaveTo(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        file.SetLength(Length);
        foreach (var (page, bytes) in _pages)
        {
            if (!bytes.AsSpan().ContainsAnyExcept((byte)0))
                continue;
            file.Position = page * PageLength;
            file.Write(bytes, 0, (int)Math.Min(PageLength, Length - page * PageLength));
        }
    }

    /// <summary>Has somebody look at the bytes in a host file, which is gone afterwards.</summary>
    public T InFile<T>(Func<string, T> look)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        SaveTo(path);
        return look(path);
    }

    /// <summary>The bytes of a host file as a device that shares nothing with it.</summary>
    public static ScratchDevice Load(string path, int sectorSize = 512)
    {
        using var file = File.OpenRead(path);
        var device = new ScratchDevice(file.Length, sectorSize);
        var buffer = new byte[1 << 16];
        for (var at = 0L; at < file.Length;)
        {
            var count = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            if (buffer.AsSpan(0, count).ContainsAnyExcept((byte)0))
                device.WriteFresh(at, buffer.AsSpan(0, count));
            at += count;
        }
        return device;
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        BytesRead += buffer.Length;
        Get(offset, buffer);
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        Remember(offset, data.Length);
        Put(offset, data);
    }

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data) => Put(offset, data);

    protected override void DiscardCore(long offset, long length) => WriteZerosCore(offset, length);

    protected override void WriteZerosCore(long offset, long length)
    {
        for (var done = 0L; done < length;)
        {
            var n = (int)Math.Min(length - done, PageLength - (offset + done) % PageLength);
            if (_pages.TryGetValue((offset + done) / PageLength, out var page))
            {
                Remember(offset + done, n);
                page.AsSpan((int)((offset + done) % PageLength), n).Clear();
            }
            done += n;
        }
    }

    private void Remember(long offset, int length)
    {
        var old = new byte[length];
        Get(offset, old);
        _undo.Add((offset, old));
    }

    private void Get(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var within = (int)(offset % PageLength);
            var n = Math.Min(buffer.Length, PageLength - within);
            if (_pages.TryGetValue(offset / PageLength, out var page))
                page.AsSpan(within, n).CopyTo(buffer);
            else
                buffer[..n].Clear();
            buffer = buffer[n..];
            offset += n;
        }
    }

    private void Put(long offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var within = (int)(offset % PageLength);
            var n = Math.Min(data.Length, PageLength - within);
            if (!_pages.TryGetValue(offset / PageLength, out var page))
                _pages[offset / PageLength] = page = new byte[PageLength];
            data[..n].CopyTo(page.AsSpan(within));
            data = data[n..];
            offset += n;
        }
    }
}
