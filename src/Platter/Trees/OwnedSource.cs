using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>A tree whose entries belong to others: mapped by a table, or all to one.</summary>
/// <param name="inner">The tree; disposed together with this.</param>
/// <param name="map">The table; null leaves the owners to <paramref name="squash"/>.</param>
/// <param name="squash">The one owner of everything, after the table; null keeps the owners.</param>
public sealed class OwnedSource(TreeSource inner, OwnerMap? map, Ownership? squash = null) : RewrittenSource(inner)
{
    public override FileMetadata? RootMetadata => base.RootMetadata is { } metadata ? Apply(metadata) : null;

    private protected override FileMetadata Rewrite(TreeEntry entry) => Apply(entry.Metadata);

    private FileMetadata Apply(FileMetadata metadata)
    {
        var user = metadata.UserId is { } u && map is not null ? map.User(u) : metadata.UserId;
        var group = metadata.GroupId is { } g && map is not null ? map.Group(g) : metadata.GroupId;
        if (squash is { } owner)
            (user, group) = (owner.UserId, owner.GroupId);
        if (user == metadata.UserId && group == metadata.GroupId)
            return metadata;
        return metadata with
        {
            UserId = user, GroupId = group,
            UserName = user == metadata.UserId ? metadata.UserName : null,
            GroupName = group == metadata.GroupId ? metadata.GroupName : null,
        };
    }
}
