using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Extended attributes: in inodes, in blocks that inodes may share, and in inodes of their own.</summary>
internal sealed class ExtCheckerAttributes(ExtCheckState state)
{
    private readonly ExtGeometry _geometry = state.Geometry;
    private readonly Dictionary<long, BlockFacts> _blocks = [];
    private readonly Dictionary<uint, ValueFacts> _values = [];
    private readonly List<ExtAttribute> _found = [];

    private sealed record BlockFacts(uint Stored, uint FirstInode)
    {
        public uint Counted { get; set; } = 1;

        /// <summary>Clusters of the inodes that hold its values.</summary>
        public long ValueClusters { get; init; }

        public int Values { get; init; }
    }

    /// <summary>An inode that holds a value: how many attributes it says use it, and how many do.</summary>
    private sealed record ValueFacts(ulong Stored)
    {
        public uint Counted { get; set; }

        /// <summary>As Lustre made them, before they could be shared: the inode names its one owner.</summary>
        public bool IsOwned { get; set; }
    }

    /// <summary>Checks an inode's attributes.</summary>
    /// <returns>Clusters that count as the inode's; inodes that hold values; and whether system.data is there, with its length.</returns>
    public (long Clusters, int Values, int? InlineLength) Check(ExtInode inode)
    {
        var (clusters, values, inline) = CheckInode(inode);
        if (inode.AttributeBlock == 0)
            return (clusters, values, inline);
        var block = CheckBlock(inode);
        return (clusters + block.Clusters, values + block.Values, inline);
    }

    /// <summary>Compares the counts of references, once all inodes have been seen.</summary>
    public void CheckReferences()
    {
        foreach (var (block, facts) in _blocks)
        {
            if (facts.Stored != facts.Counted)
                state.Error("EXT-0405", $"Attribute block {block}", (block << _geometry.LogBlockSize) + 4, $"references: found {facts.Stored}, counted {facts.Counted}");
        }
        foreach (var (number, value) in _values)
        {
            ref var fact = ref state.Facts[number];
            if (fact is { IsUsed: true, IsValue: true })
                fact.Names += value.Counted;
            else
                state.Error("EXT-0403", $"Inode {number}", null, "should hold the value of an attribute, and does not");
            if (value.Stored != value.Counted && !value.IsOwned && fact.IsValue)
                state.Error("EXT-0408", $"Inode {number}", null, $"holds the value of an attribute, uses of it: found {value.Stored}, counted {value.Counted}");
        }
    }

    private (long Clusters, int Values, int? InlineLength) CheckInode(ExtInode inode)
    {
        var space = inode.AttributeSpace;
        if (space.Length < ExtAttributeHeader.InodeSize || OnDisk.View<U32Le>(space) != ExtAttributeHeader.MagicValue)
            return (0, 0, null);
        var structure = $"Inode {inode.Number}, attributes";
        var offset = inode.Offset + _geometry.InodeSize - space.Length;
        _found.Clear();
        if (ExtAttributes.Parse(space, ExtAttributeHeader.InodeSize, ExtAttributeHeader.InodeSize, _found) is { } problem)
        {
            state.Error("EXT-0400", structure, offset, problem);
            return (0, 0, null);
        }
        var clusters = CheckEntries(structure, offset, space, inode, isInInode: true);
        var values = _found.Count(a => a.ValueInode != 0);
        foreach (var attribute in _found)
        {
            if (attribute is { Index: ExtAttributes.SystemIndex, Name: ExtAttributes.InlineDataName })
                return (clusters, values, attribute.ValueLength);
        }
        return (clusters, values, null);
    }

    private (long Clusters, int Values) CheckBlock(ExtInode inode)
    {
        var number = inode.AttributeBlock;
        var structure = $"Attribute block {number} of inode {inode.Number}";
        if (!_geometry.IsBlock(number))
        {
            state.Error("EXT-0300", structure, inode.Offset + 0x68, $"found {number}, expected {_geometry.FirstDataBlock}..{_geometry.BlocksCount - 1}");
            return default;
        }
        if (_blocks.TryGetValue(number, out var known))
        {
            known.Counted++;
            return (1 + known.ValueClusters, known.Values);
        }
        state.Used.Add(number, 1);
        byte[] block;
        try
        {
            block = state.Blocks.Read(number, structure);
        }
        catch (DiskFormatException e)
        {
            state.Error(e);
            return (1, 0);
        }
        var offset = number << _geometry.LogBlockSize;
        ref readonly var header = ref OnDisk.View<ExtAttributeHeader>(block);
        if (header.Magic != ExtAttributeHeader.MagicValue || header.Blocks != 1)
        {
            state.Error("EXT-0401", structure, offset, $"magic and blocks: found 0x{(uint)header.Magic:X8} and {header.Blocks}, expected 0xEA020000 and 1");
            return (1, 0);
        }
        if (state.Checksums.IsOn && header.Checksum != state.Checksums.OfAttributeBlock(number, block))
            state.Error("EXT-0402", structure, offset + 0x10, "the checksum is wrong");
        _found.Clear();
        var clusters = 0L;
        if (ExtAttributes.Parse(block, ExtAttributeHeader.Size, 0, _found) is { } problem)
            state.Error("EXT-0400", structure, offset, problem);
        else
            clusters = CheckEntries(structure, offset, block, inode, isInInode: false);
        _blocks[number] = new BlockFacts(header.ReferenceCount, inode.Number) { ValueClusters = clusters, Values = _found.Count(a => a.ValueInode != 0) };
        return (1 + clusters, _blocks[number].Values);
    }

