using Platter.Blocks;
using Platter.FileSystems;

namespace Platter.Trees.Tar;

/// <summary>The tree that the members of an archive make, one after the other: directories that are missing are implied, what comes later
/// replaces what was there.</summary>
internal sealed class TarIndex
{
    private const int MaxPath = 64 << 10;           // UTF-16 units
    private const int MaxDepth = 4096;
    private const int MaxProblems = 1000;

    private readonly BlockDevice _archive;
    private readonly TarReader _reader;
    private readonly TarOptions _options;
    private readonly TarNames _names = new();
    private readonly Dictionary<TarNode, (string Target, long Offset)> _pending = [];
    private readonly Dictionary<TarOwner, TarOwner> _owners = [];
    private TarOwner? _lastOwner;
    private int _entries;

    private TarIndex(BlockDevice archive, TarOptions options)
    {
        _archive = archive;
        _options = options;
        _reader = new TarReader(archive);
        Top = new TarNode(_names);
    }

    public TarNode Top { get; }

    /// <summary>What was wrong, for people.</summary>
    public CheckReport Findings { get; } = new();

    /// <summary>Members that cannot be had, by path.</summary>
    public List<(string Path, Exception Reason)> Problems { get; } = [];

    /// <summary>Reads all headers.</summary>
    /// <param name="archive">The archive.</param>
    /// <param name="options">How.</param>
    /// <param name="damage">What was wrong with the bytes behind the archive's end; null when it ends by itself.</param>
    public static TarIndex Read(BlockDevice archive, TarOptions options, DiskFormatException? damage = null)
    {
        var index = new TarIndex(archive, options);
        index.ReadMembers(damage);
        index.ResolveLinks();
        return index;
    }

    private void ReadMembers(DiskFormatException? damage)
    {
        var at = 0L;
        while (true)
        {
            _options.Cancellation.ThrowIfCancellationRequested();
            try
            {
                if (!_reader.TryRead(at, out var member))
                    break;
                if (member.Stored > _archive.Length - member.DataOffset)
                {
                    Cut(member, damage);
                    return;
                }
                at = member.Next;
                Add(member);
            }
            catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
            {
                Fail("", damage ?? e);
                if (damage is not null || (_reader.Resume ?? FindHeader(at + TarReader.BlockSize)) is not { } next)
                    return;
                at = next;
            }
        }
        if (damage is not null)
            Fail("", damage);
        else
            CheckEnd();
    }

    // What is left of an archive that was cut: everything before.
    private void Cut(TarMember member, DiskFormatException? damage) =>
        Fail(member.Path, damage ?? new DiskFormatException("TAR-0003", "TarHeader.size", member.HeaderOffset + 124,
            $"found {member.Stored} bytes of content, the archive has {_archive.Length - member.DataOffset} more: it was cut"));

    // Behind damage, the next block that is a header.
    private long? FindHeader(long from)
    {
        var blocks = new byte[64 << 10];
        for (var at = from; _archive.Length - at >= TarReader.BlockSize; at += blocks.Length)
        {
            _options.Cancellation.ThrowIfCancellationRequested();
            var count = (int)Math.Min(blocks.Length, (_archive.Length - at) / TarReader.BlockSize * TarReader.BlockSize);
            _archive.Read(at, blocks.AsSpan(0, count));
            for (var i = 0; i < count; i += TarReader.BlockSize)
            {
                if (blocks[i + 148] != 0 && TarReader.HasChecksum(blocks.AsSpan(i, TarReader.BlockSize)))
                    return at + i;
            }
        }
        return null;
    }

