using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Looks at the indexes in $Extend, and holds them against the files, both ways: reparse points, object ids, quotas.</summary>
internal sealed class NtfsCheckerViews(NtfsCheckState state)
{
    public const string ReparseFile = "$Reparse", ObjectIdFile = "$ObjId", QuotaFile = "$Quota";

    private static readonly NtfsIndexKind Reparse = new("$R", 0, NtfsCollationRule.UnsignedLongs);
    private static readonly NtfsIndexKind ObjectIds = new("$O", 0, NtfsCollationRule.UnsignedLongs);
    private static readonly NtfsIndexKind Owners = new("$O", 0, NtfsCollationRule.Sid);
    private static readonly NtfsIndexKind Quotas = new("$Q", 0, NtfsCollationRule.UnsignedLong);

    private readonly NtfsCheckerIndex _index = new(state);

    public void Check()
    {
        if (state.MajorVersion < 3)
            return;
        CheckReparsePoints();
        CheckObjectIds();
        CheckQuotas();
    }

    /// <summary>The hash of an object id and the file that has it.</summary>
    public static ulong HashOfId(ReadOnlySpan<byte> id, NtfsReference file) =>
        NtfsNameHash.Of(NtfsNameHash.Of(OnDisk.View<U64Le>(id), OnDisk.View<U64Le>(id, 8)), file.Raw);

    // What such a record has is not known.
    private bool IsBroken(ulong reference)
    {
        var number = new NtfsReference(reference).Record;
        return state.Facts.Has(number) && (state.Facts[number].Flags & (NtfsFacts.Broken | NtfsFacts.Partial)) != 0;
    }

    private NtfsFile? Open(string name) => state.ExtendFiles.TryGetValue(name, out var number) ? state.Open(number) : null;

    private void CheckReparsePoints()
    {
        if (Open(ReparseFile) is { } file && !_index.Check(file, Reparse, VisitReparse) || state.IsReparseUnknown || state.ReparsePoints == 0)
            return;
        var keys = new HashSet<(uint Tag, ulong File)>();
        Again(ReparseFile, Reparse, item =>
        {
            if (item.Key.Length == NtfsReparseKey.Size)
                keys.Add((OnDisk.View<NtfsReparseKey>(item.Key).Tag, OnDisk.View<NtfsReparseKey>(item.Key).File.Raw));
        });
        foreach (var number in state.Facts.With(NtfsFacts.InUse | NtfsFacts.Base | NtfsFacts.HasReparsePoint))
        {
            if (state.Facts[number].Is(NtfsFacts.Shares) || state.Open(number) is not { } owner || Tag(owner) is not { } tag || keys.Remove((tag, owner.Reference.Raw)))
                continue;
            state.Error("NTFS-0420", owner.Base.Structure, owner.Base.Offset, $"has a reparse point (tag 0x{tag:X8}) that $Extend\\$Reparse does not name");
        }
        keys.RemoveWhere(k => IsBroken(k.File));
        foreach (var (tag, reference) in keys)
            state.Error("NTFS-0421", "$Extend\\$Reparse", null, $"names {new NtfsReference(reference)} with the tag 0x{tag:X8}, which has no such reparse point");
    }

    private void VisitReparse(NtfsIndexItem item)
    {
        if (item.Key.Length != NtfsReparseKey.Size)
            state.Error("NTFS-0421", "$Extend\\$Reparse", null, $"has a key of {item.Key.Length} bytes, expected {NtfsReparseKey.Size}");
        else
            state.ReparsePoints -= NtfsNameHash.Of(OnDisk.View<NtfsReparseKey>(item.Key).Tag, OnDisk.View<NtfsReparseKey>(item.Key).File.Raw);
    }

    private static uint? Tag(NtfsFile file)
    {
        try
        {
            return NtfsVolume.FindReparse(file)?.Tag;
        }
        catch (DiskFormatException)
        {
            // Told when the file was looked at.
            return null;
        }
    }

