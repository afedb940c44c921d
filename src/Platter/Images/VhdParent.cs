using System.Globalization;
using System.Text;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images;

/// <summary>How a differencing VHD finds its parent, and knows that it is the right one.</summary>
internal static class VhdParent
{
    private const int LongestPath = 64 << 10;       // bytes; Windows' limit is 32,767 characters

    // In the order they are tried: relative ones survive when the folder is moved.
    private static readonly uint[] Codes = [VhdParentLocator.W2ru, VhdParentLocator.W2ku, VhdParentLocator.MacX, VhdParentLocator.Wi2r, VhdParentLocator.Wi2k];

    /// <summary>Finds and opens the parent.</summary>
    /// <exception cref="FileNotFoundException">It is in none of the places that are noted.</exception>
    /// <exception cref="DiskFormatException">What is there is another disk (<c>VHD-0027</c>), has been changed since (<c>VHD-0028</c>), or is no VHD (<c>VHD-0030</c>).</exception>
    internal static Container Open(ContainerProbe probe, VhdParts parts)
    {
        var paths = Paths(probe.Host, parts.Header);
        DiskFormatException? refused = null;
        foreach (var path in paths.Where(probe.Neighbours.Exists).DistinctBy(probe.Neighbours.Resolve, StringComparer.Ordinal))
        {
            var parent = probe.Neighbours.OpenImage(path);
            refused = Mismatch(parent, parts, probe.Neighbours.Resolve(path));
            if (refused is null)
                return parent;
            parent.Dispose();
        }
        if (refused is not null)
            throw refused;
        throw ParentPaths.Missing(probe.Neighbours, paths, $"the VHD with the identifier {parts.Header.ParentUniqueId}");
    }

    /// <summary>Where the paths lie in the file, as far as they do.</summary>
    internal static IReadOnlyList<ByteRange> PathRanges(in VhdDynamicHeader header, BlockDevice host) => PathRanges(header, host.Length);

    /// <inheritdoc cref="PathRanges(in VhdDynamicHeader, BlockDevice)"/>
    internal static IReadOnlyList<ByteRange> PathRanges(in VhdDynamicHeader header, long hostLength)
    {
        var ranges = new List<ByteRange>();
        foreach (var locator in header.ParentLocators)
        {
            if (locator.PlatformCode != 0 && (uint)locator.DataLength is > 0 and <= LongestPath && locator.DataOffset <= (ulong)hostLength && locator.DataLength <= (ulong)hostLength - locator.DataOffset)
                ranges.Add(new ByteRange((long)(ulong)locator.DataOffset, locator.DataLength));
        }
        return ranges;
    }

    /// <summary>The paths under which the parent may be, the likeliest first.</summary>
    internal static List<string> Paths(BlockDevice host, VhdDynamicHeader header)
    {
        var paths = new List<string>();
        foreach (var code in Codes)
        {
            foreach (var locator in header.ParentLocators)
            {
                if (locator.PlatformCode == code && Text(host, locator) is { Length: > 0 } path)
                    ParentPaths.AddSpellings(paths, path);
            }
        }
        if (header.ParentFileName is { Length: > 0 } name)
            ParentPaths.AddName(paths, name);
        return paths;
    }

    /// <summary>Checks that an image can be the parent of a new one.</summary>
    /// <exception cref="UnsupportedFeatureException">It is no VHD, or not of this size.</exception>
    internal static Container Suitable(Container parent, long size)
    {
        if (parent is not IVhdImage)
            throw new UnsupportedFeatureException($"a differencing VHD needs a VHD as its parent, not a {parent.Format.Description} image");
        if (parent.VirtualSize != size)
            throw new UnsupportedFeatureException($"a differencing VHD is as long as its parent: {parent.VirtualSize} bytes, not {size}");
        return parent;
    }

