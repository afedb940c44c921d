using System.Security.Cryptography;
using System.Text;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Vdi;

/// <summary>A VDI, dynamic or fixed.</summary>
internal sealed class VdiImage : Container
{
    private readonly VdiLayout _layout;
    private readonly VdiDisk _disk;
    private readonly bool _ownsHost;

    internal VdiImage(BlockDevice host, VdiLayout layout, bool isNew, bool ownsHost) : base(ContainerFormat.Vdi, host)
    {
        _layout = layout;
        _disk = new VdiDisk(host, layout, isNew);
        _ownsHost = ownsHost;
    }

    public override BlockDevice Disk => _disk;
    public override long? BlockSize => _layout.BlockSize;

    public override IReadOnlyList<KeyValuePair<string, string>> Details
    {
        get
        {
            var header = _layout.Header;
            return
            [
                new("kind", header.Kind == VdiType.Fixed ? "fixed" : "dynamic"),
                new("creator", Printable(header.Text)),
                new("identifier", new Guid(header.UniqueId).ToString()),
            ];
        }
    }

    public override void Check(CheckReport report)
    {
        var used = new RangeSet();
        var end = 0L;       // behind the last block of the file that is in use; programs place a new one where the header's count says
        foreach (var (block, number) in _disk.Entries())
        {
            var at = _layout.MapOffset + block * 4;
            if (number >= VdiDisk.ZeroBlock)
                continue;
            var start = _layout.DataOffset + number * _layout.Stride;
            var needed = _layout.BlockExtra + Math.Min(_layout.BlockSize, _layout.Length - block * _layout.BlockSize);
            if (start > Host.Length || needed > Host.Length - start)
            {
                report.Add("VDI-0006", Severity.Error, $"BlockMap[{block}]", at, $"found block {number} of the file, expected all of it within the file of {Host.Length} bytes");
                continue;
            }
            if (used.Contains(number))
                report.Add("VDI-0007", Severity.Error, $"BlockMap[{block}]", at, $"found block {number} of the file, which another entry has too");
            used.Add(number, 1);
            end = Math.Max(end, number + 1L);
        }
        if (_layout.Header.AllocatedBlocks != end)
            report.Add("VDI-0008", Severity.Warning, "VdiHeader.blocksAllocated", 0x184, $"found {(uint)_layout.Header.AllocatedBlocks}, expected {end}: other programs may place a new block over an old one");
        if (_layout.Header.SectorSize != 512)
            report.Add("VDI-0009", Severity.Note, "VdiHeader.sectorSize", 0x168, $"found {(uint)_layout.Header.SectorSize}, expected 512");
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && _ownsHost)
            Host.Dispose();
        base.Dispose(disposing);
    }

    private static string Printable(ReadOnlySpan<byte> text)
    {
        if (text.IndexOf((byte)0) is var end and >= 0)
            text = text[..end];
        return new string([.. Encoding.Latin1.GetString(text).TrimEnd().Select(c => char.IsControl(c) ? '?' : c)]);
    }
}

/// <summary>VirtualBox's disks.</summary>
internal sealed class VdiFormat : ContainerFormat
{
    private const long BlockSize = 1 << 20;             // what VirtualBox makes, and the only one that qemu reads
    private const long LargestDisk = 0x3FFFFFFFL * BlockSize;   // qemu's limit, a quarter of what the map could hold
    private const int MapOffset = 512;

    public override string Name => "vdi";
    public override string Description => "VDI";
    public override IReadOnlyList<string> Extensions => [".vdi"];

    public override bool Recognises(ContainerProbe probe) => probe.HeadHas(0x40, [0x7F, 0x10, 0xDA, 0xBE]);

    public override Container Open(ContainerProbe probe, bool ownsHost) => new VdiImage(probe.Host, VdiLayout.Read(probe.Host), isNew: false, ownsHost);

    public override long RoundedSize(long size, ContainerOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        if (size > LargestDisk)
            throw new UnsupportedFeatureException($"a VDI holds at most {LargestDisk} bytes, not {size}");
        return (size + 511) / 512 * 512;
    }

    public override Container Create(ResizableDevice host, long size, ContainerOptions? options, bool ownsHost)
    {
        options ??= new ContainerOptions();
        if (options.Parent is not null)
            throw new UnsupportedFeatureException("VDI images that build upon another one are not made");
        var isFixed = new ContainerSettings(this, options, ["subformat"]).Choice("subformat", "dynamic", ["dynamic", "fixed"]) == "fixed";
        size = RoundedSize(size, options);
        var header = NewHeader(size, isFixed ? VdiType.Fixed : VdiType.Dynamic, options);
        Empty(host, (uint)header.DataOffset + (isFixed ? header.BlockCount * BlockSize : 0));
        host.Write(0, OnDisk.Bytes(ref header));
        WriteMap(host, header.BlockCount, isFixed);
        return new VdiImage(host, VdiLayout.Read(host), isNew: true, ownsHost);
    }

    private static void WriteMap(ResizableDevice host, uint count, bool isFixed)
    {
        const uint AtOnce = 64 << 10;
        var entries = new byte[(int)Math.Min(count, AtOnce) * 4];
        for (var first = 0u; first < count; first += AtOnce)
        {
            var here = Math.Min(AtOnce, count - first);
            for (var i = 0u; i < here; i++)
                OnDisk.Edit<U32Le>(entries, (int)i * 4) = isFixed ? first + i : VdiDisk.NoBlock;
            host.Write(MapOffset + first * 4L, entries.AsSpan(0, (int)here * 4));
        }
    }

    private static VdiHeader NewHeader(long size, VdiType type, ContainerOptions options)
    {
        var blocks = (size + BlockSize - 1) / BlockSize;
        var header = new VdiHeader
        {
            Signature = VdiHeader.SignatureValue, Version = VdiHeader.Version11, HeaderSize = 0x190, Type = (uint)type,
            MapOffset = MapOffset, DataOffset = (uint)((MapOffset + blocks * 4 + BlockSize - 1) / BlockSize * BlockSize),
            SectorSize = 512, DiskSize = (ulong)size, BlockSize = (uint)BlockSize,
            BlockCount = (uint)blocks, AllocatedBlocks = type == VdiType.Fixed ? (uint)blocks : 0,
        };
        "<<< Oracle VM VirtualBox Disk Image >>>\n"u8.CopyTo(header.Text);
        // The second is a hash of the first: the same options give the same bytes.
        var id = options.UniqueId ?? Guid.NewGuid();
        id.TryWriteBytes(header.UniqueId);
        SHA256.HashData(id.ToByteArray()).AsSpan(0, 16).CopyTo(header.ModificationId);
        return header;
    }
}
