using System.Numerics;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The sizes of a new volume: blocks, groups, inodes, what is kept for more descriptors, the journal. The numbers are those of
/// mke2fs 1.47 with Debian's mke2fs.conf.</summary>
internal sealed class ExtFormatPlan
{
    private const int Kilo = 1 << 10, Mega = 1 << 20;

    // Counts of blocks and inodes of a group stand in 16 bits of its descriptor.
    private const int MostInGroup = 65536 - 8;

    // The arrays of group places are held in memory.
    private const long MostGroups = 1 << 24;

    // JBD2_MIN_JOURNAL_BLOCKS, and the most that mke2fs takes.
    internal const int LeastJournal = 1024, MostJournal = 10_240_000;

    // A journal has one block of fast commits for each 64 others.
    internal const int FastCommitRatio = 64;

    // "fs_types" of mke2fs.conf: what they change of 4096 bytes a block and 16384 bytes an inode.
    private static readonly (string Name, int BlockSize, int InodeRatio)[] Usages =
    [
        ("floppy", Kilo, 8 * Kilo), ("small", Kilo, 4 * Kilo), ("default", 4 * Kilo, 16 * Kilo), ("big", 4 * Kilo, 32 * Kilo), ("huge", 4 * Kilo, 64 * Kilo),
        ("news", 4 * Kilo, 4 * Kilo), ("largefile", 4 * Kilo, Mega), ("largefile4", 4 * Kilo, 4 * Mega),
    ];

    private readonly ExtFormatOptions _options;
    private readonly byte[] _super = new byte[ExtSuperblock.Size];
    private ExtFeatureSet _features;
    private int _blockSize, _clusterRatio, _inodeSize, _descriptorSize;
    private long _reserved;

    private ExtFormatPlan(ExtFormatOptions options)
    {
        _options = options;
        _features = options.Features;
    }

    public static IEnumerable<string> UsageTypes => Usages.Select(u => u.Name);

    /// <summary>The superblock without what is known only once the volume is filled: free counts, places of files, checksum.</summary>
    public byte[] Super => _super;

    public ExtGeometry Geometry { get; private set; } = null!;

    /// <summary>Blocks of the journal without its fast commits; 0 for none.</summary>
    public long JournalBlocks { get; private set; }

    public long FastCommitBlocks { get; private set; }

    /// <exception cref="ArgumentException">No volume fits; the message says why.</exception>
    public static ExtFormatPlan Choose(long length, ExtFormatOptions options)
    {
        if (TryChoose(length, options, out var reason) is { } plan)
            return plan;

        // More entries are to come than the volume can have inodes for: it is made as without them, and they will find it full.
        return options.ExpectedEntries > 0 ? Choose(length, options with { ExpectedEntries = 0 }) : throw new ArgumentException(reason);
    }

    /// <summary>As <see cref="Choose"/>; null with a reason when the device is too short.</summary>
    /// <exception cref="ArgumentException">No length would do.</exception>
    public static ExtFormatPlan? TryChoose(long length, ExtFormatOptions options, out string reason)
    {
        reason = "";
        var plan = new ExtFormatPlan(options);
        try
        {
            plan.Divide(length);
            return plan;
        }
        catch (TooShortException tooShort)
        {
            reason = tooShort.Message;
            return null;
        }
    }

