using System.Buffers.Text;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Trees.Tar;

/// <summary>The ways in which a member says that its file has holes: "GNU tar manual", appendix "Storing Sparse Files".</summary>
internal enum TarSparseKind : byte
{
    None,

    /// <summary>In the header, and in blocks behind it.</summary>
    OldGnu,

    /// <summary>0.0: a pair of pax records for each part.</summary>
    Pairs,

    /// <summary>0.1: one pax record.</summary>
    Record,

    /// <summary>1.0: as text in front of the data.</summary>
    InData,
}

/// <summary>Where the parts of a sparse file lie.</summary>
internal sealed class TarSparseMap
{
    /// <summary>More parts than this are no file that anybody has.</summary>
    public const int MaxParts = 1 << 20;

    private readonly List<ByteRange> _parts = [];
    private readonly List<long> _places = [];       // where the parts are in the archive
    private readonly long _offset;                  // of the map, for errors
    private readonly long _length;
    private long _stored;

    /// <param name="length">Bytes of the file with its holes.</param>
    /// <param name="offset">Where the map stands, for errors.</param>
    public TarSparseMap(long length, long offset)
    {
        _length = length;
        _offset = offset;
        if (length < 0)
            throw Broken($"found a file of {length} bytes");
    }

    /// <summary>Bytes of the file with its holes.</summary>
    public long Length => _length;

    /// <summary>The parts that are data, in order.</summary>
    public IReadOnlyList<ByteRange> Parts => _parts;

    /// <summary>Bytes of data.</summary>
    public long Stored => _stored;

    /// <summary>Adds the next part.</summary>
    /// <exception cref="DiskFormatException">It lies before the one before, or past the end of the file.</exception>
    public void Add(long offset, long length)
    {
        var end = _parts.Count == 0 ? 0 : _parts[^1].End;
        if (offset < end || length < 0 || offset > _length || length > _length - offset)
            throw Broken($"found a part of {length} bytes at {offset}, expected it to lie between {end} and the file's end at {_length}");
        if (length == 0)
            return;         // the mark at the file's end
        if (_parts.Count == MaxParts)
            throw Broken($"found more than {MaxParts} parts");
        _parts.Add(new ByteRange(offset, length));
        _stored += length;
    }

    /// <summary>Says where in the archive the data starts, and how much of it there is.</summary>
    /// <exception cref="DiskFormatException">The parts need more than there is.</exception>
    public void Place(long dataOffset, long stored)
    {
        if (_stored > stored)
            throw Broken($"found parts of {_stored} bytes together, the archive has {stored} of them");
        foreach (var part in _parts)
        {
            _places.Add(dataOffset);
            dataOffset += part.Length;
        }
    }

    /// <summary>The part that holds this byte of the file, or the first behind it; <see cref="Parts"/>' count when there is none.</summary>
    public int Find(long offset)
    {
        int low = 0, high = _parts.Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_parts[middle].End > offset)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }

    /// <summary>Where a part lies in the archive.</summary>
    public long PlaceOf(int part) => _places[part];

    /// <summary>Adds the parts that a header block lists, up to the first empty entry.</summary>
    public void AddEntries(ReadOnlySpan<byte> entries, long offset)
    {
        for (var i = 0; i < entries.Length; i += 24)
        {
            ref readonly var entry = ref OnDisk.View<TarSparseEntry>(entries, i);
            ReadOnlySpan<byte> length = entry.Length, start = entry.Offset;
            if (start[0] == 0 && length[0] == 0)
                return;
            Add(TarNumber.Parse(start, "TarHeader.sparse.offset", offset + i), TarNumber.Parse(length, "TarHeader.sparse.numbytes", offset + i + 12));
        }
    }

    /// <summary>Adds the parts of version 0.1: decimal numbers with commas between.</summary>
    public void AddList(ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            var offset = Take(ref text, (byte)',');
            Add(offset, Take(ref text, (byte)','));
        }
    }

    private long Take(ref ReadOnlySpan<byte> text, byte separator)
    {
        var end = text.IndexOf(separator);
        var number = end < 0 ? text : text[..end];
        text = end < 0 ? [] : text[(end + 1)..];
        return Utf8Parser.TryParse(number, out long value, out var used) && used == number.Length && value >= 0 ? value : throw Broken("found a map that is no list of numbers");
    }

    /// <summary>Reads the map of version 1.0, which stands in front of the data: a count, then offset and length of each part, each with a
    /// newline; filled up to a whole block.</summary>
    /// <returns>Bytes that it takes.</returns>
    public static (TarSparseMap Map, long Size) Read(BlockDevice archive, long offset, long stored, long length)
    {
        var map = new TarSparseMap(length, offset);
        var text = new NumberLines(archive, offset, Math.Min(stored, archive.Length - offset), map);
        var count = text.Next();
        if (count > MaxParts)
            throw map.Broken($"found {count} parts, more than {MaxParts}");
        for (var i = 0L; i < count; i++)
        {
            var start = text.Next();
            map.Add(start, text.Next());
        }
        return (map, (text.Taken + TarReader.BlockSize - 1) / TarReader.BlockSize * TarReader.BlockSize);
    }

    private DiskFormatException Broken(string problem) => new("TAR-0005", "TarSparseMap", _offset, problem);

    /// <summary>Numbers in lines, read block by block.</summary>
    private sealed class NumberLines(BlockDevice archive, long offset, long length, TarSparseMap map)
    {
        private readonly byte[] _block = new byte[TarReader.BlockSize];
        private int _at = TarReader.BlockSize;

        public long Taken { get; private set; }

        public long Next()
        {
            var value = 0L;
            for (var digits = 0; ; digits++)
            {
                if (_at == _block.Length)
                {
                    if (length - Taken < _block.Length)
                        throw map.Broken("the map does not end within the member");
                    archive.Read(offset + Taken, _block);
                    _at = 0;
                }
                var next = _block[_at++];
                Taken++;
                if (next == '\n' && digits > 0)
                    return value;
                if (next is < (byte)'0' or > (byte)'9' || digits == 19 || value > (long.MaxValue - 9) / 10)
                    throw map.Broken("found a map that is no list of numbers");
                value = value * 10 + (next - '0');
            }
        }
    }
}
