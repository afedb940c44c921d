namespace Platter.FileSystems.Ntfs;

/// <summary>Security descriptors of files that are edited.</summary>
internal static class NtfsDescriptors
{
    /// <summary>Gives a new file the descriptor that follows from its directory's.</summary>
    public static void Inherit(NtfsFileEditor file, NtfsFileEditor directory)
    {
        if (NtfsStandard.SecurityId(directory) is var id and not 0 && !directory.Has(NtfsAttributeType.SecurityDescriptor))
            NtfsStandard.SetSecurityId(file, id);
    }

    /// <summary>Sets a self-relative descriptor.</summary>
    public static void Set(NtfsFileEditor file, byte[] descriptor)
    {
        if (descriptor.Length is < NtfsSecurityDescriptor.Size or > NtfsSecure.MaxDescriptor)
            throw new ArgumentException($"a security descriptor has {NtfsSecurityDescriptor.Size} to {NtfsSecure.MaxDescriptor} bytes, not {descriptor.Length}");
        file.OpenOrCreate(NtfsAttributeType.SecurityDescriptor).Replace(descriptor);
        NtfsStandard.SetSecurityId(file, 0);
    }
}