    /// <summary>Enters the parent into a new image's header.</summary>
    /// <returns>The bytes of the paths, whole sectors, to be written at <paramref name="offset"/>.</returns>
    internal static byte[] Enter(ref VhdDynamicHeader header, Container parent, ContainerOptions options, BlockDevice host, long offset)
    {
        var footer = ((IVhdImage)parent).Footer;
        header.ParentUniqueId = footer.UniqueId;
        header.ParentTimeStamp = footer.TimeStamp;
        var reference = options.ParentReference ?? throw new ArgumentException("a differencing VHD needs the path of its parent");
        var (relative, absolute) = ParentPaths.Both(reference, host);
        header.ParentFileName = Path.GetFileName(reference);
        using var data = new MemoryStream();
        var used = 0;
        foreach (var (code, path) in new[] { (VhdParentLocator.W2ru, relative), (VhdParentLocator.W2ku, absolute) })
        {
            if (path is null)
                continue;
            var bytes = Encoding.Unicode.GetBytes(path);
            var space = (bytes.Length + VhdDisk.Sector - 1) / VhdDisk.Sector * VhdDisk.Sector;
            if (bytes.Length > LongestPath)
                throw new ArgumentException($"the parent's path is longer than {LongestPath / 2} characters");
            header.ParentLocators[used++] = new VhdParentLocator
            {
                PlatformCode = code, DataSpace = (uint)space, DataLength = (uint)bytes.Length, DataOffset = (ulong)(offset + data.Length),
            };
            data.Write(bytes);
            data.SetLength(data.Length + space - bytes.Length);
            data.Position = data.Length;
        }
        return data.ToArray();
    }

    private static DiskFormatException? Mismatch(Container parent, VhdParts parts, string? path)
    {
        if (parent is not IVhdImage { Footer: var footer })
            return new("VHD-0030", "VhdDynamicHeader.parentUniqueId", -1, $"found a {parent.Format.Description} image in {path}, expected the parent, a VHD");
        if ((Guid)footer.UniqueId != parts.Header.ParentUniqueId)
        {
            return new("VHD-0027", "VhdDynamicHeader.parentUniqueId", -1,
                $"found the identifier {footer.UniqueId} in {path}, expected {parts.Header.ParentUniqueId}: this is another disk than the one that the image is a difference to");
        }
        uint expected = parts.Header.ParentTimeStamp;
        if (expected == 0 || expected == footer.TimeStamp || (!parts.Footer.IsWindows && IsTimeOf(path, expected)))
            return null;
        return new("VHD-0028", "VhdDynamicHeader.parentTimeStamp", -1, string.Create(CultureInfo.InvariantCulture,
            $"found the time {(uint)footer.TimeStamp} in {path}, expected {expected}: the parent was changed after the difference was made, and what they give together is no longer a disk"));
    }

    // The specification means the time when the file was last written, and VirtualBox, Xen and DiscUtils note that; Windows (and Platter) note
    // the time in the parent's footer. Archives keep times in steps of two seconds.
    private static bool IsTimeOf(string? path, uint time) => path is not null && Math.Abs((long)VhdFooter.Time(new DateTimeOffset(File.GetLastWriteTimeUtc(path))) - time) <= 2;

    private static string? Text(BlockDevice host, in VhdParentLocator locator)
    {
        if ((uint)locator.DataLength is 0 or > LongestPath || locator.DataOffset > (ulong)host.Length || locator.DataLength > (ulong)host.Length - locator.DataOffset)
            return null;
        var bytes = new byte[locator.DataLength];
        host.Read((long)(ulong)locator.DataOffset, bytes);
        var text = (uint)locator.PlatformCode switch
        {
            VhdParentLocator.W2ru or VhdParentLocator.W2ku => Encoding.Unicode.GetString(bytes),
            VhdParentLocator.MacX => Uri.TryCreate(Encoding.UTF8.GetString(bytes).TrimEnd('\0'), UriKind.Absolute, out var uri) && uri.IsFile ? uri.LocalPath : "",
            _ => Encoding.Latin1.GetString(bytes),
        };
        return text.Split('\0')[0];
    }
}
