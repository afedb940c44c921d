using Platter.Blocks;

namespace Platter.Images.Vmdk;

/// <summary>A file that holds a part of the disk.</summary>
/// <param name="Name">As the descriptor names it.</param>
/// <param name="Host">Its bytes.</param>
/// <param name="Layout">Of a sparse one.</param>
/// <param name="Disk">The part of the disk that it holds.</param>
internal sealed record VmdkExtentFile(string Name, BlockDevice Host, VmdkLayout? Layout, BlockDevice Disk);

/// <summary>A disk in several files, one after the other. It is written to where all of them can be: they are parts of one transaction then, or
/// the image is being made.</summary>
/// <param name="descriptor">The file with the descriptor.</param>
/// <param name="isNew">Whether the image is being made: then its content id stays.</param>
internal sealed class VmdkExtentsDisk(BlockDevice descriptor, bool isNew = false) : BlockDevice
{
    private readonly List<Part> _parts = [];
    private readonly List<VmdkExtentFile> _files = [];
    private long _length;
    private bool _changed, _stamped;        // since the last commit; since the image was opened

    /// <param name="Offset">Where the part lies on the disk.</param>
    /// <param name="Length">Bytes.</param>
    /// <param name="Device">Its bytes; null for zeros.</param>
    private readonly record struct Part(long Offset, long Length, BlockDevice? Device);

    /// <summary>The files that hold the parts.</summary>
    internal IReadOnlyList<VmdkExtentFile> Files => _files;

    public override long Length => _length;
    public override bool CanWrite => descriptor.CanWrite && _parts.TrueForAll(p => p.Device is { CanWrite: true });
    public override bool CanRollback => CanWrite && descriptor.CanRollback;

    public override void Flush()
    {
        if (!CanWrite)
            return;
        if (_changed && !_stamped && !isNew)
        {
            _stamped = true;
            VmdkDescriptor.Stamp(descriptor, 0, descriptor.Length);
        }
        foreach (var part in _parts)
            part.Device!.Flush();
        descriptor.Flush();
        _changed = false;
    }

    public override void Rollback()
    {
        descriptor.Rollback();
        (_changed, _stamped) = (false, false);
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
        return Ranges(offset, offset + length).Joined();
    }

    private protected override HostExtent? FindOnHostCore(long offset, long length)
    {
        var part = _parts[Find(offset)];
        return part.Device?.FindOnHost(offset - part.Offset, Math.Min(length, part.Offset + part.Length - offset));
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

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        foreach (var (device, from, count) in Cut(offset, data.Length))
        {
            device.Write(from, data[..(int)count]);
            data = data[(int)count..];
        }
    }

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data)
    {
        foreach (var (device, from, count) in Cut(offset, data.Length))
        {
            device.WriteFresh(from, data[..(int)count]);
            data = data[(int)count..];
        }
    }

    protected override void WriteZerosCore(long offset, long length)
    {
        foreach (var (device, from, count) in Cut(offset, length))
            device.WriteZeros(from, count);
    }

    protected override void DiscardCore(long offset, long length)
    {
        foreach (var (device, from, count) in Cut(offset, length))
            device.Discard(from, count);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _files.ForEach(f => f.Host.Dispose());
        base.Dispose(disposing);
    }

    // The pieces of a range that is to be changed; every part has its bytes somewhere then.
    private IEnumerable<(BlockDevice Device, long From, long Count)> Cut(long offset, long length)
    {
        _changed = true;
        for (var number = Find(offset); length > 0; number++)
        {
            var part = _parts[number];
            var count = Math.Min(length, part.Offset + part.Length - offset);
            yield return (part.Device!, offset - part.Offset, count);
            offset += count;
            length -= count;
        }
    }

    private IEnumerable<ByteRange> Ranges(long offset, long end)
    {
        for (var number = Find(offset); number < _parts.Count && _parts[number].Offset < end; number++)
        {
            var part = _parts[number];
            var from = Math.Max(offset, part.Offset);
            foreach (var range in part.Device?.AllocatedRanges(from - part.Offset, Math.Min(end, part.Offset + part.Length) - from) ?? [])
                yield return range with { Offset = range.Offset + part.Offset };
        }
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
