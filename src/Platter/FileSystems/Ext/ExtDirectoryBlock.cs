using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Walks the chain of entries in a directory block (or in a piece of inline data), free ones included: one rule for reading and checking.</summary>
internal ref struct ExtDirectoryBlock
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly int _blockSize;
    private int _next;

    /// <param name="bytes">The entries, without the tail of a checksum.</param>
    /// <param name="blockSize">Decides how lengths are stored.</param>
    /// <param name="start">Where the first entry stands.</param>
    public ExtDirectoryBlock(ReadOnlySpan<byte> bytes, int blockSize, int start = 0)
    {
        _bytes = bytes;
        _blockSize = blockSize;
        _next = start;
    }

    /// <summary>Where the entry stands, in bytes.</summary>
    public int Offset { get; private set; }

    /// <summary>Bytes to the next entry.</summary>
    public int RecordLength { get; private set; }

    public uint Inode { get; private set; }
    public byte FileType { get; private set; }
    public ReadOnlySpan<byte> Name { get; private set; }

    /// <summary>What is wrong with the entry that could not be read, or null.</summary>
    public string? Problem { get; private set; }

    /// <summary>Goes to the next entry; false at the end, or when the next one is broken: see <see cref="Problem"/>.</summary>
    public bool MoveNext()
    {
        if (_next >= _bytes.Length || Problem is not null)
            return false;
        Offset = _next;
        if (_next + ExtDirectoryEntryHead.Size > _bytes.Length)
            return Broken($"the entry at {_next} reaches past the block's {_bytes.Length} bytes");
        ref readonly var head = ref OnDisk.View<ExtDirectoryEntryHead>(_bytes, _next);
        RecordLength = DecodeLength(head.RecordLength, _blockSize);
        Inode = head.Inode;
        FileType = head.FileType;
        if (RecordLength < ExtDirectoryEntryHead.Size || RecordLength % 4 != 0 || RecordLength > _bytes.Length - _next)
            return Broken($"the entry at {_next} has a record of {RecordLength} bytes, expected a multiple of 4 up to {_bytes.Length - _next}");
        if (ExtDirectoryEntryHead.Size + head.NameLength > RecordLength)
            return Broken($"the entry at {_next} has a name of {head.NameLength} bytes in a record of {RecordLength}");
        Name = _bytes.Slice(_next + ExtDirectoryEntryHead.Size, head.NameLength);
        _next += RecordLength;
        return true;
    }

    /// <summary>A stored record length: blocks of 64 KiB need a 17th bit.</summary>
    public static int DecodeLength(ushort stored, int blockSize) =>
        blockSize < 65536 ? stored : stored is 0 or 65535 ? blockSize : (stored & 0xFFFC) | (stored & 3) << 16;

    /// <summary>Whether a block ends in an entry that holds its checksum.</summary>
    public static bool HasTail(ReadOnlySpan<byte> block)
    {
        ref readonly var tail = ref OnDisk.View<ExtDirectoryTail>(block, block.Length - ExtDirectoryTail.Size);
        return tail.Inode == 0 && tail.RecordLength == ExtDirectoryTail.Size && tail.NameLength == 0 && tail.FileType == ExtDirectoryEntryHead.ChecksumType;
    }

    /// <summary>Whether a name is "." or "..".</summary>
    public static bool IsDot(ReadOnlySpan<byte> name) => name is [(byte)'.'] or [(byte)'.', (byte)'.'];

    /// <summary>What tells that a block is not this one of a directory, or null. Only a directory's first block says whose it is: "." leads to it, and no other block begins so.</summary>
    /// <param name="block">The block.</param>
    /// <param name="directory">The directory's inode.</param>
    /// <param name="number">The block's number within the directory.</param>
    /// <param name="code">What kind of damage that is.</param>
    public static string? OwnerProblem(ReadOnlySpan<byte> block, uint directory, long number, out string code)
    {
        ref readonly var head = ref OnDisk.View<ExtDirectoryEntryHead>(block);
        var owner = head.NameLength == 1 && block[ExtDirectoryEntryHead.Size] == (byte)'.' ? (uint)head.Inode : 0;
        code = number == 0 ? "EXT-0205" : "EXT-0204";
        if (number > 0)
            return owner == 0 ? null : "begins with \".\", which leads to inode " + owner + ": it is the first block of that directory";
        return owner == directory ? null : owner == 0 ? "does not begin with \".\"" : "begins with \".\", which leads to inode " + owner + ": it is another directory's";
    }

    private bool Broken(string problem)
    {
        Problem = problem;
        return false;
    }
}
