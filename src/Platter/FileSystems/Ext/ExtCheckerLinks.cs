namespace Platter.FileSystems.Ext;

/// <summary>Whether every directory hangs in the tree by one name, and every inode has as many names as it says.</summary>
internal sealed class ExtCheckerLinks(ExtCheckState state)
{
    /// <summary>Directories with more subdirectories say 1 (dir_nlink).</summary>
    private const int MostLinks = 65_000;

    private readonly ExtGeometry _geometry = state.Geometry;

    public void Check()
    {
        foreach (var directory in state.Directories)
            CheckParent(directory);
        for (var group = 0L; group < state.GroupCount; group++)
        {
            if (state.Facts.Of(group) is not { } facts)
                continue;
            for (var i = 0; i < facts.Length; i++)
            {
                if (facts[i].IsUsed)
                    CheckLinks((uint)(group * _geometry.InodesPerGroup + i + 1), facts[i]);
            }
        }
    }

    private void CheckParent(uint number)
    {
        ref readonly var fact = ref state.Facts[number];
        if (number == ExtGeometry.RootInode)
        {
            if (fact.DotDot != number && fact.DotDot != 0)
                state.Error("EXT-0216", $"Directory {number}", null, $"\"..\" of the root leads to inode {fact.DotDot}");
            return;
        }
        if (fact.Links == 0 && fact.Parent == 0)
            return;     // an orphan
        if (fact.Parent == 0 || !ReachesRoot(number))
            state.Error("EXT-0215", $"Directory {number}", null, "does not hang in the tree");
        else if (fact.DotDot != fact.Parent && fact.DotDot != 0)
            state.Error("EXT-0216", $"Directory {number}", null, $"\"..\" leads to inode {fact.DotDot}, but directory {fact.Parent} names it");
    }

    // Two walkers, one twice as fast: they meet when the way leads in a circle.
    private bool ReachesRoot(uint number)
    {
        uint slow = number, fast = number;
        while (true)
        {
            for (var step = 0; step < 2; step++)
            {
                fast = state.Facts[fast].Parent;
                if (fast == ExtGeometry.RootInode)
                    return true;
                if (fast == 0)
                    return true;        // what it hangs on does not hang in the tree itself, and is reported
            }
            slow = state.Facts[slow].Parent;
            if (slow == fast)
                return false;
        }
    }

    private void CheckLinks(uint number, in ExtInodeFact fact)
    {
        if (IsHidden(number) || (fact.Mode == 0 && number < _geometry.FirstInode))
            return;
        if (fact.Names == 0 && fact.Links == 0)
            return;     // an orphan
        if (fact.IsValue)
        {
            if (fact.Names == 0)
                state.Error("EXT-0611", $"Inode {number}", null, "holds the value of an attribute that there is not");
            else if (fact.Links != 1)
                state.Error("EXT-0610", $"Inode {number}", null, $"holds the value of an attribute, links: found {fact.Links}, expected 1");
            return;
        }
        if (fact.Names == 0 && !fact.IsDirectory)
        {
            state.Error("EXT-0611", $"Inode {number}", null, $"is in use ({fact.Links} links), and no directory names it");
            return;
        }
        var isMany = fact.IsDirectory && fact.Links == 1 && fact.Names > MostLinks && _geometry.Has(ExtRoCompat.DirNlink);
        if (fact.Names != fact.Links && !isMany)
            state.Error("EXT-0610", $"Inode {number}", null, $"links: found {fact.Links}, counted {fact.Names}");
    }

    // The volume's own inodes, which no directory names.
    private bool IsHidden(uint number)
    {
        ref readonly var s = ref _geometry.Super;
        return (number < _geometry.FirstInode && number != ExtGeometry.RootInode)
            || number == s.UserQuotaInode || number == s.GroupQuotaInode || number == s.ProjectQuotaInode
            || (number == s.JournalInode && !(state.Facts[number].Names > 0))
            || (number == s.OrphanFileInode && _geometry.Has(ExtCompat.OrphanFile));
    }
}
