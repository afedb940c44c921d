using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Vhdx;

/// <summary>The log of a VHDX: finds what a writer that was cut off had promised to do.</summary>
/// <remarks>
/// <para>The log is a ring of sectors of 4096 bytes, in which entries follow each other:</para>
/// <code>
///   header, descriptors (32 bytes each, to a whole sector) | data sector | data sector ...
/// </code>
/// <para>[MS-VHDX] 2.3.3: of all sequences of valid entries with ascending numbers, the one that ends with the greatest number counts, from
/// the entry that its last one calls the tail. Every sector of an entry bears a signature of its own kind, so the search looks at each
/// sector a constant number of times, whatever lengths a hostile log claims.</para>
/// </remarks>
internal sealed class VhdxLog
{
    internal const int SectorSize = 4096;

    private const int HeaderSize = 64, DescriptorSize = 32;

    private readonly BlockDevice _host;
    private readonly Guid _guid;
    private readonly long _offset;
    private readonly int _sectors;
    private readonly byte[] _buffer = new byte[SectorSize];
    private readonly SortedSet<int> _claims = [];       // sectors where an entry of this log seems to start
    private int _damaged, _torn;

    private VhdxLog(BlockDevice host, in VhdxHeader header)
    {
        _host = host;
        _guid = header.LogGuid;
        _offset = (long)(ulong)header.LogOffset;
        _sectors = (int)(header.LogLength / SectorSize);
    }

    /// <summary>An entry that is whole.</summary>
    private sealed record Entry(int Sector, int Count, int Tail, ulong Number, int Descriptors, ulong Flushed, ulong Last);

    /// <summary>Reads what is to be replayed.</summary>
    /// <returns>Null when there is nothing: the log is empty, or its first entry was never finished.</returns>
    /// <exception cref="DiskFormatException">The log is damaged, or the file was cut since it was written.</exception>
    /// <exception cref="UnsupportedFeatureException">A later version of the log.</exception>
    internal static VhdxReplay? Read(BlockDevice host, in VhdxHeader header)
    {
        if ((Guid)header.LogGuid == Guid.Empty)
            return null;
        if (header.LogVersion != 0)
            throw new UnsupportedFeatureException($"the VHDX has a log of version {(ushort)header.LogVersion} that is to be replayed; 0 is known");
        ulong offset = header.LogOffset;
        uint length = header.LogLength;
        if (offset < VhdxFormatConstants.MiB || offset % VhdxFormatConstants.MiB != 0 || length == 0 || length % VhdxFormatConstants.MiB != 0 || offset > (ulong)host.Length || length > (ulong)host.Length - offset)
            throw new DiskFormatException("VHDX-0010", "VhdxHeader.logOffset", -1, $"found a log of {length} bytes at {offset}, expected whole MiB behind the first one and within the file's {host.Length} bytes");
        return new VhdxLog(host, header).Replay();
    }

    private VhdxReplay? Replay()
    {
        FindClaims();
        var active = FindActive();
        if (active.Count == 0)
        {
            // A first entry that isn't all there yet: its writer was cut off before it changed anything. (The specification would have the
            // file refused, which no writer's user deserves; qemu opens it, too.)
            if (_damaged == 0 && _torn <= 1)
                return null;
            throw new DiskFormatException("VHDX-0011", "VhdxLog", _offset, $"found {_damaged + _torn} entries of which none is whole, expected a sequence that can be replayed: the log is damaged");
        }
        var head = active[^1];
        if (head.Flushed > (ulong)_host.Length)
            throw new DiskFormatException("VHDX-0012", "VhdxLogEntry.flushedFileOffset", At(head.Sector), $"found {head.Flushed}, but the file has only {_host.Length} bytes: it was cut");
        var replay = new VhdxReplay(_host, new ByteRange(_offset, (long)_sectors * SectorSize));
        foreach (var entry in active)
            Add(replay, entry);
        replay.Complete(head.Last, At(head.Sector));
        return replay;
    }

    private void FindClaims()
    {
        foreach (var range in _host.AllocatedRanges(_offset, (long)_sectors * SectorSize))
        {
            var first = (int)((range.Offset - _offset) / SectorSize);
            var last = (int)((range.End - 1 - _offset) / SectorSize);
            for (var sector = first; sector <= last; sector++)
            {
                ReadSector(sector);
                var header = OnDisk.View<VhdxLogEntry>(_buffer);
                if (header.Signature == VhdxLogEntry.SignatureValue && header.LogGuid == _guid)
                    _claims.Add(sector);
            }
        }
    }