    // Values must not lie over each other; hashes must be right where they are set (in inodes they may be 0).
    private long CheckEntries(string structure, long offset, ReadOnlySpan<byte> space, ExtInode owner, bool isInInode)
    {
        var clusters = 0L;
        var taken = new RangeSet();
        foreach (var attribute in _found)
        {
            if (attribute.ValueInode != 0)
            {
                clusters += CheckValueInode(structure, offset, attribute, owner);
                continue;
            }
            var length = attribute.ValueLength + 3 & ~3;
            if (length > 0 && taken.Overlaps(attribute.ValueOffset, length))
                state.Error("EXT-0406", structure, offset + attribute.EntryOffset, $"the value at {attribute.ValueOffset} of {attribute.ValueLength} bytes lies over another");
            if (length > 0)
                taken.Add(attribute.ValueOffset, length);
            if (attribute.Hash == 0 && isInInode)
                continue;
            var name = EscapedUtf8.Encode(attribute.Name);
            var value = space.Slice(attribute.ValueOffset, Math.Min(length, space.Length - attribute.ValueOffset));
            if (length > 0 && value.Length < length)
                continue;
            if (attribute.Hash != Hash(name, length == 0 ? default : value, isSigned: false) && attribute.Hash != Hash(name, length == 0 ? default : value, isSigned: true))
                state.Error("EXT-0404", structure, offset + attribute.EntryOffset + 0x0C, $"the hash of an attribute: found 0x{attribute.Hash:X8}, expected 0x{Hash(name, length == 0 ? default : value, isSigned: false):X8}");
        }
        return clusters;
    }

    private long CheckValueInode(string structure, long offset, in ExtAttribute attribute, ExtInode owner)
    {
        var number = attribute.ValueInode;
        if (!_geometry.Has(ExtIncompat.EaInode) || number < _geometry.FirstInode || number > _geometry.InodesCount || number == owner.Number)
        {
            state.Error("EXT-0403", structure, offset + attribute.EntryOffset, $"an attribute's value is in inode {number}, expected {_geometry.FirstInode}..{_geometry.InodesCount}, with the feature ea_inode");
            return 0;
        }
        try
        {
            var inode = state.Inodes.ReadUnchecked(number);
            if (!_values.TryGetValue(number, out var facts))
                _values[number] = facts = new ValueFacts((ulong)(uint)inode.Record.ChangeTime << 32 | (uint)inode.Record.VersionLo);
            facts.Counted++;
            if ((inode.Flags & ExtInodeFlags.EaInode) == 0 || !inode.IsFile || inode.Length != attribute.ValueLength || (inode.Flags & (ExtInodeFlags.InlineData | ExtInodeFlags.Encrypt)) != 0)
                state.Error("EXT-0403", structure, offset + attribute.EntryOffset, $"inode {number} should hold {attribute.ValueLength} bytes of value");
            else
                CheckValue(structure, offset, attribute, owner, inode, facts);
        }
        catch (DiskFormatException e)
        {
            state.Error(e);
        }
        var clusterSize = (long)_geometry.BlockSize * _geometry.ClusterRatio;
        return (attribute.ValueLength + clusterSize - 1) / clusterSize;
    }

    // The inode keeps the value's hash where other inodes keep the time of access; the attribute's own hash is over its name and that.
    private void CheckValue(string structure, long offset, in ExtAttribute attribute, ExtInode owner, ExtInode value, ValueFacts facts)
    {
        uint stored = value.Record.AccessTime;
        Span<byte> word = stackalloc byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(word, stored);
        var name = EscapedUtf8.Encode(attribute.Name);
        if (attribute.Hash != Hash(name, word, isSigned: false) && attribute.Hash != Hash(name, word, isSigned: true))
        {
            if (value.Record.ModifyTime == owner.Number && value.Generation == owner.Generation)
                facts.IsOwned = true;
            else
                state.Error("EXT-0404", structure, offset + attribute.EntryOffset + 0x0C, $"the hash of an attribute: found 0x{attribute.Hash:X8}, expected 0x{Hash(name, word, isSigned: false):X8}");
        }
        if (facts.Counted == 1 && !facts.IsOwned && HashOf(value) is var hash && hash != stored)
            state.Error("EXT-0407", $"Inode {value.Number}", value.Offset + 0x08, $"the hash of an attribute's value: found 0x{stored:X8}, expected 0x{hash:X8}");
    }

    private uint HashOf(ExtInode value)
    {
        var crc = state.Checksums.Seed;
        var map = (value.Flags & ExtInodeFlags.InlineData) == 0 ? ExtBlockMap.Of(value, _geometry, state.Blocks, state.Checksums) : null;
        for (var at = 0L; at < value.Length; at += _geometry.BlockSize)
        {
            var run = map?.Find(at >> _geometry.LogBlockSize) ?? default;
            var bytes = run.HasData ? state.Blocks.Read(run.Physical, $"Inode {value.Number}") : new byte[_geometry.BlockSize];
            crc = Crc32C.AppendRaw(crc, bytes.AsSpan(0, (int)Math.Min(bytes.Length, value.Length - at)));
        }
        return crc;
    }

    /// <summary>The hash of name and value; the name's bytes were signed on some machines.</summary>
    internal static uint Hash(ReadOnlySpan<byte> name, ReadOnlySpan<byte> paddedValue, bool isSigned)
    {
        var hash = 0u;
        foreach (var b in name)
            hash = hash << 5 ^ hash >> 27 ^ (isSigned ? (uint)(sbyte)b : b);
        foreach (var word in MemoryMarshal.Cast<byte, U32Le>(paddedValue))
            hash = hash << 16 ^ hash >> 16 ^ word;
        return hash;
    }
}
