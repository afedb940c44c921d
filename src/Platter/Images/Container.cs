using Platter.Blocks;

namespace Platter.Images;

/// <summary>A disk image's wrapping, opened: the disk inside, and what there is to know about the wrapping.</summary>
public abstract class Container(ContainerFormat format, BlockDevice host) : IDisposable
{
    /// <summary>What it is.</summary>
    public ContainerFormat Format { get; } = format;

    /// <summary>The file (or disk, or transaction over one) that holds it.</summary>
    public BlockDevice Host { get; } = host;

    /// <summary>The disk's content, as a guest sees it. Disposing it does nothing; dispose the container.</summary>
    public abstract BlockDevice Disk { get; }

    /// <summary>Bytes of the disk inside.</summary>
    public long VirtualSize => Disk.Length;

    /// <summary>Bytes that the container has room for now; holes of the host file don't count. Reads the host's own tables, not the data.</summary>
    public virtual long AllocatedSize => Host.AllocatedRanges().Sum(r => r.Length);

    /// <summary>Bytes that the container allocates at a time: cluster, grain, block; null when the disk lies in one piece.</summary>
    public virtual long? BlockSize => null;

    /// <summary>The image that this one is a difference to, opened; null when it stands alone.</summary>
    public virtual Container? Parent => null;

    /// <summary>Where the host's file is; null when it is none, or nobody said.</summary>
    public string? Path { get; internal set; }

    /// <summary>Whether <see cref="Check"/> reads and unpacks all of the content, and so takes its time.</summary>
    public virtual bool ChecksContent => false;

    /// <summary>What else there is to tell, as names and values for people: creator, identifier, geometry.</summary>
    public virtual IReadOnlyList<KeyValuePair<string, string>> Details => [];

    /// <summary>States of the disk that the container has kept; empty for formats that keep none.</summary>
    /// <exception cref="DiskFormatException">The list is broken.</exception>
    public virtual IReadOnlyList<ContainerSnapshot> Snapshots => [];

    /// <summary>Opens a kept state of the disk, for reading. It takes this container over: dispose only what is returned.</summary>
    /// <param name="name">Its identifier or its name; the identifier wins.</param>
    /// <exception cref="FileNotFoundException">There is none; the message lists those there are.</exception>
    public virtual Container OpenSnapshot(string name) => throw new FileNotFoundException($"there is no snapshot {name}: {Format.Description} images keep none");

    /// <summary>Verifies the container's own structures; the disk inside is not looked at. Offsets count from the start of the host.</summary>
    public abstract void Check(CheckReport report);

    /// <summary>Recognises a container by its content and opens it; what nothing recognises is a raw image.</summary>
    /// <param name="host">The whole file.</param>
    /// <param name="neighbours">Where files that it refers to are found; null when there are none.</param>
    /// <param name="ownsHost">Whether disposing the container disposes <paramref name="host"/>; also when opening fails.</param>
    /// <exception cref="DiskFormatException">It is a known container, but broken beyond use.</exception>
    /// <exception cref="UnsupportedFeatureException">It is a container that can be named but not opened.</exception>
    public static Container Open(BlockDevice host, ImageNeighbours? neighbours = null, bool ownsHost = false)
    {
        try
        {
            var probe = new ContainerProbe(host, neighbours);
            if (ContainerFormat.Recognise(probe) is { } format)
                return format.Open(probe, ownsHost);
            ForeignContainers.Refuse(probe);
            return ContainerFormat.Raw.Open(probe, ownsHost);
        }
        catch
        {
            if (ownsHost)
                host.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>A state of the disk that a container has kept.</summary>
/// <param name="Id">What the container calls it; unique.</param>
/// <param name="Name">What somebody called it.</param>
/// <param name="Created">When it was kept.</param>
/// <param name="VirtualSize">Bytes of the disk then.</param>
/// <param name="MachineStateSize">Bytes of a machine's memory that were kept with it; 0 for none.</param>
public sealed record ContainerSnapshot(string Id, string Name, DateTimeOffset Created, long VirtualSize, long MachineStateSize);

/// <summary>The first and last bytes of a file, read once for everybody who wants to recognise it.</summary>
public sealed class ContainerProbe
{
    private const int HeadSize = 4096, TailSize = 512;

    /// <param name="host">The whole file.</param>
    /// <param name="neighbours">Where files that it refers to are found; null when there are none.</param>
    public ContainerProbe(BlockDevice host, ImageNeighbours? neighbours = null)
    {
        Host = host;
        Neighbours = neighbours ?? ImageNeighbours.None;
        _head = new byte[(int)Math.Min(HeadSize, host.Length)];
        host.Read(0, _head);
        _tail = new byte[(int)Math.Min(TailSize, host.Length)];
        host.Read(host.Length - _tail.Length, _tail);
    }

    private readonly byte[] _head, _tail;

    public BlockDevice Host { get; }

    /// <summary>Where files that it refers to are found.</summary>
    public ImageNeighbours Neighbours { get; }

    /// <summary>The first 4096 bytes, or all there are.</summary>
    public ReadOnlyMemory<byte> Head => _head;

    /// <summary>The last 512 bytes, or all there are.</summary>
    public ReadOnlyMemory<byte> Tail => _tail;

    /// <summary>Whether the bytes at <paramref name="offset"/> of the head are these.</summary>
    public bool HeadHas(int offset, ReadOnlySpan<byte> magic) =>
        _head.Length >= offset + magic.Length && _head.AsSpan(offset, magic.Length).SequenceEqual(magic);

    /// <summary>Whether the last 512 bytes start with these.</summary>
    public bool TailHas(ReadOnlySpan<byte> magic) => _tail.Length == TailSize && _tail.AsSpan().StartsWith(magic);

    /// <summary>Whether this is no container that Platter knows or can name: it starts with a zero or with a jump, as volumes and disks do, which
    /// is how none of their first bytes are; and what stands elsewhere isn't there. So most images need not be shown to every format.</summary>
    internal bool IsPlain => _head.Length > 0x44 && _head[0] is 0 or 0xE9 or 0xEB && !Has(_head, 0x40, VdiMagic)
        && !MayBeVhdFooter(_head) && !MayBeVhdFooter(_tail) && !Has(_tail, 0, UdifMagic);

    /// <summary>Whether these bytes may be a VHD's footer: most images hold none, and need not prepare a view of one.</summary>
    internal static bool MayBeVhdFooter(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= VhdFooter.Size && (Has(bytes, 0, VhdCookie) || Has(bytes, VhdFooter.VersionOffset, VhdVersion1));

    // As text, each character a byte: arrays of constants would all be prepared, the library's whole, with the first of them.
    private const string VdiMagic = "\u007F\u0010\u00DA\u00BE", UdifMagic = "koly", VhdCookie = "conectix", VhdVersion1 = "\0\u0001\0\0";

    private static bool Has(ReadOnlySpan<byte> bytes, int offset, string magic)
    {
        if (bytes.Length < offset + magic.Length)
            return false;
        for (var i = 0; i < magic.Length; i++)
        {
            if (bytes[offset + i] != magic[i])
                return false;
        }
        return true;
    }
}
