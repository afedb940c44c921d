using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Changes the chain of entries in one directory block, or in a piece of inline data.</summary>
internal static class ExtDirectoryWriter
{
    /// <summary>Bytes that an entry of a name takes.</summary>
    public static int SizeOf(int nameLength) => ExtDirectoryEntryHead.Size + nameLength + 3 & ~3;

    /// <summary>A record length as it is stored: blocks of 64 KiB need a 17th bit.</summary>
    public static ushort EncodeLength(int length, int blockSize) =>
        blockSize < 65536 || length < 65536 ? (ushort)length : ushort.MaxValue;

    /// <summary>Makes a piece one free entry.</summary>
    public static void Clear(Span<byte> entries, int blockSize)
    {
        entries.Clear();
        OnDisk.Edit<ExtDirectoryEntryHead>(entries).RecordLength = EncodeLength(entries.Length, blockSize);
    }

    /// <summary>Adds the tail that holds a block's checksum, to be computed by <see cref="Seal"/>.</summary>
    public static void AddTail(Span<byte> block)
    {
        ref var tail = ref OnDisk.Edit<ExtDirectoryTail>(block, block.Length - ExtDirectoryTail.Size);
        tail = default;
        tail.RecordLength = ExtDirectoryTail.Size;
        tail.FileType = ExtDirectoryEntryHead.ChecksumType;
    }

    /// <summary>Brings a block's checksum to its tail.</summary>
    public static void Seal(Span<byte> block, uint inodeSeed) =>
        OnDisk.Edit<ExtDirectoryTail>(block, block.Length - ExtDirectoryTail.Size).Checksum = ExtChecksums.OfDirectoryBlock(inodeSeed, block);

    /// <summary>Adds an entry where there is room.</summary>
    /// <param name="entries">The chain.</param>
    /// <param name="blockSize">Decides how lengths are stored.</param>
    /// <param name="at">What <see cref="FindRoom"/> found.</param>
    /// <param name="entry">What to add.</param>
    public static void Put(Span<byte> entries, int blockSize, int at, in ExtNewEntry entry)
    {
        ref var head = ref OnDisk.Edit<ExtDirectoryEntryHead>(entries, at);
        var length = ExtDirectoryBlock.DecodeLength(head.RecordLength, blockSize);
        if (head.Inode != 0)
        {
            var used = SizeOf(head.NameLength);
            head.RecordLength = EncodeLength(used, blockSize);
            at += used;
            length -= used;
        }
        Write(entries, blockSize, at, length, entry);
    }

    /// <summary>How many bytes from an entry on <see cref="Put"/> changes.</summary>
    public static int ChangedBy(ReadOnlySpan<byte> entries, int at, in ExtNewEntry entry)
    {
        ref readonly var head = ref OnDisk.View<ExtDirectoryEntryHead>(entries, at);
        return (head.Inode != 0 ? SizeOf(head.NameLength) : 0) + SizeOf(entry.Name.Length);
    }

    /// <summary>Writes an entry over a record of a given length.</summary>
    public static void Write(Span<byte> entries, int blockSize, int at, int length, in ExtNewEntry entry)
    {
        entries.Slice(at, SizeOf(entry.Name.Length)).Clear();
        ref var head = ref OnDisk.Edit<ExtDirectoryEntryHead>(entries, at);
        head.Inode = entry.Inode;
        head.RecordLength = EncodeLength(length, blockSize);
        head.NameLength = (byte)entry.Name.Length;
        head.FileType = entry.FileType;
        entry.Name.CopyTo(entries[(at + ExtDirectoryEntryHead.Size)..]);
    }

    /// <summary>The first entry behind (or in) which there is room; -1 for none.</summary>
    /// <param name="entries">The chain.</param>
    /// <param name="blockSize">Decides how lengths are stored.</param>
    /// <param name="needed">Bytes.</param>
    /// <param name="problem">What is wrong with the chain, or null.</param>
    public static int FindRoom(ReadOnlySpan<byte> entries, int blockSize, int needed, out string? problem)
    {
        var chain = new ExtDirectoryBlock(entries, blockSize);
        while (chain.MoveNext())
        {
            if (chain.RecordLength - (chain.Inode == 0 ? 0 : SizeOf(chain.Name.Length)) >= needed)
            {
                problem = null;
                return chain.Offset;
            }
        }
        problem = chain.Problem;
        return -1;
    }

