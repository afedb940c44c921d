using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The key that a file's content is encrypted with, and the way back: sectors of 512 bytes, each a chain of its own (CBC) that starts with a
/// number made from the sector's place in the stream.</summary>
/// <remarks>
/// [MS-EFSR] 2.2.3.2 has the chaining; where chains start, and how DESX is made, are known from libntfs (crypto.c). Chains are undone here and blocks by
/// the framework, so that one call does for many sectors and DESX is no exception.
/// </remarks>
internal sealed class NtfsFileKey : IDisposable
{
    /// <summary>Bytes that are encrypted together.</summary>
    public const int SectorSize = 512;

    // What a chain starts with, the stream's offset of the sector added: one number for blocks of 8 bytes, two for those of 16.
    private const ulong FirstOf8 = 0x169119629891AD13, FirstOf16 = 0x5816657BE9161312, SecondOf16 = 0x1989ADBE44918961;

    private readonly SymmetricAlgorithm _cipher;
    private readonly int _blockSize;

    // DESX: what blocks are masked with before and after DES.
    private readonly bool _isDesX;
    private readonly ulong _before, _after;

    private NtfsFileKey(NtfsFileCipher algorithm, ReadOnlySpan<byte> key)
    {
        _isDesX = algorithm == NtfsFileCipher.DesX;
        if (_isDesX)
        {
            Span<byte> des = stackalloc byte[sizeof(ulong)];
            ExpandDesX(key, des, out _before, out _after);
            _cipher = Make(algorithm, des);
        }
        else
        {
            _cipher = Make(algorithm, key);
        }
        _blockSize = _cipher.BlockSize / 8;
    }

    /// <summary>Takes the key as it was in $EFS, once decrypted.</summary>
    /// <returns>Null when it is no such key: it was decrypted with another certificate's.</returns>
    /// <exception cref="UnsupportedFeatureException">The algorithm is none of those that EFS is known to use.</exception>
    public static NtfsFileKey? TryParse(ReadOnlySpan<byte> secret)
    {
        // What CryptoAPI numbers as block ciphers (ALG_CLASS_DATA_ENCRYPT, ALG_TYPE_BLOCK).
        const uint blockCiphers = 0x6600, family = 0xFFFFFF00;
        if (secret.Length <= NtfsFileKeyHead.Size)
            return null;
        ref readonly var head = ref OnDisk.View<NtfsFileKeyHead>(secret);
        if (head.KeyLength == 0U || head.KeyLength > (uint)(secret.Length - NtfsFileKeyHead.Size) || (head.AlgorithmRaw & family) != blockCiphers)
            return null;
        var length = head.Algorithm switch
        {
            NtfsFileCipher.Aes256 => 32U,
            NtfsFileCipher.TripleDes => 24U,
            NtfsFileCipher.DesX => 16U,
            _ => throw new UnsupportedFeatureException($"EFS with the algorithm 0x{(uint)head.AlgorithmRaw:X4}; there are AES-256, 3DES and DESX"),
        };
        return head.KeyLength == length ? new NtfsFileKey(head.Algorithm, secret.Slice(NtfsFileKeyHead.Size, (int)length)) : null;
    }

    public void Dispose() => _cipher.Dispose();

    /// <summary>Decrypts whole sectors.</summary>
    /// <param name="offset">Where they start in the stream, in bytes; whole sectors.</param>
    /// <param name="sectors">As they lie on the volume.</param>
    /// <param name="plain">As many bytes; not the same memory.</param>
    public void Decrypt(long offset, ReadOnlySpan<byte> sectors, Span<byte> plain)
    {
        if (_isDesX)
            DecryptDesX(sectors, plain);
        else
            _cipher.DecryptEcb(sectors, plain, PaddingMode.None);
        for (var at = 0; at < sectors.Length; at += SectorSize)
            Unchain((ulong)(offset + at), sectors.Slice(at, SectorSize), plain.Slice(at, SectorSize));
    }

    private void Unchain(ulong offset, ReadOnlySpan<byte> sector, Span<byte> plain)
    {
        var to = MemoryMarshal.Cast<byte, ulong>(plain);
        var from = MemoryMarshal.Cast<byte, ulong>(sector);
        var words = _blockSize / sizeof(ulong);
        if (words == 1)
        {
            to[0] ^= Little(FirstOf8 + offset);
        }
        else
        {
            to[0] ^= Little(FirstOf16 + offset);
            to[1] ^= Little(SecondOf16 + offset);
        }
        for (var i = words; i < to.Length; i++)
            to[i] ^= from[i - words];
    }

    // A block goes through DES in the direction that is called encryption.
    private void DecryptDesX(ReadOnlySpan<byte> sectors, Span<byte> plain)
    {
        var masked = sectors.ToArray();
        Mask(masked, _before);
        _cipher.EncryptEcb(masked, plain, PaddingMode.None);
        Mask(plain, _after);
    }

    private static void Mask(Span<byte> bytes, ulong mask)
    {
        foreach (ref var word in MemoryMarshal.Cast<byte, ulong>(bytes))
            word ^= Little(mask);
    }

    private static SymmetricAlgorithm Make(NtfsFileCipher algorithm, ReadOnlySpan<byte> key)
    {
        SymmetricAlgorithm? cipher = null;
        try
        {
            cipher = algorithm switch { NtfsFileCipher.Aes256 => Aes.Create(), NtfsFileCipher.TripleDes => TripleDES.Create(), _ => DES.Create() };
            cipher.Key = key.ToArray();
            return cipher;
        }
        catch (Exception e) when (e is CryptographicException or PlatformNotSupportedException)
        {
            // A key of which the framework says that it is too weak, or a system that has given up DES.
            cipher?.Dispose();
            throw new UnsupportedFeatureException($"EFS with {algorithm}, which this system's cryptography refuses: {e.Message}");
        }
    }

    // MD5 of the key and a text, which ends with a zero: once for the key of DES, once for the masks.
    private static void ExpandDesX(ReadOnlySpan<byte> key, Span<byte> des, out ulong before, out ulong after)
    {
        Span<byte> hash = stackalloc byte[MD5.HashSizeInBytes];
        MD5.HashData([.. key, .. "Dan Simon  \0"u8], hash);
        for (var i = 0; i < sizeof(uint); i++)
        {
            des[i] = (byte)(hash[i] ^ hash[i + 4]);
            des[i + 4] = (byte)(hash[i + 8] ^ hash[i + 12]);
        }
        MD5.HashData([.. key, .. "Scott Field\0"u8], hash);
        before = BinaryPrimitives.ReadUInt64LittleEndian(hash);
        after = BinaryPrimitives.ReadUInt64LittleEndian(hash[sizeof(ulong)..]);
    }

    private static ulong Little(ulong value) => BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value);
}
