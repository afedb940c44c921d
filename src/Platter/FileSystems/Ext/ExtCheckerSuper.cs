using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The superblock, the journal, and features that do not go together.</summary>
internal sealed class ExtCheckerSuper(ExtCheckState state)
{
    private const uint Hurd = 1;
    private readonly ExtGeometry _geometry = state.Geometry;

    /// <summary>Opens a volume for a check.</summary>
    /// <returns>Null when nothing can be checked; the report says why.</returns>
    public static ExtCheckState? Open(BlockDevice device, CheckOptions options, CheckReport report)
    {
        ExtGeometry geometry;
        try
        {
            geometry = ExtGeometry.Read(device);
            ExtFeatures.RequireReadable(geometry.Incompat);
        }
        catch (DiskFormatException e)
        {
            report.Add(e.Code, Severity.Error, e.Structure, e.Offset < 0 ? null : e.Offset, e.Problem);
            return null;
        }
        catch (UnsupportedFeatureException e)
        {
            report.Add("EXT-0018", Severity.Warning, "Superblock", ExtSuperblock.Offset, $"not checked: {e.Message}");
            return null;
        }
        var journal = default(ExtJournalState);
        try
        {
            journal = ExtJournalState.Open(device, geometry, options.Volume);
        }
        catch (DiskFormatException e)
        {
            report.Add(e.Code, Severity.Error, e.Structure, e.Offset < 0 ? null : e.Offset, e.Problem);
        }
        catch (UnsupportedFeatureException e)
        {
            report.Add("EXT-0018", Severity.Warning, "Journal", null, $"not replayed: {e.Message}");
        }
        // The volume as it stands, when its journal cannot be used.
        journal ??= ExtJournalState.Open(device, geometry, options.Volume with { DiscardJournal = true });
        foreach (var remark in journal.Geometry.Remarks)
            report.Add(remark);
        if (journal.Geometry.Remarks.Any(r => r.Code is "EXT-0014" or "EXT-0015"))
            return null;
        if (journal.Replay is { } replay)
        {
            report.Add("EXT-0500", Severity.Note, "Journal", null, $"was to be replayed: the volume is checked as it is after {replay.Transactions} transactions");
            if (replay.Remark is { } remark)
                report.Add("EXT-0505", Severity.Error, "Journal", null, remark);
            if (replay.Fast is { IsTorn: true })
                report.Add("EXT-0513", Severity.Note, "Journal, fast commits", null, "the last one was interrupted, and is dropped");
        }
        return new ExtCheckState(journal, report, options);
    }

    public void Check()
    {
        ref readonly var s = ref _geometry.Super;
        CheckState(s);
        CheckFeatures(s);
        if (_geometry.InodeSize > ExtInodeRecord.Size)
        {
            CheckExtra("min_extra_isize", 0x15C, s.MinExtraInodeSize);
            CheckExtra("want_extra_isize", 0x15E, s.WantExtraInodeSize);
        }
        if (_geometry.Has(ExtRoCompat.Quota))
        {
            CheckQuota("usr_quota_inum", 0x240, s.UserQuotaInode, 3);
            CheckQuota("grp_quota_inum", 0x244, s.GroupQuotaInode, 4);
            CheckQuota("prj_quota_inum", 0x26C, s.ProjectQuotaInode, 0);
        }
        CheckJournal(s);
        if (_geometry.Has(ExtIncompat.Mmp))
            CheckMmp((long)(ulong)s.MmpBlock);
    }

    private void CheckState(in ExtSuperblock s)
    {
        ushort value = s.State.Value;
        if ((value & ExtState.HasErrors) != 0)
            state.Report.Add("EXT-0017", Severity.Note, "Superblock.state", At(0x3A), "a driver met errors on this volume");
        if ((value & ExtState.Valid) == 0 && !state.WasReplayed)
            state.Report.Add("EXT-0017", Severity.Note, "Superblock.state", At(0x3A), "the volume was not left properly");
        if (_geometry.RoCompat is var roCompat && (roCompat & ~ExtFeatures.Checkable) != 0)
            state.Warning("EXT-0018", "Superblock.feature_ro_compat", At(0x64), $"what these features add is not checked: {ExtFeatures.Macros(roCompat & ~ExtFeatures.Checkable)}");
    }

    private void CheckFeatures(in ExtSuperblock s)
    {
        if (_geometry.Has(ExtRoCompat.GdtChecksum) && _geometry.Has(ExtRoCompat.MetadataChecksum))
            Clash("uninit_bg and metadata_csum, which exclude each other");
        if (_geometry.Has(ExtIncompat.ChecksumSeed) && !_geometry.Has(ExtRoCompat.MetadataChecksum))
            Clash("metadata_csum_seed without metadata_csum");
        if (_geometry.Has(ExtRoCompat.MetadataChecksum) && s.ChecksumType != 1)
            Clash($"metadata_csum with checksums of type {s.ChecksumType}, expected 1");
        if (s.CreatorOs == Hurd && _geometry.Has(ExtIncompat.Filetype))
            Clash("filetype, which the Hurd does not have, on a volume of the Hurd");
        if (_geometry.Has(ExtIncompat.MetaBg) && _geometry.Has(ExtCompat.ResizeInode))
            Clash("meta_bg and resize_inode, which exclude each other");
        if (!_geometry.Has(ExtCompat.ResizeInode) && s.ReservedGdtBlocks != 0)
            state.Warning("EXT-0019", "Superblock.reserved_gdt_blocks", At(0xCE), $"found {s.ReservedGdtBlocks}, expected 0 without resize_inode");

        void Clash(string what) => state.Warning("EXT-0019", "Superblock.features", At(0x5C), "has " + what);
    }

