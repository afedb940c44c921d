using Platter.FileSystems;

namespace Platter.Trees.Host;

/// <summary>How to write into a host folder.</summary>
public sealed record HostSinkOptions
{
    public static HostSinkOptions Default { get; } = new();

    /// <summary>Whether owners are restored; null does so when the process may (root).</summary>
    public bool? RestoreOwner { get; init; }

    /// <summary>Whether devices, FIFOs and sockets are made; devices need root. They are left out and counted otherwise.</summary>
    public bool RestoreSpecialFiles { get; init; }

    /// <summary>Which names are possible.</summary>
    public HostNameRules Names { get; init; } = HostNameRules.Current;
}

/// <summary>A folder of the host as the place where a tree goes: safe for trees that come from untrusted images.</summary>
/// <remarks>
/// <para>Nothing is ever written outside the folder: names are single names (no <c>..</c>, no separator), no symbolic link on
/// the way is followed whether the tree brought it or it was there before, and links are made last. A link keeps its target,
/// also one that leads out of the folder; those are counted (<see cref="LossKind.LinksLeadingOut"/>).</para>
/// <para>Holes stay holes. A file that fails half-way is deleted. Modes and times of folders are set at the end.</para>
/// </remarks>
public sealed class HostTreeSink : TreeSink
{
    private readonly HostFiles _files;
    private readonly HostNameRules _names;
    private readonly HostFolder _top = new(null, "", isNew: false);
    private readonly Dictionary<TreeEntry, HostFolder> _folders = [];
    private readonly Dictionary<TreeEntry, (HostFolder Folder, string Name)> _linked = [];
    private readonly List<(HostFolder Folder, MetadataChange Metadata)> _made = [];
    private readonly List<(TreeEntry Entry, string Target, MetadataChange Metadata)> _links = [];
    private MetadataChange? _topMetadata;

    /// <param name="folder">The folder; made when it is not there.</param>
    /// <param name="options">How.</param>
    public HostTreeSink(string folder, HostSinkOptions? options = null)
        : this(folder, options ?? HostSinkOptions.Default, portable: !LinuxFiles.IsAvailable)
    {
    }

    internal HostTreeSink(string folder, HostSinkOptions options, bool portable)
    {
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        Directory.CreateDirectory(path);
        _names = options.Names;
        _files = portable ? new PortableHostFiles(path) : new LinuxHostFiles(path, options);
    }

    public override Capabilities Capabilities => _files.Capabilities;
    public override string Description => "the host folder";
    internal override Ownership? WritesAs => _files.Self;
    internal override bool TakesExtents => true;

    public override AddOutcome AddDirectory(TreeEntry entry, MetadataChange metadata)
    {
        _names.Check(entry.Name);
        var parent = FolderOf(entry);
        if (_files.TryMakeFolder(parent, entry.Name, metadata))
        {
            parent.Added?.Add(entry.Name);
            var folder = new HostFolder(parent, entry.Name, isNew: true);
            _folders.Add(entry, folder);
            _made.Add((folder, metadata));
            return AddOutcome.Added;
        }
        RefuseCollision(parent, entry);
        if (!_files.TryStat(parent, entry.Name, out var there) || there.Kind != EntryKind.Directory)
            throw new AlreadyExistsException(entry.Path);
        parent.Added!.Add(entry.Name);
        _folders.Add(entry, new HostFolder(parent, entry.Name, isNew: false));
        return AddOutcome.Merged;
    }

    public override AddOutcome AddFile(TreeEntry entry, MetadataChange metadata, CopyContent content)
    {
        var outcome = Place(entry, name => TryWrite(entry, name, metadata, content));
        if (outcome != AddOutcome.Skipped && entry.LinkIdentity is not null)
            _linked[entry] = (FolderOf(entry), entry.Name);
        return outcome;
    }

    public override AddOutcome AddSymbolicLink(TreeEntry entry, string target, MetadataChange metadata)
    {
        _names.Check(entry.Name);
        if (target.Length == 0 || target.Contains('\0', StringComparison.Ordinal))
            throw new InvalidNameException(target, "is no target for a symbolic link");
        _links.Add((entry, target, metadata));
        return AddOutcome.Added;
    }

    public override AddOutcome AddSpecial(TreeEntry entry, MetadataChange metadata)
    {
        var outcome = Place(entry, name => _files.TryMakeSpecial(FolderOf(entry), name, entry.Metadata, metadata));
        if (outcome != AddOutcome.Skipped && entry.LinkIdentity is not null)
            _linked[entry] = (FolderOf(entry), entry.Name);
        return outcome;
    }

    public override AddOutcome AddHardLink(TreeEntry entry, TreeEntry first)
    {
        if (first.Kind == EntryKind.SymbolicLink)
            return AddSymbolicLink(entry, first.Metadata.LinkTarget ?? "", MetadataChange.None);
        if (!_linked.TryGetValue(first, out var link))
            throw new SourceFailureException(entry.Path, new IOException($"{first.Path}, the file it is another name of, was not copied"));
        return Place(entry, name => _files.TryMakeHardLink(FolderOf(entry), name, link.Folder, link.Name));
    }

