using System.Text;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Qcow2;

/// <summary>One persistent dirty bitmap: which parts of the disk were written since somebody last looked, for incremental backups.</summary>
/// <param name="Name">Unique in the image.</param>
/// <param name="Flags">Whether it follows writes, and whether it can be trusted.</param>
/// <param name="Type">1 for all there are.</param>
/// <param name="GranularityBits">A bit stands for 1 &lt;&lt; this bytes.</param>
/// <param name="TableOffset">Its table: one entry for each cluster of bits.</param>
/// <param name="TableEntries">Length of the table.</param>
/// <param name="EntryOffset">Where its directory entry stands.</param>
/// <param name="HasUnknown">It has extra data that may not be ignored.</param>
internal sealed record Qcow2Bitmap(string Name, BitmapFlags Flags, byte Type, int GranularityBits, long TableOffset, long TableEntries, long EntryOffset, bool HasUnknown)
{
    internal const ulong AllOnes = 1;      // of a table entry without a cluster

    /// <summary>Whether a write has to be entered: it follows writes, and what it says is still right.</summary>
    internal bool IsFollowing => (Flags & (BitmapFlags.Auto | BitmapFlags.InUse)) == BitmapFlags.Auto;

    /// <summary>Table entries for a disk of this size.</summary>
    internal static long EntriesFor(long size, int granularityBits, int clusterSize)
    {
        var bits = (size >> granularityBits) + ((size & ((1L << granularityBits) - 1)) != 0 ? 1 : 0);
        return (bits + clusterSize * 8L - 1) / (clusterSize * 8L);
    }
}

/// <summary>The persistent bitmaps of an image, and what a change of the disk means for them.</summary>
internal sealed class Qcow2Bitmaps
{
    internal const int MostBitmaps = 65535, LargestDirectory = 1024 * MostBitmaps;
    internal const int SmallestGranularityBits = 9, LargestGranularityBits = 31;

    private readonly Qcow2Geometry _geometry;
    private readonly Qcow2Tables _tables;
    private readonly Qcow2Space _space;
    private readonly List<Qcow2Bitmap> _following;

    internal Qcow2Bitmaps(BlockDevice host, Qcow2Geometry geometry, Qcow2Tables tables, Qcow2Space space)
    {
        (_geometry, _tables, _space) = (geometry, tables, space);
        _following = [.. ReadAll(host, geometry).Where(b => b.IsFollowing)];
    }

    /// <summary>Reads the directory; empty when there are no bitmaps, or they are out of date.</summary>
    /// <exception cref="DiskFormatException">It breaks a rule (<c>QCOW-0050</c>).</exception>
    internal static List<Qcow2Bitmap> ReadAll(BlockDevice host, Qcow2Geometry geometry)
    {
        var found = new List<Qcow2Bitmap>();
        if ((geometry.Autoclear & AutoclearFeatures.Bitmaps) == 0 || geometry.Extensions.Bitmaps is not { } extension)
            return found;
        ulong offset = extension.DirectoryOffset, size = extension.DirectorySize;
        if (extension.Count is var count && count == 0 || count > MostBitmaps)
            throw Broken(geometry.Extensions.BitmapsOffset, $"found {(uint)count} bitmaps, expected 1..{MostBitmaps}");
        if (size > LargestDirectory || offset > (ulong)host.Length || size > (ulong)host.Length - offset || offset % (ulong)geometry.ClusterSize != 0)
            throw Broken(geometry.Extensions.BitmapsOffset + 8, $"found a directory of {size} bytes at 0x{offset:X}, expected whole clusters within the file");
        var bytes = new byte[size];
        host.Read((long)offset, bytes);
        var at = 0;
        for (var i = 0u; i < count; i++)
        {
            if (bytes.Length - at < 24)
                throw Broken((long)offset + at, $"found the end of the directory after {i} bitmaps of {(uint)count}");
            ref readonly var head = ref OnDisk.View<BitmapHead>(bytes, at);
            var length = 24 + (long)(uint)head.ExtraLength + head.NameLength;
            if (length > bytes.Length - at)
                throw Broken((long)offset + at, $"found an entry of {length} bytes, but only {bytes.Length - at} are left");
            var bitmap = Take(head, bytes.AsSpan(at, (int)length), (long)offset + at);
            if (Problem(bitmap, geometry, host.Length) is { } problem)
                throw Broken((long)offset + at, problem);
            found.Add(bitmap);
            at += (int)(length + 7) & ~7;
        }
        return found;
    }

