using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The rules of names that are given: those of Windows, which could not open others; and short names.</summary>
internal static class NtfsFileNaming
{
    private const int StemLength = 8, ExtensionLength = 3;

    /// <summary>Checks a name. Half of a surrogate pair is kept as it is.</summary>
    /// <exception cref="InvalidNameException">It breaks a rule; the message says which.</exception>
    public static void Validate(string name) => WindowsNames.Validate(name, "NTFS", keepsHalfPairs: true);

    /// <summary>Whether a name can be a short one: up to 8 characters, and up to 3 behind a dot, in capitals.</summary>
    public static bool IsShort(string name)
    {
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        var (stem, extension) = dot < 0 ? (name, "") : (name[..dot], name[(dot + 1)..]);
        return stem.Length is > 0 and <= StemLength && extension.Length <= ExtensionLength && (dot < 0 || extension.Length > 0) && IsShortPart(stem) && IsShortPart(extension);
    }

    /// <summary>Gives a file a short name beside its first long one, or takes it away.</summary>
    /// <param name="file">The file.</param>
    /// <param name="shortName">Empty takes it away.</param>
    /// <param name="names">Changes the directory's index.</param>
    /// <exception cref="InvalidNameException">It is no short name.</exception>
    /// <exception cref="AlreadyExistsException">Another file has it.</exception>
    public static void SetShortName(NtfsFileEditor file, string shortName, NtfsNames names)
    {
        if (shortName.Length > 0 && !IsShort(shortName))
            throw new InvalidNameException(shortName, "is no short name: up to 8 capitals, and up to 3 behind a dot");
        var held = NtfsNames.Of(file);
        var name = held.Find(h => NtfsNames.NamespaceOf(h) != NtfsNamespace.Dos) ?? throw new UnsupportedFeatureException($"record {file.Number} has no long name");
        var directory = file.State.File(OnDisk.View<NtfsFileName>(name.Value).Parent.Value);
        if (NtfsNames.PartnerOf(held, name) is { } old)
        {
            if (NtfsNames.NamespaceOf(old) == NtfsNamespace.Dos && NtfsNames.TextOf(old) == shortName)
                return;
            names.Remove(directory, old.Value);
            file.Remove(old);
            file.LinkCount--;
        }
        var isBoth = NtfsNames.TextOf(name) == shortName;
        SetNamespace(file, name, directory, shortName.Length == 0 ? NtfsNamespace.Posix : isBoth ? NtfsNamespace.Win32AndDos : NtfsNamespace.Win32, names);
        if (shortName.Length == 0 || isBoth)
            return;
        if (file.State.Volume.TryLookup(new NodeId(directory.Reference.Raw), shortName, out var taken) && new NtfsReference(taken.Value) != file.Reference)
            throw new AlreadyExistsException(shortName);
        var value = NtfsNames.Value(file, directory.Reference, shortName, NtfsNamespace.Dos);
        file.Add(NtfsAttributeType.FileName, "", 0, NtfsAttributeBytes.Resident(NtfsAttributeType.FileName, "", value));
        file.LinkCount++;
        names.Insert(directory, file.Reference, value);
    }

    /// <summary>Gives a file the short name that Windows would give its first long one, when it has none. One that is short as it is serves as both.</summary>
    public static void MakeShortName(NtfsFileEditor file, NtfsNames names)
    {
        var held = NtfsNames.Of(file);
        var name = held.Find(h => NtfsNames.NamespaceOf(h) != NtfsNamespace.Dos) ?? throw new UnsupportedFeatureException($"record {file.Number} has no long name");
        if (NtfsNames.NamespaceOf(name) is NtfsNamespace.Win32 or NtfsNamespace.Win32AndDos && (NtfsNames.PartnerOf(held, name) is not null || NtfsNames.NamespaceOf(name) == NtfsNamespace.Win32AndDos))
            return;
        var directory = file.State.File(OnDisk.View<NtfsFileName>(name.Value).Parent.Value);
        var text = NtfsNames.TextOf(name);
        if (NtfsShortNames.IsShort(text))
        {
            SetNamespace(file, name, directory, NtfsNamespace.Win32AndDos, names);
            return;
        }
        var made = NtfsShortNames.Make(text, candidate => file.State.Volume.TryLookup(new NodeId(directory.Reference.Raw), candidate, out _))
            ?? throw new UnsupportedFeatureException($"every short name for '{text}' is taken");
        SetShortName(file, made, names);
    }

    private static void SetNamespace(NtfsFileEditor file, NtfsHeld name, NtfsFileEditor directory, NtfsNamespace space, NtfsNames names)
    {
        var bytes = NtfsNames.ValueOf(name);
        OnDisk.Edit<NtfsFileName>(bytes).Namespace = space;
        file.Replace(name, NtfsAttributeBytes.Resident(NtfsAttributeType.FileName, "", bytes));
        names.Update(directory, file.Reference, bytes);
    }

    private static bool IsShortPart(string part)
    {
        foreach (var c in part)
        {
            if (!char.IsAsciiLetterUpper(c) && !char.IsAsciiDigit(c) && !"!#$%&'()-@^_`{}~".Contains(c, StringComparison.Ordinal))
                return false;
        }
        return true;
    }
}
