using System.Diagnostics.CodeAnalysis;

namespace Platter.FileSystems.Ntfs;

/// <summary>Finds the keys of encrypted files (EFS) by the certificates that somebody has.</summary>
/// <param name="certificates">With their private keys.</param>
internal sealed class NtfsDecryption(EfsKeys certificates)
{
    // Of the file that was asked for last: a file is opened for each of its streams, and while it is edited for each reading. Keys never change where they are.
    private ulong _file;
    private byte[]? _secret;

    /// <summary>The value of $EFS; null when there is none.</summary>
    public static byte[]? ReadKeys(NtfsFile file) => file.Open(NtfsAttributeType.LoggedUtilityStream, NtfsEfs.StreamName)?.ReadAll(NtfsEfsHead.MaxLength, "NTFS-0502");

    /// <summary>Encrypted content lies in clusters, and is never compressed.</summary>
    /// <exception cref="DiskFormatException">This does not, or is.</exception>
    public static void RequireSound(NtfsContent content, NtfsFile file)
    {
        if (NtfsEfs.ProblemOfContent(content.Flags, content.IsResident, content.Length) is { } problem)
            throw new DiskFormatException("NTFS-0218", content.Structure, file.Base.Offset, problem);
    }

    /// <summary>The key of a file; the caller's to dispose of.</summary>
    /// <exception cref="DiskFormatException">$EFS is missing or broken.</exception>
    /// <exception cref="UnauthorizedAccessException">It is encrypted for other certificates.</exception>
    /// <exception cref="UnsupportedFeatureException">In a way that is not known here.</exception>
    public NtfsFileKey KeyOf(NtfsFile file)
    {
        if (_secret is not null && _file == file.Base.Reference.Raw)
            return NtfsFileKey.TryParse(_secret)!;
        (_file, _secret) = (file.Base.Reference.Raw, null);
        var structure = file.Structure(NtfsAttributeType.LoggedUtilityStream, NtfsEfs.StreamName);
        var efs = ReadKeys(file) ?? throw new DiskFormatException("NTFS-0127", file.Base.Structure, file.Base.Offset, "has encrypted data, and no keys: no $LOGGED_UTILITY_STREAM:$EFS");
        var entries = new List<NtfsEfsEntry>();
        if (NtfsEfs.Parse(efs, entries, out var version) is { } problem)
            throw new DiskFormatException("NTFS-0503", structure, file.Base.Offset, problem);
        if (version > NtfsEfsHead.LastVersion)
            throw new UnsupportedFeatureException($"{structure} is of version {version}; versions 1 to {NtfsEfsHead.LastVersion} are known");
        return FindNamed(entries, structure, file) ?? FindAny(entries) ?? throw Refusal(entries, structure);
    }

    // By the thumbprint, as Windows does.
    private NtfsFileKey? FindNamed(List<NtfsEfsEntry> entries, string structure, NtfsFile file)
    {
        var isBroken = false;
        foreach (var entry in entries)
        {
            if (entry.Thumbprint is null || certificates.IndexOf(entry.Thumbprint) is not (>= 0 and var index) || entry.Flags != 0)
                continue;
            if (TryOpen(entry, index, out var key))
                return key;
            isBroken = true;
        }
        return isBroken ? throw new DiskFormatException("NTFS-0503", structure, file.Base.Offset, "names the certificate, whose key does not decrypt the file's") : null;
    }

    // A certificate may have been made anew for the same key.
    private NtfsFileKey? FindAny(List<NtfsEfsEntry> entries)
    {
        foreach (var entry in entries)
        {
            for (var i = 0; i < certificates.Count && entry.Flags == 0; i++)
            {
                if (TryOpen(entry, i, out var key))
                    return key;
            }
        }
        return null;
    }

    private bool TryOpen(NtfsEfsEntry entry, int index, [NotNullWhen(true)] out NtfsFileKey? key)
    {
        var secret = certificates.TryDecrypt(index, entry.Key);
        key = secret is null ? null : NtfsFileKey.TryParse(secret);
        if (key is not null)
            _secret = secret;
        return key is not null;
    }

    private Exception Refusal(List<NtfsEfsEntry> entries, string structure)
    {
        foreach (var entry in entries)
        {
            if (entry.Flags != 0 && entry.Thumbprint is not null && certificates.IndexOf(entry.Thumbprint) >= 0)
                return new UnsupportedFeatureException($"{structure} has the key for this certificate in another form than RSA's (flags 0x{entry.Flags:X}: a smart card's)");
        }
        var others = entries.Where(e => e.Thumbprint is not null).Select(e => Convert.ToHexString(e.Thumbprint!)).Distinct(StringComparer.Ordinal).Take(4);
        return new UnauthorizedAccessException($"{structure} has no key for {(certificates.Count == 1 ? "this certificate" : "any of these certificates")}: "
            + (entries.Count == 0 ? "none at all" : $"the file is encrypted for {string.Join(", ", others)}"));
    }
}
