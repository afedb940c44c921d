using Platter.Blocks;
using Platter.Images.Compressed;
using Platter.Images.Qcow2;
using Platter.Images.Vdi;
using Platter.Images.Vhdx;
using Platter.Images.Vmdk;

namespace Platter.Images;

/// <summary>How a container is made.</summary>
public sealed record ContainerOptions
{
    /// <summary>Rounds the disk up to whole MiB where the format's users need that (VHD: the clouds refuse anything else).</summary>
    public bool WholeMebibytes { get; init; } = true;

    /// <summary>The identifier to give it; null for a random one.</summary>
    public Guid? UniqueId { get; init; }

    /// <summary>When it was made; null for now.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>The image that the new one is a difference to; null for one that stands alone. Stays the caller's.</summary>
    public Container? Parent { get; init; }

    /// <summary>How the new image refers to <see cref="Parent"/>: a path, relative to the new image's folder unless absolute.</summary>
    public string? ParentReference { get; init; }

    /// <summary>The name of the image's file, without its folder, for formats that write it into the image; null when it isn't known.</summary>
    public string? FileName { get; init; }

    /// <summary>Makes another file in the image's folder, under a name and for so many bytes, of zeros; it belongs to the image and gets its
    /// name along with it. Null where there is no folder.</summary>
    internal Func<string, long, ResizableDevice>? MakeFile { get; init; }

    /// <summary>What the format alone knows, by key: <c>subformat</c>, <c>cluster_size</c>, <c>compression</c>, ...</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}

/// <summary>A kind of container: recognises, opens and makes images of it.</summary>
public abstract class ContainerFormat
{
    /// <summary>The bare bytes of a disk.</summary>
    public static ContainerFormat Raw => RawFormat.Instance;

    /// <summary>Virtual PC's format in its simplest form: the bare bytes and a footer.</summary>
    public static ContainerFormat VhdFixed { get; } = new VhdFixedFormat();

    /// <summary>Virtual PC's format that grows with what is written: dynamic, and differencing over a parent.</summary>
    public static ContainerFormat Vhd { get; } = new VhdFormat();

    /// <summary>The bare bytes, compressed with gzip.</summary>
    public static ContainerFormat Gzip { get; } = new GzipFormat();

    /// <summary>The bare bytes, compressed with xz.</summary>
    public static ContainerFormat Xz { get; } = new XzFormat();

    /// <summary>The bare bytes, compressed with Zstandard.</summary>
    public static ContainerFormat Zstd { get; } = new ZstdFormat();

    /// <summary>The bare bytes, compressed with lz4.</summary>
    public static ContainerFormat Lz4 { get; } = new Lz4Format();

    /// <summary>The bare bytes, compressed with bzip2.</summary>
    public static ContainerFormat Bzip2 { get; } = new Bzip2Format();

    /// <summary>VMware's format.</summary>
    public static ContainerFormat Vmdk { get; } = new VmdkFormat();

    /// <summary>VirtualBox's format.</summary>
    public static ContainerFormat Vdi { get; } = new VdiFormat();

    /// <summary>Hyper-V's format, dynamic or differencing; opens fixed ones, too.</summary>
    public static ContainerFormat Vhdx { get; } = new VhdxFormat(isFixed: false);

    /// <summary>Hyper-V's format with all blocks allocated.</summary>
    public static ContainerFormat VhdxFixed { get; } = new VhdxFormat(isFixed: true);

    /// <summary>QEMU's format: clusters where something was written, backing files, snapshots, compression.</summary>
    public static ContainerFormat Qcow2 { get; } = new Qcow2Format();

    /// <summary>Those that can be recognised by their content, in the order they are asked; raw is what is left.</summary>
    public static IReadOnlyList<ContainerFormat> All => Known;

    // An array, which is gone through without the framework's interfaces: this is done at every start.
    internal static readonly ContainerFormat[] Known = [VhdFixed, Vhd, Vhdx, VhdxFixed, Qcow2, Vmdk, Vdi, Gzip, Xz, Zstd, Lz4, Bzip2];

