using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Platter.Primitives;

// The whole byte layer. A structure on disk is a struct of these, in disk order; alignment is 1, so there is no padding.

[InlineArray(2)]
public struct U16Le
{
    private byte _first;
    public static implicit operator ushort(in U16Le f) => BinaryPrimitives.ReadUInt16LittleEndian(f);
    public static implicit operator U16Le(ushort v) { U16Le f = default; BinaryPrimitives.WriteUInt16LittleEndian(f, v); return f; }
    public override readonly string ToString() => ((ushort)this).ToString();
}

[InlineArray(4)]
public struct U32Le
{
    private byte _first;
    public static implicit operator uint(in U32Le f) => BinaryPrimitives.ReadUInt32LittleEndian(f);
    public static implicit operator U32Le(uint v) { U32Le f = default; BinaryPrimitives.WriteUInt32LittleEndian(f, v); return f; }
    public override readonly string ToString() => ((uint)this).ToString();
}

[InlineArray(8)]
public struct U64Le
{
    private byte _first;
    public static implicit operator ulong(in U64Le f) => BinaryPrimitives.ReadUInt64LittleEndian(f);
    public static implicit operator U64Le(ulong v) { U64Le f = default; BinaryPrimitives.WriteUInt64LittleEndian(f, v); return f; }
    public override readonly string ToString() => ((ulong)this).ToString();
}

[InlineArray(2)]
public struct U16Be
{
    private byte _first;
    public static implicit operator ushort(in U16Be f) => BinaryPrimitives.ReadUInt16BigEndian(f);
    public static implicit operator U16Be(ushort v) { U16Be f = default; BinaryPrimitives.WriteUInt16BigEndian(f, v); return f; }
    public override readonly string ToString() => ((ushort)this).ToString();
}

[InlineArray(4)]
public struct U32Be
{
    private byte _first;
    public static implicit operator uint(in U32Be f) => BinaryPrimitives.ReadUInt32BigEndian(f);
    public static implicit operator U32Be(uint v) { U32Be f = default; BinaryPrimitives.WriteUInt32BigEndian(f, v); return f; }
    public override readonly string ToString() => ((uint)this).ToString();
}

[InlineArray(8)]
public struct U64Be
{
    private byte _first;
    public static implicit operator ulong(in U64Be f) => BinaryPrimitives.ReadUInt64BigEndian(f);
    public static implicit operator U64Be(ulong v) { U64Be f = default; BinaryPrimitives.WriteUInt64BigEndian(f, v); return f; }
    public override readonly string ToString() => ((ulong)this).ToString();
}
