using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Platter.Primitives;

/// <summary>Views a structure in place over bytes read from a disk: length checked, nothing copied.</summary>
/// <remarks>Only for structs made of bytes and the fields of EndianFields.cs; their alignment is 1. The slice checks the length;
/// MemoryMarshal.AsRef would check it once more.</remarks>
public static class OnDisk
{
    /// <summary>The structure at <paramref name="offset"/> (bytes from the start of <paramref name="bytes"/>), read only.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The structure reaches past the end of <paramref name="bytes"/>.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref readonly T View<T>(ReadOnlySpan<byte> bytes, int offset = 0) where T : unmanaged =>
        ref Unsafe.As<byte, T>(ref Unsafe.AsRef(in bytes.Slice(offset, Unsafe.SizeOf<T>())[0]));

    /// <summary>The structure at <paramref name="offset"/>, writable; bytes not named by its fields stay as they were.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The structure reaches past the end of <paramref name="bytes"/>.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref T Edit<T>(Span<byte> bytes, int offset = 0) where T : unmanaged =>
        ref Unsafe.As<byte, T>(ref bytes.Slice(offset, Unsafe.SizeOf<T>())[0]);

    /// <summary>The bytes of a structure.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReadOnlySpan<byte> Bytes<T>(ref readonly T structure) where T : unmanaged =>
        // Not as a span of structures: the type of that would be one more for each structure.
        MemoryMarshal.CreateReadOnlySpan(in Unsafe.As<T, byte>(ref Unsafe.AsRef(in structure)), Unsafe.SizeOf<T>());
}
