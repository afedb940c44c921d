using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Gives a volume a journal, or takes it away: an empty one, since opening for changes has brought it home.</summary>
internal static class ExtJournalTuning
{
    private const uint JournalInode = 8;
    private const int ZeroBytes = 1 << 18;

    /// <exception cref="ArgumentException">There can be none of that size here.</exception>
    /// <exception cref="VolumeFullException">No room.</exception>
    public static void Add(ExtEditState state, ExtTuning own, bool hasFastCommits)
    {
        var geometry = state.Geometry;
        if (geometry.BlocksCount < 2 * ExtFormatPlan.LeastJournal)
            throw new ArgumentException($"a volume of {geometry.BlocksCount} blocks is too small for a journal, expected {2 * ExtFormatPlan.LeastJournal} at least");
        var blocks = own.JournalLength >> geometry.LogBlockSize ?? ExtFormatPlan.DefaultJournal(geometry.BlocksCount);
        var fast = !hasFastCommits ? 0 : own.FastCommitLength >> geometry.LogBlockSize ?? blocks / ExtFormatPlan.FastCommitRatio;
        if (blocks + fast is < ExtFormatPlan.LeastJournal or > ExtFormatPlan.MostJournal)
            throw new ArgumentException($"a journal of {blocks + fast} blocks of {geometry.BlockSize} bytes is not possible: {ExtFormatPlan.LeastJournal} to {ExtFormatPlan.MostJournal} blocks");
        var needed = (blocks + fast + geometry.ClusterRatio - 1) / geometry.ClusterRatio;
        if (needed > state.Space.FreeClusters)
            throw state.Space.Full(needed);

        var inode = ExtUnnamedFile.New(state, JournalInode);
        var made = new GrowingArray<ExtRun>();
        ExtMapEditor.Of(inode, state).Fill(0, blocks + fast, state.Space.SeekRoom(Middle(geometry), needed), made);
        inode.SetLength(blocks + fast << geometry.LogBlockSize);
        state.Inodes.Write(inode);
        foreach (var run in made.Items)
            Clear(state, run);
        ref var super = ref geometry.EditSuper;
        Write(state, made[0].Physical, ExtNewJournal.Superblock(geometry.BlockSize, blocks + fast, fast, super.Uuid));
        super.JournalInode = JournalInode;
        super.JournalDevice = 0;
        super.JournalUuid = Guid.Empty;
        super.JournalBackupType = 1;
        ExtNewJournal.CopyMap(ref super, inode.Block, inode.Length);
        state.Super.AddOverhead(blocks + fast);
    }

    /// <exception cref="UnsupportedFeatureException">It is on another device, or a file with a name.</exception>
    public static void Remove(ExtEditState state)
    {
        ref var super = ref state.Geometry.EditSuper;
        if (super.JournalInode != JournalInode)
            throw new UnsupportedFeatureException(super.JournalInode == 0 ? "taking away a journal that is on another device" : $"taking away a journal that is a file with a name, inode {super.JournalInode}");
        var inode = state.Inodes.Read(JournalInode);
        if (!inode.IsFile)
            throw new DiskFormatException("EXT-0501", $"Inode {JournalInode}", inode.Offset, "should hold the journal and is no file of blocks");
        state.Super.AddOverhead(-inode.Length >> state.Geometry.LogBlockSize);
        ExtMapEditor.Of(inode, state).Truncate(0);

        // All zeros but for its checksum, as reserved inodes are from the start.
        state.Inodes.Write(new ExtInode(JournalInode, new byte[state.Geometry.InodeSize], inode.Offset));
        super.JournalInode = 0;
        super.JournalBackupType = 0;
        ((Span<U32Le>)super.JournalBlocks).Clear();
    }

    private static long Middle(ExtGeometry geometry) =>
        geometry.GroupStart((geometry.BlocksCount - geometry.FirstDataBlock) / 2 / geometry.BlocksPerGroup);

    // Old content could look like transactions. A hole of the image needs nothing.
    private static void Clear(ExtEditState state, in ExtRun run)
    {
        var log = state.Geometry.LogBlockSize;
        var zeros = new byte[(int)Math.Min(run.Count << log, ZeroBytes)];
        var isFresh = state.Space.IsFresh(run.Physical, run.Count);
        foreach (var range in state.Device.AllocatedRanges(run.Physical << log, run.Count << log).ToList())
        {
            for (var at = range.Offset; at < range.End; at += zeros.Length)
            {
                var part = zeros.AsSpan(0, (int)Math.Min(zeros.Length, range.End - at));
                if (isFresh)
                    state.Device.WriteFresh(at, part);
                else
                    state.Device.Write(at, part);
            }
        }
    }

    private static void Write(ExtEditState state, long block, byte[] bytes)
    {
        var offset = block << state.Geometry.LogBlockSize;
        if (state.Space.IsFresh(block, 1))
            state.Device.WriteFresh(offset, bytes);
        else
            state.Device.Write(offset, bytes);
    }
}
