using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The journal's superblock, checked, and what its features make of the other blocks.</summary>
/// <remarks>The log is a ring of the blocks <see cref="First"/> to <see cref="Last"/> - 1 of the journal; fast commits come behind it.</remarks>
internal sealed class Jbd
{
    private const byte Crc32cType = 4;
    private const int DefaultFastCommitBlocks = 256, MinBlocks = 1024;
    private const JbdIncompat Known = JbdIncompat.Revoke | JbdIncompat.Bit64 | JbdIncompat.AsyncCommit | JbdIncompat.ChecksumV2 | JbdIncompat.ChecksumV3 | JbdIncompat.FastCommit;

    private readonly uint _seed;

    private Jbd(uint seed) => _seed = seed;

    public required int BlockSize { get; init; }
    public required uint First { get; init; }

    /// <summary>The first block behind the log.</summary>
    public required uint Last { get; init; }

    /// <summary>Where the fast commits start, and the first block behind them; equal when there are none.</summary>
    public required uint FirstFast { get; init; }
    public required uint EndFast { get; init; }

    /// <summary>The block of the first transaction; 0: nothing is to be replayed.</summary>
    public required uint Start { get; init; }

    /// <summary>The first transaction's number.</summary>
    public required uint Sequence { get; init; }

    public required uint Length { get; init; }
    public required uint ErrorNumber { get; init; }
    public required JbdCompat Compat { get; init; }
    public required JbdIncompat Incompat { get; init; }

    public bool Has(JbdIncompat feature) => (Incompat & feature) != 0;

    /// <summary>Whether every block of the log has a crc32c.</summary>
    public bool HasChecksums => Has(JbdIncompat.ChecksumV2 | JbdIncompat.ChecksumV3);

    /// <summary>Whether the commit block has one sum over the transaction (version 1).</summary>
    public bool HasCommitSum => (Compat & JbdCompat.Checksum) != 0;

    /// <summary>Bytes of a tag without its UUID.</summary>
    public int TagLength
    {
        get
        {
            if (Has(JbdIncompat.ChecksumV3))
                return JbdTag3.Size;
            // Version 2 made room for a checksum that then went into the upper half of the flags: the two bytes stayed.
            var length = Has(JbdIncompat.ChecksumV2) ? 14 : 12;
            return Has(JbdIncompat.Bit64) ? length : length - 4;
        }
    }

    /// <summary>Bytes at the end of descriptor and revoke blocks that hold a checksum.</summary>
    public int TailLength => HasChecksums ? 4 : 0;

    public int RevokeRecordLength => Has(JbdIncompat.Bit64) ? 8 : 4;

    /// <summary>Reads and checks block 0 of a journal.</summary>
    /// <param name="block">Its bytes.</param>
    /// <param name="geometry">The volume.</param>
    /// <param name="blockCount">Blocks that the journal's file has.</param>
    /// <param name="offset">Where the block stands, in bytes.</param>
    /// <exception cref="DiskFormatException">The first rule that is broken.</exception>
    /// <exception cref="UnsupportedFeatureException">The journal has an unknown feature.</exception>
    public static Jbd Parse(ReadOnlySpan<byte> block, ExtGeometry geometry, long blockCount, long offset)
    {
        ref readonly var s = ref OnDisk.View<JbdSuperblock>(block);
        if (s.Header.Magic != JbdHeader.MagicValue)
            throw Broken("EXT-0502", "magic", 0, $"found 0x{(uint)s.Header.Magic:X8}, expected 0xC03B3998");
        var type = (JbdBlockType)(uint)s.Header.Type;
        if (type is not (JbdBlockType.SuperblockV1 or JbdBlockType.SuperblockV2))
            throw Broken("EXT-0502", "type", 4, $"found {(uint)type}, expected 3 or 4");
        var compat = type == JbdBlockType.SuperblockV2 ? s.Compat.Value : JbdCompat.None;
        var incompat = type == JbdBlockType.SuperblockV2 ? s.Incompat.Value : JbdIncompat.None;
        if ((incompat & ~Known) != 0)
            throw new UnsupportedFeatureException($"the journal has JBD2 INCOMPAT features of bits 0x{(uint)(incompat & ~Known):x}, which are not known");
        var hasChecksums = (incompat & (JbdIncompat.ChecksumV2 | JbdIncompat.ChecksumV3)) != 0;
        if ((incompat & JbdIncompat.ChecksumV2) != 0 && (incompat & JbdIncompat.ChecksumV3) != 0)
            throw Broken("EXT-0503", "incompat", 0x28, "has checksums of version 2 and of version 3, expected one of them");
        if (hasChecksums && s.ChecksumType != Crc32cType)
            throw Broken("EXT-0503", "checksum type", 0x50, $"found {s.ChecksumType}, expected 4");
        if (hasChecksums && s.Checksum != Checksum(block))
            throw Broken("EXT-0503", "checksum", 0xFC, "is wrong");
        if (s.BlockSize != geometry.BlockSize)
            throw Broken("EXT-0504", "block size", 0x0C, $"found {s.BlockSize}, expected {geometry.BlockSize}");
        uint length = s.MaxLength, first = s.First;
        if (length > blockCount || length < 2)
            throw Broken("EXT-0504", "maximal length", 0x10, $"found {length} blocks, expected at most the {blockCount} of its file");
        if (first == 0 || first >= length)
            throw Broken("EXT-0504", "first block", 0x14, $"found {first}, expected 1..{length - 1}");

        uint last = length, firstFast = length, endFast = length;
        if ((incompat & JbdIncompat.FastCommit) != 0)
        {
            var count = s.FastCommitBlocks == 0 ? DefaultFastCommitBlocks : (uint)s.FastCommitBlocks;
            if (count < length && length - count >= MinBlocks && length - count > first)
            {
                last = length - count;
                firstFast = last + 1;
            }
        }
        if (s.Start >= last)
            throw Broken("EXT-0504", "start", 0x1C, $"found {s.Start}, expected less than {last}");
        return new Jbd(Crc32C.AppendRaw(uint.MaxValue, s.Uuid))
        {
            BlockSize = geometry.BlockSize,
            First = first,
            Last = last,
            FirstFast = firstFast,
            EndFast = endFast,
            Start = s.Start,
            Sequence = s.Sequence,
            Length = length,
            ErrorNumber = s.ErrorNumber,
            Compat = compat,
            Incompat = incompat,
        };

        DiskFormatException Broken(string code, string field, int at, string problem) => new(code, "Journal superblock, " + field, offset + at, problem);
    }

