using System.Buffers.Binary;
using System.Numerics;

namespace Platter.FileSystems.Ntfs;

/// <summary>Neighbouring clusters of an attribute that are neighbours on the volume, or a hole.</summary>
/// <param name="Vcn">The first one's number within the attribute.</param>
/// <param name="Lcn">The first one's number on the volume; -1 for a hole.</param>
/// <param name="Count">How many; at least 1.</param>
internal readonly record struct NtfsRun(long Vcn, long Lcn, long Count)
{
    public const long Hole = -1;

    public bool IsHole => Lcn < 0;

    /// <summary>The first cluster behind, within the attribute.</summary>
    public long End => Vcn + Count;
}

/// <summary>Which clusters an attribute has, in order and without gaps from its first cluster on; and their form on disk.</summary>
/// <remarks>
/// <para>"NTFS Documentation" of the Linux-NTFS project, "Data Runs". On disk, for each run:</para>
/// <code>
///   | head: bytes of offset (high nibble), bytes of length (low nibble) | length | offset |        a head of 0 ends the list
/// </code>
/// <para>The offset is signed and counts from the start of the run before (a hole is no such run); none means a hole. Windows NT 4 writes holes as
/// runs at cluster -1. Extents in other records start counting from 0 again. Neighbours are joined in memory.</para>
/// </remarks>
internal sealed class NtfsRunList
{
    /// <summary>Bytes that one run takes at most.</summary>
    public const int MaxRunBytes = 17;

    private NtfsRun[] _runs = new NtfsRun[2];

    public int Count { get; private set; }

    public NtfsRun this[int index] => index < Count ? _runs[index] : throw new ArgumentOutOfRangeException(nameof(index));

    public ReadOnlySpan<NtfsRun> Runs => _runs.AsSpan(0, Count);

    /// <summary>The first cluster that is not mapped.</summary>
    public long End => Count == 0 ? 0 : _runs[Count - 1].End;

    /// <summary>How many clusters are on the volume, holes left out.</summary>
    public long Allocated
    {
        get
        {
            var total = 0L;
            foreach (ref readonly var run in Runs)
                total += run.IsHole ? 0 : run.Count;
            return total;
        }
    }

    /// <summary>Adds clusters at the end.</summary>
    /// <param name="count">How many.</param>
    /// <param name="lcn">On the volume, or <see cref="NtfsRun.Hole"/>.</param>
    public void Add(long lcn, long count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (Count > 0 && Joins(_runs[Count - 1], lcn))
        {
            _runs[Count - 1] = _runs[Count - 1] with { Count = _runs[Count - 1].Count + count };
            return;
        }
        if (Count == _runs.Length)
            Array.Resize(ref _runs, Count * 2);
        _runs[Count] = new NtfsRun(End, lcn < 0 ? NtfsRun.Hole : lcn, count);
        Count++;
    }

