namespace Platter.FileSystems.Ntfs;

/// <summary>The content of an attribute that is edited: in its record as long as it fits there, else in clusters. It grows, shrinks, gets holes.</summary>
/// <remarks>
/// <para>What changes is in memory until <see cref="Seal"/> makes attributes of it, at the end of the edit; the bytes go to the volume at once.
/// Those of a structure (<see cref="Write"/>) are undone with the edit. Content of users (<see cref="Prepare"/>, then <see cref="Put"/>) is not: it is
/// put when nothing else of the edit can fail any more.</para>
/// <para>Space behind the initialized length, and that of new clusters, holds zeros or is never shown.</para>
/// </remarks>
internal sealed partial class NtfsContentEditor
{
    private readonly NtfsFileEditor _file;
    private byte[]? _value;
    private bool _isChanged;
    private long _changedFrom = long.MaxValue, _changedTo;      // clusters whose map is to be stored anew

    public NtfsContentEditor(NtfsFileEditor file, NtfsHeld first)
    {
        _file = file;
        Type = first.Type;
        Name = first.Name;
        Parse(first.Bytes!, out var attribute);
        Flags = attribute.Flags;
        if (attribute.IsResident)
        {
            // Of two nobody could say which one is to change.
            if (file.Extents(Type, Name).Count > 1)
                throw new DiskFormatException("NTFS-0115", Structure, file.Base.Offset, "is there twice, or has extents though it is resident");
            _value = attribute.Value.ToArray();
            Length = Initialized = _value.Length;
            return;
        }
        Length = (long)(ulong)attribute.NonResident.DataSize;
        Initialized = Math.Min(Length, (long)(ulong)attribute.NonResident.InitializedSize);
        CompressionUnit = attribute.NonResident.CompressionUnit;
        foreach (var held in file.Extents(Type, Name))
        {
            Parse(file.Loaded(held).Bytes!, out var extent);
            if (extent.IsResident || extent.LowestVcn != Runs.End)
                throw new DiskFormatException("NTFS-0120", Structure, file.Base.Offset, $"an extent starts at cluster {extent.LowestVcn}, expected {Runs.End}");
            if (Runs.Decode(extent.RunBytes, extent.EndVcn, Geometry.ClusterCount) is { } problem)
                throw new DiskFormatException("NTFS-0200", Structure, file.Base.Offset, problem);
        }
        if (Length > Runs.End << Geometry.ClusterShift)
            throw new DiskFormatException("NTFS-0201", Structure, file.Base.Offset, $"{Length} bytes need more than its {Runs.End} clusters");
    }

    public NtfsAttributeType Type { get; }
    public string Name { get; }

    /// <summary>Bytes.</summary>
    public long Length { get; private set; }

    /// <summary>Bytes that were written; behind them zeros are read.</summary>
    public long Initialized { get; private set; }

    public NtfsAttributeFlags Flags { get; private set; }
    public byte CompressionUnit { get; private set; }
    public NtfsRunList Runs { get; private set; } = new();
    public bool IsResident => _value is not null;
    public bool IsCompressed => (Flags & NtfsAttributeFlags.CompressionMask) != 0 && !IsResident;
    public bool IsEncrypted => (Flags & NtfsAttributeFlags.Encrypted) != 0;
    public bool IsSparse => (Flags & NtfsAttributeFlags.Sparse) != 0;
    public ReadOnlySpan<byte> Value => _value;
    public string Structure => _file.Structure(Type, Name);

    /// <summary>Bytes that the content takes, as copies of names tell them.</summary>
    public long Allocated => IsResident ? Length + 7 & ~7 : Sizes.HasTotal ? Sizes.TotalAllocated : Runs.End << Geometry.ClusterShift;

    private NtfsSizes Sizes
    {
        get
        {
            var sizes = new NtfsSizes(Flags, CompressionUnit, Runs.End << Geometry.ClusterShift, Length, Initialized, 0);
            return sizes.HasTotal ? sizes with { TotalAllocated = Runs.Allocated << Geometry.ClusterShift } : sizes;
        }
    }

    private NtfsEditState State => _file.State;
    private NtfsGeometry Geometry => State.Geometry;

    /// <summary>Reads all of <paramref name="buffer"/>, which lies within the content.</summary>
    public void Read(long offset, Span<byte> buffer)
    {
        var written = (int)Math.Clamp(Initialized - offset, 0, buffer.Length);
        buffer[written..].Clear();
        buffer = buffer[..written];
        if (IsCompressed)
        {
            ReadCompressed(offset, buffer);
            return;
        }
        if (_value is not null)
        {
            if (written > 0)
                _value.AsSpan((int)offset, written).CopyTo(buffer);
            return;
        }
        for (var done = 0; done < buffer.Length;)
        {
            var (place, count) = Place(offset + done, buffer.Length - done);
            if (place < 0)
                buffer.Slice(done, count).Clear();
            else
                State.Changes.Read(place, buffer.Slice(done, count));
            done += count;
        }
    }

    /// <summary>All of it.</summary>
    public byte[] ReadAll(int most)
    {
        if (Length > most)
            throw new UnsupportedFeatureException($"{Structure} has {Length} bytes, expected at most {most}");
        var bytes = new byte[Length];
        Read(0, bytes);
        return bytes;
    }

