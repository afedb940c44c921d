namespace Platter.FileSystems.Ntfs;

/// <summary>Looks at what attributes hold: their form, run lists, sizes; and gathers which clusters are in use.</summary>
internal sealed class NtfsCheckerContents(NtfsCheckState state)
{
    private const int CompressionUnit = 4;

    private readonly NtfsGeometry _geometry = state.Geometry;
    private readonly NtfsRunList _runs = new();

    // What the extents of the attribute at hand add up to, in clusters.
    private long _mapped, _allocated;
    private bool _hasHoles, _isBroken, _isShared;

    /// <summary>Looks at all attributes of a file.</summary>
    public void Check(NtfsCheckedFile file)
    {
        var attributes = file.Attributes;
        for (int first = 0, end; first < attributes.Count; first = end)
        {
            for (end = first + 1; end < attributes.Count && IsSame(attributes[first], attributes[end]); end++)
            {
            }
            CheckForm(file, attributes[first]);
            if (!attributes[first].Attribute.IsResident)
                CheckNonResident(file, first, end);
            else if (end > first + 1)
                state.Error("NTFS-0120", Structure(file, attributes[first]), attributes[first].Place, $"is resident, and there {(end == first + 2 ? "is another" : "are others")} of its name");
        }
    }

    /// <summary>The value of a non-resident attribute list, its clusters counted; null when it is not to be used.</summary>
    public byte[]? ReadList(NtfsCheckedFile file, NtfsFoundAttribute list)
    {
        var structure = Structure(file, list);
        Begin();
        AddExtent(file, structure, list);
        CheckSizes(file, structure, list);
        if (_isBroken || _isShared)
            return null;
        try
        {
            // Its own map is never in another record.
            var content = NtfsContent.OfRuns(state.Device, _geometry, structure, list.Attribute, _runs);
            return content.ReadAll(NtfsAttributeListEntry.MaxListLength, "NTFS-0110");
        }
        catch (DiskFormatException e)
        {
            state.Error(e);
            return null;
        }
    }

    /// <summary>Names all attributes that have clusters which more than one has.</summary>
    public void FindOwnersOfShared()
    {
        if (state.Used.Shared.IsEmpty)
            return;
        foreach (var number in state.Facts.With(NtfsFacts.InUse))
        {
            state.Progress("looking for owners of shared clusters", number, state.Facts.Count);
            var record = state.Mft.Load(number, out var problem, out _);
            if (problem is not null)
                continue;
            foreach (var attribute in record.Attributes)
            {
                if (!attribute.IsResident)
                    FindShared(record, attribute);
            }
        }
    }

    private static bool IsSame(NtfsFoundAttribute a, NtfsFoundAttribute b) => a.Type == b.Type && a.Type != NtfsAttributeType.FileName && a.Name == b.Name;

    private static string Structure(NtfsCheckedFile file, NtfsFoundAttribute attribute) =>
        $"{file.Structure}, {NtfsAttributeNames.Of(attribute.Type)}{(attribute.Name.Length == 0 ? "" : ":" + attribute.Name)}";

    private void CheckForm(NtfsCheckedFile file, NtfsFoundAttribute attribute)
    {
        var isResident = attribute.Attribute.IsResident;
        var problem = attribute.Type switch
        {
            NtfsAttributeType.StandardInformation or NtfsAttributeType.FileName or NtfsAttributeType.VolumeName or NtfsAttributeType.VolumeInformation
                or NtfsAttributeType.IndexRoot or NtfsAttributeType.EaInformation when !isResident => "is not resident",
            NtfsAttributeType.IndexAllocation when isResident => "is resident",
            NtfsAttributeType.StandardInformation when attribute.Record != file.Base => $"is in record {attribute.Record.Number}, expected the file's own",
            _ => null,
        };
        if (problem is not null)
            state.Error("NTFS-0123", Structure(file, attribute), attribute.Place, problem);
    }

