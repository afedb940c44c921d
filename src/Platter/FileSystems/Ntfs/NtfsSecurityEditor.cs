using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Adds security descriptors to $Secure: one that is there already is found by its hash, a new one goes to the end of $SDS and into both indexes.</summary>
/// <remarks>
/// <para>See OnDisk/NtfsSecurity.cs for the layout. Descriptors are never removed; Windows does so no more than this. Nothing is kept between calls, so that an
/// edit may be dropped.</para>
/// <para>After a <see cref="VolumeFullException"/> $SDS may be longer and one of the indexes changed: the edit is to be undone.</para>
/// </remarks>
/// <param name="stream">$SDS.</param>
/// <param name="hashes">$SDH.</param>
/// <param name="ids">$SII.</param>
internal sealed class NtfsSecurityEditor(NtfsStreamStorage stream, NtfsIndexEditor hashes, NtfsIndexEditor ids)
{
    /// <summary>Descriptors with the same hash that are compared before a new one is added.</summary>
    private const int MaxSameHash = 256;

    private const int BlockSize = NtfsSecurityEntry.BlockSize;

    /// <summary>The id of a descriptor, which is added when it is not there yet.</summary>
    /// <param name="descriptor">Self-relative.</param>
    /// <exception cref="ArgumentException">It is no descriptor, or longer than 64 KiB.</exception>
    /// <exception cref="VolumeFullException">There is no room for it, or no id left.</exception>
    public uint Add(ReadOnlySpan<byte> descriptor)
    {
        if (descriptor.Length is < NtfsSecurityDescriptor.Size or > NtfsSecure.MaxDescriptor - NtfsSecurityEntry.Size || descriptor[0] != 1)
            throw new ArgumentException($"{descriptor.Length} bytes are no security descriptor, expected revision 1, {NtfsSecurityDescriptor.Size}..{NtfsSecure.MaxDescriptor - NtfsSecurityEntry.Size}", nameof(descriptor));
        var hash = NtfsSecurityHash.Of(descriptor);
        return Find(hash, descriptor) ?? Append(hash, descriptor);
    }

    /// <summary>The descriptor of an id; null when there is none that is sound.</summary>
    public byte[]? Find(uint id)
    {
        Span<byte> key = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(key, id);
        return ids.Find(key) is { } item ? Read(item, 0) ?? Read(item, BlockSize) : null;
    }

    private uint? Find(uint hash, ReadOnlySpan<byte> descriptor)
    {
        var next = 0UL;
        for (var tries = 0; tries < MaxSameHash; tries++)
        {
            var least = (ulong)hash << 32 | next;
            if (hashes.FindFirst(key => key.Length < NtfsSecurityHashKey.Size ? 1 : least.CompareTo(OrderOf(key))) is not { } item || (uint)(OrderOf(item.Key) >> 32) != hash)
                return null;
            var id = (uint)OrderOf(item.Key);
            if (Read(item, 0) is { } known && known.AsSpan().SequenceEqual(descriptor) && id >= NtfsSecurityEntry.FirstId)
                return id;
            next = (ulong)id + 1;
            if (next > uint.MaxValue)
                return null;
        }
        return null;
    }

    private static ulong OrderOf(ReadOnlySpan<byte> key)
    {
        ref readonly var parts = ref OnDisk.View<NtfsSecurityHashKey>(key);
        return (ulong)parts.Hash << 32 | parts.Id;
    }

    private uint Append(uint hash, ReadOnlySpan<byte> descriptor)
    {
        var (id, end) = Last();
        if (id == uint.MaxValue)
            throw new VolumeFullException("security ids", 1, 0);
        id = Math.Max(id + 1, NtfsSecurityEntry.FirstId);
        var length = NtfsSecurityEntry.Size + descriptor.Length;
        var at = PlaceFor(Math.Max(end, EndOfStream(stream.Length)), length);

        var entry = new byte[length];
        ref var head = ref OnDisk.Edit<NtfsSecurityEntry>(entry);
        head.Hash = hash;
        head.Id = id;
        head.Offset = (ulong)at;
        head.Length = (uint)length;
        descriptor.CopyTo(entry.AsSpan(NtfsSecurityEntry.Size));
        // The copy first: it is the end of the stream, and asks for all the room there is to ask for.
        stream.Write(at + BlockSize, entry);
        stream.Write(at, entry);

        var place = entry.AsSpan(0, NtfsSecurityEntry.Size);
        if (!ids.TryInsert(NtfsIndexEntries.OfView(entry.AsSpan(4, 4), place))
            || !hashes.TryInsert(NtfsIndexEntries.OfView(entry.AsSpan(0, NtfsSecurityHashKey.Size), place, NtfsIndexEntries.SecurityHashTail)))
            throw new DiskFormatException("NTFS-0302", hashes.Structure, -1, $"has the id {id} of a descriptor that is not in {ids.Structure}, or the other way round");
        return id;
    }

    // The highest id, and where the bytes of its descriptor end.
    private (uint Id, long End) Last()
    {
        if (ids.FindLast() is not { } item || item.Key.Length < 4)
            return (0, 0);
        var id = BinaryPrimitives.ReadUInt32LittleEndian(item.Key);
        if (item.Data.Length < NtfsSecurityEntry.Size)
            return (id, 0);
        ref readonly var place = ref OnDisk.View<NtfsSecurityEntry>(item.Data);
        var end = (long)(ulong)place.Offset + place.Length;
        // What points past the stream says nothing.
        return (id, place.Length <= NtfsSecure.MaxDescriptor && place.Offset <= (ulong)stream.Length && end <= stream.Length ? end : 0);
    }

    /// <summary>Where descriptors end by the length of the stream alone, which ends with the copy of the last one.</summary>
    public static long EndOfStream(long length)
    {
        var pair = length / (2 * BlockSize) * (2 * BlockSize);
        return pair + Math.Max(0, length - pair - BlockSize);
    }

    /// <summary>The first place from <paramref name="end"/> on for an entry: aligned, not in a copy, and not across a block.</summary>
    public static long PlaceFor(long end, int length)
    {
        var at = end + NtfsSecurityEntry.Alignment - 1 & -NtfsSecurityEntry.Alignment;
        var block = at / (2 * BlockSize) * (2 * BlockSize);
        return at - block + length > BlockSize ? block + 2 * BlockSize : at;
    }

    private byte[]? Read(in NtfsIndexItem item, long shift)
    {
        if (item.Data.Length < NtfsSecurityEntry.Size)
            return null;
        ref readonly var place = ref OnDisk.View<NtfsSecurityEntry>(item.Data);
        var at = (long)(ulong)place.Offset;
        if (place.Length < NtfsSecurityEntry.Size + NtfsSecurityDescriptor.Size || place.Length > NtfsSecure.MaxDescriptor || at < 0 || at > stream.Length - shift - place.Length)
            return null;
        var entry = new byte[place.Length];
        stream.Read(at + shift, entry);
        ref readonly var head = ref OnDisk.View<NtfsSecurityEntry>(entry);
        var descriptor = entry[NtfsSecurityEntry.Size..];
        return head.Id == place.Id && head.Hash == place.Hash && head.Hash == NtfsSecurityHash.Of(descriptor) ? descriptor : null;
    }
}
