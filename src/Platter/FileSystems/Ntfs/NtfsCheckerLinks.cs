using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Finds, for the records whose names do not add up, which name is where and should not be, or should be and is not.</summary>
internal sealed class NtfsCheckerLinks(NtfsCheckState state)
{
    // What a damaged volume may make this remember.
    private const int MaxRecords = 100_000;

    private readonly Dictionary<long, List<(NtfsReference Parent, NtfsNamespace Space, string Name, bool IsFound)>> _names = [];

    /// <summary>Reports them; false when the search had to stop.</summary>
    public bool FindDifferences()
    {
        var isWhole = true;
        foreach (var number in state.Facts.With(NtfsFacts.InUse | NtfsFacts.Base))
        {
            if (state.Facts[number].Names == 0)
                continue;
            isWhole = _names.Count < MaxRecords;
            if (!isWhole)
                break;
            _names[number] = Names(number);
        }
        if (_names.Count == 0)
            return true;
        foreach (var number in state.Facts.With(NtfsFacts.InUse | NtfsFacts.Base | NtfsFacts.Directory))
        {
            state.Progress("comparing names", number, state.Facts.Count);
            LookThrough(number);
        }
        foreach (var (number, names) in _names)
        {
            foreach (var name in names)
            {
                if (!name.IsFound)
                    ReportMissing(number, name.Parent, name.Name);
            }
        }
        return isWhole;
    }

    private List<(NtfsReference Parent, NtfsNamespace Space, string Name, bool IsFound)> Names(long number)
    {
        var names = new List<(NtfsReference, NtfsNamespace, string, bool)>();
        if (state.Open(number) is not { } file)
            return names;
        try
        {
            foreach (var place in file.Places)
            {
                if (place.Type != NtfsAttributeType.FileName)
                    continue;
                var attribute = file.Resolve(place, out _);
                if (!attribute.IsResident || NtfsFileNames.Problem(attribute.Value) is not null)
                    continue;
                ref readonly var value = ref OnDisk.View<NtfsFileName>(attribute.Value);
                names.Add((value.Parent.Value, value.Namespace, NtfsCollation.NameOf(attribute.Value).ToString(), false));
            }
        }
        catch (DiskFormatException)
        {
            // Told when the record was looked at; it is partial.
        }
        return names;
    }

    private void LookThrough(long number)
    {
        if (state.Facts[number].Is(NtfsFacts.Shares) || state.Open(number) is not { } file)
            return;
        try
        {
            if (NtfsIndex.Open(state.Geometry, file, NtfsDirectory.IndexName, state.Nodes) is not { } index)
                return;
            foreach (var item in index.Entries())
            {
                if (_names.TryGetValue(item.File.Record, out var names) && NtfsFileNames.Problem(item.Key) is null)
                    Match(file.Base, item, names);
            }
        }
        catch (DiskFormatException)
        {
            // Told when the index was looked at; names may be missing that were behind this.
            state.Facts[number].Flags |= NtfsFacts.IndexPartial;
        }
    }

    private void Match(NtfsRecord directory, NtfsIndexItem item, List<(NtfsReference Parent, NtfsNamespace Space, string Name, bool IsFound)> names)
    {
        ref readonly var key = ref OnDisk.View<NtfsFileName>(item.Key);
        if (key.Parent.Record != directory.Number)
            return;
        var name = NtfsCollation.NameOf(item.Key);
        var found = -1;
        for (var i = 0; i < names.Count; i++)
        {
            if (names[i].Parent == directory.Reference && names[i].Space == key.Namespace && name.SequenceEqual(names[i].Name) && !names[i].IsFound)
                found = i;
        }
        if (found >= 0)
            names[found] = names[found] with { IsFound = true };
        else if (!state.Facts[item.File.Record].Is(NtfsFacts.Partial))
        {
            state.MarkWrong(directory.Number, NtfsDirectory.IndexName);
            state.Error("NTFS-0315", $"{directory.Structure}, index {NtfsDirectory.IndexName}", directory.Offset, $"'{name}' leads to record {item.File.Record}, which has no such name");
        }
    }

    private void ReportMissing(long number, NtfsReference parent, string name)
    {
        var structure = $"Record {number} '{name}'";
        var isDirectory = state.Facts.Has(parent.Record) && state.Facts[parent.Record].Is(NtfsFacts.InUse | NtfsFacts.Base | NtfsFacts.Directory);
        if (!isDirectory || state.Facts[parent.Record].Sequence != parent.Sequence)
        {
            state.MarkLost(number);
            if (!isDirectory && state.Facts.Has(parent.Record) && state.Facts[parent.Record].Is(NtfsFacts.Broken))
                return;
            state.Error("NTFS-0132", structure, null, $"is a name in {parent}, {(isDirectory ? $"the directory's sequence number is {state.Facts[parent.Record].Sequence}" : "which is no directory")}");
            return;
        }
        state.MarkWrong(parent.Record, NtfsDirectory.IndexName);
        if (!state.Facts[parent.Record].Is(NtfsFacts.IndexPartial))
            state.Error("NTFS-0314", structure, null, $"is not in the directory of record {parent.Record}");
    }
}
