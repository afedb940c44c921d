using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Platter.Primitives;

/// <summary>CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected, RFC 3720 appendix B.4), with the processor's own instruction where it has one.</summary>
/// <remarks>The check value of "123456789" is 0xE3069283. Used by ext4, btrfs, VHDX and Platter's own journal and archive.</remarks>
public static class Crc32C
{
    /// <summary>The checksum of some bytes, in the usual form (all ones to start with, inverted at the end).</summary>
    public static uint Compute(ReadOnlySpan<byte> data) => Append(0, data);

    /// <summary>Continues a checksum: <c>Append(Compute(a), b)</c> is the checksum of a and b.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> data) => ~AppendRaw(~crc, data);

    /// <summary>The bare register, without inversion at either end, as ext4's metadata checksums use it.</summary>
    public static uint AppendRaw(uint register, ReadOnlySpan<byte> data)
    {
        ref var p = ref MemoryMarshal.GetReference(data);
        nint length = data.Length, i = 0;
        for (; i + 8 <= length; i += 8)
            register = BitOperations.Crc32C(register, Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref p, i)));
        for (; i < length; i++)
            register = BitOperations.Crc32C(register, Unsafe.Add(ref p, i));
        return register;
    }
}
