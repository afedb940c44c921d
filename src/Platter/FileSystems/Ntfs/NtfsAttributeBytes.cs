using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Sizes and form of a non-resident attribute, as its first extent tells them.</summary>
/// <param name="Flags">Compressed, sparse, encrypted.</param>
/// <param name="CompressionUnit">Logarithm of a unit in clusters; 0 when not compressed.</param>
/// <param name="Allocated">Bytes of all clusters, holes counted.</param>
/// <param name="Length">Bytes of the content.</param>
/// <param name="Initialized">Bytes that were written.</param>
/// <param name="TotalAllocated">Bytes of clusters that are really there; stored of compressed and sparse attributes alone.</param>
internal readonly record struct NtfsSizes(NtfsAttributeFlags Flags, byte CompressionUnit, long Allocated, long Length, long Initialized, long TotalAllocated)
{
    /// <summary>Whether the head is the longer one.</summary>
    public bool HasTotal => (Flags & (NtfsAttributeFlags.CompressionMask | NtfsAttributeFlags.Sparse)) != 0;
}

/// <summary>Makes attributes as they stand in records. Their instance numbers come with their place.</summary>
internal static class NtfsAttributeBytes
{
    /// <summary>Bytes of a resident attribute.</summary>
    public static int ResidentLength(string name, int valueLength) => (NtfsResidentHeader.Size + 2 * name.Length + 7 & ~7) + valueLength + 7 & ~7;

    /// <summary>Bytes of an extent before its run list.</summary>
    public static int ExtentHead(string name, bool hasTotal) => (hasTotal ? NtfsNonResidentHeader.SizeWithCompressed : NtfsNonResidentHeader.Size) + 2 * name.Length + 7 & ~7;

    /// <summary>A resident attribute.</summary>
    public static byte[] Resident(NtfsAttributeType type, string name, ReadOnlySpan<byte> value, NtfsAttributeFlags flags = NtfsAttributeFlags.None)
    {
        var bytes = new byte[ResidentLength(name, value.Length)];
        ref var head = ref OnDisk.Edit<NtfsResidentHeader>(bytes);
        head.Common.Type = type;
        head.Common.Length = (uint)bytes.Length;
        head.Common.NameLength = (byte)name.Length;
        head.Common.NameOffset = NtfsResidentHeader.Size;
        head.Common.Flags.Value = flags;
        head.ValueLength = (uint)value.Length;
        head.ValueOffset = (ushort)(NtfsResidentHeader.Size + 2 * name.Length + 7 & ~7);
        head.ResidentFlags = type == NtfsAttributeType.FileName ? NtfsResidentHeader.IndexedFlag : (byte)0;
        MemoryMarshal.AsBytes(name.AsSpan()).CopyTo(bytes.AsSpan(NtfsResidentHeader.Size));
        value.CopyTo(bytes.AsSpan(head.ValueOffset));
        return bytes;
    }

    /// <summary>One extent of a non-resident attribute.</summary>
    /// <param name="type">What it is.</param>
    /// <param name="name">Its name.</param>
    /// <param name="runs">Of the whole attribute.</param>
    /// <param name="from">The first cluster of the extent; 0 writes the sizes too.</param>
    /// <param name="sizes">Of the whole attribute.</param>
    /// <param name="to">The first cluster that is not to be in the extent.</param>
    /// <param name="most">Bytes that the extent may take.</param>
    /// <param name="reached">The first cluster that had no room.</param>
    public static byte[] Extent(NtfsAttributeType type, string name, NtfsRunList runs, long from, long to, NtfsSizes sizes, int most, out long reached)
    {
        var hasTotal = from == 0 && sizes.HasTotal;
        var start = ExtentHead(name, hasTotal);
        var bytes = new byte[most];
        var length = start + runs.Encode(from, to, bytes.AsSpan(start), out reached) + 7 & ~7;
        Array.Resize(ref bytes, length);
        ref var head = ref OnDisk.Edit<NtfsNonResidentHeader>(bytes);
        head.Common.Type = type;
        head.Common.Length = (uint)length;
        head.Common.NonResident = 1;
        head.Common.NameLength = (byte)name.Length;
        head.Common.NameOffset = (ushort)(hasTotal ? NtfsNonResidentHeader.SizeWithCompressed : NtfsNonResidentHeader.Size);
        head.LowestVcn = (ulong)from;
        head.HighestVcn = unchecked((ulong)(reached - 1));
        head.RunListOffset = (ushort)start;
        MemoryMarshal.AsBytes(name.AsSpan()).CopyTo(bytes.AsSpan(head.Common.NameOffset));
        head.Common.Flags.Value = sizes.Flags;
        if (from == 0)
            WriteSizes(bytes, sizes);
        return bytes;
    }

    /// <summary>Puts the sizes into a first extent whose head has the right form.</summary>
    public static void WriteSizes(byte[] extent, NtfsSizes sizes)
    {
        ref var head = ref OnDisk.Edit<NtfsNonResidentHeader>(extent);
        head.Common.Flags.Value = sizes.Flags;
        head.CompressionUnit = sizes.CompressionUnit;
        head.AllocatedSize = (ulong)sizes.Allocated;
        head.DataSize = (ulong)sizes.Length;
        head.InitializedSize = (ulong)sizes.Initialized;
        if (sizes.HasTotal)
            OnDisk.Edit<NtfsCompressedSize>(extent, NtfsCompressedSize.Offset).TotalAllocated = (ulong)sizes.TotalAllocated;
    }
}

/// <summary>One attribute, or one extent of it, of a file that is edited.</summary>
internal sealed class NtfsHeld
{
    /// <summary>In <see cref="Record"/>: the base record, unless it is too full.</summary>
    public const long Anywhere = -1;

    /// <summary>In <see cref="Instance"/>: none yet.</summary>
    public const ushort NoInstance = ushort.MaxValue;

    /// <summary>In <see cref="Record"/>: not the base record.</summary>
    public const long Outside = -2;

    public required NtfsAttributeType Type { get; init; }
    public required string Name { get; init; }
    public required long LowestVcn { get; init; }

    /// <summary>The record that it is in, or one of the above while it has no place.</summary>
    public long Record { get; set; } = Anywhere;

    /// <summary>Which attribute there; <see cref="NoInstance"/> until it was stored there.</summary>
    public ushort Instance { get; set; } = NoInstance;

    /// <summary>The attribute as it stands in its record; null until that was read.</summary>
    public byte[]? Bytes { get; set; }

    public bool HasPlace => Record >= 0;
    public bool IsResident => Bytes![8] == 0;

    /// <summary>The value of a resident attribute.</summary>
    public ReadOnlySpan<byte> Value
    {
        get
        {
            ref readonly var head = ref OnDisk.View<NtfsResidentHeader>(Bytes!);
            return Bytes.AsSpan(head.ValueOffset, (int)(uint)head.ValueLength);
        }
    }
}
