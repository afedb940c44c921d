using System.Buffers.Binary;
using Platter.Blocks;

namespace Platter.FileSystems.Fat;

/// <summary>The file allocation table: for each cluster the next one of its chain. Read in chunks as it is touched, changed in
/// memory, written back to every copy.</summary>
/// <remarks>Values are the same for all widths: what FAT12 and FAT16 write as FF7..FFF is widened to 28 bits, so that one set of
/// constants serves. How many free entries a chunk has is counted once and kept, so full chunks are passed over.</remarks>
internal sealed class FatTable
{
    public const uint Free = 0, Bad = 0x0FFFFFF7, EndOfChain = 0x0FFFFFFF, FirstEnd = 0x0FFFFFF8;

    // Whole sectors of every legal size; a multiple of 2 and 4 bytes. The FAT of FAT12 (6 KiB) lies in one chunk, so no entry straddles two.
    private const int ChunkBytes = 16384;
    private const int MaxChunks = 1024;

    private readonly BlockDevice _device;
    private readonly FatGeometry _geometry;
    private readonly Dictionary<int, Chunk> _chunks = [];
    private readonly LinkedList<Chunk> _byUse = [];

    // Free entries of each chunk + 1; 0: not counted yet.
    private readonly short[] _freeInChunk;
    private readonly int _entriesPerChunk;
    private readonly long _usedBytes;
    private Chunk? _last;

    public FatTable(BlockDevice device, FatGeometry geometry)
    {
        _device = device;
        _geometry = geometry;
        _usedBytes = ((geometry.ClusterCount + 2L) * (int)geometry.Width + 7) / 8;
        _entriesPerChunk = geometry.Width == FatWidth.Fat12 ? int.MaxValue : ChunkBytes * 8 / (int)geometry.Width;
        _freeInChunk = new short[(int)((_usedBytes + ChunkBytes - 1) / ChunkBytes)];
    }

    /// <summary>Bytes of changed chunks that wait for <see cref="WriteBack"/>.</summary>
    public long DirtyBytes { get; private set; }

    public static bool IsEnd(uint value) => value >= FirstEnd;

    /// <summary>The entry of a cluster (or of 0 and 1, which hold the media byte and the state bits).</summary>
    public uint this[uint cluster]
    {
        get
        {
            var chunk = GetChunk(cluster, out var index);
            return ReadEntry(chunk.Data, index);
        }
        set
        {
            var chunk = GetChunk(cluster, out var index);
            ref var free = ref _freeInChunk[chunk.Number];
            if (free > 0 && cluster >= FatGeometry.FirstCluster)
                free += (short)((value == Free ? 1 : 0) - (ReadEntry(chunk.Data, index) == Free ? 1 : 0));
            WriteEntry(chunk, index, value);
        }
    }

    /// <summary>Whether a raw end, free or bad mark or a cluster of this volume: anything else is damage.</summary>
    public bool IsLink(uint value) => _geometry.IsCluster(value);

    /// <summary>The first free cluster at or behind <paramref name="from"/>, up to the last; 0 when there is none.</summary>
    public uint FindFree(uint from)
    {
        for (var cluster = from; cluster <= _geometry.LastCluster;)
        {
            var number = ChunkNumber(cluster);
            var behind = (uint)Math.Min((long)(number + 1) * _entriesPerChunk, _geometry.LastCluster + 1L);
            if (FreeInChunk(number) != 0)
            {
                var chunk = GetChunk(cluster, out var index);
                for (; cluster < behind; cluster++, index++)
                {
                    if (ReadEntry(chunk.Data, index) == Free)
                        return cluster;
                }
            }
            cluster = behind;
        }
        return 0;
    }

    /// <summary>Counts the free clusters; reads the whole FAT the first time.</summary>
    public long CountFree()
    {
        var count = 0L;
        for (var number = 0; number < _freeInChunk.Length; number++)
            count += FreeInChunk(number);
        return count;
    }

    /// <summary>Writes every changed chunk to every copy of the FAT that is in use.</summary>
    public void WriteBack()
    {
        if (DirtyBytes == 0)
            return;
        // Plain loops: LINQ over the dictionary would be compiled anew at every start of the command, for 3 ms.
        var dirty = new List<Chunk>();
        for (var node = _byUse.First; node is not null; node = node.Next)
        {
            if (node.Value.IsDirty)
                dirty.Add(node.Value);
        }
        dirty.Sort(static (a, b) => a.Number - b.Number);
        foreach (var chunk in dirty)
            Write(chunk);
    }

    private int FreeInChunk(int number)
    {
        if (_freeInChunk[number] > 0)
            return _freeInChunk[number] - 1;
        var first = Math.Max((uint)((long)number * _entriesPerChunk), FatGeometry.FirstCluster);
        var behind = Math.Min((number + 1L) * _entriesPerChunk, _geometry.LastCluster + 1L);
        short count = 0;
        if (first < behind)
        {
            var chunk = GetChunk(first, out var index);
            for (long cluster = first; cluster < behind; cluster++, index++)
                count += (short)(ReadEntry(chunk.Data, index) == Free ? 1 : 0);
        }
        _freeInChunk[number] = (short)(count + 1);
        return count;
    }

