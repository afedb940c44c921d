using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>A quota file that is there, read as a whole: what each id uses by its word.</summary>
internal sealed class ExtQuotaFile
{

    private readonly Func<long, byte[]> _read;
    private readonly uint _blocks;
    private readonly HashSet<uint> _seen = [];

    private ExtQuotaFile(Func<long, byte[]> read, uint blocks)
    {
        _read = read;
        _blocks = blocks;
    }

    /// <summary>Bytes and inodes by id.</summary>
    public Dictionary<uint, (long Space, long Inodes)> Usage { get; } = [];

    /// <summary>Reads a file.</summary>
    /// <param name="type">Whose usage.</param>
    /// <param name="length">Bytes of it.</param>
    /// <param name="read">Gives a block of 1 KiB of it, by number.</param>
    /// <param name="file">What was read, when nothing is wrong.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? Read(ExtQuotaType type, long length, Func<long, byte[]> read, out ExtQuotaFile? file)
    {
        file = null;
        if (length < 2 * ExtQuotaHeader.BlockSize)
            return $"has {length} bytes, expected at least {2 * ExtQuotaHeader.BlockSize}";
        var head = read(0);
        if (HeaderProblem(type, length, head) is { } headProblem)
            return headProblem;
        var found = new ExtQuotaFile(read, OnDisk.View<ExtQuotaHeader>(head).BlockCount);
        if (found.Walk(ExtQuotaHeader.RootBlock, 0) is { } problem)
            return problem;
        file = found;
        return null;
    }

    /// <summary>What is wrong with a file's head, or null.</summary>
    public static string? HeaderProblem(ExtQuotaType type, long length, ReadOnlySpan<byte> head)
    {
        ref readonly var header = ref OnDisk.View<ExtQuotaHeader>(head);
        if (header.Magic != ExtQuotaHeader.MagicOf(type) || header.Version != 1)
            return $"magic and version: found 0x{(uint)header.Magic:X8} and {header.Version}, expected 0x{ExtQuotaHeader.MagicOf(type):X8} and 1";
        if (header.BlockCount < 2 || header.BlockCount > length / ExtQuotaHeader.BlockSize)
            return $"blocks: found {header.BlockCount}, expected 2..{length / ExtQuotaHeader.BlockSize}";
        return null;
    }

    // Many ids share a block of entries, but each block of the tree is led to once.
    private string? Walk(uint block, int level)
    {
        if (level == ExtQuotaHeader.LevelCount)
            return _seen.Add(block) ? Take(block) : null;
        if (!_seen.Add(block))
            return $"block {block} of the tree is led to twice";
        foreach (uint next in MemoryMarshal.Cast<byte, U32Le>(_read(block)).ToArray())
        {
            if (next == 0)
                continue;
            if (next <= ExtQuotaHeader.RootBlock || next >= _blocks)
                return $"block {block} of the tree leads to block {next}, expected 2..{_blocks - 1}";
            if (Walk(next, level + 1) is { } problem)
                return problem;
        }
        return null;
    }

    private string? Take(uint block)
    {
        var bytes = _read(block);
        if (OnDisk.View<ExtQuotaBlockHeader>(bytes).EntryCount > ExtQuotaBlockHeader.Capacity)
            return $"block {block} has {OnDisk.View<ExtQuotaBlockHeader>(bytes).EntryCount} entries, expected at most {ExtQuotaBlockHeader.Capacity}";
        for (var i = 0; i < ExtQuotaBlockHeader.Capacity; i++)
        {
            var at = ExtQuotaBlockHeader.Size + i * ExtQuotaEntry.Size;
            if (!bytes.AsSpan(at, ExtQuotaEntry.Size).ContainsAnyExcept((byte)0))
                continue;
            ref readonly var entry = ref OnDisk.View<ExtQuotaEntry>(bytes, at);
            if (!Usage.TryAdd(entry.Id, ((long)(ulong)entry.Space, (long)(ulong)entry.Inodes)))
                return $"the id {entry.Id} has two entries";
        }
        return null;
    }
}
