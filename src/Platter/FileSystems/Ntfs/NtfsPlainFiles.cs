using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Makes files that have a name, times and content and nothing else, one after the other in a directory: each is laid down in its record at once, without an
/// editor of its own, and its name goes into a leaf that is held open (<see cref="NtfsOpenLeaf"/>).</summary>
/// <remarks>What it makes is what <see cref="NtfsEditor"/> makes, byte for byte but for when the leaf and the directory's record are written. Whatever is not plain is left to that.</remarks>
internal sealed class NtfsPlainFiles(NtfsEditState state, NtfsNames names)
{
    // More runs are seldom needed for what is made at once, and would have to be measured against the room in the record.
    private const int MostRuns = 8;

    private const int StandardLength = NtfsResidentHeader.Size + NtfsStandardInformation3.Offset + NtfsStandardInformation3.Size;

    private readonly byte[] _record = new byte[state.Geometry.RecordSize];
    private readonly byte[] _key = new byte[NtfsFileName.Size + 2 * NtfsFileName.MaxNameLength];
    private readonly NtfsRunList _runs = new();

    /// <summary>Makes a file, where that can be done this way. It runs an edit of its own.</summary>
    /// <param name="parent">The directory.</param>
    /// <param name="name">Its name there.</param>
    /// <param name="buffer">Starts with the content; may be changed behind it.</param>
    /// <param name="length">Bytes of content.</param>
    /// <param name="metadata">What to set.</param>
    /// <param name="id">The file.</param>
    /// <returns>False: nothing was done.</returns>
    /// <exception cref="InvalidNameException">The name can't be stored.</exception>
    /// <exception cref="VolumeFullException">There is no room; nothing was changed.</exception>
    public bool TryCreate(NodeId parent, string name, Span<byte> buffer, int length, MetadataChange metadata, out NodeId id)
    {
        id = default;
        if (!IsPlain(metadata))
            return false;
        NtfsFileNaming.Validate(name);
        var directory = new NtfsReference(parent.Value);
        var keyLength = NtfsFileName.Size + 2 * name.Length;
        if (Find(directory, name, keyLength, out var place) is not { } leaf
            || !state.Descriptors.TryInherit(leaf.Descriptor, out var securityId))
            return false;
        var nameLength = NtfsResidentHeader.Size + keyLength + 7 & ~7;
        var room = state.Geometry.RecordSize - state.Records.AttributesOffset - NtfsAttributeHeader.EndSize - StandardLength - nameLength;
        var isResident = NtfsAttributeBytes.ResidentLength("", length) <= room;
        var clusters = isResident ? 0 : state.Geometry.ClustersFor(length);
        if (!isResident && (clusters << state.Geometry.ClusterShift > buffer.Length || NtfsNonResidentHeader.Size + MostRuns * NtfsRunList.MaxRunBytes + 8 > room))
            return false;

        var now = state.Now;
        var file = new NewFile(name, keyLength, Standard(leaf, metadata, now), securityId, clusters, length);
        var hasRoom = leaf.HasRoom(keyLength);
        // Most files need nothing that could be lacking, and nothing that would have to be undone: pages are not kept as they were before each.
        if (isResident && hasRoom && state.Records.TakeBlank(_record) is >= 0 and var blank)
        {
            var reference = Lay(file, blank, leaf.Directory, buffer);
            state.Records.WriteNew(blank, _record);
            leaf.Insert(place, reference, _key.AsSpan(0, keyLength), now);
            id = new NodeId(reference.Raw);
            return true;
        }

        var complete = false;
        state.BeginBeside();
        try
        {
            var number = state.Records.Take(default, NtfsRecordFlags.InUse, _record);
            if (isResident || TryTake(clusters))
            {
                var reference = Lay(file, number, leaf.Directory, buffer);
                if (!hasRoom)
                    names.Overflow(leaf, reference, _key.AsSpan(0, keyLength), now);
                state.Store();
                if (!isResident)
                    Put(buffer, length);
                state.Records.WriteNew(number, _record);
                if (hasRoom)
                    leaf.Insert(place, reference, _key.AsSpan(0, keyLength), now);
                else
                    state.Leaf = null;
                id = new NodeId(reference.Raw);
                complete = true;
            }
        }
        finally
        {
            if (complete)
                state.Keep();
            else
                state.Undo();
        }
        return complete;
    }

    /// <summary>A file to be made.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="KeyLength">Bytes of its $FILE_NAME value.</param>
    /// <param name="Standard">Times and attributes.</param>
    /// <param name="SecurityId">Of its descriptor.</param>
    /// <param name="Clusters">Of its content; 0 where that lies in the record.</param>
    /// <param name="Length">Bytes of content.</param>
    private readonly record struct NewFile(string Name, int KeyLength, NtfsStandardInformation Standard, uint SecurityId, long Clusters, int Length);

