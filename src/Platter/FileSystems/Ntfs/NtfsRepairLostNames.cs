using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Names that lead nowhere, are not lawful, or are missing: by what directories say of the record, else in a folder for what was found.</summary>
/// <remarks>
/// Only records are changed here; the indexes follow when they are made anew. A name of a directory that is no more goes when its file has another one; when it has
/// not, it comes into <c>\found.000\dir0000.chk</c>, with the other names of the same lost directory. What has no name at all is <c>\found.000\file0000.chk</c>, as with chkdsk.
/// </remarks>
internal sealed class NtfsRepairLostNames(NtfsRepairState repair, NtfsRepairEdit edit)
{
    private readonly NtfsCheckState _check = repair.Check!;
    private readonly NtfsRepairFound _found = new(repair, edit);

    // What directories say of the records that are looked at.
    private readonly Dictionary<long, List<byte[]>> _said = [];

    public void Run()
    {
        _check.Lost.UnionWith(repair.Misnumbered);
        if (_check.Lost.Count > 0)
            Gather();
        foreach (var number in _check.Lost.Order())
        {
            if (_check.Facts.Has(number) && _check.Facts[number].Is(NtfsFacts.InUse | NtfsFacts.Base))
                Mend(number);
        }
        foreach (var number in _check.Circles)
        {
            if (_check.Facts[number].Is(NtfsFacts.InUse | NtfsFacts.Base | NtfsFacts.Directory) && number >= NtfsRecords.FirstOfFiles)
                MoveAway(number);
        }
    }

    private void Gather()
    {
        foreach (var number in _check.Facts.With(NtfsFacts.InUse | NtfsFacts.Base | NtfsFacts.Directory))
        {
            _check.Progress("looking for names", number, _check.Facts.Count);
            if (_check.Open(number) is not { } file)
                continue;
            foreach (var item in NtfsIndexSalvage.Entries(_check, file, NtfsDirectory.IndexName))
            {
                if (_check.Lost.Contains(item.File.Record) && _check.Facts[item.File.Record].Sequence == item.File.Sequence
                    && NtfsFileNames.Problem(item.Key) is null && OnDisk.View<NtfsFileName>(item.Key).Parent.Record == number)
                    Add(item.File.Record, file.Reference, item.Key);
            }
        }
    }

    private void Add(long number, NtfsReference directory, ReadOnlySpan<byte> key)
    {
        var name = key[..(NtfsFileName.Size + 2 * OnDisk.View<NtfsFileName>(key).NameLength)].ToArray();
        OnDisk.Edit<NtfsFileName>(name).Parent = directory;
        if (!_said.TryGetValue(number, out var names))
            _said[number] = names = [];
        if (!names.Exists(n => IsSame(n, name)))
            names.Add(name);
    }

    private void Mend(long number)
    {
        var own = NtfsRepairNames.Of(_check, number);
        var said = _said.GetValueOrDefault(number) ?? [];
        said.RemoveAll(n => !IsUsable(number, n));
        // The names of a record that calls itself another may be the other's.
        var isAnothers = repair.Misnumbered.Contains(number) && IsLawful(number, said) && !own.Exists(o => said.Exists(s => IsSame(s, o)));
        if (IsLawful(number, own) && !HasBroken(number) && !isAnothers)
            return;
        var usable = isAnothers ? [] : own.FindAll(n => IsUsable(number, n));
        List<byte[]> best = [.. usable.Where(n => !said.Exists(s => IsSameText(s, n) && ParentOf(s) == ParentOf(n))), .. said];
        if (!IsLawful(number, best))
            best = usable;
        if (IsLawful(number, best))
        {
            if (edit.TryDo(state => Set(state, number, best)))
                repair.Add(CodeOf(own), $"Record {number}", $"has the name {Quoted(best)}{(said.Count > 0 ? ", as its directory says" : "")}");
            return;
        }
        // A name that is merely against the rules is left where it is.
        if (number >= NtfsRecords.FirstOfFiles && !own.Exists(n => IsDirectory(ParentOf(n))))
            Find(number, own);
    }