    /// <summary>The index of the run that holds a cluster; -1 when it is not mapped.</summary>
    public int IndexOf(long vcn)
    {
        if (vcn < 0 || vcn >= End)
            return -1;
        int low = 0, high = Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_runs[middle].Vcn <= vcn)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }

    /// <summary>The run from a cluster on: the rest of the one that holds it. Null when it is not mapped.</summary>
    public NtfsRun? Find(long vcn)
    {
        var index = IndexOf(vcn);
        return index < 0 ? null : Rest(_runs[index], vcn);
    }

    /// <summary>Forgets the clusters from one on.</summary>
    public void Truncate(long end)
    {
        if (end >= End)
            return;
        var index = IndexOf(end);
        if (index < 0)
        {
            Count = 0;
            return;
        }
        Count = index;
        if (_runs[index].Vcn < end)
            _runs[Count++] = _runs[index] with { Count = end - _runs[index].Vcn };
    }

    /// <summary>Puts other clusters (or a hole) in the place of mapped ones.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The place is not mapped.</exception>
    public void Replace(long vcn, long count, long lcn)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var first = IndexOf(vcn);
        var last = IndexOf(vcn + count - 1);
        if (first < 0 || last < 0)
            throw new ArgumentOutOfRangeException(nameof(vcn), $"clusters {vcn}..{vcn + count - 1} are not mapped");
        var end = vcn + count;
        var middle = new NtfsRunList();
        if (first > 0)
            first--;                    // the neighbours too: what is put in may join them
        if (last < Count - 1)
            last++;
        for (var i = first; i <= last; i++)
        {
            var run = _runs[i];
            if (run.Vcn < vcn)
                middle.Add(run.Lcn, Math.Min(run.End, vcn) - run.Vcn);
            if (run.Vcn <= vcn && vcn < run.End)
                middle.Add(lcn, count);
            if (run.End > end)
            {
                var rest = Rest(run, Math.Max(run.Vcn, end));
                middle.Add(rest.Lcn, rest.Count);
            }
        }
        var at = _runs[first].Vcn;
        var change = middle.Count - (last - first + 1);
        if (Count + change > _runs.Length)
            Array.Resize(ref _runs, Math.Max(Count + change, Count * 2));
        Array.Copy(_runs, last + 1, _runs, last + 1 + change, Count - last - 1);
        for (var i = 0; i < middle.Count; i++)
            _runs[first + i] = middle._runs[i] with { Vcn = at + middle._runs[i].Vcn };
        Count += change;
    }

    /// <summary>Takes over the runs of one extent, behind those that are there.</summary>
    /// <param name="bytes">From the first run's head to the end of the attribute.</param>
    /// <param name="extentEnd">The first cluster behind the extent: one more than its highest VCN.</param>
    /// <param name="clusterCount">Clusters of the volume.</param>
    /// <returns>What is wrong, or null. The runs up to there have been added.</returns>
    public string? Decode(ReadOnlySpan<byte> bytes, long extentEnd, long clusterCount)
    {
        var lcn = 0L;
        for (var at = 0; End < extentEnd;)
        {
            if (at >= bytes.Length || bytes[at] == 0)
                return $"ends at cluster {End}, expected {extentEnd}";
            int lengthBytes = bytes[at] & 15, offsetBytes = bytes[at] >> 4;
            if (lengthBytes is 0 or > 8 || offsetBytes > 8 || at + 1 + lengthBytes + offsetBytes > bytes.Length)
                return $"the run at byte {at} has the head 0x{bytes[at]:X2}, with {bytes.Length - at - 1} bytes behind it";
            var count = ReadSigned(bytes.Slice(at + 1, lengthBytes));
            if (count <= 0 || count > extentEnd - End)
                return $"the run at byte {at} is of {count} clusters from cluster {End} on, expected 1..{extentEnd - End}";
            if (offsetBytes == 0)
            {
                Add(NtfsRun.Hole, count);
            }
            else
            {
                var delta = ReadSigned(bytes.Slice(at + 1 + lengthBytes, offsetBytes));
                var start = unchecked(lcn + delta);
                if (start == NtfsRun.Hole)
                {
                    Add(NtfsRun.Hole, count);
                }
                else if (start < 0 || start >= clusterCount || count > clusterCount - start)
                {
                    return $"the run at byte {at} is clusters {start}..{unchecked(start + count - 1)} of the volume, expected 0..{clusterCount - 1}";
                }
                else
                {
                    Add(start, count);
                }
                lcn = start;
            }
            at += 1 + lengthBytes + offsetBytes;
        }
        return null;
    }

    /// <summary>Whether runs follow behind those of so many clusters, which a sound list ends with.</summary>
    public static bool GoesOn(ReadOnlySpan<byte> bytes, long clusters)
    {
        var at = 0;
        while (clusters > 0 && at < bytes.Length && bytes[at] != 0)
        {
            int lengthBytes = bytes[at] & 15, end = at + 1 + lengthBytes + (bytes[at] >> 4);
            if (lengthBytes is 0 or > 8 || end > bytes.Length)
                return false;
            clusters -= ReadSigned(bytes.Slice(at + 1, lengthBytes));
            at = end;
        }
        return at < bytes.Length && bytes[at] != 0;
    }

    /// <summary>Bytes of the runs between two clusters on disk, the end mark included.</summary>
    public int EncodedLength(long from, long to)
    {
        Span<byte> run = stackalloc byte[MaxRunBytes];
        var total = 1;
        var lcn = 0L;
        for (var i = IndexOf(from); i >= 0 && i < Count && _runs[i].Vcn < to; i++)
            total += EncodeRun(Cut(_runs[i], from, to), ref lcn, run);
        return total;
    }

    /// <summary>Writes the runs from one cluster on, as many as there is room for, and the end mark.</summary>
    /// <param name="from">The first cluster.</param>
    /// <param name="target">Where to write; at least one byte.</param>
    /// <param name="to">The first cluster that is not to be written.</param>
    /// <param name="reached">The first cluster that was not written; <paramref name="to"/> when there was room for all.</param>
    /// <returns>Bytes written, the end mark included.</returns>
    public int Encode(long from, long to, Span<byte> target, out long reached)
    {
        Span<byte> run = stackalloc byte[MaxRunBytes];
        var at = 0;
        var lcn = 0L;
        reached = from;
        for (var i = IndexOf(from); i >= 0 && i < Count && _runs[i].Vcn < to; i++)
        {
            var part = Cut(_runs[i], from, to);
            var length = EncodeRun(part, ref lcn, run);
            if (at + length + 1 > target.Length)
                break;
            run[..length].CopyTo(target[at..]);
            at += length;
            reached = part.End;
        }
        target[at++] = 0;
        return at;
    }

    private static int EncodeRun(NtfsRun run, ref long lcn, Span<byte> target)
    {
        var lengthBytes = SignedBytes(run.Count);
        WriteSigned(run.Count, target.Slice(1, lengthBytes));
        var offsetBytes = 0;
        if (!run.IsHole)
        {
            offsetBytes = SignedBytes(run.Lcn - lcn);
            WriteSigned(run.Lcn - lcn, target.Slice(1 + lengthBytes, offsetBytes));
            lcn = run.Lcn;
        }
        target[0] = (byte)(offsetBytes << 4 | lengthBytes);
        return 1 + lengthBytes + offsetBytes;
    }

    private static NtfsRun Rest(NtfsRun run, long vcn) => new(vcn, run.IsHole ? NtfsRun.Hole : run.Lcn + (vcn - run.Vcn), run.End - vcn);

    private static NtfsRun Cut(NtfsRun run, long from, long to)
    {
        var rest = from > run.Vcn ? Rest(run, from) : run;
        return rest.End > to ? rest with { Count = to - rest.Vcn } : rest;
    }

    private static bool Joins(NtfsRun run, long lcn) => run.IsHole ? lcn < 0 : lcn == run.Lcn + run.Count;

    // A run of 128 clusters takes two bytes: the length is signed, too.
    private static int SignedBytes(long value)
    {
        var bytes = 1;
        for (; value is < sbyte.MinValue or > sbyte.MaxValue; value >>= 8)
            bytes++;
        return bytes;
    }

    private static long ReadSigned(ReadOnlySpan<byte> bytes)
    {
        long value = (sbyte)bytes[^1];
        for (var i = bytes.Length - 2; i >= 0; i--)
            value = value << 8 | bytes[i];
        return value;
    }

    private static void WriteSigned(long value, Span<byte> target)
    {
        Span<byte> whole = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(whole, value);
        whole[..target.Length].CopyTo(target);
    }
}
