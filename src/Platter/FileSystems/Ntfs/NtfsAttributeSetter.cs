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
        var all = Read(file);
        Set(all, name[Prefix.Length..], value);
        Store(file, all);
    }

    /// <summary>Sets what the Windows Subsystem for Linux keeps in such attributes; those that are not given stay.</summary>
    public static void SetLinux(NtfsFileEditor file, NtfsEa[] linux)
    {
        if (linux.Length == 0)
            return;
        var all = Read(file);
        foreach (var ea in linux)
            Put(all, ea);
        Store(file, all);
    }

    private static List<NtfsEa> Read(NtfsFileEditor file)
    {
        var all = new List<NtfsEa>();
        var content = file.Open(NtfsAttributeType.Ea);
        if (content is not null && NtfsExtendedAttributes.Parse(content.ReadAll(NtfsEaEntry.MaxLength), all) is { } problem)
            throw new DiskFormatException("NTFS-0501", content.Structure, file.Base.Offset, problem);
        return all;
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
        if (value is null)
        {
            if (IndexOf(all, name) is var at and >= 0)
                all.RemoveAt(at);
            return;
        }
        var set = new NtfsEa(name, value, 0);
        if (NtfsExtendedAttributes.IsLinux(set))
            throw new InvalidNameException("user." + name, "is where the Windows Subsystem for Linux keeps mode, owner or device");
        Put(all, set);
    }

    private static void Put(List<NtfsEa> all, NtfsEa set)
    {
        var at = IndexOf(all, set.Name);
        if (at >= 0)
            all[at] = set with { Flags = all[at].Flags };
        else
            all.Add(set);
    }

    private static int IndexOf(List<NtfsEa> all, string name) => all.FindIndex(ea => string.Equals(ea.Name, name, StringComparison.OrdinalIgnoreCase));
}
