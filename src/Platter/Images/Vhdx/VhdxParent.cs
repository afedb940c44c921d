using Platter.Blocks;

namespace Platter.Images.Vhdx;

/// <summary>How a differencing VHDX finds its parent, and knows that it is the right one; [MS-VHDX] 2.6.2.6.</summary>
internal static class VhdxParent
{
    /// <summary>The key under which the parent's data identifier stands.</summary>
    internal const string Linkage = "parent_linkage";

    // While Hyper-V merges a parent into its own parent, both identifiers are right.
    private const string Linkage2 = "parent_linkage2";

    private static readonly string[] PathKeys = ["relative_path", "absolute_win32_path", "volume_path"];

    /// <exception cref="FileNotFoundException">It is in none of the places that are noted.</exception>
    /// <exception cref="DiskFormatException">What is there is another disk, or has been changed since (<c>VHDX-0021</c>), or is no VHDX (<c>VHDX-0022</c>).</exception>
    internal static Container Open(ImageNeighbours neighbours, VhdxMetadata metadata)
    {
        var paths = Paths(metadata);
        DiskFormatException? refused = null;
        foreach (var path in paths.Where(neighbours.Exists).DistinctBy(neighbours.Resolve, StringComparer.Ordinal))
        {
            var parent = neighbours.OpenImage(path);
            refused = Mismatch(parent, metadata, neighbours.Resolve(path));
            if (refused is null)
                return parent;
            parent.Dispose();
        }
        if (refused is not null)
            throw refused;
        throw ParentPaths.Missing(neighbours, paths, $"the VHDX with the data identifier {metadata.Locator.GetValueOrDefault(Linkage, "(not noted)")}");
    }

    /// <summary>The paths under which the parent may be, the likeliest first.</summary>
    internal static List<string> Paths(VhdxMetadata metadata)
    {
        var paths = new List<string>();
        foreach (var key in PathKeys)
        {
            if (metadata.Locator.TryGetValue(key, out var path) && path.Length > 0)
                ParentPaths.AddSpellings(paths, path.StartsWith(@"\\?\", StringComparison.Ordinal) && !path.StartsWith(@"\\?\Volume", StringComparison.Ordinal) ? path[4..] : path);
        }
        foreach (var path in paths.ToList())
            ParentPaths.AddName(paths, path);
        return paths;
    }

    /// <summary>How a new image refers to its parent.</summary>
    /// <exception cref="UnsupportedFeatureException">The parent is no VHDX, or not of this size.</exception>
    internal static Dictionary<string, string> LocatorFor(Container parent, long size, ContainerOptions options, BlockDevice host)
    {
        if (parent is not VhdxImage vhdx)
            throw new UnsupportedFeatureException($"a differencing VHDX needs a VHDX as its parent, not a {parent.Format.Description} image");
        if (parent.VirtualSize != size)
            throw new UnsupportedFeatureException($"a differencing VHDX is as long as its parent: {parent.VirtualSize} bytes, not {size}");
        var reference = options.ParentReference ?? throw new ArgumentException("a differencing VHDX needs the path of its parent");
        var (relative, absolute) = ParentPaths.Both(reference, host);
        var locator = new Dictionary<string, string>(StringComparer.Ordinal) { [Linkage] = vhdx.DataWriteGuid.ToString("B") };
        if (relative is not null)
            locator["relative_path"] = relative;
        if (absolute is not null)
            locator["absolute_win32_path"] = absolute;
        if (locator.Values.Any(v => v.Length > ushort.MaxValue / 2))
            throw new ArgumentException($"the parent's path is longer than {ushort.MaxValue / 2} characters");
        return locator;
    }

    internal static int SectorSizeOf(Container parent) => parent is VhdxImage vhdx ? vhdx.Parts.Layout.Metadata.LogicalSectorSize : 512;

    private static DiskFormatException? Mismatch(Container parent, VhdxMetadata metadata, string? path)
    {
        if (parent is not VhdxImage vhdx)
            return new("VHDX-0022", "VhdxParentLocator", -1, $"found a {parent.Format.Description} image in {path}, expected the parent, a VHDX");
        if (IsLinked(metadata, Linkage, vhdx) || IsLinked(metadata, Linkage2, vhdx))
            return null;
        return new("VHDX-0021", "VhdxParentLocator.parent_linkage", -1, $"found the data identifier {vhdx.DataWriteGuid:B} in {path}, expected {metadata.Locator.GetValueOrDefault(Linkage, "one to be noted")}: "
            + "this is another disk than the one that the image is a difference to, or it was changed since");
    }

    private static bool IsLinked(VhdxMetadata metadata, string key, VhdxImage parent) =>
        metadata.Locator.TryGetValue(key, out var text) && Guid.TryParse(text, out var id) && id == parent.DataWriteGuid;
}