    // By what the record says of where it was; each lost directory is a folder of its own.
    private void Find(long number, List<byte[]> own)
    {
        var file = _check.Open(number)!;
        var named = own.FindAll(n => NtfsCheckerNames.UnitProblem(NtfsCollation.NameOf(n).ToString(), SpaceOf(n)) is null && !IsDirectory(ParentOf(n)));
        var moved = new List<byte[]>();
        foreach (var name in named)
        {
            if (SpaceOf(name) == NtfsNamespace.Dos || _found.FolderOf(ParentOf(name)) is not { } folder)
                continue;
            moved.Add(_found.Place(folder, name, file.Base.IsDirectory));
            if (file.Base.IsDirectory)
                break;
        }
        if (moved.Count == 0 && _found.Root is { } root)
            moved.Add(_found.Unnamed(root, file.Base.IsDirectory));
        if (moved.Count == 0 || !edit.TryDo(state => Set(state, number, moved)))
            return;
        repair.Add(own.Count == 0 ? "NTFS-0129" : "NTFS-0132", $"Record {number}", $"found: {_found.PathOf(moved[0])}");
    }

    // Out of a circle of directories, with all that is below it.
    private void MoveAway(long number)
    {
        var names = NtfsRepairNames.Of(_check, number).FindAll(n => SpaceOf(n) != NtfsNamespace.Dos);
        if (names.Count == 0 || _found.Root is not { } root)
            return;
        var moved = _found.Place(root, names[0], isDirectory: true);
        if (edit.TryDo(state => Set(state, number, [moved])))
            repair.Add("NTFS-0316", $"Record {number}", $"taken out of a circle of directories: {_found.PathOf(moved)}");
    }

    private static void Set(NtfsEditState state, long number, List<byte[]> names)
    {
        var file = state.File(new NtfsReference(number, 0));
        foreach (var held in file.FindAll(NtfsAttributeType.FileName))
            file.Remove(held);
        foreach (var name in names)
            file.Add(NtfsAttributeType.FileName, "", 0, NtfsAttributeBytes.Resident(NtfsAttributeType.FileName, "", name));
        file.LinkCount = names.Count;
    }

    // A $FILE_NAME that cannot be used, whatever the others say.
    private bool HasBroken(long number)
    {
        if (_check.Open(number) is not { } file)
            return false;
        foreach (var attribute in file.Base.Attributes)
        {
            if (attribute.Type == NtfsAttributeType.FileName && (!attribute.IsResident || NtfsFileNames.Problem(attribute.Value) is not null))
                return true;
        }
        return false;
    }

    private bool IsLawful(long number, List<byte[]> names)
    {
        if (names.Count == 0 || !names.TrueForAll(n => IsUsable(number, n)))
            return false;
        var parts = names.ConvertAll(n => (ParentOf(n), NtfsCollation.NameOf(n).ToString(), SpaceOf(n)));
        return NtfsCheckerNames.PairProblem(parts, _check.Facts[number].Is(NtfsFacts.Directory)) is null;
    }

    private bool IsUsable(long number, byte[] name)
    {
        var text = NtfsCollation.NameOf(name).ToString();
        if (!IsDirectory(ParentOf(name)) || NtfsCheckerNames.UnitProblem(text, SpaceOf(name)) is not null || (ParentOf(name).Record == number && number != NtfsMft.RootRecord))
            return false;
        return number > NtfsMft.ExtendRecord || (text == NtfsCheckerFiles.OwnName(number, _check.MajorVersion) && ParentOf(name).Record == NtfsMft.RootRecord);
    }

    private bool IsDirectory(NtfsReference parent) => _check.Facts.Has(parent.Record)
        && _check.Facts[parent.Record].Is(NtfsFacts.InUse | NtfsFacts.Base | NtfsFacts.Directory) && _check.Facts[parent.Record].Sequence == parent.Sequence;

    private string CodeOf(List<byte[]> own) => own.Count == 0 ? "NTFS-0129" : repair.Has("NTFS-0130") ? "NTFS-0130" : repair.Has("NTFS-0131") ? "NTFS-0131" : "NTFS-0132";

    private static string Quoted(List<byte[]> names) => string.Join(", ", names.Select(n => $"'{NtfsCollation.NameOf(n)}'"));

    private static NtfsReference ParentOf(byte[] name) => OnDisk.View<NtfsFileName>(name).Parent.Value;

    private static NtfsNamespace SpaceOf(byte[] name) => OnDisk.View<NtfsFileName>(name).Namespace;

    private static bool IsSameText(byte[] a, byte[] b) => NtfsCollation.NameOf(a).SequenceEqual(NtfsCollation.NameOf(b));

    private static bool IsSame(byte[] a, byte[] b) => IsSameText(a, b) && SpaceOf(a) == SpaceOf(b) && ParentOf(a) == ParentOf(b);
}
