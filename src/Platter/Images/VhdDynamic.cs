using System.Globalization;
using System.Runtime.CompilerServices;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images;

/// <summary>A VHD of any kind: what a difference to it wants to know.</summary>
internal interface IVhdImage
{
    VhdFooter Footer { get; }
}

/// <summary>A dynamic or differencing VHD.</summary>
internal sealed class VhdDynamicImage : Container, IVhdImage
{
    private readonly VhdDynamicHeader _header;
    private readonly VhdDisk _disk;
    private readonly Container? _parent;
    private readonly bool _ownsParent, _ownsHost;

    /// <param name="host">The whole file.</param>
    /// <param name="parts">What was read from it, or has just been written.</param>
    /// <param name="parent">The parent, opened; null for a dynamic disk.</param>
    /// <param name="owned">What is disposed with this.</param>
    internal VhdDynamicImage(BlockDevice host, VhdParts parts, Container? parent, (bool Parent, bool Host) owned) : base(ContainerFormat.Vhd, host)
    {
        _header = parts.Header;
        Layout = parts.Layout;
        _disk = new VhdDisk(host, parent?.Disk, parts.Layout, parts.Footer, parts.IsNew);
        _parent = parent;
        (_ownsParent, _ownsHost) = owned;
    }

    public override BlockDevice Disk => _disk;
    public override Container? Parent => _parent;
    public override long? BlockSize => Layout.BlockSize;

    public override IReadOnlyList<KeyValuePair<string, string>> Details
    {
        get
        {
            var details = new List<KeyValuePair<string, string>>
            {
                new("kind", _parent is null ? "dynamic" : "differencing"),
                new("block size", ByteSize.Format(Layout.BlockSize)),
            };
            details.AddRange(_disk.Footer.Describe());
            if (_parent is not null)
            {
                details.Add(new("parent", ParentPaths.Printable(_header.ParentFileName)));
                details.Add(new("parent identifier", _header.ParentUniqueId.ToString()));
            }
            return details;
        }
    }

    VhdFooter IVhdImage.Footer => _disk.Footer;

    internal VhdLayout Layout { get; }

    public override void Check(CheckReport report) => VhdDynamicChecker.Check(report, this, _disk, _header);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            if (_ownsParent)
                _parent?.Dispose();
            if (_ownsHost)
                Host.Dispose();
        }
        base.Dispose(disposing);
    }
}

/// <summary>The structures of a dynamic or differencing VHD, read and found plausible.</summary>
/// <param name="Footer">The footer that is believed: the last one, or its copy at the start when that one is damaged.</param>
/// <param name="Header">The dynamic header.</param>
/// <param name="Layout">Where everything lies.</param>
/// <param name="IsNew">Whether the image is being made.</param>
internal sealed record VhdParts(VhdFooter Footer, VhdDynamicHeader Header, VhdLayout Layout, bool IsNew = false)
{
    // Far above what anybody makes (2 MiB; 512 KiB and up in the wild); keeps a bitmap below 256 KiB.
    private const long LargestBlock = 1L << 30;

