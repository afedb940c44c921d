using System.Security.Cryptography;
using System.Text;
using Platter.Blocks;
using Platter.Primitives;
using static Platter.Images.Vhdx.VhdxFormatConstants;

namespace Platter.Images.Vhdx;

/// <summary>Hyper-V's format. Both names open all kinds; they differ in what they make.</summary>
internal sealed class VhdxFormat(bool isFixed) : ContainerFormat
{
    private const long LogLength = MiB;

    public override string Name => isFixed ? "vhdx-fixed" : "vhdx";
    public override string Description => isFixed ? "fixed VHDX" : "VHDX";
    public override IReadOnlyList<string> Extensions => isFixed ? [] : [".vhdx", ".avhdx"];
    public override bool CanHaveParent => !isFixed;

    // One of the two is enough to be asked.
    public override bool Recognises(ContainerProbe probe) => !isFixed && probe.HeadHas(0, "vhdxfile"u8);

    public override Container Open(ContainerProbe probe, bool ownsHost)
    {
        var host = probe.Host;
        if (!probe.HeadHas(0, "vhdxfile"u8))
            throw new DiskFormatException("VHDX-0002", "VhdxIdentifier.signature", 0, "found no VHDX, expected \"vhdxfile\"");
        var headers = VhdxHeaders.Read(host);
        var replay = VhdxLog.Read(host, headers.Current);
        if (replay is not null && host is ResizableDevice { CanWrite: true } file)
            headers = Replay(file, replay, headers);
        else if (replay is not null)
            host = new VhdxReplayedDevice(host, replay, ownsHost);
        var parts = VhdxParts.Read(host, headers);
        var parent = parts.Layout.Metadata.HasParent ? VhdxParent.Open(probe.Neighbours, parts.Layout.Metadata) : null;
        return new VhdxImage(host, parts, parent, (true, ownsHost)) { WasReplayed = replay is not null };
    }

    public override long RoundedSize(long size, ContainerOptions options)
    {
        var unit = SectorSizeOf(new ContainerSettings(this, options, Settings));
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        if (size > MaximumSize)
            throw new UnsupportedFeatureException($"a VHDX holds at most {MaximumSize} bytes (64 TiB), not {size}");
        return (size + unit - 1) / unit * unit;
    }

    public override Container Create(ResizableDevice host, long size, ContainerOptions? options, bool ownsHost)
    {
        options ??= new ContainerOptions();
        var settings = new ContainerSettings(this, options, Settings);
        var leavesAllocated = settings.Choice("subformat", isFixed ? "fixed" : "dynamic", isFixed ? ["fixed"] : options.Parent is null ? ["dynamic", "fixed"] : ["dynamic"]) == "fixed";
        if (leavesAllocated && options.Parent is not null)
            throw new UnsupportedFeatureException("a fixed VHDX can't be a difference to a parent");
        size = RoundedSize(size, options);
        var (locator, sectorSize) = (new Dictionary<string, string>(StringComparer.Ordinal) as IReadOnlyDictionary<string, string>, SectorSizeOf(settings));
        if (options.Parent is { } parent)
            (locator, sectorSize) = (VhdxParent.LocatorFor(parent, size, options, host), VhdxParent.SectorSizeOf(parent));
        var id = options.UniqueId ?? Guid.NewGuid();
        var metadata = new VhdxMetadata
        {
            BlockSize = (int)settings.PowerOfTwo("block_size", DefaultBlock(size), SmallestBlock, LargestBlock),
            LeavesBlocksAllocated = leavesAllocated, HasParent = options.Parent is not null, Length = size, LogicalSectorSize = sectorSize,
            PhysicalSectorSize = (int)settings.PowerOfTwo("physical_sector_size", 4096, sectorSize, 4096), DiskId = id, Locator = locator,
        };
        var logLength = settings.Size("log_size", LogLength, MiB, 256 * MiB, MiB);
        var items = metadata.ToBytes();
        var layout = new VhdxLayout(default, metadata);
        var metadataRange = new ByteRange(MiB + logLength, (items.Length + MiB - 1) / MiB * MiB);
        var bat = new ByteRange(metadataRange.End, Math.Max(1, (layout.EntryCount * 8 + MiB - 1) / MiB) * MiB);
        layout = new VhdxLayout(bat, metadata);
        var end = bat.End + (leavesAllocated ? layout.BlockCount * metadata.BlockSize : 0);
        Empty(host, end);
        host.Write(0, Identifier());
        var header = new VhdxHeader
        {
            SequenceNumber = 0, FileWriteGuid = Derived(id, "file"), DataWriteGuid = Derived(id, "data"),
            Version = 1, LogLength = (uint)logLength, LogOffset = (ulong)MiB,
        };
        var headers = VhdxHeaders.Write(host, header, 0).WriteNext(host, header);
        var regions = new VhdxRegions(bat, metadataRange, []);
        regions.Write(host);
        host.Write(metadataRange.Offset, items);
        var zero = settings.Choice("block_state_zero", "on", ["on", "off"]) == "on" && !metadata.HasParent;
        if (leavesAllocated || zero)
            FillTable(host, layout, leavesAllocated ? bat.End : 0);
        return new VhdxImage(host, new VhdxParts(headers, regions, layout, Creator, IsNew: true), options.Parent, (false, ownsHost));
    }