    // The key and the record, which has its head.
    private NtfsReference Lay(in NewFile file, long number, NtfsReference directory, ReadOnlySpan<byte> content)
    {
        FillKey(file.Name, directory, file.Standard, file.Clusters == 0 ? file.Length + 7 & ~7 : file.Clusters << state.Geometry.ClusterShift, file.Length);
        Fill(file.Standard, file.SecurityId, _key.AsSpan(0, file.KeyLength), file.Clusters == 0 ? content[..file.Length] : default, file.Clusters, file.Length);
        return new NtfsReference(number, OnDisk.View<NtfsRecordHeader>(_record).SequenceNumber);
    }

    // Without owner, permissions and descriptor, and not what Interix takes for something else.
    private bool IsPlain(MetadataChange metadata) => metadata.SecurityDescriptor is null && metadata.Mode is null && metadata.UserId is null && metadata.GroupId is null
        && metadata.FinderInfo is null && metadata.ShortName is null && metadata.Compressed is null && metadata.Sparse is null
        && (metadata.DosAttributes is not { } attributes || ((attributes & DosAttributes.System) == 0 && state.Volume.Capabilities.MissingFor(metadata) is null));

    /// <summary>Whether a name is free, where the leaf that it belongs to can tell.</summary>
    /// <param name="parent">The directory.</param>
    /// <param name="name">The name, which may be one that can't be stored.</param>
    /// <returns>False: it is there, or that is to be found out in another way.</returns>
    public bool IsFree(NodeId parent, string name) =>
        name.Length is > 0 and <= NtfsFileName.MaxNameLength && Find(new NtfsReference(parent.Value), name, NtfsFileName.Size + 2 * name.Length, out _) is not null;

    // The leaf that a name goes into; null where there is none, or the name may be there.
    private NtfsOpenLeaf? Find(NtfsReference directory, string name, int keyLength, out int place)
    {
        place = -1;
        state.Renew();
        if (state.Leaf is { } held && held.Directory == directory)
            place = held.PlaceOf(name);
        if (place < 0)
        {
            state.Settle();
            if (TryOpen(directory, name, keyLength))
                place = state.Leaf!.PlaceOf(name);
        }
        return place < 0 ? null : state.Leaf;
    }

    private bool TryOpen(NtfsReference directory, string name, int keyLength)
    {
        var file = state.File(directory);
        if (!file.Base.IsDirectory || (file.Number < NtfsRecords.FirstOfFiles && file.Number != NtfsMft.RootRecord) || file.Has(NtfsAttributeType.ReparsePoint))
            return false;
        ref var key = ref OnDisk.Edit<NtfsFileName>(_key);
        key.NameLength = (byte)name.Length;
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(name.AsSpan()).CopyTo(_key.AsSpan(NtfsFileName.Size));
        if (names.OpenLeaf(file, _key.AsSpan(0, keyLength)) is not { } leaf || ((DosAttributes)(uint)leaf.Standard.Attributes & DosAttributes.Compressed) != 0)
            return false;
        // Of what is in $Extend nothing is plain.
        foreach (var held in NtfsNames.Of(file))
        {
            if (NtfsNames.ParentOf(held) == NtfsMft.ExtendRecord)
                return false;
        }
        names.MarkStale(file);
        state.Leaf = leaf;
        return true;
    }

    private bool TryTake(long clusters)
    {
        _runs.Truncate(0);
        while (_runs.End < clusters && _runs.Count < MostRuns)
        {
            var run = state.Space.Take(_runs.Count == 0 ? -1 : _runs[_runs.Count - 1].Lcn + _runs[_runs.Count - 1].Count, clusters - _runs.End);
            _runs.Add(run.Start, run.Length);
        }
        return _runs.End == clusters;
    }

    private NtfsStandardInformation Standard(NtfsOpenLeaf leaf, MetadataChange metadata, ulong now)
    {
        var inherited = (DosAttributes)(uint)leaf.Standard.Attributes & DosAttributes.NotContentIndexed;
        var attributes = DosAttributes.Archive | inherited;
        if (metadata.DosAttributes is { } given)
        {
            var settable = state.Volume.Capabilities.SettableAttributes;
            attributes = attributes & ~settable | given & settable;
        }
        return new NtfsStandardInformation
        {
            Created = metadata.Created is { } created ? NtfsTimes.Encode(created) : now,
            Modified = metadata.Modified is { } modified ? NtfsTimes.Encode(modified) : now,
            Changed = now,
            Accessed = metadata.Accessed is { } accessed ? NtfsTimes.Encode(accessed) : now,
            Attributes = (uint)attributes,
        };
    }

