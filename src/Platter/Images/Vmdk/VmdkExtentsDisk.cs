using Platter.Blocks;

namespace Platter.Images.Vmdk;

/// <summary>A file that holds a part of the disk.</summary>
/// <param name="Name">As the descriptor names it.</param>
/// <param name="Host">Its bytes.</param>
/// <param name="Layout">Of a sparse one.</param>
/// <param name="Disk">The part of the disk that it holds.</param>
internal sealed record VmdkExtentFile(string Name, BlockDevice Host, VmdkLayout? Layout, BlockDevice Disk);

/// <summary>A disk in several files, one after the other; read only.</summary>
internal sealed class VmdkExtentsDisk : BlockDevice
{
    private readonly List<Part> _parts = [];
    private readonly List<VmdkExtentFile> _files = [];
    private long _length;

    /// <param name="Offset">Where the part lies on the disk.</param>
    /// <param name="Length">Bytes.</param>
    /// <param name="Device">Its bytes; null for zeros.</param>
    private readonly record struct Part(long Offset, long Length, BlockDevice? Device);

    /// <summary>The files that hold the parts.</summary>
    internal IReadOnlyList<VmdkExtentFile> Files => _files;

    public override long Length => _length;
    public override bool CanWrite => false;

    public override void Flush()
    {
        // Nothing is ever written.
    }

    /// <summary>Adds the next part.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="device">At least as long; null for zeros.</param>
    /// <param name="file">The file that holds it; disposed with this.</param>
    internal void Add(long length, BlockDevice? device, VmdkExtentFile? file)
    {
        if (file is not null)
            _files.Add(file);
        if (length > long.MaxValue - _length)
            throw new DiskFormatException("VMDK-0005", "Descriptor, extents", -1, "found more sectors in all extents than a disk can have");
        if (length > 0)
            _parts.Add(new Part(_length, length, device));
        _length += length;
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        return Joined(offset, offset + length);
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        for (var number = Find(offset); !buffer.IsEmpty; number++)
        {
            var part = _parts[number];
            var within = offset - part.Offset;
            var bytes = buffer[..(int)Math.Min(buffer.Length, part.Length - within)];
            if (part.Device is null)
                bytes.Clear();
            else
                part.Device.Read(within, bytes);
            offset += bytes.Length;
            buffer = buffer[bytes.Length..];
        }
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => throw new UnauthorizedAccessException("a disk in several files is read only");

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _files.ForEach(f => f.Host.Dispose());
        base.Dispose(disposing);
    }

    private IEnumerable<ByteRange> Joined(long offset, long end)
    {
        var last = default(ByteRange);
        for (var number = Find(offset); number < _parts.Count && _parts[number].Offset < end; number++)
        {
            var part = _parts[number];
            var from = Math.Max(offset, part.Offset);
            var count = Math.Min(end, part.Offset + part.Length) - from;
            foreach (var range in part.Device?.AllocatedRanges(from - part.Offset, count) ?? [])
            {
                var moved = range with { Offset = range.Offset + part.Offset };
                if (last.Length > 0 && last.End == moved.Offset)
                {
                    last = last with { Length = last.Length + moved.Length };
                    continue;
                }
                if (last.Length > 0)
                    yield return last;
                last = moved;
            }
        }
        if (last.Length > 0)
            yield return last;
    }

    private int Find(long offset)
    {
        int low = 0, high = _parts.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) >>> 1;
            if (_parts[middle].Offset <= offset)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }
}