    private void Divide(long length)
    {
        var asked = Blocks(length, out var usage);
        var clusterSize = ClusterSize();
        _clusterRatio = clusterSize / _blockSize;
        var ratio = _options.InodeRatio ?? Math.Max(usage.InodeRatio, clusterSize);
        _inodeSize = _options.InodeSize ?? 256;
        _descriptorSize = _features.Has(ExtIncompat.Bit64) ? _options.DescriptorSize ?? ExtGroupDescriptor.LargeSize : ExtGroupDescriptor.Size;
        if (_inodeSize > _blockSize)
            throw new ArgumentException($"inodes of {_inodeSize} bytes do not fit into blocks of {_blockSize}");
        if (_inodeSize == ExtInodeRecord.Size && (_features.Has(ExtIncompat.InlineData) || _features.Has(ExtRoCompat.Project)))
            throw new ArgumentException("inodes of 128 bytes are too small for inline_data and project");
        var inodes = Inodes(asked, ratio);
        var reservedAsked = (long)(_options.ReservedPercent * asked / 100.0);

        var blocks = asked & ~(long)(_clusterRatio - 1);
        _reserved = reservedAsked;
        var perGroup = BlocksPerGroup(clusterSize);
        var firstData = clusterSize == Kilo ? 1 : 0;
        var keptFor = _options.ResizeLimit is { } limit ? KeptFor(limit / _blockSize, asked) : 0;
        if (keptFor > 0)
            _features = _features.With(ExtCompat.ResizeInode);

        // The end of the volume may be too short for a group; without it, the other numbers are new ones.
        while (true)
        {
            var groups = DivideUp(blocks - firstData, perGroup);
            if (groups <= 0)
                throw TooShort(length);
            if (groups > MostGroups)
                throw new ArgumentException($"{length} bytes would have {groups} groups, at most {MostGroups} are made: larger blocks or bigalloc");
            var tableBlocks = DivideUp(groups, _blockSize / _descriptorSize);
            var perInodeGroup = InodesPerGroup(inodes > 0 ? inodes : blocks / Math.Max(4 * Kilo / _blockSize, 1), groups, out var inodeBlocks);
            if (perInodeGroup > 8L * _blockSize)
            {
                // More inodes than a bitmap has bits: smaller groups.
                if (_clusterRatio > 1 || perGroup < 256)
                    throw TooManyInodes(inodes);
                perGroup -= 8;
                blocks = asked;
                continue;
            }
            var kept = keptFor > 0 ? keptFor : _features.Has(ExtCompat.ResizeInode) ? KeptByDefault(blocks, firstData, perGroup, tableBlocks) : 0;
            if (kept + tableBlocks > perGroup * 3 / 4)
            {
                _features = _features.With(ExtIncompat.MetaBg).Without(ExtCompat.ResizeInode);
                kept = keptFor = 0;
            }
            if (3 + inodeBlocks + kept + (_features.Has(ExtIncompat.MetaBg) ? 1 : tableBlocks) > perGroup)
                throw TooManyInodes(inodes);
            var least = 2 + inodeBlocks + (HasCopies(groups) ? 1 + tableBlocks + kept : 0);
            var rest = (blocks - firstData) % perGroup;
            if (groups == 1 && rest > 0 && rest < least)
                throw TooShort(length);
            if (rest > 0 && rest < least + 50)
            {
                blocks -= rest;
                _reserved = (long)(100.0 * reservedAsked / asked * blocks / 100.0);
                continue;
            }
            if (perInodeGroup * groups <= ExtGeometry.FirstInodeOfRevision0)
                throw new TooShortException($"{perInodeGroup * groups} inodes are too few, {ExtGeometry.FirstInodeOfRevision0} are needed from the start");
            Describe(blocks, perGroup, groups, perInodeGroup, kept);
            break;
        }
        Geometry = ExtGeometry.Of(Sealed(_super));
        ChooseJournal(inodeTablesAreApart: _features.Has(ExtIncompat.FlexBg) && OnDisk.View<ExtSuperblock>(_super).LogGroupsPerFlex > 0);
    }

    // Blocks of the size that is chosen here. Volumes end at a multiple of 4 KiB, the pages of most machines.
    private long Blocks(long length, out (string Name, int BlockSize, int InodeRatio) usage)
    {
        var unit = _options.BlockSize ?? Kilo;
        var blocks = length / unit;
        if (unit < 4 * Kilo)
            blocks &= ~(long)(4 * Kilo / unit - 1);
        var mega = Mega / unit;
        var name = _options.UsageType ?? (blocks < 3L * mega ? "floppy" : blocks < 512L * mega ? "small" : blocks < (4L << 20) * mega ? "default" : blocks < (16L << 20) * mega ? "big" : "huge");
        usage = Array.Find(Usages, u => u.Name == name);
        _blockSize = _options.BlockSize ?? Math.Max(usage.BlockSize, _options.LeastBlockSize);
        usage.InodeRatio = Math.Max(usage.InodeRatio, _blockSize);
        blocks = _options.BlockSize is null ? blocks / (_blockSize / Kilo) : blocks;
        if (blocks > uint.MaxValue)
        {
            if (!_features.Has(ExtIncompat.Bit64))
                throw new ArgumentException($"{blocks} blocks of {_blockSize} bytes need the feature 64bit, or larger blocks");
            _features = _features.Without(ExtCompat.ResizeInode);
        }
        return blocks > 0 ? blocks : throw TooShort(length);
    }

