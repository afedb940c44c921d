using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The indexes of $Extend that list files by something else than their names: reparse points, object ids.</summary>
internal static class NtfsExtendIndexes
{
    private const string ReparseFile = "$Reparse", ObjectIdFile = "$ObjId", QuotaFile = "$Quota";

    /// <summary>A file has become a reparse point.</summary>
    public static void AddReparse(NtfsFileEditor file, uint tag)
    {
        if (Open(file.State, ReparseFile, NtfsViewKeys.ReparseIndex) is { } index)
            index.TryInsert(NtfsViewKeys.ReparseEntry(tag, file.Reference));
    }

    /// <summary>A file goes, or is no reparse point any more.</summary>
    public static void RemoveReparse(NtfsFileEditor file)
    {
        if (file.Open(NtfsAttributeType.ReparsePoint) is not { Length: >= NtfsReparseHeader.Size } reparse)
            return;
        var tag = new byte[4];
        reparse.Read(0, tag);
        if (Open(file.State, ReparseFile, NtfsViewKeys.ReparseIndex) is { } index)
            index.TryRemove(NtfsViewKeys.Reparse(OnDisk.View<U32Le>(tag), file.Reference));
    }

    /// <summary>Space was taken or given back that no quota was charged for: Windows has to count anew.</summary>
    public static void MarkQuotas(NtfsEditState state)
    {
        if (Open(state, QuotaFile, NtfsViewKeys.QuotaIndex) is { } quotas)
            NtfsViewKeys.MarkQuotaOutOfDate(quotas);
    }

    /// <summary>A file goes.</summary>
    public static void Remove(NtfsFileEditor file)
    {
        RemoveReparse(file);
        RemoveObjectId(file);
    }

    /// <summary>Gives a file an object id; false when another one has it.</summary>
    /// <exception cref="UnsupportedFeatureException">The volume has no list of object ids.</exception>
    public static bool AddObjectId(NtfsFileEditor file, byte[] value) =>
        (Open(file.State, ObjectIdFile, NtfsViewKeys.ObjectIdIndex) ?? throw new UnsupportedFeatureException("the volume has no $ObjId, and so no object ids"))
            .TryInsert(NtfsViewKeys.ObjectIdEntry(value, file.Reference));

    /// <summary>Takes a file's object id out of the list.</summary>
    public static void RemoveObjectId(NtfsFileEditor file)
    {
        if (file.Open(NtfsAttributeType.ObjectId) is { Length: >= NtfsObjectId.Size } objectId && Open(file.State, ObjectIdFile, NtfsViewKeys.ObjectIdIndex) is { } ids)
        {
            var id = new byte[NtfsObjectId.Size];
            objectId.Read(0, id);
            ids.TryRemove(id);
        }
    }

    private static NtfsIndexEditor? Open(NtfsEditState state, string name, string index)
    {
        var extend = state.Volume.OpenSystemFile(NtfsMft.ExtendRecord);
        if (!extend.Base.IsDirectory || !state.Volume.TryLookup(new NodeId(extend.Reference.Raw), name, out var id))
            return null;
        var file = state.File(new NtfsReference(id.Value));
        return file.Has(NtfsAttributeType.IndexRoot, index)
            ? new NtfsIndexEditor(new NtfsFileIndexStorage(file, index), state.Volume.Upcase, file.Structure(NtfsAttributeType.IndexAllocation, index)) : null;
    }
}
