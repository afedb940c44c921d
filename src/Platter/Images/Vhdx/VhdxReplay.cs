using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Vhdx;

/// <summary>The changes that a log demands: sectors of 4096 bytes, and runs of zeros beneath them.</summary>
/// <remarks>The sectors stay in the log until they are needed; here is only where.</remarks>
/// <param name="host">The file.</param>
/// <param name="log">Where its log lies; nothing is replayed into that.</param>
internal sealed class VhdxReplay(BlockDevice host, ByteRange log)
{
    private const int SectorSize = VhdxLog.SectorSize;

    // 64 TiB of disk and the tables for it fit twice.
    private const long LargestFile = 128L << 40;

    private readonly Dictionary<long, Sector> _sectors = [];    // by number of sector in the file
    private readonly RangeSet _zeros = new();                   // numbers of sectors

    /// <summary>A sector in the log, and the bytes of it whose place the log needed for itself.</summary>
    private readonly record struct Sector(long LogOffset, ulong Leading, uint Trailing);

    /// <summary>Bytes of the file once everything is in place.</summary>
    internal long Length { get; private set; } = host.Length;

    internal void AddZeros(in VhdxLogDescriptor descriptor, long place)
    {
        var first = Check(descriptor, descriptor.LeadingBytes, place);
        var count = (long)(descriptor.LeadingBytes / SectorSize);
        if (count > _sectors.Count)
        {
            foreach (var number in _sectors.Keys.Where(n => n >= first && n - first < count).ToList())
                _sectors.Remove(number);
        }
        else
        {
            for (var number = first; number < first + count; number++)
                _sectors.Remove(number);
        }
        _zeros.Add(first, count);
    }

    internal void AddData(in VhdxLogDescriptor descriptor, long logOffset, long place)
    {
        var number = Check(descriptor, SectorSize, place);
        _sectors[number] = new Sector(logOffset, descriptor.LeadingBytes, descriptor.TrailingBytes);
    }

    /// <summary>Everything is added.</summary>
    /// <param name="lastFileOffset">What the last entry says of the file's length.</param>
    /// <param name="place">Where that entry stands.</param>
    internal void Complete(ulong lastFileOffset, long place)
    {
        if (lastFileOffset > LargestFile)
            throw new DiskFormatException("VHDX-0013", "VhdxLogEntry.lastFileOffset", place, $"found {lastFileOffset}, expected at most {LargestFile}");
        Length = Math.Max(Length, (long)lastFileOffset);
    }

    /// <summary>Brings everything into its place; not durable yet.</summary>
    internal void ApplyTo(ResizableDevice file)
    {
        if (file.Length < Length)
            file.SetLength(Length);
        foreach (var run in _zeros)
            file.WriteZeros(run.Start * SectorSize, run.Length * SectorSize);
        Span<byte> content = stackalloc byte[SectorSize];
        foreach (var number in _sectors.Keys.Order())
        {
            Restore(_sectors[number], content);
            file.Write(number * SectorSize, content);
        }
    }

    /// <summary>Reads as if everything were in its place.</summary>
    internal void Read(long offset, Span<byte> buffer)
    {
        Span<byte> content = stackalloc byte[SectorSize];
        while (!buffer.IsEmpty)
        {
            var number = offset / SectorSize;
            var from = (int)(offset % SectorSize);
            var part = buffer[..Math.Min(buffer.Length, SectorSize - from)];
            if (_sectors.TryGetValue(number, out var sector))
            {
                Restore(sector, content);
                content.Slice(from, part.Length).CopyTo(part);
            }
            else if (_zeros.Contains(number))
            {
                part.Clear();
            }
            else
            {
                // As much in one go as the log doesn't touch.
                var end = number + 1;
                while ((end - number) * SectorSize - from < buffer.Length && !_sectors.ContainsKey(end) && !_zeros.Contains(end))
                    end++;
                part = buffer[..(int)Math.Min(buffer.Length, (end - number) * SectorSize - from)];
                PageOverlay.ReadBelow(host, offset, part);
            }
            offset += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    /// <summary>The ranges that may hold anything but zeros once everything is in its place.</summary>
    internal IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        var ranges = new RangeSet();
        var there = Math.Clamp(host.Length - offset, 0, length);
        foreach (var range in host.AllocatedRanges(Math.Min(offset, host.Length), there))
            ranges.Add(range.Offset, range.Length);
        foreach (var run in _zeros)
            ranges.Remove(run.Start * SectorSize, run.Length * SectorSize);
        foreach (var number in _sectors.Keys)
            ranges.Add(number * SectorSize, SectorSize);
        return ranges.Enumerate(offset, length).Select(r => new ByteRange(r.Start, r.Length)).ToList();
    }

    private void Restore(in Sector sector, Span<byte> content)
    {
        host.Read(sector.LogOffset, content);
        OnDisk.Edit<U64Le>(content) = sector.Leading;
        OnDisk.Edit<U32Le>(content, SectorSize - 4) = sector.Trailing;
    }

    private long Check(in VhdxLogDescriptor descriptor, ulong length, long place)
    {
        ulong offset = descriptor.FileOffset;
        if (offset % SectorSize != 0 || length % SectorSize != 0 || offset > (ulong)LargestFile || length > (ulong)LargestFile - offset)
            throw new DiskFormatException("VHDX-0014", "VhdxLogDescriptor", place, $"found {length} bytes at {offset}, expected whole sectors of {SectorSize} within {LargestFile} bytes");
        // Identifier and headers are written without the log, which would otherwise replace itself.
        if (offset < (ulong)VhdxFormatConstants.RegionTableOffsets[0] || (offset < (ulong)log.End && offset + length > (ulong)log.Offset))
            throw new DiskFormatException("VHDX-0014", "VhdxLogDescriptor", place, $"found {length} bytes at {offset}, expected them outside of the headers and of the log itself");
        Length = Math.Max(Length, (long)(offset + length));
        return (long)(offset / SectorSize);
    }
}

/// <summary>A VHDX file as it will be when its log has been replayed; for who may not write.</summary>
internal sealed class VhdxReplayedDevice(BlockDevice host, VhdxReplay replay, bool ownsHost) : BlockDevice
{
    public override long Length => replay.Length;
    public override int SectorSize => host.SectorSize;
    public override bool CanWrite => false;

    public override void Flush()
    {
        // Nothing is ever written here.
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        return replay.AllocatedRanges(offset, length);
    }

    protected override void ReadCore(long offset, Span<byte> buffer) => replay.Read(offset, buffer);

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => throw new UnauthorizedAccessException("the image is open for reading only");

    protected override void Dispose(bool disposing)
    {
        if (disposing && ownsHost)
            host.Dispose();
        base.Dispose(disposing);
    }
}
