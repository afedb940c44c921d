using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The indexes of $Extend that list files by something else than their names: reparse points, object ids.</summary>
internal static class NtfsExtendIndexes
{
    private const string ReparseFile = "$Reparse", ReparseIndex = "$R", ObjectIdFile = "$ObjId", ObjectIdIndex = "$O";

    /// <summary>A file has become a reparse point.</summary>
    public static void AddReparse(NtfsFileEditor file, uint tag)
    {
        if (Open(file.State, ReparseFile, ReparseIndex) is { } index)
            index.TryInsert(NtfsIndexEntries.OfView(ReparseKey(file, tag), default));
    }

    /// <summary>A file goes, or is no reparse point any more.</summary>
    public static void RemoveReparse(NtfsFileEditor file, uint tag)
    {
        if (Open(file.State, ReparseFile, ReparseIndex) is { } index)
            index.TryRemove(ReparseKey(file, tag));
    }

    /// <summary>A file goes.</summary>
    public static void Remove(NtfsFileEditor file)
    {
        if (file.Open(NtfsAttributeType.ReparsePoint) is { Length: >= NtfsReparseHeader.Size } reparse)
        {
            var tag = new byte[4];
            reparse.Read(0, tag);
            RemoveReparse(file, OnDisk.View<U32Le>(tag));
        }
        if (file.Open(NtfsAttributeType.ObjectId) is { Length: >= NtfsObjectId.Size } objectId && Open(file.State, ObjectIdFile, ObjectIdIndex) is { } ids)
        {
            var id = new byte[NtfsObjectId.Size];
            objectId.Read(0, id);
            ids.TryRemove(id);
        }
    }

    private static byte[] ReparseKey(NtfsFileEditor file, uint tag)
    {
        var key = new byte[NtfsReparseKey.Size];
        ref var head = ref OnDisk.Edit<NtfsReparseKey>(key);
        head.Tag = tag;
        head.File = file.Reference;
        return key;
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
