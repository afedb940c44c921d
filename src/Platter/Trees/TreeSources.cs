using Platter.Blocks;
using Platter.FileSystems;
using Platter.Trees.Host;
using Platter.Trees.Tar;

namespace Platter.Trees;

/// <summary>How <see cref="TreeSources.Open(string, TreeSourceOptions?)"/> opens a tree.</summary>
public sealed record TreeSourceOptions
{
    public static TreeSourceOptions Default { get; } = new();

    /// <summary>Code page and time zone of volumes.</summary>
    public VolumeOptions Volume { get; init; } = VolumeOptions.Default;

    /// <summary>What to leave out, with all below it, as <see cref="PathPattern"/> has it.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>A file that is being made from the tree, and is no part of it should it lie within.</summary>
    public string? LeaveOut { get; init; }

    /// <summary>Where the bytes of compressed archives are put; null for the host's folder for large temporary files.</summary>
    public string? TemporaryFolder { get; init; }

    /// <summary>Ends the reading of archives.</summary>
    public CancellationToken Cancellation { get; init; }

    internal TarOptions Tar => new() { TemporaryFolder = TemporaryFolder, Cancellation = Cancellation };
}

/// <summary>Opens a tree by what it is: a folder of the host, an archive, a volume in an image.</summary>
public static class TreeSources
{
    /// <summary>Opens what an address names: a folder, whose content is the tree; a tar archive, compressed or not; an image, or with
    /// <c>IMAGE@N</c> a partition of one. Files are told apart by content.</summary>
    /// <exception cref="FileNotFoundException">There is no such file or partition.</exception>
    /// <exception cref="DiskFormatException">It is broken beyond use.</exception>
    /// <exception cref="UnsupportedFeatureException">It is an image without a filesystem that Platter knows.</exception>
    public static TreeSource Open(string address, TreeSourceOptions? options = null)
    {
        options ??= TreeSourceOptions.Default;
        return TryOpenPlain(address, options) ?? Filter(ImageTreeSource.Open(address, options.Volume), options);
    }

    /// <summary>Opens a folder or an archive; null for anything else, such as an image.</summary>
    /// <exception cref="DiskFormatException">It is an archive, compressed and broken beyond use.</exception>
    public static TreeSource? TryOpenPlain(string address, TreeSourceOptions? options = null)
    {
        options ??= TreeSourceOptions.Default;
        if (Directory.Exists(address))
        {
            var folder = HostTreeSource.Content(address, new HostSourceOptions { Exclude = options.Exclude });
            if (options.LeaveOut is { } made)
                folder.LeaveOut(made);
            return folder;
        }
        return File.Exists(address) && !HostDisk.IsDisk(address) && TarFile.Open(address, options.Tar) is { } archive
            ? Filter(TarSource.Open(archive, options.Tar), options) : null;
    }

    /// <summary>The tree without what the options leave out; a folder does that by itself.</summary>
    /// <exception cref="FormatException">A pattern is none; the tree is disposed.</exception>
    internal static TreeSource Filter(TreeSource source, TreeSourceOptions options)
    {
        if (options.Exclude.Count == 0)
            return source;
        try
        {
            return new FilteredSource(source, PathPatterns.Parse(options.Exclude));
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Opens an archive that comes from a stream, such as standard input. The stream is read to its end, and stays the caller's.</summary>
    /// <exception cref="DiskFormatException">It is no archive.</exception>
    public static TreeSource Open(Stream archive, TreeSourceOptions? options = null) =>
        Filter(TarSource.Open(archive, (options ?? TreeSourceOptions.Default).Tar), options ?? TreeSourceOptions.Default);
}
