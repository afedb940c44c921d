using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>An entry on its way into another node: where its bytes are, and the sub-node that it gets there.</summary>
/// <param name="Source">What holds its bytes.</param>
/// <param name="Offset">Of the entry in there.</param>
/// <param name="Body">Its bytes without the VCN of a sub-node, a multiple of 8.</param>
/// <param name="SubNode">The VCN of the block with the keys before it; -1: none.</param>
internal readonly record struct NtfsIndexPiece(byte[] Source, int Offset, int Body, long SubNode)
{
    private static readonly byte[] _end = MakeEnd();

    public int Length => Body + (SubNode >= 0 ? NtfsIndexEntry.SubNodeSize : 0);

    public ReadOnlySpan<byte> Key => Source.AsSpan(Offset + NtfsIndexEntry.Size, OnDisk.View<NtfsIndexEntry>(Source, Offset).KeyLength);

    /// <summary>An end entry.</summary>
    public static NtfsIndexPiece End(long subNode) => new(_end, 0, NtfsIndexEntry.Size, subNode);

    /// <summary>An entry as it stands in a node.</summary>
    public static NtfsIndexPiece Of(in NtfsIndexItem item)
    {
        var hasSubNode = item.HasSubNode;
        return new NtfsIndexPiece(item.Node, item.Offset, item.Entry.Length - (hasSubNode ? NtfsIndexEntry.SubNodeSize : 0), hasSubNode ? item.SubNode : -1);
    }

    /// <summary>Bytes of all entries of a node.</summary>
    public static int LengthOf(List<NtfsIndexPiece> pieces)
    {
        var length = 0;
        foreach (var piece in pieces)
            length += piece.Length;
        return length;
    }

    /// <summary>Puts it down; its length and flags say what it is now.</summary>
    public void Write(Span<byte> target)
    {
        Source.AsSpan(Offset, Body).CopyTo(target);
        ref var entry = ref OnDisk.Edit<NtfsIndexEntry>(target);
        entry.Length = (ushort)Length;
        entry.Flags = (ushort)(entry.Flags & ~NtfsIndexEntry.HasSubNode | (SubNode >= 0 ? NtfsIndexEntry.HasSubNode : 0));
        if (SubNode >= 0)
            BinaryPrimitives.WriteInt64LittleEndian(target[Body..], SubNode);
    }

    private static byte[] MakeEnd()
    {
        var bytes = new byte[NtfsIndexEntry.Size];
        ref var end = ref OnDisk.Edit<NtfsIndexEntry>(bytes);
        end.Length = NtfsIndexEntry.Size;
        end.Flags = NtfsIndexEntry.IsEnd;
        return bytes;
    }
}

/// <summary>Entries as they are put into an index.</summary>
internal static class NtfsIndexEntries
{
    /// <summary>The text that Windows puts behind the data of $SDH's entries, "II" in UTF-16.</summary>
    public static ReadOnlySpan<byte> SecurityHashTail => "I\0I\0"u8;

    /// <summary>An entry of a directory.</summary>
    /// <param name="file">What the name leads to.</param>
    /// <param name="name">A $FILE_NAME value.</param>
    public static byte[] OfName(NtfsReference file, ReadOnlySpan<byte> name)
    {
        var bytes = Make(name, 0);
        OnDisk.Edit<NtfsIndexEntry>(bytes).File = file;
        return bytes;
    }

    /// <summary>An entry of a view index.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="data">What stands with it; may be empty.</param>
    /// <param name="tail">Bytes behind the data that do not count as such.</param>
    public static byte[] OfView(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> tail = default)
    {
        var bytes = Make(key, data.Length + tail.Length);
        var at = NtfsIndexEntry.Size + key.Length;
        ref var view = ref OnDisk.Edit<NtfsViewEntry>(bytes);
        view.DataOffset = (ushort)at;
        view.DataLength = (ushort)data.Length;
        data.CopyTo(bytes.AsSpan(at));
        tail.CopyTo(bytes.AsSpan(at + data.Length));
        return bytes;
    }

    private static byte[] Make(ReadOnlySpan<byte> key, int behind)
    {
        var length = NtfsIndexEntry.Size + key.Length + behind + 7 & ~7;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, ushort.MaxValue, nameof(key));
        var bytes = new byte[length];
        ref var entry = ref OnDisk.Edit<NtfsIndexEntry>(bytes);
        entry.Length = (ushort)length;
        entry.KeyLength = (ushort)key.Length;
        key.CopyTo(bytes.AsSpan(NtfsIndexEntry.Size));
        return bytes;
    }
}
