using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Makes the indexes of $Extend anew: object ids and reparse points from the files that have them, owners by SID from those by number.</summary>
internal sealed class NtfsRepairViews(NtfsRepairState repair, NtfsRepairEdit edit)
{
    private readonly NtfsCheckState _check = repair.Check!;

    public void Run()
    {
        if (Wanted(NtfsCheckerViews.ReparseFile, NtfsViewKeys.ReparseIndex, "NTFS-0420", "NTFS-0421") is { } reparse && !_check.IsReparseUnknown)
            Rebuild(reparse, NtfsViewKeys.ReparseIndex, NtfsCollationRule.UnsignedLongs, repair.Has("NTFS-0420") ? "NTFS-0420" : "NTFS-0421", ReparsePoints());
        if (Wanted(NtfsCheckerViews.ObjectIdFile, NtfsViewKeys.ObjectIdIndex, "NTFS-0422", "NTFS-0423") is { } objects)
            Rebuild(objects, NtfsViewKeys.ObjectIdIndex, NtfsCollationRule.UnsignedLongs, repair.Has("NTFS-0422") ? "NTFS-0422" : "NTFS-0423", ObjectIds(objects));
        // The owners by number hold what those by SID are made from.
        if (Wanted(NtfsCheckerViews.QuotaFile, NtfsViewKeys.QuotaSidIndex, "NTFS-0430") is { } quotas && !_check.WrongIndexes.Contains((quotas.Base.Number, NtfsViewKeys.QuotaIndex)))
            Rebuild(quotas, NtfsViewKeys.QuotaSidIndex, NtfsCollationRule.Sid, "NTFS-0430", Owners(quotas));
    }

    private NtfsFile? Wanted(string name, string index, params ReadOnlySpan<string> codes)
    {
        if (!_check.ExtendFiles.TryGetValue(name, out var number) || _check.Open(number) is not { } file || (!_check.WrongIndexes.Contains((number, index)) && !repair.HasAny(codes)))
            return null;
        return file;
    }

    private void Rebuild(NtfsFile file, string index, NtfsCollationRule rule, string code, List<byte[]> entries)
    {
        var upcase = _check.Upcase!;
        entries.Sort((a, b) => NtfsCollation.Compare(rule, KeyOf(a), KeyOf(b), upcase));
        var added = 0;
        if (edit.TryDo(state =>
        {
            var editor = NtfsRepairIndex.Empty(state.File(file.Reference), index, NtfsAttributeType.None, rule);
            foreach (var entry in entries)
                added += editor.TryInsert(entry) ? 1 : 0;
        }))
            repair.Add(code, $"{file.Base.Structure}, index {index}", $"made anew: {added} entries");
    }

    private List<byte[]> ReparsePoints()
    {
        var entries = new List<byte[]>();
        foreach (var number in _check.Facts.With(NtfsFacts.InUse | NtfsFacts.Base | NtfsFacts.HasReparsePoint))
        {
            try
            {
                if (_check.Open(number) is { } file && NtfsVolume.FindReparse(file) is { } point)
                    entries.Add(NtfsViewKeys.ReparseEntry(point.Tag, file.Reference));
            }
            catch (DiskFormatException)
            {
                // Told by the check.
            }
        }
        return entries;
    }

    // The ids at a file's birth are in the index, too; where the file has none, only there.
    private List<byte[]> ObjectIds(NtfsFile list)
    {
        var births = new Dictionary<(Guid Id, ulong File), byte[]>();
        foreach (var item in NtfsIndexSalvage.Entries(_check, list, NtfsViewKeys.ObjectIdIndex))
        {
            if (item.Key.Length == NtfsObjectId.Size && item.Data.Length == NtfsObjectIdData.Size)
                births[(new Guid(item.Key), OnDisk.View<NtfsObjectIdData>(item.Data).File.Raw)] = item.Data[8..].ToArray();
        }
        var entries = new List<byte[]>();
        foreach (var number in _check.Facts.With(NtfsFacts.InUse | NtfsFacts.Base | NtfsFacts.HasObjectId))
        {
            if (_check.Open(number) is not { } file || ObjectId(file) is not { } value)
                continue;
            if (value.Length < NtfsObjectId.FullSize && births.TryGetValue((new Guid(value.AsSpan(0, NtfsObjectId.Size)), file.Reference.Raw), out var birth))
                value = [.. value.AsSpan(0, NtfsObjectId.Size), .. birth];
            entries.Add(NtfsViewKeys.ObjectIdEntry(value.AsSpan(0, value.Length < NtfsObjectId.FullSize ? NtfsObjectId.Size : NtfsObjectId.FullSize), file.Reference));
        }
        return entries;
    }

    private static byte[]? ObjectId(NtfsFile file)
    {
        try
        {
            return file.TryFind(NtfsAttributeType.ObjectId, "", out _, out var attribute) && attribute is { IsResident: true, Value.Length: >= NtfsObjectId.Size } ? attribute.Value.ToArray() : null;
        }
        catch (DiskFormatException)
        {
            // Told by the check.
            return null;
        }
    }

    private List<byte[]> Owners(NtfsFile quotas)
    {
        var entries = new List<byte[]>();
        foreach (var item in NtfsIndexSalvage.Entries(_check, quotas, NtfsViewKeys.QuotaIndex))
        {
            if (item.Key.Length != 4 || item.Data.Length < NtfsQuotaData.Size + NtfsSid.Size)
                continue;
            var sid = item.Data[NtfsQuotaData.Size..];
            var length = NtfsSid.Size + 4 * OnDisk.View<NtfsSid>(sid).SubAuthorityCount;
            if (length <= sid.Length)
                entries.Add(NtfsIndexEntries.OfView(sid[..length], item.Key));
        }
        return entries;
    }

    private static ReadOnlySpan<byte> KeyOf(byte[] entry) => entry.AsSpan(NtfsIndexEntry.Size, OnDisk.View<NtfsIndexEntry>(entry).KeyLength);
}
