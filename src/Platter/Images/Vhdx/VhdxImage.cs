using System.Globalization;
using System.Text;
using Platter.Blocks;
using Platter.Primitives;
using static Platter.Images.Vhdx.VhdxFormatConstants;

namespace Platter.Images.Vhdx;

/// <summary>The structures of a VHDX, read and found plausible.</summary>
/// <param name="Headers">The header that counts.</param>
/// <param name="Regions">Where the regions lie.</param>
/// <param name="Layout">The disk and its table.</param>
/// <param name="Creator">Who made the file.</param>
/// <param name="IsNew">Whether it is being made.</param>
internal sealed record VhdxParts(VhdxHeaders Headers, VhdxRegions Regions, VhdxLayout Layout, string Creator, bool IsNew = false)
{
    /// <summary>Where the log and the regions lie.</summary>
    public IReadOnlyList<ByteRange> Structures
    {
        get
        {
            var header = Headers.Current;
            var structures = new List<ByteRange> { Regions.Bat, Regions.Metadata };
            structures.AddRange(Regions.Others.Select(o => o.Range));
            if (header.LogLength > 0 && header.LogOffset <= (ulong)MaximumSize)
                structures.Add(new ByteRange((long)(ulong)header.LogOffset, header.LogLength));
            return structures;
        }
    }

    /// <exception cref="DiskFormatException">A structure is damaged or doesn't fit the file.</exception>
    /// <exception cref="UnsupportedFeatureException">The file needs something that is not known.</exception>
    internal static VhdxParts Read(BlockDevice host, VhdxHeaders headers)
    {
        var regions = VhdxRegions.Read(host);
        var layout = new VhdxLayout(regions.Bat, VhdxMetadata.Read(host, regions.Metadata));
        if (layout.PayloadEntryCount > regions.Bat.Length / 8)
            throw new DiskFormatException("VHDX-0015", "VhdxRegion.length", -1, $"found a block allocation table of {regions.Bat.Length / 8} entries, expected at least {layout.PayloadEntryCount} for the disk's size");
        var bytes = new byte[512];
        host.Read(8, bytes);
        var creator = Encoding.Unicode.GetString(bytes).Split('\0')[0];
        return new VhdxParts(headers, regions, layout, string.Concat(creator.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '.' : c)));
    }
}

/// <summary>A VHDX: fixed, dynamic or differencing.</summary>
internal sealed class VhdxImage : Container
{
    private readonly VhdxParts _parts;
    private readonly VhdxDisk _disk;
    private readonly Container? _parent;
    private readonly bool _ownsParent, _ownsHost;

    /// <param name="host">The whole file, its log replayed.</param>
    /// <param name="parts">What was read from it, or has just been written.</param>
    /// <param name="parent">The parent, opened; null when the disk stands alone.</param>
    /// <param name="owned">What is disposed with this.</param>
    internal VhdxImage(BlockDevice host, VhdxParts parts, Container? parent, (bool Parent, bool Host) owned)
        : base(parts.Layout.Metadata.LeavesBlocksAllocated && !parts.Layout.Metadata.HasParent ? ContainerFormat.VhdxFixed : ContainerFormat.Vhdx, host)
    {
        _parts = parts;
        _parent = parent;
        (_ownsParent, _ownsHost) = owned;
        _disk = new VhdxDisk(host, parent?.Disk, parts.Layout, parts.Headers, parts.Structures, parts.IsNew);
    }

    public override BlockDevice Disk => _disk;
    public override Container? Parent => _parent;
    public override long? BlockSize => _parts.Layout.Metadata.BlockSize;

    /// <summary>What a difference to this one has to name.</summary>
    internal Guid DataWriteGuid => _disk.Headers.Current.DataWriteGuid;

    internal VhdxParts Parts => _parts;

    public override IReadOnlyList<KeyValuePair<string, string>> Details
    {
        get
        {
            var metadata = _parts.Layout.Metadata;
            var details = new List<KeyValuePair<string, string>>
            {
                new("kind", metadata.HasParent ? "differencing" : metadata.LeavesBlocksAllocated ? "fixed" : "dynamic"),
                new("creator", _parts.Creator),
                new("block size", ByteSize.Format(metadata.BlockSize)),
                new("sector size", string.Create(CultureInfo.InvariantCulture, $"{metadata.LogicalSectorSize} logical, {metadata.PhysicalSectorSize} physical")),
                new("identifier", metadata.DiskId.ToString()),
                new("data identifier", DataWriteGuid.ToString()),
                new("log", WasReplayed ? "replayed" : "empty"),
            };
            if (_parent is not null)
            {
                details.Add(new("parent", ParentPaths.Printable(VhdxParent.Paths(metadata).FirstOrDefault() ?? "")));
                details.Add(new("parent data identifier", ParentPaths.Printable(metadata.Locator.GetValueOrDefault(VhdxParent.Linkage, "").Trim('{', '}'))));
            }
            return details;
        }
    }

    /// <summary>Whether the log had to be replayed when the file was opened.</summary>
    internal bool WasReplayed { get; init; }

    public override void Check(CheckReport report) => VhdxChecker.Check(report, this, _disk);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            if (_ownsParent)
                _parent?.Dispose();
            if (_ownsHost)
                Host.Dispose();
        }
        base.Dispose(disposing);
    }
}
