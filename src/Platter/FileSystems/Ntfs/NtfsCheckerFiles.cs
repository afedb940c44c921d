using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Looks at what a file's attributes say together: its names, its flags, what kind of file it is.</summary>
internal sealed class NtfsCheckerFiles(NtfsCheckState state)
{
    private const string IndexName = NtfsDirectory.IndexName;

    // Attributes that every directory entry copies.
    public const uint CopiedAttributes = 0xFFFF;

    private static readonly string[] OwnNames = ["$MFT", "$MFTMirr", "$LogFile", "$Volume", "$AttrDef", ".", "$Bitmap", "$Boot", "$BadClus", "$Secure", "$UpCase", "$Extend"];

    private readonly NtfsCheckerNames _names = new(state);

    /// <summary>What a record below 12 is called.</summary>
    public static string OwnName(long number, byte majorVersion) => number == NtfsMft.SecureRecord && majorVersion < 3 ? "$Quota" : OwnNames[number];

    /// <summary>Whether a record below 12 is that of another file: it calls itself by another number, and has not the name that belongs there.</summary>
    public static bool IsAnothers(NtfsRecord record, byte majorVersion) =>
        (record.Header.Protection.UpdateSequenceOffset < NtfsRecordHeader.Size || record.Header.RecordNumber != (uint)record.Number) && !HasOwnName(record, majorVersion);

    private static bool HasOwnName(NtfsRecord record, byte majorVersion)
    {
        foreach (var attribute in record.Attributes)
        {
            if (attribute.Type == NtfsAttributeType.FileName && attribute.IsResident && NtfsFileNames.Problem(attribute.Value) is null
                && NtfsCollation.NameOf(attribute.Value).SequenceEqual(OwnName(record.Number, majorVersion)))
                return true;
        }
        return false;
    }

    public void Check(NtfsCheckedFile file)
    {
        ref var fact = ref state.Facts[file.Base.Number];
        var isPartial = fact.Is(NtfsFacts.Partial);
        var attributes = CheckStandardInformation(file, isPartial);
        _names.Check(file, isPartial);
        CheckKind(file, isPartial, ref fact);
        CheckNeeded(file, isPartial);
        CheckFlags(file, attributes);
        CheckEncryption(file);
        var tag = CheckReparsePoint(file, attributes, ref fact);
        CheckObjectId(file, ref fact);
        CheckExtendedAttributes(file);
        SetCopies(file, attributes ?? 0, tag, ref fact);
    }

    private uint? CheckStandardInformation(NtfsCheckedFile file, bool isPartial)
    {
        if (file.Find(NtfsAttributeType.StandardInformation) is not { } found)
        {
            if (!isPartial)
                state.Error("NTFS-0112", file.Structure, file.Base.Offset, "has no $STANDARD_INFORMATION");
            return null;
        }
        if (!found.Attribute.IsResident)
            return null;
        var value = found.Attribute.Value;
        if (value.Length is not (NtfsStandardInformation.Size or NtfsStandardInformation.Size + NtfsStandardInformation3.Size))
            state.Error("NTFS-0126", file.Structure, found.Place, $"$STANDARD_INFORMATION has {value.Length} bytes, expected 48 or 72");
        if (value.Length < NtfsStandardInformation.Size)
            return null;
        uint attributes = OnDisk.View<NtfsStandardInformation>(value).Attributes;
        if (value.Length < NtfsStandardInformation.Size + NtfsStandardInformation3.Size)
            return attributes;
        ref readonly var more = ref OnDisk.View<NtfsStandardInformation3>(value, NtfsStandardInformation3.Offset);
        if (more.SecurityId != 0U)
            state.SecurityIds.TryAdd(more.SecurityId, (uint)file.Base.Number);
        if (more.OwnerId != 0U)
            state.OwnerIds.TryAdd(more.OwnerId, (uint)file.Base.Number);
        return attributes;
    }

    private void CheckKind(NtfsCheckedFile file, bool isPartial, ref NtfsRecordFact fact)
    {
        var hasNames = file.Find(NtfsAttributeType.IndexRoot, IndexName) is not null;
        var hasView = file.Attributes.Exists(a => a.Type == NtfsAttributeType.IndexRoot && a.Name != IndexName);
        if (file.Base.IsDirectory)
            fact.Flags |= NtfsFacts.Directory;
        if (isPartial)
            return;
        if (file.Base.IsDirectory && !hasNames)
            state.Error("NTFS-0112", file.Structure, file.Base.Offset, "is a directory without $INDEX_ROOT:$I30");
        else if (file.Base.IsDirectory != hasNames)
            state.Error("NTFS-0128", file.Structure, file.Base.Offset + 0x16, "has an index of names, and is not marked as a directory");
        if (hasView != ((file.Base.Flags & NtfsRecordFlags.ViewIndex) != 0))
            state.Warning("NTFS-0128", file.Structure, file.Base.Offset + 0x16, hasView ? "has a view index, and is not marked so" : "is marked to have a view index, and has none");
        if (!hasNames && !hasView && file.Base.Number >= NtfsMft.FirstFreeRecord && file.Find(NtfsAttributeType.Data) is null)
            state.Warning("NTFS-0145", file.Structure, file.Base.Offset, "is a file without $DATA");
        CheckIndexParts(file);
    }

