using System.Globalization;
using System.Text;
using Platter.Blocks;

namespace Platter.Images.Vmdk;

/// <summary>Opens the other files of a VMDK: extents beside a descriptor, and parents.</summary>
internal static class VmdkSet
{
    private const long SplitSize = 4192256L * VmdkHeader.Sector;        // 2047 MiB: what VMware makes of 2 GB
    private const long LargestOffset = 1L << 40;        // sectors; more than any host has, and small enough to be added up

    /// <summary>Opens a descriptor that is a file of its own, with all extents.</summary>
    internal static Container Open(ContainerProbe probe, bool ownsHost)
    {
        if (probe.Host.Length > VmdkDescriptor.LargestSize)
            throw new DiskFormatException("VMDK-0010", "Descriptor", 0, $"found {probe.Host.Length} bytes, expected at most {VmdkDescriptor.LargestSize}");
        var text = new byte[probe.Host.Length];
        probe.Host.Read(0, text);
        var descriptor = VmdkDescriptor.Parse(text, 0);
        if (descriptor.Extents.Count == 0)
            throw new DiskFormatException("VMDK-0011", "Descriptor", 0, "found no extent, expected one at least");
        var parent = OpenParent(probe.Neighbours, descriptor);
        var disk = new VmdkExtentsDisk(probe.Host);
        try
        {
            foreach (var extent in descriptor.Extents)
                Add(disk, extent, probe.Neighbours, parent?.Disk);
            return new VmdkImage(probe.Host, disk, descriptor, null, (parent, true), ownsHost);
        }
        catch
        {
            disk.Dispose();
            parent?.Dispose();
            throw;
        }
    }

    /// <summary>Makes the descriptor and its extents, as VMware names and sizes them.</summary>
    /// <param name="host">For the descriptor.</param>
    /// <param name="size">Bytes of the disk.</param>
    /// <param name="subformat">Flat or split.</param>
    /// <param name="how">What was asked for.</param>
    /// <param name="ownsHost">Whether disposing the container disposes <paramref name="host"/>.</param>
    internal static Container Create(ResizableDevice host, long size, string subformat, (ContainerOptions Options, ContainerSettings Settings) how, bool ownsHost)
    {
        var (options, settings) = how;
        if (options.Parent is not null)
            throw new UnsupportedFeatureException($"differences to another VMDK are made as {VmdkFormat.Sparse} only, not as {subformat}");
        if (options.MakeFile is not { } makeFile || options.FileName is not { } fileName)
            throw new UnsupportedFeatureException($"a VMDK of the subformat {subformat} lies in several files, and needs a folder to lie in");
        if (fileName.AsSpan().IndexOfAny('"', '\n', '\r') >= 0)
            throw new UnsupportedFeatureException("a VMDK in several files can't have a name with quotes or line breaks: its descriptor could not name them");
        var stem = fileName.EndsWith(".vmdk", StringComparison.OrdinalIgnoreCase) ? fileName[..^5] : fileName;
        var isFlat = subformat != VmdkFormat.SplitSparse;
        var most = subformat == VmdkFormat.Flat ? long.MaxValue : SplitSize;
        var lines = new StringBuilder();
        var disk = new VmdkExtentsDisk(host, isNew: true);
        for (var (at, number) = (0L, 1); at < size || number == 1; at += most, number++)
        {
            var length = Math.Min(most, size - at);
            var name = subformat switch
            {
                VmdkFormat.Flat => $"{stem}-flat.vmdk",
                VmdkFormat.SplitFlat => $"{stem}-f{number:D3}.vmdk",
                _ => $"{stem}-s{number:D3}.vmdk",
            };
            lines.Append(CultureInfo.InvariantCulture, $"{(lines.Length > 0 ? "\n" : "")}RW {length / VmdkHeader.Sector} {(isFlat ? "FLAT" : "SPARSE")} \"{name}\"{(isFlat ? " 0" : "")}");
            var file = makeFile(name, isFlat ? length : 0);
            if (isFlat)
            {
                disk.Add(length, file, new VmdkExtentFile(name, file, null, file));
                continue;
            }
            VmdkFormat.WriteSparse(file, length, [], hasParent: false);
            var layout = VmdkLayout.Read(file);
            var part = new VmdkDisk(file, null, layout, isNew: true);
            disk.Add(length, part, new VmdkExtentFile(name, file, layout, part));
        }
        var text = VmdkFormat.NewDescriptor(size, subformat, options, settings, lines.ToString());
        host.SetLength(text.Length);
        host.Write(0, text);
        return new VmdkImage(host, disk, VmdkDescriptor.Parse(text, 0), null, (null, false), ownsHost);
    }

