using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Adds features to a volume and takes them away, with the structures that belong to them.</summary>
internal sealed class ExtFeatureTuning(ExtEditState state, ExtTuning own)
{
    /// <summary>What changes nothing that is there, or brings a structure of its own.</summary>
    private static readonly ExtFeatureSet Settable = new(
        ExtCompat.HasJournal | ExtCompat.DirIndex | ExtCompat.FastCommit | ExtCompat.StableInodes | ExtCompat.OrphanFile,
        ExtIncompat.Extents | ExtIncompat.EaInode | ExtIncompat.Mmp | ExtIncompat.ChecksumSeed | ExtIncompat.LargeDir | ExtIncompat.Casefold | ExtIncompat.Bit64,
        ExtRoCompat.LargeFile | ExtRoCompat.HugeFile | ExtRoCompat.DirNlink | ExtRoCompat.Quota | ExtRoCompat.Project | ExtRoCompat.MetadataChecksum);

    private static readonly ExtFeatureSet Clearable = new(
        ExtCompat.HasJournal | ExtCompat.DirIndex | ExtCompat.FastCommit | ExtCompat.OrphanFile | ExtCompat.ResizeInode,
        ExtIncompat.Mmp | ExtIncompat.ChecksumSeed | ExtIncompat.Casefold | ExtIncompat.Bit64,
        ExtRoCompat.LargeFile | ExtRoCompat.HugeFile | ExtRoCompat.DirNlink | ExtRoCompat.Quota | ExtRoCompat.Project | ExtRoCompat.MetadataChecksum);

    /// <summary>These go only when no inode has need of them.</summary>
    private static readonly ExtFeatureSet GoesUnused = new(0, ExtIncompat.Casefold, ExtRoCompat.LargeFile | ExtRoCompat.HugeFile | ExtRoCompat.DirNlink | ExtRoCompat.Project);

    private readonly ExtGeometry _geometry = state.Geometry;

    /// <summary>Does what was asked for.</summary>
    /// <exception cref="ArgumentException">Features exclude or need each other.</exception>
    /// <exception cref="UnsupportedFeatureException">It cannot be done here, or is in use.</exception>
    /// <exception cref="VolumeFullException">No room for a structure.</exception>
    public void Apply()
    {
        var before = new ExtFeatureSet(_geometry.Compat, _geometry.Incompat, _geometry.RoCompat);
        var after = before.Edited(own.Features, new((ExtCompat)~0u, (ExtIncompat)~0u, (ExtRoCompat)~0u));
        var (added, removed) = (after.Without(before), before.Without(after));
        Require(after, added, removed);
        after = WithDescriptorChecksums(after, added, removed);
        if (own.JournalLength is not null && !added.Has(ExtCompat.HasJournal))
            throw new ArgumentException("the option journal_size is for a journal that is added");
        if (removed.Without(removed.Without(GoesUnused)) is var unused && unused != default)
            RequireUnused(unused);
        if (removed.Has(ExtCompat.DirIndex))
            FlattenDirectories();
        if (added.Has(ExtRoCompat.MetadataChecksum))
            ExtDirectoryTails.MakeRoom(state);

        // What goes first leaves its room to nothing else before the commit, but is counted as free.
        if (removed.Has(ExtCompat.OrphanFile))
            RemoveOrphanFile();
        if (removed.Has(ExtCompat.HasJournal))
            ExtJournalTuning.Remove(state);
        if (removed.Has(ExtIncompat.Mmp))
            RemoveMountProtection();
        if (removed.Has(ExtCompat.ResizeInode))
            ExtReservedDescriptors.Remove(state);
        if (added.Has(ExtCompat.HasJournal))
            ExtJournalTuning.Add(state, own, after.Has(ExtCompat.FastCommit));
        if (added.Has(ExtCompat.OrphanFile))
            AddOrphanFile();
        if (added.Has(ExtIncompat.Mmp))
            AddMountProtection();
        SetQuotas(after, added);

        // At last: descriptors may still be in what they leave, and nothing takes it any more.
        if ((added.With(removed)).Has(ExtIncompat.Bit64))
            SetDescriptorSize(after.Has(ExtIncompat.Bit64) ? ExtGroupDescriptor.LargeSize : ExtGroupDescriptor.Size);
        SetFields(after, added, removed);
    }

