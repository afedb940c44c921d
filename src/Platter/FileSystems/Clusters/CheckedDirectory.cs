namespace Platter.FileSystems.Clusters;

/// <summary>A directory that a checker has found, and where it hangs.</summary>
/// <param name="Parent">Null for the root.</param>
/// <param name="Name">Empty for the root.</param>
internal abstract record CheckedDirectory<T>(T? Parent, string Name) where T : CheckedDirectory<T>
{
    // Enough for any path that a driver takes; a deeper one is cut in the message.
    private const int MostNames = 128;

    public bool IsRoot => Parent is null;

    /// <summary>The absolute path, ending in a slash.</summary>
    public string Path
    {
        get
        {
            var names = new List<string>();
            var at = (CheckedDirectory<T>)this;
            for (; at.Parent is not null && names.Count < MostNames; at = at.Parent)
                names.Add(at.Name);
            names.Add(at.Parent is null ? "" : "...");
            names.Reverse();
            return string.Join('/', names) + "/";
        }
    }
}
