using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>One attribute in a record, its head verified: for reading and for checking alike.</summary>
internal readonly ref struct NtfsAttribute
{
    private readonly ReadOnlySpan<byte> _bytes;

    private NtfsAttribute(ReadOnlySpan<byte> bytes, int offset)
    {
        _bytes = bytes;
        Offset = offset;
    }

    /// <summary>Bytes from the start of the record.</summary>
    public int Offset { get; }

    /// <summary>The whole attribute.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    public int Length => _bytes.Length;
    public ref readonly NtfsAttributeHeader Header => ref OnDisk.View<NtfsAttributeHeader>(_bytes);
    public NtfsAttributeType Type => Header.Type;
    public NtfsAttributeFlags Flags => Header.Flags.Value;
    public ushort Instance => Header.Instance;
    public bool IsResident => Header.NonResident == 0;
    public ReadOnlySpan<char> Name => NtfsCollation.Units(_bytes.Slice(Header.NameLength == 0 ? 0 : Header.NameOffset, 2 * Header.NameLength));

    /// <summary>The value of a resident attribute.</summary>
    public ReadOnlySpan<byte> Value
    {
        get
        {
            ref readonly var resident = ref OnDisk.View<NtfsResidentHeader>(_bytes);
            return _bytes.Slice(resident.ValueOffset, (int)(uint)resident.ValueLength);
        }
    }

    /// <summary>Only of a non-resident attribute.</summary>
    public ref readonly NtfsNonResidentHeader NonResident => ref OnDisk.View<NtfsNonResidentHeader>(_bytes);

    /// <summary>The first cluster that this extent maps; 0 for a resident attribute.</summary>
    public long LowestVcn => IsResident ? 0 : (long)(ulong)NonResident.LowestVcn;

    /// <summary>The first cluster behind those that this extent maps.</summary>
    public long EndVcn => (long)(ulong)NonResident.HighestVcn + 1;

    /// <summary>From the head of the first run to the end of the attribute.</summary>
    public ReadOnlySpan<byte> RunBytes => _bytes[(ushort)NonResident.RunListOffset..];

    /// <summary>Whether the first extent says, beside its sizes, how many bytes of clusters are really there.</summary>
    public bool HasTotalAllocated => !IsResident && LowestVcn == 0 && (Flags & (NtfsAttributeFlags.CompressionMask | NtfsAttributeFlags.Sparse)) != 0
        && NonResident.RunListOffset >= NtfsNonResidentHeader.SizeWithCompressed && _bytes.Length >= NtfsNonResidentHeader.SizeWithCompressed;

    public long TotalAllocated => (long)(ulong)OnDisk.View<NtfsCompressedSize>(_bytes, NtfsCompressedSize.Offset).TotalAllocated;

    /// <summary>Verifies the attribute at an offset of a record.</summary>
    /// <param name="record">The record, up to its bytes in use.</param>
    /// <param name="offset">A multiple of 8 within it.</param>
    /// <param name="attribute">The attribute; none at the end mark.</param>
    /// <param name="code">The finding's id.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? Parse(ReadOnlySpan<byte> record, int offset, out NtfsAttribute attribute, out string code)
    {
        attribute = default;
        code = "NTFS-0105";
        if (record.Length - offset < 4)
            return "there is no end mark";
        var rest = record[offset..];
        if ((NtfsAttributeType)(uint)OnDisk.View<U32Le>(rest) == NtfsAttributeType.End)
            return null;
        if (rest.Length < NtfsResidentHeader.Size)
            return $"the attribute at {offset} has {rest.Length} bytes left";
        ref readonly var header = ref OnDisk.View<NtfsAttributeHeader>(rest);
        if (header.Length < NtfsResidentHeader.Size || header.Length > rest.Length || (header.Length & 7) != 0)
            return $"the attribute at {offset} has the length {header.Length}, expected a multiple of 8, {NtfsResidentHeader.Size}..{rest.Length}";
        if (header.Type == NtfsAttributeType.None)
            return $"the attribute at {offset} has the type 0";
        if (header.NonResident > 1)
            return $"the attribute at {offset} has the form {header.NonResident}, expected 0 (resident) or 1";
        var parsed = new NtfsAttribute(rest[..(int)(uint)header.Length], offset);
        code = "NTFS-0106";
        if (header.NameLength != 0 && header.NameOffset + 2 * header.NameLength > header.Length)
            return $"the attribute at {offset} has a name at {header.NameOffset} of {header.NameLength} units, past its {header.Length} bytes";
        code = parsed.IsResident ? "NTFS-0107" : "NTFS-0108";
        if ((parsed.IsResident ? parsed.ResidentProblem() : parsed.NonResidentProblem()) is { } problem)
            return $"the attribute 0x{(uint)header.Type:X} at {offset} {problem}";
        attribute = parsed;
        return null;
    }

    /// <summary>Whether this is the end mark's place: nothing was parsed.</summary>
    public bool IsEnd => _bytes.IsEmpty;

    private string? ResidentProblem()
    {
        ref readonly var resident = ref OnDisk.View<NtfsResidentHeader>(_bytes);
        return resident.ValueLength > _bytes.Length || resident.ValueOffset > _bytes.Length - resident.ValueLength || resident.ValueOffset < NtfsResidentHeader.Size
            ? $"has a value of {resident.ValueLength} bytes at {resident.ValueOffset}, expected {NtfsResidentHeader.Size}..{_bytes.Length}"
            : null;
    }

    private string? NonResidentProblem()
    {
        if (_bytes.Length < NtfsNonResidentHeader.Size)
            return $"has {_bytes.Length} bytes, expected at least {NtfsNonResidentHeader.Size}";
        ref readonly var extent = ref NonResident;
        if (extent.RunListOffset < NtfsNonResidentHeader.Size || extent.RunListOffset >= _bytes.Length)
            return $"has a run list at {extent.RunListOffset}, expected {NtfsNonResidentHeader.Size}..{_bytes.Length - 1}";
        long lowest = (long)(ulong)extent.LowestVcn, highest = (long)(ulong)extent.HighestVcn;
        if (lowest < 0 || highest < lowest - 1 || highest > long.MaxValue >> 9)
            return $"maps clusters {lowest}..{highest}";
        if (lowest == 0 && ((long)(ulong)extent.AllocatedSize < 0 || (long)(ulong)extent.DataSize < 0 || (long)(ulong)extent.InitializedSize < 0))
            return $"has the sizes {extent.AllocatedSize}, {extent.DataSize}, {extent.InitializedSize}, expected below 2^63";
        return null;
    }
}
