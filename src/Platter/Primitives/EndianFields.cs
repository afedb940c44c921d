using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using static System.Runtime.CompilerServices.MethodImplOptions;

namespace Platter.Primitives;

// The whole byte layer. A structure on disk is a struct of these, in disk order; alignment is 1, so there is no padding.
// Inlined wherever a field is read, also in code that was compiled ahead of time: else each start would prepare an operator for each type, and with
// it the compiler's own conversion of such arrays to spans, which that code never inlines. A plain load or store each: the size of a field is known, so no
// length needs to be checked.

[InlineArray(2)]
public struct U16Le
{
    private byte _first;
    [MethodImpl(AggressiveInlining)] public static implicit operator ushort(in U16Le f) => ByteOrder.Little(Unsafe.ReadUnaligned<ushort>(in f._first));
    [MethodImpl(AggressiveInlining)] public static implicit operator U16Le(ushort v) { U16Le f = default; Unsafe.WriteUnaligned(ref f._first, ByteOrder.Little(v)); return f; }
    public override readonly string ToString() => ((ushort)this).ToString();
}

[InlineArray(4)]
public struct U32Le
{
    private byte _first;
    [MethodImpl(AggressiveInlining)] public static implicit operator uint(in U32Le f) => ByteOrder.Little(Unsafe.ReadUnaligned<uint>(in f._first));
    [MethodImpl(AggressiveInlining)] public static implicit operator U32Le(uint v) { U32Le f = default; Unsafe.WriteUnaligned(ref f._first, ByteOrder.Little(v)); return f; }
    public override readonly string ToString() => ((uint)this).ToString();
}

[InlineArray(8)]
public struct U64Le
{
    private byte _first;
    [MethodImpl(AggressiveInlining)] public static implicit operator ulong(in U64Le f) => ByteOrder.Little(Unsafe.ReadUnaligned<ulong>(in f._first));
    [MethodImpl(AggressiveInlining)] public static implicit operator U64Le(ulong v) { U64Le f = default; Unsafe.WriteUnaligned(ref f._first, ByteOrder.Little(v)); return f; }
    public override readonly string ToString() => ((ulong)this).ToString();
}

[InlineArray(2)]
public struct U16Be
{
    private byte _first;
    [MethodImpl(AggressiveInlining)] public static implicit operator ushort(in U16Be f) => ByteOrder.Big(Unsafe.ReadUnaligned<ushort>(in f._first));
    [MethodImpl(AggressiveInlining)] public static implicit operator U16Be(ushort v) { U16Be f = default; Unsafe.WriteUnaligned(ref f._first, ByteOrder.Big(v)); return f; }
    public override readonly string ToString() => ((ushort)this).ToString();
}

[InlineArray(4)]
public struct U32Be
{
    private byte _first;
    [MethodImpl(AggressiveInlining)] public static implicit operator uint(in U32Be f) => ByteOrder.Big(Unsafe.ReadUnaligned<uint>(in f._first));
    [MethodImpl(AggressiveInlining)] public static implicit operator U32Be(uint v) { U32Be f = default; Unsafe.WriteUnaligned(ref f._first, ByteOrder.Big(v)); return f; }
    public override readonly string ToString() => ((uint)this).ToString();
}

[InlineArray(8)]
public struct U64Be
{
    private byte _first;
    [MethodImpl(AggressiveInlining)] public static implicit operator ulong(in U64Be f) => ByteOrder.Big(Unsafe.ReadUnaligned<ulong>(in f._first));
    [MethodImpl(AggressiveInlining)] public static implicit operator U64Be(ulong v) { U64Be f = default; Unsafe.WriteUnaligned(ref f._first, ByteOrder.Big(v)); return f; }
    public override readonly string ToString() => ((ulong)this).ToString();
}

/// <summary>From an order of bytes to that of this machine, and back.</summary>
internal static class ByteOrder
{
    [MethodImpl(AggressiveInlining)] public static ushort Little(ushort v) => BitConverter.IsLittleEndian ? v : BinaryPrimitives.ReverseEndianness(v);
    [MethodImpl(AggressiveInlining)] public static uint Little(uint v) => BitConverter.IsLittleEndian ? v : BinaryPrimitives.ReverseEndianness(v);
    [MethodImpl(AggressiveInlining)] public static ulong Little(ulong v) => BitConverter.IsLittleEndian ? v : BinaryPrimitives.ReverseEndianness(v);
    [MethodImpl(AggressiveInlining)] public static ushort Big(ushort v) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(v) : v;
    [MethodImpl(AggressiveInlining)] public static uint Big(uint v) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(v) : v;
    [MethodImpl(AggressiveInlining)] public static ulong Big(ulong v) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(v) : v;
}
