using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

// $LOGGED_UTILITY_STREAM:$EFS, the keys of an encrypted file: [MS-EFSR] 2.2.2.1, "EFSRPC Metadata Version 1"; layout.h of the Linux-NTFS project has the
// same. Offsets count from the start of the structure that they stand in; 0: absent.
//
//   head           versions 1 to 3
//   key list       of users (DDF): how many entries, then the entries
//   key list       of recovery agents (DRF), if any
//   entry          head | public key information (SID, certificate data (thumbprint, names)) | the file's key, encrypted

/// <summary>The head of $EFS, as far as the documents agree: 72 bytes. Up to the first list follow 8 bytes by [MS-EFSR], and 12 in what Windows writes.</summary>
/// <remarks>Versions 4 and 5 ([MS-EFSR] 2.2.2.2) have the first four fields in common with it, version 6 nothing.</remarks>
internal struct NtfsEfsHead
{
    public const int Size = 72;

    /// <summary>Bytes of the longest $EFS that is read or set: Windows keeps to 256 KiB.</summary>
    public const int MaxLength = 256 << 10;

    /// <summary>The last version of this form.</summary>
    public const uint LastVersion = 3;

    public U32Le Length;                     // 0x00  of all of $EFS, bytes
    public U32Le Reserved;                   // 0x04
    public U32Le Version;                    // 0x08  1: DESX; 2: also 3DES and AES-256; 3: also keys of smart cards
    public U32Le Reserved2;                  // 0x0C
    public U64Le IdLow, IdHigh;              // 0x10  GUID of this $EFS
    public U64Le HashLow, HashHigh;          // 0x20
    public U64Le Reserved3, Reserved4;       // 0x30
    public U32Le UsersOffset;                // 0x40  key list of those who may read the file (DDF)
    public U32Le AgentsOffset;               // 0x44  key list of recovery agents (DRF)
}

/// <summary>An entry of a key list: 20 bytes, then what its offsets lead to. The next entry follows <see cref="Length"/> bytes behind its start.</summary>
internal struct NtfsEfsEntryHead
{
    public const int Size = 20;

    /// <summary>The file's key is encrypted with AES-256, by a key that a signature of the private key gives: for smart cards.</summary>
    public const uint Signed = 1;

    public U32Le Length;                     // 0x00  of this entry, bytes
    public U32Le PublicKeyOffset;            // 0x04  NtfsEfsPublicKey
    public U32Le KeyLength;                  // 0x08  bytes of the encrypted key
    public U32Le KeyOffset;                  // 0x0C
    public U32Le Flags;                      // 0x10  0: RSA, PKCS #1, the lowest byte first
}

/// <summary>Whose key an entry is for: 28 bytes.</summary>
internal struct NtfsEfsPublicKey
{
    public const int Size = 28;

    /// <summary>The only type that [MS-EFSR] has: a certificate, known by its thumbprint.</summary>
    public const uint Certificate = 3;

    public U32Le Length;                     // 0x00  of this structure, bytes
    public U32Le OwnerOffset;                // 0x04  a SID
    public U32Le Type;                       // 0x08
    public U32Le CertificateLength;          // 0x0C
    public U32Le CertificateOffset;          // 0x10  NtfsEfsCertificate
    public U64Le Reserved;                   // 0x14
}

/// <summary>Which certificate it is: 20 bytes.</summary>
internal struct NtfsEfsCertificate
{
    public const int Size = 20;

    public U32Le ThumbprintOffset;           // 0x00
    public U32Le ThumbprintLength;           // 0x04  20: SHA-1 of the certificate
    public U32Le ContainerNameOffset;        // 0x08  UTF-16, as the other two
    public U32Le ProviderNameOffset;         // 0x0C
    public U32Le DisplayNameOffset;          // 0x10
}

/// <summary>The file's key, once decrypted: 16 bytes, then the key. [MS-EFSR] 2.2.2.1.5.</summary>
internal struct NtfsFileKeyHead
{
    public const int Size = 16;

    public U32Le KeyLength;                  // 0x00  bytes
    public U32Le Entropy;                    // 0x04  bits
    public U32Le AlgorithmRaw;               // 0x08  as CryptoAPI counts them (ALG_ID)
    public U32Le Reserved;                   // 0x0C

    public readonly NtfsFileCipher Algorithm => (NtfsFileCipher)(uint)AlgorithmRaw;
}

/// <summary>What files are encrypted with.</summary>
internal enum NtfsFileCipher : uint
{
    None = 0,

    /// <summary>Windows XP can be told so. 24 bytes of key.</summary>
    TripleDes = 0x6603,

    /// <summary>Windows 2000. 16 bytes, from which DES's key and two masks are made.</summary>
    DesX = 0x6604,

    /// <summary>Windows XP SP1 and later. 32 bytes.</summary>
    Aes256 = 0x6610,
}
