using Platter.Blocks;

namespace Platter.Images;

/// <summary>What an image is opened for.</summary>
public enum ImageAccess
{
    /// <summary>Nothing is written, not even to recover from a crash: the recovered state is shown. Others may read, too.</summary>
    Read,

    /// <summary>Edits are held back until <see cref="BlockDevice.Flush"/> commits them. Nobody else may have the image open.</summary>
    Edit,
}

/// <summary>How an image is opened.</summary>
public sealed record ImageOptions
{
    /// <summary>For host disks: edit them though something on them is mounted or in use.</summary>
    public bool Force { get; init; }

    /// <summary>Take the file as it is, whatever container its content looks like.</summary>
    public bool AsRaw { get; init; }

    /// <summary>A state that the container has kept, by identifier or name, to be read in place of the disk as it is now; null for that.</summary>
    public string? Snapshot { get; init; }

    /// <summary>Where the journal of a host disk lies, which has no folder of its own; null for the system's place for lasting state.</summary>
    public string? JournalFolder { get; init; }

    /// <summary>Memory limits of the transaction; null for the defaults.</summary>
    public TransactionOptions? Transaction { get; init; }
}

/// <summary>A disk image on the host, or one of the host's disks: locked, recovered and unwrapped.</summary>
public sealed class ImageFile : IDisposable
{
    private ImageFile(string path, ImageAccess access, Container container)
    {
        Path = path;
        Access = access;
        Container = container;
    }

    /// <summary>The path as it was given.</summary>
    public string Path { get; }

    public ImageAccess Access { get; }

    /// <summary>The wrapping: what format, how much is allocated, whether it is sound.</summary>
    public Container Container { get; }

    /// <summary>The disk's content. When open for editing, <see cref="BlockDevice.Flush"/> commits and <see cref="BlockDevice.Rollback"/>
    /// drops; what is neither committed nor dropped when the image is closed is dropped.</summary>
    public BlockDevice Device => Container.Disk;

    /// <summary>Opens an image in any container that Platter knows, or a disk of the host.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="UnauthorizedAccessException">The host doesn't allow it, or it is a directory; or a snapshot was to be edited.</exception>
    /// <exception cref="InUseException">Somebody else holds it.</exception>
    /// <exception cref="DiskFormatException">The container is broken beyond use, or a journal lies beside it that isn't its own.</exception>
    /// <exception cref="UnsupportedFeatureException">The container is of a kind that can be named but not opened.</exception>
    public static ImageFile Open(string path, ImageAccess access, ImageOptions? options = null)
    {
        options ??= new ImageOptions();
        if (options.Snapshot is not null && access == ImageAccess.Edit)
            throw new UnauthorizedAccessException($"a snapshot can be read, not edited: {options.Snapshot} of {path}");
        var host = OpenHost(path, access, options, out var store);
        var below = host;
        try
        {
            var isRaw = options.AsRaw || host is HostDisk;
            var neighbours = isRaw ? ImageNeighbours.None : ImageNeighbours.Of(path);
            below = access == ImageAccess.Edit
                ? ImageParts.Edit(host, store, ref neighbours, options.Transaction)
                : ImageParts.View(host, store, ref neighbours);
            var container = isRaw
                ? ContainerFormat.Raw.Open(new ContainerProbe(below), ownsHost: true)
                : Container.Open(below, neighbours, ownsHost: true);
            if (access == ImageAccess.Edit && !container.Disk.CanWrite)
            {
                container.Dispose();
                throw new UnsupportedFeatureException($"{container.Format.Description} images can't be edited in place: 'platter convert' makes one that can, and turns it back");
            }
            container.Path = path;
            return new ImageFile(path, access, options.Snapshot is { } snapshot ? OpenSnapshot(container, snapshot) : container);
        }
        catch
        {
            below.Dispose();
            throw;
        }
    }

    public void Dispose() => Container.Dispose();

    private static Container OpenSnapshot(Container container, string name)
    {
        try
        {
            return container.OpenSnapshot(name);
        }
        catch
        {
            container.Dispose();
            throw;
        }
    }

    private static BlockDevice OpenHost(string path, ImageAccess access, ImageOptions options, out HostJournalStore store)
    {
        var fileAccess = access == ImageAccess.Edit ? FileAccess.ReadWrite : FileAccess.Read;
        if (HostDisk.IsDisk(path))
        {
            var disk = HostDisk.Open(path, fileAccess, options.Force);
            store = DiskJournal(path, access, options.JournalFolder);
            return disk;
        }
        var file = HostFile.Open(path, fileAccess);
        store = HostJournalStore.Beside(path);
        return file;
    }

    // Device nodes live in memory, where no journal would outlast a power cut.
    private static HostJournalStore DiskJournal(string path, ImageAccess access, string? folder)
    {
        folder ??= OperatingSystem.IsWindows()
            ? System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData), "Platter")
            : "/var/lib/platter";
        if (access == ImageAccess.Edit)
            Directory.CreateDirectory(folder);
        var real = OperatingSystem.IsWindows() ? path : HostFile.RealPath(path);
        return new HostJournalStore(System.IO.Path.Combine(folder, System.IO.Path.GetFileName(real.TrimEnd(':', '\\'))));
    }
}
