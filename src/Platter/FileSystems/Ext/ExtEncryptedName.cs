using System.Security.Cryptography;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>How names of an encrypted directory are shown without its key: as the kernel shows them, so that they can be looked up and deleted.</summary>
/// <remarks>Linux kernel, fs/crypto/fname.c: base64url without padding of hash, minor hash, up to 149 bytes of the name, and the SHA-256 of the rest.</remarks>
internal static class ExtEncryptedName
{
    private const int MostBytes = 149;

    public static string Encode(ReadOnlySpan<byte> name, ExtEntryHash hash)
    {
        Span<byte> bytes = stackalloc byte[8 + MostBytes + SHA256.HashSizeInBytes];
        OnDisk.Bytes(in hash).CopyTo(bytes);
        var shown = name[..Math.Min(name.Length, MostBytes)];
        shown.CopyTo(bytes[8..]);
        var length = 8 + shown.Length;
        if (name.Length > MostBytes)
        {
            SHA256.HashData(name[MostBytes..], bytes[length..]);
            length += SHA256.HashSizeInBytes;
        }
        return Convert.ToBase64String(bytes[..length]).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }
}