    private int ClusterSize()
    {
        if (!_features.Has(ExtRoCompat.Bigalloc))
            return _options.ClusterSize is null ? _blockSize : throw new ArgumentException("the option cluster_size needs the feature bigalloc");
        var size = _options.ClusterSize ?? 16 * _blockSize;
        return size >= _blockSize ? size : throw new ArgumentException($"clusters of {size} bytes are smaller than the blocks of {_blockSize}");
    }

    private long Inodes(long blocks, long ratio)
    {
        var inodes = _options.Inodes ?? blocks * _blockSize / ratio;
        if (inodes > uint.MaxValue)
            inodes = _features.Has(ExtIncompat.Bit64) ? uint.MaxValue : throw new ArgumentException($"{inodes} inodes are too many: a larger inode_ratio");
        if (_options.Inodes is null && _options.ExpectedEntries > 0)
            inodes = Math.Max(inodes, _options.ExpectedEntries + _options.ExpectedEntries / 32 + 16);
        return inodes * _inodeSize < blocks * _blockSize ? inodes : throw TooManyInodes(inodes);
    }

    private long BlocksPerGroup(int clusterSize)
    {
        var bits = _clusterRatio > 1 && BitOperations.Log2((uint)clusterSize) - 10 + 15 >= 32 ? 8 * (_blockSize - 1) : 8 * _blockSize;
        if (_options.BlocksPerGroup is { } asked && (asked % 8 != 0 || asked > 8 * _blockSize))
            throw new ArgumentException($"the option blocks_per_group={asked} needs a multiple of 8 up to {8 * _blockSize}, the bits of a block");
        var perGroup = (long)Math.Min(_options.BlocksPerGroup ?? bits, MostInGroup) * _clusterRatio;
        return perGroup <= uint.MaxValue ? perGroup : throw new ArgumentException($"groups of {perGroup} blocks are too large: smaller clusters or blocks_per_group");
    }

    // The inode table fills its blocks, as far as 8 inodes a byte of the bitmap allow. More than the bits of a bitmap: none of it counts.
    private long InodesPerGroup(long inodes, long groups, out long tableBlocks)
    {
        var asked = DivideUp(Math.Max(inodes, ExtGeometry.FirstInodeOfRevision0 + 1), groups);
        tableBlocks = 0;
        if (asked > 8L * _blockSize)
            return asked;
        asked = Math.Min(asked, 65536 - _blockSize / _inodeSize);
        while (true)
        {
            tableBlocks = DivideUp(asked * _inodeSize, _blockSize);
            var perGroup = Math.Max(tableBlocks * _blockSize / _inodeSize, 8) & ~7L;
            tableBlocks = DivideUp(perGroup * _inodeSize, _blockSize);
            if (perGroup * groups <= uint.MaxValue)
                return perGroup;
            if (--asked == 0)
                throw TooManyInodes(8 * groups);
        }
    }

    // Descriptors for a volume 1024 times as long, as far as 2^32 blocks and as the resize inode's block can name.
    private long KeptByDefault(long blocks, long firstData, long perGroup, long tableBlocks)
    {
        var most = blocks < uint.MaxValue / 1024 ? blocks * 1024 : uint.MaxValue;
        return Math.Min(DivideUp(DivideUp(most - firstData, perGroup), _blockSize / _descriptorSize) - tableBlocks, _blockSize / 4);
    }

    private long KeptFor(long limit, long blocks)
    {
        if (limit <= blocks)
            throw new ArgumentException($"the option resize={_options.ResizeLimit} needs more than the volume's own {blocks * _blockSize} bytes");
        if (_features.Has(ExtIncompat.MetaBg) || blocks > uint.MaxValue)
            return 0;
        var perGroup = _options.BlocksPerGroup ?? 8 * _blockSize;
        var perBlock = _blockSize / _descriptorSize;
        return Math.Min(DivideUp(DivideUp(limit, perGroup), perBlock) - DivideUp(DivideUp(blocks, perGroup), perBlock), _blockSize / 4);
    }

