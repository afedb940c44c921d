using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images;

/// <summary>A fixed VHD: the disk's bytes, then the footer.</summary>
/// <remarks>Only the footer's word on the disk's size is needed, and the file's length can stand in for it, so a damaged footer is a
/// finding and no reason not to open.</remarks>
internal sealed class VhdFixedImage : Container
{
    internal const int FooterSize = 512;

    // The clouds and Hyper-V count time from here (the same specification, "Time Stamp").
    private static readonly DateTimeOffset Epoch = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly VhdFooter _footer;
    private readonly bool _ownsHost;

    internal VhdFixedImage(BlockDevice host, in VhdFooter footer, bool ownsHost) : base(ContainerFormat.VhdFixed, host)
    {
        _footer = footer;
        _ownsHost = ownsHost;
        var room = FooterOffset;
        Disk = new WindowDevice(host, 0, SizeIsPlausible ? Math.Min(room, (long)(ulong)footer.CurrentSize) : room);
    }

    public override BlockDevice Disk { get; }

    public override IReadOnlyList<KeyValuePair<string, string>> Details =>
    [
        new("creator", $"{Text(_footer.CreatorApplication)} {_footer.CreatorVersion >> 16}.{_footer.CreatorVersion & 0xFFFF} on {Text(_footer.CreatorHostOs)}"),
        new("created", Epoch.AddSeconds(_footer.TimeStamp).ToString("yyyy-MM-ddTHH:mm:ssZ")),
        new("identifier", new Guid(_footer.UniqueId, bigEndian: true).ToString()),
        new("geometry", $"{_footer.Cylinders}/{_footer.Heads}/{_footer.SectorsPerTrack}"),
    ];

    private long FooterOffset => Host.Length - FooterSize;

    // The size is believed when the footer is whole, or when the file is as long as the size says.
    private bool SizeIsPlausible =>
        (ulong)_footer.CurrentSize <= (ulong)FooterOffset && (_footer.ComputeChecksum() == _footer.Checksum || _footer.CurrentSize == (ulong)FooterOffset);

    public override void Check(CheckReport report)
    {
        var expected = _footer.ComputeChecksum();
        if (_footer.Cookie != VhdFooter.CookieValue)
            Add(report, "VHD-0001", Severity.Error, "cookie", 0x00, $"found 0x{(ulong)_footer.Cookie:X16}, expected \"conectix\"; the rest of the footer is whole");
        else if (_footer.Checksum != expected)
            Add(report, "VHD-0002", Severity.Error, "checksum", 0x40, $"found 0x{(uint)_footer.Checksum:X8}, expected 0x{expected:X8}: the footer is damaged");
        if (_footer.FileFormatVersion != VhdFooter.Version1)
            Add(report, "VHD-0003", Severity.Warning, "fileFormatVersion", 0x0C, $"found 0x{(uint)_footer.FileFormatVersion:X8}, expected 0x{VhdFooter.Version1:X8}");
        if (_footer.DataOffset != VhdFooter.NoOffset)
            Add(report, "VHD-0004", Severity.Note, "dataOffset", 0x10, $"found 0x{(ulong)_footer.DataOffset:X}, expected 0x{VhdFooter.NoOffset:X} in a fixed disk");
        CheckSize(report);
        var (cylinders, heads, perTrack) = VhdFooter.Geometry((long)Math.Min(_footer.CurrentSize, long.MaxValue) / 512);
        if (_footer.Cylinders != cylinders || _footer.Heads != heads || _footer.SectorsPerTrack != perTrack)
        {
            Add(report, "VHD-0008", Severity.Note, "geometry", 0x38,
                $"found {_footer.Cylinders}/{_footer.Heads}/{_footer.SectorsPerTrack}, expected {cylinders}/{heads}/{perTrack} for the size");
        }
        if (_footer.SavedState > 1)
            Add(report, "VHD-0009", Severity.Warning, "savedState", 0x54, $"found {_footer.SavedState}, expected 0 or 1");
        else if (_footer.SavedState == 1)
            Add(report, "VHD-0010", Severity.Note, "savedState", 0x54, "the machine that uses this disk is suspended: edits may surprise it when it wakes");
    }

