using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The newest copy of a block in the log.</summary>
/// <param name="Physical">Where the copy stands: a block of the volume.</param>
/// <param name="IsEscaped">Whether its first four bytes, zeros there, are the journal's magic number.</param>
internal readonly record struct JbdCopy(long Physical, bool IsEscaped);

/// <summary>Reads the log of a journal: which blocks the committed transactions wrote, and where their newest copies are.</summary>
/// <remarks>
/// Three passes, as all drivers do: find the last whole transaction; collect what was revoked; collect the copies. A block that a later (or the same)
/// transaction revoked is not taken from an earlier one: it was freed and may have become file content since.
/// Whatever ends the log without a commit block is an interrupted transaction and left out. That goes for a commit block with a wrong checksum, too.
/// </remarks>
internal sealed class JbdReplay
{
    private readonly Jbd _journal;
    private readonly Func<uint, long> _physical;
    private readonly ExtBlocks _blocks;
    private readonly ExtGeometry _geometry;
    private readonly Dictionary<long, uint> _revoked = [];
    private uint _end;
    private bool _endIsKnown;

    private JbdReplay(Jbd journal, Func<uint, long> physical, ExtGeometry geometry, ExtBlocks blocks)
    {
        _journal = journal;
        _physical = physical;
        _geometry = geometry;
        _blocks = blocks;
    }

    private enum Pass
    {
        Scan,
        Revoke,
        Copy,
    }

    /// <summary>The blocks to be replayed.</summary>
    public Dictionary<long, JbdCopy> Copies { get; } = [];

    /// <summary>Transactions replayed.</summary>
    public uint Transactions => _end - _journal.Sequence;

    /// <summary>The number with which the log goes on afterwards.</summary>
    public uint NextSequence => _end + 1;

    /// <summary>Where the log ended for another reason than that nothing more was written; null otherwise.</summary>
    public string? Remark { get; private set; }

    /// <summary>The fast commits behind the log; null when the log is not looked at.</summary>
    public JbdFastCommits? Fast { get; private set; }

    /// <summary>Reads the log.</summary>
    /// <param name="journal">Its superblock.</param>
    /// <param name="physical">Where a block of the journal lies in the volume.</param>
    /// <param name="geometry">The volume.</param>
    /// <param name="blocks">Its blocks, as they are without the replay.</param>
    /// <exception cref="DiskFormatException">A committed transaction is damaged.</exception>
    public static JbdReplay Read(Jbd journal, Func<uint, long> physical, ExtGeometry geometry, ExtBlocks blocks)
    {
        var replay = new JbdReplay(journal, physical, geometry, blocks);
        if (journal.Start == 0)
        {
            replay._end = journal.Sequence;
            return replay;
        }
        replay.Run(Pass.Scan);
        replay.Run(Pass.Revoke);
        replay.Run(Pass.Copy);
        replay.Fast = new JbdFastCommits(journal, replay.ReadBlock, replay._end);
        return replay;
    }

    private void Run(Pass pass)
    {
        var next = _journal.Sequence;
        var at = _journal.Start;
        var sum = uint.MaxValue;            // version 1: over the transaction so far
        var lastCommit = 0UL;
        var mayBeStale = false;             // a block failed its checksum: broken, or left from an older log
        for (long left = _journal.Last - _journal.First; left > 0 && (pass == Pass.Scan || (int)(next - _end) < 0);)
        {
            var block = ReadBlock(at);
            ref readonly var header = ref OnDisk.View<JbdHeader>(block);
            if (header.Magic != JbdHeader.MagicValue || header.Sequence != next)
                break;
            at = After(at, 1);
            left--;
            switch ((JbdBlockType)(uint)header.Type)
            {
                case JbdBlockType.Descriptor:
                    mayBeStale |= pass == Pass.Scan && !_journal.IsTailRight(block);
                    var tags = _journal.Tags(block);
                    if (pass == Pass.Scan && _journal.HasCommitSum && !_endIsKnown)
                        sum = Sum(sum, block, at, tags.Count);
                    if (pass == Pass.Copy)
                        TakeCopies(tags, next, at);
                    at = After(at, tags.Count);
                    left -= tags.Count;
                    break;
                case JbdBlockType.Commit:
                    if (pass == Pass.Scan && !Accept(block, next, ref sum, ref lastCommit, ref mayBeStale))
                        return;
                    next++;
                    break;
                case JbdBlockType.Revoke:
                    if (pass == Pass.Scan)
                        mayBeStale |= !_journal.IsTailRight(block);
                    else if (pass == Pass.Revoke)
                        TakeRevoked(block, next, at);
                    break;
                default:
                    left = 0;
                    break;
            }
        }
        if (pass == Pass.Scan && !_endIsKnown)
            End(next);
    }

