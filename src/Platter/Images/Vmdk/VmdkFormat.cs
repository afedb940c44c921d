using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Vmdk;

/// <summary>VMware's disks: monolithicSparse and flat ones read, edited and made, streamOptimized and split sparse ones read and made.</summary>
internal sealed class VmdkFormat : ContainerFormat
{
    internal const string Sparse = "monolithicSparse", Stream = "streamOptimized", Flat = "monolithicFlat";
    internal const string SplitSparse = "twoGbMaxExtentSparse", SplitFlat = "twoGbMaxExtentFlat";

    // What VMware makes: sectors in a grain, entries in a table, sectors kept for the descriptor.
    internal const int GrainSectors = 128, TableEntries = 512, DescriptorSectors = 20;

    // Entries are sectors of 32 bits, and tables have to fit as well.
    private const long LargestDisk = (2L << 40) - (8L << 30);

    private const long LargestInSeveralFiles = 62L << 40;       // VMware's own limit

    private static readonly string[] Subformats = [Sparse, Stream, Flat, SplitSparse, SplitFlat];
    private static readonly string[] Adapters = ["ide", "lsilogic", "buslogic", "legacyESX"];

    public override string Name => "vmdk";
    public override string Description => "VMDK";
    public override IReadOnlyList<string> Extensions => [".vmdk"];
    public override bool CanWriteInOrder => true;
    public override bool CanHaveParent => true;

    public override bool IsOnlyWrittenInOrder(ContainerOptions options) => options.Settings.GetValueOrDefault("subformat") == Stream;

    public override bool IsInSeveralFiles(ContainerOptions options) => options.Settings.GetValueOrDefault("subformat") is Flat or SplitSparse or SplitFlat;

    internal override ImagePart[] OtherFiles(ContainerProbe probe) => probe.HeadHas(0, VmdkDescriptor.Magic) ? VmdkSet.FlatExtents(probe) : [];

    public override bool Recognises(ContainerProbe probe) => probe.HeadHas(0, "KDMV"u8) || probe.HeadHas(0, VmdkDescriptor.Magic);

    public override Container Open(ContainerProbe probe, bool ownsHost) =>
        probe.HeadHas(0, "KDMV"u8) ? OpenSparse(probe, ownsHost) : VmdkSet.Open(probe, ownsHost);

    public override long RoundedSize(long size, ContainerOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        var isSpread = IsInSeveralFiles(options);
        if (size > (isSpread ? LargestInSeveralFiles : LargestDisk))
            throw new UnsupportedFeatureException($"a VMDK in {(isSpread ? "several files" : "one file")} holds at most {(isSpread ? LargestInSeveralFiles : LargestDisk)} bytes, not {size}");
        return (size + VmdkHeader.Sector - 1) / VmdkHeader.Sector * VmdkHeader.Sector;
    }

    public override Container Create(ResizableDevice host, long size, ContainerOptions? options, bool ownsHost)
    {
        options ??= new ContainerOptions();
        var settings = Settings(options);
        var subformat = settings.Choice("subformat", Sparse, Subformats);
        if (subformat == Stream)
            throw new UnsupportedFeatureException("streamOptimized images are written in one pass, and can't be made empty and filled");
        size = RoundedSize(size, options);
        if (subformat != Sparse)
            return VmdkSet.Create(host, size, subformat, (options, settings), ownsHost);
        var text = NewDescriptor(size, Sparse, options, settings, $"RW {size / VmdkHeader.Sector} SPARSE \"{Quotable(options.FileName ?? "disk.vmdk")}\"");
        WriteSparse(host, size, text, options.Parent is not null);
        var layout = VmdkLayout.Read(host);
        var disk = new VmdkDisk(host, options.Parent?.Disk, layout, isNew: true);
        return new VmdkImage(host, disk, VmdkDescriptor.Parse(text, VmdkHeader.Sector), layout, (options.Parent, false), ownsHost);
    }

