using System.Runtime.CompilerServices;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images;

/// <summary>A fixed VHD: the disk's bytes, then the footer.</summary>
/// <remarks>Only the footer's word on the disk's size is needed, and the file's length can stand in for it, so a damaged footer is a
/// finding and no reason not to open.</remarks>
internal sealed class VhdFixedImage : Container, IVhdImage
{
    private readonly VhdFixedDisk _disk;
    private readonly bool _ownsHost;

    /// <param name="host">The whole file.</param>
    /// <param name="footer">The footer at its end.</param>
    /// <param name="isNew">Whether the image is being made: then the footer's time is not touched.</param>
    /// <param name="ownsHost">Whether the host is disposed with this.</param>
    internal VhdFixedImage(BlockDevice host, in VhdFooter footer, bool isNew, bool ownsHost) : base(ContainerFormat.VhdFixed, host)
    {
        _ownsHost = ownsHost;
        var room = FooterOffset;
        // The size is believed when the footer is whole, or when the file is as long as the size says.
        var isPlausible = footer.CurrentSize <= (ulong)room && (footer.ComputeChecksum() == footer.Checksum || footer.CurrentSize == (ulong)room);
        _disk = new VhdFixedDisk(host, footer, isPlausible ? (long)(ulong)footer.CurrentSize : room, isNew);
    }

    public override BlockDevice Disk => _disk;

    public override IReadOnlyList<KeyValuePair<string, string>> Details => [.. _disk.Footer.Describe()];

    VhdFooter IVhdImage.Footer => _disk.Footer;

    private long FooterOffset => Host.Length - VhdFooter.Size;

    public override void Check(CheckReport report)
    {
        var checker = new VhdFooterChecker(report, FooterOffset);
        var footer = _disk.Footer;
        checker.Check(footer);
        if (footer.DataOffset != VhdFooter.NoOffset)
            checker.Add("VHD-0004", Severity.Note, "dataOffset", 0x10, $"found 0x{(ulong)footer.DataOffset:X}, expected 0x{VhdFooter.NoOffset:X} in a fixed disk");
        ulong size = footer.CurrentSize;
        if (size > (ulong)FooterOffset)
            checker.Add("VHD-0005", Severity.Error, "currentSize", 0x30, $"found {size} bytes, but only {FooterOffset} lie before the footer: the file was cut");
        else if (size < (ulong)FooterOffset)
            checker.Add("VHD-0006", Severity.Note, "currentSize", 0x30, $"found {size} bytes, {FooterOffset} lie before the footer: the rest is not part of the disk");
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && _ownsHost)
            Host.Dispose();
        base.Dispose(disposing);
    }
}

internal sealed class VhdFixedFormat : ContainerFormat
{
    public override string Name => "vhd-fixed";
    public override string Description => "fixed VHD";
    public override IReadOnlyList<string> Extensions => [];

    // In a damaged footer the type may be wrong: then what only fixed disks have decides.
    public override bool Recognises(ContainerProbe probe) => ContainerProbe.MayBeVhdFooter(probe.Tail.Span) && IsFixed(probe.Tail.Span);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsFixed(ReadOnlySpan<byte> tail) => VhdFooter.TryView(tail, out var footer)
        && (footer.Type == VhdType.Fixed || (footer.DataOffset == VhdFooter.NoOffset && footer.Checksum != footer.ComputeChecksum()));

    public override Container Open(ContainerProbe probe, bool ownsHost)
    {
        if (!VhdFooter.TryView(probe.Tail.Span, out var footer))
            throw new DiskFormatException("VHD-0001", "VhdFooter.cookie", probe.Host.Length - probe.Tail.Length, "found no footer, expected \"conectix\"");
        return new VhdFixedImage(probe.Host, footer, isNew: false, ownsHost);
    }

    public override long RoundedSize(long size, ContainerOptions options)
    {
        return VhdFormat.Rounded(size, options);
    }

    public override Container Create(ResizableDevice host, long size, ContainerOptions? options, bool ownsHost)
    {
        options ??= new ContainerOptions();
        _ = new ContainerSettings(this, options, []);
        size = RoundedSize(size, options);
        var footer = VhdFooter.New(VhdType.Fixed, size, options);
        Empty(host, size + VhdFooter.Size);
        host.Write(size, OnDisk.Bytes(ref footer));
        return new VhdFixedImage(host, footer, isNew: true, ownsHost);
    }
}
