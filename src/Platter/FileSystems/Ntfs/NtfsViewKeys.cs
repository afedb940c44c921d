using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The keys and entries of the indexes of $Extend, which list what hangs on files.</summary>
internal static class NtfsViewKeys
{
    /// <summary>The indexes' names: $Reparse:$R, $ObjId:$O, $Quota:$O (by SID) and $Quota:$Q (by owner's id).</summary>
    public const string ReparseIndex = "$R", ObjectIdIndex = "$O", QuotaSidIndex = "$O", QuotaIndex = "$Q";

    /// <summary>A key of $Reparse:$R.</summary>
    public static byte[] Reparse(uint tag, NtfsReference file)
    {
        var key = new byte[NtfsReparseKey.Size];
        ref var parts = ref OnDisk.Edit<NtfsReparseKey>(key);
        parts.Tag = tag;
        parts.File = file;
        return key;
    }

    /// <summary>An entry of $Reparse:$R, which has no data.</summary>
    public static byte[] ReparseEntry(uint tag, NtfsReference file) => NtfsIndexEntries.OfView(Reparse(tag, file), []);

    /// <summary>The key of $ObjId:$O for a value of $OBJECT_ID.</summary>
    /// <exception cref="ArgumentException">It is neither of 16 bytes nor of 64.</exception>
    public static ReadOnlySpan<byte> ObjectId(ReadOnlySpan<byte> value) => value.Length is NtfsObjectId.Size or NtfsObjectId.FullSize
        ? value[..NtfsObjectId.Size] : throw new ArgumentException($"an object id has {NtfsObjectId.Size} or {NtfsObjectId.FullSize} bytes, not {value.Length}", nameof(value));

    /// <summary>An entry of $ObjId:$O.</summary>
    /// <param name="value">The value of $OBJECT_ID; without birth ids those of the entry are zero.</param>
    /// <param name="file">Whose it is.</param>
    public static byte[] ObjectIdEntry(ReadOnlySpan<byte> value, NtfsReference file)
    {
        var data = new byte[NtfsObjectIdData.Size];
        OnDisk.Edit<NtfsObjectIdData>(data).File = file;
        var key = ObjectId(value);
        value[key.Length..].CopyTo(data.AsSpan(8));
        return NtfsIndexEntries.OfView(key, data);
    }

    /// <summary>Tells Windows that the numbers of used bytes are no longer right: it counts them again when it mounts the volume.</summary>
    /// <param name="quotas">$Quota:$Q.</param>
    /// <returns>Whether quotas are tracked; otherwise nothing was changed.</returns>
    public static bool MarkQuotaOutOfDate(NtfsIndexEditor quotas)
    {
        // The owner with the id 1 stands for all: its flags are the volume's.
        byte[] defaults = [1, 0, 0, 0];
        if (quotas.Find(defaults) is not { } item || item.Data.Length < NtfsQuotaData.Size)
            return false;
        var data = item.Data.ToArray();
        ref var quota = ref OnDisk.Edit<NtfsQuotaData>(data);
        if ((quota.Flags & NtfsQuotaData.TrackingEnabled) == 0)
            return false;
        if ((quota.Flags & NtfsQuotaData.OutOfDate) != 0)
            return true;
        quota.Flags = quota.Flags | NtfsQuotaData.OutOfDate;
        quotas.TryUpdate(NtfsIndexEntries.OfView(defaults, data));
        return true;
    }
}