    /// <summary>The extents, where they can be edited together with the descriptor: bare bytes all of them. Sparse ones grow.</summary>
    internal static ImagePart[] FlatExtents(ContainerProbe probe)
    {
        if (probe.Host.Length > VmdkDescriptor.LargestSize)
            return [];
        try
        {
            var text = new byte[probe.Host.Length];
            probe.Host.Read(0, text);
            var descriptor = VmdkDescriptor.Parse(text, 0);
            if (descriptor.ParentContentId != VmdkDescriptor.NoParent || descriptor.Extents.Any(e => e.Kind != VmdkExtentKind.Flat || e.IsReadOnly || e.Offset > LargestOffset || e.Sectors > LargestOffset))
                return [];
            return [.. descriptor.Extents.GroupBy(e => e.FileName!, StringComparer.Ordinal)
                .Select(file => new ImagePart(file.Key, file.Max(e => e.Offset + e.Sectors) * VmdkHeader.Sector, Grows: false))];
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
        {
            return [];      // what is wrong is said when the image is opened
        }
    }

    /// <summary>The parent of a difference; null when the disk stands alone.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    /// <exception cref="DiskFormatException">It isn't the one that the difference was made from, or has been changed since.</exception>
    internal static Container? OpenParent(ImageNeighbours neighbours, VmdkDescriptor descriptor)
    {
        if (descriptor.ParentContentId == VmdkDescriptor.NoParent)
            return null;
        var hint = descriptor.ParentFile ?? throw new DiskFormatException("VMDK-0019", "Descriptor.parentFileNameHint", -1, "found no name of the parent, though there is one");
        // Programs on Windows write its paths; the parent is mostly moved along with the difference.
        var name = hint[(hint.LastIndexOfAny(['/', '\\']) + 1)..];
        var parent = neighbours.OpenImage(neighbours.Exists(hint) || !neighbours.Exists(name) ? hint : name);
        try
        {
            if (parent is not VmdkImage image)
                throw new DiskFormatException("VMDK-0019", "Descriptor.parentFileNameHint", -1, $"found a {parent.Format.Description} image as the parent, expected a VMDK");
            if (image.Descriptor.ContentId != descriptor.ParentContentId)
                throw new DiskFormatException("VMDK-0019", "Descriptor.parentCID", -1, $"found {descriptor.ParentContentId:x8}, but the parent has {image.Descriptor.ContentId:x8}: it was changed since the difference was made, or is another one");
            return parent;
        }
        catch
        {
            parent.Dispose();
            throw;
        }
    }

    private static void Add(VmdkExtentsDisk disk, VmdkExtent extent, ImageNeighbours neighbours, BlockDevice? parent)
    {
        var length = extent.Sectors * VmdkHeader.Sector;
        if (extent.Kind == VmdkExtentKind.Zero)
        {
            disk.Add(length, null, null);
            return;
        }
        var file = neighbours.OpenBytes(extent.FileName!);
        try
        {
            var opened = extent.Kind == VmdkExtentKind.Sparse ? OpenSparse(file, extent, length, Part(parent, disk.Length, length)) : OpenFlat(file, extent, length);
            disk.Add(length, opened.Disk, opened);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static VmdkExtentFile OpenSparse(BlockDevice file, VmdkExtent extent, long length, BlockDevice? parent)
    {
        var layout = VmdkLayout.Read(file);
        if (layout.Length < length)
            throw new DiskFormatException("VMDK-0012", $"Descriptor, extent {extent.FileName}", -1, $"found {length} bytes, but the extent itself has {layout.Length}");
        return new VmdkExtentFile(extent.FileName!, file, layout, layout.IsCompressed ? new VmdkStreamDisk(file, layout) : new VmdkDisk(file, parent, layout));
    }

    private static VmdkExtentFile OpenFlat(BlockDevice file, VmdkExtent extent, long length)
    {
        var start = extent.Offset > long.MaxValue / VmdkHeader.Sector ? long.MaxValue : extent.Offset * VmdkHeader.Sector;
        if (start > file.Length || length > file.Length - start)
            throw new DiskFormatException("VMDK-0012", $"Descriptor, extent {extent.FileName}", -1, $"found {length} bytes at {start}, expected them within the file of {file.Length}: it was cut");
        return new VmdkExtentFile(extent.FileName!, file, null, new WindowDevice(file, start, length));
    }

    private static WindowDevice? Part(BlockDevice? parent, long offset, long length) =>
        parent is null || offset >= parent.Length ? null : new WindowDevice(parent, offset, Math.Min(length, parent.Length - offset));
}