    private void CheckObjectIds()
    {
        if (Open(ObjectIdFile) is { } file && !_index.Check(file, ObjectIds, VisitObjectId) || state.ObjectIds == 0)
            return;
        var keys = new HashSet<(Guid Id, ulong File)>();
        Again(ObjectIdFile, ObjectIds, item =>
        {
            if (item.Key.Length == NtfsObjectId.Size && item.Data.Length >= 8)
                keys.Add((new Guid(item.Key), OnDisk.View<NtfsObjectIdData>(Padded(item.Data)).File.Raw));
        });
        foreach (var number in state.Facts.With(NtfsFacts.InUse | NtfsFacts.Base | NtfsFacts.HasObjectId))
        {
            if (state.Open(number) is not { } owner || ObjectId(owner) is not { } id || keys.Remove((id, owner.Reference.Raw)))
                continue;
            state.Error("NTFS-0422", owner.Base.Structure, owner.Base.Offset, $"has the object id {id} that $Extend\\$ObjId does not name");
        }
        keys.RemoveWhere(k => IsBroken(k.File));
        foreach (var (id, reference) in keys)
            state.Error("NTFS-0423", "$Extend\\$ObjId", null, $"names {new NtfsReference(reference)} by the object id {id}, which it does not have");
    }

    private void VisitObjectId(NtfsIndexItem item)
    {
        if (item.Key.Length != NtfsObjectId.Size || item.Data.Length < 8)
            state.Error("NTFS-0423", "$Extend\\$ObjId", null, $"has a key of {item.Key.Length} bytes with {item.Data.Length} of data, expected {NtfsObjectId.Size} with {NtfsObjectIdData.Size}");
        else
            state.ObjectIds -= HashOfId(item.Key, OnDisk.View<NtfsFileReference>(item.Data).Value);
    }

    private static ReadOnlySpan<byte> Padded(ReadOnlySpan<byte> data)
    {
        if (data.Length >= NtfsObjectIdData.Size)
            return data;
        var padded = new byte[NtfsObjectIdData.Size];
        data.CopyTo(padded);
        return padded;
    }

    private static Guid? ObjectId(NtfsFile file)
    {
        try
        {
            return file.TryFind(NtfsAttributeType.ObjectId, "", out _, out var attribute) && attribute is { IsResident: true, Value.Length: >= NtfsObjectId.Size }
                ? new Guid(attribute.Value[..NtfsObjectId.Size]) : null;
        }
        catch (DiskFormatException)
        {
            // Told when the file was looked at.
            return null;
        }
    }

    // Owners by number, with the SID; and by SID, with the number.
    private void CheckQuotas()
    {
        if (Open(QuotaFile) is not { } file)
            return;
        const string structure = "$Extend\\$Quota";
        var owners = new Dictionary<uint, string>();
        var isWhole = _index.Check(file, Quotas, item =>
        {
            if (item.Key.Length == 4 && item.Data.Length >= NtfsQuotaData.Size)
                owners[OnDisk.View<U32Le>(item.Key)] = Convert.ToHexString(item.Data[NtfsQuotaData.Size..]);
            else
                state.Error("NTFS-0430", structure, null, $"$Q has a key of {item.Key.Length} bytes with {item.Data.Length} of data, expected 4 with at least {NtfsQuotaData.Size}");
        });
        var named = new HashSet<uint>();
        isWhole &= _index.Check(file, Owners, item =>
        {
            var owner = item.Data.Length >= 4 ? (uint)OnDisk.View<U32Le>(item.Data) : 0;
            // SIDs have their length; what is behind one in $Q is padding.
            if (!owners.TryGetValue(owner, out var sid) || !sid.StartsWith(Convert.ToHexString(item.Key), StringComparison.Ordinal))
                state.Error("NTFS-0430", structure, null, $"$O names the owner 0x{owner:X} by a SID that $Q does not have for it");
            named.Add(owner);
        });
        if (!isWhole)
            return;
        foreach (var (owner, sid) in owners)
        {
            if (sid.Length > 0 && !named.Contains(owner))
                state.Error("NTFS-0430", structure, null, $"$Q has the owner 0x{owner:X}, whom $O does not name");
        }
        foreach (var (owner, record) in state.OwnerIds)
        {
            if (!owners.ContainsKey(owner))
                state.Note("NTFS-0431", $"Record {record}", null, $"belongs to the owner 0x{owner:X}, whom $Extend\\$Quota does not have");
        }
    }

    // Once more through an index that was whole.
    private void Again(string name, NtfsIndexKind kind, Action<NtfsIndexItem> visit)
    {
        if (Open(name) is not { } file || NtfsIndex.Open(state.Geometry, file, kind.Name, state.Nodes) is not { } index)
            return;
        foreach (var item in index.Entries())
            visit(item);
    }
}