    // Two blocks of zeros end an archive; what fills up its last record is zeros too.
    private void CheckEnd()
    {
        if (!_reader.HasEndMark)
        {
            Findings.Add("TAR-0008", Severity.Note, "TarEnd", _reader.End, _reader.End == _archive.Length ? "found no end mark: the archive may have been cut between two members" : "found a part of a block at the end: the archive may have been cut");
            return;
        }
        var bytes = new byte[64 << 10];
        for (var at = _reader.End; at < _archive.Length; at += bytes.Length)
        {
            _options.Cancellation.ThrowIfCancellationRequested();
            var part = bytes.AsSpan(0, (int)Math.Min(bytes.Length, _archive.Length - at));
            _archive.Read(at, part);
            if (part.IndexOfAnyExcept((byte)0) is var other and >= 0)
            {
                Findings.Add("TAR-0009", Severity.Note, "TarEnd", at + other, $"found something behind the end mark at 0x{_reader.End:X}, which is no part of the archive");
                return;
            }
        }
    }

    private void Add(TarMember member)
    {
        if (KindOf(member) is not { } kind)
            return;
        if (Place(member) is not { } node)
            return;
        if (member.Type == TarType.HardLink)
        {
            Link(node, member);
            return;
        }
        node.Describe(member, kind, OwnerOf(member));
    }

    // Null for what is no entry of the tree.
    private static EntryKind? KindOf(TarMember member) => member.Type switch
    {
        TarType.Directory or TarType.DumpDirectory => EntryKind.Directory,
        TarType.SymbolicLink => EntryKind.SymbolicLink,
        TarType.CharacterDevice => EntryKind.CharacterDevice,
        TarType.BlockDevice => EntryKind.BlockDevice,
        TarType.Fifo => EntryKind.Fifo,
        TarType.Label or TarType.OldNames or TarType.SolarisAcl or TarType.SolarisAttributes => null,
        TarType.Continued => throw new UnsupportedFeatureException($"{member.Path} begins in another volume of the archive (at 0x{member.HeaderOffset:X})"),
        _ => EntryKind.File,        // POSIX: what is not known is a file
    };

    /// <summary>Makes room for a member at its path.</summary>
    /// <returns>A fresh node, or the directory that is there and stays; null when it can't be.</returns>
    private TarNode? Place(TarMember member)
    {
        var isDirectory = member.Type is TarType.Directory or TarType.DumpDirectory;
        if (ProblemOf(member.Path, isDirectory) is { } problem)
            return Refuse(member, problem);
        var rest = member.Path.AsSpan();
        var directory = Top;
        while (true)
        {
            var slash = rest.IndexOf('/');
            var name = slash < 0 ? rest : rest[..slash];
            rest = slash < 0 ? [] : rest[(slash + 1)..];
            if (name is "" or ".")
            {
                if (slash >= 0)
                    continue;
                return directory;       // the top itself
            }
            var there = directory.Find(name);
            if (IsLast(rest))
                return Replace(directory, there, name, isDirectory);
            if (there is null)
                directory.Add(there = NewNode(name, directory));
            else if (there.Kind != EntryKind.Directory || there.LinkTarget is not null)
                return Refuse(member, $"found the path {member.Path} below {there.Path}, which is {(there.Kind == EntryKind.SymbolicLink ? "a symbolic link" : "no directory")}");
            directory = there;
        }
    }

    // What can be said of a path before anything is made of it.
    private static string? ProblemOf(string path, bool isDirectory)
    {
        if (path.Length > MaxPath)
            return $"found a path of {path.Length} characters, at most {MaxPath} are read";
        if (path.Contains('\0', StringComparison.Ordinal))
            return "found a path with a NUL in it";
        var depth = 0;
        ReadOnlySpan<char> last = default;
        foreach (var part in path.AsSpan().Split('/'))
        {
            last = path.AsSpan(part);
            if (last is "..")
                return $"found the path {path}, which leads out of the tree";
            if (last is not ("" or "."))
                depth++;
        }
        if (depth > MaxDepth)
            return $"found a path that is more than {MaxDepth} directories deep";
        return !isDirectory && last is ("" or ".") ? $"found the path '{path}' of what is no directory" : null;
    }

    private static bool IsLast(ReadOnlySpan<char> rest)
    {
        foreach (var part in rest.Split('/'))
        {
            if (rest[part] is not ("" or "."))
                return false;
        }
        return true;
    }

