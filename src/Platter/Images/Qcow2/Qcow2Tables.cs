using System.Buffers.Binary;
using System.Numerics;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Qcow2;

/// <summary>All tables of an image (L1, L2, refcounts) by their place in the file: kept in pieces, those used lately; changed ones until they are
/// written back together.</summary>
/// <remarks>
/// <para>When many have changed they are written before the commit, which above a transaction makes them pages of it. That happens while something is
/// changed, never while something is read, so readers on several threads only need <see cref="Lock"/> for the cache itself.</para>
/// <para>A piece that was got to be changed is changed at once: another one may be got only then.</para>
/// </remarks>
internal sealed class Qcow2Tables
{
    private const int MemoryLimit = 16 << 20, ChangesLimit = 8 << 20;      // bytes
    private const int LargestPiece = 4096;
    private const int LargestWrite = 1 << 20;
    private const int RecentPieces = 64;

    private readonly BlockDevice _host;
    private readonly LruCache<byte[]> _pieces;                  // as they are in the file
    private readonly NumberMap<byte[]> _changed = new();
    private readonly (long Start, byte[]? Bytes)[] _recent = new (long, byte[]?)[RecentPieces];     // a short way to some of either
    private readonly int _pieceBits;

    /// <param name="host">The file.</param>
    /// <param name="clusterSize">Tables start at multiples of it.</param>
    internal Qcow2Tables(BlockDevice host, int clusterSize)
    {
        _host = host;
        PieceSize = Math.Min(LargestPiece, clusterSize);
        _pieceBits = BitOperations.Log2((uint)PieceSize);
        _pieces = new LruCache<byte[]>(MemoryLimit / PieceSize, (start, _) => Recent(start) = default);
    }

    internal Lock Lock { get; } = new();

    /// <summary>Bytes of a piece; a power of two.</summary>
    internal int PieceSize { get; }

    /// <summary>Whether nothing committed refers to a place of the file, so that it may be written before the commit.</summary>
    internal Func<long, bool> IsFresh { get; set; } = _ => false;

    internal bool HasChanges => _changed.Count > 0;

    /// <summary>Bytes of the file.</summary>
    internal long HostLength => _host.Length;

    /// <summary>The piece that holds a byte of the file; what lies behind the file's end is zeros.</summary>
    internal byte[] Get(long offset)
    {
        var start = offset & -PieceSize;
        ref var recent = ref Recent(start);
        if (recent.Start == start && recent.Bytes is { } known)
            return known;
        if (!_changed.TryGetValue((ulong)start, out var bytes) && !_pieces.TryGet(start, out bytes))
        {
            bytes = new byte[PieceSize];
            if (start < _host.Length)
                _host.Read(start, bytes.AsSpan(0, (int)Math.Min(PieceSize, _host.Length - start)));
            _pieces.Set(start, bytes);
        }
        recent = (start, bytes);
        return bytes;
    }

    /// <summary>As <see cref="Get"/>, to be changed at once.</summary>
    internal byte[] GetToChange(long offset)
    {
        if ((long)_changed.Count * PieceSize >= ChangesLimit)
            Save();
        var bytes = Get(offset);
        var start = offset & -PieceSize;
        if (_pieces.Remove(start))
            _changed[(ulong)start] = bytes;
        return bytes;
    }

    internal ulong Read(long offset) => BinaryPrimitives.ReadUInt64BigEndian(Get(offset).AsSpan((int)(offset & (PieceSize - 1))));

    internal void Write(long offset, ulong value) =>
        BinaryPrimitives.WriteUInt64BigEndian(GetToChange(offset).AsSpan((int)(offset & (PieceSize - 1))), value);

    /// <summary>Makes a new table read as zeros, whatever the file has there.</summary>
    internal void Clear(long offset, long length)
    {
        for (var at = offset; at < offset + length; at += PieceSize)
            Replace(at, new byte[PieceSize]);
    }

    /// <summary>Copies a table to a new place.</summary>
    internal void Copy(long from, long to, long length)
    {
        for (var at = 0L; at < length; at += PieceSize)
            Replace(to + at, Get(from + at).AsSpan().ToArray());
    }

    /// <summary>Forgets a table that is no longer one, changed or not.</summary>
    internal void Drop(long offset, long length)
    {
        for (var at = offset; at < offset + length; at += PieceSize)
            Remove(at);
    }

    /// <summary>Writes what has changed, pieces that lie side by side together.</summary>
    internal void Save()
    {
        var starts = _changed.Keys();
        Array.Sort(starts);
        var run = new byte[(int)Math.Min(LargestWrite, (long)starts.Length * PieceSize)];
        for (var i = 0; i < starts.Length;)
        {
            var first = (long)starts[i];
            var fresh = IsFresh(first);
            var count = 0;
            while (i + count < starts.Length && (count + 1) * PieceSize <= run.Length && (long)starts[i + count] == first + (long)count * PieceSize
                && IsFresh((long)starts[i + count]) == fresh)
            {
                _changed[starts[i + count]].CopyTo(run.AsSpan(count * PieceSize));
                count++;
            }
            Store(first, run.AsSpan(0, count * PieceSize), fresh);
            i += count;
        }
        foreach (var start in starts)
            _pieces.Set((long)start, _changed[start]);
        _changed.Clear();
    }

    /// <summary>Forgets everything, changes too.</summary>
    internal void Forget()
    {
        _changed.Clear();
        _pieces.Clear();
        Array.Clear(_recent);
    }

    private ref (long Start, byte[]? Bytes) Recent(long start) => ref _recent[(start >> _pieceBits) & (RecentPieces - 1)];

    private void Replace(long start, byte[] bytes)
    {
        if ((long)_changed.Count * PieceSize >= ChangesLimit)
            Save();
        Remove(start);
        _changed[(ulong)start] = bytes;
    }

    private void Remove(long start)
    {
        _pieces.Remove(start);
        _changed.Remove((ulong)start);
        Recent(start) = default;
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