    private List<Entry> FindActive()
    {
        var entries = new Dictionary<int, Entry>();
        foreach (var sector in _claims)
        {
            if (TryRead(sector) is { } entry)
                entries.Add(sector, entry);
        }
        var best = new List<Entry>();
        var starts = new HashSet<int>(entries.Keys);
        // What follows another entry is looked at with it.
        foreach (var entry in entries.Values)
        {
            if (entries.TryGetValue(Next(entry), out var next) && next.Number == entry.Number + 1)
                starts.Remove(next.Sector);
        }
        foreach (var start in starts)
        {
            var sequence = new List<Entry> { entries[start] };
            while (entries.TryGetValue(Next(sequence[^1]), out var next) && next.Number == sequence[^1].Number + 1)
                sequence.Add(next);
            var tail = sequence.FindIndex(e => e.Sector == sequence[^1].Tail);
            if (tail >= 0 && (best.Count == 0 || sequence[^1].Number > best[^1].Number))
                best = sequence[tail..];
        }
        return best;
    }

    // Structure first, checksum only when all sectors are of the right kind: so no sector is summed for two entries.
    private Entry? TryRead(int sector)
    {
        ReadSector(sector);
        var header = OnDisk.View<VhdxLogEntry>(_buffer);
        var count = (int)(header.Length / SectorSize);
        if (header.Length % SectorSize != 0 || count == 0 || count > _sectors || header.Tail % SectorSize != 0 || header.Tail / SectorSize >= _sectors || header.SequenceNumber == 0)
        {
            _damaged++;
            return null;
        }
        var descriptors = (long)(uint)header.DescriptorCount;
        var heads = (HeaderSize + descriptors * DescriptorSize + SectorSize - 1) / SectorSize;
        if (heads > count)
        {
            _damaged++;
            return null;
        }
        var crc = ~0u;
        var data = 0L;
        for (var i = 0; i < count; i++)
        {
            ReadSector((sector + i) % _sectors);
            if (i == 0)
                OnDisk.Edit<VhdxLogEntry>(_buffer).Checksum = 0;
            if (i < heads ? !HasDescriptors(i, descriptors, header.SequenceNumber, ref data) : !IsDataSector(header.SequenceNumber))
            {
                _torn++;
                return null;
            }
            crc = Crc32C.AppendRaw(crc, _buffer);
        }
        if (heads + data != count || ~crc != header.Checksum)
        {
            _damaged++;
            return null;
        }
        return new Entry(sector, count, (int)(header.Tail / SectorSize), header.SequenceNumber, (int)descriptors, header.FlushedFileOffset, header.LastFileOffset);
    }

    private bool HasDescriptors(int index, long count, ulong number, ref long data)
    {
        foreach (var descriptor in Descriptors(index, count))
        {
            if (descriptor.Signature == VhdxLogDescriptor.DataSignature)
                data++;
            else if (descriptor.Signature != VhdxLogDescriptor.ZeroSignature)
                return false;
            if (descriptor.SequenceNumber != number)
                return false;
        }
        return true;
    }

    private bool IsDataSector(ulong number) =>
        OnDisk.View<U32Le>(_buffer) == VhdxLogDescriptor.SectorSignature && OnDisk.View<U32Le>(_buffer, 4) == (uint)(number >> 32) && OnDisk.View<U32Le>(_buffer, SectorSize - 4) == (uint)number;

    // The descriptors in sector `index` of an entry that has `count` of them, as they are in the buffer.
    private ReadOnlySpan<VhdxLogDescriptor> Descriptors(int index, long count)
    {
        var from = index == 0 ? HeaderSize : 0;
        var before = index == 0 ? 0 : (SectorSize - HeaderSize) / DescriptorSize + (index - 1L) * (SectorSize / DescriptorSize);
        return MemoryMarshal.Cast<byte, VhdxLogDescriptor>(_buffer.AsSpan(from))[..(int)Math.Clamp(count - before, 0, (SectorSize - from) / DescriptorSize)];
    }

    private void Add(VhdxReplay replay, Entry entry)
    {
        var heads = (HeaderSize + entry.Descriptors * (long)DescriptorSize + SectorSize - 1) / SectorSize;
        var data = (int)heads;
        for (var i = 0; i < heads; i++)
        {
            ReadSector((entry.Sector + i) % _sectors);
            foreach (var descriptor in Descriptors(i, entry.Descriptors))
            {
                if (descriptor.Signature == VhdxLogDescriptor.ZeroSignature)
                    replay.AddZeros(descriptor, At(entry.Sector));
                else
                    replay.AddData(descriptor, At((entry.Sector + data++) % _sectors), At(entry.Sector));
            }
        }
    }

    private int Next(Entry entry) => (entry.Sector + entry.Count) % _sectors;

    private long At(int sector) => _offset + (long)sector * SectorSize;

    private void ReadSector(int sector) => _host.Read(At(sector), _buffer);
}
