using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Platter.Trees.Tar;

/// <summary>The names of an archive's entries, one behind the other: objects of their own would take twice the room and more.</summary>
/// <remarks>A name is a head of 4 bytes (twice its length, and 1 where characters have two bytes each) and its characters, in one byte each where all of them are below 256.</remarks>
internal sealed class TarNames
{
    private const int ChunkShift = 18, ChunkLength = 1 << ChunkShift, HeadLength = 4;

    private readonly List<byte[]> _chunks = [];
    private int _used = ChunkLength;        // of the last chunk

    /// <summary>Keeps a name.</summary>
    /// <param name="name">At most 64 Ki characters.</param>
    /// <returns>Its place.</returns>
    /// <exception cref="IOException">All names together are longer than 4 GiB.</exception>
    public uint Add(ReadOnlySpan<char> name)
    {
        var isWide = name.ContainsAnyExceptInRange('\0', '\u00FF');
        var length = HeadLength + (isWide ? 2 * name.Length : name.Length);
        if (length > ChunkLength - _used)
        {
            if (_chunks.Count == 1 << 32 - ChunkShift)
                throw new IOException("the archive has more than 4 GiB of names");
            _chunks.Add(GC.AllocateUninitializedArray<byte>(ChunkLength));
            _used = 0;
        }
        var bytes = _chunks[^1].AsSpan(_used, length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes, 2 * name.Length + (isWide ? 1 : 0));
        if (isWide)
            MemoryMarshal.AsBytes(name).CopyTo(bytes[HeadLength..]);
        else
            Encoding.Latin1.GetBytes(name, bytes[HeadLength..]);
        var place = (uint)(_chunks.Count - 1) << ChunkShift | (uint)_used;
        _used += length;
        return place;
    }

    public string this[uint place]
    {
        get
        {
            var bytes = Bytes(place, out var isWide);
            return isWide ? new string(MemoryMarshal.Cast<byte, char>(bytes)) : Encoding.Latin1.GetString(bytes);
        }
    }

    public bool IsEqual(uint place, ReadOnlySpan<char> name)
    {
        var bytes = Bytes(place, out var isWide);
        if (isWide)
            return MemoryMarshal.Cast<byte, char>(bytes).SequenceEqual(name);
        if (bytes.Length != name.Length)
            return false;
        for (var i = 0; i < name.Length; i++)
        {
            if (bytes[i] != name[i])
                return false;
        }
        return true;
    }

    /// <summary>The ordinal order.</summary>
    public int Compare(uint a, uint b)
    {
        var first = Bytes(a, out var isFirstWide);
        var second = Bytes(b, out var isSecondWide);
        return isFirstWide || isSecondWide ? string.CompareOrdinal(this[a], this[b]) : first.SequenceCompareTo(second);
    }

    /// <summary>A hash of a name, which differs from run to run.</summary>
    public int HashOf(uint place)
    {
        const int most = 512;
        var bytes = Bytes(place, out var isWide);
        if (isWide)
            return HashOf(MemoryMarshal.Cast<byte, char>(bytes));
        Span<char> text = bytes.Length <= most ? stackalloc char[bytes.Length] : new char[bytes.Length];
        Encoding.Latin1.GetChars(bytes, text);
        return HashOf(text);
    }

    /// <inheritdoc cref="HashOf(uint)"/>
    public static int HashOf(ReadOnlySpan<char> name) => string.GetHashCode(name, StringComparison.Ordinal);

    private ReadOnlySpan<byte> Bytes(uint place, out bool isWide)
    {
        var chunk = _chunks[(int)(place >> ChunkShift)];
        var at = (int)(place & ChunkLength - 1);
        var head = BinaryPrimitives.ReadInt32LittleEndian(chunk.AsSpan(at));
        isWide = (head & 1) != 0;
        return chunk.AsSpan(at + HeadLength, isWide ? head & ~1 : head >> 1);
    }
}
