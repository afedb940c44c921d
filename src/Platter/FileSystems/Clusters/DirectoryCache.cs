using Platter.Primitives;

namespace Platter.FileSystems.Clusters;

/// <summary>A directory that can be held in memory.</summary>
internal interface ICachedDirectory
{
    /// <summary>Bytes it takes in memory.</summary>
    long CachedBytes { get; }

    /// <summary>When it was last used, by the cache's own count.</summary>
    long LastUse { get; set; }

    /// <summary>Brings its changes to the device.</summary>
    void WriteBack();
}

/// <summary>The directories held in memory, within a limit; those used longest ago go first.</summary>
/// <param name="limit">Bytes.</param>
internal sealed class DirectoryCache<TDirectory>(long limit) where TDirectory : class, ICachedDirectory
{
    // An edit holds two directories at most while it loads others: those used last are never dropped.
    private const int RecentUses = 16;

    // A directory may grow while it is held, so the sum is made anew now and then.
    private const int UsesBetweenSums = 1024;

    private readonly NumberMap<TDirectory> _directories = new();
    private long _useCount;

    public bool TryGet(uint key, out TDirectory directory)
    {
        if (!_directories.TryGetValue(key, out directory!))
            return false;
        directory.LastUse = ++_useCount;
        if (_useCount % UsesBetweenSums == 0)
            Trim(directory);
        return true;
    }

    public void Add(uint key, TDirectory directory)
    {
        directory.LastUse = ++_useCount;
        _directories[key] = directory;
        if (_directories.Count % 16 == 0 || directory.CachedBytes > limit / 16)
            Trim(directory);
    }

    public void Forget(uint key) => _directories.Remove(key);

    public void Clear() => _directories.Clear();

    public void WriteBack()
    {
        foreach (var directory in _directories.Values())
            directory.WriteBack();
    }

    private void Trim(TDirectory keep)
    {
        var total = 0L;
        foreach (var directory in _directories.Values())
            total += directory.CachedBytes;
        if (total <= limit)
            return;
        foreach (var key in _directories.Keys().OrderBy(k => _directories[k].LastUse).ToList())
        {
            var directory = _directories[key];
            if (total <= limit / 2)
                break;
            if (ReferenceEquals(directory, keep) || directory.LastUse > _useCount - RecentUses)
                continue;
            directory.WriteBack();
            _directories.Remove(key);
            total -= directory.CachedBytes;
        }
    }
}
