using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The master file table: finds records, through all runs of its own $DATA.</summary>
/// <remarks>
/// Record 0 describes the table itself. What it maps leads to the records that hold the rest of its map, each of which lies in what is mapped
/// by then. When record 0 is damaged, the copy in $MFTMirr is taken.
/// </remarks>
internal sealed class NtfsMft
{
    public const long MftRecord = 0, MirrorRecord = 1, LogFileRecord = 2, VolumeRecord = 3, AttributeDefinitionRecord = 4, RootRecord = 5, BitmapRecord = 6,
        BootRecord = 7, BadClustersRecord = 8, SecureRecord = 9, UpcaseRecord = 10, ExtendRecord = 11;

    /// <summary>Records below are the volume's own; from here on to 23 they may be used for extents of $MFT.</summary>
    public const long FirstFreeRecord = 16;

    private const int ChunkBytes = 16384, CachedChunks = 128, CachedRecords = 2048;

    private readonly BlockDevice _device;
    private readonly NtfsGeometry _geometry;
    private readonly LruCache<byte[]> _chunks = new(CachedChunks);
    private readonly LruCache<NtfsRecord> _records = new(CachedRecords);
    private NtfsContent _content;
    private long _last = -1;        // the chunk that was read from last

    private NtfsMft(BlockDevice device, NtfsGeometry geometry, NtfsRecord record0)
    {
        _device = device;
        _geometry = geometry;
        Record0 = record0;
        _content = FirstExtent(record0);
        _content = WholeContent();
    }

    /// <summary>The table's own record.</summary>
    public NtfsRecord Record0 { get; private set; }

    /// <summary>Whether record 0 is damaged, and the mirror's was taken.</summary>
    public bool IsFromMirror { get; private init; }

    /// <summary>How many records there are, in use or not.</summary>
    public long Count => _content.Initialized / _geometry.RecordSize;

    public NtfsContent Content => _content;

    /// <summary>Reads record 0 and the map of the table.</summary>
    /// <exception cref="DiskFormatException">The record, and its copy, are damaged.</exception>
    public static NtfsMft Open(BlockDevice device, NtfsGeometry geometry)
    {
        var offset = geometry.MftCluster << geometry.ClusterShift;
        if (TryReadAt(device, geometry, offset, out var problem, out var code) is { } record0)
            return new NtfsMft(device, geometry, record0);
        var mirror = geometry.MftMirrorCluster << geometry.ClusterShift;
        if (mirror != 0 && TryReadAt(device, geometry, mirror, out _, out _) is { } copy)
            return new NtfsMft(device, geometry, copy) { IsFromMirror = true };
        throw new DiskFormatException(code, "Record 0", offset, problem!);
    }

    /// <summary>A record, whether it is in use or not.</summary>
    /// <exception cref="DiskFormatException">There is none of that number, or it is damaged.</exception>
    public NtfsRecord Read(long number)
    {
        if (number == 0)
            return Record0;
        if (_records.TryGet(number, out var record))
            return record;
        record = Load(number, out var problem, out var code);
        if (problem is not null)
            throw new DiskFormatException(code, record.Structure, record.Offset, problem);
        _records.Set(number, record);
        return record;
    }

    /// <summary>The record that a reference means.</summary>
    /// <exception cref="DiskFormatException">It is damaged, not in use, or was given to another file since.</exception>
    public NtfsRecord Read(NtfsReference reference)
    {
        var record = Read(reference.Record);
        if (!record.IsInUse)
            throw new DiskFormatException("NTFS-0104", record.Structure, record.Offset, $"is not in use, and {reference} refers to it");
        if (reference.Sequence != 0 && reference.Sequence != record.Header.SequenceNumber)
            throw new DiskFormatException("NTFS-0104", record.Structure, record.Offset, $"sequence number: found {record.Header.SequenceNumber}, expected {reference.Sequence}");
        return record;
    }

    /// <summary>A record as it stands, its protection off where it is whole; for the checker.</summary>
    /// <param name="number">Which record.</param>
    /// <param name="problem">What is wrong, or null.</param>
    /// <param name="code">The finding's id.</param>
    /// <exception cref="DiskFormatException">There is none of that number.</exception>
    public NtfsRecord Load(long number, out string? problem, out string code)
    {
        var own = new byte[_geometry.RecordSize];
        problem = Load(number, own, out code);
        return new NtfsRecord(number, own, OffsetOf(number * own.Length));
    }

    /// <summary>As the other, into an array.</summary>
    /// <param name="number">Which record.</param>
    /// <param name="own">What takes it: as long as a record.</param>
    /// <param name="code">The finding's id.</param>
    /// <returns>What is wrong, or null.</returns>
    /// <exception cref="DiskFormatException">There is none of that number.</exception>
    public string? Load(long number, byte[] own, out string code)
    {
        if (number < 0 || number >= Count)
            throw new DiskFormatException("NTFS-0100", $"Record {number}", -1, $"expected 0..{Count - 1}");
        var perChunk = ChunkBytes / _geometry.RecordSize;
        var chunk = number / perChunk;
        if (!_chunks.TryGet(chunk, out var bytes) && IsNear(chunk))
        {
            bytes = ReadChunk(chunk);
            if (bytes is not null)
                _chunks.Set(chunk, bytes);
        }
        _last = chunk;
        if (bytes is not null)
            bytes.AsSpan((int)(number % perChunk) * own.Length, own.Length).CopyTo(own);
        else
            _content.Read(number * own.Length, own);
        return NtfsRecord.Parse(own, out code);
    }

