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
/// <remarks>They go when <see cref="Trim"/> is called: best while no edit is under way, since what is given up must not be changed any more.</remarks>
/// <param name="limit">Bytes.</param>
internal sealed class DirectoryCache<TDirectory>(long limit) where TDirectory : class, ICachedDirectory
{
    // A directory may grow while it is held, so the sum is made anew now and then: after so many uses, and after so many additions.
    private const int UsesBetweenSums = 1024, AdditionsBetweenSums = 16;

    private readonly NumberMap<TDirectory> _directories = new();
    private long _useCount;
    private long _nextSum;

    public bool TryGet(uint key, out TDirectory directory)
    {
        if (!_directories.TryGetValue(key, out directory!))
            return false;
        directory.LastUse = ++_useCount;
        return true;
    }

    public void Add(uint key, TDirectory directory)
    {
        directory.LastUse = ++_useCount;
        _directories[key] = directory;
        _nextSum = directory.CachedBytes > limit / 16 ? 0 : _nextSum - UsesBetweenSums / AdditionsBetweenSums;
    }

    public void Forget(uint key) => _directories.Remove(key);

    public void Clear() => _directories.Clear();

    public void WriteBack()
    {
        foreach (var directory in _directories.Values())
            directory.WriteBack();
    }

    /// <summary>Gives up directories when they take too much; what was changed in them is written.</summary>
    /// <param name="keep">How many of the last uses are safe: those that the caller still works on.</param>
    public void Trim(int keep = 0)
    {
        if (_useCount < _nextSum)
            return;
        _nextSum = _useCount + UsesBetweenSums;
        var total = 0L;
        foreach (var directory in _directories.Values())
            total += directory.CachedBytes;
        if (total > limit)
            GiveUp(total, keep);
    }

    // Apart, so that its sorting isn't loaded at every start.
    private void GiveUp(long total, int keep)
    {
        foreach (var key in _directories.Keys().OrderBy(k => _directories[k].LastUse).ToList())
        {
            var directory = _directories[key];
            if (total <= limit / 2 || directory.LastUse > _useCount - keep)
                break;
            directory.WriteBack();
            _directories.Remove(key);
            total -= directory.CachedBytes;
        }
    }
}
