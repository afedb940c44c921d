using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Compressed;

/// <summary>A raw image in a compressed file.</summary>
internal sealed class CompressedImage : Container
{
    private readonly CompressedFormat _format;
    private readonly CompressedMap _map;
    private readonly bool _ownsHost;

    internal CompressedImage(CompressedFormat format, BlockDevice host, CompressedMap map, CompressedDisk disk, bool ownsHost) : base(format, host)
    {
        _format = format;
        _map = map;
        _ownsHost = ownsHost;
        Disk = disk;
    }

    public override BlockDevice Disk { get; }
    public override bool ChecksContent => true;

    public override IReadOnlyList<KeyValuePair<string, string>> Details
    {
        get
        {
            var longest = 0L;
            foreach (var piece in _map.Pieces)
                longest = Math.Max(longest, piece.Length);
            return [new("parts", $"{_map.Pieces.Count}, the longest {ByteSize.FormatRounded(longest)}")];
        }
    }

    public override void Check(CheckReport report)
    {
        if (_map.Trailing is { } trailing && !IsZero(trailing))
            report.Add("CMP-0004", Severity.Note, "stream.end", trailing, $"found {Host.Length - trailing} bytes behind the last stream, which are no part of it");
        using var decoder = _format.MakeDecoder(Host);
        var scratch = new byte[CompressedCursor.CellSize];
        foreach (var piece in _map.Pieces)
        {
            try
            {
                var length = 0L;
                decoder.Begin(piece);
                for (int count; (count = decoder.Read(scratch)) > 0 && length <= piece.Length;)
                    length += count;
                if (length < piece.Length)
                    throw CompressedCursor.ShorterThanSaid(piece, length);
                if (length > piece.Length)
                    throw CompressedCursor.LongerThanSaid(piece);
            }
            catch (DiskFormatException e)
            {
                report.Add(e.Code, Severity.Error, e.Structure, e.Offset, e.Problem);
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Disk.Dispose();
            if (_ownsHost)
                Host.Dispose();
        }
        base.Dispose(disposing);
    }

    // Tapes and some programs fill the last block up.
    private bool IsZero(long from)
    {
        var bytes = new byte[(int)Math.Min(64 << 10, Host.Length - from)];
        Host.Read(from, bytes);
        return !bytes.AsSpan().ContainsAnyExcept((byte)0);
    }
}

/// <summary>Raw images compressed as a stream: found by content, read at any offset, written in one pass, never edited.</summary>
internal abstract class CompressedFormat : ContainerFormat
{
    public sealed override bool CanWriteInOrder => true;

    /// <summary>The settings that <see cref="ContainerFormat.CreateInOrder"/> knows.</summary>
    protected virtual IReadOnlyList<string> SettingNames => ["compression_level", "block_size"];

    internal abstract StreamDecoder MakeDecoder(BlockDevice host);

    public sealed override bool IsOnlyWrittenInOrder(ContainerOptions options) => true;

    // A disk may start with any bytes; a boot signature says that it is one, unless it unpacks.
    public sealed override bool Recognises(ContainerProbe probe) =>
        HasMagic(probe) && (!ForeignContainers.HasBootSignature(probe) || IsSurely(probe));

    public sealed override Container Open(ContainerProbe probe, bool ownsHost)
    {
        using var survey = new StreamSurvey(() => MakeDecoder(probe.Host));
        var map = ReadMap(probe.Host, survey);
        var disk = new CompressedDisk(map, survey, () => MakeDecoder(probe.Host));
        try
        {
            RefuseContainers(disk);
            return new CompressedImage(this, probe.Host, map, disk, ownsHost);
        }
        catch
        {
            disk.Dispose();
            throw;
        }
    }

    public sealed override Container Create(ResizableDevice host, long size, ContainerOptions? options, bool ownsHost) =>
        throw new UnsupportedFeatureException($"{Description} images are written in one pass, and can't be made empty and filled");

    public sealed override ImageWriter CreateInOrder(ResizableDevice host, long size, ContainerOptions? options)
    {
        options ??= new ContainerOptions();
        var settings = new ContainerSettings(this, options, SettingNames);
        Empty(host, 0);
        return MakeWriter(host, size, settings);
    }

    /// <summary>The first piece of the content, at least as much of it as is needed to unpack its start; null when there is no content.</summary>
    /// <exception cref="DiskFormatException">The stream is damaged or cut.</exception>
    internal virtual CompressedPiece? FirstPiece(BlockDevice host) => new CompressedPiece(0, host.Length, 0, long.MaxValue);

    /// <summary>The pieces that are left to unpack, in order, when the survey has taken those whose length is not known before. A length that
    /// nobody knows is <see cref="long.MaxValue"/>.</summary>
    /// <exception cref="DiskFormatException">The stream is damaged or cut.</exception>
    internal virtual IReadOnlyList<CompressedPiece> PiecesToUnpack(BlockDevice host, StreamSurvey survey) =>
        [.. ReadMap(host, survey).Pieces.Where(p => !survey.HasTaken(p))];

    /// <summary>A writer of content that is no disk, and ends when it ends.</summary>
    /// <param name="host">An empty file, or anything that is written in order.</param>
    /// <param name="options">Settings.</param>
    internal ImageWriter CreateStream(ResizableDevice host, ContainerOptions options) =>
        MakeWriter(host, StreamWriter.UnknownLength, new ContainerSettings(this, options, SettingNames));

    protected abstract bool HasMagic(ContainerProbe probe);

    /// <summary>Whether more than the magic speaks for it: that it unpacks, unless the format's header has a checksum.</summary>
    protected virtual bool IsSurely(ContainerProbe probe) => Unpacks(probe.Host);

    protected abstract CompressedMap ReadMap(BlockDevice host, StreamSurvey survey);

    protected abstract ImageWriter MakeWriter(ResizableDevice host, long size, ContainerSettings settings);

    private bool Unpacks(BlockDevice host)
    {
        try
        {
            using var decoder = MakeDecoder(host);
            decoder.Begin(new CompressedPiece(0, host.Length, 0, long.MaxValue));
            return decoder.Read(new byte[1]) == 1;
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
        {
            return false;
        }
    }

    // What was compressed may be an image in a container; its bytes are no disk. Only its start is looked at: the end may be far.
    private void RefuseContainers(CompressedDisk disk)
    {
        var head = new byte[(int)Math.Min(4096, disk.Length)];
        disk.Read(0, head);
        using var start = new MemoryDevice(head);
        var probe = new ContainerProbe(start);
        foreach (var format in All)
        {
            if (format is not CompressedFormat && format.Recognises(probe))
                throw new UnsupportedFeatureException($"the file is a {format.Description} image that was compressed as a whole; unpack it first");
        }
        ForeignContainers.Refuse(probe);
    }
}
