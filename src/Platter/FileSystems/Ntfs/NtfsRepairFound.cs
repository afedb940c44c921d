using System.Globalization;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The folder for what was found: made when something is, with a folder of its own for each directory that is no more.</summary>
internal sealed class NtfsRepairFound(NtfsRepairState repair, NtfsRepairEdit edit)
{
    private const int MaxFolders = 1000;

    private readonly NtfsCheckState _check = repair.Check!;
    private readonly Dictionary<NtfsReference, NtfsReference> _folders = [];
    private readonly Dictionary<NtfsReference, string> _paths = [];
    private readonly HashSet<(NtfsReference Folder, string Name)> _taken = [];
    private NtfsReference? _root;
    private bool _isTried;
    private int _directories, _files;

    /// <summary>The folder itself; null when it cannot be made.</summary>
    public NtfsReference? Root
    {
        get
        {
            if (_isTried)
                return _root;
            _isTried = true;
            var parent = _check.Open(NtfsMft.RootRecord)?.Reference;
            if (parent is not null && FreeName() is { } name)
                _root = Make(parent.Value, name, "");
            return _root;
        }
    }

    /// <summary>The folder for the names of a directory that is no more; null when it cannot be made.</summary>
    public NtfsReference? FolderOf(NtfsReference lost)
    {
        if (_folders.TryGetValue(lost, out var folder))
            return folder;
        if (Root is not { } root || Make(root, NextName(root, isDirectory: true), _paths[root]) is not { } made)
            return null;
        return _folders[lost] = made;
    }

    /// <summary>A name of the same text in a folder, if it is free there; else another one.</summary>
    public byte[] Place(NtfsReference folder, byte[] name, bool isDirectory)
    {
        var text = NtfsCollation.NameOf(name).ToString();
        var placed = NtfsRepairNames.Renamed(name, Take(folder, text) ? text : NextName(folder, isDirectory));
        OnDisk.Edit<NtfsFileName>(placed).Parent = folder;
        return placed;
    }

    /// <summary>A name for what has none.</summary>
    public byte[] Unnamed(NtfsReference folder, bool isDirectory)
    {
        var name = NtfsRepairNames.Renamed(new byte[NtfsFileName.Size], NextName(folder, isDirectory));
        ref var head = ref OnDisk.Edit<NtfsFileName>(name);
        head.Parent = folder;
        head.Attributes = isDirectory ? NtfsFileAttributes.HasNameIndex : 0;
        return name;
    }

    public string PathOf(byte[] name) => $"{_paths[OnDisk.View<NtfsFileName>(name).Parent.Value]}\\{NtfsCollation.NameOf(name)}";

    private bool Take(NtfsReference folder, string name) => _taken.Add((folder, name.ToUpperInvariant()));

    private string NextName(NtfsReference folder, bool isDirectory)
    {
        while (true)
        {
            var name = NtfsRepairNames.FoundName(isDirectory, isDirectory ? _directories++ : _files++);
            if (Take(folder, name))
                return name;
        }
    }

    // found.000, or the next of which no record says that it is in the root.
    private string? FreeName()
    {
        var isTaken = new bool[MaxFolders];
        foreach (var number in _check.Facts.With(NtfsFacts.InUse | NtfsFacts.Base))
        {
            foreach (var name in NtfsRepairNames.Of(_check, number))
            {
                var text = NtfsCollation.NameOf(name);
                if (OnDisk.View<NtfsFileName>(name).Parent.Record == NtfsMft.RootRecord && text.Length == 9 && text.StartsWith("found.", StringComparison.OrdinalIgnoreCase)
                    && int.TryParse(text[6..], NumberStyles.None, CultureInfo.InvariantCulture, out var taken))
                    isTaken[taken] = true;
            }
        }
        var free = Array.IndexOf(isTaken, false);
        return free < 0 ? null : $"found.{free:D3}";
    }

    // In the records alone: the indexes are made anew afterwards.
    private NtfsReference? Make(NtfsReference parent, string name, string path)
    {
        var made = default(NtfsReference);
        var isMade = edit.TryDo(state =>
        {
            var file = new NtfsNewFiles(state).Make(state.File(parent), new NtfsNewFile { IsDirectory = true });
            var value = NtfsNames.Value(file, parent, name, NtfsNamespace.Posix);
            file.Add(NtfsAttributeType.FileName, "", 0, NtfsAttributeBytes.Resident(NtfsAttributeType.FileName, "", value));
            file.LinkCount = 1;
            made = file.Reference;
        });
        if (!isMade)
            return null;
        _paths[made] = $"{path}\\{name}";
        return made;
    }
}