    /// <exception cref="DiskFormatException">A structure is damaged or doesn't fit the file.</exception>
    internal static VhdParts Read(BlockDevice host)
    {
        var (footer, end) = FindFooter(host);
        ulong size = footer.CurrentSize;
        if (size > (ulong)VhdFooter.MaximumSize)
            throw new DiskFormatException("VHD-0018", "VhdFooter.currentSize", end, $"found {size} bytes, expected at most {VhdFooter.MaximumSize} (2040 GiB)");
        var headerOffset = footer.DataOffset <= long.MaxValue ? (long)(ulong)footer.DataOffset : -1;
        if (headerOffset < VhdFooter.Size || headerOffset % VhdDisk.Sector != 0 || headerOffset > host.Length - VhdDynamicHeader.Size)
            throw new DiskFormatException("VHD-0011", "VhdFooter.dataOffset", end, $"found {(ulong)footer.DataOffset}, expected a sector's offset within the file, where the dynamic header is");
        var bytes = new byte[VhdDynamicHeader.Size];
        host.Read(headerOffset, bytes);
        var header = OnDisk.View<VhdDynamicHeader>(bytes);
        if (header.Cookie != VhdDynamicHeader.CookieValue)
            throw new DiskFormatException("VHD-0012", "VhdDynamicHeader.cookie", headerOffset, $"found 0x{(ulong)header.Cookie:X16}, expected \"cxsparse\"");
        if (header.HeaderVersion >> 16 != 1)
            throw new UnsupportedFeatureException($"the VHD has a dynamic header of version {header.HeaderVersion >> 16}.{header.HeaderVersion & 0xFFFF}; 1.0 is known");
        uint blockSize = header.BlockSize;
        if (blockSize is < VhdDisk.Sector or > (uint)LargestBlock || (blockSize & (blockSize - 1)) != 0)
            throw new DiskFormatException("VHD-0015", "VhdDynamicHeader.blockSize", headerOffset + 0x20, $"found {blockSize}, expected a power of two, {VhdDisk.Sector} to {LargestBlock}");
        var tableOffset = header.TableOffset <= long.MaxValue ? (long)(ulong)header.TableOffset : -1;
        var layout = new VhdLayout(headerOffset, tableOffset, blockSize, (long)size / VhdDisk.Sector * VhdDisk.Sector, end) { ParentPaths = VhdParent.PathRanges(header, host), HeaderIsWhole = header.Checksum == header.ComputeChecksum() };
        if (header.MaxTableEntries < layout.BlockCount)
            throw new DiskFormatException("VHD-0016", "VhdDynamicHeader.maxTableEntries", headerOffset + 0x1C, $"found {(uint)header.MaxTableEntries}, expected at least {layout.BlockCount} for the disk's size");
        if (tableOffset < VhdFooter.Size || tableOffset % VhdDisk.Sector != 0 || tableOffset > host.Length || layout.TableSize > host.Length - tableOffset)
            throw new DiskFormatException("VHD-0017", "VhdDynamicHeader.tableOffset", headerOffset + 0x10, $"found {(ulong)header.TableOffset}, expected a sector's offset with {layout.TableSize} bytes behind it in the file");
        return new VhdParts(footer, header, layout);
    }

    /// <summary>Whether a file has a footer of a dynamic or differencing disk at either end.</summary>
    internal static bool IsDynamic(in VhdFooter footer) => footer.Type is VhdType.Dynamic or VhdType.Differencing;

    // The last footer is the one that counts, its copy at the start is there for when it is damaged or was cut off.
    private static (VhdFooter Footer, long End) FindFooter(BlockDevice host)
    {
        var end = VhdFooter.FindLast(host, out var last);
        var copy = new byte[VhdFooter.Size];
        PageOverlay.ReadBelow(host, 0, copy);
        var hasCopy = VhdFooter.TryView(copy, out var first) && IsDynamic(first);
        var hasLast = end >= 0 && IsDynamic(last);
        if (!hasLast && !hasCopy)
            throw new DiskFormatException("VHD-0001", "VhdFooter.cookie", Math.Max(0, host.Length - VhdFooter.Size), "found no footer at either end, expected \"conectix\"");
        if (end < 0)
            end = host.Length;
        return hasLast && (last.IsWhole || !hasCopy || !first.IsWhole) ? (last, end) : (first, end);
    }
}

/// <summary>Dynamic and differencing VHDs.</summary>
internal sealed class VhdFormat : ContainerFormat
{
    private const long DefaultBlock = 2 << 20, SmallestBlock = 4 << 10, LargestBlock = 256 << 20;

    public override string Name => "vhd";
    public override string Description => "dynamic VHD";
    public override IReadOnlyList<string> Extensions => [".vhd", ".avhd"];
    public override bool CanHaveParent => true;

    /// <summary>A disk's size in a VHD.</summary>
    internal static long Rounded(long size, ContainerOptions options)
    {
        var unit = options.WholeMebibytes && options.Parent is null ? 1L << 20 : 512;
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        if (size > VhdFooter.MaximumSize)
            throw new UnsupportedFeatureException($"a VHD holds at most {VhdFooter.MaximumSize} bytes (2040 GiB), not {size}");
        return (size + unit - 1) / unit * unit;
    }

