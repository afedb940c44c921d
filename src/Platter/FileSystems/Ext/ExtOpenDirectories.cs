namespace Platter.FileSystems.Ext;

/// <summary>The directories in which entries were made last, held for more of them until anything else is done to the volume: an editor knows which of their blocks
/// are sound, and where the name goes that was asked for.</summary>
internal sealed class ExtOpenDirectories
{
    // A tree is often made in several directories by turns.
    private const int Most = 8;

    private readonly ExtDirectoryEditor?[] _open = new ExtDirectoryEditor?[Most];
    private int _count, _next;

    /// <summary>A directory that is held; null when it isn't.</summary>
    public ExtDirectoryEditor? Find(ulong number)
    {
        for (var i = 0; i < _count; i++)
        {
            if (_open[i]!.Inode.Number != number)
                continue;
            _open[i]!.StayOpen();
            return _open[i];
        }
        return null;
    }

    /// <summary>Holds a directory, perhaps in the place of another.</summary>
    public void Add(ExtDirectoryEditor directory)
    {
        _open[_next] = directory;
        _next = (_next + 1) % Most;
        _count = Math.Max(_count, _next == 0 ? Most : _next);
    }

    public void Clear() => _count = _next = 0;
}
