using System.Buffers.Binary;

namespace Platter.FileSystems.Ntfs;

/// <summary>The USN journal, in which Windows notes every change for backups and indexers. It gets another id when it misses some, so that they look at
/// everything again.</summary>
/// <remarks>[MS-FSCC] and winioctl.h: <c>$Extend\$UsnJrnl:$Max</c> is the longest length, the step, the journal's id (its time of creation) and the lowest
/// number that is valid, 8 bytes each; the entries are in <c>$J</c>, whose offsets are the numbers.</remarks>
internal static class NtfsChangeJournal
{
    private const string FileName = "$UsnJrnl", MaxStream = "$Max", EntriesStream = "$J";
    private const int MaxLength = 32, IdOffset = 16, LowestOffset = 24;

    /// <summary>Makes what others remember of the journal invalid; where there is none, nothing.</summary>
    public static void Invalidate(NtfsEditState state)
    {
        var extend = state.Volume.OpenSystemFile(NtfsMft.ExtendRecord);
        if (!extend.Base.IsDirectory || !state.Volume.TryLookup(new NodeId(extend.Reference.Raw), FileName, out var id))
            return;
        var file = state.File(new NtfsReference(id.Value));
        if (file.Open(NtfsAttributeType.Data, MaxStream) is not { Length: MaxLength } max)
            return;
        var value = max.ReadAll(MaxLength);
        var before = BinaryPrimitives.ReadUInt64LittleEndian(value.AsSpan(IdOffset));
        BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(IdOffset), Math.Max(before + 1, state.Now));
        BinaryPrimitives.WriteInt64LittleEndian(value.AsSpan(LowestOffset), file.Open(NtfsAttributeType.Data, EntriesStream)?.Length ?? 0);
        max.Write(0, value);
    }
}
