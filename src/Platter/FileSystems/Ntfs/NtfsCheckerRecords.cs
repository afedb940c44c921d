using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Looks at every record of the MFT: its head and the order of its attributes; then, file by file, at what the attributes hold.</summary>
internal sealed class NtfsCheckerRecords(NtfsCheckState state, NtfsCheckerContents contents)
{
    // Those before are the volume's own, or set aside for extents of $MFT; mkntfs leaves some unwritten.
    private const long FirstUser = 24;

    private readonly NtfsCheckerLists _lists = new(state);
    private readonly NtfsCheckerFiles _files = new(state);
    private readonly HashSet<ushort> _instances = [];
    private long _unformatted, _firstUnformatted;

    public void Check()
    {
        CheckLength();
        for (var number = 0L; number < state.Facts.Count; number++)
        {
            state.Progress("checking records", number, state.Facts.Count);
            CheckOne(number);
        }
        CheckOwnRecords();
        CheckExtensions();
        if (_unformatted > 0)
            state.Note("NTFS-0139", "$MFT", null, $"{_unformatted} free records are not formatted, the first is {_firstUnformatted}");
    }

    private void CheckLength()
    {
        if (state.Facts.Count >= state.Mft.Count)
            return;
        state.IsIncomplete = true;
        state.Error("NTFS-0141", "$MFT", null, $"has {state.Mft.Count} records, of which {state.Facts.Count} can be read: behind them is a hole, the end of the device, or a cluster that the table has twice");
    }

    private void CheckOne(long number)
    {
        var record = state.Mft.Load(number, out var problem, out var code);
        ref var fact = ref state.Facts[number];
        if (problem is not null)
        {
            if (!IsTakenForUsed(number, record))
            {
                if (number < FirstUser)
                    return;
                _firstUnformatted = _unformatted++ == 0 ? number : _firstUnformatted;
                return;
            }
            var standsIn = number == NtfsMft.MftRecord && state.Mft.IsFromMirror;
            state.Error(code, record.Structure, record.Offset, standsIn ? problem + "; its copy in $MFTMirr stands in for it" : problem);
            if (!standsIn)
            {
                fact.Flags |= NtfsFacts.Broken;
                state.IsIncomplete = true;
                return;
            }
            record = state.Mft.Record0;
        }
        fact.Sequence = record.Header.SequenceNumber;
        if (!record.IsInUse)
            return;
        fact.Flags |= NtfsFacts.InUse;
        CheckHead(record);
        CheckLayout(record);
        if (!record.IsBase)
        {
            fact.Link = (uint)Math.Min(record.Header.BaseRecord.Record, uint.MaxValue);
            return;
        }
        fact.Flags |= NtfsFacts.Base;
        var file = _lists.Gather(record, contents);
        contents.Check(file);
        _files.Check(file);
    }

    // A record that was never used need not be one.
    private bool IsTakenForUsed(long number, NtfsRecord record)
    {
        if (state.MftBitmap?[number] == true)
            return true;
        ref readonly var head = ref OnDisk.View<NtfsRecordHeader>(record.Bytes);
        return head.Protection.Magic == NtfsRecordHeader.MagicValue && (head.Flags.Value & NtfsRecordFlags.InUse) != 0;
    }

    private void CheckHead(NtfsRecord record)
    {
        ref readonly var head = ref record.Header;
        if (head.SequenceNumber == 0)
            state.Error("NTFS-0144", record.Structure, record.Offset + 0x10, "has the sequence number 0, which means any");
        // Before version 3.1 the update sequence stood where the number is now.
        if (head.Protection.UpdateSequenceOffset >= NtfsRecordHeader.Size && head.RecordNumber != (uint)record.Number)
        {
            state.MarkMisnumbered(record.Number);
            state.Error("NTFS-0114", record.Structure, record.Offset + 0x2C, $"calls itself record {head.RecordNumber}");
        }
    }

