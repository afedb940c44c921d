using System.Runtime.CompilerServices;
using Platter.Blocks;
using Platter.FileSystems;

namespace Platter.Trees.Host;

/// <summary>What of a host folder to take.</summary>
public sealed record HostSourceOptions
{
    public static HostSourceOptions Default { get; } = new();

    /// <summary>Entries to leave out, with all below them, as <see cref="PathPattern"/> has them.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];
}

/// <summary>A folder or file of the host as a tree: with modes, owners, nanoseconds, links and special files on Unix, attributes
/// on Windows. Symbolic links are never followed.</summary>
public abstract class HostTreeSource : TreeSource
{
    private protected HostTreeSource(string path, string? name, HostSourceOptions options)
    {
        _given = path;
        TopName = name;
        Options = options;
        _exclude = options.Exclude is string[] { Length: 0 } ? null : PathPatterns.Parse(options.Exclude);
    }

    /// <summary>The folder or file, by an absolute path.</summary>
    private protected string FullPath => _full ??= System.IO.Path.GetFullPath(_given);

    /// <summary>The folder or file as it was given; absolute where an image is to be told from it.</summary>
    private protected string HostPath => _image is null ? _given : FullPath;

    /// <summary>The name of the one entry at the top; null when the top is the folder's content.</summary>
    private protected string? TopName { get; }

    private protected HostSourceOptions Options { get; }

    /// <summary>The content of a folder: its entries are at the top of the tree.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="FormatException">A pattern is none.</exception>
    public static HostTreeSource Content(string folder, HostSourceOptions? options = null)
    {
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"{folder} is not a folder");
        return Open(folder, null, options);
    }

    /// <summary>One file or folder with all that is below it: it is the one entry at the top of the tree.</summary>
    /// <param name="path">A file, a folder, a link or anything else; a link is not followed.</param>
    /// <param name="name">The name that the entry gets; its own when null.</param>
    /// <param name="options">What to leave out.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static HostTreeSource Entry(string path, string? name = null, HostSourceOptions? options = null)
    {
        var trimmed = System.IO.Path.TrimEndingDirectorySeparator(path);
        if (OperatingSystem.IsLinux() ? !LinuxFile.TryStatusOfLink(trimmed, out _) : !Exists(trimmed))
            throw new FileNotFoundException($"no such file or folder: {path}", path);
        return Open(trimmed, name ?? System.IO.Path.GetFileName(System.IO.Path.GetFullPath(trimmed)), options);
    }

    private static bool Exists(string path) => System.IO.Path.Exists(path) || new FileInfo(path).LinkTarget is not null;

    /// <summary>Whether this is a file that is read in an instant, less than 1 MiB; links are followed.</summary>
    public static bool IsSmallFile(string path) => OperatingSystem.IsLinux()
        ? LinuxFile.TryStatus(path, out var status) && status is { Type: LinuxFile.FileType.Regular, Size: < 1 << 20 }
        : new FileInfo(path) is { Exists: true, Length: < 1 << 20 };

    /// <summary>Leaves out the image that this tree goes into, should it lie within it: finished, under its temporary name, and its journal.</summary>
    public void LeaveOut(string image)
    {
        _image = System.IO.Path.GetFullPath(image);
        _imageName = System.IO.Path.GetFileName(_image);
    }

    private readonly PathPatterns? _exclude;        // null for nothing
    private readonly string _given;
    private string? _full;
    private string? _image;
    private string _imageName = "";     // the last part of that

    /// <summary>Whether the entry is left out, be it a directory or not.</summary>
    private protected bool IsExcluded(TreeEntry? parent, string name, string folder)
    {
        if (_image is not null && name.StartsWith(_imageName, StringComparison.Ordinal)
            && System.IO.Path.Combine(folder, name) is var path && (path == _image || path.StartsWith(_image + ".platter-", StringComparison.Ordinal)))
            return true;
        return _exclude is { IsEmpty: false } && _exclude.IsMatch(parent, name, isDirectory: false);
    }

    /// <summary>Whether a directory is left out for being one.</summary>
    private protected bool IsExcludedDirectory(TreeEntry entry) =>
        _exclude is { IsEmpty: false } && entry.Kind == EntryKind.Directory && _exclude.IsMatch(entry.Parent, entry.Name, isDirectory: true);

    private static HostTreeSource Open(string path, string? name, HostSourceOptions? options) => LinuxFiles.IsAvailable
        ? new LinuxTreeSource(path, name, options ?? HostSourceOptions.Default)
        : OpenPortably(path, name, options ?? HostSourceOptions.Default);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static PortableTreeSource OpenPortably(string path, string? name, HostSourceOptions options) => new(path, name, options);
}