    /// <summary>The name on the command line: <c>vhd-fixed</c>.</summary>
    public abstract string Name { get; }

    /// <summary>The name for people: <c>fixed VHD</c>.</summary>
    public abstract string Description { get; }

    /// <summary>File name extensions that ask for this format when an image is made, with the dot, in lower case.</summary>
    public abstract IReadOnlyList<string> Extensions { get; }

    public static ContainerFormat? FromName(string name) => name == Raw.Name ? Raw : All.FirstOrDefault(f => f.Name == name);

    /// <summary>The format that a new file of this name is made in; raw when the extension says nothing.</summary>
    public static ContainerFormat FromExtension(string path)
    {
        var extension = Path.GetExtension(path).ToLowerInvariant();
        return All.FirstOrDefault(f => f.Extensions.Contains(extension, StringComparer.Ordinal)) ?? Raw;
    }

    /// <summary>Whether these bytes are of this format; sound or not.</summary>
    public abstract bool Recognises(ContainerProbe probe);

    /// <summary>The format of these bytes; null for what nothing recognises.</summary>
    internal static ContainerFormat? Recognise(ContainerProbe probe)
    {
        if (probe.IsPlain)
            return null;
        foreach (var format in Known)
        {
            if (format.Recognises(probe))
                return format;
        }
        return null;
    }

    /// <summary>Files beside the image's own that hold the disk and are changed with it; none for what isn't of this format.</summary>
    internal virtual ImagePart[] OtherFiles(ContainerProbe probe) => NoParts;

    internal static ImagePart[] NoParts { get; } = [];

    /// <exception cref="DiskFormatException">Broken beyond use.</exception>
    public abstract Container Open(ContainerProbe probe, bool ownsHost = false);

    /// <summary>How long the disk inside becomes when <paramref name="size"/> bytes are asked for.</summary>
    /// <exception cref="UnsupportedFeatureException">The format can't hold that many.</exception>
    public virtual long RoundedSize(long size, ContainerOptions options) => size;

    /// <summary>Makes an empty image that reads as zeros, in the place of whatever the host holds.</summary>
    /// <param name="host">A file of any length; it gets the length the image needs.</param>
    /// <param name="size">Bytes of the disk inside; rounded as <see cref="RoundedSize"/> says.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="ownsHost">Whether disposing the container disposes <paramref name="host"/>.</param>
    /// <exception cref="UnsupportedFeatureException">The format can't hold that many bytes.</exception>
    public abstract Container Create(ResizableDevice host, long size, ContainerOptions? options = null, bool ownsHost = false);

    /// <summary>Whether an image with these options can't be made by <see cref="Create"/>, but in one pass only: see <see cref="CreateInOrder"/>.</summary>
    public virtual bool IsOnlyWrittenInOrder(ContainerOptions options) => false;

    /// <summary>Whether an image with these options takes several files, of which the host's only says where the others are.</summary>
    public virtual bool IsInSeveralFiles(ContainerOptions options) => false;

    /// <summary>Whether an image of this format can be a difference to another one: see <see cref="ContainerOptions.Parent"/>.</summary>
    public virtual bool CanHaveParent => false;

    /// <summary>Whether images of this format can be written in one pass: see <see cref="CreateInOrder"/>.</summary>
    public virtual bool CanWriteInOrder => false;

    /// <summary>Starts a compressed image that is written from its start to its end.</summary>
    /// <param name="host">A file of any length; it gets the length the image needs.</param>
    /// <param name="size">Bytes of the disk inside; rounded as <see cref="RoundedSize"/> says.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="UnsupportedFeatureException">The format has no compression, or can't hold that many bytes.</exception>
    public virtual ImageWriter CreateInOrder(ResizableDevice host, long size, ContainerOptions? options = null) =>
        throw new UnsupportedFeatureException($"{Description} images have no compression");

    // What isn't known to be zeros is cut off first; space that was allocated in advance stays.
    private protected static void Empty(ResizableDevice host, long length)
    {
        if (host.AllocatedRanges().Any())
            host.SetLength(0);
        host.SetLength(length);
    }
}