    // An index is its root; with blocks, their clusters and a bitmap of those in use.
    private void CheckIndexParts(NtfsCheckedFile file)
    {
        foreach (var part in file.Attributes)
        {
            if (part.Type == NtfsAttributeType.IndexAllocation && part.LowestVcn == 0 && file.Find(NtfsAttributeType.IndexRoot, part.Name) is null)
                state.Error("NTFS-0112", file.Structure, part.Place, $"has $INDEX_ALLOCATION:{part.Name}, and no $INDEX_ROOT of that name");
        }
    }

    private void CheckNeeded(NtfsCheckedFile file, bool isPartial)
    {
        if (isPartial)
            return;
        var type = file.Base.Number switch
        {
            NtfsMft.MftRecord or NtfsMft.MirrorRecord or NtfsMft.LogFileRecord or NtfsMft.BitmapRecord or NtfsMft.BootRecord or NtfsMft.UpcaseRecord => NtfsAttributeType.Data,
            NtfsMft.AttributeDefinitionRecord => NtfsAttributeType.Data,
            _ => NtfsAttributeType.None,
        };
        if (type != NtfsAttributeType.None && file.Find(type) is null)
            state.Error("NTFS-0112", file.Structure, file.Base.Offset, $"has no {NtfsAttributeNames.Of(type)}");
    }

    // What the file's attributes say of its data.
    private void CheckFlags(NtfsCheckedFile file, uint? attributes)
    {
        if (attributes is not { } flags || file.Find(NtfsAttributeType.Data) is not { } data)
            return;
        var stored = data.Attribute.Flags;
        Expect(NtfsAttributeFlags.Sparse, DosAttributes.Sparse, "sparse");
        Expect(NtfsAttributeFlags.CompressionMask, DosAttributes.Compressed, "compressed");
        Expect(NtfsAttributeFlags.Encrypted, DosAttributes.Encrypted, "encrypted");
        if ((stored & NtfsAttributeFlags.Encrypted) != 0 && file.Find(NtfsAttributeType.LoggedUtilityStream, NtfsEfs.StreamName) is null)
            state.Warning("NTFS-0127", file.Structure, file.Base.Offset, "has encrypted data, and no keys: no $LOGGED_UTILITY_STREAM:$EFS");

        void Expect(NtfsAttributeFlags flag, DosAttributes attribute, string what)
        {
            if ((stored & flag) != 0 && (flags & (uint)attribute) == 0)
                state.Warning("NTFS-0127", file.Structure, data.Place, $"has {what} data, and $STANDARD_INFORMATION does not say so");
        }
    }

    // Encrypted streams, and whether their keys can be taken apart; what they are for is not known here.
    private void CheckEncryption(NtfsCheckedFile file)
    {
        foreach (var part in file.Attributes)
        {
            var attribute = part.Attribute;
            if (part.Type == NtfsAttributeType.Data && part.LowestVcn == 0 && (attribute.Flags & NtfsAttributeFlags.Encrypted) != 0
                && NtfsEfs.ProblemOfContent(attribute.Flags, attribute.IsResident, attribute.IsResident ? attribute.Value.Length : 0) is { } problem)
                state.Error("NTFS-0218", $"{file.Structure}, $DATA{(part.Name.Length == 0 ? "" : ":" + part.Name)}", part.Place, problem);
        }
        if (file.Find(NtfsAttributeType.LoggedUtilityStream, NtfsEfs.StreamName) is not { } keys || state.Facts[file.Base.Number].Is(NtfsFacts.Shares))
            return;
        try
        {
            if (NtfsEfs.Parse(NtfsDecryption.ReadKeys(Open(file)), [], out _) is { } broken)
                state.Error("NTFS-0503", $"{file.Structure}, $LOGGED_UTILITY_STREAM:$EFS", keys.Place, broken);
        }
        catch (DiskFormatException e)
        {
            state.Error(e, file.Base.Number);
        }
    }