    /// <summary>Writes an empty sparse extent.</summary>
    /// <param name="host">The file.</param>
    /// <param name="size">Bytes of the disk in it.</param>
    /// <param name="descriptor">What is embedded in it; empty for an extent whose descriptor is another file.</param>
    /// <param name="hasParent">Whether zeros have to be told from what the parent has.</param>
    internal static void WriteSparse(ResizableDevice host, long size, ReadOnlySpan<byte> descriptor, bool hasParent)
    {
        var header = NewHeader(size, hasParent ? 2u : 1u, VmdkFlags.HasNewlineTest | VmdkFlags.HasRedundantTables | (hasParent ? VmdkFlags.HasZeroGrains : 0));
        if (descriptor.IsEmpty)
            (header.DescriptorOffset, header.DescriptorSize) = (0, 0);
        var tables = Tables(size);
        var directorySectors = (tables * 4 + VmdkHeader.Sector - 1) / VmdkHeader.Sector;
        const int TableSectors = TableEntries * 4 / VmdkHeader.Sector;
        long redundant = 1 + DescriptorSectors, directory = redundant + directorySectors + tables * TableSectors;
        var overhead = (directory + directorySectors + tables * TableSectors + GrainSectors - 1) / GrainSectors * GrainSectors;
        header.RedundantDirectoryOffset = (ulong)redundant;
        header.DirectoryOffset = (ulong)directory;
        header.Overhead = (ulong)overhead;
        Empty(host, overhead * VmdkHeader.Sector);
        host.Write(0, OnDisk.Bytes(ref header));
        host.Write(VmdkHeader.Sector, descriptor);
        foreach (var start in new[] { redundant, directory })
        {
            var entries = new byte[tables * 4];
            for (var i = 0; i < tables; i++)
                OnDisk.Edit<U32Le>(entries, i * 4) = (uint)(start + directorySectors + i * TableSectors);
            host.Write(start * VmdkHeader.Sector, entries);
        }
    }

    public override ImageWriter CreateInOrder(ResizableDevice host, long size, ContainerOptions? options)
    {
        options ??= new ContainerOptions();
        var settings = Settings(options);
        if (settings.Choice("subformat", Stream, Subformats) is var subformat && subformat != Stream)
            throw new UnsupportedFeatureException($"VMDK images of the subformat {subformat} have no compression; streamOptimized ones do");
        size = RoundedSize(size, options);
        var header = NewHeader(size, 3, VmdkFlags.HasNewlineTest | VmdkFlags.IsCompressed | VmdkFlags.HasMarkers);
        header.Compression = VmdkHeader.Deflate;
        header.DirectoryOffset = VmdkHeader.DirectoryAtEnd;
        header.Overhead = GrainSectors;
        Empty(host, 0);
        var text = NewDescriptor(size, Stream, options, settings, $"RW {size / VmdkHeader.Sector} SPARSE \"{Quotable(options.FileName ?? "disk.vmdk")}\"");
        return new VmdkStreamWriter(host, header, text, settings.Number("compression_level", 6, 1, 9));
    }

    internal static int Tables(long size)
    {
        const long PerTable = (long)TableEntries * GrainSectors * VmdkHeader.Sector;
        return (int)((size + PerTable - 1) / PerTable);
    }

    private static Container OpenSparse(ContainerProbe probe, bool ownsHost)
    {
        var layout = VmdkLayout.Read(probe.Host);
        if (layout.DescriptorOffset == 0 || layout.DescriptorSize == 0)
            throw new UnsupportedFeatureException("the file is one extent of a VMDK in several files: open the descriptor, the small .vmdk beside it");
        var text = new byte[(int)Math.Min(layout.DescriptorSize, VmdkDescriptor.LargestSize)];
        probe.Host.Read(layout.DescriptorOffset, text);
        var descriptor = VmdkDescriptor.Parse(text, layout.DescriptorOffset);
        var parent = VmdkSet.OpenParent(probe.Neighbours, descriptor);
        if (layout.IsCompressed && parent is not null)
        {
            parent.Dispose();
            throw new UnsupportedFeatureException("the VMDK is a compressed difference to another one, which Platter does not open");
        }
        BlockDevice disk = layout.IsCompressed ? new VmdkStreamDisk(probe.Host, layout) : new VmdkDisk(probe.Host, parent?.Disk, layout);
        return new VmdkImage(probe.Host, disk, descriptor, layout, (parent, true), ownsHost);
    }

