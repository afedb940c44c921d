namespace Platter.FileSystems.Ext;

/// <summary>Whose an inode is, and what it takes.</summary>
/// <param name="IsCounted">Whether quotas count it at all.</param>
/// <param name="User">Its user.</param>
/// <param name="Group">Its group.</param>
/// <param name="Project">Its project.</param>
/// <param name="Space">Bytes of content, map and attributes.</param>
internal readonly record struct ExtUsage(bool IsCounted, uint User, uint Group, uint Project, long Space)
{
    public uint Of(ExtQuotaType type) => type switch { ExtQuotaType.User => User, ExtQuotaType.Group => Group, _ => Project };
}

/// <summary>The quota files of a volume that is edited. Whenever an inode is written, what it takes is compared with what it took before.</summary>
internal sealed class ExtQuotas
{
    private readonly ExtEditState _state;
    private readonly List<ExtQuotaEditor> _files = [];

    /// <exception cref="DiskFormatException">A quota file is none.</exception>
    public ExtQuotas(ExtEditState state)
    {
        _state = state;
        ref readonly var s = ref state.Geometry.Super;
        foreach (var (type, number) in (ReadOnlySpan<(ExtQuotaType, uint)>)[(ExtQuotaType.User, s.UserQuotaInode), (ExtQuotaType.Group, s.GroupQuotaInode), (ExtQuotaType.Project, s.ProjectQuotaInode)])
        {
            if (number != 0)
                _files.Add(new ExtQuotaEditor(state, type, number));
        }
    }

    /// <summary>What an inode takes, as quotas see it: the volume's own inodes, and values of attributes, count for nobody.</summary>
    public static ExtUsage UsageOf(ExtInode inode, ExtGeometry geometry)
    {
        ref readonly var s = ref geometry.Super;
        var isCounted = inode.LinkCount > 0 && (inode.Number >= geometry.FirstInode || inode.Number == ExtGeometry.RootInode) && (inode.Flags & ExtInodeFlags.EaInode) == 0
            && inode.Number != s.ProjectQuotaInode && inode.Number != s.OrphanFileInode;
        return isCounted ? new ExtUsage(true, inode.UserId, inode.GroupId, inode.ProjectId, inode.AllocatedBytes(geometry)) : default;
    }

    /// <summary>How many attributes of an inode have their value in an inode of its own: it pays for those too.</summary>
    public static int ValuesOf(ExtInode inode, ExtEditState state) =>
        state.Geometry.Has(ExtIncompat.EaInode) && (inode.AttributeBlock != 0 || !inode.AttributeSpace.IsEmpty) ? new ExtAttributeEditor(inode, state).OwnValueCount : 0;

    /// <summary>An inode is about to be written.</summary>
    /// <exception cref="DiskFormatException">A quota file is broken.</exception>
    /// <exception cref="VolumeFullException">No room for the entry of a new id.</exception>
    public void Follow(ExtInode before, ExtInode after)
    {
        var (was, now) = (UsageOf(before, _state.Geometry), UsageOf(after, _state.Geometry));
        if (was == now)
            return;
        var isMoved = was.IsCounted && now.IsCounted && (was with { Space = 0 }) != (now with { Space = 0 });
        var values = isMoved ? ValuesOf(after, _state) : 0;
        foreach (var file in _files)
        {
            if (was.IsCounted && now.IsCounted && was.Of(file.Type) == now.Of(file.Type))
            {
                if (was.Space != now.Space)
                    file.Add(now.Of(file.Type), now.Space - was.Space, 0);
                continue;
            }
            if (was.IsCounted)
                file.Add(was.Of(file.Type), -was.Space, -1 - values);
            if (now.IsCounted)
                file.Add(now.Of(file.Type), now.Space, 1 + values);
        }
    }

    /// <summary>An inode got an attribute with a value in an inode of its own, or (-1) lost one. Its space is in the inode's own count.</summary>
    public void CountValue(ExtInode owner, int change)
    {
        foreach (var file in _files)
            file.Add(IdOf(owner, file.Type), 0, change);
    }

    /// <summary>An inode without names, which was in use when the volume was left, is about to go: until now it was counted.</summary>
    public void ReleaseOrphan(ExtInode inode)
    {
        foreach (var file in _files)
            file.Add(IdOf(inode, file.Type), -inode.AllocatedBytes(_state.Geometry), -1);
    }

    /// <inheritdoc cref="ExtQuotaEditor.Forget"/>
    public void Forget()
    {
        foreach (var file in _files)
            file.Forget();
    }

    private static uint IdOf(ExtInode inode, ExtQuotaType type) => type switch { ExtQuotaType.User => inode.UserId, ExtQuotaType.Group => inode.GroupId, _ => inode.ProjectId };
}
