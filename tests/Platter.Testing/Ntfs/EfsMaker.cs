using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Platter.Testing.Ntfs;

/// <summary>The algorithms of EFS, as CryptoAPI numbers them.</summary>
public enum EfsCipher
{
    TripleDes = 0x6603,
    DesX = 0x6604,
    Aes256 = 0x6610,
}

/// <summary>Somebody for whom a file is encrypted.</summary>
/// <param name="Certificate">With the private key.</param>
/// <param name="IsAgent">A recovery agent: goes into the second list.</param>
public sealed record EfsReader(X509Certificate2 Certificate, bool IsAgent = false)
{
    /// <summary>1: the key is (said to be) encrypted by a smart card's way.</summary>
    public uint Flags { get; init; }

    /// <summary>Whether the entry names another certificate.</summary>
    public bool IsMisnamed { get; init; }
}

/// <summary>Encrypts as Windows does, by the documents ([MS-EFSR], libntfs), in the plain way: sector by sector, block by block. Nothing is shared with what
/// decrypts in Platter.</summary>
public static class EfsMaker
{
    private const int Sector = 512;

    /// <summary>A certificate as EFS makes it for a user, or for a recovery agent.</summary>
    public static X509Certificate2 Certificate(bool isAgent = false)
    {
        using var rsa = RSA.Create(2048);
        return Certificate(rsa, isAgent);
    }

