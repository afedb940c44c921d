using Platter.Blocks;
using Platter.Primitives;
using Platter.Primitives.Codecs;

namespace Platter.Images.Compressed;

internal sealed class GzipFormat : CompressedFormat
{
    public override string Name => "gz";
    public override string Description => "gzip-compressed raw";
    public override IReadOnlyList<string> Extensions => [".gz"];

    internal override StreamDecoder MakeDecoder(BlockDevice host) => new GzipDecoder(host);

    protected override bool HasMagic(ContainerProbe probe) => probe.HeadHas(0, GzipMap.Magic);

    protected override CompressedMap ReadMap(BlockDevice host, StreamSurvey survey) => GzipMap.Read(host, survey);

    protected override ImageWriter MakeWriter(ResizableDevice host, long size, ContainerSettings settings) => new GzipWriter(host, size, settings);
}

internal sealed class XzFormat : CompressedFormat
{
    public override string Name => "xz";
    public override string Description => "xz-compressed raw";
    public override IReadOnlyList<string> Extensions => [".xz"];

    internal override StreamDecoder MakeDecoder(BlockDevice host) => new XzDecoder(host);

    internal override CompressedPiece? FirstPiece(BlockDevice host) => XzMap.Read(host).Pieces is [var first, ..] ? first : null;

    protected override bool HasMagic(ContainerProbe probe) => probe.HeadHas(0, XzStream.HeaderMagic);

    protected override bool IsSurely(ContainerProbe probe) =>
        probe.Head.Length > XzStream.HeaderSize && probe.HeadHas(0, XzStream.Header(probe.Head.Span[7]));

    protected override CompressedMap ReadMap(BlockDevice host, StreamSurvey survey) => XzMap.Read(host);

    protected override ImageWriter MakeWriter(ResizableDevice host, long size, ContainerSettings settings) => new XzWriter(host, size, settings);
}

internal sealed class ZstdFormat : CompressedFormat
{
    public override string Name => "zst";
    public override string Description => "zstd-compressed raw";
    public override IReadOnlyList<string> Extensions => [".zst"];

    internal override StreamDecoder MakeDecoder(BlockDevice host) => new ZstdDecoder(host);

    internal override CompressedPiece? FirstPiece(BlockDevice host) => ZstdMap.FirstFrame(host) is { } at ? new CompressedPiece(at, host.Length, 0, long.MaxValue) : null;

    protected override bool HasMagic(ContainerProbe probe)
    {
        if (probe.Head.Length < 4)
            return false;
        uint magic = OnDisk.View<U32Le>(probe.Head.Span);
        return magic == ZstdMap.FrameMagic;
    }

    protected override CompressedMap ReadMap(BlockDevice host, StreamSurvey survey) => ZstdMap.Read(host, survey);

    protected override ImageWriter MakeWriter(ResizableDevice host, long size, ContainerSettings settings) => new ZstdWriter(host, size, settings);
}

internal sealed class Lz4Format : CompressedFormat
{
    public override string Name => "lz4";
    public override string Description => "lz4-compressed raw";
    public override IReadOnlyList<string> Extensions => [".lz4"];

    internal override StreamDecoder MakeDecoder(BlockDevice host) => new Lz4Decoder(host);

    internal override CompressedPiece? FirstPiece(BlockDevice host) => Lz4Frames.FirstPiece(host);

    protected override bool HasMagic(ContainerProbe probe) =>
        probe.Head.Length >= 4 && (uint)OnDisk.View<U32Le>(probe.Head.Span) is Lz4Frames.FrameMagic or Lz4Frames.LegacyMagic;

    // Version 1 with reserved bits clear, and a size of blocks that there is.
    protected override bool IsSurely(ContainerProbe probe) =>
        probe.Head.Length > 6 && (probe.Head.Span[4] & 0xC2) == 0x40 && (probe.Head.Span[5] & 0x8F) == 0 && probe.Head.Span[5] >= 0x40;

    protected override CompressedMap ReadMap(BlockDevice host, StreamSurvey survey) => Lz4Frames.Read(host, survey);

    protected override ImageWriter MakeWriter(ResizableDevice host, long size, ContainerSettings settings) => new Lz4Writer(host, size, settings);
}

internal sealed class Bzip2Format : CompressedFormat
{
    public override string Name => "bz2";
    public override string Description => "bzip2-compressed raw";
    public override IReadOnlyList<string> Extensions => [".bz2"];

    protected override IReadOnlyList<string> SettingNames => ["compression_level"];

    internal override StreamDecoder MakeDecoder(BlockDevice host) => new Bzip2Decoder(host);

    internal override CompressedPiece? FirstPiece(BlockDevice host) => Bzip2Map.FirstBlock(host);

    internal override IReadOnlyList<CompressedPiece> PiecesToUnpack(BlockDevice host, StreamSurvey survey) => Bzip2Map.FindBlocks(host, new CompressedMap());

    // "BZh", a digit, and the first block's magic, or the end's where there is no block.
    protected override bool HasMagic(ContainerProbe probe) =>
        probe.HeadHas(0, "BZh"u8) && (probe.HeadHas(4, [0x31, 0x41, 0x59, 0x26, 0x53, 0x59]) || probe.HeadHas(4, [0x17, 0x72, 0x45, 0x38, 0x50, 0x90]));

    // Ten bytes that no boot sector starts with.
    protected override bool IsSurely(ContainerProbe probe) => probe.Head.Span[3] is >= (byte)'1' and <= (byte)'9';

    protected override CompressedMap ReadMap(BlockDevice host, StreamSurvey survey) => Bzip2Map.Read(host);

    protected override ImageWriter MakeWriter(ResizableDevice host, long size, ContainerSettings settings) => new Bzip2Writer(host, size, settings);
}
