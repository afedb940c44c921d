using Platter.FileSystems;

namespace Platter.Trees.Tar;

/// <summary>Whom members belong to; one object for all of the same owner.</summary>
internal sealed record TarOwner(uint UserId, uint GroupId, string? UserName, string? GroupName);

/// <summary>A name in the tree that an archive holds, as small as can be: what is asked for seldom is read again from the archive.</summary>
internal sealed class TarNode
{
    private const int DirectoryMode = 0x1ED;        // 0755

    private static readonly TarOwner Nobody = new(0, 0, null, null);

    private object? _more;          // a directory's entries, a link's target, a device number, the stored bytes of a sparse file; or what this is another name of
    private TarOwner _owner = Nobody;
    private long _seconds;          // of its time
    private int _nanoseconds;
    private int _headerBlocks;      // from its first header to its data
    private short _mode = DirectoryMode;
    private byte _kind = (byte)EntryKind.Directory;

    /// <summary>The top.</summary>
    public TarNode(TarNames names) => _more = new TarDirectory(names);

    public TarNode(ReadOnlySpan<char> name, TarNode parent, TarNames names)
    {
        Parent = parent;
        parent._more ??= new TarDirectory(names);
        Place = names.Add(name);
    }

    public TarNode? Parent { get; }

    /// <summary>Where its name is kept.</summary>
    public uint Place { get; }

    public string Name => Parent is null ? "" : Parent.Entries!.Names[Place];
    public EntryKind Kind => (EntryKind)_kind;

    /// <summary>Whether it is there only because something lies below it.</summary>
    public bool IsImplied { get; private set; } = true;

    public bool IsSparse { get; private set; }
    public bool HasAttributes { get; private set; }

    /// <summary>Whether other names are links to it.</summary>
    public bool IsShared { get; set; }

    public long Length { get; private set; }

    /// <summary>Where its first header stands, and its data.</summary>
    public long Start { get; private set; } = -1;

    /// <inheritdoc cref="Start"/>
    public long DataOffset => Start + (long)_headerBlocks * TarReader.BlockSize;

    /// <summary>What a hard link is another name of; null for what is no link.</summary>
    public TarNode? LinkTarget
    {
        get => _more as TarNode;
        set => _more = value;
    }

    /// <summary>Null for what is no directory, and for a directory without entries.</summary>
    public TarDirectory? Entries => _more as TarDirectory;

    public TarNode? Find(ReadOnlySpan<char> name) => Entries?.Find(name);

    /// <summary>Puts an entry into the directory, in the place of one of that name.</summary>
    public void Add(TarNode child) => Entries!.Add(child);

    public void Remove(TarNode child) => Entries!.Remove(child.Name);

    /// <summary>Takes over what a member says. A directory keeps its entries.</summary>
    public void Describe(TarMember member, EntryKind kind, TarOwner owner)
    {
        _kind = (byte)kind;
        IsImplied = false;
        IsSparse = member.Map is not null;
        HasAttributes = member.HasAttributes;
        Length = kind == EntryKind.File ? member.Length : 0;
        Start = member.Start;
        _headerBlocks = (int)((member.DataOffset - member.Start) / TarReader.BlockSize);
        _mode = (short)member.Mode;
        _owner = owner;
        (_seconds, _nanoseconds) = (member.Modified.UnixSeconds, member.Modified.Nanoseconds);
        _more = kind switch
        {
            EntryKind.Directory => Entries,
            EntryKind.SymbolicLink => member.LinkName,
            EntryKind.CharacterDevice or EntryKind.BlockDevice => member.Device,
            _ => member.Map?.Stored,
        };
    }

    public FileMetadata ToMetadata() => new()
    {
        Kind = Kind,
        Length = _more is string text ? text.Length : Length,
        AllocatedLength = IsSparse ? _more as long? : null,
        Mode = _mode,
        UserId = _owner.UserId,
        GroupId = _owner.GroupId,
        UserName = _owner.UserName,
        GroupName = _owner.GroupName,
        Modified = IsImplied ? null : new Timestamp(_seconds, _nanoseconds),
        LinkTarget = _more as string,
        Device = _more as DeviceNumber?,
    };

    /// <summary>From the top, with <c>/</c>.</summary>
    public string Path => Parent is null ? "" : Parent.Path + "/" + Name;
}