    private int ChunkNumber(uint cluster) => (int)(cluster / (uint)_entriesPerChunk);

    private Chunk GetChunk(uint cluster, out int index)
    {
        var number = ChunkNumber(cluster);
        index = (int)(cluster - (uint)number * (uint)_entriesPerChunk);
        if (_last is { } last && last.Number == number)
            return last;
        if (_chunks.TryGetValue(number, out var chunk))
        {
            _byUse.Remove(chunk.Use);
            _byUse.AddLast(chunk.Use);
        }
        else
        {
            chunk = Load(number);
        }
        return _last = chunk;
    }

    private Chunk Load(int number)
    {
        byte[] data;
        if (_chunks.Count >= MaxChunks)
        {
            var oldest = _byUse.First!.Value;
            if (oldest.IsDirty)
                Write(oldest);
            _byUse.RemoveFirst();
            _chunks.Remove(oldest.Number);
            data = oldest.Data;
        }
        else
        {
            data = new byte[(int)Math.Min(ChunkBytes, RoundUp(_usedBytes, _geometry.BytesPerSector) - (long)number * ChunkBytes)];
        }
        var start = (long)number * ChunkBytes;
        var length = (int)Math.Min(ChunkBytes, Math.Min(_geometry.FatLength, RoundUp(_usedBytes, _geometry.BytesPerSector)) - start);
        if (data.Length != length)
            data = new byte[length];
        _device.Read(_geometry.FatOffset(_geometry.ActiveFat) + start, data);
        var chunk = new Chunk(number, data);
        chunk.Use = _byUse.AddLast(chunk);
        _chunks.Add(number, chunk);
        return chunk;
    }

    private void Write(Chunk chunk)
    {
        var from = chunk.DirtyFrom / _geometry.BytesPerSector * _geometry.BytesPerSector;
        var to = Math.Min((int)RoundUp(chunk.DirtyTo, _geometry.BytesPerSector), chunk.Data.Length);
        for (var fat = 0; fat < _geometry.FatCount; fat++)
        {
            if (_geometry.OnlyActiveFat < 0 || fat == _geometry.OnlyActiveFat)
                _device.Write(_geometry.FatOffset(fat) + (long)chunk.Number * ChunkBytes + from, chunk.Data.AsSpan(from, to - from));
        }
        chunk.DirtyFrom = chunk.DirtyTo = 0;
        DirtyBytes -= chunk.Data.Length;
    }

    private uint ReadEntry(byte[] data, int index)
    {
        switch (_geometry.Width)
        {
            case FatWidth.Fat32:
                return BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(index * 4)) & 0x0FFFFFFF;
            case FatWidth.Fat16:
                uint wide = BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(index * 2));
                return wide >= 0xFFF7 ? wide | 0x0FFF0000 : wide;
            default:
                var at = index + index / 2;
                uint pair = BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(at));
                var value = (index & 1) == 0 ? pair & 0xFFF : pair >> 4;
                return value >= 0xFF7 ? value | 0x0FFFF000 : value;
        }
    }

    private void WriteEntry(Chunk chunk, int index, uint value)
    {
        int at, length;
        switch (_geometry.Width)
        {
            case FatWidth.Fat32:
                at = index * 4;
                length = 4;
                // The top four bits are reserved and kept.
                var kept = BinaryPrimitives.ReadUInt32LittleEndian(chunk.Data.AsSpan(at)) & 0xF0000000;
                BinaryPrimitives.WriteUInt32LittleEndian(chunk.Data.AsSpan(at), kept | (value & 0x0FFFFFFF));
                break;
            case FatWidth.Fat16:
                at = index * 2;
                length = 2;
                BinaryPrimitives.WriteUInt16LittleEndian(chunk.Data.AsSpan(at), (ushort)value);
                break;
            default:
                at = index + index / 2;
                length = 2;
                uint pair = BinaryPrimitives.ReadUInt16LittleEndian(chunk.Data.AsSpan(at));
                pair = (index & 1) == 0 ? (pair & 0xF000) | (value & 0xFFF) : (pair & 0x000F) | (value & 0xFFF) << 4;
                BinaryPrimitives.WriteUInt16LittleEndian(chunk.Data.AsSpan(at), (ushort)pair);
                break;
        }
        if (!chunk.IsDirty)
        {
            DirtyBytes += chunk.Data.Length;
            chunk.DirtyFrom = at;
        }
        chunk.DirtyFrom = Math.Min(chunk.DirtyFrom, at);
        chunk.DirtyTo = Math.Max(chunk.DirtyTo, at + length);
    }

    private static long RoundUp(long value, int unit) => (value + unit - 1) / unit * unit;

    private sealed class Chunk(int number, byte[] data)
    {
        public int Number => number;
        public byte[] Data => data;

        // Bytes within Data; equal when nothing has changed.
        public int DirtyFrom, DirtyTo;
        public LinkedListNode<Chunk> Use = null!;
        public bool IsDirty => DirtyTo > DirtyFrom;
    }
}
