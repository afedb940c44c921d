using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Files that no directory names: the volume's own, and values of attributes.</summary>
internal static class ExtUnnamedFile
{
    /// <summary>The inode of an empty one, which is the caller's to write.</summary>
    public static ExtInode New(ExtEditState state, uint number)
    {
        var old = state.Inodes.ReadUnchecked(number);
        var bytes = new byte[state.Geometry.InodeSize];
        if (bytes.Length > ExtInodeRecord.Size)
            OnDisk.Edit<ExtInodeExtra>(bytes, ExtInodeRecord.Size).ExtraSize = ExtInodeExtra.Size;
        var inode = new ExtInode(number, bytes, old.Offset);
        ref var record = ref inode.Edit;
        record.Mode = ExtNewInode.File | 0x180;
        record.LinksCount = 1;
        record.Generation = old.Generation;
        inode.ClearMap(state.Geometry.Has(ExtIncompat.Extents));
        inode.SetTimes(state.Now);
        return inode;
    }

    /// <summary>An inode that holds the value of an attribute, written; its owner counts its blocks as its own.</summary>
    /// <returns>Its number, and the hash of the value.</returns>
    /// <exception cref="VolumeFullException">No room.</exception>
    public static (uint Number, uint Hash) ForValue(ExtEditState state, ExtInode owner, byte[] value)
    {
        var geometry = state.Geometry;
        var inode = New(state, state.InodeSpace.Take(owner.Number, isDirectory: false));
        inode.SetFlag(ExtInodeFlags.EaInode, true);
        inode.SetUser(owner.UserId);
        inode.SetGroup(owner.GroupId);
        var blocks = value.Length + geometry.BlockSize - 1 >> geometry.LogBlockSize;
        var made = new GrowingArray<ExtRun>();
        ExtMapEditor.Of(inode, state).Fill(0, blocks, 0, made);
        foreach (var run in made.Items)
        {
            var bytes = new byte[run.Count << geometry.LogBlockSize];
            var at = (int)(run.Logical << geometry.LogBlockSize);
            value.AsSpan(at, Math.Min(bytes.Length, value.Length - at)).CopyTo(bytes);
            if (state.Space.IsFresh(run.Physical, run.Count))
                state.Device.WriteFresh(run.Physical << geometry.LogBlockSize, bytes);
            else
                state.Device.Write(run.Physical << geometry.LogBlockSize, bytes);
        }
        inode.SetLength(value.Length);

        // The hash stands where other inodes have the time of access; how many attributes use the value, in the time of change and the version.
        var hash = Crc32C.AppendRaw(state.Checksums.Seed, value);
        inode.SetAccessed(new Timestamp(hash));
        inode.Edit.AccessTime = hash;
        inode.SetChanged(new Timestamp(0));
        inode.Edit.VersionLo = 1;
        state.Inodes.Write(inode);
        owner.AddClusters((blocks + geometry.ClusterRatio - 1) / geometry.ClusterRatio, geometry);
        return (inode.Number, hash);
    }
}