    private static void Require(ExtFeatureSet after, ExtFeatureSet added, ExtFeatureSet removed)
    {
        if (added.Without(Settable) is var notAdded && notAdded != default)
            throw new UnsupportedFeatureException($"adding {Names(notAdded)} to a volume that is there: it is chosen when the volume is made");
        if (removed.Without(Clearable) is var notRemoved && notRemoved != default)
            throw new UnsupportedFeatureException($"taking {Names(notRemoved)} from a volume that is there: what is stored depends on it");
        if (after.Has(ExtCompat.OrphanFile) && !after.Has(ExtCompat.HasJournal))
            throw new ArgumentException("the feature orphan_file needs has_journal: add ^orphan_file");
        if (after.Has(ExtIncompat.ChecksumSeed) && !after.Has(ExtRoCompat.MetadataChecksum))
            throw new ArgumentException("the feature metadata_csum_seed needs metadata_csum");
        if (added.Has(ExtRoCompat.MetadataChecksum) && removed.Has(ExtCompat.DirIndex))
            throw new ArgumentException("metadata_csum and ^dir_index both change directories: one after the other");
        if (added.Has(ExtCompat.FastCommit) && !after.Has(ExtCompat.HasJournal))
            throw new ArgumentException("the feature fast_commit needs has_journal");
        if (added.Has(ExtIncompat.Bit64) && !after.Has(ExtIncompat.Extents))
            throw new ArgumentException("the feature 64bit needs extent");
        if ((added.With(removed)).Has(ExtIncompat.Bit64) && removed.Has(ExtCompat.ResizeInode))
            throw new ArgumentException("64bit and ^resize_inode both change what is behind the group descriptors: one after the other");

        static string Names(ExtFeatureSet set) => ExtFeatures.Names(set.Compat, set.Incompat, set.RoCompat);
    }

    // Descriptors have checksums of one kind or the other: what they say of parts that were never written is believed only then.
    private ExtFeatureSet WithDescriptorChecksums(ExtFeatureSet after, ExtFeatureSet added, ExtFeatureSet removed)
    {
        if (added.Has(ExtRoCompat.MetadataChecksum))
            return after.Without(ExtRoCompat.GdtChecksum);
        if (!removed.Has(ExtRoCompat.MetadataChecksum))
            return after;
        var names = ExtFeatures.Names(0, 0, ExtRoCompat.GdtChecksum);
        if (!after.With(ExtRoCompat.GdtChecksum).Edited(own.Features, new((ExtCompat)~0u, (ExtIncompat)~0u, (ExtRoCompat)~0u)).Has(ExtRoCompat.GdtChecksum))
            throw new UnsupportedFeatureException($"taking {names} from a volume that is there: groups would have to be written that never were");
        return after.With(ExtRoCompat.GdtChecksum);
    }

    private void RequireUnused(ExtFeatureSet removed)
    {
        foreach (var inode in ExtInodeWalk.All(state))
        {
            if (inode.LinkCount == 0 || inode.Number == ExtGeometry.ResizeInode)
                continue;
            var use = removed.Has(ExtRoCompat.LargeFile) && inode.IsFile && inode.Length > int.MaxValue ? $"has {inode.Length} bytes, which need large_file"
                : removed.Has(ExtRoCompat.HugeFile) && (inode.Record.BlocksHigh != 0 || (inode.Flags & ExtInodeFlags.HugeFile) != 0) ? "has so many blocks that it needs huge_file"
                : removed.Has(ExtRoCompat.DirNlink) && inode.IsDirectory && inode.LinkCount == 1 ? "has so many directories that it needs dir_nlink"
                : removed.Has(ExtRoCompat.Project) && inode.ProjectId != 0 ? $"belongs to project {inode.ProjectId}"
                : removed.Has(ExtIncompat.Casefold) && (inode.Flags & ExtInodeFlags.Casefold) != 0 ? "is a directory without case, which needs casefold"
                : null;
            if (use is not null)
                throw new UnsupportedFeatureException($"taking a feature away that is in use: inode {inode.Number} {use}");
        }
    }

