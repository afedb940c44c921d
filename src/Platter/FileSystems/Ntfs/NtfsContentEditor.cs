using Platter.Primitives;

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
    /// <summary>Clusters of a gap that becomes a hole rather than zeros.</summary>
    private const int LeastHole = 16;

    // Bytes of zeros from which on they are not worth writing one by one; and those that are written together with what is before them.
    private const int MostZeros = 1 << 16, MostPadding = 1 << 12;

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

    /// <summary>Takes all of the content of a new file: into its record or compressed at once, else room is made for it.</summary>
    /// <returns>This, when the content is still to be put: see <see cref="PutWhole"/>.</returns>
    public NtfsContentEditor? TryPrepareWhole(ReadOnlySpan<byte> content)
    {
        if (TryWriteAtOnce(0, content))
            return null;
        // The last cluster is filled up with zeros when the content is put.
        var clusters = Geometry.ClustersFor(content.Length);
        Allocate(0, clusters, 0, clusters << Geometry.ClusterShift);
        Length = Initialized = content.Length;
        return this;
    }

    /// <summary>Puts the content that <see cref="TryPrepareWhole"/> made room for, and zeros to the end of its last cluster.</summary>
    public void PutWhole(ReadOnlySpan<byte> content)
    {
        foreach (var run in Runs.Runs)
        {
            var from = run.Vcn << Geometry.ClusterShift;
            var (place, length) = (run.Lcn << Geometry.ClusterShift, run.Count << Geometry.ClusterShift);
            var isFresh = State.Space.IsFresh(run.Lcn, run.Count);
            var part = content[(int)from..(int)Math.Min(content.Length, from + length)];
            if (length - part.Length is > 0 and <= MostPadding)
            {
                var padded = new byte[length];
                part.CopyTo(padded);
                State.Changes.WriteContent(place, padded, isFresh);
                continue;
            }
            State.Changes.WriteContent(place, part, isFresh);
            Zero(from + part.Length, from + length);
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

    /// <summary>Brings a value from its record to clusters.</summary>
    public void Spill()
    {
        if (_value is not { } value)
            return;
        Changed();
        _value = null;
        (_changedFrom, _changedTo) = (0, long.MaxValue);
        if (BeginCompressed())
        {
            WriteCompressed(0, value);
            Seal();
            Changed();
            return;
        }
        Flags &= ~NtfsAttributeFlags.CompressionMask;
        CompressionUnit = 0;
        Allocate(0, Geometry.ClustersFor(value.Length), 0, value.Length);
        Put(0, value, isContent: false);
        Seal();
        Changed();
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

    /// <summary>Makes attributes of what has changed.</summary>
    public void Seal()
    {
        if (!_isChanged)
            return;
        _isChanged = false;
        var held = _file.Extents(Type, Name);
        if (_value is not null)
        {
            _file.Replace(held[0], NtfsAttributeBytes.Resident(Type, Name, _value, Flags));
            for (var i = 1; i < held.Count; i++)
                _file.Remove(held[i]);
        }
        else
        {
            SealRuns(held);
        }
        (_changedFrom, _changedTo) = (long.MaxValue, 0);
    }

    /// <summary>Takes clusters for a range where there are none; what of them is not written now is cleared.</summary>
    /// <param name="first">The first cluster; at most the first that is not mapped.</param>
    /// <param name="behind">The first one behind.</param>
    /// <param name="offset">Where the bytes start that will be written.</param>
    /// <param name="end">Where they end.</param>
    public void Allocate(long first, long behind, long offset, long end)
    {
        for (var vcn = first; vcn < behind;)
        {
            var run = Runs.Find(vcn);
            if (run is { IsHole: false })
            {
                vcn = run.Value.End;
                continue;
            }
            var wanted = Math.Min(behind, run?.End ?? long.MaxValue) - vcn;
            var goal = vcn > 0 && Runs.Find(vcn - 1) is { IsHole: false } before ? before.Lcn + 1 : Goal;
            var taken = Type == NtfsAttributeType.IndexAllocation ? State.Space.TakeForIndex(goal, wanted) : State.Space.Take(goal, wanted);
            if (run is null)
                Runs.Add(taken.Start, taken.Length);
            else
                Runs.Replace(vcn, taken.Length, taken.Start);
            MapChanged(Math.Max(0, vcn - 1), vcn + taken.Length);
            long from = vcn << Geometry.ClusterShift, to = vcn + taken.Length << Geometry.ClusterShift;
            Zero(from, Math.Min(to, offset));
            Zero(Math.Max(from, end), to);
            vcn += taken.Length;
        }
    }

    /// <summary>Where the first clusters should lie; below 0 where that does not matter.</summary>
    public long Goal { get; set; } = -1;

    /// <summary>Says that so many bytes are initialized; for structures that were written past this.</summary>
    public void SetSizes(long length)
    {
        Changed();
        Length = Initialized = length;
    }

    private void SealRuns(List<NtfsHeld> held)
    {
        var sizes = Sizes;
        var first = _file.Loaded(held[0]);
        if (first.IsResident || HasTotal(first) != sizes.HasTotal)
            _changedFrom = 0;
        _changedTo = Math.Max(_changedTo, _changedFrom == 0 ? 1 : 0);
        for (var i = 0; i < held.Count; i++)
        {
            var (from, next) = (held[i].LowestVcn, i + 1 < held.Count ? held[i + 1].LowestVcn : long.MaxValue);
            if (_changedFrom >= next || _changedTo <= from)
                continue;
            if (from >= Runs.End && i > 0)
            {
                _file.Remove(held[i]);
                continue;
            }
            // An extent ends where it did, unless it has grown out of its record: then others follow.
            var to = Math.Min(next, Runs.End);
            _file.Replace(held[i], NtfsAttributeBytes.Extent(Type, Name, Runs, from, to, sizes, Most(from), out var reached));
            while (reached < to)
            {
                var start = reached;
                _file.Add(Type, Name, start, NtfsAttributeBytes.Extent(Type, Name, Runs, start, to, sizes, Most(start), out reached), isOutside: true);
            }
        }
        var bytes = first.Bytes!.ToArray();
        NtfsAttributeBytes.WriteSizes(bytes, sizes);
        if (!bytes.AsSpan().SequenceEqual(first.Bytes))
            _file.Replace(first, bytes);
    }

    // The MFT's own first extent shares record 0 with what else has to be there.
    private int Most(long from) => _file.Number == NtfsMft.MftRecord && from == 0 && Type == NtfsAttributeType.Data ? Geometry.RecordSize * 3 / 8 : _file.Layout.MostAlone;

    private static bool HasTotal(NtfsHeld first)
    {
        Parse(first.Bytes!, out var attribute);
        return attribute.HasTotalAllocated;
    }

    private static void Parse(byte[] bytes, out NtfsAttribute attribute) => NtfsAttribute.Parse(bytes, 0, out attribute, out _);

    private void Changed()
    {
        _isChanged = true;
        _file.Changed();
    }

    private void MapChanged(long from, long to)
    {
        _changedFrom = Math.Min(_changedFrom, from);
        _changedTo = Math.Max(_changedTo, to);
    }

    // Only data has holes, and only where they are worth while.
    private bool TryAddHole(long end)
    {
        if (Type != NtfsAttributeType.Data || _file.Number < NtfsMft.FirstFreeRecord || (!IsSparse && !IsCompressed && end - Runs.End < LeastHole))
            return false;
        MapChanged(Math.Max(0, Runs.End - 1), end);
        Runs.Add(NtfsRun.Hole, end - Runs.End);
        if (!IsSparse && !IsCompressed)
        {
            Flags |= NtfsAttributeFlags.Sparse;
            NtfsStandard.Edit(_file, static (ref NtfsStandardInformation information) => information.Attributes |= (uint)DosAttributes.Sparse);
        }
        return true;
    }

    private void Cut(long end)
    {
        for (var i = Runs.IndexOf(end); i >= 0 && i < Runs.Count; i++)
        {
            var run = Runs[i];
            var kept = Math.Max(0, end - run.Vcn);
            if (!run.IsHole)
                State.Space.Release(run.Lcn + kept, run.Count - kept);
        }
        if (end < Runs.End)
            MapChanged(Math.Max(0, end - 1), long.MaxValue);
        Runs.Truncate(end);
    }

    private bool TryReturnToRecord(long length)
    {
        if (Type == NtfsAttributeType.IndexAllocation || _file.Number < NtfsMft.FirstFreeRecord || length > Geometry.RecordSize / 4 || !FitsRecord(length))
            return false;
        var value = new byte[length];
        Read(0, value);
        Cut(0);
        _value = value;
        Length = Initialized = length;
        CompressionUnit = 0;
        if (IsSparse)
        {
            Flags &= ~NtfsAttributeFlags.Sparse;
            if (!HasOtherSparse())
                NtfsStandard.Edit(_file, static (ref NtfsStandardInformation information) => information.Attributes &= ~(uint)DosAttributes.Sparse);
        }
        return true;
    }

    private bool HasOtherSparse()
    {
        foreach (var held in _file.FindAll(NtfsAttributeType.Data))
        {
            if (held.Name != Name && ((ushort)OnDisk.View<NtfsAttributeHeader>(held.Bytes!).Flags.Raw & (ushort)NtfsAttributeFlags.Sparse) != 0)
                return true;
        }
        return false;
    }

    private bool FitsRecord(long length)
    {
        if (Type == NtfsAttributeType.IndexAllocation || length > Geometry.RecordSize)
            return false;
        var first = _file.Extents(Type, Name)[0];
        return _file.HasRoom(_file.Loaded(first), NtfsAttributeBytes.ResidentLength(Name, (int)length));
    }

    // Holes stay.
    private void Zero(long from, long end)
    {
        while (from < end)
        {
            var (place, count) = Place(from, (int)Math.Min(end - from, int.MaxValue));
            if (place >= 0 && count > MostZeros)
                State.Changes.WriteZeroContent(place, count);
            else if (place >= 0)
                State.Changes.WriteContent(place, new byte[count], State.Space.IsFreshRange(place, count));
            from += count;
        }
    }

    // Where a part of the content is on the volume, and how much of it lies there in one piece.
    private (long Place, int Count) Place(long offset, int length)
    {
        var run = Runs.Find(offset >> Geometry.ClusterShift)
            ?? throw new DiskFormatException("NTFS-0201", Structure, -1, $"cluster {offset >> Geometry.ClusterShift} is not mapped, expected below {Runs.End}");
        var within = offset - (run.Vcn << Geometry.ClusterShift);
        var count = (int)Math.Min(length, (run.Count << Geometry.ClusterShift) - within);
        var place = run.IsHole ? -1 : (run.Lcn << Geometry.ClusterShift) + within;
        return place + count <= State.Changes.Length ? (place, count)
            : throw new DiskFormatException("NTFS-0202", Structure, place, $"is behind the end of the device at {State.Changes.Length} bytes");
    }

    private void RefuseCompressed()
    {
        if (IsCompressed)
            throw new DiskFormatException("NTFS-0217", Structure, _file.Base.Offset, "is compressed, as only the content of users may be");
    }

    // Whether bytes in clusters were written before, so that nothing but them changes.
    private bool IsWritten(long offset, long end)
    {
        if (_value is not null || IsCompressed || end > Initialized || (Flags & NtfsAttributeFlags.Encrypted) != 0)
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
        if ((Flags & NtfsAttributeFlags.Encrypted) != 0)
            throw new UnsupportedFeatureException($"{Structure} is encrypted (EFS): its content needs a key and can't be changed");
    }
}