    private const string Creator = "Platter";

    private static IReadOnlyList<string> Settings { get; } = ["subformat", "block_size", "log_size", "logical_sector_size", "physical_sector_size", "block_state_zero"];

    // Small blocks waste little and need a longer table; this keeps the table at 4 MiB or less for disks up to 16 TiB.
    private static long DefaultBlock(long size) => size <= 1L << 40 ? 2 * MiB : size <= 16L << 40 ? 32 * MiB : 64 * MiB;

    private static int SectorSizeOf(ContainerSettings settings) => settings.Choice("logical_sector_size", "512", ["512", "4096"]) == "512" ? 512 : 4096;

    // The log's changes become durable in one commit, together with a header that says so.
    private static VhdxHeaders Replay(ResizableDevice file, VhdxReplay replay, VhdxHeaders headers)
    {
        replay.ApplyTo(file);
        var header = headers.Current;
        header.LogGuid = Guid.Empty;
        header.FileWriteGuid = Guid.NewGuid();
        headers = headers.WriteNext(file, header);
        file.Flush();
        return headers;
    }

    private static byte[] Identifier()
    {
        var bytes = new byte[TableSize];
        ref var identifier = ref OnDisk.Edit<VhdxIdentifier>(bytes);
        identifier.Signature = VhdxIdentifier.SignatureValue;
        Encoding.Unicode.GetBytes(Creator, bytes.AsSpan(8));
        return bytes;
    }

    // In a fixed disk the blocks follow each other; in a dynamic one they are zeros until they are written. (The specification calls the
    // content of blocks that are merely absent undefined, so they say that they are zeros.)
    private static void FillTable(ResizableDevice host, VhdxLayout layout, long firstBlock)
    {
        const int AtOnce = 1 << 17;
        var entries = new byte[(int)Math.Min(layout.EntryCount, AtOnce) * 8];
        for (var first = 0L; first < layout.EntryCount; first += AtOnce)
        {
            var count = (int)Math.Min(AtOnce, layout.EntryCount - first);
            for (var i = 0; i < count; i++)
            {
                var index = first + i;
                var entry = layout.IsBitmap(index) ? 0
                    : firstBlock == 0 ? (ulong)VhdxBlockState.Zero
                    : (ulong)(firstBlock + layout.BlockOf(index) * layout.Metadata.BlockSize) | (ulong)VhdxBlockState.FullyPresent;
                OnDisk.Edit<U64Le>(entries, i * 8) = entry;
            }
            host.Write(layout.Bat.Offset + first * 8, entries.AsSpan(0, count * 8));
        }
    }

    // Everything else that wants an identifier gets one that follows from the disk's, so that the same options give the same bytes.
    private static Guid Derived(Guid id, string use)
    {
        Span<byte> bytes = stackalloc byte[32];
        SHA256.HashData([.. id.ToByteArray(), .. Encoding.ASCII.GetBytes(use)], bytes);
        // RFC 9562, section 5.8: version 8, made by the vendor's own rule.
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes[..16], bigEndian: true);
    }
}
