using Platter.Blocks;

namespace Platter.Images.Vmdk;

/// <summary>A VMDK: one sparse extent with its descriptor inside, or a descriptor with its extents beside it.</summary>
internal sealed class VmdkImage : Container
{
    private readonly VmdkLayout? _layout;
    private readonly Container? _parent;
    private readonly bool _ownsParent, _ownsHost;

    /// <param name="host">The file that was opened.</param>
    /// <param name="disk">What it holds.</param>
    /// <param name="descriptor">What it says of itself.</param>
    /// <param name="layout">Of the one sparse extent; null when the extents are other files.</param>
    /// <param name="parent">What it is a difference to, or null, and whether that is disposed with this.</param>
    /// <param name="ownsHost">Whether the file is disposed with this.</param>
    internal VmdkImage(BlockDevice host, BlockDevice disk, VmdkDescriptor descriptor, VmdkLayout? layout, (Container? Container, bool Owned) parent, bool ownsHost)
        : base(ContainerFormat.Vmdk, host)
    {
        Disk = disk;
        Descriptor = descriptor;
        _layout = layout;
        (_parent, _ownsParent) = parent;
        _ownsHost = ownsHost;
    }

    public override BlockDevice Disk { get; }
    public override Container? Parent => _parent;
    public override long? BlockSize => _layout?.GrainSize;
    public override bool ChecksContent => Disk is VmdkStreamDisk or VmdkExtentsDisk;

    public override IReadOnlyList<KeyValuePair<string, string>> Details
    {
        get
        {
            var details = new List<KeyValuePair<string, string>> { new("subformat", Printable(Descriptor.CreateType)) };
            if (_layout is null)
                details.Add(new("extents", Descriptor.Extents.Count.ToString()));
            if (Descriptor["ddb.adapterType"] is { } adapter)
                details.Add(new("adapter", Printable(adapter)));
            details.Add(new("content id", Descriptor.ContentId.ToString("x8")));
            if (Descriptor.ParentFile is { } file && Descriptor.ParentContentId != VmdkDescriptor.NoParent)
                details.Add(new("parent", Printable(file)));
            return details;
        }
    }

    public override long AllocatedSize => base.AllocatedSize + Files.Sum(f => f.Host.AllocatedRanges().Sum(r => r.Length));

    internal VmdkDescriptor Descriptor { get; }

    private IReadOnlyList<VmdkExtentFile> Files => Disk is VmdkExtentsDisk extents ? extents.Files : [];

    public override void Check(CheckReport report)
    {
        if (_layout is not null)
            VmdkChecker.Check(report, Host, Disk, _layout);
        foreach (var file in Files)
        {
            var part = new CheckReport();
            if (file.Layout is { } layout)
                VmdkChecker.Check(part, file.Host, file.Disk, layout);
            report.AddRange(part, 0, $"{Printable(file.Name)}: ");
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Disk.Dispose();
            if (_ownsParent)
                _parent?.Dispose();
            if (_ownsHost)
                Host.Dispose();
        }
        base.Dispose(disposing);
    }

    private static string Printable(string text) => new([.. text.Select(c => char.IsControl(c) ? '?' : c)]);
}