    private void CheckLayout(NtfsRecord record)
    {
        _instances.Clear();
        var lastType = NtfsAttributeType.None;
        var lastName = "";
        var lastVcn = 0L;
        var walk = record.Attributes;
        while (walk.MoveNext())
        {
            var attribute = walk.Current;
            if (Compare(lastType, lastName, lastVcn, attribute) is { } problem)
                state.Error("NTFS-0115", record.Structure, record.Offset + attribute.Offset, $"{NtfsAttributeNames.Of(attribute.Type)} {problem}");
            if (!_instances.Add(attribute.Instance) || attribute.Instance == record.Header.NextInstance)
                state.Warning("NTFS-0116", record.Structure, record.Offset + attribute.Offset, $"{NtfsAttributeNames.Of(attribute.Type)} has the instance {attribute.Instance}, as another attribute has or the next one will");
            if (state.DefinedTypes is { } defined && attribute.Type != lastType && !defined.Contains(attribute.Type))
                state.Warning("NTFS-0134", record.Structure, record.Offset + attribute.Offset, $"{NtfsAttributeNames.Of(attribute.Type)} is not defined in $AttrDef");
            if (attribute.Type != lastType || !attribute.Name.SequenceEqual(lastName))
                lastName = attribute.Name.ToString();
            (lastType, lastVcn) = (attribute.Type, attribute.LowestVcn);
        }
        if (record.Header.BytesInUse != walk.Next + NtfsAttributeHeader.EndSize)
            state.Warning("NTFS-0125", record.Structure, record.Offset + 0x18, $"bytesInUse: found {record.Header.BytesInUse}, expected {walk.Next + NtfsAttributeHeader.EndSize}");
    }

    private string? Compare(NtfsAttributeType lastType, string lastName, long lastVcn, in NtfsAttribute attribute)
    {
        if (attribute.Type != lastType)
            return attribute.Type < lastType ? $"stands behind {NtfsAttributeNames.Of(lastType)}" : null;
        var order = state.Upcase is { } upcase ? upcase.Compare(lastName, attribute.Name) : lastName.AsSpan().SequenceCompareTo(attribute.Name);
        if (order != 0)
            return order > 0 && state.Upcase is not null ? $"'{attribute.Name}' stands behind '{lastName}'" : null;
        if (attribute.LowestVcn < lastVcn)
            return $"of cluster {attribute.LowestVcn} stands behind that of {lastVcn}";
        return attribute.LowestVcn == lastVcn && attribute.Type != NtfsAttributeType.FileName ? "is there twice" : null;
    }

    // Those that the volume cannot be without; 12 to 15 have no names, and need not be there.
    private void CheckOwnRecords()
    {
        for (var number = 0L; number <= NtfsMft.ExtendRecord; number++)
        {
            if (!state.Facts.Has(number) || state.Facts[number].Is(NtfsFacts.Broken) || state.Facts[number].Is(NtfsFacts.InUse | NtfsFacts.Base)
                || (state.MajorVersion < 3 && number == NtfsMft.ExtendRecord))
                continue;
            state.Error("NTFS-0142", $"Record {number}", null, $"is no file of its own, expected {NtfsCheckerFiles.OwnName(number, state.MajorVersion)}");
        }
    }

    private void CheckExtensions()
    {
        foreach (var number in state.Facts.With(NtfsFacts.InUse))
        {
            ref readonly var fact = ref state.Facts[number];
            if ((fact.Flags & (NtfsFacts.Base | NtfsFacts.Owned)) != 0)
                continue;
            var isPartial = state.Facts.Has(fact.Link) && (state.Facts[fact.Link].Flags & (NtfsFacts.Partial | NtfsFacts.Broken)) != 0;
            if (!isPartial)
                state.Error("NTFS-0118", $"Record {number}", null, $"holds attributes of record {fact.Link}, whose attribute list does not name it");
        }
    }
}