    /// <summary>Enters a change of the disk into the bitmaps that follow it.</summary>
    internal void Mark(long offset, long length)
    {
        foreach (var bitmap in _following)
            Set(bitmap, offset >> bitmap.GranularityBits, ((offset + length - 1) >> bitmap.GranularityBits) + 1);
    }

    private static Qcow2Bitmap Take(in BitmapHead head, ReadOnlySpan<byte> entry, long offset)
    {
        var flags = (BitmapFlags)(uint)head.Flags;
        var name = Encoding.UTF8.GetString(entry[^(ushort)head.NameLength..]);
        return new Qcow2Bitmap(name, flags, head.Type, head.GranularityBits, (long)Math.Min(head.TableOffset, long.MaxValue), (uint)head.TableEntries, offset,
            head.ExtraLength > 0 && (flags & BitmapFlags.ExtraCompatible) == 0);
    }

    private static string? Problem(Qcow2Bitmap bitmap, Qcow2Geometry geometry, long fileLength)
    {
        if (bitmap.GranularityBits is < SmallestGranularityBits or > LargestGranularityBits)
            return $"found a granularity of {bitmap.GranularityBits} bits, expected {SmallestGranularityBits}..{LargestGranularityBits}";
        if (bitmap.TableOffset % geometry.ClusterSize != 0 || bitmap.TableOffset == 0 || bitmap.TableOffset > fileLength - bitmap.TableEntries * 8)
            return $"found a table of {bitmap.TableEntries} entries at 0x{bitmap.TableOffset:X}, expected whole clusters within the file";
        var expected = Qcow2Bitmap.EntriesFor(geometry.Size, bitmap.GranularityBits, geometry.ClusterSize);
        return bitmap.TableEntries != expected && (bitmap.Flags & BitmapFlags.InUse) == 0
            ? $"found a table of {bitmap.TableEntries} entries, expected {expected} for the disk's size"
            : null;
    }

    private void Set(Qcow2Bitmap bitmap, long from, long end)
    {
        var perCluster = _geometry.ClusterSize * 8L;
        while (from < end)
        {
            var part = Math.Min(end, (from / perCluster + 1) * perCluster);
            var entryOffset = bitmap.TableOffset + from / perCluster * 8;
            var entry = _tables.Read(entryOffset);
            var cluster = (long)(entry & L2Entry.OffsetMask);
            if (cluster == 0 && (entry & Qcow2Bitmap.AllOnes) == 0)
            {
                var run = _space.Take(1);
                if (!run.IsZero)
                    _tables.Clear(run.Offset, _geometry.ClusterSize);
                cluster = run.Offset;
                _tables.Write(entryOffset, (ulong)cluster);
            }
            if (cluster != 0)
                SetBits(cluster, from % perCluster, part - from);
            from = part;
        }
    }

    // The first bit of a byte is its lowest.
    private void SetBits(long cluster, long first, long count)
    {
        if (cluster % _geometry.ClusterSize != 0 || cluster >= _tables.HostLength)
            throw Broken(cluster, "found bits outside of the file or of the grid of clusters");
        while (count > 0)
        {
            var at = cluster + first / 8;
            var piece = _tables.GetToChange(at).AsSpan((int)(at & (_tables.PieceSize - 1)));
            var bits = (int)Math.Min(count, piece.Length * 8L - first % 8);
            for (var i = 0; i < bits;)
            {
                var bit = (int)(first % 8) + i;
                if (bit % 8 == 0 && bits - i >= 8)
                {
                    var bytes = (bits - i) / 8;
                    piece.Slice(bit / 8, bytes).Fill(0xFF);
                    i += bytes * 8;
                    continue;
                }
                piece[bit / 8] |= (byte)(1 << (bit % 8));
                i++;
            }
            first += bits;
            count -= bits;
        }
    }

    private static DiskFormatException Broken(long offset, string problem) => new("QCOW-0050", "BitmapDirectory", offset, problem);
}
