using System.Buffers.Binary;
using Platter.Blocks;
using Platter.Primitives.Codecs;

namespace Platter.FileSystems.Ntfs;

/// <summary>An open file that Windows' overlay filter has compressed: XPRESS or LZX in the stream WofCompressedData, and a hole for data.</summary>
/// <remarks>
/// wimlib's wof.h. The stream: a table of chunk ends (32 bits, or 64 when the file is of 4 GiB and more), counted from the end of the table, of all
/// chunks but the last; then the chunks. One that did not get smaller is stored.
/// </remarks>
internal sealed class NtfsWofStream : ReadingStream
{
    public const string StreamName = "WofCompressedData";

    private readonly NtfsContent _packed;
    private readonly long _length;
    private readonly int _chunkSize, _entrySize;
    private readonly long _chunks, _tableLength;
    private readonly XpressHuffman? _xpress;
    private readonly Lzx? _lzx;
    private readonly byte[] _chunk, _source;
    private long _held = -1;

    /// <param name="packed">The stream WofCompressedData.</param>
    /// <param name="length">Bytes of the file.</param>
    /// <param name="algorithm">What its reparse point says.</param>
    /// <exception cref="UnsupportedFeatureException">The algorithm is none of those that there are.</exception>
    public NtfsWofStream(NtfsContent packed, long length, NtfsWofAlgorithm algorithm) : base(length)
    {
        _packed = packed;
        _length = length;
        _chunkSize = algorithm switch
        {
            NtfsWofAlgorithm.Xpress4K => 4096,
            NtfsWofAlgorithm.Xpress8K => 8192,
            NtfsWofAlgorithm.Xpress16K => 16384,
            NtfsWofAlgorithm.Lzx => Lzx.MaxChunk,
            _ => throw new UnsupportedFeatureException($"{packed.Structure} is compressed by the overlay filter's algorithm {(uint)algorithm}; known are 0 to 3"),
        };
        _chunks = length / _chunkSize + (length % _chunkSize != 0 ? 1 : 0);
        _entrySize = length > uint.MaxValue ? 8 : 4;
        _tableLength = Math.Max(0, _chunks - 1) * _entrySize;
        if (_tableLength > packed.Length)
            throw Broken($"{_chunks} chunks have a table of {_tableLength} bytes, past its {packed.Length}");
        _chunk = new byte[_chunkSize];
        _source = new byte[_chunkSize];
        if (algorithm == NtfsWofAlgorithm.Lzx)
            _lzx = new Lzx();
        else
            _xpress = new XpressHuffman();
    }

    protected override void Fill(long offset, Span<byte> buffer)
    {
        for (var done = 0; done < buffer.Length;)
        {
            var at = offset + done;
            Hold(at / _chunkSize);
            var within = (int)(at % _chunkSize);
            var part = buffer.Slice(done, Math.Min(buffer.Length - done, _chunkSize - within));
            _chunk.AsSpan(within, part.Length).CopyTo(part);
            done += part.Length;
        }
    }

    /// <summary>Nothing of the file lies on the volume as it is.</summary>
    public override IEnumerable<StreamExtent> Extents() => [];

    private void Hold(long chunk)
    {
        if (chunk == _held)
            return;
        _held = -1;
        var size = (int)Math.Min(_chunkSize, _length - chunk * _chunkSize);
        var start = chunk == 0 ? 0 : EndOf(chunk - 1);
        var end = chunk == _chunks - 1 ? _packed.Length - _tableLength : EndOf(chunk);
        if (start < 0 || end <= start || end - start > size || end > _packed.Length - _tableLength)
            throw Broken($"chunk {chunk} of {size} bytes lies at {start}..{end}, expected within {_packed.Length - _tableLength} and no longer than it is");
        var source = _source.AsSpan(0, (int)(end - start));
        _packed.Read(_tableLength + start, source);
        var target = _chunk.AsSpan(0, size);
        if (source.Length == size)
            source.CopyTo(target);
        else if ((_lzx is not null ? _lzx.Decompress(source, target) : _xpress!.Decompress(source, target)) is { } problem)
            throw Broken($"chunk {chunk} {problem}");
        _held = chunk;
    }

    // Bytes behind the table.
    private long EndOf(long chunk)
    {
        Span<byte> entry = stackalloc byte[8];
        entry.Clear();
        _packed.Read(chunk * _entrySize, entry[.._entrySize]);
        return BinaryPrimitives.ReadInt64LittleEndian(entry);
    }

    private DiskFormatException Broken(string problem) => new("NTFS-0204", _packed.Structure, -1, problem);
}
