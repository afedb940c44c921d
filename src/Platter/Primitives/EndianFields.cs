using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static System.Runtime.CompilerServices.MethodImplOptions;

namespace Platter.Primitives;

// The whole byte layer. A structure on disk is a struct of these, in disk order; alignment is 1, so there is no padding.
// Inlined wherever a field is read, also in code that was compiled ahead of time: else each start would prepare an operator for each type, and with
// it the compiler's own conversion of such arrays to spans, which that code never inlines.

[InlineArray(2)]
public struct U16Le
{
    private byte _first;
    [MethodImpl(AggressiveInlining)] public static implicit operator ushort(in U16Le f) => BinaryPrimitives.ReadUInt16LittleEndian(MemoryMarshal.CreateReadOnlySpan(in f._first, 2));
    [MethodImpl(AggressiveInlining)] public static implicit operator U16Le(ushort v) { U16Le f = default; BinaryPrimitives.WriteUInt16LittleEndian(MemoryMarshal.CreateSpan(ref f._first, 2), v); return f; }
    public override readonly string ToString() => ((ushort)this).ToString();
}

[InlineArray(4)]
public struct U32Le
{
    private byte _first;
    [MethodImpl(AggressiveInlining)] public static implicit operator uint(in U32Le f) => BinaryPrimitives.ReadUInt32LittleEndian(MemoryMarshal.CreateReadOnlySpan(in f._first, 4));
    [MethodImpl(AggressiveInlining)] public static implicit operator U32Le(uint v) { U32Le f = default; BinaryPrimitives.WriteUInt32LittleEndian(MemoryMarshal.CreateSpan(ref f._first, 4), v); return f; }
    public override readonly string ToString() => ((uint)this).ToString();
}

[InlineArray(8)]
public struct U64Le
{
    private byte _first;
    [MethodImpl(AggressiveInlining)] public static implicit operator ulong(in U64Le f) => BinaryPrimitives.ReadUInt64LittleEndian(MemoryMarshal.CreateReadOnlySpan(in f._first, 8));
    [MethodImpl(AggressiveInlining)] public static implicit operator U64Le(ulong v) { U64Le f = default; BinaryPrimitives.WriteUInt64LittleEndian(MemoryMarshal.CreateSpan(ref f._first, 8), v); return f; }
    public override readonly string ToString() => ((ulong)this).ToString();
}

[InlineArray(2)]
public struct U16Be
{
    private byte _first;
    [MethodImpl(AggressiveInlining)] public static implicit operator ushort(in U16Be f) => BinaryPrimitives.ReadUInt16BigEndian(MemoryMarshal.CreateReadOnlySpan(in f._first, 2));
    [MethodImpl(AggressiveInlining)] public static implicit operator U16Be(ushort v) { U16Be f = default; BinaryPrimitives.WriteUInt16BigEndian(MemoryMarshal.CreateSpan(ref f._first, 2), v); return f; }
    public override readonly string ToString() => ((ushort)this).ToString();
}

[InlineArray(4)]
public struct U32Be
{
    private byte _first;
    [MethodImpl(AggressiveInlining)] public static implicit operator uint(in U32Be f) => BinaryPrimitives.ReadUInt32BigEndian(MemoryMarshal.CreateReadOnlySpan(in f._first, 4));
    [MethodImpl(AggressiveInlining)] public static implicit operator U32Be(uint v) { U32Be f = default; BinaryPrimitives.WriteUInt32BigEndian(MemoryMarshal.CreateSpan(ref f._first, 4), v); return f; }
    public override readonly string ToString() => ((uint)this).ToString();
}

[InlineArray(8)]
public struct U64Be
{
    private byte _first;
    [MethodImpl(AggressiveInlining)] public static implicit operator ulong(in U64Be f) => BinaryPrimitives.ReadUInt64BigEndian(MemoryMarshal.CreateReadOnlySpan(in f._first, 8));
    [MethodImpl(AggressiveInlining)] public static implicit operator U64Be(ulong v) { U64Be f = default; BinaryPrimitives.WriteUInt64BigEndian(MemoryMarshal.CreateSpan(ref f._first, 8), v); return f; }
    public override readonly string ToString() => ((ulong)this).ToString();
}