    private void CheckNonResident(NtfsCheckedFile file, int first, int end)
    {
        Begin();
        var structure = Structure(file, file.Attributes[first]);
        for (var i = first; i < end; i++)
        {
            var extent = file.Attributes[i];
            if (extent.Attribute.IsResident)
                state.Error("NTFS-0120", structure, extent.Place, "an extent is resident");
            else
                AddExtent(file, structure, extent);
        }
        if (_isShared)
            state.Facts[file.Base.Number].Flags |= NtfsFacts.Shares;
        var head = file.Attributes[first];
        if (_isBroken || head.LowestVcn != 0)
            return;
        CheckSizes(file, structure, head);
        CheckSystemFile(file, head);
    }

    private void Begin()
    {
        (_mapped, _allocated) = (0, 0);
        (_hasHoles, _isBroken, _isShared) = (false, false, false);
    }

    // Each extent starts its run list anew.
    private void AddExtent(NtfsCheckedFile file, string structure, NtfsFoundAttribute extent)
    {
        var attribute = extent.Attribute;
        if (attribute.LowestVcn != _mapped)
        {
            // A missing extent was told where its list was.
            if (attribute.LowestVcn < _mapped || !state.Facts[file.Base.Number].Is(NtfsFacts.Partial))
                state.Error("NTFS-0120", structure, extent.Place, $"an extent starts at cluster {attribute.LowestVcn}, expected {_mapped}");
            state.IsIncomplete = true;
            _isBroken = true;
        }
        _mapped = attribute.EndVcn;
        _runs.Truncate(0);
        if (_runs.Decode(attribute.RunBytes, attribute.EndVcn - attribute.LowestVcn, _geometry.ClusterCount) is { } problem)
        {
            state.Error("NTFS-0200", structure, extent.Place, problem);
            state.IsIncomplete = true;
            _isBroken = true;
        }
        else if (NtfsRunList.GoesOn(attribute.RunBytes, attribute.EndVcn - attribute.LowestVcn))
        {
            state.Error("NTFS-0200", structure, extent.Place, $"goes on behind cluster {attribute.EndVcn}, where it is said to end");
        }
        Claim(structure, extent);
        if ((attribute.Flags & NtfsAttributeFlags.CompressionMask) != 0)
            CheckUnits(structure, extent);
    }

    private void Claim(string structure, NtfsFoundAttribute extent)
    {
        var isBehind = false;
        foreach (ref readonly var run in _runs.Runs)
        {
            if (run.IsHole)
            {
                _hasHoles = true;
                continue;
            }
            _allocated += run.Count;
            var there = Math.Min(run.Lcn + run.Count, state.PresentClusters) - run.Lcn;
            isBehind |= there < run.Count;
            if (there > 0)
                _isShared |= !state.Used.Add(run.Lcn, there);
        }
        if (isBehind)
            state.Error("NTFS-0202", structure, extent.Place, $"has clusters behind the end of the device at {state.Device.Length} bytes");
    }

    // Within a unit of a compressed attribute the hole comes last.
    private void CheckUnits(string structure, NtfsFoundAttribute extent)
    {
        var start = extent.LowestVcn;
        for (var i = 1; i < _runs.Count; i++)
        {
            var vcn = start + _runs[i].Vcn;
            if (_runs[i].IsHole || !_runs[i - 1].IsHole || (vcn & (1 << CompressionUnit) - 1) == 0)
                continue;
            state.Error("NTFS-0209", structure, extent.Place, $"has a hole before cluster {vcn}, within a compressed unit");
            return;
        }
    }

