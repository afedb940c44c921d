using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>An index of a file that is edited: its root in $INDEX_ROOT, its blocks in $INDEX_ALLOCATION, those in use in $BITMAP.</summary>
internal sealed class NtfsFileIndexStorage(NtfsFileEditor file, string name) : NtfsIndexStorage
{
    private const int BitmapPiece = 64;     // bytes of the bitmap that are looked at together

    private readonly NtfsGeometry _geometry = file.State.Geometry;
    private byte[]? _protected;     // a block as it is written
    private byte[]? _rootOf;
    private byte[] _root = [];      // the value of that attribute
    private long _hint;             // no block below is free

    public override int BlockSize => (int)(uint)OnDisk.View<NtfsIndexRoot>(Root.Value).BlockSize;

    private NtfsHeld Root => file.Find(NtfsAttributeType.IndexRoot, name) is { IsResident: true } root && root.Value.Length >= NtfsIndexRoot.Size ? root
        : throw new DiskFormatException("NTFS-0112", file.Base.Structure, file.Base.Offset, $"has no resident $INDEX_ROOT:{name}");

    private string Structure => file.Structure(NtfsAttributeType.IndexAllocation, name);

    // An attribute that changes gets another array.
    public override byte[] ReadRoot()
    {
        var root = Root;
        if (!ReferenceEquals(root.Bytes, _rootOf))
            (_rootOf, _root) = (root.Bytes, root.Value.ToArray());
        return _root;
    }

    public override bool TryWriteRoot(ReadOnlySpan<byte> value)
    {
        var root = Root;
        if (value.Length > LeastRoot && value.Length > root.Value.Length && !file.HasRoom(root, NtfsAttributeBytes.ResidentLength(name, value.Length)))
            return false;
        file.SetResident(NtfsAttributeType.IndexRoot, name, value);
        return true;
    }

    public override byte[] ReadBlock(long vcn) => ReadNode(vcn, OnDisk.View<NtfsIndexRoot>(Root.Value).AttributeType == 0U, () => Structure).Bytes;

    // Kept with those that reading keeps: what is written or freed is forgotten, and all of them with an edit that fails.
    public override NtfsIndexNode ReadNode(long vcn, bool isView, Func<string> structure)
    {
        var (allocation, offset) = Find(vcn);
        var place = Place(allocation, offset);
        var nodes = file.State.Volume.Nodes;
        if (place >= 0 && nodes.TryGet(place, out var node) && OnDisk.View<NtfsIndexBlock>(node.Bytes).Vcn == (ulong)vcn && node.Bytes.Length == BlockSize)
            return node;
        var bytes = new byte[BlockSize];
        allocation.Read(offset, bytes);
        if (NtfsIndex.ParseBlock(bytes, vcn, isView, out node, out var code) is { } problem)
            throw new DiskFormatException(code, $"{structure()}, block {vcn}", place, problem);
        if (place >= 0)
            nodes.Set(place, node!);
        return node!;
    }

    public override void WriteBlock(long vcn, ReadOnlySpan<byte> block) => file.State.Volume.Nodes.Remove(Write(vcn, block, out _));

    public override void WriteNode(long vcn, NtfsIndexNode node)
    {
        var place = Write(vcn, node.Bytes, out var number);
        // What the next write goes on from.
        number.CopyTo(node.Bytes.AsSpan(OnDisk.View<NtfsProtectedHeader>(node.Bytes).UpdateSequenceOffset));
        if (place >= 0)
            file.State.Volume.Nodes.Set(place, node);
    }

    private long Write(long vcn, ReadOnlySpan<byte> block, out ReadOnlySpan<byte> number)
    {
        var (allocation, offset) = Find(vcn);
        if (_protected is null || _protected.Length != block.Length)
            _protected = new byte[block.Length];
        block.CopyTo(_protected);
        NtfsUpdateSequence.Apply(_protected);
        allocation.Write(offset, _protected);
        number = _protected.AsSpan(OnDisk.View<NtfsProtectedHeader>(_protected).UpdateSequenceOffset, 2);
        return Place(allocation, offset);
    }

