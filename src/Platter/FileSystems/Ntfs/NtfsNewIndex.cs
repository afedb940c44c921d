using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>An index of a new volume: entries in order, that fit into one node.</summary>
/// <param name="blockSize">Bytes of a block, should the index outgrow its root.</param>
/// <param name="clusterSize">Bytes of a cluster.</param>
internal sealed class NtfsNewIndex(int blockSize, int clusterSize)
{
    /// <summary>The number that the update sequence of the root directory's block has before it is written: mkntfs wrote it once by then.</summary>
    private const ushort FirstUpdate = 2;

    private readonly List<byte[]> _entries = [];

    /// <summary>Adds a directory's entry. They come in order.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">Its $FILE_NAME.</param>
    public void Add(NtfsReference file, ReadOnlySpan<byte> name)
    {
        var entry = Entry(NtfsIndexEntry.Size + name.Length, name);
        OnDisk.Edit<NtfsIndexEntry>(entry).File = file;
        _entries.Add(entry);
    }

    /// <summary>Adds an entry of a view index. They come in order.</summary>
    /// <param name="key">The key.</param>
    /// <param name="data">What is kept with it.</param>
    /// <param name="rest">What Windows puts where the entry is filled up to a multiple of 8.</param>
    public void AddView(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> rest = default)
    {
        var dataOffset = NtfsIndexEntry.Size + key.Length;
        var entry = Entry(dataOffset + data.Length, key);
        ref var view = ref OnDisk.Edit<NtfsViewEntry>(entry);
        view.DataOffset = (ushort)dataOffset;
        view.DataLength = (ushort)data.Length;
        data.CopyTo(entry.AsSpan(dataOffset));
        rest.CopyTo(entry.AsSpan(dataOffset + data.Length));
        _entries.Add(entry);
    }

    /// <summary>The value of an $INDEX_ROOT that holds all entries.</summary>
    public byte[] Root(NtfsAttributeType indexed, NtfsCollationRule collation)
    {
        var entries = NtfsIndexRoot.Size + NtfsIndexHeader.Size;
        var root = new byte[entries + EntriesLength];
        WriteEntries(root.AsSpan(entries));
        Describe(root, indexed, collation, isLarge: false);
        return root;
    }

    /// <summary>The value of an $INDEX_ROOT whose entries are in the first block.</summary>
    public byte[] LargeRoot(NtfsAttributeType indexed, NtfsCollationRule collation)
    {
        var end = NtfsIndexRoot.Size + NtfsIndexHeader.Size;
        var root = new byte[end + NtfsIndexEntry.Size + NtfsIndexEntry.SubNodeSize];
        ref var entry = ref OnDisk.Edit<NtfsIndexEntry>(root, end);
        entry.Length = NtfsIndexEntry.Size + NtfsIndexEntry.SubNodeSize;
        entry.Flags = NtfsIndexEntry.HasSubNode | NtfsIndexEntry.IsEnd;
        Describe(root, indexed, collation, isLarge: true);
        return root;
    }

    /// <summary>The block with all entries, the first of $INDEX_ALLOCATION, its protection on.</summary>
    public byte[] Block()
    {
        var block = new byte[blockSize];
        OnDisk.Edit<NtfsProtectedHeader>(block).Magic = NtfsIndexBlock.MagicValue;
        var entries = NtfsUpdateSequence.Place(block, NtfsIndexBlock.Size);
        OnDisk.Edit<U16Le>(block, NtfsIndexBlock.Size) = FirstUpdate;
        WriteEntries(block.AsSpan(entries));
        ref var header = ref OnDisk.Edit<NtfsIndexHeader>(block, NtfsIndexBlock.HeaderOffset);
        header.EntriesOffset = (uint)(entries - NtfsIndexBlock.HeaderOffset);
        header.IndexLength = (uint)(entries - NtfsIndexBlock.HeaderOffset + EntriesLength);
        header.AllocatedSize = (uint)(blockSize - NtfsIndexBlock.HeaderOffset);
        NtfsUpdateSequence.Apply(block);
        return block;
    }

    private int EntriesLength => _entries.Sum(e => e.Length) + NtfsIndexEntry.Size;

    private void WriteEntries(Span<byte> target)
    {
        foreach (var entry in _entries)
        {
            entry.CopyTo(target);
            target = target[entry.Length..];
        }
        ref var end = ref OnDisk.Edit<NtfsIndexEntry>(target);
        end.Length = NtfsIndexEntry.Size;
        end.Flags = NtfsIndexEntry.IsEnd;
    }

    private void Describe(byte[] root, NtfsAttributeType indexed, NtfsCollationRule collation, bool isLarge)
    {
        ref var head = ref OnDisk.Edit<NtfsIndexRoot>(root);
        head.AttributeType = (uint)indexed;
        head.Collation = (uint)collation;
        head.BlockSize = (uint)blockSize;
        head.ClustersPerBlock = (byte)(blockSize / (clusterSize <= blockSize ? clusterSize : NtfsUpdateSequence.Stride));
        ref var header = ref OnDisk.Edit<NtfsIndexHeader>(root, NtfsIndexRoot.Size);
        header.EntriesOffset = NtfsIndexHeader.Size;
        header.IndexLength = (uint)(root.Length - NtfsIndexRoot.Size);
        header.AllocatedSize = header.IndexLength;
        header.Flags = isLarge ? NtfsIndexHeader.HasSubNodes : (byte)0;
    }

    private static byte[] Entry(int length, ReadOnlySpan<byte> key)
    {
        var bytes = new byte[length + 7 & ~7];
        ref var entry = ref OnDisk.Edit<NtfsIndexEntry>(bytes);
        entry.Length = (ushort)bytes.Length;
        entry.KeyLength = (ushort)key.Length;
        key.CopyTo(bytes.AsSpan(NtfsIndexEntry.Size));
        return bytes;
    }
}
