using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Platter.FileSystems;

/// <summary>Certificates with their private keys, to decrypt files that Windows has encrypted (EFS): those of a PKCS #12 file (<c>.pfx</c>), as Windows
/// exports them. For <see cref="VolumeOptions.EfsKeys"/>.</summary>
public sealed class EfsKeys : IDisposable
{
    // What Windows answers, and the framework elsewhere, when a password does not fit: ERROR_INVALID_PASSWORD.
    private const int WrongPassword = unchecked((int)0x80070056);

    private readonly List<(byte[] Thumbprint, RSA Key)> _keys = [];

    private EfsKeys(X509Certificate2Collection certificates)
    {
        foreach (var certificate in certificates)
        {
            using (certificate)
            {
                if (certificate.HasPrivateKey && certificate.GetRSAPrivateKey() is { } key)
                    _keys.Add((certificate.GetCertHash(), key));
            }
        }
    }

    /// <summary>How many private keys there are.</summary>
    public int Count => _keys.Count;

    /// <summary>Reads a PKCS #12 file.</summary>
    /// <param name="pfx">All of the file.</param>
    /// <param name="password">What it is protected with; null or empty for none.</param>
    /// <exception cref="UnauthorizedAccessException">The password is another.</exception>
    /// <exception cref="FormatException">It is no such file, is damaged, or has no certificate with a private RSA key.</exception>
    public static EfsKeys Read(ReadOnlySpan<byte> pfx, string? password)
    {
        EfsKeys keys;
        try
        {
            keys = new EfsKeys(X509CertificateLoader.LoadPkcs12Collection(pfx, password, Storage));
        }
        catch (CryptographicException e) when (e.HResult == WrongPassword)
        {
            throw new UnauthorizedAccessException("the password is wrong", e);
        }
        catch (CryptographicException e)
        {
            throw new FormatException($"is no certificate file (PKCS #12, .pfx), or is damaged: {e.Message}", e);
        }
        if (keys.Count > 0)
            return keys;
        keys.Dispose();
        throw new FormatException("holds no certificate with a private RSA key: it has to be exported with the key");
    }

    public void Dispose()
    {
        foreach (var (_, key) in _keys)
            key.Dispose();
        _keys.Clear();
    }

    // The keys stay in memory; macOS has no way to do that.
    private static X509KeyStorageFlags Storage => OperatingSystem.IsMacOS() ? X509KeyStorageFlags.DefaultKeySet : X509KeyStorageFlags.EphemeralKeySet;

    /// <summary>The certificate of this thumbprint; -1 when it is not among them.</summary>
    internal int IndexOf(ReadOnlySpan<byte> thumbprint)
    {
        for (var i = 0; i < _keys.Count; i++)
        {
            if (thumbprint.SequenceEqual(_keys[i].Thumbprint))
                return i;
        }
        return -1;
    }

    /// <summary>Decrypts with one of the keys (RSA, PKCS #1).</summary>
    /// <param name="index">Which one.</param>
    /// <param name="secret">What is encrypted, the lowest byte first.</param>
    /// <returns>Null when it was not encrypted for this key. Some libraries answer with bytes by chance then.</returns>
    internal byte[]? TryDecrypt(int index, ReadOnlySpan<byte> secret)
    {
        ObjectDisposedException.ThrowIf(_keys.Count == 0, this);
        var key = _keys[index].Key;
        if (secret.Length != (key.KeySize + 7) / 8)
            return null;
        var number = secret.ToArray();
        Array.Reverse(number);
        try
        {
            return key.Decrypt(number, RSAEncryptionPadding.Pkcs1);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