    public override long AllocateBlock()
    {
        var allocation = file.OpenOrCreate(NtfsAttributeType.IndexAllocation, name);
        var bitmap = file.OpenOrCreate(NtfsAttributeType.Bitmap, name);
        var count = allocation.Length / BlockSize;
        Span<byte> bits = stackalloc byte[BitmapPiece];
        for (var first = _hint / 8; first < bitmap.Length && first * 8 < count; first += bits.Length)
        {
            var piece = bits[..(int)Math.Min(bits.Length, bitmap.Length - first)];
            bitmap.Read(first, piece);
            var at = piece.IndexOfAnyExcept((byte)0xFF);
            if (at < 0)
                continue;
            var block = (first + at) * 8 + System.Numerics.BitOperations.TrailingZeroCount((uint)~piece[at]);
            if (block >= count)
                break;
            return Take(bitmap, block, piece[at]);
        }
        // A block more; the bitmap grows in steps of 64.
        if (count >= bitmap.Length * 8)
            bitmap.Write(bitmap.Length, new byte[8]);
        allocation.Prepare(allocation.Length, allocation.Length + BlockSize);
        bitmap.Read(count / 8, bits[..1]);
        return Take(bitmap, count, bits[0]);
    }

    public override void FreeBlock(long vcn)
    {
        var (allocation, offset) = Find(vcn);
        file.State.Volume.Nodes.Remove(Place(allocation, offset));
        var bitmap = file.Open(NtfsAttributeType.Bitmap, name)
            ?? throw new DiskFormatException("NTFS-0112", file.Base.Structure, file.Base.Offset, $"has no $BITMAP:{name}");
        var block = offset / BlockSize;
        Span<byte> bits = stackalloc byte[1];
        if (block / 8 >= bitmap.Length)
            return;
        bitmap.Read(block / 8, bits);
        bits[0] &= (byte)~(1 << (int)(block & 7));
        bitmap.Write(block / 8, bits);
        _hint = Math.Min(_hint, block);
    }

    public override void DropBlocks()
    {
        if (file.Open(NtfsAttributeType.IndexAllocation, name) is { } allocation)
        {
            for (var offset = 0L; offset + BlockSize <= allocation.Length; offset += BlockSize)
                file.State.Volume.Nodes.Remove(Place(allocation, offset));
        }
        file.Delete(NtfsAttributeType.IndexAllocation, name);
        file.Delete(NtfsAttributeType.Bitmap, name);
        _hint = 0;
    }

    private long Take(NtfsContentEditor bitmap, long block, byte bits)
    {
        bitmap.Write(block / 8, [(byte)(bits | 1 << (int)(block & 7))]);
        _hint = block + 1;
        return block * BlockSize / _geometry.IndexUnit(BlockSize);
    }

    private (NtfsContentEditor Allocation, long Offset) Find(long vcn)
    {
        var unit = _geometry.IndexUnit(BlockSize);
        var allocation = file.Open(NtfsAttributeType.IndexAllocation, name);
        var offset = vcn * unit;
        if (allocation is null || vcn < 0 || vcn > (allocation.Length - BlockSize) / unit)
            throw new DiskFormatException("NTFS-0306", Structure, -1, $"an entry leads to block {vcn}, expected 0..{((allocation?.Length ?? 0) - BlockSize) / unit}");
        return (allocation, offset);
    }

    private long Place(NtfsContentEditor allocation, long offset)
    {
        var run = allocation.Runs.Find(offset >> _geometry.ClusterShift);
        return run is { IsHole: false } r ? (r.Lcn << _geometry.ClusterShift) + (offset - (r.Vcn << _geometry.ClusterShift)) : -1;
    }
}
