namespace Platter.Primitives;

/// <summary>Adler-32 (RFC 1950, section 9): two sums modulo 65521. The check value of "Wikipedia" is 0x11E60398.</summary>
public static class Adler32
{
    private const uint Modulus = 65521;     // the largest prime below 65536
    private const int Stretch = 5552;       // bytes that can be summed before the second sum could overflow 32 bits

    public static uint Compute(ReadOnlySpan<byte> data) => Append(1, data);

    /// <summary>Continues a checksum: <c>Append(Compute(a), b)</c> is the checksum of a and b.</summary>
    public static uint Append(uint adler, ReadOnlySpan<byte> data)
    {
        uint a = adler & 0xFFFF, b = adler >> 16;
        while (!data.IsEmpty)
        {
            var part = data[..Math.Min(Stretch, data.Length)];
            data = data[part.Length..];
            foreach (var value in part)
            {
                a += value;
                b += a;
            }
            a %= Modulus;
            b %= Modulus;
        }
        return b << 16 | a;
    }
}
