using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Whether the copies of superblock and descriptors would do, if they were needed. Drivers do not keep them up to date, so only what never changes counts.</summary>
internal sealed class ExtCheckerCopies(ExtCheckState state)
{
    // What drivers add as they need it, without telling the copies.
    private const ExtCompat AddedCompat = ExtCompat.ExtAttr;
    private const ExtIncompat AddedIncompat = ExtIncompat.Recover | ExtIncompat.Extents;
    private const ExtRoCompat AddedRoCompat = ExtRoCompat.LargeFile | ExtRoCompat.DirNlink | ExtRoCompat.OrphanPresent;

    private readonly ExtGeometry _geometry = state.Geometry;

    public void Check()
    {
        if (_geometry.SuperOffset != ExtSuperblock.Offset)
            return;     // a copy is used already
        for (var group = 1L; group < state.GroupCount; group++)
        {
            state.Progress("checking copies", group, state.GroupCount);
            if (!_geometry.HasSuper(group))
                continue;
            try
            {
                CheckSuper(group);
                CheckDescriptors(group);
            }
            catch (DiskFormatException e)
            {
                Note("EXT-0036", group, e.Offset, e.Problem);
            }
        }
    }

    private void CheckSuper(long group)
    {
        var offset = _geometry.GroupStart(group) << _geometry.LogBlockSize;
        var block = state.Blocks.Read(_geometry.GroupStart(group), $"Copy of the superblock in group {group}");
        ref readonly var copy = ref OnDisk.View<ExtSuperblock>(block);
        ref readonly var super = ref _geometry.Super;
        if (copy.Magic != ExtSuperblock.MagicValue)
        {
            Note("EXT-0036", group, offset + 0x38, $"magic: found 0x{(ushort)copy.Magic:X4}, expected 0xEF53");
            return;
        }
        if ((copy.RoCompat.Value & ExtRoCompat.MetadataChecksum) != 0 && copy.Checksum != ExtChecksums.OfSuper(block.AsSpan(0, ExtSuperblock.Size)))
            Note("EXT-0036", group, offset + 0x3FC, "the checksum is wrong");
        if (copy.BlocksCountLo != super.BlocksCountLo || copy.BlocksCountHi != super.BlocksCountHi)
            Note("EXT-0036", group, offset + 0x04, $"blocks: found {copy.BlocksCountLo}, expected {super.BlocksCountLo}");
        if (copy.InodesCount != super.InodesCount)
            Note("EXT-0036", group, offset, $"inodes: found {copy.InodesCount}, expected {super.InodesCount}");
        if (copy.LogBlockSize != super.LogBlockSize || copy.BlocksPerGroup != super.BlocksPerGroup || copy.InodesPerGroup != super.InodesPerGroup || copy.InodeSize != super.InodeSize)
            Note("EXT-0036", group, offset + 0x18, "sizes of blocks, groups or inodes are others");
        if (((Guid)copy.Uuid) != super.Uuid)
            Note("EXT-0036", group, offset + 0x68, $"UUID: found {(Guid)copy.Uuid}, expected {(Guid)super.Uuid}");
        var features = new ExtFeatureSet((copy.Compat.Value ^ super.Compat.Value) & ~AddedCompat, (copy.Incompat.Value ^ super.Incompat.Value) & ~AddedIncompat, (copy.RoCompat.Value ^ super.RoCompat.Value) & ~AddedRoCompat);
        if (features != default)
            Note("EXT-0036", group, offset + 0x5C, $"features that only one of the two has: {ExtFeatures.Names(features.Compat, features.Incompat, features.RoCompat)}");
    }

    // Blocks of descriptors that are equal need no closer look. With meta_bg the copies are elsewhere, and are read there when they are needed.
    private void CheckDescriptors(long group)
    {
        var blocks = _geometry.Has(ExtIncompat.MetaBg) ? Math.Min(_geometry.Super.FirstMetaBlockGroup, _geometry.DescriptorBlocks) : _geometry.DescriptorBlocks;
        for (var index = 0L; index < blocks; index++)
        {
            var primary = state.Blocks.Read(_geometry.DescriptorBlock(index), "Group descriptors");
            var number = _geometry.DescriptorBlock(index, group);
            var copy = state.Blocks.Read(number, $"Copy of the descriptors in group {group}");
            if (primary.AsSpan().SequenceEqual(copy))
                continue;
            for (var i = 0; i < _geometry.DescriptorsPerBlock && index * _geometry.DescriptorsPerBlock + i < _geometry.GroupCount; i++)
            {
                var (at, length) = (i * _geometry.DescriptorSize, _geometry.DescriptorSize);
                var (own, other) = (state.Groups.Decode(primary.AsSpan(at, length)), state.Groups.Decode(copy.AsSpan(at, length)));
                if ((own.BlockBitmap, own.InodeBitmap, own.InodeTable) == (other.BlockBitmap, other.InodeBitmap, other.InodeTable))
                    continue;
                state.Report.Add("EXT-0037", Severity.Note, $"Copy of the descriptors in group {group}", (number << _geometry.LogBlockSize) + at,
                    $"descriptor {index * _geometry.DescriptorsPerBlock + i} has its structures at blocks {other.BlockBitmap}, {other.InodeBitmap} and {other.InodeTable}, expected {own.BlockBitmap}, {own.InodeBitmap} and {own.InodeTable}");
                return;
            }
        }
    }

    private void Note(string code, long group, long offset, string problem) =>
        state.Report.Add(code, Severity.Note, $"Copy of the superblock in group {group}", offset < 0 ? null : offset, problem);
}
