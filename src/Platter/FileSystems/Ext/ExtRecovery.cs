using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Brings a journal home that was left to be replayed, so that the volume can be changed.</summary>
internal static class ExtRecovery
{
    /// <summary>Writes the logged blocks to their places, empties the journal, and commits.</summary>
    /// <remarks>An emptied journal keeps its superblock, starts nowhere and goes on with the next sequence number: kernels refuse to mount without one.</remarks>
    /// <exception cref="DiskFormatException">The journal is broken.</exception>
    /// <exception cref="UnsupportedFeatureException">It lies elsewhere, or holds fast commits for what cannot be edited.</exception>
    public static void Replay(BlockDevice device, ExtGeometry geometry, VolumeOptions options)
    {
        var state = ExtJournalState.Open(device, geometry, options);
        var blocks = new ExtBlocks(device, geometry);
        var journal = geometry.Super.JournalInode == 0 ? null : Find(geometry, blocks, options.DiscardJournal);
        if (state.Replay is not null)
        {
            var numbers = state.Changed.ToArray();
            Array.Sort(numbers);
            var bytes = new byte[geometry.BlockSize];
            foreach (var number in numbers)
            {
                blocks.CheckRange(number, 1, "Journal");
                state.Device.Read(number << geometry.LogBlockSize, bytes);
                device.Write(number << geometry.LogBlockSize, bytes);
            }
            if (!device.CanRollback)
                device.Flush();
        }
        if (journal is not null)
            Empty(device, geometry, journal, state.Replay?.NextSequence);
        ClearFlag(device, journal?.Journal.ErrorNumber is > 0);
        device.Flush();
    }

    /// <summary>Refuses a volume that multiple mount protection says is in use.</summary>
    /// <exception cref="InUseException">It is.</exception>
    public static void RequireNotInUse(BlockDevice device, ExtGeometry geometry)
    {
        if (!geometry.Has(ExtIncompat.Mmp) || geometry.Super.MmpBlock == 0)
            return;
        var number = (ulong)geometry.Super.MmpBlock;
        if (number >= (ulong)geometry.BlocksCount)
            throw new DiskFormatException("EXT-0024", "Superblock.mmp_block", ExtSuperblock.Offset + 0x168, $"found {number}, expected less than {geometry.BlocksCount}");
        ref readonly var block = ref OnDisk.View<ExtMmpBlock>(new ExtBlocks(device, geometry).Read((long)number, "Multiple mount protection"));
        if (block.Magic != ExtMmpBlock.MagicValue)
            throw new DiskFormatException("EXT-0024", "Multiple mount protection", (long)number << geometry.LogBlockSize, $"magic: found 0x{(uint)block.Magic:X8}, expected 0x004D4D50");
        if (block.Sequence != ExtMmpBlock.SequenceClean)
            throw new InUseException("the volume is in use, by the word of its multiple mount protection: unmount it; if it is not mounted, have tune2fs -f -E clear_mmp clear the mark");
    }

    private static ExtJournalFile? Find(ExtGeometry geometry, ExtBlocks blocks, bool mayBeBroken)
    {
        try
        {
            return ExtJournalFile.Open(geometry, blocks);
        }
        catch (DiskFormatException) when (mayBeBroken)
        {
            return null;        // given up by the user's own word
        }
    }

    private static void Empty(BlockDevice device, ExtGeometry geometry, ExtJournalFile file, uint? nextSequence)
    {
        var bytes = new byte[JbdSuperblock.Size];
        device.Read(file.Offset, bytes);
        ref var super = ref OnDisk.Edit<JbdSuperblock>(bytes);

        // What was given up unread may hold as many transactions as it has blocks.
        super.Sequence = nextSequence ?? file.Journal.Sequence + file.Journal.Length;
        super.Start = 0;
        if (file.Journal.HasChecksums)
            super.Checksum = Jbd.Checksum(bytes);
        device.Write(file.Offset, bytes);
    }

    // The superblock may have been among what was replayed: it is read anew.
    private static void ClearFlag(BlockDevice device, bool hasError)
    {
        var geometry = ExtGeometry.ReadAt(device, ExtSuperblock.Offset);
        ref var super = ref geometry.EditSuper;
        super.Incompat.Raw = (uint)(super.Incompat.Value & ~ExtIncompat.Recover);
        if (hasError)
            super.State.Value = (ushort)(super.State.Value | ExtState.HasErrors);
        if (geometry.Has(ExtRoCompat.MetadataChecksum))
            super.Checksum = ExtChecksums.OfSuper(geometry.SuperBytes);
        device.Write(ExtSuperblock.Offset, geometry.SuperBytes);
    }
}
