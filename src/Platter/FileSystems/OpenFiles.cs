using Platter.Primitives;

namespace Platter.FileSystems;

/// <summary>The files of a volume that have open streams: all streams of a file share one <see cref="OpenFile"/>.</summary>
internal sealed class OpenFiles
{
    private readonly NumberMap<OpenFile> _files = new();

    public bool IsOpen(NodeId id) => _files.ContainsKey(id.Value);

    /// <summary>Opens one more stream of a file that is open; null when it isn't.</summary>
    /// <param name="id">The file.</param>
    /// <param name="writable">Whether it may be written to.</param>
    public VolumeStream? Open(NodeId id, bool writable) => _files.TryGetValue(id.Value, out var file) ? Stream(file, writable) : null;

    /// <summary>Opens the first stream of a file.</summary>
    /// <param name="file">What all its streams will share.</param>
    /// <param name="writable">Whether it may be written to.</param>
    public VolumeStream Open(OpenFile file, bool writable)
    {
        _files[file.Id.Value] = file;
        return Stream(file, writable);
    }

    /// <summary>A stream of this file is closed.</summary>
    public void Close(OpenFile file)
    {
        if (--file.OpenCount == 0 && _files.TryGetValue(file.Id.Value, out var known) && ReferenceEquals(known, file))
            _files.Remove(file.Id.Value);
    }

    private OpenFileStream Stream(OpenFile file, bool writable)
    {
        file.OpenCount++;
        return new OpenFileStream(file, this, writable);
    }

    /// <summary>The volume was rolled back: no stream that is open may be used any more.</summary>
    public void InvalidateAll()
    {
        foreach (var file in _files.Values())
            file.Invalidate();
        _files.Clear();
    }
}