    /// <summary>Finds a name, or the first place where it could go.</summary>
    /// <param name="entries">The chain.</param>
    /// <param name="blockSize">Decides how lengths are stored.</param>
    /// <param name="name">The name; not empty.</param>
    /// <param name="at">Where its entry stands.</param>
    /// <param name="room">As <see cref="FindRoom"/> finds it, when the name is not there.</param>
    /// <param name="problem">What is wrong with the chain, or null.</param>
    public static bool TryFind(ReadOnlySpan<byte> entries, int blockSize, ReadOnlySpan<byte> name, out int at, out int room, out string? problem)
    {
        (room, problem) = (-1, null);
        var needed = SizeOf(name.Length);
        var last = name[^1];
        for (at = 0; at <= entries.Length - ExtDirectoryEntryHead.Size;)
        {
            ref readonly var head = ref OnDisk.View<ExtDirectoryEntryHead>(entries, at);
            var length = ExtDirectoryBlock.DecodeLength(head.RecordLength, blockSize);
            int nameLength = head.NameLength;
            if (length < ExtDirectoryEntryHead.Size + nameLength || length % 4 != 0 || length > entries.Length - at)
                break;
            var used = 0;
            if (head.Inode != 0)
            {
                // Names of one leaf often begin alike.
                if (nameLength == name.Length && entries[at + ExtDirectoryEntryHead.Size + nameLength - 1] == last
                    && entries.Slice(at + ExtDirectoryEntryHead.Size, nameLength).SequenceEqual(name))
                {
                    return true;
                }
                used = SizeOf(nameLength);
            }
            if (room < 0 && length - used >= needed)
                room = at;
            at += length;
        }

        // Short of the end: what is wrong there, the one rule for it says.
        var chain = new ExtDirectoryBlock(entries, blockSize, at);
        chain.MoveNext();
        (at, problem) = (-1, chain.Problem);
        return false;
    }

    /// <summary>Takes an entry out: its room goes to the one before, or it becomes a free one.</summary>
    public static void Remove(Span<byte> entries, int blockSize, int offset)
    {
        var before = -1;
        var chain = new ExtDirectoryBlock(entries, blockSize);
        while (chain.MoveNext() && chain.Offset < offset)
            before = chain.Offset;
        ref var head = ref OnDisk.Edit<ExtDirectoryEntryHead>(entries, offset);
        var length = ExtDirectoryBlock.DecodeLength(head.RecordLength, blockSize);
        var used = Math.Min(SizeOf(head.NameLength), length);
        if (before >= 0)
        {
            entries.Slice(offset, used).Clear();
            ref var previous = ref OnDisk.Edit<ExtDirectoryEntryHead>(entries, before);
            previous.RecordLength = EncodeLength(ExtDirectoryBlock.DecodeLength(previous.RecordLength, blockSize) + length, blockSize);
            return;
        }
        entries.Slice(offset + ExtDirectoryEntryHead.Size, used - ExtDirectoryEntryHead.Size).Clear();
        head.Inode = 0;
        head.NameLength = 0;
        head.FileType = 0;
    }

    /// <summary>Fills a piece with entries taken from another, without gaps but behind the last.</summary>
    /// <param name="entries">The piece.</param>
    /// <param name="blockSize">Decides how lengths are stored.</param>
    /// <param name="source">Where the entries stand.</param>
    /// <param name="offsets">Which, in order.</param>
    public static void Fill(Span<byte> entries, int blockSize, ReadOnlySpan<byte> source, ReadOnlySpan<int> offsets)
    {
        Clear(entries, blockSize);
        var at = 0;
        for (var i = 0; i < offsets.Length; i++)
        {
            var used = SizeOf(OnDisk.View<ExtDirectoryEntryHead>(source, offsets[i]).NameLength);
            source.Slice(offsets[i], used).CopyTo(entries[at..]);
            OnDisk.Edit<ExtDirectoryEntryHead>(entries, at).RecordLength = EncodeLength(i == offsets.Length - 1 ? entries.Length - at : used, blockSize);
            at += used;
        }
    }
}

/// <summary>An entry to be added.</summary>
internal readonly ref struct ExtNewEntry(ReadOnlySpan<byte> name, uint inode, byte fileType)
{
    public ReadOnlySpan<byte> Name { get; } = name;
    public uint Inode => inode;

    /// <summary>0 where the volume keeps no kinds in directories.</summary>
    public byte FileType => fileType;
}
