namespace Platter.FileSystems.Ntfs;

/// <summary>Symbolic links as they are made: in the form that Windows follows where that can hold the target, else in that of WSL.</summary>
internal static class NtfsNewLinks
{
    private const int MaxSteps = 4096;

    /// <summary>A link.</summary>
    /// <param name="volume">Where it is made: a link to a directory is one itself.</param>
    /// <param name="parent">Its directory.</param>
    /// <param name="target">A path with '/'; kept as it is.</param>
    public static NtfsNewFile Of(NtfsVolume volume, NodeId parent, string target)
    {
        if (target.Length == 0 || target.Contains('\0', StringComparison.Ordinal))
            throw new InvalidNameException(target, "cannot be the target of a symbolic link: it is empty or holds a zero");
        var isWindows = NtfsNewReparsePoint.IsWindowsTarget(target) && NtfsReparsePoint.ToPath(target.Replace('/', '\\')) == target;
        try
        {
            return isWindows ? new NtfsNewFile { Reparse = NtfsNewReparsePoint.SymbolicLink(target), IsDirectory = LeadsToDirectory(volume, parent, target) }
                : new NtfsNewFile { Reparse = NtfsNewReparsePoint.LxSymbolicLink(target) };
        }
        catch (ArgumentException e)
        {
            throw new UnsupportedFeatureException($"ntfs: {e.Message}");
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
