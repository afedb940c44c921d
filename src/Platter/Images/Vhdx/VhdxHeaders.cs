using Platter.Blocks;
using Platter.Primitives;
using static Platter.Images.Vhdx.VhdxFormatConstants;

namespace Platter.Images.Vhdx;

/// <summary>The two headers, and which of them counts.</summary>
/// <param name="Current">The newest valid one.</param>
/// <param name="Slot">0 or 1: which of the two that is; a new one goes into the other place.</param>
internal sealed record VhdxHeaders(VhdxHeader Current, int Slot)
{
    /// <exception cref="DiskFormatException">Neither is valid, or the log can't be where the header says.</exception>
    /// <exception cref="UnsupportedFeatureException">A later version.</exception>
    internal static VhdxHeaders Read(BlockDevice host)
    {
        VhdxHeaders? found = null;
        for (var slot = 0; slot < 2; slot++)
        {
            // With equal numbers (Disk2vhd writes the same header twice) the first one.
            if (TryRead(host, slot) is { } header && (found is null || header.SequenceNumber > found.Current.SequenceNumber))
                found = new VhdxHeaders(header, slot);
        }
        if (found is null)
            throw new DiskFormatException("VHDX-0001", "VhdxHeader", HeaderOffsets[0], "found no valid header, here or at 0x20000, expected \"head\" and a checksum that fits");
        var current = found.Current;
        if (current.Version != 1)
            throw new UnsupportedFeatureException($"the VHDX is of version {(ushort)current.Version}; 1 is known");
        return found;
    }

    /// <summary>A header that is whole; null when it isn't.</summary>
    internal static VhdxHeader? TryRead(BlockDevice host, int slot)
    {
        Span<byte> bytes = stackalloc byte[HeaderSize];
        PageOverlay.ReadBelow(host, HeaderOffsets[slot], bytes);
        var header = OnDisk.View<VhdxHeader>(bytes);
        if (header.Signature != VhdxHeader.SignatureValue)
            return null;
        OnDisk.Edit<VhdxHeader>(bytes).Checksum = 0;
        return Crc32C.Compute(bytes) == header.Checksum ? header : null;
    }

    /// <summary>Writes a header in the place of the older one, with the next sequence number; it counts once that is durable.</summary>
    internal VhdxHeaders WriteNext(BlockDevice host, VhdxHeader header)
    {
        header.SequenceNumber = Current.SequenceNumber + 1;
        return Write(host, header, 1 - Slot);
    }

    /// <summary>Writes a header.</summary>
    internal static VhdxHeaders Write(BlockDevice host, VhdxHeader header, int slot)
    {
        Span<byte> bytes = stackalloc byte[HeaderSize];
        bytes.Clear();
        header.Signature = VhdxHeader.SignatureValue;
        header.Checksum = 0;
        OnDisk.Bytes(ref header).CopyTo(bytes);
        header.Checksum = Crc32C.Compute(bytes);
        OnDisk.Bytes(ref header).CopyTo(bytes);
        host.Write(HeaderOffsets[slot], bytes);
        return new VhdxHeaders(header, slot);
    }
}
