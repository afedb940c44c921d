using System.Buffers;
using System.IO.Compression;

namespace Platter.Images.Compressed;

/// <summary>A copy of bytes; of many, a compressed one: the window of a decoder is as compressible as what it decodes.</summary>
/// <remarks>Slice by slice, so that making one of a window of 128 MiB takes no second buffer of that size.</remarks>
internal sealed class SavedBytes
{
    private const int SliceSize = 1 << 20;
    private const int SampleDistance = 16 * SliceSize;
    private const int Large = 256 << 10;    // below, compressing costs more than it saves

    // Of no bytes: zeros. Of as many as the slice has: as they are. Of fewer: compressed.
    private readonly List<byte[]> _slices = [];

    private SavedBytes()
    {
    }

    internal long Size { get; private set; }

    /// <param name="bytes">What to copy.</param>
    /// <param name="limit">Bytes that the copy may take.</param>
    /// <returns>Null when it would take more.</returns>
    internal static SavedBytes? Of(ReadOnlySpan<byte> bytes, long limit)
    {
        var saved = new SavedBytes();
        var room = bytes.Length < Large ? null : ArrayPool<byte>.Shared.Rent(2 * SliceSize);       // what can't be compressed becomes a little longer
        try
        {
            return Estimate(bytes, room) <= limit && saved.Take(bytes, room, limit) ? saved : null;
        }
        finally
        {
            if (room is not null)
                ArrayPool<byte>.Shared.Return(room);
        }
    }

    internal void CopyTo(Span<byte> target)
    {
        foreach (var slice in _slices)
        {
            var part = target[..Math.Min(target.Length, SliceSize)];
            target = target[part.Length..];
            if (slice.Length == part.Length)
            {
                slice.CopyTo(part);
            }
            else if (slice.Length == 0)
            {
                part.Clear();
            }
            else
            {
                using var stream = new DeflateStream(new MemoryStream(slice), CompressionMode.Decompress);
                stream.ReadExactly(part);
            }
        }
    }

    private bool Take(ReadOnlySpan<byte> bytes, byte[]? room, long limit)
    {
        for (; !bytes.IsEmpty; bytes = bytes[Math.Min(bytes.Length, SliceSize)..])
        {
            var slice = Store(bytes[..Math.Min(bytes.Length, SliceSize)], room);
            _slices.Add(slice);
            Size += slice.Length;
            if (Size > limit)
                return false;
        }
        return true;
    }

    // What won't fit shall not be made, slice by slice, only to be thrown away.
    private static long Estimate(ReadOnlySpan<byte> bytes, byte[]? room)
    {
        var sum = 0L;
        for (var at = 0; room is not null && bytes.Length > SampleDistance && at <= bytes.Length - SliceSize; at += SampleDistance)
        {
            var slice = bytes.Slice(at, SliceSize);
            if (slice.ContainsAnyExcept((byte)0))
                sum += Math.Min(SliceSize, Pack(slice, room)) * (long)(SampleDistance / SliceSize);
        }
        return sum;
    }

    private static byte[] Store(ReadOnlySpan<byte> slice, byte[]? room)
    {
        if (!slice.ContainsAnyExcept((byte)0))
            return [];
        if (room is null)
            return slice.ToArray();
        var count = Pack(slice, room);
        return count < slice.Length ? room.AsSpan(0, count).ToArray() : slice.ToArray();
    }

    private static int Pack(ReadOnlySpan<byte> slice, byte[] room)
    {
        using var packed = new MemoryStream(room);
        using (var stream = new DeflateStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            stream.Write(slice);
        return (int)packed.Position;
    }
}