    public override bool AddExtendedAttribute(TreeEntry entry, string name, byte[] value) =>
        entry.Kind is EntryKind.File or EntryKind.Directory && _files.SetExtendedAttribute(FolderOf(entry), entry.Name, name, value);

    public override void SetRootMetadata(MetadataChange metadata) => _topMetadata = metadata;

    internal override void Finish(CopyTally tally)
    {
        foreach (var (entry, target, metadata) in _links)
        {
            try
            {
                if (Place(entry, name => _files.TryMakeSymbolicLink(FolderOf(entry), name, target, metadata)) == AddOutcome.Skipped)
                    tally.SymbolicLinks--;
                if (LeadsOut(entry, target))
                    tally.Lose(LossKind.LinksLeadingOut, entry);
            }
            catch (Exception e) when (e is NameCollisionException or AlreadyExistsException or UnauthorizedAccessException or PathTooLongException)
            {
                tally.SymbolicLinks--;
                tally.Fail(entry, e);
            }
        }
        // From the deepest up: a folder without write permission takes nothing more, and making an entry changes the folder's time.
        for (var i = _made.Count - 1; i >= 0; i--)
            _files.SetFolderMetadata(_made[i].Folder, _made[i].Metadata);
        if (_topMetadata is not null)
            _files.SetFolderMetadata(_top, _topMetadata);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _files.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Makes an entry under its name, or in the place of an older one where that is wished.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="tryMake">Makes it under a name; false when the name is taken.</param>
    private AddOutcome Place(TreeEntry entry, Func<string, bool> tryMake)
    {
        _names.Check(entry.Name);
        var folder = FolderOf(entry);
        if (tryMake(entry.Name))
        {
            folder.Added?.Add(entry.Name);
            return AddOutcome.Added;
        }
        RefuseCollision(folder, entry);
        if (!_files.TryStat(folder, entry.Name, out var old))
            throw new AlreadyExistsException(entry.Path);
        if (Overwrite == Overwrite.Skip || (Overwrite == Overwrite.ReplaceOlder && old.Kind != EntryKind.Directory && entry.Metadata.Modified <= old.Modified))
            return AddOutcome.Skipped;
        if (Overwrite == Overwrite.Refuse || old.Kind == EntryKind.Directory)
            throw new AlreadyExistsException(entry.Path);
        // Under another name first, so that the old one is there until the new one is whole; a link is replaced, never followed.
        var name = ".platter-new";
        for (var i = 1; !tryMake(name); i++)
            name = $".platter-new-{i}";
        var done = false;
        try
        {
            _files.Rename(folder, name, entry.Name);
            done = true;
        }
        finally
        {
            if (!done)
                _files.Delete(folder, name);
        }
        folder.Added?.Add(entry.Name);
        return AddOutcome.Replaced;
    }

    private bool TryWrite(TreeEntry entry, string name, MetadataChange metadata, CopyContent content)
    {
        var folder = FolderOf(entry);
        var file = _files.TryMakeFile(folder, name, metadata);
        if (file is null)
            return false;
        var done = false;
        try
        {
            using (file)
            {
                while (content.MoveNext())
                {
                    if (content.Extent is { } extent)
                        file.Write(content.PieceOffset, extent);
                    else if (!content.IsHole)
                        file.Write(content.PieceOffset, content.Data);
                }
                file.Complete(content.PieceOffset, metadata);
            }
            done = true;
        }
        finally
        {
            if (!done)
                _files.Delete(folder, name);
        }
        return true;
    }

    /// <summary>The name is taken: by this copy, which has come by it under another spelling?</summary>
    private void RefuseCollision(HostFolder folder, TreeEntry entry)
    {
        if (folder.Added is null)
            throw new NameCollisionException(entry.Path);
        if (!folder.Added.TryGetValue(entry.Name, out var spelled))
            return;
        if (spelled == entry.Name || !_files.TryStat(folder, spelled, out var mine) || !_files.TryStat(folder, entry.Name, out var there)
            || mine.Identity is null || mine.Identity == there.Identity)
            throw new NameCollisionException(entry.Path);
    }

    /// <summary>Whether a link's target, read without looking at what is there, leads out of the top.</summary>
    private static bool LeadsOut(TreeEntry entry, string target)
    {
        if (target.StartsWith('/'))
            return true;
        var depth = entry.Depth;
        foreach (var name in target.Split('/'))
        {
            if (name is "" or ".")
                continue;
            depth += name == ".." ? -1 : 1;
            if (depth < 0)
                return true;
        }
        return false;
    }

    private HostFolder FolderOf(TreeEntry entry) => entry.Parent is null ? _top : _folders[entry.Parent];
}
