using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Makes indexes of names anew from the $FILE_NAMEs of all records that name the directory as theirs.</summary>
/// <remarks>
/// One pass over the records finds which of them have names in which of the broken directories: 8 bytes for each. Then directory by directory, so many names at a
/// time, in order. Where a record with such a name cannot be read, or not whole, what the old index says of it stays.
/// </remarks>
internal sealed class NtfsRepairDirectories(NtfsRepairState repair, NtfsRepairEdit edit, HashSet<long> skipped)
{
    private const string IndexName = NtfsDirectory.IndexName;

    // Names that are put in order, and into the index, within one edit.
    private const int ChunkNames = 8192;

    // Names that are tried for a file when another one has its name.
    private const int MaxOtherNames = 10_000;

    private readonly NtfsCheckState _check = repair.Check!;

    // Directory and record, 32 bits each.
    private readonly List<ulong> _names = [];

    public void Run()
    {
        var wrong = new HashSet<long>();
        foreach (var (number, index) in _check.WrongIndexes)
        {
            if (index == IndexName && !skipped.Contains(number) && _check.Facts.Has(number) && _check.Facts[number].Is(NtfsFacts.InUse | NtfsFacts.Base | NtfsFacts.Directory))
                wrong.Add(number);
        }
        if (wrong.Count == 0)
            return;
        FindNames(wrong);
        var code = CodeOf();
        foreach (var number in wrong.Order())
        {
            _check.Progress("repairing directories", number, _check.Facts.Count);
            if (Rebuild(number) is { } count)
                repair.Add(code, $"Record {number}, index {IndexName}", $"made anew from the records: {count} names");
        }
    }

    // One of those that are answered; the check says which directory has which.
    private string CodeOf()
    {
        foreach (var finding in repair.Report.Findings)
        {
            if (string.CompareOrdinal(finding.Code, "NTFS-0300") >= 0 && string.CompareOrdinal(finding.Code, "NTFS-0320") <= 0)
                return finding.Code;
        }
        return repair.Has("NTFS-0104") ? "NTFS-0104" : "NTFS-0314";
    }

    private void FindNames(HashSet<long> wrong)
    {
        foreach (var number in _check.Facts.With(NtfsFacts.InUse | NtfsFacts.Base))
        {
            _check.Progress("gathering names", number, _check.Facts.Count);
            if (_check.Facts[number].Is(NtfsFacts.Broken))
                continue;
            var last = -1L;
            foreach (var name in NtfsRepairNames.Of(_check, number))
            {
                var parent = OnDisk.View<NtfsFileName>(name).Parent.Value;
                if (parent.Record == last || !wrong.Contains(parent.Record))
                    continue;
                last = parent.Record;
                _names.Add((ulong)parent.Record << 32 | (uint)number);
            }
        }
        _names.Sort();
    }

    /// <returns>How many names it has; null when it was left as it is.</returns>
    private int? Rebuild(long number)
    {
        if (_check.Open(number) is not { } file)
            return null;
        var directory = file.Reference;
        var kept = Kept(file);
        var at = _names.BinarySearch((ulong)number << 32);
        at = at < 0 ? ~at : at;
        var end = _names.BinarySearch((ulong)(number + 1) << 32);
        end = end < 0 ? ~end : end;
        var records = CollectionsMarshal.AsSpan(_names)[at..end].ToArray();
        var count = 0;
        for (var first = 0; first == 0 || first < records.Length; first += ChunkNames)
        {
            var chunk = records.AsSpan(first, Math.Min(ChunkNames, records.Length - first)).ToArray();
            var (isFirst, added) = (first == 0, 0);
            var isDone = edit.TryDo(state =>
            {
                var editor = state.File(directory);
                var index = isFirst ? NtfsRepairIndex.Empty(editor, IndexName, NtfsAttributeType.FileName, NtfsCollationRule.FileName) : NtfsRepairIndex.Open(editor, IndexName);
                if (isFirst)
                    added += Insert(state, index, kept);
                added += Insert(state, index, Entries(directory, chunk));
            });
            if (!isDone)
            {
                skipped.Add(number);
                return isFirst ? null : throw new DiskFormatException("NTFS-0302", $"Record {number}, index {IndexName}", file.Base.Offset, "could not be made anew");
            }
            count += added;
            edit.Write();
        }
        return count;
    }

