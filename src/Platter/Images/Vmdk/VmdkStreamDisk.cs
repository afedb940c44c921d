using System.IO.Compression;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Vmdk;

/// <summary>The disk in a sparse extent of compressed grains: read only.</summary>
internal sealed class VmdkStreamDisk : BlockDevice
{
    private const long CacheSize = 16 << 20;

    private readonly BlockDevice _host;
    private readonly VmdkLayout _layout;
    private readonly MetadataCache _metadata;
    private readonly LruCache<byte[]> _grains;
    private readonly Lock _gate = new();

    internal VmdkStreamDisk(BlockDevice host, VmdkLayout layout)
    {
        _host = host;
        _layout = layout;
        _metadata = new MetadataCache(host);
        _grains = new LruCache<byte[]>((int)Math.Max(2, CacheSize / layout.GrainSize));
    }

    public override long Length => _layout.Length;
    public override bool CanWrite => false;

    public override void Flush()
    {
        // Nothing is ever written.
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        var start = -1L;
        var end = offset + length;
        for (var at = offset; at < end;)
        {
            var grain = at / _layout.GrainSize;
            var (known, count) = Place(grain) != 0 ? (true, 1L) : (false, TableOf(grain) == 0 ? _layout.EntriesPerTable - grain % _layout.EntriesPerTable : 1);
            if (known && start < 0)
                start = at;
            if (!known && start >= 0)
            {
                yield return new ByteRange(start, at - start);
                start = -1;
            }
            at = (grain + count) * _layout.GrainSize;
        }
        if (start >= 0)
            yield return new ByteRange(start, end - start);
    }

    /// <summary>Where a grain's marker stands; 0 for none.</summary>
    /// <exception cref="DiskFormatException">Its table is not within the file.</exception>
    internal long Place(long grain)
    {
        var table = TableOf(grain);
        if (table == 0)
            return 0;
        var entry = Entry(table + grain % _layout.EntriesPerTable * 4);
        return entry == 1 && _layout.HasZeroGrains ? 0 : (long)entry * VmdkHeader.Sector;
    }

    /// <summary>Unpacks a grain.</summary>
    /// <exception cref="DiskFormatException">Its marker or its data is damaged, or not within the file.</exception>
    internal void Unpack(long grain, long place, Span<byte> content)
    {
        Span<byte> bytes = stackalloc byte[VmdkMarker.GrainHeaderSize];
        if (place > _host.Length - VmdkMarker.GrainHeaderSize)
            throw new DiskFormatException("VMDK-0008", $"GrainTable, grain {grain}", place, $"found a grain's data here, expected it within the file of {_host.Length} bytes");
        _host.Read(place, bytes);
        ulong sector = OnDisk.View<U64Le>(bytes);
        uint size = OnDisk.View<U32Le>(bytes, 8);
        // Deflate makes data that can't be compressed longer by a few bytes in 16 KiB.
        var largest = _layout.GrainSize + _layout.GrainSize / 1024 + 512;
        if (size == 0 || size > largest || size > _host.Length - place - VmdkMarker.GrainHeaderSize)
            throw new DiskFormatException("VMDK-0016", $"GrainMarker.size, grain {grain}", place + 8, $"found {size} bytes, expected 1 to {largest}, within the file");
        if (sector != (ulong)(grain * (_layout.GrainSize / VmdkHeader.Sector)))
            throw new DiskFormatException("VMDK-0017", $"GrainMarker.lba, grain {grain}", place, $"found sector {sector}, expected {grain * (_layout.GrainSize / VmdkHeader.Sector)}, where the table has the grain");
        var packed = new byte[size];
        _host.Read(place + VmdkMarker.GrainHeaderSize, packed);
        try
        {
            using var stream = new ZLibStream(new MemoryStream(packed), CompressionMode.Decompress);
            var count = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            // The disk's last grain may be shorter; some programs leave out zeros at a grain's end.
            content[count..].Clear();
        }
        catch (InvalidDataException e)
        {
            throw new DiskFormatException("VMDK-0016", $"Grain {grain}", place, $"its compressed data is damaged: {e.Message}");
        }
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var grain = offset / _layout.GrainSize;
            var within = (int)(offset % _layout.GrainSize);
            var part = buffer[..(int)Math.Min(buffer.Length, _layout.GrainSize - within)];
            var place = Place(grain);
            if (place == 0)
                part.Clear();
            else
                Grain(grain, place).AsSpan(within, part.Length).CopyTo(part);
            offset += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => throw new UnauthorizedAccessException("streamOptimized images are read only");

    private byte[] Grain(long grain, long place)
    {
        lock (_gate)
        {
            if (_grains.TryGet(grain, out var there))
                return there;
        }
        var content = new byte[_layout.GrainSize];
        Unpack(grain, place, content);
        lock (_gate)
        {
            _grains.Set(grain, content);
        }
        return content;
    }

    private long TableOf(long grain)
    {
        var number = grain / _layout.EntriesPerTable;
        var offset = (long)Entry(_layout.DirectoryOffset + number * 4) * VmdkHeader.Sector;
        if (offset != 0 && offset > _host.Length - _layout.TableSize)
            throw new DiskFormatException("VMDK-0007", $"GrainDirectory[{number}]", _layout.DirectoryOffset + number * 4, $"found a table at 0x{offset:X}, expected all of its {_layout.TableSize} bytes within the file of {_host.Length}");
        return offset;
    }

    private uint Entry(long offset)
    {
        U32Le entry = default;
        _metadata.Read(offset, entry);
        return entry;
    }
}
