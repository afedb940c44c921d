using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Bitmaps that lie in their records: $Bitmap of a small volume, and the bitmap of a small MFT. Nobody makes them so, and every driver reads them; to be
/// edited they get clusters of their own, where a bit can be changed by itself.</summary>
/// <remarks>The move is held with the other changes and goes to the volume with the first commit. After a rollback it is made again, to the same clusters.</remarks>
internal static class NtfsResidentBitmaps
{
    /// <summary>Gives $Bitmap clusters of its own.</summary>
    /// <param name="volume">Read through the changes.</param>
    /// <param name="changes">Where the move is held.</param>
    /// <param name="clusters">How many clusters it has bits of.</param>
    /// <returns>As it is now.</returns>
    /// <exception cref="VolumeFullException">There are no clusters for it.</exception>
    /// <exception cref="UnsupportedFeatureException">It does not lie in its base record, or that has no room for the map.</exception>
    public static NtfsContent MoveClusters(NtfsVolume volume, NtfsChanges changes, long clusters)
    {
        var value = Value(volume, NtfsMft.BitmapRecord, NtfsAttributeType.Data);
        var words = new ulong[(value.Length + 7) / 8];
        value.CopyTo(MemoryMarshal.AsBytes(words.AsSpan()));
        // Behind the last cluster all bits are set.
        BitWords.Fill(words, clusters, words.Length * 64L - clusters, true);
        var count = volume.Geometry.ClustersFor(words.Length * 8L);
        var place = Find((from, value) => BitWords.Next(words, from, clusters, value ? ulong.MaxValue : 0), clusters, count);
        BitWords.Fill(words, place, count, true);
        return Move(volume, changes, NtfsMft.BitmapRecord, NtfsAttributeType.Data, place, count, MemoryMarshal.AsBytes(words.AsSpan()));
    }

    /// <summary>As <see cref="MoveClusters"/>, unless the volume went back to a commit that has the move in it.</summary>
    public static void MoveClustersAgain(NtfsVolume volume, NtfsChanges changes, long clusters)
    {
        volume.Reload();
        if (volume.OpenSystemFile(NtfsMft.BitmapRecord).Open(NtfsAttributeType.Data) is { IsResident: true })
            MoveClusters(volume, changes, clusters);
    }

    /// <summary>Gives the bitmap of the MFT clusters of its own; $Bitmap has them by now.</summary>
    /// <inheritdoc cref="MoveClusters" path="/param|/returns|/exception"/>
    public static NtfsContent MoveRecords(NtfsVolume volume, NtfsChanges changes)
    {
        var value = Value(volume, NtfsMft.MftRecord, NtfsAttributeType.Bitmap);
        var padded = new byte[value.Length + 7 & ~7];
        value.CopyTo(padded);
        var bitmap = new NtfsBitmapFile(changes, volume.Geometry, "$Bitmap");
        bitmap.Attach(volume.OpenSystemFile(NtfsMft.BitmapRecord).Open(NtfsAttributeType.Data)!.Runs, volume.Geometry.ClusterCount);
        var count = volume.Geometry.ClustersFor(padded.Length);
        var place = Find(Next, volume.Geometry.ClusterCount, count);
        bitmap.Set(place, count, true);
        return Move(volume, changes, NtfsMft.MftRecord, NtfsAttributeType.Bitmap, place, count, padded);

        long Next(long from, bool value)
        {
            for (var page = from / NtfsBitmapFile.PageBits; page < bitmap.PageCount; page++)
            {
                var start = page * NtfsBitmapFile.PageBits;
                var found = BitWords.Next(bitmap.Words(page), Math.Max(0, from - start), bitmap.BitsIn(page), value ? ulong.MaxValue : 0);
                if (found >= 0)
                    return start + found;
            }
            return -1;
        }
    }

    private static byte[] Value(NtfsVolume volume, long number, NtfsAttributeType type) =>
        volume.Mft.Read(number).TryFind(type, "", out var attribute) && attribute.IsResident ? attribute.Value.ToArray()
            : throw new UnsupportedFeatureException($"the bitmap of record {number} lies in an extension record: such a volume is not edited");

    // The first free clusters side by side. `next` is the first bit of a value from a cluster on, or -1.
    private static long Find(Func<long, bool, long> next, long clusters, long count)
    {
        for (var free = next(0, false); free >= 0;)
        {
            var used = next(free, true);
            if ((used < 0 ? clusters : used) - free >= count)
                return free;
            free = used < 0 ? -1 : next(used, false);
        }
        throw new VolumeFullException("clusters side by side for a bitmap that lies in its record", count, 0);
    }

    private static NtfsContent Move(NtfsVolume volume, NtfsChanges changes, long number, NtfsAttributeType type, long place, long count, ReadOnlySpan<byte> content)
    {
        var geometry = volume.Geometry;
        var runs = new NtfsRunList();
        runs.Add(place, count);
        var clusters = new byte[count << geometry.ClusterShift];
        content.CopyTo(clusters);
        changes.Write(place << geometry.ClusterShift, clusters);

        var record = volume.Mft.Read(number);
        record.TryFind(type, "", out var old);
        var attribute = NtfsAttributeBytes.Extent(type, "", runs, 0, count, new NtfsSizes(NtfsAttributeFlags.None, 0, clusters.Length, content.Length, content.Length, 0), geometry.RecordSize, out _);
        OnDisk.Edit<NtfsAttributeHeader>(attribute).Instance = old.Instance;
        var inUse = (int)(uint)record.Header.BytesInUse + attribute.Length - old.Length;
        if (inUse > geometry.RecordSize)
            throw new UnsupportedFeatureException($"the bitmap of record {number} lies in it, and there is no room for its map: such a volume is not edited");
        var bytes = new byte[geometry.RecordSize];
        record.Bytes.AsSpan(0, old.Offset).CopyTo(bytes);
        attribute.CopyTo(bytes, old.Offset);
        record.Bytes.AsSpan((old.Offset + old.Length)..(int)(uint)record.Header.BytesInUse).CopyTo(bytes.AsSpan(old.Offset + attribute.Length));
        OnDisk.Edit<NtfsRecordHeader>(bytes).BytesInUse = (uint)inUse;
        NtfsRecords.WriteCopies(volume, changes, number, bytes);
        volume.Reload();
        return volume.OpenSystemFile(number).Open(type)!;
    }
}
