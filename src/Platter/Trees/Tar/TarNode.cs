using Platter.FileSystems;

namespace Platter.Trees.Tar;

/// <summary>Whom members belong to; one object for all of the same owner.</summary>
internal sealed record TarOwner(uint UserId, uint GroupId, string? UserName, string? GroupName);

/// <summary>A name in the tree that an archive holds, as small as can be: what is asked for seldom is read again from the archive.</summary>
internal sealed class TarNode(string name, TarNode? parent)
{
    private const int DirectoryMode = 0x1ED;        // 0755

    private static readonly TarOwner Nobody = new(0, 0, null, null);

    public string Name { get; } = name;
    public TarNode? Parent { get; } = parent;
    public EntryKind Kind { get; private set; } = EntryKind.Directory;

    /// <summary>Whether it is there only because something lies below it.</summary>
    public bool IsImplied { get; private set; } = true;

    public bool IsSparse { get; private set; }
    public bool HasAttributes { get; private set; }

    /// <summary>Whether other names are links to it.</summary>
    public bool IsShared { get; set; }

    public long Length { get; private set; }

    /// <summary>Bytes of data in the archive.</summary>
    public long Stored { get; private set; }

    /// <summary>Where its first header stands, and its data.</summary>
    public long Start { get; private set; } = -1;

    /// <inheritdoc cref="Start"/>
    public long DataOffset { get; private set; }

    /// <summary>What a hard link is another name of; null for what is no link.</summary>
    public TarNode? LinkTarget { get; set; }

    /// <summary>By name; null for what is no directory, and for a directory without entries.</summary>
    public Dictionary<string, TarNode>? Children { get; private set; }

    private short _mode = DirectoryMode;
    private TarOwner _owner = Nobody;
    private Timestamp? _modified;
    private object? _more;      // a link's target, or a device number

    public TarNode? Find(ReadOnlySpan<char> name) =>
        Children is not null && Children.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var child) ? child : null;

    /// <summary>Puts an entry into the directory, in the place of one of that name.</summary>
    public void Add(TarNode child) => (Children ??= new(StringComparer.Ordinal))[child.Name] = child;

    public void Remove(TarNode child) => Children!.Remove(child.Name);

    /// <summary>Takes over what a member says. A directory keeps its entries.</summary>
    public void Describe(TarMember member, EntryKind kind, TarOwner owner)
    {
        Kind = kind;
        IsImplied = false;
        IsSparse = member.Map is not null;
        HasAttributes = member.HasAttributes;
        Length = kind == EntryKind.File ? member.Length : 0;
        Stored = member.Map?.Stored ?? Length;
        Start = member.Start;
        DataOffset = member.DataOffset;
        _mode = (short)member.Mode;
        _owner = owner;
        _modified = member.Modified;
        _more = kind switch
        {
            EntryKind.SymbolicLink => member.LinkName,
            EntryKind.CharacterDevice or EntryKind.BlockDevice => member.Device,
            _ => null,
        };
    }

    public FileMetadata ToMetadata() => new()
    {
        Kind = Kind,
        Length = _more is string text ? text.Length : Length,
        AllocatedLength = IsSparse ? Stored : null,
        Mode = _mode,
        UserId = _owner.UserId,
        GroupId = _owner.GroupId,
        UserName = _owner.UserName,
        GroupName = _owner.GroupName,
        Modified = _modified,
        LinkTarget = _more as string,
        Device = _more as DeviceNumber?,
    };

    /// <summary>From the top, with <c>/</c>.</summary>
    public string Path => Parent is null ? "" : Parent.Path + "/" + Name;
}