    private void CheckSizes(NtfsCheckedFile file, string structure, NtfsFoundAttribute head)
    {
        var attribute = head.Attribute;
        if (_isBroken || attribute.LowestVcn != 0)
            return;
        ref readonly var header = ref attribute.NonResident;
        long allocated = (long)(ulong)header.AllocatedSize, length = (long)(ulong)header.DataSize, initialized = (long)(ulong)header.InitializedSize;
        var shift = _geometry.ClusterShift;
        if (allocated >> shift != _mapped || (allocated & _geometry.ClusterSize - 1) != 0)
            state.Error("NTFS-0205", structure, head.Place + 0x28, $"allocatedSize: found {allocated}, expected {(UInt128)_mapped << shift} for {_mapped} clusters");
        if (_geometry.ClustersFor(length) > _mapped)
            state.Error("NTFS-0201", structure, head.Place + 0x30, $"{length} bytes need {_geometry.ClustersFor(length)} clusters, and there are {_mapped}");
        if (initialized > length)
            state.Error("NTFS-0206", structure, head.Place + 0x38, $"{initialized} bytes are initialised of {length}");
        var isSparse = (attribute.Flags & (NtfsAttributeFlags.Sparse | NtfsAttributeFlags.CompressionMask)) != 0;
        if (isSparse && !attribute.HasTotalAllocated)
            state.Error("NTFS-0207", structure, head.Place, "is sparse or compressed, and does not say how much of it is there");
        else if (isSparse && (attribute.TotalAllocated >> shift != _allocated || (attribute.TotalAllocated & _geometry.ClusterSize - 1) != 0))
            state.Error("NTFS-0207", structure, head.Place + NtfsCompressedSize.Offset, $"totalAllocated: found {attribute.TotalAllocated}, expected {_allocated << shift}");
        if (_hasHoles && !isSparse && !(file.Base.Number == NtfsMft.BadClustersRecord && head.Name == "$Bad"))
            state.Error("NTFS-0208", structure, head.Place, "has holes, and is neither sparse nor compressed");
        if ((attribute.Flags & NtfsAttributeFlags.CompressionMask) != 0 && header.CompressionUnit != CompressionUnit)
            state.Error("NTFS-0209", structure, head.Place + 0x22, $"is compressed in units of 2^{header.CompressionUnit} clusters, expected 2^{CompressionUnit}");
        if ((attribute.Flags & NtfsAttributeFlags.CompressionMask) != 0 && (head.Type != NtfsAttributeType.Data || file.Base.Number < NtfsMft.FirstFreeRecord))
            state.Error("NTFS-0217", structure, head.Place + 0x0C, "is compressed, as only the content of users may be");
    }

    // The run list at hand is that of the last extent; of these files the first one is asked for, and has its own.
    private void CheckSystemFile(NtfsCheckedFile file, NtfsFoundAttribute head)
    {
        var number = file.Base.Number;
        if (head.Type != NtfsAttributeType.Data || number > NtfsMft.BadClustersRecord)
            return;
        if (number == NtfsMft.BadClustersRecord)
        {
            if (head.Name == "$Bad" && _allocated > 0)
                state.Note("NTFS-0215", "$BadClus", head.Place, $"{_allocated} clusters are marked bad");
            return;
        }
        var expected = number switch
        {
            NtfsMft.MftRecord => _geometry.MftCluster,
            NtfsMft.MirrorRecord => _geometry.MftMirrorCluster,
            NtfsMft.BootRecord => 0,
            _ => -1L,
        };
        _runs.Truncate(0);
        if (expected < 0 || head.Name.Length > 0 || _runs.Decode(head.Attribute.RunBytes, head.Attribute.EndVcn, _geometry.ClusterCount) is not null)
            return;
        var found = _runs.Count == 0 ? -1 : _runs[0].Lcn;
        if (found != expected)
            state.Error("NTFS-0216", Structure(file, head), head.Place, $"starts at cluster {found}, expected {expected} by the boot sector");
    }

    private void FindShared(NtfsRecord record, in NtfsAttribute attribute)
    {
        _runs.Truncate(0);
        _runs.Decode(attribute.RunBytes, attribute.EndVcn - attribute.LowestVcn, _geometry.ClusterCount);
        long count = 0, first = -1;
        foreach (ref readonly var run in _runs.Runs)
        {
            if (run.IsHole)
                continue;
            foreach (var shared in state.Used.Shared.Enumerate(run.Lcn, run.Count))
            {
                first = count == 0 ? shared.Start : first;
                count += shared.Length;
            }
        }
        if (count == 0)
            return;
        var owner = record.IsBase ? record.Structure : $"Record {record.Header.BaseRecord.Record} (in {record.Number})";
        state.Error("NTFS-0210", $"{owner}, {NtfsAttributeNames.Of(attribute.Type)}{(attribute.Name.IsEmpty ? "" : $":{attribute.Name}")}", record.Offset + attribute.Offset,
            $"shares {count} clusters with another attribute, the first is {first}");
    }
}
