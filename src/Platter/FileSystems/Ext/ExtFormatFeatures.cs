namespace Platter.FileSystems.Ext;

/// <summary>Which features a new volume has: those of its type, as mke2fs.conf of e2fsprogs 1.47 has them in Debian, changed as asked for.</summary>
/// <remarks>Debian leaves metadata_csum_seed and orphan_file out of ext4's defaults, which e2fsprogs itself puts in: boot loaders and kernels
/// older than 5.15 do not know them.</remarks>
internal static class ExtFormatFeatures
{
    private static readonly ExtFeatureSet Ext2 = new(ExtCompat.ResizeInode | ExtCompat.DirIndex | ExtCompat.ExtAttr, ExtIncompat.Filetype, ExtRoCompat.SparseSuper | ExtRoCompat.LargeFile);

    private static readonly ExtFeatureSet Ext4 = Ext2.With(new(ExtCompat.HasJournal, ExtIncompat.Extents | ExtIncompat.FlexBg | ExtIncompat.Bit64,
        ExtRoCompat.HugeFile | ExtRoCompat.MetadataChecksum | ExtRoCompat.DirNlink | ExtRoCompat.ExtraIsize));

    /// <summary>What may be asked for. Not among them: what no driver has (compression, snapshots, dirdata), what is a state (needs_recovery), and journals
    /// on other devices.</summary>
    private static readonly ExtFeatureSet Allowed = Ext4.With(new(
        ExtCompat.SparseSuper2 | ExtCompat.FastCommit | ExtCompat.StableInodes | ExtCompat.OrphanFile,
        ExtIncompat.MetaBg | ExtIncompat.EaInode | ExtIncompat.Mmp | ExtIncompat.InlineData | ExtIncompat.Encrypt | ExtIncompat.Casefold | ExtIncompat.ChecksumSeed | ExtIncompat.LargeDir,
        ExtRoCompat.GdtChecksum | ExtRoCompat.Bigalloc | ExtRoCompat.Quota | ExtRoCompat.Project | ExtRoCompat.Verity));

    /// <exception cref="ArgumentException">Features exclude or need each other; the message names them.</exception>
    /// <exception cref="UnsupportedFeatureException">A feature that volumes cannot be made with.</exception>
    public static ExtFeatureSet Choose(string type, string edits)
    {
        ExtFeatureSet start = type switch { "ext2" => Ext2, "ext3" => Ext2.With(ExtCompat.HasJournal), _ => Ext4 };
        var set = start.Edited(edits, Allowed);
        if (set.Has(ExtRoCompat.MetadataChecksum))
            set = set.Without(ExtRoCompat.GdtChecksum);
        Needs(ExtIncompat.Bit64, ExtIncompat.Extents, "64bit needs extent");
        Needs(ExtRoCompat.Bigalloc, ExtIncompat.Extents, "bigalloc needs extent");
        Needs(ExtIncompat.ChecksumSeed, ExtRoCompat.MetadataChecksum, "metadata_csum_seed needs metadata_csum");
        Needs(ExtCompat.OrphanFile, ExtCompat.HasJournal, "orphan_file needs has_journal");
        Needs(ExtCompat.ResizeInode, ExtRoCompat.SparseSuper, "resize_inode needs sparse_super: add ^resize_inode");
        if (set.Has(ExtIncompat.MetaBg) && set.Has(ExtCompat.ResizeInode))
            throw new ArgumentException("the features meta_bg and resize_inode exclude each other: add ^resize_inode");
        return set;

        void Needs(ExtFeatureSet one, ExtFeatureSet other, string message)
        {
            if (one.Without(set) == default && other.Without(set) != default)
                throw new ArgumentException("the feature " + message);
        }
    }
}