    // Whether the last group has copies of superblock and descriptors.
    private bool HasCopies(long groups) => _features.Has(ExtCompat.SparseSuper2) ? _options.Backups >= (groups == 2 ? 1 : 2)
        : !_features.Has(ExtRoCompat.SparseSuper) || ExtGeometry.IsSparseGroup(groups - 1);

    private void Describe(long blocks, long perGroup, long groups, long inodesPerGroup, long kept)
    {
        if (_reserved >= blocks)
            throw new ArgumentException($"{_reserved} reserved blocks leave none of the {blocks}");
        ref var s = ref OnDisk.Edit<ExtSuperblock>(_super);
        s.InodesCount = (uint)(inodesPerGroup * groups);
        s.BlocksCountLo = (uint)blocks;
        s.BlocksCountHi = (uint)(blocks >> 32);
        s.ReservedBlocksLo = (uint)_reserved;
        s.ReservedBlocksHi = (uint)(_reserved >> 32);
        s.FirstDataBlock = _clusterRatio * _blockSize == Kilo ? 1u : 0;
        s.LogBlockSize = (uint)BitOperations.Log2((uint)_blockSize) - 10;
        s.LogClusterSize = (uint)BitOperations.Log2((uint)(_blockSize * _clusterRatio)) - 10;
        s.BlocksPerGroup = (uint)perGroup;
        s.ClustersPerGroup = (uint)(perGroup / _clusterRatio);
        s.InodesPerGroup = (uint)inodesPerGroup;
        s.MaxMountCount = ushort.MaxValue;      // -1: never
        s.Magic = ExtSuperblock.MagicValue;
        s.State.Value = ExtState.Valid;
        s.Errors = _options.ErrorBehaviour;
        s.Revision = 1;
        s.FirstInode = ExtGeometry.FirstInodeOfRevision0;
        s.InodeSize = (ushort)_inodeSize;
        s.ReservedGdtBlocks = (ushort)kept;
        s.Uuid = _options.Uuid;
        _options.Label.CopyTo(s.VolumeName);
        _options.LastMounted.CopyTo(s.LastMounted);
        _options.HashSeed.TryWriteBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes((Span<U32Le>)s.HashSeed), bigEndian: true, out _);
        s.DefaultHashVersion = (byte)_options.HashVersion;
        s.DescriptorSize = (ushort)(_features.Has(ExtIncompat.Bit64) ? _descriptorSize : 0);
        s.DefaultMountOptions = _options.DefaultMountOptions;
        s.Flags.Raw = (uint)ExtMiscFlags.SignedHash;
        s.RaidStride = (ushort)_options.Stride;
        s.RaidStripeWidth = _options.StripeWidth;
        if (_features.Has(ExtIncompat.FlexBg))
            s.LogGroupsPerFlex = (byte)BitOperations.Log2((uint)(_options.FlexGroups ?? 16));
        else if (_options.FlexGroups is not null)
            throw new ArgumentException("the option flex_bg_size needs the feature flex_bg");
        if (_inodeSize > ExtInodeRecord.Size)
            s.MinExtraInodeSize = s.WantExtraInodeSize = ExtInodeExtra.Size;
        DescribeFeatures(ref s, groups);
        SetTimes(ref s);
    }

    private void DescribeFeatures(ref ExtSuperblock s, long groups)
    {
        s.Compat.Raw = (uint)_features.Compat;
        s.Incompat.Raw = (uint)_features.Incompat;
        s.RoCompat.Raw = (uint)_features.RoCompat;
        if (_features.Has(ExtCompat.SparseSuper2))
        {
            // Groups 1 and the last, the smaller first, none twice; 0 is none.
            var first = _options.Backups >= 1 ? Math.Min(1, groups - 1) : 0;
            var last = _options.Backups >= 2 && groups - 1 != first ? groups - 1 : 0;
            (s.BackupGroup1, s.BackupGroup2) = ((uint)Math.Min(first, last), (uint)Math.Max(first, last));
        }
        if (_features.Has(ExtRoCompat.MetadataChecksum))
            s.ChecksumType = 1;
        if (_features.Has(ExtIncompat.ChecksumSeed))
            s.ChecksumSeed = Crc32C.AppendRaw(uint.MaxValue, s.Uuid);
        if (_features.Has(ExtIncompat.Encrypt))
            s.EncryptionAlgorithms = 0x0401;    // content AES-256-XTS (1), names AES-256-CTS (4)
        if (_features.Has(ExtIncompat.Casefold))
        {
            s.Encoding = 1;
            s.EncodingFlags = (ushort)(_options.StrictEncoding ? 1 : 0);
        }
    }

    private void SetTimes(ref ExtSuperblock s)
    {
        var (low, high) = ((uint)_options.Time, (byte)(_options.Time >> 32));
        s.WriteTime = s.LastCheck = s.MakeTime = low;
        s.WriteTimeHi = s.LastCheckHi = s.MakeTimeHi = high;
    }

    private void ChooseJournal(bool inodeTablesAreApart)
    {
        ref var s = ref OnDisk.Edit<ExtSuperblock>(_super);
        if (!_features.Has(ExtCompat.HasJournal))
            return;
        if (Geometry.BlocksCount < 2 * LeastJournal)
        {
            s.Compat.Raw = (uint)(_features.Compat & ~(ExtCompat.HasJournal | ExtCompat.OrphanFile));
            Geometry = ExtGeometry.Of(Sealed(_super));
            return;
        }
        JournalBlocks = DefaultJournal(Geometry.BlocksCount);
        if (_features.Has(ExtCompat.FastCommit))
            FastCommitBlocks = JournalBlocks / FastCommitRatio;
        if (_options.JournalLength is null && (_options.FastCommitLength is null || FastCommitBlocks == 0))
            return;
        JournalBlocks = _options.JournalLength / _blockSize ?? JournalBlocks;
        if (_features.Has(ExtCompat.FastCommit))
            FastCommitBlocks = _options.FastCommitLength / _blockSize ?? FastCommitBlocks;
        if (JournalBlocks + FastCommitBlocks is < LeastJournal or > MostJournal)
            throw new ArgumentException($"a journal of {JournalBlocks + FastCommitBlocks} blocks of {_blockSize} bytes is not possible: {LeastJournal} to {MostJournal} blocks");
        var free = 0L;
        for (var group = 0L; group < Geometry.GroupCount; group++)
            free += Geometry.BlocksIn(group) - Geometry.BaseBlocks(group) - (inodeTablesAreApart ? 0 : 2 + Geometry.InodeTableBlocks);
        if (JournalBlocks + FastCommitBlocks > free / 2)
            throw new TooShortException($"a journal of {JournalBlocks + FastCommitBlocks} blocks takes more than half of the {free} free ones");
    }

    /// <summary>Blocks of a journal by the blocks of the volume: 4 MiB to 1 GiB with blocks of 4 KiB.</summary>
    internal static long DefaultJournal(long blocks) => blocks switch
    {
        < 32 << 10 => 1 << 10,
        < 256 << 10 => 4 << 10,
        < 512 << 10 => 8 << 10,
        < 4 << 20 => 16 << 10,
        < 8 << 20 => 32 << 10,
        < 16 << 20 => 64 << 10,
        < 32 << 20 => 128 << 10,
        _ => 256 << 10,
    };

    private static byte[] Sealed(byte[] super)
    {
        var copy = super.ToArray();
        OnDisk.Edit<ExtSuperblock>(copy).Checksum = ExtChecksums.OfSuper(copy);
        return copy;
    }

    private TooShortException TooShort(long length) => new($"{length} bytes are too few for {_options.Type} with these options");

    private TooShortException TooManyInodes(long inodes) => new($"{inodes} inodes of {_inodeSize} bytes are too many for this volume: a larger inode_ratio or fewer inodes");

    private static long DivideUp(long value, long unit) => (value + unit - 1) / unit;

    /// <summary>What a longer device would mend.</summary>
    private sealed class TooShortException(string message) : ArgumentException(message);
}
