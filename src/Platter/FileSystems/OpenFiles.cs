using Platter.Primitives;

namespace Platter.FileSystems;

/// <summary>The files of a volume that have open streams: all streams of a file share one <see cref="OpenFile"/>.</summary>
internal sealed class OpenFiles
{
    private readonly NumberMap<OpenFile> _files = new();

    public bool IsOpen(NodeId id) => _files.ContainsKey(id.Value);

    /// <summary>Opens one more stream of a file.</summary>
    /// <param name="id">The file.</param>
    /// <param name="writable">Whether it may be written to.</param>
    /// <param name="make">Makes the shared part, for the first stream.</param>
    public VolumeStream Open(NodeId id, bool writable, Func<OpenFile> make)
    {
        if (!_files.TryGetValue(id.Value, out var file))
            _files[id.Value] = file = make();
        file.OpenCount++;
        return new OpenFileStream(file, this, writable);
    }

    /// <summary>A stream of this file is closed.</summary>
    public void Close(OpenFile file)
    {
        if (--file.OpenCount == 0 && _files.TryGetValue(file.Id.Value, out var known) && ReferenceEquals(known, file))
            _files.Remove(file.Id.Value);
    }

    /// <summary>The volume was rolled back: no stream that is open may be used any more.</summary>
    public void InvalidateAll()
    {
        foreach (var file in _files.Values())
            file.Invalidate();
        _files.Clear();
    }
}