    /// <summary>Another certificate for a key that is there.</summary>
    public static X509Certificate2 Certificate(RSA key, bool isAgent = false)
    {
        var request = new CertificateRequest("CN=Platter", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var purpose = isAgent ? "1.3.6.1.4.1.311.10.3.4.1" : "1.3.6.1.4.1.311.10.3.4";
        // The second one is for ntfsdecrypt 2022.10.3, which cuts the last digit off before it looks (its issue 87).
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose), new Oid(purpose + "0")], critical: false));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1));
    }

    /// <summary>As <c>--raw-encrypted</c> and ntfs-3g's <c>efs_raw</c> give a stream: ciphertext, and how many bytes of it lie behind the end.</summary>
    public static byte[] Raw(EfsCipher cipher, byte[] key, ReadOnlySpan<byte> plain)
    {
        if (plain.IsEmpty)
            return [];
        var padded = new byte[(plain.Length + Sector - 1) / Sector * Sector];
        plain.CopyTo(padded);
        // What Windows leaves behind the end is anything.
        padded.AsSpan(plain.Length).Fill(0xAB);
        var raw = new byte[padded.Length + 2];
        for (var at = 0; at < padded.Length; at += Sector)
            EncryptSector(cipher, key, (ulong)at, padded.AsSpan(at, Sector)).CopyTo(raw, at);
        BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(padded.Length), (ushort)(padded.Length - plain.Length));
        return raw;
    }

    /// <summary>A key of the right length.</summary>
    public static byte[] Key(EfsCipher cipher) => RandomNumberGenerator.GetBytes(cipher switch { EfsCipher.Aes256 => 32, EfsCipher.TripleDes => 24, _ => 16 });

    /// <summary>The value of $EFS.</summary>
    /// <param name="cipher">What the file is encrypted with.</param>
    /// <param name="key">The file's key.</param>
    /// <param name="readers">Who can read it.</param>
    public static byte[] Keys(EfsCipher cipher, byte[] key, params EfsReader[] readers)
    {
        var efs = new MemoryStream();
        efs.Write(new byte[0x54]);
        var users = List(efs, readers.Where(r => !r.IsAgent), cipher, key);
        var agents = readers.Any(r => r.IsAgent) ? List(efs, readers.Where(r => r.IsAgent), cipher, key) : 0;
        var bytes = efs.ToArray();
        Put(bytes, 0x00, bytes.Length);
        Put(bytes, 0x08, readers.Any(r => r.Flags != 0) ? 3 : cipher == EfsCipher.DesX ? 1 : 2);
        "Platter: an $EFS"u8.CopyTo(bytes.AsSpan(0x10));
        Put(bytes, 0x40, users);
        Put(bytes, 0x44, agents);
        return bytes;
    }

    private static int List(MemoryStream efs, IEnumerable<EfsReader> readers, EfsCipher cipher, byte[] key)
    {
        var at = (int)efs.Length;
        var entries = readers.Select(r => Entry(r, cipher, key)).ToArray();
        efs.Write(BitConverter.GetBytes(entries.Length));
        foreach (var entry in entries)
            efs.Write(entry);
        return at;
    }

    // Head, owner (SID, certificate: thumbprint, container's, provider's and user's name), the encrypted key.
    private static byte[] Entry(EfsReader reader, EfsCipher cipher, byte[] key)
    {
        byte[] sid = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        var name = System.Text.Encoding.Unicode.GetBytes("user@host\0");
        var thumbprint = reader.Certificate.GetCertHash();
        if (reader.IsMisnamed)
            thumbprint[0] ^= 1;
        var certificate = new byte[20 + thumbprint.Length + name.Length];
        Put(certificate, 0, 20);
        Put(certificate, 4, thumbprint.Length);
        Put(certificate, 16, 20 + thumbprint.Length);
        thumbprint.CopyTo(certificate, 20);
        name.CopyTo(certificate, 20 + thumbprint.Length);

        var owner = new byte[28 + sid.Length + certificate.Length];
        Put(owner, 0, owner.Length);
        Put(owner, 4, 28);
        Put(owner, 8, 3);
        Put(owner, 12, certificate.Length);
        Put(owner, 16, 28 + sid.Length);
        sid.CopyTo(owner, 28);
        certificate.CopyTo(owner, 28 + sid.Length);

        var secret = new byte[16 + key.Length];
        Put(secret, 0, key.Length);
        Put(secret, 4, cipher switch { EfsCipher.Aes256 => 256, EfsCipher.TripleDes => 168, _ => 128 });
        Put(secret, 8, (int)cipher);
        key.CopyTo(secret, 16);
        using var rsa = reader.Certificate.GetRSAPublicKey()!;
        var encrypted = rsa.Encrypt(secret, RSAEncryptionPadding.Pkcs1);
        Array.Reverse(encrypted);

        var entry = new byte[20 + owner.Length + encrypted.Length];
        Put(entry, 0, entry.Length);
        Put(entry, 4, 20);
        Put(entry, 8, encrypted.Length);
        Put(entry, 12, 20 + owner.Length);
        Put(entry, 16, (int)reader.Flags);
        owner.CopyTo(entry, 20);
        encrypted.CopyTo(entry, 20 + owner.Length);
        return entry;
    }

    private static byte[] EncryptSector(EfsCipher cipher, byte[] key, ulong offset, ReadOnlySpan<byte> sector)
    {
        if (cipher == EfsCipher.DesX)
            return EncryptDesX(key, offset, sector);
        using SymmetricAlgorithm algorithm = cipher == EfsCipher.Aes256 ? Aes.Create() : TripleDES.Create();
        algorithm.Key = key;
        return algorithm.EncryptCbc(sector, Start(cipher, offset), PaddingMode.None);
    }

    private static byte[] Start(EfsCipher cipher, ulong offset)
    {
        if (cipher != EfsCipher.Aes256)
            return BitConverter.GetBytes(0x169119629891ad13UL + offset);
        return [.. BitConverter.GetBytes(0x5816657be9161312UL + offset), .. BitConverter.GetBytes(0x1989adbe44918961UL + offset)];
    }

    private static byte[] EncryptDesX(byte[] key, ulong offset, ReadOnlySpan<byte> sector)
    {
        var first = MD5.HashData([.. key, .. "Dan Simon  \0"u8]);
        var second = MD5.HashData([.. key, .. "Scott Field\0"u8]);
        using var des = DES.Create();
        des.Key = [.. Enumerable.Range(0, 8).Select(i => (byte)(first[i / 4 * 8 + i % 4] ^ first[i / 4 * 8 + 4 + i % 4]))];
        var chain = Start(EfsCipher.DesX, offset);
        var result = new byte[sector.Length];
        for (var at = 0; at < sector.Length; at += 8)
        {
            // Encrypting takes DES backwards.
            var block = new byte[8];
            for (var i = 0; i < 8; i++)
                block[i] = (byte)(sector[at + i] ^ chain[i] ^ second[8 + i]);
            block = des.DecryptEcb(block, PaddingMode.None);
            for (var i = 0; i < 8; i++)
                chain[i] = result[at + i] = (byte)(block[i] ^ second[i]);
        }
        return result;
    }

    private static void Put(byte[] bytes, int at, int value) => BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(at), value);
}