    /// <summary>The footer of a new image.</summary>
    internal static VhdFooter NewFooter(long size, ContainerOptions options)
    {
        var (cylinders, heads, perTrack) = VhdFooter.Geometry(size / 512);
        var seconds = ((options.Created ?? DateTimeOffset.UtcNow) - Epoch).TotalSeconds;
        var footer = new VhdFooter
        {
            Cookie = VhdFooter.CookieValue, Features = VhdFooter.ReservedFeature, FileFormatVersion = VhdFooter.Version1,
            DataOffset = VhdFooter.NoOffset, TimeStamp = (uint)Math.Clamp(seconds, 0, uint.MaxValue),
            // qemu believes currentSize only of creators that it knows, and computes the size of all others from the geometry, which
            // cuts the disk; so this is Hyper-V's word, as other makers of cloud images write it.
            CreatorApplication = Number("win "u8), CreatorVersion = 0x000A_0000, CreatorHostOs = Number("Wi2k"u8),
            OriginalSize = (ulong)size, CurrentSize = (ulong)size,
            Cylinders = (ushort)cylinders, Heads = (byte)heads, SectorsPerTrack = (byte)perTrack, DiskType = (uint)VhdType.Fixed,
        };
        (options.UniqueId ?? Guid.NewGuid()).TryWriteBytes(footer.UniqueId, bigEndian: true, out _);
        footer.Checksum = footer.ComputeChecksum();
        return footer;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && _ownsHost)
            Host.Dispose();
        base.Dispose(disposing);
    }

    private void CheckSize(CheckReport report)
    {
        ulong size = _footer.CurrentSize;
        if (size > (ulong)FooterOffset)
            Add(report, "VHD-0005", Severity.Error, "currentSize", 0x30, $"found {size} bytes, but only {FooterOffset} lie before the footer: the file was cut");
        else if (size < (ulong)FooterOffset)
            Add(report, "VHD-0006", Severity.Note, "currentSize", 0x30, $"found {size} bytes, {FooterOffset} lie before the footer: the rest is not part of the disk");
        if (size % (1 << 20) != 0)
            Add(report, "VHD-0007", Severity.Note, "currentSize", 0x30, $"found {size} bytes, not whole MiB: clouds refuse to take it");
    }

    private void Add(CheckReport report, string code, Severity severity, string field, int offset, string message) =>
        report.Add(code, severity, "VhdFooter." + field, FooterOffset + offset, message);

    private static uint Number(ReadOnlySpan<byte> text) => BinaryPrimitives.ReadUInt32BigEndian(text);

    private static string Text(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        foreach (ref var b in bytes)
            b = b is >= 0x20 and < 0x7F ? b : (byte)'.';
        return Encoding.ASCII.GetString(bytes).TrimEnd(' ', '.');
    }
}

internal sealed class VhdFixedFormat : ContainerFormat
{
    public override string Name => "vhd-fixed";
    public override string Description => "fixed VHD";
    public override IReadOnlyList<string> Extensions { get; } = [".vhd"];

    // In a damaged footer the type may be wrong: then what only fixed disks have decides.
    public override bool Recognises(ContainerProbe probe) => VhdFooter.TryView(probe.Tail.Span, out var footer)
        && (footer.Type == VhdType.Fixed || (footer.DataOffset == VhdFooter.NoOffset && footer.Checksum != footer.ComputeChecksum()));

    public override Container Open(ContainerProbe probe, bool ownsHost)
    {
        if (!VhdFooter.TryView(probe.Tail.Span, out var footer))
            throw new DiskFormatException("VHD-0001", "VhdFooter.cookie", probe.Host.Length - probe.Tail.Length, "found no footer, expected \"conectix\"");
        return new VhdFixedImage(probe.Host, footer, ownsHost);
    }

    public override long RoundedSize(long size, ContainerOptions options)
    {
        var unit = options.WholeMebibytes ? 1L << 20 : 512;
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        if (size > VhdFooter.MaximumSize)
            throw new UnsupportedFeatureException($"a VHD holds at most {VhdFooter.MaximumSize} bytes (2040 GiB), not {size}");
        return (size + unit - 1) / unit * unit;
    }

    public override Container Create(ResizableDevice host, long size, ContainerOptions? options, bool ownsHost)
    {
        options ??= new ContainerOptions();
        size = RoundedSize(size, options);
        var footer = VhdFixedImage.NewFooter(size, options);
        Empty(host, size + VhdFixedImage.FooterSize);
        host.Write(size, OnDisk.Bytes(ref footer));
        return new VhdFixedImage(host, footer, ownsHost);
    }
}
