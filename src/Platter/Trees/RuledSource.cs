using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>What the entries that fit some patterns are to be like.</summary>
public sealed record TreeRule
{
    public required PathPatterns Match { get; init; }

    /// <summary>Only entries of these kinds; empty: of any.</summary>
    public IReadOnlyList<EntryKind> Kinds { get; init; } = [];

    /// <summary>Null keeps the owner.</summary>
    public Ownership? Owner { get; init; }

    /// <summary>POSIX permission bits; null keeps them. Symbolic links have none of their own.</summary>
    public int? Mode { get; init; }

    /// <summary>Null keeps the modification time.</summary>
    public Timestamp? Modified { get; init; }

    internal bool Applies(TreeEntry? parent, string name, EntryKind kind)
    {
        if (Kinds.Count > 0 && !Kinds.Contains(kind))
            return false;
        return Match.IsMatch(parent, name, kind == EntryKind.Directory);
    }
}

/// <summary>A tree some of whose entries get another owner, mode or time, by pattern; of several rules that fit, the last one wins.</summary>
/// <param name="inner">The tree; disposed together with this.</param>
/// <param name="rules">In order.</param>
/// <param name="own">What an entry, by its path, has been given by itself: the rules leave that alone. Null: nothing anywhere.</param>
public sealed class RuledSource(TreeSource inner, IReadOnlyList<TreeRule> rules, Func<string, TreeRule?>? own = null) : RewrittenSource(inner)
{
    private protected override FileMetadata Rewrite(TreeEntry entry)
    {
        var metadata = entry.Metadata;
        TreeRule? kept = null;
        var asked = false;
        foreach (var rule in rules)
        {
            if (!rule.Applies(entry.Parent, entry.Name, entry.Kind))
                continue;
            if (!asked)
                kept = own?.Invoke(entry.Path);
            asked = true;
            if (rule.Owner is { } owner && kept?.Owner is null)
                metadata = metadata with { UserId = owner.UserId, GroupId = owner.GroupId };
            if (rule.Mode is { } mode && kept?.Mode is null && entry.Kind != EntryKind.SymbolicLink)
                metadata = metadata with { Mode = mode };
            if (rule.Modified is { } modified && kept?.Modified is null)
                metadata = metadata with { Modified = modified };
        }
        return metadata;
    }
}