    // Records of directories often stand far from each other: the first of a chunk is read alone, unless it follows the chunk before.
    private bool IsNear(long chunk) => chunk == 0 || chunk == _last || chunk == _last + 1;

    // Null when not all of it is there: of a table that was cut, records before the cut are read one by one.
    private byte[]? ReadChunk(long chunk)
    {
        try
        {
            var bytes = new byte[Math.Min(ChunkBytes, _content.Initialized - chunk * ChunkBytes) / _geometry.RecordSize * _geometry.RecordSize];
            _content.Read(chunk * ChunkBytes, bytes);
            return bytes;
        }
        catch (DiskFormatException)
        {
            return null;
        }
    }

    /// <summary>A record was written: what is held of it is brought up to date.</summary>
    /// <param name="record">As it is now.</param>
    /// <param name="protectedBytes">The same, its protection on.</param>
    public void Changed(NtfsRecord record, ReadOnlySpan<byte> protectedBytes)
    {
        // New ones are not kept: of a thousand that are made, few are looked at again.
        if (record.Number == 0)
            Record0 = record;
        else if (_records.Contains(record.Number))
            _records.Set(record.Number, record);
        ChangeChunk(record.Number, protectedBytes);
    }

    /// <summary>As the other, for a record that was given to a new file.</summary>
    public void Changed(long number, ReadOnlySpan<byte> protectedBytes)
    {
        _records.Remove(number);
        ChangeChunk(number, protectedBytes);
    }

    private void ChangeChunk(long number, ReadOnlySpan<byte> protectedBytes)
    {
        var perChunk = ChunkBytes / _geometry.RecordSize;
        if (_chunks.TryGet(number / perChunk, out var chunk))
            protectedBytes.CopyTo(chunk.AsSpan((int)(number % perChunk) * _geometry.RecordSize));
    }

    /// <summary>The table has grown, or has another map.</summary>
    public void SetMap(NtfsRunList runs, long length)
    {
        _content = NtfsContent.OfMap(_device, _geometry, "Record 0, $DATA", runs, length);
        _chunks.Clear();
    }

    /// <summary>Forgets everything and reads the table's own record and map again.</summary>
    public void Reload()
    {
        _chunks.Clear();
        _records.Clear();
        Record0 = TryReadAt(_device, _geometry, _geometry.MftCluster << _geometry.ClusterShift, out var problem, out var code)
            ?? throw new DiskFormatException(code, "Record 0", _geometry.MftCluster << _geometry.ClusterShift, problem!);
        _content = FirstExtent(Record0);
        _content = WholeContent();
    }

    /// <summary>Where a byte of the table lies on the volume; -1 when nowhere.</summary>
    public long OffsetOf(long at)
    {
        var run = _content.Runs.Find(at >> _geometry.ClusterShift);
        return run is { IsHole: false } r ? (r.Lcn << _geometry.ClusterShift) + (at - (r.Vcn << _geometry.ClusterShift)) : -1;
    }

    private static NtfsRecord? TryReadAt(BlockDevice device, NtfsGeometry geometry, long offset, out string? problem, out string code)
    {
        code = "NTFS-0202";
        problem = null;
        if (offset + geometry.RecordSize > device.Length)
        {
            problem = $"is behind the end of the device at {device.Length} bytes";
            return null;
        }
        var bytes = new byte[geometry.RecordSize];
        device.Read(offset, bytes);
        problem = NtfsRecord.Parse(bytes, out code);
        var record = new NtfsRecord(0, bytes, offset);
        if (problem is null && (!record.TryFind(NtfsAttributeType.Data, "", out var data) || data.IsResident || data.LowestVcn != 0 || !record.IsInUse))
        {
            code = "NTFS-0112";
            problem = "has no non-resident $DATA that starts at cluster 0: there is no table";
        }
        return problem is null ? record : null;
    }

    private NtfsContent FirstExtent(NtfsRecord record0)
    {
        record0.TryFind(NtfsAttributeType.Data, "", out var data);
        var runs = new NtfsRunList();
        if (runs.Decode(data.RunBytes, data.EndVcn, _geometry.ClusterCount) is { } problem)
            throw new DiskFormatException("NTFS-0200", "Record 0, $DATA", record0.Offset + data.Offset, problem);
        return NtfsContent.OfRuns(_device, _geometry, "Record 0, $DATA", data, runs);
    }

    // The table's map grows by the extents that its own list names, in the order of their clusters.
    private NtfsContent WholeContent()
    {
        if (!Record0.TryFind(NtfsAttributeType.AttributeList, "", out _))
            return _content;
        var file = new NtfsFile(_device, _geometry, this, Record0);
        Record0.TryFind(NtfsAttributeType.Data, "", out var first);
        var runs = new NtfsRunList();
        foreach (var run in _content.Runs.Runs)
            runs.Add(run.Lcn, run.Count);
        var whole = NtfsContent.OfRuns(_device, _geometry, "Record 0, $DATA", first, runs);
        _content = whole;       // grows while its extents are read from it
        file.AddExtents(NtfsAttributeType.Data, "", runs);
        return whole;
    }
}
