using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Looks at the indexes of all directories, and holds their names against those of the records, both ways; then whether every directory hangs on the root.</summary>
internal sealed class NtfsCheckerDirectories(NtfsCheckState state)
{
    private readonly NtfsCheckerIndex _index = new(state);

    // The directory at hand.
    private NtfsRecord _record = null!;
    private string _structure = "";
    private bool _isCaseSensitive;
    private string _lastName = "";
    private NtfsNamespace _lastSpace;
    private long _stale;
    private string _firstStale = "";

    public void Check()
    {
        foreach (var number in state.Facts.With(NtfsFacts.InUse | NtfsFacts.Base | NtfsFacts.Directory))
        {
            state.Progress("checking directories", number, state.Facts.Count);
            if (state.Open(number) is { } file && !CheckOne(file))
                state.Facts[number].Flags |= NtfsFacts.IndexPartial;
        }
        if (_stale > 0)
            state.Note("NTFS-0135", "Directories", null, $"{_stale} names have sizes or attributes that the file has no longer, the first is {_firstStale}");
        if (!new NtfsCheckerLinks(state).FindDifferences())
            return;
        CheckConnections();
    }

    private bool CheckOne(NtfsFile file)
    {
        _record = file.Base;
        _structure = $"{file.Base.Structure}, index {NtfsDirectory.IndexName}";
        (_lastName, _lastSpace) = ("", NtfsNamespace.Posix);
        try
        {
            _isCaseSensitive = NtfsVolume.IsCaseSensitive(file);
        }
        catch (DiskFormatException e)
        {
            state.Error(e, file.Base.Number);
            return false;
        }
        return _index.Check(file, NtfsIndexKind.Directory, Visit);
    }

    private void Error(string code, string message)
    {
        state.MarkWrong(_record.Number, NtfsDirectory.IndexName);
        state.Error(code, _structure, _record.Offset, message);
    }

    private void Warning(string code, string message)
    {
        state.MarkWrong(_record.Number, NtfsDirectory.IndexName);
        state.Warning(code, _structure, _record.Offset, message);
    }

    private void Visit(NtfsIndexItem item)
    {
        if (NtfsFileNames.Problem(item.Key) is { } problem)
        {
            Error("NTFS-0303", problem);
            return;
        }
        ref readonly var key = ref OnDisk.View<NtfsFileName>(item.Key);
        var name = NtfsCollation.NameOf(item.Key).ToString();
        CheckForm(item, name);
        CheckCase(name, key.Namespace);
        if (key.Parent.Value != _record.Reference)
        {
            Error("NTFS-0305", $"'{name}' is a name in the directory {key.Parent.Value}, expected {_record.Reference}");
            if (key.Parent.Record != _record.Number)
                return;
        }
        CheckTarget(item, key, name);
    }

