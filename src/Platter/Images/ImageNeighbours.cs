using Platter.Blocks;

namespace Platter.Images;

/// <summary>Opens the other files that a container refers to: parents, extents, external data. It knows where the container lies, which
/// files led to it, and how far such a chain may go.</summary>
public sealed class ImageNeighbours
{
    /// <summary>Parents of parents. Backup programs stop at a few dozen; beyond this it is a mistake or an attack.</summary>
    public const int MaxDepth = 64;

    private readonly string? _given;
    private string? _path;
    private readonly ImageNeighbours? _child;
    private readonly IReadOnlyDictionary<string, BlockDevice>? _open;     // by path: files that are open already, as parts of a larger device

    private ImageNeighbours(string? path, ImageNeighbours? child, IReadOnlyDictionary<string, BlockDevice>? open = null)
    {
        _given = path;
        _child = child;
        _open = open;
    }

    /// <summary>For an image that is no file of the host: it can refer to nothing.</summary>
    public static ImageNeighbours None { get; } = new(null, null);

    /// <summary>The container's own path, absolute; null when it is no file of the host.</summary>
    public string? Path => _path ??= _given is null ? null : System.IO.Path.GetFullPath(_given);

    /// <summary>Whether it is a file of the host, which can refer to others.</summary>
    public bool IsFile => _given is not null;

    /// <summary>For the image at this path.</summary>
    public static ImageNeighbours Of(string path) => new(path, null);

    /// <summary>The path that a reference means: relative ones start at the container's folder, not at the current one.</summary>
    /// <returns>Null when the container is no file of the host.</returns>
    public string? Resolve(string reference) =>
        Path is null ? null : System.IO.Path.GetFullPath(reference, System.IO.Path.GetDirectoryName(Path)!);

    /// <summary>Whether a reference leads to a file that is there.</summary>
    public bool Exists(string reference) => Resolve(reference) is { } path && File.Exists(path);

    /// <summary>Opens a file that the container refers to, in whatever container it is itself, for reading; its pending journal is
    /// shown as replayed.</summary>
    /// <param name="reference">A path, absolute or relative to the container's folder.</param>
    /// <param name="format">What it is, where the reference says so; null to find out.</param>
    /// <returns>Owns its file.</returns>
    /// <exception cref="FileNotFoundException">There is no such file; the message names it and the image that refers to it.</exception>
    /// <exception cref="DiskFormatException">The chain comes back to a file that it started from, or is longer than <see cref="MaxDepth"/> (<c>IMG-0003</c>).</exception>
    public Container OpenImage(string reference, ContainerFormat? format = null)
    {
        var path = Find(reference);
        var below = new ImageNeighbours(path, this);
        var host = OpenFile(path, ref below);
        try
        {
            var container = format is null
                ? Container.Open(host, below, ownsHost: true)
                : format.Open(new ContainerProbe(host, below), ownsHost: true);
            container.Path = path;
            return container;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    /// <summary>Opens the bytes of a file that the container refers to, for reading: an extent, an external data file.</summary>
    /// <inheritdoc cref="OpenImage" path="/exception"/>
    public BlockDevice OpenBytes(string reference)
    {
        if (_open is not null && Resolve(reference) is { } path && _open.TryGetValue(path, out var there))
            return there;
        var neighbours = None;
        return OpenFile(Find(reference), ref neighbours);
    }

    /// <summary>The same, with files that are open already.</summary>
    internal ImageNeighbours With(IReadOnlyDictionary<string, BlockDevice> open) => new(_given, _child, open);

    private static BlockDevice OpenFile(string path, ref ImageNeighbours neighbours)
    {
        var file = HostFile.Open(path, FileAccess.Read);
        try
        {
            return ImageParts.View(file, HostJournalStore.Beside(path), ref neighbours);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The path of a file that the container refers to, and which is there.</summary>
    /// <inheritdoc cref="OpenImage" path="/exception"/>
    internal string Find(string reference)
    {
        var path = Resolve(reference) ?? throw new FileNotFoundException($"the image refers to {reference}, but has no folder of its own to look in");
        if (!File.Exists(path))
            throw new FileNotFoundException($"{path} is missing, which {Path} refers to; put it there, or correct the reference", path);
        var real = RealPath(path);
        var depth = 0;
        for (var link = this; link is not null; link = link._child)
        {
            if (link.Path is { } known && RealPath(known) == real)
                throw new DiskFormatException("IMG-0003", "parent", -1, $"the chain of files comes back to {path}: none of them is the base");
            if (++depth > MaxDepth)
                throw new DiskFormatException("IMG-0003", "parent", -1, $"the chain of files is longer than {MaxDepth}, at {path}");
        }
        return path;
    }

    // An image in the making has a path, but no file of that name yet.
    private static string RealPath(string path) => File.Exists(path) ? HostFile.RealPath(path) : path;
}
