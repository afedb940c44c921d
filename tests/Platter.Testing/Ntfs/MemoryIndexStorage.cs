using System.Buffers.Binary;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;

namespace Platter.Testing.Ntfs;

/// <summary>An index in memory, that holds its editor to the contract: blocks are taken before they are written, and given back once.</summary>
internal sealed class MemoryIndexStorage : NtfsIndexStorage
{
    private readonly NtfsGeometry _geometry;
    private readonly int _unit;
    private readonly int _rootRoom;
    private readonly SortedSet<long> _free = [];
    private byte[] _root;

    /// <param name="rule">Its order.</param>
    /// <param name="blockSize">Bytes of a block.</param>
    /// <param name="clusterSize">Bytes of a cluster.</param>
    /// <param name="rootRoom">The longest root.</param>
    public MemoryIndexStorage(NtfsCollationRule rule, int blockSize, int clusterSize, int rootRoom)
    {
        _geometry = GeometryOf(blockSize, clusterSize);
        _unit = _geometry.IndexUnit(blockSize);
        _rootRoom = rootRoom;
        _root = NtfsNewIndexNode.EmptyRoot(rule == NtfsCollationRule.FileName ? NtfsAttributeType.FileName : NtfsAttributeType.None, rule, _geometry);
    }

    private MemoryIndexStorage(MemoryIndexStorage other)
    {
        (_geometry, _unit, _rootRoom, _root) = (other._geometry, other._unit, other._rootRoom, other._root.ToArray());
        foreach (var (vcn, block) in other.Blocks)
            Blocks[vcn] = block?.ToArray();
        _free.UnionWith(other._free);
        HasBlocks = other.HasBlocks;
    }

    /// <summary>As on disk, by their VCNs; null: taken, and not yet written.</summary>
    public SortedDictionary<long, byte[]?> Blocks { get; } = [];

    /// <summary>Whether there is an $INDEX_ALLOCATION.</summary>
    public bool HasBlocks { get; private set; }

    /// <summary>How many blocks there may be.</summary>
    public int MaxBlocks { get; set; } = int.MaxValue;

    public long Reads { get; set; }
    public long Writes { get; set; }
    public byte[] RootValue { get => _root; set => _root = value; }
    public override int BlockSize => _geometry.IndexBlockSize;

    public MemoryIndexStorage Copy() => new(this);

    /// <summary>Everything as it is, to be compared.</summary>
    public string Fingerprint() => Convert.ToHexString(_root) + string.Concat(Blocks.Select(b => $"|{b.Key}:{Convert.ToHexString(b.Value ?? [])}"));

    // What it gave out is spoilt when the root is written: who keeps it longer than the contract says finds out.
    public override byte[] ReadRoot() => _root;

    public override bool TryWriteRoot(ReadOnlySpan<byte> value)
    {
        if (value.Length > Math.Max(_rootRoom, LeastRoot))
            return false;
        var written = value.ToArray();
        Array.Fill(_root, (byte)0xEE);
        _root = written;
        return true;
    }

    public override byte[] ReadBlock(long vcn)
    {
        Reads++;
        if (!Blocks.TryGetValue(vcn, out var stored) || stored is null)
            throw new DiskFormatException("NTFS-0306", "Index", -1, $"an entry leads to block {vcn}");
        var block = stored.ToArray();
        ref readonly var head = ref OnDisk.View<NtfsIndexBlock>(block);
        if (head.Protection.Magic != NtfsIndexBlock.MagicValue || NtfsUpdateSequence.Remove(block, NtfsIndexBlock.Size) is not null || head.Vcn != (ulong)vcn)
            throw new DiskFormatException("NTFS-0301", "Index", -1, "is no index block");
        return block;
    }

    public override void WriteBlock(long vcn, ReadOnlySpan<byte> block)
    {
        Writes++;
        if (!Blocks.ContainsKey(vcn) || block.Length != BlockSize)
            throw new InvalidOperationException($"block {vcn} was not taken");
        var stored = block.ToArray();
        NtfsUpdateSequence.Apply(stored);
        Blocks[vcn] = stored;
    }

    public override long AllocateBlock()
    {
        if (Blocks.Count >= MaxBlocks)
            throw new VolumeFullException("bytes", BlockSize, 0);
        HasBlocks = true;
        var vcn = (Blocks.Count + _free.Count) * (long)(BlockSize / _unit);
        if (_free.Count > 0)
            _free.Remove(vcn = _free.Min);
        Blocks.Add(vcn, null);
        return vcn;
    }

    public override void FreeBlock(long vcn)
    {
        if (!Blocks.Remove(vcn))
            throw new DiskFormatException("NTFS-0306", "Index", -1, $"block {vcn} is free already");
        _free.Add(vcn);
    }

    public override void DropBlocks()
    {
        Blocks.Clear();
        _free.Clear();
        HasBlocks = false;
    }

    /// <summary>A name's value, as directories have it for a key.</summary>
    public static byte[] NameKey(string name, long parent = 5)
    {
        var key = new byte[NtfsFileName.Size + 2 * name.Length];
        ref var value = ref OnDisk.Edit<NtfsFileName>(key);
        value.Parent = new NtfsReference(parent, 5);
        value.NameLength = (byte)name.Length;
        value.Namespace = NtfsNamespace.Posix;
        for (var i = 0; i < name.Length; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(key.AsSpan(NtfsFileName.Size + 2 * i), name[i]);
        return key;
    }

    /// <summary>Capitals as .NET knows them.</summary>
    public static NtfsUpcase Upcase { get; } = MakeUpcase();

    private static NtfsUpcase MakeUpcase()
    {
        var table = new byte[NtfsUpcase.Length];
        for (var unit = 0; unit < NtfsUpcase.Units; unit++)
            BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan(2 * unit), char.ToUpperInvariant((char)unit));
        return new NtfsUpcase(table);
    }

    private static NtfsGeometry GeometryOf(int blockSize, int clusterSize) => new()
    {
        SectorSize = 512, ClusterSize = clusterSize, RecordSize = 1024, IndexBlockSize = blockSize, TotalSectors = 1 << 20,
        MftCluster = 4, MftMirrorCluster = 8, SerialNumber = 1, HiddenSectors = 0, BootOffset = 0,
    };
}