    private uint CheckReparsePoint(NtfsCheckedFile file, uint? attributes, ref NtfsRecordFact fact)
    {
        var found = file.Find(NtfsAttributeType.ReparsePoint);
        if (attributes is { } flags && found is null != ((flags & (uint)DosAttributes.ReparsePoint) == 0))
        {
            if (found is not null || !fact.Is(NtfsFacts.Partial))
                state.Error("NTFS-0127", file.Structure, file.Base.Offset, found is null ? "is marked as a reparse point, and has no $REPARSE_POINT" : "has a $REPARSE_POINT, and is not marked so");
        }
        if (found is null || state.MajorVersion < 3)
            return 0;
        fact.Flags |= NtfsFacts.HasReparsePoint;
        try
        {
            if (fact.Is(NtfsFacts.Shares) || NtfsVolume.FindReparse(Open(file)) is not { } point)
                return 0;
            state.ReparsePoints += NtfsNameHash.Of(point.Tag, file.Base.Reference.Raw);
            return point.Tag;
        }
        catch (DiskFormatException e)
        {
            state.Error(e, file.Base.Number);
            state.IsReparseUnknown = true;
            return 0;
        }
    }

    private void CheckObjectId(NtfsCheckedFile file, ref NtfsRecordFact fact)
    {
        if (state.MajorVersion < 3 || file.Find(NtfsAttributeType.ObjectId) is not { } found)
            return;
        var value = found.Attribute.IsResident ? found.Attribute.Value : default;
        if (value.Length is not (NtfsObjectId.Size or NtfsObjectId.FullSize))
        {
            state.Error("NTFS-0502", file.Structure, found.Place, $"$OBJECT_ID has {value.Length} bytes, expected {NtfsObjectId.Size} or {NtfsObjectId.FullSize}");
            if (value.Length < NtfsObjectId.Size)
                return;
        }
        fact.Flags |= NtfsFacts.HasObjectId;
        state.ObjectIds += NtfsCheckerViews.HashOfId(value[..NtfsObjectId.Size], file.Base.Reference);
    }

    private void CheckExtendedAttributes(NtfsCheckedFile file)
    {
        var information = file.Find(NtfsAttributeType.EaInformation);
        var list = file.Find(NtfsAttributeType.Ea);
        if (information is null && list is null)
            return;
        if (information is null || list is null || !information.Value.Attribute.IsResident || information.Value.Attribute.Value.Length < NtfsEaInformation.Size)
        {
            if (!state.Facts[file.Base.Number].Is(NtfsFacts.Partial))
                state.Error("NTFS-0143", file.Structure, file.Base.Offset, "has one of $EA and $EA_INFORMATION, or that is too short");
            return;
        }
        if (state.Facts[file.Base.Number].Is(NtfsFacts.Shares))
            return;
        try
        {
            var (packed, needed) = NtfsExtendedAttributes.Sums(NtfsVolume.ReadExtendedAttributes(Open(file)));
            ref readonly var stored = ref OnDisk.View<NtfsEaInformation>(information.Value.Attribute.Value);
            var length = list.Value.Attribute.IsResident ? list.Value.Attribute.Value.Length : (long)(ulong)list.Value.Attribute.NonResident.DataSize;
            if (stored.PackedLength != packed || stored.NeedCount != needed || stored.QueryLength != length)
                state.Error("NTFS-0143", file.Structure, information.Value.Place, $"$EA_INFORMATION says {stored.PackedLength} bytes packed, {stored.NeedCount} needed, {stored.QueryLength} in all; expected {packed}, {needed}, {length}");
        }
        catch (DiskFormatException e)
        {
            state.Error(e, file.Base.Number);
        }
    }

    private void SetCopies(NtfsCheckedFile file, uint attributes, uint tag, ref NtfsRecordFact fact)
    {
        long allocated = 0, length = 0;
        if (!fact.Is(NtfsFacts.Directory) && file.Find(NtfsAttributeType.Data) is { } data)
        {
            var attribute = data.Attribute;
            length = attribute.IsResident ? attribute.Value.Length : (long)(ulong)attribute.NonResident.DataSize;
            allocated = attribute.IsResident ? length + 7 & ~7 : attribute.HasTotalAllocated ? attribute.TotalAllocated : (long)(ulong)attribute.NonResident.AllocatedSize;
        }
        fact.Copies = NtfsNameHash.Copies(allocated, length, attributes & CopiedAttributes, tag);
    }

    private NtfsFile Open(NtfsCheckedFile file) => new(state.Device, state.Geometry, state.Mft, file.Base);
}
