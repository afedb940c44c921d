using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>An entry of $EFS: the file's key, encrypted for one certificate.</summary>
/// <param name="IsAgent">Whether it is a recovery agent's (DRF), not a user's (DDF).</param>
/// <param name="Flags">How the key is encrypted: 0 is RSA, see <see cref="NtfsEfsEntryHead"/>.</param>
/// <param name="Thumbprint">Of the certificate, 20 bytes; null where the entry names none.</param>
/// <param name="Key">The encrypted key.</param>
internal sealed record NtfsEfsEntry(bool IsAgent, uint Flags, byte[]? Thumbprint, byte[] Key);

/// <summary>$EFS, taken apart: who can decrypt a file. One rule for reading, setting and checking.</summary>
internal static class NtfsEfs
{
    /// <summary>The name of the $LOGGED_UTILITY_STREAM.</summary>
    public const string StreamName = "$EFS";

    /// <summary>Windows lets some hundreds share a file; each entry takes more than a hundred bytes.</summary>
    private const int MaxEntries = NtfsEfsHead.MaxLength / NtfsEfsEntryHead.Size;

    /// <summary>Takes the keys of a file apart.</summary>
    /// <param name="efs">The value of $EFS.</param>
    /// <param name="found">The entries are added here: users first, then recovery agents. None of versions above 3.</param>
    /// <param name="version">The version that it says; 0 where it is too short to.</param>
    /// <returns>What is wrong, or null; entries before it have been added.</returns>
    public static string? Parse(ReadOnlySpan<byte> efs, List<NtfsEfsEntry> found, out uint version)
    {
        version = 0;
        if (efs.Length < NtfsEfsHead.Size)
            return $"has {efs.Length} bytes, expected at least {NtfsEfsHead.Size}";
        if (efs.Length > NtfsEfsHead.MaxLength)
            return $"has {efs.Length} bytes, expected at most {NtfsEfsHead.MaxLength}";
        ref readonly var head = ref OnDisk.View<NtfsEfsHead>(efs);
        // "File" protectors of Windows 10: another head altogether.
        if (efs[..6].SequenceEqual(".pfile"u8))
        {
            version = 6;
            return null;
        }
        if (head.Length != (uint)efs.Length)
            return $"says that it has {head.Length} bytes, and has {efs.Length}";
        version = head.Version;
        if (version == 0)
            return "is of version 0, expected 1 or more";
        if (version > NtfsEfsHead.LastVersion)
            return null;
        return ParseList(efs, head.UsersOffset, isAgents: false, found) ?? ParseList(efs, head.AgentsOffset, isAgents: true, found);
    }

    /// <summary>What is wrong with encrypted content, by the head of its attribute; null when nothing is. An empty one may still be in its record.</summary>
    public static string? ProblemOfContent(NtfsAttributeFlags flags, bool isResident, long length) => (flags & NtfsAttributeFlags.CompressionMask) != 0
        ? "is encrypted and compressed" : isResident && length > 0 ? $"is encrypted, and its {length} bytes are in the record, expected in clusters" : null;

    private static string? ParseList(ReadOnlySpan<byte> efs, uint offset, bool isAgents, List<NtfsEfsEntry> found)
    {
        if (offset == 0)
            return null;
        var what = isAgents ? "DRF" : "DDF";
        if (offset < NtfsEfsHead.Size || offset > (uint)efs.Length - sizeof(uint))
            return $"{what} at {offset}, expected {NtfsEfsHead.Size}..{efs.Length - sizeof(uint)}";
        var count = (uint)OnDisk.View<U32Le>(efs, (int)offset);
        if (count > MaxEntries)
            return $"{what} has {count} entries, expected at most {MaxEntries}";
        var rest = efs[((int)offset + sizeof(uint))..];
        for (var i = 0; i < count; i++)
        {
            if (rest.Length < NtfsEfsEntryHead.Size)
                return $"{what}, entry {i} of {count}: {rest.Length} bytes are left, expected at least {NtfsEfsEntryHead.Size}";
            var length = (uint)OnDisk.View<NtfsEfsEntryHead>(rest).Length;
            if (length < NtfsEfsEntryHead.Size || length > (uint)rest.Length)
                return $"{what}, entry {i}: has {length} bytes, expected {NtfsEfsEntryHead.Size}..{rest.Length}";
            if (ParseEntry(rest[..(int)length], isAgents, found) is { } problem)
                return $"{what}, entry {i}: {problem}";
            rest = rest[(int)length..];
        }
        return null;
    }

    private static string? ParseEntry(ReadOnlySpan<byte> entry, bool isAgent, List<NtfsEfsEntry> found)
    {
        ref readonly var head = ref OnDisk.View<NtfsEfsEntryHead>(entry);
        if (!TryPart(entry, head.KeyOffset, head.KeyLength, NtfsEfsEntryHead.Size, out var key))
            return $"the key has {head.KeyLength} bytes at {head.KeyOffset}, past the entry's {entry.Length}";
        ReadOnlySpan<byte> thumbprint = default;
        if (head.PublicKeyOffset != 0U && ParseOwner(entry, head.PublicKeyOffset, out thumbprint) is { } problem)
            return problem;
        found.Add(new NtfsEfsEntry(isAgent, head.Flags, thumbprint.IsEmpty ? null : thumbprint.ToArray(), key.ToArray()));
        return null;
    }

    // Whose the key is; of types that nobody has described nothing is known.
    private static string? ParseOwner(ReadOnlySpan<byte> entry, uint offset, out ReadOnlySpan<byte> thumbprint)
    {
        thumbprint = default;
        if (!TryPart(entry, offset, NtfsEfsPublicKey.Size, NtfsEfsEntryHead.Size, out _))
            return $"the owner's key at {offset} has no room in its {entry.Length} bytes";
        var length = (uint)OnDisk.View<NtfsEfsPublicKey>(entry, (int)offset).Length;
        if (length < NtfsEfsPublicKey.Size || !TryPart(entry, offset, length, NtfsEfsEntryHead.Size, out var owner))
            return $"the owner's key has {length} bytes at {offset}, expected {NtfsEfsPublicKey.Size}..{entry.Length - offset}";
        ref readonly var head = ref OnDisk.View<NtfsEfsPublicKey>(owner);
        if (head.Type != NtfsEfsPublicKey.Certificate)
            return null;
        if (head.CertificateLength < (uint)NtfsEfsCertificate.Size || !TryPart(owner, head.CertificateOffset, head.CertificateLength, NtfsEfsPublicKey.Size, out var certificate))
            return $"the certificate has {head.CertificateLength} bytes at {head.CertificateOffset}, expected {NtfsEfsCertificate.Size} at least, within the owner's {owner.Length}";
        ref readonly var names = ref OnDisk.View<NtfsEfsCertificate>(certificate);
        return TryPart(certificate, names.ThumbprintOffset, names.ThumbprintLength, NtfsEfsCertificate.Size, out thumbprint)
            ? null : $"the thumbprint has {names.ThumbprintLength} bytes at {names.ThumbprintOffset}, past the certificate's {certificate.Length}";
    }

    // A part behind the head of what it lies in.
    private static bool TryPart(ReadOnlySpan<byte> whole, uint offset, uint length, int head, out ReadOnlySpan<byte> part)
    {
        var fits = offset >= head && offset <= (uint)whole.Length && length <= (uint)whole.Length - offset;
        part = fits ? whole.Slice((int)offset, (int)length) : default;
        return fits;
    }
}