    private void CheckTarget(NtfsIndexItem item, in NtfsFileName key, string name)
    {
        var number = item.File.Record;
        if (!state.Facts.Has(number))
        {
            Error("NTFS-0100", $"'{name}' leads to record {number}, expected 0..{state.Facts.Count - 1}");
            return;
        }
        ref var fact = ref state.Facts[number];
        if (fact.Is(NtfsFacts.Broken))
            return;
        if (!fact.Is(NtfsFacts.InUse | NtfsFacts.Base))
        {
            // One that was given up in order has another sequence number since.
            if (!fact.Is(NtfsFacts.InUse) && fact.Sequence == item.File.Sequence && fact.Sequence != 0 && state.MftBitmap?[number] == true)
                state.MarkFreed(number);
            if (fact.Is(NtfsFacts.InUse) && !fact.Is(NtfsFacts.Owned) && fact.Sequence == item.File.Sequence)
                state.MarkEstranged(number);
            Error("NTFS-0104", $"'{name}' leads to record {number}, which {(fact.Is(NtfsFacts.InUse) ? "holds attributes of another" : "is not in use")}");
            return;
        }
        fact.Names -= NtfsNameHash.Of(_record.Reference, key.Namespace, name);
        if (fact.Sequence == 0 && item.File.Sequence != 0)
            state.MarkSequence(item.File);
        if (fact.Sequence != item.File.Sequence)
            Error("NTFS-0104", $"'{name}' leads to {item.File}, the record's sequence number is {fact.Sequence}");
        if (((key.Attributes & NtfsFileAttributes.HasNameIndex) != 0) != fact.Is(NtfsFacts.Directory))
            Warning("NTFS-0317", $"'{name}' is {(fact.Is(NtfsFacts.Directory) ? "a directory, and the index does not say so" : "no directory, and the index says so")}");
        uint attributes = key.Attributes & NtfsCheckerFiles.CopiedAttributes;
        var tag = (attributes & (uint)DosAttributes.ReparsePoint) != 0 ? (uint)key.ReparseTagOrEaSize : 0;
        if (number >= NtfsMft.FirstFreeRecord && NtfsNameHash.Copies((long)(ulong)key.AllocatedSize, (long)(ulong)key.DataSize, attributes, tag) != fact.Copies)
        {
            if (_stale++ == 0)
                _firstStale = $"'{name}' of record {number} in {_record.Structure}";
            state.MarkStale(number);
        }
    }

    private void CheckForm(NtfsIndexItem item, string name)
    {
        var keyLength = NtfsFileName.Size + 2 * name.Length;
        var length = (NtfsIndexEntry.Size + keyLength + 7 & ~7) + (item.HasSubNode ? NtfsIndexEntry.SubNodeSize : 0);
        if (item.Entry.KeyLength != keyLength || item.Entry.Length != length)
            Warning("NTFS-0319", $"the entry of '{name}' has {item.Entry.Length} bytes with a key of {item.Entry.KeyLength}, expected {length} with {keyLength}");
    }

    // Names that are one to Windows stand beside each other.
    private void CheckCase(string name, NtfsNamespace space)
    {
        if (!_isCaseSensitive && space != NtfsNamespace.Posix && _lastSpace != NtfsNamespace.Posix && state.Upcase?.AreEqual(_lastName, name) == true)
            state.Error("NTFS-0318", _structure, _record.Offset, $"'{_lastName}' and '{name}' are the same to Windows");
        (_lastName, _lastSpace) = (name, space);
    }

    // Every directory's parents lead to the root.
    private void CheckConnections()
    {
        if (state.Facts.Has(NtfsMft.RootRecord))
            state.Facts[NtfsMft.RootRecord].Flags |= NtfsFacts.Reached;
        var way = new List<long>();
        foreach (var number in state.Facts.With(NtfsFacts.InUse | NtfsFacts.Base | NtfsFacts.Directory))
        {
            way.Clear();
            var at = number;
            while (IsDirectory(at) && (state.Facts[at].Flags & (NtfsFacts.Reached | NtfsFacts.Passing)) == 0)
            {
                state.Facts[at].Flags |= NtfsFacts.Passing;
                way.Add(at);
                at = state.Facts[at].Link;
            }
            if (IsDirectory(at) && state.Facts[at].Is(NtfsFacts.Passing) && !state.Facts[at].Is(NtfsFacts.Reached))
            {
                state.Circles.Add(number);
                state.Error("NTFS-0316", $"Record {number}", null, $"is a directory that its own sub-directories lead to, by record {at}, and not the root");
            }
            // What leads to no directory was told with its name.
            foreach (var passed in way)
            {
                state.Facts[passed].Flags &= ~NtfsFacts.Passing;
                state.Facts[passed].Flags |= NtfsFacts.Reached;
            }
        }
    }

    private bool IsDirectory(long number) => state.Facts.Has(number) && state.Facts[number].Is(NtfsFacts.InUse | NtfsFacts.Base | NtfsFacts.Directory);
}
