using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Platter.Primitives.Codecs;

/// <summary>Puts bits into bytes, from the lowest on (RFC 1951, section 3.1.1).</summary>
/// <param name="at">Where the first byte goes; 8 bytes more than those of the content can be written.</param>
/// <param name="end">What is behind the content at its longest. Who puts bits looks at <see cref="Room"/> before.</param>
internal unsafe struct DeflateBits(byte* at, byte* end)
{
    private readonly byte* _end = end;
    private byte* _at = at;
    private ulong _bits;        // those that are not in a whole byte yet
    private int _count;         // of bits, below 8 between two calls

    /// <summary>Where the next whole byte goes.</summary>
    internal readonly byte* At => _at;

    /// <summary>Bits that there is room for.</summary>
    internal readonly long Room => (_end - _at) * 8 - _count;

    /// <summary>Puts up to 56 bits; those above <paramref name="count"/> are 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Put(ulong bits, int count)
    {
        _bits |= bits << _count;
        _count += count;
        Unsafe.WriteUnaligned(_at, BitConverter.IsLittleEndian ? _bits : BinaryPrimitives.ReverseEndianness(_bits));
        _at += _count >> 3;
        _bits >>= _count & 0x38;
        _count &= 7;
    }

    /// <summary>Fills the last byte with zeros.</summary>
    internal void Align()
    {
        if (_count > 0)
            Put(0, 8 - _count);
    }

    /// <summary>Puts whole bytes; after <see cref="Align"/> only.</summary>
    internal void PutBytes(byte* bytes, int count)
    {
        Unsafe.CopyBlockUnaligned(_at, bytes, (uint)count);
        _at += count;
    }
}
