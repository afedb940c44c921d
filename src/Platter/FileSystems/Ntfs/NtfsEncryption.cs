namespace Platter.FileSystems.Ntfs;

/// <summary>Makes encrypted files (EFS) of what was read of others with <see cref="VolumeOptions.RawEncrypted"/>: ciphertext, and their keys. Nothing is
/// encrypted or decrypted.</summary>
internal static class NtfsEncryption
{
    /// <summary>Gives a file, whose streams hold ciphertext, or a directory the keys of an encrypted one; it is encrypted from then on.</summary>
    /// <param name="file">The file.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="keys">The value of $EFS.</param>
    /// <exception cref="ArgumentException">The value is no such thing.</exception>
    /// <exception cref="UnsupportedFeatureException">The file is encrypted already, cannot be, or does not hold ciphertext.</exception>
    public static void Restore(NtfsFileEditor file, EntryKind kind, byte[] keys)
    {
        if (file.Has(NtfsAttributeType.LoggedUtilityStream, NtfsEfs.StreamName) || HasEncrypted(file))
            throw new UnsupportedFeatureException($"record {file.Number} is encrypted already (EFS): its keys can't be changed");
        if (kind is not (EntryKind.File or EntryKind.Directory) || file.Number == NtfsMft.RootRecord || file.Has(NtfsAttributeType.ReparsePoint))
            throw new UnsupportedFeatureException($"record {file.Number} can't be encrypted: it is the root, a link, a special file, or has its content elsewhere");
        if (NtfsEfs.Parse(keys, [], out _) is { } problem)
            throw new ArgumentException($"the keys of an encrypted file ($EFS): {problem}", nameof(keys));
        // What is made in a compressed directory is compressed; encrypted content never is.
        NtfsStorage.SetCompressed(file, kind, false);
        foreach (var held in file.FindAll(NtfsAttributeType.Data))
            file.Open(NtfsAttributeType.Data, held.Name)!.TakeCiphertext();
        file.OpenOrCreate(NtfsAttributeType.LoggedUtilityStream, NtfsEfs.StreamName).Replace(keys);
        NtfsStandard.Edit(file, static (ref NtfsStandardInformation information) => information.Attributes |= (uint)DosAttributes.Encrypted);
    }

    private static bool HasEncrypted(NtfsFileEditor file)
    {
        foreach (var held in file.FindAll(NtfsAttributeType.Data))
        {
            if (file.Open(NtfsAttributeType.Data, held.Name)!.IsEncrypted)
                return true;
        }
        return false;
    }
}