    private void SetFields(ExtFeatureSet after, ExtFeatureSet added, ExtFeatureSet removed)
    {
        ref var s = ref _geometry.EditSuper;
        s.Compat.Raw = (uint)after.Compat;
        s.Incompat.Raw = (uint)after.Incompat;
        s.RoCompat.Raw = (uint)after.RoCompat;
        if ((added.With(removed)).Has(ExtRoCompat.MetadataChecksum))
            (s.ChecksumType, s.Checksum) = ((byte)(after.Has(ExtRoCompat.MetadataChecksum) ? 1 : 0), 0u);
        if (added.Has(ExtIncompat.ChecksumSeed))
            s.ChecksumSeed = state.Checksums.Seed;
        if (removed.Has(ExtIncompat.ChecksumSeed))
            s.ChecksumSeed = 0;
        if (added.Has(ExtIncompat.Casefold))
            (s.Encoding, s.EncodingFlags) = ((ushort)1, (ushort)(own.StrictEncoding ? 1 : 0));
        if (removed.Has(ExtIncompat.Casefold))
            (s.Encoding, s.EncodingFlags) = ((ushort)0, (ushort)0);
        if (added.Has(ExtCompat.DirIndex) && s.DefaultHashVersion == 0 && IsZero(s.HashSeed))
            SetHash(ref s);
        if (added.Has(ExtRoCompat.Project) && _geometry.InodeSize == ExtInodeRecord.Size)
            throw new ArgumentException("inodes of 128 bytes are too small for project");
    }

    // The table stays where it is: what it takes more is kept behind it already.
    private void SetDescriptorSize(int size)
    {
        if (_geometry.Has(ExtIncompat.MetaBg))
            throw new UnsupportedFeatureException("adding or taking 64bit on a volume with meta_bg: the group descriptors would have to move");
        if (size == ExtGroupDescriptor.Size && (_geometry.BlocksCount > uint.MaxValue || Math.Max(_geometry.ClustersPerGroup, _geometry.InodesPerGroup) > ushort.MaxValue))
            throw new UnsupportedFeatureException($"taking 64bit from a volume that needs it: it has {_geometry.BlocksCount} blocks in groups of {_geometry.ClustersPerGroup}, and {_geometry.InodesPerGroup} inodes in each");
        var perBlock = _geometry.BlockSize / size;
        ExtReservedDescriptors.Fit(state, (_geometry.GroupCount + perBlock - 1) / perBlock);
        ref var s = ref _geometry.EditSuper;
        s.DescriptorSize = (ushort)(size == ExtGroupDescriptor.LargeSize ? size : 0);
        (s.BlocksCountHi, s.ReservedBlocksHi, s.FreeBlocksHi) = (0u, 0u, 0u);
    }

    // A volume that never had hash trees: the seed can be any, and is the same in every build.
    private static void SetHash(ref ExtSuperblock s)
    {
        s.DefaultHashVersion = (byte)ExtHashVersion.HalfMd4;
        s.Flags.Raw = (uint)((s.Flags.Value & ExtMiscFlags.UnsignedHash) != 0 ? s.Flags.Value : s.Flags.Value | ExtMiscFlags.SignedHash);
        Span<byte> bytes = stackalloc byte[16];
        ((Guid)s.Uuid).TryWriteBytes(bytes);
        for (var i = 0; i < 4; i++)
            s.HashSeed[i] = Crc32C.AppendRaw((uint)i, bytes);
    }

    private static bool IsZero(in ExtHashSeed seed) => ((uint)seed[0] | (uint)seed[1] | (uint)seed[2] | (uint)seed[3]) == 0;

    private void FlattenDirectories()
    {
        foreach (var inode in ExtInodeWalk.All(state))
        {
            if (inode.LinkCount > 0 && inode.IsDirectory && (inode.Flags & (ExtInodeFlags.Index | ExtInodeFlags.InlineData)) == ExtInodeFlags.Index)
                ExtIndexBlocks.Flatten(state.Inodes.Read(inode.Number), state);
        }
    }

