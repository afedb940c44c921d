using System.IO.Compression;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Vmdk;

/// <summary>Writes a streamOptimized VMDK from its start to its end, as OVF packages carry it.</summary>
/// <remarks>
/// <code>
///   header | descriptor | grain ... | marker, table | grain ... | marker, table | marker, directory | marker, footer | end marker
/// </code>
/// A table follows the grains that it lists; of grains that aren't there nothing is written.
/// </remarks>
internal sealed class VmdkStreamWriter : ImageWriter
{
    private const int GrainSize = VmdkFormat.GrainSectors * VmdkHeader.Sector;

    // Stored as it is, a grain grows by a few bytes; what zlib makes of random bytes at its fastest level can be longer than readers expect.
    private static readonly ZLibCompressionOptions Stored = new() { CompressionLevel = 0 };

    private readonly ZLibCompressionOptions _options;
    private readonly byte[] _table = new byte[VmdkFormat.TableEntries * 4];
    private readonly byte[] _directory;
    private readonly AppendedFile _file;
    private VmdkHeader _header;
    private int _tableNumber;
    private bool _tableHasGrains;

    internal VmdkStreamWriter(ResizableDevice host, in VmdkHeader header, ReadOnlySpan<byte> descriptor, int level)
    {
        _file = new AppendedFile(host);
        _header = header;
        _options = new ZLibCompressionOptions { CompressionLevel = level };
        _directory = new byte[VmdkFormat.Tables(Length) * 4];
        Put(OnDisk.Bytes(ref _header));
        Put(descriptor);
        Pad(VmdkFormat.GrainSectors * VmdkHeader.Sector);
    }

    public override long Length => (long)(ulong)_header.Capacity * VmdkHeader.Sector;
    public override int BlockSize => GrainSize;

    private long Position => _file.Position;

    public override PackedBlock Pack(long offset, ReadOnlySpan<byte> block)
    {
        var bytes = Deflated(block, _options);
        if (bytes.Length > VmdkMarker.GrainHeaderSize + GrainSize)
            bytes = Deflated(block, Stored);
        OnDisk.Edit<U64Le>(bytes.Span, 0) = (ulong)(offset / VmdkHeader.Sector);
        OnDisk.Edit<U32Le>(bytes.Span, 8) = (uint)(bytes.Length - VmdkMarker.GrainHeaderSize);
        return new PackedBlock(offset, block.Length, bytes, IsCompressed: true);
    }

    // Behind room for the marker.
    private static Memory<byte> Deflated(ReadOnlySpan<byte> block, ZLibCompressionOptions options)
    {
        using var packed = new MemoryStream(block.Length / 2 + VmdkMarker.GrainHeaderSize);
        packed.SetLength(VmdkMarker.GrainHeaderSize);
        packed.Position = VmdkMarker.GrainHeaderSize;
        using (var stream = new ZLibStream(packed, options, leaveOpen: true))
        {
            stream.Write(block);
            // Some readers want a whole grain also where the disk ends within it.
            if (block.Length < GrainSize)
                stream.Write(new byte[GrainSize - block.Length]);
        }
        return packed.GetBuffer().AsMemory(0, (int)packed.Length);
    }

    public override void Store(in PackedBlock block)
    {
        if (block.Data.IsEmpty)
            return;
        var grain = block.Offset / GrainSize;
        var table = (int)(grain / VmdkFormat.TableEntries);
        if (table != _tableNumber)
        {
            EndTable();
            _tableNumber = table;
        }
        OnDisk.Edit<U32Le>(_table, (int)(grain % VmdkFormat.TableEntries) * 4) = Sector();
        _tableHasGrains = true;
        Put(block.Data.Span);
        Pad(VmdkHeader.Sector);
    }

    public override void Complete()
    {
        EndTable();
        PutMarker(VmdkMarker.GrainDirectory, (_directory.Length + VmdkHeader.Sector - 1) / VmdkHeader.Sector);
        _header.DirectoryOffset = Sector();
        Put(_directory);
        Pad(VmdkHeader.Sector);
        PutMarker(VmdkMarker.Footer, 1);
        Put(OnDisk.Bytes(ref _header));
        PutMarker(VmdkMarker.EndOfStream, 0);
        _file.Complete();
    }

    private void EndTable()
    {
        if (!_tableHasGrains)
            return;
        PutMarker(VmdkMarker.GrainTable, _table.Length / VmdkHeader.Sector);
        OnDisk.Edit<U32Le>(_directory, _tableNumber * 4) = Sector();
        Put(_table);
        Array.Clear(_table);
        _tableHasGrains = false;
    }

    private uint Sector() => Position / VmdkHeader.Sector is <= uint.MaxValue and var sector ? (uint)sector
        : throw new UnsupportedFeatureException("the image can't grow any more: a VMDK finds its grains in the first 2 TiB of the file");

    private void PutMarker(uint kind, int sectors)
    {
        var marker = new VmdkMarker { Value = (ulong)sectors, Kind = kind };
        Put(OnDisk.Bytes(ref marker));
    }

    private void Pad(int unit)
    {
        Span<byte> zeros = stackalloc byte[VmdkHeader.Sector];
        zeros.Clear();
        for (var left = (int)((unit - Position % unit) % unit); left > 0; left -= Math.Min(left, zeros.Length))
            Put(zeros[..Math.Min(left, zeros.Length)]);
    }

    private void Put(ReadOnlySpan<byte> bytes) => _file.Put(bytes);
}