    private void FillKey(string name, NtfsReference directory, in NtfsStandardInformation standard, long allocated, long length)
    {
        ref var key = ref OnDisk.Edit<NtfsFileName>(_key);
        key = new NtfsFileName
        {
            Parent = directory,
            Created = standard.Created,
            Modified = standard.Modified,
            Changed = standard.Changed,
            Accessed = standard.Accessed,
            AllocatedSize = (ulong)allocated,
            DataSize = (ulong)length,
            Attributes = standard.Attributes,
            NameLength = (byte)name.Length,
            Namespace = NtfsNamespace.Posix,
        };
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(name.AsSpan()).CopyTo(_key.AsSpan(NtfsFileName.Size));
    }

    // The attributes, in their order, behind the head that the record has.
    private void Fill(in NtfsStandardInformation standard, uint securityId, ReadOnlySpan<byte> key, ReadOnlySpan<byte> content, long clusters, int length)
    {
        ref var head = ref OnDisk.Edit<NtfsRecordHeader>(_record);
        int at = head.AttributesOffset;
        var value = Resident(NtfsAttributeType.StandardInformation, StandardLength - NtfsResidentHeader.Size, 0, ref at);
        OnDisk.Edit<NtfsStandardInformation>(value) = standard;
        OnDisk.Edit<NtfsStandardInformation3>(value, NtfsStandardInformation3.Offset).SecurityId = securityId;
        key.CopyTo(Resident(NtfsAttributeType.FileName, key.Length, 1, ref at));
        if (clusters == 0)
            content.CopyTo(Resident(NtfsAttributeType.Data, length, 2, ref at));
        else
            Mapped(clusters, length, 2, ref at);
        OnDisk.Edit<U32Le>(_record, at) = (uint)NtfsAttributeType.End;
        OnDisk.Edit<U32Le>(_record, at + 4) = NtfsAttributeHeader.EndFiller;
        head.BytesInUse = (uint)(at + NtfsAttributeHeader.EndSize);
        head.NextInstance = 3;
        head.LinkCount = 1;
    }

    private Span<byte> Resident(NtfsAttributeType type, int length, ushort instance, ref int at)
    {
        var attribute = _record.AsSpan(at, NtfsResidentHeader.Size + length + 7 & ~7);
        attribute.Clear();
        ref var head = ref OnDisk.Edit<NtfsResidentHeader>(attribute);
        head.Common.Type = type;
        head.Common.Length = (uint)attribute.Length;
        head.Common.NameOffset = NtfsResidentHeader.Size;
        head.Common.Instance = instance;
        head.ValueLength = (uint)length;
        head.ValueOffset = NtfsResidentHeader.Size;
        head.ResidentFlags = type == NtfsAttributeType.FileName ? NtfsResidentHeader.IndexedFlag : (byte)0;
        at += attribute.Length;
        return attribute.Slice(NtfsResidentHeader.Size, length);
    }

    private void Mapped(long clusters, int length, ushort instance, ref int at)
    {
        var attribute = _record.AsSpan(at, NtfsNonResidentHeader.Size + MostRuns * NtfsRunList.MaxRunBytes + 8 & ~7);
        attribute.Clear();
        var used = NtfsNonResidentHeader.Size + _runs.Encode(0, clusters, attribute[NtfsNonResidentHeader.Size..], out _) + 7 & ~7;
        ref var head = ref OnDisk.Edit<NtfsNonResidentHeader>(attribute);
        head.Common.Type = NtfsAttributeType.Data;
        head.Common.Length = (uint)used;
        head.Common.NonResident = 1;
        head.Common.NameOffset = NtfsNonResidentHeader.Size;
        head.Common.Instance = instance;
        head.HighestVcn = (ulong)(clusters - 1);
        head.RunListOffset = NtfsNonResidentHeader.Size;
        head.AllocatedSize = (ulong)(clusters << state.Geometry.ClusterShift);
        head.DataSize = head.InitializedSize = (ulong)length;
        at += used;
    }

    // The last cluster is filled up with zeros.
    private void Put(Span<byte> buffer, int length)
    {
        buffer = buffer[..(int)(_runs.End << state.Geometry.ClusterShift)];
        buffer[length..].Clear();
        foreach (var run in _runs.Runs)
        {
            var part = buffer.Slice((int)(run.Vcn << state.Geometry.ClusterShift), (int)(run.Count << state.Geometry.ClusterShift));
            state.Changes.WriteContent(run.Lcn << state.Geometry.ClusterShift, part, state.Space.IsFresh(run.Lcn, run.Count));
        }
    }
}