    // Also when the last footer was lost: then its copy at the start is there.
    public override bool Recognises(ContainerProbe probe) => IsDynamic(probe.Tail.Span) || IsDynamic(probe.Head.Span);

    private static bool IsDynamic(ReadOnlySpan<byte> bytes) => ContainerProbe.MayBeVhdFooter(bytes) && HasDynamicFooter(bytes);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool HasDynamicFooter(ReadOnlySpan<byte> bytes) => VhdFooter.TryView(bytes, out var footer) && VhdParts.IsDynamic(footer);

    public override Container Open(ContainerProbe probe, bool ownsHost)
    {
        var parts = VhdParts.Read(probe.Host);
        var parent = parts.Footer.Type == VhdType.Differencing ? VhdParent.Open(probe, parts) : null;
        return new VhdDynamicImage(probe.Host, parts, parent, (true, ownsHost));
    }

    public override long RoundedSize(long size, ContainerOptions options) => Rounded(size, options);

    public override Container Create(ResizableDevice host, long size, ContainerOptions? options, bool ownsHost)
    {
        options ??= new ContainerOptions();
        var settings = new ContainerSettings(this, options, ["subformat", "block_size"]);
        if (settings.Choice("subformat", "dynamic", options.Parent is null ? ["dynamic", "fixed"] : ["dynamic"]) == "fixed")
            return VhdFixed.Create(host, size, options with { Settings = new Dictionary<string, string>(StringComparer.Ordinal) }, ownsHost);
        size = RoundedSize(size, options);
        var blockSize = settings.PowerOfTwo("block_size", DefaultBlock, SmallestBlock, LargestBlock);
        var parent = options.Parent is null ? null : VhdParent.Suitable(options.Parent, size);
        var footer = VhdFooter.New(parent is null ? VhdType.Dynamic : VhdType.Differencing, size, options);
        var blocks = (size + blockSize - 1) / blockSize;
        var header = new VhdDynamicHeader
        {
            Cookie = VhdDynamicHeader.CookieValue, DataOffset = VhdFooter.NoOffset, TableOffset = VhdFooter.Size + VhdDynamicHeader.Size,
            HeaderVersion = VhdDynamicHeader.Version1, MaxTableEntries = (uint)blocks, BlockSize = (uint)blockSize,
        };
        var tableEnd = VhdFooter.Size + VhdDynamicHeader.Size + (blocks * 4 + VhdDisk.Sector - 1) / VhdDisk.Sector * VhdDisk.Sector;
        var paths = parent is null ? [] : VhdParent.Enter(ref header, parent, options, host, tableEnd);
        header.Checksum = header.ComputeChecksum();
        var end = tableEnd + paths.Length;
        var layout = new VhdLayout(VhdFooter.Size, VhdFooter.Size + VhdDynamicHeader.Size, blockSize, size, end) { ParentPaths = VhdParent.PathRanges(header, end) };
        if (end + blocks * (layout.BitmapSize + blockSize + 4096) > (long)VhdDisk.NoBlock * VhdDisk.Sector)
            throw new UnsupportedFeatureException(string.Create(CultureInfo.InvariantCulture, $"a VHD of {size} bytes in blocks of {blockSize} may grow beyond 2 TiB, where it can't refer to them; larger blocks or a smaller disk can"));
        Empty(host, end + VhdFooter.Size);
        host.Write(0, OnDisk.Bytes(ref footer));
        host.Write(VhdFooter.Size, OnDisk.Bytes(ref header));
        FillTable(host, layout.TableOffset, tableEnd);
        host.Write(tableEnd, paths);
        host.Write(end, OnDisk.Bytes(ref footer));
        return new VhdDynamicImage(host, new VhdParts(footer, header, layout, IsNew: true), options.Parent, (false, ownsHost));
    }

    private static void FillTable(ResizableDevice host, long offset, long end)
    {
        var none = new byte[(int)Math.Min(end - offset, 1 << 20)];
        Array.Fill(none, (byte)0xFF);
        for (; offset < end; offset += none.Length)
            host.Write(offset, none.AsSpan(0, (int)Math.Min(none.Length, end - offset)));
    }
}
