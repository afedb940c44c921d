namespace Platter.FileSystems.Ntfs;

/// <summary>The streams of files that are open, main and named ones.</summary>
internal sealed class NtfsOpenStreams
{
    // By name; from the first stream on.
    private Dictionary<string, OpenFiles>? _byName;

    /// <summary>Whether any stream of a file is open.</summary>
    public bool IsOpen(NodeId id) => _byName is not null && IsOpenIn(_byName, id);

    /// <summary>Whether this stream is open; the main data has the empty name.</summary>
    public bool IsOpen(NodeId id, string name) => _byName is not null && _byName.TryGetValue(name, out var files) && files.IsOpen(id);

    /// <summary>Opens one more stream of a file's stream that is open; null when it isn't.</summary>
    public VolumeStream? Open(NodeId id, string name, bool writable) =>
        _byName is not null && _byName.TryGetValue(name, out var files) ? files.Open(id, writable) : null;

    /// <summary>Opens the first stream of a file's stream.</summary>
    public VolumeStream Open(OpenFile file, string name, bool writable)
    {
        _byName ??= new Dictionary<string, OpenFiles>(StringComparer.Ordinal);
        if (!_byName.TryGetValue(name, out var files))
            _byName[name] = files = new OpenFiles();
        return files.Open(file, writable);
    }

    /// <inheritdoc cref="OpenFiles.InvalidateAll"/>
    public void InvalidateAll()
    {
        foreach (var (_, files) in _byName ?? [])
            files.InvalidateAll();
        _byName = null;
    }

    private static bool IsOpenIn(Dictionary<string, OpenFiles> byName, NodeId id)
    {
        foreach (var (_, files) in byName)
        {
            if (files.IsOpen(id))
                return true;
        }
        return false;
    }
}
