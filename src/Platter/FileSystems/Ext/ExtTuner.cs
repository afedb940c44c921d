using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Changes settings of a volume, as tune2fs does; what tune2fs leaves to a repair afterwards is done here, or refused.</summary>
/// <remarks>
/// <para>First the structures that features bring or take, with the checksums as they were; then the fields of the superblock; then, when what checksums start
/// from has changed, or they come or go, every checksum; at last the copies. All of it is one commit.</para>
/// <para>Copies of the superblock (and, with new checksums, of the descriptors) are brought up to date: they would else bring the old settings back.</para>
/// </remarks>
internal static class ExtTuner
{
    /// <exception cref="ArgumentException">An option is unknown, or does not fit this volume.</exception>
    /// <exception cref="DiskFormatException">The volume is broken: nothing is sealed anew that does not match its checksum.</exception>
    /// <exception cref="UnsupportedFeatureException">A feature that cannot be added or taken away without more than that.</exception>
    /// <exception cref="VolumeFullException">No room for what a feature needs.</exception>
    public static void Tune(BlockDevice device, TuneOptions options)
    {
        using var volume = ExtEditableVolume.Open(device, options.Volume);
        Tune(volume, options);
    }

    /// <summary>As above, of a volume that is open for changes; it is good for nothing else afterwards.</summary>
    public static void Tune(ExtEditableVolume volume, TuneOptions options)
    {
        var state = volume.State;
        var own = ExtTuning.Read(options, state.Geometry.TypeName);
        var complete = false;
        state.Begin();
        try
        {
            new ExtFeatureTuning(state, own).Apply();
            SetFields(state, own);
            state.Keep();
            state.WriteBack();
            Seal(state);
            ExtCopies.WriteSupers(state);
            state.Commit();
            complete = true;
        }
        finally
        {
            if (!complete && state.Device.CanRollback)
                volume.Rollback();
            else if (!complete)
                state.Undo();
        }
    }

    private static void SetFields(ExtEditState state, ExtTuning own)
    {
        ref var s = ref state.Geometry.EditSuper;
        if (own.Label is { } label)
            state.Super.SetLabel(label);
        if (own.Uuid is { } uuid)
        {
            if (state.Geometry.Has(ExtCompat.StableInodes))
                throw new UnsupportedFeatureException("a new UUID on a volume with ext4 COMPAT_STABLE_INODES, bit 0x800: encrypted content depends on the old one");
            s.Uuid = uuid;
        }
        SetReserved(state, own);
        s.ReservedUser = own.ReservedUser ?? s.ReservedUser;
        s.ReservedGroup = own.ReservedGroup ?? s.ReservedGroup;
        s.Errors = own.ErrorBehaviour ?? s.Errors;
        if (own.DefaultMountOptions is { } options)
            s.DefaultMountOptions = ExtFormatOptions.Mount(options, s.DefaultMountOptions);
        if (own.MountOptions is { } mount)
            Put(mount, s.MountOptions);
        s.MaxMountCount = own.MaxMountCount ?? s.MaxMountCount;
        s.MountCount = own.MountCount ?? s.MountCount;
        s.CheckInterval = own.CheckInterval ?? s.CheckInterval;
        if (own.LastCheck is { } time)
            (s.LastCheck, s.LastCheckHi) = ((uint)time, (byte)Math.Min(time >> 32, byte.MaxValue));
        if (own.LastMounted is { } mounted)
            Put(mounted, s.LastMounted);
        s.RaidStride = own.Stride ?? s.RaidStride;
        s.RaidStripeWidth = own.StripeWidth ?? s.RaidStripeWidth;
        s.DefaultHashVersion = (byte?)own.HashVersion ?? s.DefaultHashVersion;
        if (own.MmpInterval is { } interval)
        {
            if ((s.Incompat.Value & ExtIncompat.Mmp) == 0)
                throw new ArgumentException("the option mmp_update_interval needs the feature mmp");
            s.MmpInterval = (ushort)interval;
        }
    }

    private static void SetReserved(ExtEditState state, ExtTuning own)
    {
        ref var s = ref state.Geometry.EditSuper;
        var blocks = state.Geometry.BlocksCount;
        if ((own.ReservedBlocks ?? (own.ReservedPercent is { } percent ? (long)(percent * blocks / 100.0) : null)) is not { } reserved)
            return;
        if (reserved > blocks / 2)
            throw new ArgumentException($"the option reserved_blocks={reserved} is more than half of the {blocks} blocks");
        s.ReservedBlocksLo = (uint)reserved;
        if (state.Geometry.Has(ExtIncompat.Bit64))
            s.ReservedBlocksHi = (uint)(reserved >> 32);
    }

    private static void Put(ReadOnlySpan<byte> text, Span<byte> field)
    {
        field.Clear();
        text.CopyTo(field);
    }

    // What checksums start from (the UUID, or the seed that was kept of an older one), or whether there are any; and descriptors of another size.
    private static void Seal(ExtEditState state)
    {
        var super = state.Geometry.SuperBytes.ToArray();
        OnDisk.Edit<ExtSuperblock>(super).Checksum = ExtChecksums.OfSuper(super);
        var after = ExtGeometry.Of(super);
        var next = new ExtChecksums(after);
        var hasNewSeed = next.Seed != state.Checksums.Seed;
        var hasNewSums = hasNewSeed || next.IsOn != state.Checksums.IsOn;
        if (hasNewSeed && state.Geometry.Has(ExtIncompat.EaInode))
            RequireNoValues(state);
        if (hasNewSums && (next.IsOn || state.Checksums.IsOn))
            new ExtResealing(state, next).Run();
        if ((hasNewSums && next.IsOnForDescriptors) || after.DescriptorSize != state.Geometry.DescriptorSize)
        {
            new ExtNewDescriptors(state, after, next).Write();
            ExtCopies.WriteDescriptors(state, after);
        }
    }

    // The hash of a value in an inode of its own starts from the same seed, and stands in every attribute that uses it.
    private static void RequireNoValues(ExtEditState state)
    {
        foreach (var inode in ExtInodeWalk.All(state))
        {
            if (inode.LinkCount > 0 && (inode.Flags & ExtInodeFlags.EaInode) != 0)
                throw new UnsupportedFeatureException("a new UUID where attributes have values in inodes of their own (ext4 INCOMPAT_EA_INODE, bit 0x400), without metadata_csum_seed: add that feature first");
        }
    }
}