    private List<byte[]> Entries(NtfsReference directory, ulong[] records)
    {
        var entries = new List<byte[]>();
        foreach (var pair in records)
        {
            var number = (long)(uint)pair;
            if (_check.Open(number) is not { } file)
                continue;
            foreach (var name in NtfsRepairNames.Of(_check, number))
            {
                if (OnDisk.View<NtfsFileName>(name).Parent.Value != directory)
                    continue;
                NtfsRepairNames.Refresh(file, name);
                entries.Add(NtfsIndexEntries.OfName(file.Reference, name));
            }
        }
        return entries;
    }

    // What the old index says of records that cannot be read, or not whole.
    private List<byte[]> Kept(NtfsFile directory)
    {
        var entries = new List<byte[]>();
        foreach (var item in NtfsIndexSalvage.Entries(_check, directory, IndexName))
        {
            var target = item.File;
            if (NtfsFileNames.Problem(item.Key) is not null || OnDisk.View<NtfsFileName>(item.Key).Parent.Value != directory.Reference
                || !_check.Facts.Has(target.Record) || target.Record == directory.Base.Number)
                continue;
            var fact = _check.Facts[target.Record];
            if ((fact.Flags & (NtfsFacts.Broken | NtfsFacts.Partial)) == 0 || (!fact.Is(NtfsFacts.Broken) && fact.Sequence != target.Sequence))
                continue;
            var name = item.Key[..(NtfsFileName.Size + 2 * OnDisk.View<NtfsFileName>(item.Key).NameLength)].ToArray();
            entries.Add(NtfsIndexEntries.OfName(target, name));
        }
        return entries;
    }

    private static int Insert(NtfsEditState state, NtfsIndexEditor index, List<byte[]> entries)
    {
        entries.Sort((a, b) => NtfsCollation.Compare(NtfsCollationRule.FileName, KeyOf(a), KeyOf(b), state.Volume.Upcase));
        var added = 0;
        foreach (var entry in entries)
        {
            if (index.TryInsert(entry))
                added++;
            else
                added += InsertOtherwise(state, index, entry) ? 1 : 0;
        }
        return added;
    }

    // Another file has the name: this one gets another, in its record, too.
    private static bool InsertOtherwise(NtfsEditState state, NtfsIndexEditor index, byte[] entry)
    {
        var reference = OnDisk.View<NtfsIndexEntry>(entry).File.Value;
        if (index.Find(KeyOf(entry)) is { } known && known.File == reference)
            return false;
        var file = state.File(reference);
        if (NtfsNames.Of(file).Find(h => h.Value.Length >= NtfsFileName.Size && IsSameName(h.Value, entry)) is not { } held)
            return false;
        for (var i = 0; i < MaxOtherNames; i++)
        {
            var value = NtfsRepairNames.Renamed(KeyOf(entry), NtfsRepairNames.FoundName((file.Flags & NtfsRecordFlags.Directory) != 0, i));
            if (!index.TryInsert(NtfsIndexEntries.OfName(reference, value)))
                continue;
            file.Replace(held, NtfsAttributeBytes.Resident(NtfsAttributeType.FileName, "", value));
            return true;
        }
        return false;
    }

    private static bool IsSameName(ReadOnlySpan<byte> value, byte[] entry) => OnDisk.View<NtfsFileName>(value).Parent.Value == OnDisk.View<NtfsFileName>(KeyOf(entry)).Parent.Value
        && NtfsCollation.NameOf(value).SequenceEqual(NtfsCollation.NameOf(KeyOf(entry)));

    private static ReadOnlySpan<byte> KeyOf(byte[] entry) => entry.AsSpan(NtfsIndexEntry.Size, OnDisk.View<NtfsIndexEntry>(entry).KeyLength);
}
