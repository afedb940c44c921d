using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>What an attribute holds, wherever it is: sizes, and the bytes or clusters.</summary>
/// <remarks>Reading here takes clusters as they are; compressed content is unpacked above.</remarks>
internal sealed class NtfsContent
{
    private readonly byte[]? _resident;
    private readonly BlockDevice _device;
    private readonly int _clusterShift;
    private readonly NtfsAttributeLabel _label;

    private NtfsContent(BlockDevice device, NtfsGeometry geometry, NtfsAttributeLabel label, byte[]? resident, NtfsRunList runs)
    {
        _device = device;
        _resident = resident;
        _clusterShift = geometry.ClusterShift;
        _label = label;
        Runs = runs;
    }

    /// <summary>What messages call it.</summary>
    public string Structure => _label.ToString();

    public required NtfsAttributeFlags Flags { get; init; }

    /// <summary>Bytes of the content.</summary>
    public required long Length { get; init; }

    /// <summary>Bytes that were written; behind them, up to <see cref="Length"/>, zeros are read.</summary>
    public required long Initialized { get; init; }

    /// <summary>Bytes of clusters that are really there.</summary>
    public required long Allocated { get; init; }

    /// <summary>Logarithm of the clusters in a compression unit.</summary>
    public required int CompressionUnit { get; init; }

    public bool IsResident => _resident is not null;
    public bool IsCompressed => (Flags & NtfsAttributeFlags.CompressionMask) != 0 && !IsResident;
    public bool IsEncrypted => (Flags & NtfsAttributeFlags.Encrypted) != 0;

    /// <summary>Empty when resident.</summary>
    public NtfsRunList Runs { get; }

    public ReadOnlySpan<byte> Resident => _resident;

    public BlockDevice Device => _device;
    public int ClusterShift => _clusterShift;

    /// <summary>The content of an attribute that is not there.</summary>
    public static NtfsContent Empty(BlockDevice device, NtfsGeometry geometry, NtfsAttributeLabel label) => new(device, geometry, label, [], new NtfsRunList())
    {
        Flags = NtfsAttributeFlags.None, Length = 0, Initialized = 0, Allocated = 0, CompressionUnit = 0,
    };

    /// <summary>The content of a resident attribute.</summary>
    public static NtfsContent OfResident(BlockDevice device, NtfsGeometry geometry, NtfsAttributeLabel label, in NtfsAttribute attribute)
    {
        var value = attribute.Value.ToArray();
        return new NtfsContent(device, geometry, label, value, new NtfsRunList())
        {
            Flags = attribute.Flags, Length = value.Length, Initialized = value.Length, Allocated = 0, CompressionUnit = 0,
        };
    }

    /// <summary>The content of a non-resident attribute.</summary>
    /// <param name="device">The volume.</param>
    /// <param name="geometry">Its geometry.</param>
    /// <param name="label">What messages call it.</param>
    /// <param name="first">Its first extent.</param>
    /// <param name="runs">Of all extents.</param>
    public static NtfsContent OfRuns(BlockDevice device, NtfsGeometry geometry, NtfsAttributeLabel label, in NtfsAttribute first, NtfsRunList runs)
    {
        ref readonly var header = ref first.NonResident;
        var length = (long)(ulong)header.DataSize;
        return new NtfsContent(device, geometry, label, null, runs)
        {
            Flags = first.Flags,
            Length = length,
            Initialized = Math.Min(length, (long)(ulong)header.InitializedSize),
            Allocated = first.HasTotalAllocated ? Math.Max(0, first.TotalAllocated) : (long)(ulong)header.AllocatedSize,
            CompressionUnit = header.CompressionUnit,
        };
    }

    /// <summary>Plain content of which the map is known.</summary>
    public static NtfsContent OfMap(BlockDevice device, NtfsGeometry geometry, NtfsAttributeLabel label, NtfsRunList runs, long length) =>
        OfMap(device, geometry, label, runs, new NtfsSizes(NtfsAttributeFlags.None, 0, runs.End << geometry.ClusterShift, length, length, 0));

    /// <summary>Content of which map and sizes are known.</summary>
    public static NtfsContent OfMap(BlockDevice device, NtfsGeometry geometry, NtfsAttributeLabel label, NtfsRunList runs, NtfsSizes sizes) => new(device, geometry, label, null, runs)
    {
        Flags = sizes.Flags, Length = sizes.Length, Initialized = sizes.Initialized, Allocated = sizes.Allocated, CompressionUnit = sizes.CompressionUnit,
    };

    /// <summary>Reads all of <paramref name="buffer"/>, which lies within the content.</summary>
    /// <exception cref="DiskFormatException">Clusters that should be there are not mapped, or behind the end of the device.</exception>
    public void Read(long offset, Span<byte> buffer)
    {
        var written = (int)Math.Clamp(Initialized - offset, 0, buffer.Length);
        buffer[written..].Clear();
        buffer = buffer[..written];
        if (_resident is null)
            ReadClusters(offset, buffer);
        else if (written > 0)
            _resident.AsSpan((int)offset, written).CopyTo(buffer);
    }

    /// <summary>Reads from the clusters, whatever the sizes say.</summary>
    public void ReadClusters(long offset, Span<byte> buffer)
    {
        for (var done = 0; done < buffer.Length;)
        {
            var at = offset + done;
            var run = Runs.Find(at >> _clusterShift)
                ?? throw new DiskFormatException("NTFS-0201", Structure, -1, $"{Length} bytes need cluster {at >> _clusterShift}, expected below {Runs.End}");
            var within = at - (run.Vcn << _clusterShift);
            var part = buffer.Slice(done, (int)Math.Min(buffer.Length - done, (run.Count << _clusterShift) - within));
            if (run.IsHole)
                part.Clear();
            else
                ReadDevice((run.Lcn << _clusterShift) + within, part);
            done += part.Length;
        }
    }

    /// <inheritdoc cref="VolumeStream.FindOnHost"/>
    internal HostExtent? FindOnHost(long offset, long length)
    {
        if (Runs.Find(offset >> _clusterShift) is not { IsHole: false } run)
            return null;
        var within = offset - (run.Vcn << _clusterShift);
        return _device.FindOnHostWithin((run.Lcn << _clusterShift) + within, Math.Min(length, (run.Count << _clusterShift) - within));
    }

    /// <summary>All of it, for structures that are held whole.</summary>
    /// <param name="most">Bytes that are legal.</param>
    /// <param name="code">The finding's id when it is longer.</param>
    public byte[] ReadAll(int most, string code)
    {
        if (Length > most)
            throw new DiskFormatException(code, Structure, -1, $"has {Length} bytes, expected at most {most}");
        var bytes = new byte[Length];
        Read(0, bytes);
        return bytes;
    }

    private void ReadDevice(long at, Span<byte> part)
    {
        if (at + part.Length > _device.Length)
            throw new DiskFormatException("NTFS-0202", Structure, at, $"cluster {at >> _clusterShift} is behind the end of the device at {_device.Length} bytes");
        _device.Read(at, part);
    }
}
