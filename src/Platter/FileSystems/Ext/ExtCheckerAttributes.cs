using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Extended attributes: in inodes, in blocks that inodes may share, and in inodes of their own.</summary>
internal sealed class ExtCheckerAttributes(ExtCheckState state)
{
    private readonly ExtGeometry _geometry = state.Geometry;
    private readonly Dictionary<long, BlockFacts> _blocks = [];
    private readonly Dictionary<uint, uint> _values = [];
    private readonly List<ExtAttribute> _found = [];

    private sealed record BlockFacts(uint Stored, uint FirstInode)
    {
        public uint Counted { get; set; } = 1;

        /// <summary>Clusters of the inodes that hold its values.</summary>
        public long ValueClusters { get; init; }
    }

    /// <summary>Checks an inode's attributes.</summary>
    /// <returns>Clusters that count as the inode's; and whether system.data is there, with its length.</returns>
    public (long Clusters, int? InlineLength) Check(ExtInode inode)
    {
        var (clusters, inline) = CheckInode(inode);
        if (inode.AttributeBlock != 0)
            clusters += CheckBlock(inode);
        return (clusters, inline);
    }

    /// <summary>Compares the counts of references, once all inodes have been seen.</summary>
    public void CheckReferences()
    {
        foreach (var (block, facts) in _blocks)
        {
            if (facts.Stored != facts.Counted)
                state.Error("EXT-0405", $"Attribute block {block}", (block << _geometry.LogBlockSize) + 4, $"references: found {facts.Stored}, counted {facts.Counted}");
        }
        foreach (var (number, count) in _values)
        {
            ref var fact = ref state.Facts[number];
            if (fact is { IsUsed: true, IsValue: true })
                fact.Names += count;
            else
                state.Error("EXT-0403", $"Inode {number}", null, "should hold the value of an attribute, and does not");
        }
    }

    private (long Clusters, int? InlineLength) CheckInode(ExtInode inode)
    {
        var space = inode.AttributeSpace;
        if (space.Length < ExtAttributeHeader.InodeSize || OnDisk.View<U32Le>(space) != ExtAttributeHeader.MagicValue)
            return (0, null);
        var structure = $"Inode {inode.Number}, attributes";
        var offset = inode.Offset + _geometry.InodeSize - space.Length;
        _found.Clear();
        if (ExtAttributes.Parse(space, ExtAttributeHeader.InodeSize, ExtAttributeHeader.InodeSize, _found) is { } problem)
        {
            state.Error("EXT-0400", structure, offset, problem);
            return (0, null);
        }
        var clusters = CheckEntries(structure, offset, space, inode.Number, inode.Number);
        foreach (var attribute in _found)
        {
            if (attribute is { Index: ExtAttributes.SystemIndex, Name: ExtAttributes.InlineDataName })
                return (clusters, attribute.ValueLength);
        }
        return (clusters, null);
    }

    private long CheckBlock(ExtInode inode)
    {
        var number = inode.AttributeBlock;
        var structure = $"Attribute block {number} of inode {inode.Number}";
        if (!_geometry.IsBlock(number))
        {
            state.Error("EXT-0300", structure, inode.Offset + 0x68, $"found {number}, expected {_geometry.FirstDataBlock}..{_geometry.BlocksCount - 1}");
            return 0;
        }
        if (_blocks.TryGetValue(number, out var known))
        {
            known.Counted++;
            return 1 + known.ValueClusters;
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
            return 1;
        }
        var offset = number << _geometry.LogBlockSize;
        ref readonly var header = ref OnDisk.View<ExtAttributeHeader>(block);
        if (header.Magic != ExtAttributeHeader.MagicValue || header.Blocks != 1)
        {
            state.Error("EXT-0401", structure, offset, $"magic and blocks: found 0x{(uint)header.Magic:X8} and {header.Blocks}, expected 0xEA020000 and 1");
            return 1;
        }
        if (state.Checksums.IsOn && header.Checksum != state.Checksums.OfAttributeBlock(number, block))
            state.Error("EXT-0402", structure, offset + 0x10, "the checksum is wrong");
        _found.Clear();
        var clusters = 0L;
        if (ExtAttributes.Parse(block, ExtAttributeHeader.Size, 0, _found) is { } problem)
            state.Error("EXT-0400", structure, offset, problem);
        else
            clusters = CheckEntries(structure, offset, block, inode.Number, 0);
        _blocks[number] = new BlockFacts(header.ReferenceCount, inode.Number) { ValueClusters = clusters };
        return 1 + clusters;
    }

    // Values must not lie over each other; hashes must be right where they are set (in inodes they may be 0).
    private long CheckEntries(string structure, long offset, ReadOnlySpan<byte> space, uint owner, uint ownInode)
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
            if (attribute.Hash == 0 && ownInode != 0)
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

    private long CheckValueInode(string structure, long offset, in ExtAttribute attribute, uint owner)
    {
        var number = attribute.ValueInode;
        if (!_geometry.Has(ExtIncompat.EaInode) || number < _geometry.FirstInode || number > _geometry.InodesCount || number == owner)
        {
            state.Error("EXT-0403", structure, offset + attribute.EntryOffset, $"an attribute's value is in inode {number}, expected {_geometry.FirstInode}..{_geometry.InodesCount}, with the feature ea_inode");
            return 0;
        }
        CollectionsMarshal.GetValueRefOrAddDefault(_values, number, out _)++;
        try
        {
            var inode = state.Inodes.ReadUnchecked(number);
            if ((inode.Flags & ExtInodeFlags.EaInode) == 0 || inode.Length != attribute.ValueLength)
                state.Error("EXT-0403", structure, offset + attribute.EntryOffset, $"inode {number} should hold {attribute.ValueLength} bytes of value");
        }
        catch (DiskFormatException e)
        {
            state.Error(e);
        }
        var clusterSize = (long)_geometry.BlockSize * _geometry.ClusterRatio;
        return (attribute.ValueLength + clusterSize - 1) / clusterSize;
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