    /// <summary>Of the superblock: its 1024 bytes, with zeros for the field.</summary>
    public static uint Checksum(ReadOnlySpan<byte> super)
    {
        const int field = 0xFC;
        var crc = Crc32C.AppendRaw(uint.MaxValue, super[..field]);
        crc = Crc32C.AppendRaw(crc, [0, 0, 0, 0]);
        return Crc32C.AppendRaw(crc, super[(field + 4)..JbdSuperblock.Size]);
    }

    /// <summary>Whether a descriptor or revoke block has the right checksum in its last four bytes.</summary>
    public bool IsTailRight(ReadOnlySpan<byte> block)
    {
        if (!HasChecksums)
            return true;
        var crc = Crc32C.AppendRaw(_seed, block[..^4]);
        return OnDisk.View<U32Be>(block, block.Length - 4) == Crc32C.AppendRaw(crc, [0, 0, 0, 0]);
    }

    /// <summary>Whether a commit block has the right checksum (versions 2 and 3).</summary>
    public bool IsCommitRight(ReadOnlySpan<byte> block)
    {
        const int field = 0x10;
        if (!HasChecksums)
            return true;
        var crc = Crc32C.AppendRaw(_seed, block[..field]);
        crc = Crc32C.AppendRaw(crc, [0, 0, 0, 0]);
        return OnDisk.View<JbdCommit>(block).Checksum == Crc32C.AppendRaw(crc, block[(field + 4)..]);
    }

    /// <summary>Whether a logged block is the one that its tag means (versions 2 and 3).</summary>
    public bool IsBlockRight(in JbdTagValue tag, uint sequence, ReadOnlySpan<byte> block)
    {
        if (!HasChecksums)
            return true;
        U32Be number = sequence;
        var crc = Crc32C.AppendRaw(Crc32C.AppendRaw(_seed, OnDisk.Bytes(in number)), block);
        return tag.Checksum == (Has(JbdIncompat.ChecksumV3) ? crc : crc & 0xFFFF);
    }

    /// <summary>The tags of a descriptor block.</summary>
    public List<JbdTagValue> Tags(ReadOnlySpan<byte> block)
    {
        const int uuid = 16;
        var tags = new List<JbdTagValue>();
        for (var at = JbdHeader.Size; at + TagLength <= BlockSize - TailLength;)
        {
            var tag = Tag(block, at);
            tags.Add(tag);
            if ((tag.Flags & JbdTagFlags.Last) != 0)
                break;
            at += TagLength + ((tag.Flags & JbdTagFlags.SameUuid) != 0 ? 0 : uuid);
        }
        return tags;
    }

    private JbdTagValue Tag(ReadOnlySpan<byte> block, int at)
    {
        if (Has(JbdIncompat.ChecksumV3))
        {
            ref readonly var tag3 = ref OnDisk.View<JbdTag3>(block, at);
            return new JbdTagValue((Has(JbdIncompat.Bit64) ? (long)(uint)tag3.BlockHi << 32 : 0) | (uint)tag3.Block, (JbdTagFlags)(uint)tag3.Flags, tag3.Checksum);
        }
        long high = Has(JbdIncompat.Bit64) ? OnDisk.View<U32Be>(block, at + 8) : 0u;
        return new JbdTagValue(high << 32 | OnDisk.View<U32Be>(block, at), (JbdTagFlags)(ushort)OnDisk.View<U16Be>(block, at + 6), OnDisk.View<U16Be>(block, at + 4));
    }
}

/// <summary>A tag of any version: which block of the volume a logged block is.</summary>
internal readonly record struct JbdTagValue(long Block, JbdTagFlags Flags, uint Checksum);
