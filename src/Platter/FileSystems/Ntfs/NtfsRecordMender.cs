using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Changes in the bytes of one record, each with the finding that it answers.</summary>
/// <param name="record">Its protection is off; its bytes are changed.</param>
/// <param name="upcase">For the order of names; null where it is not known.</param>
internal sealed class NtfsRecordMender(NtfsRecord record, NtfsUpcase? upcase)
{
    /// <summary>What was changed.</summary>
    public List<(string Code, string Message)> Done { get; } = [];

    private ref NtfsRecordHeader Head => ref OnDisk.Edit<NtfsRecordHeader>(record.Bytes);

    /// <summary>A record that was set free by mistake.</summary>
    public void SetInUse()
    {
        Head.Flags.Value |= NtfsRecordFlags.InUse;
        Done.Add(("NTFS-0104", "in use again, as $MFT:$BITMAP and its directory have it by the very sequence number"));
    }

    /// <summary>A file of its own that calls itself part of another one.</summary>
    public void SetOwn()
    {
        Done.Add(("NTFS-0118", $"no longer part of record {Head.BaseRecord.Record}: its directory has it as a file, and the other does not name it"));
        Head.BaseRecord = default;
    }

    /// <summary>Numbers that a record says of itself, and its end.</summary>
    /// <param name="sequence">What it gets when it has none.</param>
    public void MendHead(ushort sequence)
    {
        ref var head = ref Head;
        if (head.SequenceNumber == 0)
        {
            head.SequenceNumber = sequence;
            Done.Add(("NTFS-0144", $"has the sequence number {sequence}"));
        }
        if (head.Protection.UpdateSequenceOffset >= NtfsRecordHeader.Size && head.RecordNumber != (uint)record.Number)
        {
            head.RecordNumber = (uint)record.Number;
            Done.Add(("NTFS-0114", "calls itself by its number"));
        }
        var walk = record.Attributes;
        while (walk.MoveNext())
        {
        }
        if (walk.Problem is not null || head.BytesInUse == walk.Next + NtfsAttributeHeader.EndSize || walk.Next + NtfsAttributeHeader.EndSize > record.Bytes.Length)
            return;
        head.BytesInUse = (uint)(walk.Next + NtfsAttributeHeader.EndSize);
        Done.Add(("NTFS-0125", "ends with its end mark"));
    }

    /// <summary>The file that an extension record is of.</summary>
    public void MendBase(NtfsReference file)
    {
        if (Head.BaseRecord.Value == file || file.Sequence == 0)
            return;
        Head.BaseRecord = file;
        Done.Add(("NTFS-0122", $"belongs to {file}"));
    }

    /// <summary>Sorts the attributes.</summary>
    public void MendOrder()
    {
        var found = new List<(NtfsAttributeType Type, string Name, long Vcn, int Order, byte[] Bytes)>();
        foreach (var attribute in record.Attributes)
            found.Add((attribute.Type, attribute.Name.ToString(), attribute.LowestVcn, found.Count, attribute.Bytes.ToArray()));
        var sorted = found.ToList();
        sorted.Sort((a, b) =>
        {
            var order = a.Type.CompareTo(b.Type);
            if (order == 0)
                order = upcase?.Compare(a.Name, b.Name) ?? 0;
            if (order == 0 && a.Name == b.Name)
                order = a.Vcn.CompareTo(b.Vcn);
            return order != 0 ? order : a.Order.CompareTo(b.Order);
        });
        var isSorted = true;
        for (var i = 0; i < sorted.Count; i++)
            isSorted &= sorted[i].Order == i;
        if (isSorted)
            return;
        int at = Head.AttributesOffset;
        foreach (var (_, _, _, _, bytes) in sorted)
        {
            bytes.CopyTo(record.Bytes, at);
            at += bytes.Length;
        }
        Done.Add(("NTFS-0115", "its attributes are in order"));
    }

    /// <summary>Gives attributes numbers of their own; only where no list names them by those.</summary>
    public void MendInstances()
    {
        var taken = new HashSet<ushort>();
        var twice = new List<int>();
        var next = 0;
        foreach (var attribute in record.Attributes)
        {
            if (!taken.Add(attribute.Instance))
                twice.Add(attribute.Offset);
            next = Math.Max(next, attribute.Instance + 1);
        }
        if (twice.Count == 0 && !taken.Contains(Head.NextInstance))
            return;
        if (next + twice.Count > ushort.MaxValue)
            return;
        foreach (var offset in twice)
            OnDisk.Edit<NtfsAttributeHeader>(record.Bytes, offset).Instance = (ushort)next++;
        Head.NextInstance = (ushort)next;
        Done.Add(("NTFS-0116", "its attributes have instances of their own"));
    }

    public void MendLinks(int names)
    {
        if (Head.LinkCount == names || names > ushort.MaxValue)
            return;
        Done.Add(("NTFS-0117", $"link count {names}, was {Head.LinkCount}"));
        Head.LinkCount = (ushort)names;
    }

    public void MendFlag(NtfsRecordFlags flag, bool isSet, string message)
    {
        if ((Head.Flags.Value & flag) != 0 == isSet)
            return;
        Head.Flags.Value = isSet ? Head.Flags.Value | flag : Head.Flags.Value & ~flag;
        Done.Add(("NTFS-0128", message));
    }

