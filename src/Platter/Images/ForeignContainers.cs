using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.Images;

/// <summary>Formats that are known by their first (or last) bytes but not opened. Taking one for a raw disk would show nonsense at best, and
/// let somebody overwrite it at worst.</summary>
internal static class ForeignContainers
{
    // Each magic stands where its format's own documentation (or the program named) puts it.
    internal static void Refuse(ContainerProbe probe)
    {
        if (!probe.IsPlain && Name(probe) is { } name)
            throw new UnsupportedFeatureException($"the image is {name}, which Platter does not open");
    }

    private static string? Name(ContainerProbe probe) => Disk(probe) ?? (HasBootSignature(probe) ? null : Packed(probe));

    private static string? Disk(ContainerProbe probe)
    {
        if ((ContainerProbe.MayBeVhdFooter(probe.Head.Span) || ContainerProbe.MayBeVhdFooter(probe.Tail.Span)) && Vhd(probe) is { } vhd)
            return vhd;
        if (probe.HeadHas(0, "QFI\xFB"u8[..3]) && probe.HeadHas(3, [0xFB]))
            return "a qcow image";
        if (probe.HeadHas(0, "QED\0"u8))
            return "a QED image";
        if (probe.HeadHas(0, "COWD"u8))
            return "a sparse VMDK extent of ESX";
        if (probe.HeadHas(0, "WithoutFreeSpace"u8) || probe.HeadHas(0, "WithouFreSpacExt"u8))
            return "a Parallels disk";
        if (probe.HeadHas(0, "MComprHD"u8))
            return "a CHD";
        if (probe.TailHas("koly"u8))
            return "an Apple disk image (UDIF)";
        if (probe.HeadHas(0, [0x45, 0x56, 0x46, 0x09, 0x0D, 0x0A, 0xFF, 0x00]) || probe.HeadHas(0, "EVF2\r\n\x81"u8[..6]))
            return "an EnCase image";
        if (probe.HeadHas(0, "AFF10\r\n\0"u8))
            return "an AFF image";
        if (probe.HeadHas(0, "MSWIM\0\0\0"u8))
            return "a Windows image (WIM)";
        return probe.HeadHas(0, "#!/bin/sh\n#V2.0 Format"u8) ? "a cloop image" : null;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string? Vhd(ContainerProbe probe)
    {
        if (!VhdFooter.TryView(probe.Head.Span, out var footer) && !VhdFooter.TryView(probe.Tail.Span, out footer))
            return null;
        return footer.Type == VhdType.Fixed ? "a fixed VHD that has lost its end" : $"a VHD of the unknown type {footer.DiskType}";
    }

    private static string? Packed(ContainerProbe probe)
    {
        if (probe.HeadHas(0, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]))
            return "a 7-Zip archive";
        return probe.HeadHas(0, [0x50, 0x4B, 0x03, 0x04]) ? "a ZIP archive" : null;
    }

    internal static bool HasBootSignature(ContainerProbe probe) => probe.HeadHas(510, [0x55, 0xAA]);
}