    private void CheckExtra(string field, int offset, ushort found)
    {
        // 0 is usual with old tools; the fields up to the checksum's high half are the least.
        var most = _geometry.InodeSize - ExtInodeRecord.Size;
        if (found != 0 && (found < 4 || found > most || found % 4 != 0))
            state.Warning("EXT-0020", "Superblock." + field, At(offset), $"found {found}, expected a multiple of 4, 4..{most}");
    }

    private void CheckQuota(string field, int offset, uint found, uint usual)
    {
        if (found != 0 && (found > _geometry.InodesCount || (found < _geometry.FirstInode && found != usual)))
            state.Error("EXT-0021", "Superblock." + field, At(offset), $"found {found}, expected {(usual == 0 ? "" : $"{usual} or ")}{_geometry.FirstInode}..{_geometry.InodesCount}");
    }

    private void CheckJournal(in ExtSuperblock s)
    {
        const uint usualJournal = 8;
        if (!_geometry.Has(ExtCompat.HasJournal))
        {
            if (_geometry.Has(ExtIncompat.Recover))
                state.Warning("EXT-0019", "Superblock.features", At(0x60), "has needs_recovery without has_journal");
            if (s.JournalInode != 0 || IsFile(usualJournal))
                state.Warning("EXT-0025", $"Inode {usualJournal}", null, "holds a journal, but the volume has no has_journal");
            return;
        }
        if (s.JournalInode == 0)
        {
            if (s.JournalDevice == 0 && ((Guid)s.JournalUuid) == Guid.Empty)
                state.Error("EXT-0501", "Superblock.journal_inum", At(0xE0), "has_journal, but neither an inode nor a device is named");
            return;
        }
        try
        {
            var file = ExtJournalFile.Open(_geometry, state.Blocks);
            if (file.Journal.Start != 0 && !_geometry.Has(ExtIncompat.Recover))
                state.Warning("EXT-0511", "Journal superblock, start", file.Offset + 0x1C, $"found {file.Journal.Start}: there is something to replay, but the volume does not say so");
            CheckJournalRest(file);
        }
        catch (DiskFormatException e)
        {
            if (!state.Report.Findings.Any(f => f.Code == e.Code))
                state.Error(e);
        }
        catch (UnsupportedFeatureException e)
        {
            state.Warning("EXT-0018", "Journal", null, e.Message);
        }
    }

    private void CheckJournalRest(ExtJournalFile file)
    {
        ref readonly var s = ref OnDisk.View<JbdSuperblock>(state.Blocks.Read(file.Physical(0), "Journal superblock"));
        if (s.UserCount > 1 && (JbdBlockType)(uint)s.Header.Type == JbdBlockType.SuperblockV2)
            state.Error("EXT-0510", "Journal superblock, users", file.Offset + 0x40, $"found {s.UserCount}, expected 1");
        if (s.ErrorNumber != 0)
            state.Report.Add("EXT-0512", Severity.Note, "Journal superblock, error number", file.Offset + 0x20, $"found {(int)(uint)s.ErrorNumber}: a driver gave the journal up");
    }

    private bool IsFile(uint number)
    {
        try
        {
            var inode = state.Inodes.ReadUnchecked(number);
            return inode.IsFile && inode.LinkCount > 0;
        }
        catch (DiskFormatException)
        {
            return false;
        }
    }

    private void CheckMmp(long block)
    {
        if (!_geometry.IsBlock(block))
        {
            state.Error("EXT-0024", "Superblock.mmp_block", At(0x168), $"found {block}, expected {_geometry.FirstDataBlock}..{_geometry.BlocksCount - 1}");
            return;
        }
        try
        {
            var bytes = state.Blocks.Read(block, "Multiple mount protection");
            ref readonly var mmp = ref OnDisk.View<ExtMmpBlock>(bytes);
            var offset = block << _geometry.LogBlockSize;
            if (mmp.Magic != ExtMmpBlock.MagicValue)
                state.Error("EXT-0024", "Multiple mount protection, magic", offset, $"found 0x{(uint)mmp.Magic:X8}, expected 0x004D4D50");
            else if (state.Checksums.IsOn && mmp.Checksum != state.Checksums.OfMmp(bytes))
                state.Error("EXT-0024", "Multiple mount protection, checksum", offset + 0x3FC, "is wrong");
        }
        catch (DiskFormatException e)
        {
            state.Error(e);
        }
    }

    private long At(int field) => _geometry.SuperOffset + field;
}
