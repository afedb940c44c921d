namespace Platter.FileSystems.Ntfs;

/// <summary>Symbolic links and special files as they are made, in the form that is asked for. A link gets that of WSL where the form cannot hold its target.</summary>
internal static class NtfsNewLinks
{
    private const int MaxSteps = 4096;

    // rw-r--r-- of root, when nothing else is said: without $LXMOD, $LXUID and $LXGID ntfs3 takes a special file for a file.
    private const int DefaultMode = 0x1A4;

    /// <summary>A link.</summary>
    /// <param name="volume">Where it is made: a link to a directory is one itself.</param>
    /// <param name="parent">Its directory.</param>
    /// <param name="target">A path with '/'; kept as it is.</param>
    /// <param name="form">The form that is preferred.</param>
    public static NtfsNewFile Of(NtfsVolume volume, NodeId parent, string target, SymbolicLinkForm form)
    {
        if (target.Length == 0 || target.Contains('\0', StringComparison.Ordinal))
            throw new InvalidNameException(target, "cannot be the target of a symbolic link: it is empty or holds a zero");
        var isWindows = form is SymbolicLinkForm.Windows or SymbolicLinkForm.Junction
            && NtfsNewReparsePoint.IsWindowsTarget(target) && NtfsReparsePoint.ToPath(target.Replace('/', '\\')) == target;
        try
        {
            if (isWindows)
            {
                var isDirectory = LeadsToDirectory(volume, parent, target);
                var isJunction = form == SymbolicLinkForm.Junction && isDirectory && target[0] == '/';
                return new NtfsNewFile { Reparse = isJunction ? NtfsNewReparsePoint.Junction(target) : NtfsNewReparsePoint.SymbolicLink(target), IsDirectory = isDirectory };
            }
            if (form == SymbolicLinkForm.Interix && target.Length <= NtfsInterix.MaxTarget)
                return new NtfsNewFile { Attributes = DosAttributes.System, Content = NtfsNewInterix.Link(target) };
            return new NtfsNewFile { Reparse = NtfsNewReparsePoint.LxSymbolicLink(target) };
        }
        catch (ArgumentException)
        {
            throw new UnsupportedFeatureException($"ntfs holds no symbolic link with a target of {target.Length} characters");
        }
    }

    /// <summary>A FIFO, socket or device.</summary>
    /// <param name="kind">Which of them.</param>
    /// <param name="device">A device's numbers.</param>
    /// <param name="form">The form.</param>
    /// <param name="metadata">Its permissions and owner, which those of WSL keep.</param>
    public static NtfsNewFile Special(EntryKind kind, DeviceNumber device, SpecialFileForm form, MetadataChange metadata) => form == SpecialFileForm.Interix
        ? new NtfsNewFile { Attributes = DosAttributes.System, Content = NtfsNewInterix.Special(kind, device) }
        : new NtfsNewFile
        {
            Attributes = DosAttributes.Archive,
            Reparse = NtfsNewReparsePoint.LxSpecial(kind),
            Linux = NtfsNewExtendedAttributes.Linux(kind, metadata.Mode ?? DefaultMode, metadata.UserId ?? 0, metadata.GroupId ?? 0, device),
        };

    /// <summary>A junction: a directory that leads to another, by an absolute path.</summary>
    /// <param name="target">From the root of the volume on, or with a drive.</param>
    /// <param name="drive">The drive that Windows gives this volume.</param>
    /// <exception cref="InvalidNameException">No junction leads there.</exception>
    public static NtfsNewFile Junction(string target, char drive)
    {
        if (!char.IsAsciiLetter(drive))
            throw new InvalidNameException($"{drive}:", "is no drive");
        try
        {
            return new NtfsNewFile { Reparse = NtfsNewReparsePoint.Junction(target, char.ToUpperInvariant(drive)), IsDirectory = true };
        }
        catch (ArgumentException)
        {
            throw new InvalidNameException(target, "cannot be the target of a junction: that is an absolute path, or one with a drive, of at most 4000 characters");
        }
    }

    private static bool LeadsToDirectory(NtfsVolume volume, NodeId parent, string target)
    {
        var at = target[0] == '/' ? volume.RootId : parent;
        var steps = 0;
        foreach (var name in target.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (name == "." || ++steps > MaxSteps)
                continue;
            if (name == "..")
                at = volume.ParentOf(at);
            else if (volume.GetMetadata(at).Kind != EntryKind.Directory || !volume.TryLookup(at, name, out at))
                return false;
        }
        return volume.GetMetadata(at).Kind == EntryKind.Directory;
    }
}