    /// <summary>What each $FILE_NAME says besides the name.</summary>
    /// <param name="isDirectory">Whether the file is one.</param>
    public void MendNames(bool isDirectory)
    {
        foreach (var attribute in record.Attributes)
        {
            if (attribute.Type != NtfsAttributeType.FileName || !attribute.IsResident || NtfsFileNames.Problem(attribute.Value) is not null)
                continue;
            ref var head = ref OnDisk.Edit<NtfsResidentHeader>(record.Bytes, attribute.Offset);
            if ((head.ResidentFlags & NtfsResidentHeader.IndexedFlag) == 0)
            {
                head.ResidentFlags |= NtfsResidentHeader.IndexedFlag;
                Done.Add(("NTFS-0133", "a $FILE_NAME is marked as indexed"));
            }
            ref var name = ref OnDisk.Edit<NtfsFileName>(record.Bytes, attribute.Offset + head.ValueOffset);
            if ((name.Attributes & NtfsFileAttributes.HasNameIndex) != 0 == isDirectory)
                continue;
            name.Attributes = isDirectory ? name.Attributes | NtfsFileAttributes.HasNameIndex : name.Attributes & ~NtfsFileAttributes.HasNameIndex;
            Done.Add(("NTFS-0127", isDirectory ? "a $FILE_NAME says that it is a directory" : "a $FILE_NAME says that it is no directory"));
        }
    }

    /// <summary>$STANDARD_INFORMATION by what the file has.</summary>
    /// <param name="data">Flags of its data.</param>
    /// <param name="hasReparsePoint">Whether there is one.</param>
    /// <param name="hasKeys">Whether it has the keys of an encrypted file.</param>
    public void MendAttributes(NtfsAttributeFlags data, bool hasReparsePoint, bool hasKeys)
    {
        if (!record.TryFind(NtfsAttributeType.StandardInformation, "", out var attribute) || !attribute.IsResident || attribute.Value.Length < NtfsStandardInformation.Size)
            return;
        ref var information = ref OnDisk.Edit<NtfsStandardInformation>(record.Bytes, attribute.Offset + OnDisk.View<NtfsResidentHeader>(attribute.Bytes).ValueOffset);
        var before = (DosAttributes)(uint)information.Attributes;
        var after = hasReparsePoint ? before | DosAttributes.ReparsePoint : before & ~DosAttributes.ReparsePoint;
        if ((data & NtfsAttributeFlags.Sparse) != 0)
            after |= DosAttributes.Sparse;
        if ((data & NtfsAttributeFlags.CompressionMask) != 0)
            after |= DosAttributes.Compressed;
        if ((data & NtfsAttributeFlags.Encrypted) != 0 && hasKeys)
            after |= DosAttributes.Encrypted;
        if (after == before)
            return;
        information.Attributes = (uint)after;
        Done.Add(("NTFS-0127", $"$STANDARD_INFORMATION has the attributes 0x{(uint)after:X}, as the file is; they were 0x{(uint)before:X}"));
    }

    /// <summary>$EA_INFORMATION by $EA.</summary>
    public void MendSums(int packed, int needed, long length)
    {
        if (!record.TryFind(NtfsAttributeType.EaInformation, "", out var attribute) || !attribute.IsResident || attribute.Value.Length < NtfsEaInformation.Size
            || packed > ushort.MaxValue || needed > ushort.MaxValue || length > uint.MaxValue)
            return;
        ref var sums = ref OnDisk.Edit<NtfsEaInformation>(record.Bytes, attribute.Offset + OnDisk.View<NtfsResidentHeader>(attribute.Bytes).ValueOffset);
        if (sums.PackedLength == packed && sums.NeedCount == needed && sums.QueryLength == (uint)length)
            return;
        (sums.PackedLength, sums.NeedCount, sums.QueryLength) = ((ushort)packed, (ushort)needed, (uint)length);
        Done.Add(("NTFS-0143", "$EA_INFORMATION is that of $EA"));
    }

    /// <summary>Sizes that follow from the clusters.</summary>
    /// <param name="offset">Of the first extent.</param>
    /// <param name="mapped">Bytes of its clusters, holes too.</param>
    /// <param name="there">Bytes of those that are there.</param>
    public void MendSizes(int offset, long mapped, long there)
    {
        ref var head = ref OnDisk.Edit<NtfsNonResidentHeader>(record.Bytes, offset);
        if (head.AllocatedSize != (ulong)mapped)
        {
            head.AllocatedSize = (ulong)mapped;
            Done.Add(("NTFS-0205", $"allocated size {mapped}, that of its clusters"));
        }
        if (head.InitializedSize > head.DataSize)
        {
            head.InitializedSize = head.DataSize;
            Done.Add(("NTFS-0206", "initialised up to its length"));
        }
        if (!record.At(offset).HasTotalAllocated || record.At(offset).TotalAllocated == there)
            return;
        OnDisk.Edit<NtfsCompressedSize>(record.Bytes, offset + NtfsCompressedSize.Offset).TotalAllocated = (ulong)there;
        Done.Add(("NTFS-0207", $"{there} bytes of clusters are there"));
    }
}