    // Counted at last: what else comes and goes belongs to nobody, but directories may have changed.
    private void SetQuotas(ExtFeatureSet after, ExtFeatureSet added)
    {
        var wanted = new List<ExtQuotaType>();
        if (after.Has(ExtRoCompat.Quota))
            wanted.AddRange(own.Quotas ?? (added.Has(ExtRoCompat.Quota) ? ExtFormatOptions.QuotaTypes(ExtFormatOptions.UsualQuotas) : ExtQuotaTuning.Present(_geometry)));
        if (own.Quotas is null)
        {
            wanted.Remove(ExtQuotaType.Project);
            if (after.Has(ExtRoCompat.Quota) && after.Has(ExtRoCompat.Project) && (added.Has(ExtRoCompat.Quota | ExtRoCompat.Project) || _geometry.Super.ProjectQuotaInode != 0))
                wanted.Add(ExtQuotaType.Project);
        }
        else if (!after.Has(ExtRoCompat.Quota))
            throw new ArgumentException("quotatype needs the feature quota");
        else if (wanted.Count == 0)
            throw new ArgumentException("the option quotatype names no quota: ^quota takes them all away");
        else if (wanted.Contains(ExtQuotaType.Project) && !after.Has(ExtRoCompat.Project))
            throw new ArgumentException("prjquota needs the feature project");
        ExtQuotaTuning.Apply(state, wanted);
    }

    private void AddMountProtection()
    {
        var (block, _) = state.Space.Take(_geometry.FirstDataBlock, 1);
        var bytes = state.Changes.New(block);
        var seconds = own.MmpInterval ?? ExtMountProtection.UsualInterval;
        ExtMountProtection.Fill(bytes, seconds, Math.Max(0, state.Now.UnixSeconds), state.Checksums);
        ref var s = ref _geometry.EditSuper;
        s.MmpBlock = (ulong)block;
        s.MmpInterval = (ushort)seconds;
    }

    private void RemoveMountProtection()
    {
        ref var s = ref _geometry.EditSuper;
        if (s.MmpBlock != 0)
            state.Space.Release((long)(ulong)s.MmpBlock, 1);
        state.Changes.Drop((long)(ulong)s.MmpBlock);
        (s.MmpBlock, s.MmpInterval) = (0UL, (ushort)0);
    }

    private void AddOrphanFile()
    {
        var number = state.InodeSpace.Take(ExtGeometry.RootInode, isDirectory: false);
        var file = ExtUnnamedFile.New(state, number);
        var blocks = ExtFormatter.OrphanBlocks(_geometry, own.OrphanFileLength);
        var made = new GrowingArray<ExtRun>();
        ExtMapEditor.Of(file, state).Fill(0, blocks, 0, made);
        var seed = state.Checksums.InodeSeed(number, file.Generation);
        foreach (var run in made.Items)
        {
            for (var block = run.Physical; block < run.Physical + run.Count; block++)
            {
                var bytes = state.Changes.New(block);
                ref var tail = ref OnDisk.Edit<ExtOrphanTail>(bytes, bytes.Length - ExtOrphanTail.Size);
                tail.Magic = ExtOrphanTail.MagicValue;
                if (state.Checksums.IsOn)
                    tail.Checksum = ExtChecksums.OfOrphanBlock(seed, block, bytes);
            }
        }
        file.SetLength(blocks << _geometry.LogBlockSize);
        _geometry.EditSuper.OrphanFileInode = number;
        state.Inodes.Write(file);
    }

    // What was in it has been dealt with when the volume was opened.
    private void RemoveOrphanFile()
    {
        var file = state.Inodes.Read(_geometry.Super.OrphanFileInode);
        if (!file.IsFile || file.Number < _geometry.FirstInode)
            throw new DiskFormatException("EXT-0118", $"Inode {file.Number}", file.Offset, "should hold the orphan file");
        ExtInodeRemoval.Remove(file, state);
        _geometry.EditSuper.OrphanFileInode = 0;
    }
}
