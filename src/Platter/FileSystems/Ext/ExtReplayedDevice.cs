using System.Buffers.Binary;
using Platter.Blocks;

namespace Platter.FileSystems.Ext;

/// <summary>A volume as it is after the replay of its journal, with nothing written: blocks that were logged are read from the log.</summary>
internal sealed class ExtReplayedDevice : BlockDevice
{
    private readonly BlockDevice _inner;
    private readonly int _logBlockSize;
    private readonly Dictionary<long, JbdCopy> _copies;
    private readonly long[] _numbers;

    /// <param name="inner">The volume's device; not disposed with this.</param>
    /// <param name="copies">Where the newest copies of blocks are.</param>
    /// <param name="logBlockSize">log2 of the bytes in a block.</param>
    public ExtReplayedDevice(BlockDevice inner, Dictionary<long, JbdCopy> copies, int logBlockSize)
    {
        _inner = inner;
        _copies = copies;
        _logBlockSize = logBlockSize;
        _numbers = new long[copies.Count];
        copies.Keys.CopyTo(_numbers, 0);
        Array.Sort(_numbers);
    }

    public override long Length => _inner.Length;
    public override int SectorSize => _inner.SectorSize;
    public override bool CanWrite => false;

    public override void Flush()
    {
        // Nothing is ever written.
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        return Merged(_inner, _numbers, _logBlockSize, offset, length);
    }

    /// <summary>The ranges of a device that may hold anything, when some blocks of it are replaced.</summary>
    internal static IEnumerable<ByteRange> Merged(BlockDevice below, IEnumerable<long> blocks, int logBlockSize, long offset, long length)
    {
        var ranges = new Primitives.RangeSet();
        foreach (var range in below.AllocatedRanges(offset, length))
            ranges.Add(range.Offset, range.Length);
        foreach (var block in blocks)
        {
            var from = Math.Max(block << logBlockSize, offset);
            var end = Math.Min(block + 1 << logBlockSize, offset + length);
            if (end > from)
                ranges.Add(from, end - from);
        }
        return ranges.Select(r => new ByteRange(r.Start, r.Length)).ToList();
    }

    private protected override HostExtent? FindOnHostCore(long offset, long length)
    {
        var next = NextCopy(offset >> _logBlockSize);
        var direct = next < 0 ? length : Math.Min(length, (next << _logBlockSize) - offset);
        return direct > 0 ? _inner.FindOnHost(offset, direct) : null;
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var block = offset >> _logBlockSize;
            var next = NextCopy(block);
            var start = next < 0 ? long.MaxValue : next << _logBlockSize;
            if (start > offset)
            {
                var direct = (int)Math.Min(buffer.Length, start - offset);
                _inner.Read(offset, buffer[..direct]);
                offset += direct;
                buffer = buffer[direct..];
                continue;
            }
            var within = (int)(offset - start);
            var length = Math.Min(buffer.Length, (1 << _logBlockSize) - within);
            ReadCopy(_copies[block], within, buffer[..length]);
            offset += length;
            buffer = buffer[length..];
        }
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) =>
        throw new UnauthorizedAccessException("the recovered view of a volume is for reading only");

    private void ReadCopy(in JbdCopy copy, int within, Span<byte> part)
    {
        _inner.Read((copy.Physical << _logBlockSize) + within, part);
        if (!copy.IsEscaped)
            return;
        Span<byte> magic = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(magic, JbdHeader.MagicValue);
        for (var i = within; i < magic.Length && i - within < part.Length; i++)
            part[i - within] = magic[i];
    }

    // The first logged block from this one on; -1 for none.
    private long NextCopy(long block)
    {
        var at = Array.BinarySearch(_numbers, block);
        if (at < 0)
            at = ~at;
        return at < _numbers.Length ? _numbers[at] : -1;
    }
}
