using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images;

/// <summary>The disk in a fixed VHD: the file without its footer, whose time moves on when the disk is changed.</summary>
internal sealed class VhdFixedDisk : BlockDevice
{
    private readonly BlockDevice _host;
    private readonly bool _stampsFooter;
    private VhdFooter _footer;
    private bool _changed, _stamped;

    /// <param name="host">The whole file.</param>
    /// <param name="footer">The footer at its end.</param>
    /// <param name="length">Bytes of the disk.</param>
    /// <param name="isNew">Whether the image is being made: then the footer's time is not touched.</param>
    internal VhdFixedDisk(BlockDevice host, in VhdFooter footer, long length, bool isNew)
    {
        _host = host;
        _footer = footer;
        _stampsFooter = !isNew && footer.IsWhole;
        Length = length;
    }

    public override long Length { get; }
    public override int SectorSize => _host.SectorSize;
    public override bool CanWrite => _host.CanWrite;
    public override bool CanRollback => _host.CanRollback;

    /// <summary>What the footer says, or will with the next commit.</summary>
    internal VhdFooter Footer => _footer;

    public override void Flush()
    {
        if (_changed && _stampsFooter && !_stamped)
        {
            _footer.Touch();
            _host.Write(_host.Length - VhdFooter.Size, OnDisk.Bytes(ref _footer));
            _stamped = true;
        }
        _host.Flush();
    }

    public override void Rollback()
    {
        _host.Rollback();
        _changed = _stamped = false;
        if (_stampsFooter)
            VhdFooter.FindLast(_host, out _footer);
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        return _host.AllocatedRanges(offset, length);
    }

    private protected override HostExtent? FindOnHostCore(long offset, long length) => _host.FindOnHost(offset, length);

    protected override void ReadCore(long offset, Span<byte> buffer) => _host.Read(offset, buffer);

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        _changed = true;
        _host.Write(offset, data);
    }

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data)
    {
        _changed = true;
        _host.WriteFresh(offset, data);
    }

    protected override void DiscardCore(long offset, long length)
    {
        _changed = true;
        _host.Discard(offset, length);
    }

    protected override void WriteZerosCore(long offset, long length)
    {
        _changed = true;
        _host.WriteZeros(offset, length);
    }
}