    // A commit block in the first pass. False ends the log.
    private bool Accept(ReadOnlySpan<byte> block, uint sequence, ref uint sum, ref ulong lastCommit, ref bool mayBeStale)
    {
        ref readonly var commit = ref OnDisk.View<JbdCommit>(block);
        ulong time = commit.Seconds;
        if (mayBeStale)
        {
            // Left from before the journal was made anew, or from the lap before: older than what came before it. Else it is damage.
            if (time >= lastCommit)
                throw new DiskFormatException("EXT-0505", $"Journal, transaction {sequence}", -1, "the checksum of a descriptor or revoke block is wrong");
            End(sequence);
            return false;
        }
        if (_endIsKnown)
        {
            // After a commit that failed: with asynchronous commits later ones may be whole all the same, but do not count.
            return (_journal.Incompat & JbdIncompat.AsyncCommit) != 0;
        }
        var isRight = _journal.IsCommitRight(block);
        if (_journal.HasCommitSum)
        {
            var isUnused = commit is { ChecksumType: 0, ChecksumSize: 0 } && commit.Checksum == 0;
            isRight = isUnused || (commit is { ChecksumType: JbdCommit.Crc32Type, ChecksumSize: JbdCommit.Crc32Size } && commit.Checksum == sum);
            sum = uint.MaxValue;
        }
        if (!isRight)
        {
            if (time >= lastCommit)
                Remark = $"the commit block of transaction {sequence} has a wrong checksum; the replay ends before it";
            End(sequence);
            return false;
        }
        lastCommit = time;
        return true;
    }

    private void TakeCopies(List<JbdTagValue> tags, uint sequence, uint at)
    {
        foreach (var tag in tags)
        {
            var physical = Physical(at);
            at = After(at, 1);
            if (_revoked.TryGetValue(tag.Block, out var revokedBy) && (int)(sequence - revokedBy) <= 0)
                continue;
            if (tag.Block >= _geometry.BlocksCount)
                throw new DiskFormatException("EXT-0508", $"Journal, transaction {sequence}", physical << _geometry.LogBlockSize, $"is for block {tag.Block}, expected less than {_geometry.BlocksCount}");
            if (_journal.HasChecksums && !_journal.IsBlockRight(tag, sequence, _blocks.Read(physical, "Journal")))
                throw new DiskFormatException("EXT-0507", $"Journal, transaction {sequence}", physical << _geometry.LogBlockSize, $"the logged copy of block {tag.Block} has a wrong checksum");
            Copies[tag.Block] = new JbdCopy(physical, (tag.Flags & JbdTagFlags.Escape) != 0);
        }
    }

    private void TakeRevoked(ReadOnlySpan<byte> block, uint sequence, uint at)
    {
        uint end = OnDisk.View<JbdRevokeHeader>(block).Count;
        if (end < JbdRevokeHeader.Size || end > block.Length - _journal.TailLength)
            throw new DiskFormatException("EXT-0509", $"Journal, revoke block before {at}", -1, $"count: found {end}, expected {JbdRevokeHeader.Size}..{block.Length - _journal.TailLength}");
        var length = _journal.RevokeRecordLength;
        for (var i = JbdRevokeHeader.Size; i + length <= end; i += length)
        {
            var number = length == 8 ? (long)(ulong)OnDisk.View<U64Be>(block, i) : OnDisk.View<U32Be>(block, i);
            ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_revoked, number, out var exists);
            if (!exists || (int)(sequence - known) > 0)
                known = sequence;
        }
    }

    private uint Sum(uint sum, ReadOnlySpan<byte> descriptor, uint at, int count)
    {
        sum = Crc32Msb.Append(sum, descriptor);
        for (; count > 0; count--)
        {
            sum = Crc32Msb.Append(sum, ReadBlock(at));
            at = After(at, 1);
        }
        return sum;
    }

    private void End(uint sequence)
    {
        _end = sequence;
        _endIsKnown = true;
    }

    private uint After(uint at, int count)
    {
        var next = (long)at + count;
        while (next >= _journal.Last)
            next -= _journal.Last - _journal.First;
        return (uint)next;
    }

    private byte[] ReadBlock(uint at) => _blocks.Read(Physical(at), "Journal");

    private long Physical(uint at) => _physical(at);
}

/// <summary>CRC-32 by the most significant bit first, without inversions: the checksums of version 1.</summary>
internal static class Crc32Msb
{
    private static readonly uint[] Table = MakeTable();

    public static uint Append(uint register, ReadOnlySpan<byte> data)
    {
        foreach (var b in data)
            register = register << 8 ^ Table[(int)(register >> 24 ^ b)];
        return register;
    }

    private static uint[] MakeTable()
    {
        const uint polynomial = 0x04C11DB7;
        var table = new uint[256];
        for (var b = 0u; b < 256; b++)
        {
            var crc = b << 24;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 0x80000000) != 0 ? crc << 1 ^ polynomial : crc << 1;
            table[b] = crc;
        }
        return table;
    }
}
