using System.Text;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Qcow2;

/// <summary>One internal snapshot: an L1 table of its own, which shares L2 tables and clusters with the others.</summary>
internal sealed record Qcow2Snapshot(string Id, string Name, DateTimeOffset Created, long VmStateSize, long DiskSize, long L1Offset, int L1Entries, long EntryOffset, int EntryLength)
{
    private const int LargestEntry = 1024 + 40 + 2 * 65535;

    /// <summary>Reads the snapshot table.</summary>
    /// <exception cref="DiskFormatException">It is not whole (<c>QCOW-0010</c>).</exception>
    internal static List<Qcow2Snapshot> ReadAll(BlockDevice host, Qcow2Geometry geometry)
    {
        var found = new List<Qcow2Snapshot>();
        var start = (long)(ulong)geometry.Header.SnapshotsOffset;
        var at = start;
        for (var i = 0u; i < geometry.Header.SnapshotCount; i++)
        {
            var (snapshot, length) = Read(host, geometry, at);
            found.Add(snapshot);
            at += length;
            if (at - start > Qcow2Geometry.LargestSnapshotTable)
                throw Broken(start, $"found more than {Qcow2Geometry.LargestSnapshotTable} bytes");
        }
        return found;
    }

    /// <summary>What is wrong with the snapshot's L1 table; null when it lies within the file.</summary>
    internal Qcow2Rules.Breach? Problem(Qcow2Geometry geometry, long fileLength)
    {
        if (L1Entries * 8L > Qcow2Geometry.LargestL1 || L1Entries < Qcow2Geometry.L1EntriesFor(DiskSize, geometry.TableSpan))
            return new("QCOW-0041", $"found {L1Entries} L1 entries, expected {Qcow2Geometry.L1EntriesFor(DiskSize, geometry.TableSpan)} for its disk, and at most {Qcow2Geometry.LargestL1 / 8}");
        return (L1Offset & (geometry.ClusterSize - 1)) != 0 || L1Offset <= 0 || L1Offset > fileLength - L1Entries * 8L
            ? new("QCOW-0041", $"found an L1 table at 0x{L1Offset:X}, expected a multiple of {geometry.ClusterSize} within the file's {fileLength} bytes")
            : null;
    }

    private static (Qcow2Snapshot Snapshot, int Length) Read(BlockDevice host, Qcow2Geometry geometry, long at)
    {
        var head = new byte[40];
        if (at > host.Length - head.Length)
            throw Broken(at, "found the end of the file");
        host.Read(at, head);
        ref readonly var fixedPart = ref OnDisk.View<SnapshotHead>(head);
        var texts = fixedPart.IdLength + fixedPart.NameLength;
        var length = head.Length + (long)(uint)fixedPart.ExtraLength + texts;
        if (length > LargestEntry || length > host.Length - at)
            throw Broken(at, $"found an entry of {length} bytes, expected at most {LargestEntry} within the file");
        var rest = new byte[(int)length - head.Length];
        host.Read(at + head.Length, rest);
        var extra = new byte[24];
        rest.AsSpan(0, (int)Math.Min(extra.Length, (uint)fixedPart.ExtraLength)).CopyTo(extra);
        ref readonly var more = ref OnDisk.View<SnapshotExtra>(extra);
        var text = rest.AsSpan((int)(uint)fixedPart.ExtraLength);
        ulong size = fixedPart.ExtraLength >= 16 ? more.DiskSize : geometry.Header.Size;
        if (size > long.MaxValue || fixedPart.L1Entries > int.MaxValue || fixedPart.L1Offset > long.MaxValue)
            throw Broken(at, $"found a disk of {size} bytes with {(uint)fixedPart.L1Entries} L1 entries at 0x{(ulong)fixedPart.L1Offset:X}");
        var created = DateTimeOffset.UnixEpoch.AddSeconds(fixedPart.Seconds).AddTicks(Math.Min(fixedPart.Nanoseconds, 999_999_999u) / 100);
        ulong state = fixedPart.ExtraLength >= 8 ? more.VmStateSize : fixedPart.VmStateSize;
        var snapshot = new Qcow2Snapshot(Text(text[..(ushort)fixedPart.IdLength]), Text(text.Slice(fixedPart.IdLength, fixedPart.NameLength)), created,
            (long)Math.Min(state, long.MaxValue), (long)size, (long)(ulong)fixedPart.L1Offset, (int)(uint)fixedPart.L1Entries, at, (int)length);
        return (snapshot, (int)(length + 7) & ~7);
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    private static DiskFormatException Broken(long at, string problem) => new("QCOW-0010", "SnapshotTable", at, problem);
}
