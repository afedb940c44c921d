using Platter.Blocks;
using Platter.Images.Conversion;

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

    /// <summary>Leave it to the host when the image reaches the medium, as copying a file does: lost or cut if the machine fails soon after.</summary>
    public bool NoSync { get; init; }
}

/// <summary>An image in the making: under a temporary name until it is complete, so that half-built images don't exist.</summary>
public sealed class NewImage : IDisposable
{
    // Bytes between two calls of StartWriting: few calls, and long runs for the medium.
    private const long WritingStep = 32 << 20;

    private readonly NewFile _file;
    private readonly List<NewFile> _others;         // files beside it that hold the disk
    private readonly NewImageOptions? _packed;      // how to pack what is in the file, which is a raw image then
    private bool _done;
    private long _started;

    private NewImage(NewFile file, List<NewFile> others, Container container, ContainerFormat format, NewImageOptions? packed)
    {
        _file = file;
        _others = others;
        Container = container;
        Format = format;
        _packed = packed;
    }

    /// <summary>Where the image will be.</summary>
    public string Path => _file.Path;

    /// <summary>What the image will be in the end: a compressed one is raw until <see cref="Complete"/>.</summary>
    public ContainerFormat Format { get; }

    public Container Container { get; }

    /// <summary>The disk's content: zeros to start with, or the parent's. Writes go straight to the file; <see cref="Complete"/> makes them durable.</summary>
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
        NewFile.CheckFree(path, options.Overwrite);
        var format = options.Format ?? ContainerFormat.FromExtension(path);
        var container = (options.Container ?? new ContainerOptions()) with { FileName = System.IO.Path.GetFileName(path) };
        var rounded = format.RoundedSize(length, container);
        var isPacked = format.IsOnlyWrittenInOrder(container);
        if (isPacked)
            format.CreateInOrder(new ResizableMemoryDevice(0), rounded, container).Dispose();      // what is wrong with the settings shows now, not in the end
        var others = new List<NewFile>();
        container = container with { MakeFile = MakeOther };
        var file = NewFile.Create(path, options.Preallocate && !format.IsInSeveralFiles(container) ? rounded : 0, options);
        try
        {
            var made = (isPacked ? ContainerFormat.Raw : format).Create(file.File, rounded, isPacked ? null : container);
            return new NewImage(file, others, made, format, isPacked ? options with { Format = format, Container = container } : null);
        }
        catch
        {
            others.ForEach(f => f.Dispose());
            file.Dispose();
            throw;
        }

        HostFile MakeOther(string name, long length)
        {
            var other = NewFile.Create(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(path) ?? "", name), options.Preallocate ? length : 0, options);
            others.Add(other);
            other.File.SetLength(length);
            return other.File;
        }
    }

    /// <summary>Makes the image durable, unless <see cref="NewImageOptions.NoSync"/> leaves that to the host, and gives it its name, at one stroke; it is closed afterwards.</summary>
    /// <exception cref="AlreadyExistsException">Meanwhile something of that name came to be, and is not to be overwritten.</exception>
    /// <exception cref="InUseException">What is to be overwritten is in use.</exception>
    public void Complete()
    {
        ObjectDisposedException.ThrowIf(_done, this);
        if (_packed is not null)
        {
            using (var packed = NewPackedImage.Create(Path, Device.Length, _packed))
            {
                new DiskPacker(Device, packed.Writer, ConvertOptions.Default).Run();
                packed.Complete();
            }
            Dispose();
            return;
        }
        Device.Flush();
        Container.Dispose();
        // What refers to the others comes last: before it is there, they are nobody's.
        _others.ForEach(f => f.Complete());
        _file.Complete();
        _done = true;
    }

    /// <summary>Long writes of fresh data go to the medium at once from now on: for an image that is filled with much, by nobody else.</summary>
    internal void WritePastCache()
    {
        _file.File.WritePastCache();
        _others.ForEach(f => f.File.WritePastCache());
    }

    /// <summary>Lets the host begin to put on its medium what was written, so that <see cref="Complete"/> has less to wait for.</summary>
    /// <param name="written">Bytes written so far.</param>
    internal void StartWriting(long written)
    {
        if (written - _started < WritingStep)
            return;
        _started = written;
        _file.File.StartWriting();
        _others.ForEach(f => f.File.StartWriting());
    }

    /// <summary>Opens what has been written so far a second time, from the file's own bytes. Flush before.</summary>
    internal Container Reread() => Container.Open(_file.File, ImageNeighbours.Of(Path).With(_others.ToDictionary(
        f => System.IO.Path.GetFullPath(f.Path), f => (BlockDevice)new WindowDevice(f.File, 0, f.File.Length), StringComparer.Ordinal)));

    /// <summary>Without <see cref="Complete"/>, takes away what was made.</summary>
    public void Dispose()
    {
        if (_done)
            return;
        _done = true;
        Container.Dispose();
        _others.ForEach(f => f.Dispose());
        _file.Dispose();
    }
}

/// <summary>As <see cref="NewImage"/>, for one that is written in one pass: a compressed one.</summary>
public sealed class NewPackedImage : IDisposable
{
    private readonly NewFile _file;
    private bool _done;

    private NewPackedImage(NewFile file, ImageWriter writer)
    {
        _file = file;
        Writer = writer;
    }

    /// <summary>Where the image will be.</summary>
    public string Path => _file.Path;

    public ImageWriter Writer { get; }

    /// <inheritdoc cref="NewImage.Create"/>
    /// <exception cref="UnsupportedFeatureException">The container has no compression.</exception>
    public static NewPackedImage Create(string path, long length, NewImageOptions? options = null)
    {
        options ??= new NewImageOptions();
        NewFile.CheckFree(path, options.Overwrite);
        var format = options.Format ?? ContainerFormat.FromExtension(path);
        var container = (options.Container ?? new ContainerOptions()) with { FileName = System.IO.Path.GetFileName(path) };
        var rounded = format.RoundedSize(length, container);
        var file = NewFile.Create(path, 0, options);
        try
        {
            return new NewPackedImage(file, format.CreateInOrder(file.File, rounded, container));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes what stands at the end, and makes the image durable. It has no name yet.</summary>
    internal void Finish() => Writer.Complete();

    /// <summary>Gives the image its name, at one stroke; it is closed afterwards.</summary>
    /// <inheritdoc cref="NewImage.Complete" path="/exception"/>
    public void Complete()
    {
        ObjectDisposedException.ThrowIf(_done, this);
        Finish();
        Publish();
    }

    /// <summary>The second half of <see cref="Complete"/>, after <see cref="Finish"/>.</summary>
    internal void Publish()
    {
        Writer.Dispose();
        _file.Complete();
        _done = true;
    }

    /// <summary>Opens the finished image from the file's own bytes.</summary>
    internal Container Reread() => Container.Open(_file.File, ImageNeighbours.Of(Path));

    /// <summary>Without <see cref="Complete"/>, takes away what was made.</summary>
    public void Dispose()
    {
        if (_done)
            return;
        _done = true;
        Writer.Dispose();
        _file.Dispose();
    }
}