    private ContainerSettings Settings(ContainerOptions options) => new(this, options, ["subformat", "adapter_type", "compression_level"]);

    private static VmdkHeader NewHeader(long size, uint version, VmdkFlags flags)
    {
        var header = new VmdkHeader
        {
            Magic = VmdkHeader.MagicValue, Version = version, FlagBits = (uint)flags, Capacity = (ulong)(size / VmdkHeader.Sector), GrainSize = GrainSectors,
            DescriptorOffset = 1, DescriptorSize = DescriptorSectors, EntriesPerTable = TableEntries,
        };
        VmdkHeader.ExpectedNewlines.CopyTo(header.Newlines);
        return header;
    }

    /// <summary>Makes the text of a descriptor.</summary>
    /// <param name="size">Bytes of the disk.</param>
    /// <param name="type">The subformat.</param>
    /// <param name="options">How the image is made.</param>
    /// <param name="settings">The same, the format's own.</param>
    /// <param name="extents">The lines that say where the disk is.</param>
    internal static byte[] NewDescriptor(long size, string type, ContainerOptions options, ContainerSettings settings, string extents)
    {
        var adapter = settings.Choice("adapter_type", "ide", Adapters);
        var sectors = size / VmdkHeader.Sector;
        var heads = adapter == "ide" ? 16 : 255;
        var cylinders = Math.Min(sectors / (heads * 63L), adapter == "ide" ? 16383 : 65535);
        var parent = options.Parent is null ? "" : $"parentFileNameHint=\"{Hint(options)}\"\n";
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # Disk DescriptorFile
            version=1
            CID={NewContentId(options):x8}
            parentCID={(options.Parent is null ? VmdkDescriptor.NoParent : ParentContentId(options.Parent)):x8}
            createType="{type}"
            {parent}
            # Extent description
            {extents}

            # The Disk Data Base
            #DDB

            ddb.virtualHWVersion = "4"
            ddb.geometry.cylinders = "{cylinders}"
            ddb.geometry.heads = "{heads}"
            ddb.geometry.sectors = "63"
            ddb.adapterType = "{adapter}"

            """).ReplaceLineEndings("\n");
        var bytes = Encoding.UTF8.GetBytes(text);
        return bytes.Length <= DescriptorSectors * VmdkHeader.Sector || type is Flat or SplitFlat or SplitSparse ? bytes
            : throw new UnsupportedFeatureException("the names of the image and its parent are too long for a VMDK's descriptor");
    }

    private static uint NewContentId(ContainerOptions options)
    {
        Span<byte> id = stackalloc byte[16];
        if (options.UniqueId is { } unique)
            unique.TryWriteBytes(id);
        else
            RandomNumberGenerator.Fill(id);
        return BinaryPrimitives.ReadUInt32LittleEndian(id) % (VmdkDescriptor.NoParent - 1);
    }

    private static uint ParentContentId(Container parent) => parent is VmdkImage image ? image.Descriptor.ContentId
        : throw new UnsupportedFeatureException($"a VMDK can only be a difference to another VMDK, not to a {parent.Format.Description} image");

    private static string Hint(ContainerOptions options)
    {
        var reference = options.ParentReference ?? throw new ArgumentException("a difference needs to know how it refers to its parent");
        return reference.AsSpan().IndexOfAny('"', '\n', '\r') < 0 ? reference : throw new UnsupportedFeatureException("a VMDK can't refer to a parent whose name has quotes or line breaks");
    }

    // The name in an embedded descriptor serves other programs; one that can't stand in it is left to the place where the file is.
    private static string Quotable(string name) => name.AsSpan().IndexOfAny('"', '\n', '\r') < 0 ? name : "disk.vmdk";
}
