using System.Globalization;
using Platter.Blocks;

namespace Platter.Images;

/// <summary>How <see cref="NewImage.Create"/> makes an image.</summary>
public sealed record NewImageOptions
{
    /// <summary>The container; null to go by the name's extension.</summary>
    public ContainerFormat? Format { get; init; }

    /// <summary>What the container wants to know; null for the defaults.</summary>
    public ContainerOptions? Container { get; init; }

    /// <summary>Replace what is there under the name, once the new image is complete.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Allocate all of it on the host at once, so that the host can't run full later.</summary>
    public bool Preallocate { get; init; }
}

/// <summary>An image in the making: under a temporary name until it is complete, so that half-built images don't exist.</summary>
public sealed class NewImage : IDisposable
{
    private readonly HostFile _file;
    private readonly bool _overwrite;
    private bool _done;

    private NewImage(string path, HostFile file, Container container, bool overwrite)
    {
        Path = path;
        _file = file;
        Container = container;
        _overwrite = overwrite;
    }

    /// <summary>Where the image will be.</summary>
    public string Path { get; }

    public Container Container { get; }

    /// <summary>The disk's content: zeros to start with. Writes go straight to the file; <see cref="Complete"/> makes them durable.</summary>
    public BlockDevice Device => Container.Disk;

    /// <summary>Starts an image; nothing appears under its name before <see cref="Complete"/>.</summary>
    /// <param name="path">Where it will be.</param>
    /// <param name="length">Bytes of the disk inside; the container may round them up.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="AlreadyExistsException">Something of that name is there, and is not to be overwritten.</exception>
    /// <exception cref="UnsupportedFeatureException">The container can't hold that many bytes.</exception>
    public static NewImage Create(string path, long length, NewImageOptions? options = null)
    {
        options ??= new NewImageOptions();
        if (!options.Overwrite && File.Exists(path))
            throw new AlreadyExistsException(path);
        if (Directory.Exists(path))
            throw new AlreadyExistsException(path);
        var format = options.Format ?? ContainerFormat.FromExtension(path);
        var rounded = format.RoundedSize(length, options.Container ?? new ContainerOptions());
        var file = CreateTemporary(path, options.Preallocate ? rounded : 0, options);
        try
        {
            return new NewImage(path, file, format.Create(file, rounded, options.Container), options.Overwrite);
        }
        catch
        {
            file.Dispose();
            File.Delete(file.Path);
            throw;
        }
    }

    /// <summary>Makes the image durable and gives it its name, at one stroke; it is closed afterwards.</summary>
    /// <exception cref="AlreadyExistsException">Meanwhile something of that name came to be, and is not to be overwritten.</exception>
    /// <exception cref="InUseException">What is to be overwritten is in use.</exception>
    public void Complete()
    {
        ObjectDisposedException.ThrowIf(_done, this);
        Device.Flush();
        Container.Dispose();
        using (_overwrite && File.Exists(Path) ? HostFile.Open(Path, FileAccess.Read, HostLock.Exclusive) : null)
        {
            _file.Dispose();
            if (!OperatingSystem.IsWindows())
                Rename();
        }
        if (OperatingSystem.IsWindows())
            Rename();       // it renames nothing onto an open file
        _done = true;
        // The journal of what was replaced; had the power gone before this, it would be refused as another image's.
        File.Delete(Path + HostJournalStore.Suffix);
        HostFolder.MakeNamesDurable(Path);
    }

    /// <summary>Without <see cref="Complete"/>, takes away what was made.</summary>
    public void Dispose()
    {
        if (_done)
            return;
        _done = true;
        Container.Dispose();
        _file.Dispose();
        File.Delete(_file.Path);
    }

    private void Rename()
    {
        try
        {
            File.Move(_file.Path, Path, _overwrite);
        }
        catch (IOException) when (!_overwrite && File.Exists(Path))
        {
            throw new AlreadyExistsException(Path);
        }
    }

    private static HostFile CreateTemporary(string path, long length, NewImageOptions options)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{path}.platter-new-{Environment.ProcessId}");
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return HostFile.Create(attempt == 1 ? name : $"{name}-{attempt}", length, new HostFileOptions { Preallocate = options.Preallocate });
            }
            catch (AlreadyExistsException) when (attempt < 100)
            {
                // Left by an earlier process of this number that was killed, or in use by another thread of this one.
            }
        }
    }
}
