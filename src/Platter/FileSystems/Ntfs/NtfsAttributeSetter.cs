namespace Platter.FileSystems.Ntfs;

/// <summary>Extended attributes of a file that is edited: $EA, and what $EA_INFORMATION says of it.</summary>
internal static class NtfsAttributeSetter
{
    private const string Prefix = "user.";

    /// <summary>Sets an attribute, or removes it.</summary>
    /// <exception cref="UnsupportedFeatureException">NTFS has no such attributes, or no room for them.</exception>
    public static void Set(NtfsFileEditor file, string name, byte[]? value)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal))
            throw new UnsupportedFeatureException($"ntfs has no extended attributes of the kind of '{name}': those of users (user.) alone");
        var text = name[Prefix.Length..];
        var all = new List<NtfsEa>();
        var content = file.Open(NtfsAttributeType.Ea);
        if (content is not null && NtfsExtendedAttributes.Parse(content.ReadAll(NtfsEaEntry.MaxLength), all) is { } problem)
            throw new DiskFormatException("NTFS-0501", content.Structure, file.Base.Offset, problem);
        Set(all, text, value);
        Store(file, all);
    }

    private static void Store(NtfsFileEditor file, List<NtfsEa> all)
    {
        var (value, information) = NtfsNewExtendedAttributes.Build(all);
        if (value.Length == 0)
        {
            file.Delete(NtfsAttributeType.Ea, "");
            file.Delete(NtfsAttributeType.EaInformation, "");
            return;
        }
        file.OpenOrCreate(NtfsAttributeType.Ea).Replace(value);
        file.SetResident(NtfsAttributeType.EaInformation, "", information);
    }

    // Their case does not count, but is kept.
    private static void Set(List<NtfsEa> all, string name, byte[]? value)
    {
        var at = all.FindIndex(ea => string.Equals(ea.Name, name, StringComparison.OrdinalIgnoreCase));
        if (value is null)
        {
            if (at >= 0)
                all.RemoveAt(at);
            return;
        }
        var set = new NtfsEa(name, value, at >= 0 ? all[at].Flags : (byte)0);
        if (NtfsExtendedAttributes.IsLinux(set))
            throw new InvalidNameException("user." + name, "is where the Windows Subsystem for Linux keeps mode, owner or device");
        if (at >= 0)
            all[at] = set;
        else
            all.Add(set);
    }
}
