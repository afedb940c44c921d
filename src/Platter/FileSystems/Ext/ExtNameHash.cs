using System.Numerics;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>How a directory's hash tree orders names; the numbers are those on disk.</summary>
internal enum ExtHashVersion : byte
{
    Legacy = 0,
    HalfMd4 = 1,
    Tea = 2,
    LegacyUnsigned = 3,
    HalfMd4Unsigned = 4,
    TeaUnsigned = 5,

    /// <summary>Directories that are encrypted and without case: the hash needs the key, and stands in the entries.</summary>
    SipHash = 6,
}

/// <summary>The hash of a name in a hash tree.</summary>
/// <remarks>Linux kernel, Documentation/filesystems/ext4, "Hash Tree Directories". Half MD4: three rounds of eight steps over 32 bytes at a time; TEA: the
/// Tiny Encryption Algorithm over 16 bytes at a time. Bytes count as signed where the volume was made on such a machine.</remarks>
internal static class ExtNameHash
{
    /// <summary>Bit 0 of a hash is kept free for the mark of a collision; the largest value is the end of the directory.</summary>
    private const uint EndOfDirectory = 0x7FFFFFFFu << 1;

    private static readonly uint[] DefaultSeed = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476];

    /// <summary>The version to compute with: the volume's flags say whether bytes are signed.</summary>
    public static ExtHashVersion Resolve(byte stored, ExtMiscFlags flags) =>
        stored <= (byte)ExtHashVersion.Tea && (flags & ExtMiscFlags.UnsignedHash) != 0 ? (ExtHashVersion)(stored + 3) : (ExtHashVersion)stored;

    /// <summary>The hash by which a name is found, and the one that breaks ties.</summary>
    public static (uint Hash, uint Minor) Compute(ReadOnlySpan<byte> name, ExtHashVersion version, in ExtHashSeed seed)
    {
        Span<uint> state = stackalloc uint[4];
        ReadOnlySpan<U32Le> given = seed;
        for (var i = 0; i < 4; i++)
            state[i] = given[i];
        if (!state.ContainsAnyExcept(0u))
            DefaultSeed.CopyTo(state);
        var isSigned = version <= ExtHashVersion.Tea;
        var (hash, minor) = version switch
        {
            ExtHashVersion.HalfMd4 or ExtHashVersion.HalfMd4Unsigned => HalfMd4(name, isSigned, state),
            ExtHashVersion.Tea or ExtHashVersion.TeaUnsigned => Tea(name, isSigned, state),
            _ => (Legacy(name, isSigned), 0u),
        };
        hash &= ~1u;
        return (hash == EndOfDirectory ? EndOfDirectory - 2 : hash, minor);
    }

    private static uint Legacy(ReadOnlySpan<byte> name, bool isSigned)
    {
        uint hash0 = 0x12A3FE2D, hash1 = 0x37ABE8F9;
        foreach (var b in name)
        {
            var hash = hash1 + (hash0 ^ (uint)((isSigned ? (sbyte)b : b) * 7152373));
            if ((hash & 0x80000000) != 0)
                hash -= 0x7FFFFFFF;
            hash1 = hash0;
            hash0 = hash;
        }
        return hash0 << 1;
    }

    private static (uint, uint) HalfMd4(ReadOnlySpan<byte> name, bool isSigned, Span<uint> state)
    {
        const int step = 32;
        Span<uint> words = stackalloc uint[step / 4];
        for (var rest = name; ; rest = rest[step..])
        {
            if (rest.IsEmpty)
                break;
            Pack(rest, words, isSigned);
            HalfMd4Transform(state, words);
            if (rest.Length <= step)
                break;
        }
        return (state[1], state[2]);
    }

    private static (uint, uint) Tea(ReadOnlySpan<byte> name, bool isSigned, Span<uint> state)
    {
        const int step = 16;
        Span<uint> words = stackalloc uint[step / 4];
        for (var rest = name; !rest.IsEmpty; rest = rest[Math.Min(step, rest.Length)..])
        {
            Pack(rest, words, isSigned);
            uint sum = 0, b0 = state[0], b1 = state[1];
            for (var round = 0; round < 16; round++)
            {
                sum += 0x9E3779B9;
                b0 += ((b1 << 4) + words[0]) ^ (b1 + sum) ^ ((b1 >> 5) + words[1]);
                b1 += ((b0 << 4) + words[2]) ^ (b0 + sum) ^ ((b0 >> 5) + words[3]);
            }
            state[0] += b0;
            state[1] += b1;
        }
        return (state[0], state[1]);
    }

    // Big-endian words of the characters; what is missing is filled with the length that is left, in each byte.
    private static void Pack(ReadOnlySpan<byte> name, Span<uint> words, bool isSigned)
    {
        var pad = (uint)name.Length | (uint)name.Length << 8;
        pad |= pad << 16;
        words.Fill(pad);
        var length = Math.Min(name.Length, words.Length * 4);
        for (var i = 0; i < length; i++)
        {
            var character = isSigned ? (uint)(sbyte)name[i] : name[i];
            words[i / 4] = character + ((i % 4 == 0 ? pad : words[i / 4]) << 8);
        }
    }

    private static void HalfMd4Transform(Span<uint> state, ReadOnlySpan<uint> x)
    {
        const uint k2 = 0x5A827999, k3 = 0x6ED9EBA1;
        ReadOnlySpan<int> order2 = [1, 3, 5, 7, 0, 2, 4, 6], order3 = [3, 7, 2, 6, 1, 5, 0, 4];
        ReadOnlySpan<int> shift1 = [3, 7, 11, 19], shift2 = [3, 5, 9, 13], shift3 = [3, 9, 11, 15];
        uint a = state[0], b = state[1], c = state[2], d = state[3];
        for (var i = 0; i < 8; i++)
            (a, b, c, d) = (d, BitOperations.RotateLeft(a + (d ^ (b & (c ^ d))) + x[i], shift1[i & 3]), b, c);
        for (var i = 0; i < 8; i++)
            (a, b, c, d) = (d, BitOperations.RotateLeft(a + ((b & c) + ((b ^ c) & d)) + x[order2[i]] + k2, shift2[i & 3]), b, c);
        for (var i = 0; i < 8; i++)
            (a, b, c, d) = (d, BitOperations.RotateLeft(a + (b ^ c ^ d) + x[order3[i]] + k3, shift3[i & 3]), b, c);
        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
    }
}
