using Platter.Blocks;

namespace Platter.FileSystems.Ext;

/// <summary>A volume's device with some blocks changed in memory: what fast commits make of it, with nothing written.</summary>
internal sealed class ExtChangedDevice(BlockDevice inner, int logBlockSize) : BlockDevice
{
    // A journal that changes more is made to.
    private const long MaxBytes = 256 << 20;

    private readonly SortedDictionary<long, byte[]> _changed = [];

    /// <summary>The blocks that differ from what is below.</summary>
    public IReadOnlyCollection<long> Blocks => _changed.Keys;

    public override long Length => inner.Length;
    public override int SectorSize => inner.SectorSize;
    public override bool CanWrite => true;

    public override void Flush()
    {
        // In memory only.
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        return ExtReplayedDevice.Merged(inner, _changed.Keys, logBlockSize, offset, length);
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        inner.Read(offset, buffer);
        if (_changed.Count == 0)
            return;
        for (var done = 0; done < buffer.Length;)
        {
            var (block, within, count) = Part(offset + done, buffer.Length - done);
            if (_changed.TryGetValue(block, out var bytes))
                bytes.AsSpan(within, count).CopyTo(buffer[done..]);
            done += count;
        }
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        for (var done = 0; done < data.Length;)
        {
            var (block, within, count) = Part(offset + done, data.Length - done);
            if (!_changed.TryGetValue(block, out var bytes))
            {
                if ((long)_changed.Count << logBlockSize >= MaxBytes)
                    throw new UnsupportedFeatureException("fast commits that change more than 256 MiB: mount the volume once, or have e2fsck replay them");
                bytes = new byte[1 << logBlockSize];
                inner.Read(block << logBlockSize, bytes);
                _changed[block] = bytes;
            }
            data.Slice(done, count).CopyTo(bytes.AsSpan(within));
            done += count;
        }
    }

    private (long Block, int Within, int Count) Part(long offset, int left)
    {
        var within = (int)(offset & (1 << logBlockSize) - 1);
        return (offset >> logBlockSize, within, Math.Min(left, (1 << logBlockSize) - within));
    }
}
