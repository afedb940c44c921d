using System.Buffers.Binary;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Qcow2;

/// <summary>All tables of an image (L1, L2, refcounts) by their place in the file: kept in pieces, those used lately, and written back
/// together.</summary>
/// <remarks>A piece that is given up for room while changed is written then, which is no commit: above a transaction it stays one of its pages.
/// Readers on several threads take <see cref="Lock"/>; a piece that they hold stays as it is, for nobody writes beside them.</remarks>
internal sealed class Qcow2Tables
{
    private const int MemoryLimit = 16 << 20;
    private const int LargestPiece = 4096;
    private const int LargestWrite = 1 << 20;
    private const int RecentPieces = 64;

    private readonly BlockDevice _host;
    private readonly LruCache<byte[]> _pieces;
    private readonly HashSet<long> _dirty = [];
    private readonly (long Start, byte[]? Bytes)[] _recent = new (long, byte[]?)[RecentPieces];     // a short way to some of the pieces
    private readonly int _pieceBits;

    /// <param name="host">The file.</param>
    /// <param name="clusterSize">Tables start at multiples of it.</param>
    internal Qcow2Tables(BlockDevice host, int clusterSize)
    {
        _host = host;
        PieceSize = Math.Min(LargestPiece, clusterSize);
        _pieceBits = System.Numerics.BitOperations.Log2((uint)PieceSize);
        _pieces = new LruCache<byte[]>(MemoryLimit / LargestPiece, Evicted);
    }

    internal Lock Lock { get; } = new();

    /// <summary>Bytes of a piece; a power of two.</summary>
    internal int PieceSize { get; }

    /// <summary>Whether nothing committed refers to a place of the file, so that it may be written before the commit.</summary>
    internal Func<long, bool> IsFresh { get; set; } = _ => false;

    internal bool HasChanges => _dirty.Count > 0;

    /// <summary>Bytes of the file.</summary>
    internal long HostLength => _host.Length;

    /// <summary>The piece that holds a byte of the file; what lies behind the file's end is zeros.</summary>
    internal byte[] Get(long offset)
    {
        var start = offset & -PieceSize;
        ref var recent = ref Recent(start);
        if (recent.Start == start && recent.Bytes is { } known)
            return known;
        if (!_pieces.TryGet(start, out var bytes))
        {
            bytes = new byte[PieceSize];
            if (start < _host.Length)
                _host.Read(start, bytes.AsSpan(0, (int)Math.Min(PieceSize, _host.Length - start)));
            _pieces.Set(start, bytes);
        }
        recent = (start, bytes);
        return bytes;
    }

    /// <summary>As <see cref="Get"/>, to be changed.</summary>
    internal byte[] GetToChange(long offset)
    {
        var bytes = Get(offset);
        _dirty.Add(offset & -PieceSize);
        return bytes;
    }

    internal ulong Read(long offset) => BinaryPrimitives.ReadUInt64BigEndian(Get(offset).AsSpan((int)(offset & (PieceSize - 1))));

    internal void Write(long offset, ulong value) =>
        BinaryPrimitives.WriteUInt64BigEndian(GetToChange(offset).AsSpan((int)(offset & (PieceSize - 1))), value);

    /// <summary>Makes a new table read as zeros, whatever the file has there.</summary>
    internal void Clear(long offset, long length)
    {
        for (var at = offset; at < offset + length; at += PieceSize)
        {
            Replace(at, new byte[PieceSize]);
        }
    }

    /// <summary>Copies a table to a new place.</summary>
    internal void Copy(long from, long to, long length)
    {
        for (var at = 0L; at < length; at += PieceSize)
        {
            Replace(to + at, Get(from + at).ToArray());
        }
    }

    /// <summary>Forgets a table that is no longer one, changed or not.</summary>
    internal void Drop(long offset, long length)
    {
        for (var at = offset; at < offset + length; at += PieceSize)
        {
            _dirty.Remove(at);
            _pieces.Remove(at);
            Recent(at) = default;
        }
    }

    /// <summary>Writes what has changed, pieces that lie side by side together.</summary>
    internal void Save()
    {
        var starts = _dirty.ToArray();
        Array.Sort(starts);
        var run = new byte[(int)Math.Min(LargestWrite, (long)starts.Length * PieceSize)];
        for (var i = 0; i < starts.Length;)
        {
            var count = 0;
            var fresh = IsFresh(starts[i]);
            while (i + count < starts.Length && (count + 1) * PieceSize <= run.Length && starts[i + count] == starts[i] + (long)count * PieceSize
                && IsFresh(starts[i + count]) == fresh)
            {
                Get(starts[i + count]).CopyTo(run.AsSpan(count * PieceSize));
                count++;
            }
            Store(starts[i], run.AsSpan(0, count * PieceSize), fresh);
            i += count;
        }
        _dirty.Clear();
    }

    /// <summary>Forgets everything, changes too.</summary>
    internal void Forget()
    {
        _dirty.Clear();
        _pieces.Clear();
        Array.Clear(_recent);
    }

    private ref (long Start, byte[]? Bytes) Recent(long start) => ref _recent[(start >> _pieceBits) & (RecentPieces - 1)];

    private void Replace(long start, byte[] bytes)
    {
        _pieces.Set(start, bytes);
        Recent(start) = default;
        _dirty.Add(start);
    }

    private void Evicted(long start, byte[] bytes)
    {
        Recent(start) = default;
        if (_dirty.Remove(start))
            Store(start, bytes, IsFresh(start));
    }

    // A table's last piece may reach past the end of a file that somebody has cut to its last byte in use.
    private void Store(long start, ReadOnlySpan<byte> bytes, bool fresh)
    {
        if (start + bytes.Length > _host.Length)
            ((ResizableDevice)_host).SetLength(start + bytes.Length);
        if (fresh)
            _host.WriteFresh(start, bytes);
        else
            _host.Write(start, bytes);
    }
}
