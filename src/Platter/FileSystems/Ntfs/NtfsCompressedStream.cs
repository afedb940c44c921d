using Platter.Blocks;
using Platter.Primitives.Codecs;

namespace Platter.FileSystems.Ntfs;

/// <summary>An open stream that is compressed with LZNT1.</summary>
/// <remarks>
/// "NTFS Documentation" of the Linux-NTFS project, "Compressed Files". A unit of 16 clusters is all there: its bytes as they are; not there: zeros; there
/// in part, with a hole behind: compressed.
/// </remarks>
internal sealed class NtfsCompressedStream : ReadingStream
{
    /// <summary>Bytes of a unit: 16 clusters of 64 KiB; Windows compresses with clusters of up to 4 KiB.</summary>
    private const int MaxUnitSize = 1 << 20;

    private readonly NtfsContent _content;
    private readonly int _unitSize;
    private readonly byte[] _unit, _packed;
    private long _held = -1;

    /// <exception cref="UnsupportedFeatureException">The method is another, or the unit is larger than any that Windows makes.</exception>
    public NtfsCompressedStream(NtfsContent content) : base(content.Length)
    {
        _content = content;
        if ((content.Flags & NtfsAttributeFlags.CompressionMask) != NtfsAttributeFlags.Compressed)
            throw new UnsupportedFeatureException($"{content.Structure} is compressed by method {(ushort)(content.Flags & NtfsAttributeFlags.CompressionMask)}; there is only LZNT1, method 1");
        if (content.CompressionUnit is 0 or > 16 || (long)1 << content.CompressionUnit + content.ClusterShift > MaxUnitSize)
            throw new UnsupportedFeatureException($"{content.Structure} is compressed in units of 2^{content.CompressionUnit} clusters; expected 2^1 and more, up to {MaxUnitSize} bytes");
        _unitSize = 1 << content.CompressionUnit + content.ClusterShift;
        _unit = new byte[_unitSize];
        _packed = new byte[_unitSize];
    }

    protected override void Fill(long offset, Span<byte> buffer)
    {
        var written = (int)Math.Clamp(_content.Initialized - offset, 0, buffer.Length);
        buffer[written..].Clear();
        for (var done = 0; done < written;)
        {
            var at = offset + done;
            var unit = at / _unitSize;
            var within = (int)(at % _unitSize);
            var part = buffer.Slice(done, Math.Min(written - done, _unitSize - within));
            Hold(unit);
            _unit.AsSpan(within, part.Length).CopyTo(part);
            done += part.Length;
        }
    }

    // A unit with any cluster holds data.
    public override IEnumerable<ByteRange> DataRanges() => NtfsExtents.Data(_content, _content.Initialized).Select(r =>
    {
        var from = r.Offset / _unitSize * _unitSize;
        return new ByteRange(from, Math.Min((r.End + _unitSize - 1) / _unitSize * _unitSize, _content.Initialized) - from);
    }).Joined();

    public override IEnumerable<StreamExtent> Extents() => NtfsExtents.Of(_content, _content.Length);

    private void Hold(long unit)
    {
        if (unit == _held)
            return;
        _held = -1;
        var first = unit << _content.CompressionUnit;
        var (there, end) = Count(first);
        if (there == 0)
        {
            Array.Clear(_unit);
        }
        else if (there == 1L << _content.CompressionUnit)
        {
            _content.ReadClusters(unit * _unitSize, _unit);
        }
        else
        {
            var packed = _packed.AsSpan(0, (int)(there << _content.ClusterShift));
            _content.ReadClusters(unit * _unitSize, packed);
            if (end < first + there)
                throw Broken(unit, $"has a hole at cluster {end}, before its {there} clusters");
            if (Lznt1.Decompress(packed, _unit) is { } problem)
                throw Broken(unit, problem);
        }
        _held = unit;
    }

    // How many clusters of a unit are there, and where the first piece of them ends.
    private (long There, long End) Count(long first)
    {
        var behind = first + (1L << _content.CompressionUnit);
        long there = 0, end = first;
        for (var vcn = first; vcn < behind;)
        {
            if (_content.Runs.Find(vcn) is not { } run)
            {
                // The last unit may end before the rest of its hole.
                if (vcn >= _content.Runs.End && vcn > first)
                    break;
                throw Broken(first >> _content.CompressionUnit, $"needs cluster {vcn}, expected below {_content.Runs.End}");
            }
            var count = Math.Min(run.End, behind) - vcn;
            if (!run.IsHole)
            {
                there += count;
                if (end == vcn)
                    end = vcn + count;
            }
            vcn += count;
        }
        return (there, end);
    }

    private DiskFormatException Broken(long unit, string problem) =>
        new("NTFS-0203", $"{_content.Structure}, compressed unit {unit}", -1, problem);
}