    /// <summary>Writes a part of a structure, making room for it.</summary>
    /// <exception cref="DiskFormatException">It is compressed, as no structure may be.</exception>
    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        RefuseCompressed();
        if (!IsWritten(offset, offset + data.Length))
            Prepare(offset, offset + data.Length);
        Put(offset, data, isContent: false);
    }

    /// <summary>Makes room for what is to be written, and makes the length reach its end.</summary>
    /// <param name="offset">Where it starts, in bytes.</param>
    /// <param name="end">The first byte behind it.</param>
    /// <exception cref="VolumeFullException">There is none.</exception>
    /// <exception cref="DiskFormatException">It is compressed: content is written at once then, and a structure may not be.</exception>
    public void Prepare(long offset, long end)
    {
        RequireOpen();
        Changed();
        if (_value is not null)
        {
            var length = Math.Max(end, Length);
            if (length == Length || FitsRecord(length))
            {
                if (length > Length)
                    Array.Resize(ref _value, (int)length);
                Length = Initialized = length;
                return;
            }
            Spill();
        }
        RefuseCompressed();
        var first = offset >> Geometry.ClusterShift;
        var behind = Geometry.ClustersFor(end);
        if (first > Runs.End && !TryAddHole(first))
            first = Runs.End;
        Allocate(first, behind, offset, end);
        if (Initialized < offset)
            Zero(Initialized, offset);
        Length = Math.Max(Length, end);
        Initialized = Math.Max(Initialized, end);
    }

    /// <summary>Puts bytes where <see cref="Prepare"/> has made room.</summary>
    /// <param name="offset">Where they start.</param>
    /// <param name="data">The bytes.</param>
    /// <param name="isContent">Whether they go past the structures' pages; see the remarks of this class.</param>
    public void Put(long offset, ReadOnlySpan<byte> data, bool isContent)
    {
        if (_value is not null)
        {
            data.CopyTo(_value.AsSpan((int)offset));
            Changed();
            return;
        }
        for (var done = 0; done < data.Length;)
        {
            var (place, count) = Place(offset + done, data.Length - done);
            if (isContent)
                State.Changes.WriteContent(place, data.Slice(done, count), State.Space.IsFreshRange(place, count));
            else
                State.Changes.Write(place, data.Slice(done, count));
            done += count;
        }
    }

    /// <summary>Cuts the content off, or lengthens it with zeros.</summary>
    public void SetLength(long value)
    {
        if (value == Length)
            return;
        RequireOpen();
        Changed();
        if (_value is not null && (value < Length || FitsRecord(value)))
        {
            Array.Resize(ref _value, (int)value);
            Length = Initialized = value;
            return;
        }
        if (value < Length)
        {
            if (TryReturnToRecord(value))
                return;
            Cut(WholeUnits(Geometry.ClustersFor(value)));
            Length = value;
            Initialized = Math.Min(Initialized, value);
            return;
        }
        if (_value is not null)
            Spill();
        if (IsCompressed)
        {
            GrowCompressed(value);
            return;
        }
        var clusters = WholeUnits(Geometry.ClustersFor(value));
        if (clusters > Runs.End && !TryAddHole(clusters))
            Allocate(Runs.End, clusters, value, value);
        Length = value;
    }

    /// <summary>Replaces the whole of it by a structure's bytes.</summary>
    public void Replace(ReadOnlySpan<byte> bytes)
    {
        SetLength(bytes.Length);
        Write(0, bytes);
    }

    /// <summary>Gives all clusters back: the attribute goes.</summary>
    public void Release()
    {
        foreach (var run in Runs.Runs)
        {
            if (!run.IsHole)
                State.Space.Release(run.Lcn, run.Count);
        }
        Runs.Truncate(0);
        _isChanged = false;
    }

    /// <summary>Says that so many bytes are initialized; for structures that were written past this.</summary>
    public void SetSizes(long length)
    {
        Changed();
        Length = Initialized = length;
    }

    private static void Parse(byte[] bytes, out NtfsAttribute attribute) => NtfsAttribute.Parse(bytes, 0, out attribute, out _);

    private void Changed()
    {
        _isChanged = true;
        _file.Changed();
    }

    private void RefuseCompressed()
    {
        if (IsCompressed)
            throw new DiskFormatException("NTFS-0217", Structure, _file.Base.Offset, "is compressed, as only the content of users may be");
    }

    // Whether bytes in clusters were written before, so that nothing but them changes.
    private bool IsWritten(long offset, long end)
    {
        if (_value is not null || IsCompressed || end > Initialized || IsEncrypted)
            return false;
        for (var vcn = offset >> Geometry.ClusterShift; vcn < Geometry.ClustersFor(end);)
        {
            if (Runs.Find(vcn) is not { IsHole: false } run)
                return false;
            vcn = run.End;
        }
        return true;
    }

    private void RequireOpen()
    {
        if (IsEncrypted)
            throw new UnsupportedFeatureException($"{Structure} is encrypted (EFS): its content needs a key and can't be changed");
    }
}
