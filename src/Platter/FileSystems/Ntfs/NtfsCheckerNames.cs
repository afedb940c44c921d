using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Looks at the $FILE_NAMEs of a record.</summary>
internal sealed class NtfsCheckerNames(NtfsCheckState state)
{
    // Records 12 to 15 are set aside, and have no names; those up to 23 are for extents of $MFT.
    private const long FirstReserved = 12;

    private readonly List<(NtfsReference Parent, string Name, NtfsNamespace Space)> _found = [];

    public void Check(NtfsCheckedFile file, bool isPartial)
    {
        _found.Clear();
        var number = file.Base.Number;
        ref var fact = ref state.Facts[number];
        fact.Link = uint.MaxValue;
        var count = 0;
        foreach (var attribute in file.Attributes)
        {
            if (attribute.Type != NtfsAttributeType.FileName || !attribute.Attribute.IsResident)
                continue;
            count++;
            CheckOne(file, attribute, ref fact);
        }
        if (!isPartial && count != file.Base.Header.LinkCount)
            state.Error("NTFS-0117", file.Structure, file.Base.Offset + 0x12, $"link count: found {file.Base.Header.LinkCount}, expected {count}");
        if (count == 0 && !isPartial && number is < FirstReserved or >= NtfsMft.FirstFreeRecord)
        {
            state.MarkLost(number);
            state.Error("NTFS-0129", file.Structure, file.Base.Offset, "has no name");
        }
        CheckPairs(file);
        if (number <= NtfsMft.ExtendRecord && _found.Count > 0)
        {
            var expected = NtfsCheckerFiles.OwnName(number, state.MajorVersion);
            if (!_found.Exists(n => n.Name == expected && n.Parent.Record == NtfsMft.RootRecord) && (state.MajorVersion >= 3 || number < NtfsMft.ExtendRecord))
            {
                state.MarkLost(number);
                state.Error("NTFS-0142", file.Structure, file.Base.Offset, $"expected {expected}");
            }
        }
    }

    private void CheckOne(NtfsCheckedFile file, NtfsFoundAttribute attribute, ref NtfsRecordFact fact)
    {
        var value = attribute.Attribute.Value;
        if (NtfsFileNames.Problem(value) is { } problem)
        {
            state.Error("NTFS-0113", file.Structure, attribute.Place, problem);
            fact.Flags |= NtfsFacts.Partial;
            state.MarkLost(file.Base.Number);
            return;
        }
        if ((OnDisk.View<NtfsResidentHeader>(attribute.Attribute.Bytes).ResidentFlags & NtfsResidentHeader.IndexedFlag) == 0)
            state.Warning("NTFS-0133", file.Structure, attribute.Place + 0x16, "a $FILE_NAME is not marked as indexed");
        ref readonly var head = ref OnDisk.View<NtfsFileName>(value);
        var name = NtfsCollation.NameOf(value).ToString();
        _found.Add((head.Parent.Value, name, head.Namespace));
        fact.Names += NtfsNameHash.Of(head.Parent.Value, head.Namespace, name);
        if (head.Namespace != NtfsNamespace.Dos)
            fact.Link = (uint)Math.Min(head.Parent.Record, uint.MaxValue);
        if (UnitProblem(name, head.Namespace) is { } units)
        {
            state.MarkLost(file.Base.Number);
            state.Warning("NTFS-0131", file.Structure, attribute.Place, units);
        }
        if (((head.Attributes & NtfsFileAttributes.HasNameIndex) != 0) != file.Base.IsDirectory)
            state.Warning("NTFS-0127", file.Structure, attribute.Place, file.Base.IsDirectory ? "is a directory, and its $FILE_NAME does not say so" : "is no directory, and its $FILE_NAME says so");
        if (head.Parent.Record == NtfsMft.ExtendRecord && name is NtfsCheckerViews.ReparseFile or NtfsCheckerViews.ObjectIdFile or NtfsCheckerViews.QuotaFile)
            state.ExtendFiles.TryAdd(name, file.Base.Number);
    }

    /// <summary>What is wrong with the units of a name, or null.</summary>
    public static string? UnitProblem(string name, NtfsNamespace space)
    {
        foreach (var unit in name)
        {
            if (unit is '\0' or '/')
                return $"'{name}' has the unit 0x{(int)unit:X2}, which no name may have";
            if (space != NtfsNamespace.Posix && (unit < ' ' || unit is '\\' or ':' or '*' or '?' or '"' or '<' or '>' or '|'))
                return $"'{name}' is a Windows name with the unit 0x{(int)unit:X2}, which those may not have";
        }
        if (space != NtfsNamespace.Dos)
            return null;
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        var (main, extension) = dot < 0 ? (name.Length, 0) : (dot, name.Length - dot - 1);
        return main is 0 or > 8 || extension > 3 || name.AsSpan(dot + 1).Contains('.') && dot >= 0 ? $"'{name}' is a short name, and not of the form 8.3" : null;
    }

    // A short name stands beside a long one of the same directory; and there is one at most.
    private void CheckPairs(NtfsCheckedFile file)
    {
        if (PairProblem(_found, file.Base.IsDirectory) is not { } problem)
            return;
        state.MarkLost(file.Base.Number);
        state.Error("NTFS-0130", file.Structure, file.Base.Offset, problem);
    }

    /// <summary>What is wrong with the names of a file together, or null.</summary>
    public static string? PairProblem(List<(NtfsReference Parent, string Name, NtfsNamespace Space)> names, bool isDirectory)
    {
        var shorts = names.FindAll(n => n.Space == NtfsNamespace.Dos);
        if (shorts.Count > 1)
            return $"has {shorts.Count} short names";
        if (shorts.Count > 0 && !names.Exists(n => n.Space == NtfsNamespace.Win32 && n.Parent.Record == shorts[0].Parent.Record))
            return $"the short name '{shorts[0].Name}' has no long one beside it";
        return isDirectory && names.Count - shorts.Count > 1 ? $"is a directory with {names.Count - shorts.Count} names" : null;
    }
}
