using Platter.FileSystems;

namespace Platter.Cli;

/// <summary>The entry that a walk has come to: it is another one when the walk goes on.</summary>
internal sealed class WalkedEntry
{
    private NameList _names = new();
    private int _index;
    private FileMetadata? _known;
    private string? _path;

    /// <summary>The absolute path of the directory it is in, empty for the root.</summary>
    public string Directory { get; private set; } = "";

    /// <summary>0 for the entries of the directory that the walk started in.</summary>
    public int Depth { get; private set; }

    /// <summary>Whether no entry of the same directory follows.</summary>
    public bool IsLast { get; private set; }

    /// <summary>The last name of its path.</summary>
    public ReadOnlySpan<char> NameText => _names.Name(_index);

    /// <summary>As <see cref="NameText"/>, made anew each time.</summary>
    public string Name => NameText.ToString();

    public NodeId Id => _names.Id(_index);

    public EntryKind Kind => _known?.Kind ?? _names.Kind(_index);

    /// <summary>Absolute.</summary>
    public string Path => _path ?? Directory + "/" + Name;

    /// <summary>Everything known of it; of a walk that is not <see cref="EntryWalk.NamesOnly"/>.</summary>
    public FileMetadata Metadata => _known ?? throw new InvalidOperationException("the walk was to look at names alone");

    /// <summary>The entry that a walk starts at.</summary>
    public static WalkedEntry Start(string path, Node node)
    {
        var entry = new WalkedEntry { _known = node.Metadata, _path = path, IsLast = true };
        entry._names.Add(node.Name, node.Id, node.Kind);
        return entry;
    }

    /// <summary>Becomes another one.</summary>
    public void Set(string directory, NameList names, int index, FileMetadata? known, int depth, bool isLast)
    {
        (Directory, _names, _index) = (directory, names, index);
        (_known, Depth, IsLast) = (known, depth, isLast);
    }
}
