using Platter.Blocks;
using Platter.FileSystems.Clusters;
using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>The device as an exFAT volume writes to it: with the first write the volume becomes dirty, and with the commit clean again.</summary>
/// <remarks>
/// <para>Microsoft "exFAT file system specification", sections 3.1.13.2 and 3.1.18. VolumeFlags and PercentInUse lie outside the boot checksum; the
/// backup's are never looked at. A volume that was found dirty stays so: nobody has checked it.</para>
/// <para>Above a transaction device the mark never shows, since all or nothing arrives; elsewhere it is made durable before anything else.</para>
/// </remarks>
internal sealed class ExFatState(BlockDevice inner, ExFatGeometry geometry) : BlockDevice
{
    private const int VolumeFlagsOffset = 0x6A, PercentInUseOffset = 0x70;

    // Bytes of bitmap that are read to say how full the volume is: 2^29 clusters.
    private const long MostBitmapCounted = 64 << 20;

    private const byte PercentNotKnown = 0xFF;

    private bool _isMarked;

    public override long Length => inner.Length;
    public override int SectorSize => inner.SectorSize;
    public override bool CanWrite => inner.CanWrite;
    public override bool CanRollback => inner.CanRollback;

    /// <summary>Whether something was written since the last commit.</summary>
    public bool HasWritten => _isMarked;

    public override void Flush() => inner.Flush();

    public override void Rollback()
    {
        inner.Rollback();
        _isMarked = false;
    }

    /// <summary>Everything is written: the volume is as clean as it was found, and durable.</summary>
    public void Commit(ClusterSpace space)
    {
        if (_isMarked)
        {
            if (!inner.CanRollback)
                inner.Flush();
            WriteFlags(geometry.Flags & ~ExFatVolumeFlags.ClearToZero);
            inner.Write(PercentInUseOffset, [PercentInUse(space)]);
            _isMarked = false;
        }
        inner.Flush();
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length) => inner.AllocatedRanges(offset, length);

    private protected override HostExtent? FindOnHostCore(long offset, long length) => inner.FindOnHost(offset, length);

    protected override void ReadCore(long offset, Span<byte> buffer) => inner.Read(offset, buffer);

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        Mark();
        inner.Write(offset, data);
    }

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data)
    {
        Mark();
        inner.WriteFresh(offset, data);
    }

    protected override void WriteZerosCore(long offset, long length)
    {
        Mark();
        inner.WriteZeros(offset, length);
    }

    protected override void DiscardCore(long offset, long length) => inner.Discard(offset, length);

    private void Mark()
    {
        if (_isMarked)
            return;
        WriteFlags((geometry.Flags | ExFatVolumeFlags.VolumeDirty) & ~ExFatVolumeFlags.ClearToZero);
        if (!inner.CanRollback)
            inner.Flush();
        _isMarked = true;
    }

    private void WriteFlags(ExFatVolumeFlags flags)
    {
        var field = new ExFatVolumeFlagBits { Flags = flags };
        inner.Write(VolumeFlagsOffset, OnDisk.Bytes(in field));
    }

    private byte PercentInUse(ClusterSpace space)
    {
        if (space.KnownFreeClusters < 0 && geometry.BitmapLength > MostBitmapCounted)
            return PercentNotKnown;
        return (byte)((geometry.ClusterCount - space.FreeClusters) * 100 / geometry.ClusterCount);
    }
}