    private TarNode Replace(TarNode directory, TarNode? there, ReadOnlySpan<char> name, bool isDirectory)
    {
        if (there is { Kind: EntryKind.Directory, LinkTarget: null } && isDirectory)
            return there;
        // A new node: links to what was there keep that.
        var node = NewNode(name, directory);
        directory.Add(node);
        return node;
    }

    private TarNode NewNode(ReadOnlySpan<char> name, TarNode directory)
    {
        if (++_entries > _options.MaxEntries)
            throw new IOException($"the archive has more than {_options.MaxEntries} entries");
        return new TarNode(name, directory, _names);
    }

    private void Link(TarNode node, TarMember member)
    {
        var target = Find(member.LinkName);
        node.Describe(member, EntryKind.File, OwnerOf(member));
        if (target is not null && target != node && !_pending.ContainsKey(target))
            Join(node, target, member.LinkName, member.HeaderOffset);
        else if (member.Stored == 0)
            _pending.Add(node, (member.LinkName, member.HeaderOffset));
        // Else the content that came with it serves for what is missing.
    }

    private TarNode? Find(string path)
    {
        var node = Top;
        foreach (var part in path.AsSpan().Split('/'))
        {
            var name = path.AsSpan(part);
            if (name is "" or ".")
                continue;
            if (node.Find(name) is not { } next)
                return null;
            node = next;
        }
        return node;
    }

    // Links to links end at the file itself, which was settled when the link before was read.
    private void Join(TarNode link, TarNode target, string path, long offset)
    {
        while (target.LinkTarget is { } further)
            target = further;
        if (target.Kind == EntryKind.Directory || target == link)
        {
            DropLink(link, path, offset, target == link ? "the link itself" : "a directory");
            return;
        }
        link.LinkTarget = target;
        target.IsShared = true;
    }

    // Links in front of what they link to: no tar writes them, and no tar can unpack them, but what is meant is clear.
    private void ResolveLinks()
    {
        var way = new List<TarNode>();
        var onWay = new HashSet<TarNode>();
        foreach (var first in _pending.Keys.ToList())
        {
            way.Clear();
            onWay.Clear();
            // From link to link, each of which is looked at once: to what is no waiting link, to nothing, or round in a circle.
            TarNode? at = first;
            while (at is not null && _pending.TryGetValue(at, out var link) && onWay.Add(at))
            {
                way.Add(at);
                at = Find(link.Target);
            }
            var isCircle = at is not null && onWay.Contains(at);
            foreach (var node in way)
            {
                _pending.Remove(node, out var link);
                if (at is null || isCircle)
                    DropLink(node, link.Target, link.Offset, isCircle ? "a link that leads back to itself" : "not in the archive");
                else
                    Join(node, at, link.Target, link.Offset);
            }
        }
    }

    private void DropLink(TarNode link, string path, long offset, string what)
    {
        if (link.Parent!.Find(link.Name) == link)
            link.Parent.Remove(link);
        Fail(link.Path, new DiskFormatException("TAR-0007", "TarHeader.linkname", offset + 157, $"found a hard link to {path}, which is {what}"));
    }

    private TarOwner OwnerOf(TarMember member)
    {
        if (_lastOwner is { } last && last.UserId == member.UserId && last.GroupId == member.GroupId && last.UserName == member.UserName && last.GroupName == member.GroupName)
            return last;
        var owner = new TarOwner(member.UserId, member.GroupId, member.UserName, member.GroupName);
        if (!_owners.TryGetValue(owner, out var known))
            _owners.Add(owner, known = owner);
        return _lastOwner = known;
    }

    private TarNode? Refuse(TarMember member, string problem)
    {
        Fail(member.Path, new DiskFormatException("TAR-0006", "TarHeader.name", member.HeaderOffset, problem));
        return null;
    }

    private void Fail(string path, Exception reason)
    {
        var (code, structure, offset, problem) = reason is DiskFormatException e ? (e.Code, e.Structure, e.Offset, e.Problem) : ("TAR-0011", "TarHeader", -1, reason.Message);
        Findings.Add(code, Severity.Error, structure, offset < 0 ? null : offset, problem);
        if (Problems.Count < MaxProblems)
            Problems.Add((path, reason));
    }
}
