using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The MFT's records as they are taken, written and given up; and the growth of the table.</summary>
/// <remarks>
/// Records below 16 are the volume's own, those from 16 to 23 are kept for extents of the MFT's own map. A record that was given up keeps its content, and
/// the number that tells its files apart goes up by one. New ones are formatted before the table's length includes them.
/// </remarks>
internal sealed class NtfsRecords
{
    /// <summary>The first record for files.</summary>
    public const long FirstOfFiles = 24;

    private const int LeastGrowth = 16, MostGrowth = 4096, FormattedAtOnce = 64;     // records

    private readonly NtfsEditState _state;
    private readonly NtfsBitmapFile _bitmap;
    private readonly NtfsRunList _mirror;
    private readonly long _mirrorRecords;
    private readonly byte[] _scratch;       // a record on its way
    private long _hint = FirstOfFiles;      // no record below is free

    // Records that were formatted here, and that nobody has had: they need not be read.
    private long _blankFrom, _blankEnd;

    public NtfsRecords(NtfsEditState state)
    {
        _state = state;
        _scratch = new byte[state.Geometry.RecordSize];
        _bitmap = new NtfsBitmapFile(state.Changes, state.Geometry, "Record 0, $BITMAP");
        Attach();
        var mirror = state.Volume.OpenSystemFile(NtfsMft.MirrorRecord).Open(NtfsAttributeType.Data)
            ?? throw new DiskFormatException("NTFS-0112", "$MFTMirr", -1, "has no $DATA");
        _mirror = mirror.Runs;
        _mirrorRecords = Math.Min(state.Geometry.MirrorRecords, mirror.Length / state.Geometry.RecordSize);
    }

    /// <summary>Where attributes start in a new record.</summary>
    public int AttributesOffset => UpdateSequenceOffset + 2 * NtfsUpdateSequence.WordCount(_state.Geometry.RecordSize) + 7 & ~7;

    private bool IsOld => _state.Volume.State is { Major: < 3 } or { Major: 3, Minor: 0 };
    private int UpdateSequenceOffset => IsOld ? NtfsRecordHeader.OldSize : NtfsRecordHeader.Size;

    /// <summary>Takes a free record.</summary>
    /// <param name="baseRecord">Whose attributes it is to hold; default for a file of its own.</param>
    /// <param name="flags">What it is.</param>
    /// <returns>The record without attributes; not yet written.</returns>
    /// <exception cref="VolumeFullException">There is none, and the table can't grow.</exception>
    public NtfsRecord Take(NtfsReference baseRecord, NtfsRecordFlags flags)
    {
        var bytes = new byte[_state.Geometry.RecordSize];
        var number = Take(baseRecord, flags, bytes);
        return new NtfsRecord(number, bytes, _state.Volume.Mft.OffsetOf(number * bytes.Length));
    }

    /// <summary>As the other, into an array.</summary>
    /// <param name="baseRecord">Whose attributes it is to hold; default for a file of its own.</param>
    /// <param name="flags">What it is.</param>
    /// <param name="bytes">Takes the record without attributes: as long as a record.</param>
    /// <returns>Its number.</returns>
    /// <exception cref="VolumeFullException">There is none, and the table can't grow.</exception>
    public long Take(NtfsReference baseRecord, NtfsRecordFlags flags, byte[] bytes)
    {
        var isOfMft = baseRecord.Raw != 0 && baseRecord.Record == NtfsMft.MftRecord;
        var number = isOfMft ? Find(NtfsMft.FirstFreeRecord) : Find(_hint);
        if (number < 0)
        {
            if (isOfMft)
                throw _state.Space.Full(1);
            Grow();
            number = Find(_hint);
        }
        _bitmap.Set(number, 1, true);
        if (!isOfMft)
            _hint = number + 1;
        if (number >= _blankFrom && number < _blankEnd)
            BlankFirst(number, bytes);
        else
            BlankAfter(number, bytes);
        if (number >= _blankFrom)
            _blankFrom = number + 1;
        ref var head = ref OnDisk.Edit<NtfsRecordHeader>(bytes);
        head.Flags.Value = flags;
        head.BaseRecord = baseRecord;
        return number;
    }

    /// <summary>Takes a record for a new file between two edits, where nothing of it has to be undone: one that was formatted here, and that nobody has had.
    /// After this, <see cref="WriteNew"/> can't fail.</summary>
    /// <param name="bytes">Takes the record without attributes: as long as a record.</param>
    /// <returns>Its number; below 0 when there is no such record, and nothing was changed.</returns>
    public long TakeBlank(byte[] bytes)
    {
        var number = Find(_hint);
        if (number < _blankFrom || number >= _blankEnd || number < _mirrorRecords)
            return -1;
        _bitmap.Hold(number);
        var offset = number * bytes.Length;
        for (var done = 0; done < bytes.Length;)
        {
            var (place, count) = Place(_state.Geometry.ClusterShift, _state.Volume.Mft.Content.Runs, offset + done, bytes.Length - done);
            _state.Changes.Hold(place, count);
            done += count;
        }
        _bitmap.Set(number, 1, true);
        _hint = _blankFrom = number + 1;
        BlankFirst(number, bytes);
        OnDisk.Edit<NtfsRecordHeader>(bytes).Flags.Value = NtfsRecordFlags.InUse;
        return number;
    }

    // As it was formatted.
    private void BlankFirst(long number, byte[] bytes)
    {
        Blank(bytes, number, 1);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(UpdateSequenceOffset), NtfsUpdateSequence.FirstNumber);
    }

    // With the numbers that it was left with.
    private void BlankAfter(long number, byte[] bytes)
    {
        var isSound = _state.Volume.Mft.Load(number, _scratch, out _) is null;
        ref readonly var old = ref OnDisk.View<NtfsRecordHeader>(_scratch);
        if (isSound && (old.Flags.Value & NtfsRecordFlags.InUse) != 0)
            throw new DiskFormatException("NTFS-0901", $"Record {number}", _state.Volume.Mft.OffsetOf(number * _scratch.Length), "is in use, and the bitmap of the MFT says that it is free");
        Blank(bytes, number, isSound ? Math.Max((ushort)1, (ushort)old.SequenceNumber) : (ushort)1);
        if (isSound && old.Protection.UpdateSequenceOffset == UpdateSequenceOffset)
            _scratch.AsSpan(UpdateSequenceOffset, 2).CopyTo(bytes.AsSpan(UpdateSequenceOffset));
    }

    /// <summary>Gives a record up.</summary>
    public void Release(NtfsRecord record)
    {
        var bytes = record.Bytes.AsSpan().ToArray();
        ref var head = ref OnDisk.Edit<NtfsRecordHeader>(bytes);
        head.Flags.Value &= ~NtfsRecordFlags.InUse;
        head.SequenceNumber = head.SequenceNumber == ushort.MaxValue ? (ushort)1 : (ushort)(head.SequenceNumber + 1);
        Write(new NtfsRecord(record.Number, bytes, record.Offset));
        _bitmap.Set(record.Number, 1, false);
        if (record.Number >= FirstOfFiles)
            _hint = Math.Min(_hint, record.Number);
    }

    /// <summary>Writes a record, its protection on, and its copy in $MFTMirr.</summary>
    /// <returns>The same record.</returns>
    public NtfsRecord Write(NtfsRecord record)
    {
        var bytes = _scratch;
        record.Bytes.CopyTo(bytes, 0);
        NtfsUpdateSequence.Apply(bytes);
        // The number of this write is what the next one goes on from.
        int at = record.Header.Protection.UpdateSequenceOffset;
        bytes.AsSpan(at, 2).CopyTo(record.Bytes.AsSpan(at));
        Write(_state.Volume.Mft.Content.Runs, record.Number * bytes.Length, bytes);
        if (record.Number < _mirrorRecords)
            Write(_mirror, record.Number * bytes.Length, bytes);
        _state.Volume.Mft.Changed(record, bytes);
        return record;
    }

    /// <summary>Writes a record that was just taken, and that nobody has seen.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="bytes">All of it; its protection is put on in place.</param>
    public void WriteNew(long number, byte[] bytes)
    {
        NtfsUpdateSequence.Apply(bytes);
        Write(_state.Volume.Mft.Content.Runs, number * bytes.Length, bytes);
        if (number < _mirrorRecords)
            Write(_mirror, number * bytes.Length, bytes);
        _state.Volume.Mft.Changed(number, bytes);
    }

    /// <summary>Writes a record before there is anybody who keeps records: to the table and to $MFTMirr.</summary>
    /// <param name="volume">Whose record it is.</param>
    /// <param name="changes">What is written to.</param>
    /// <param name="number">Its number.</param>
    /// <param name="bytes">All of it; its protection is put on in place.</param>
    public static void WriteCopies(NtfsVolume volume, NtfsChanges changes, long number, byte[] bytes)
    {
        NtfsUpdateSequence.Apply(bytes);
        var geometry = volume.Geometry;
        Write(changes, geometry.ClusterShift, volume.Mft.Content.Runs, number * bytes.Length, bytes);
        if (volume.OpenSystemFile(NtfsMft.MirrorRecord).Open(NtfsAttributeType.Data) is { } mirror && number < Math.Min(geometry.MirrorRecords, mirror.Length / bytes.Length))
            Write(changes, geometry.ClusterShift, mirror.Runs, number * bytes.Length, bytes);
    }

    /// <summary>The volume went back: what is known of the bitmap is read again.</summary>
    public void Undo()
    {
        Attach();
        _hint = FirstOfFiles;
        _blankFrom = _blankEnd = 0;
    }

    private void Attach()
    {
        var bitmap = _state.Volume.OpenSystemFile(NtfsMft.MftRecord).Open(NtfsAttributeType.Bitmap)
            ?? throw new DiskFormatException("NTFS-0112", "Record 0", -1, "has no $BITMAP");
        if (bitmap.IsResident)
            bitmap = NtfsResidentBitmaps.MoveRecords(_state.Volume, _state.Changes);
        _bitmap.Attach(bitmap.Runs, Math.Min(bitmap.Initialized, bitmap.Length) * 8);
    }

    private long Find(long from)
    {
        var limit = Math.Min(_state.Volume.Mft.Count, _bitmap.Count);
        for (var page = from / NtfsBitmapFile.PageBits; page * NtfsBitmapFile.PageBits < limit; page++)
        {
            var start = page * NtfsBitmapFile.PageBits;
            var found = BitWords.Next(_bitmap.Words(page), Math.Max(0, from - start), Math.Min(limit - start, NtfsBitmapFile.PageBits), 0);
            if (found >= 0)
                return start + found;
        }
        return -1;
    }

    private void Grow()
    {
        var mft = _state.File(new NtfsReference(NtfsMft.MftRecord, 0));
        var data = mft.Open(NtfsAttributeType.Data)!;
        var size = _state.Geometry.RecordSize;
        // What is left in the table's last cluster, or new ones: an eighth of the table, or at least a record.
        var room = ((data.Runs.End << _state.Geometry.ClusterShift) - data.Length) / size;
        if (room == 0)
        {
            var wanted = Math.Clamp(data.Length / size / 8, LeastGrowth, MostGrowth);
            if (!_state.Space.HasRoom(_state.Geometry.ClustersFor(2 * wanted * size)))
                wanted = 1;
            var clusters = Math.Max(1, _state.Geometry.ClustersFor(wanted * size));
            data.Allocate(data.Runs.End, data.Runs.End + clusters, 0, long.MaxValue);
            room = ((data.Runs.End << _state.Geometry.ClusterShift) - data.Length) / size;
        }
        room = Math.Min(room, MostGrowth);
        var count = data.Length / size + room;
        GrowBitmap(mft, data.Length / size, count);
        _state.Volume.Mft.SetMap(data.Runs, data.Length);
        Format(data.Length / size, count);
        (_blankFrom, _blankEnd) = (data.Length / size, count);
        data.SetSizes(count * size);
        _state.Volume.Mft.SetMap(data.Runs, data.Length);
    }

    private void GrowBitmap(NtfsFileEditor mft, long first, long count)
    {
        var bitmap = mft.Open(NtfsAttributeType.Bitmap)!;
        var (there, length) = (Math.Min(bitmap.Length, bitmap.Initialized), (count + 63) / 64 * 8);
        if (there * 8 < first)
            throw new DiskFormatException("NTFS-0138", "Record 0, $BITMAP", mft.Base.Offset, $"has {there} bytes, expected one bit for each of {first} records");
        if (length > there)
        {
            bitmap.Write(there, new byte[length - there]);
            _bitmap.Attach(bitmap.Runs, bitmap.Length * 8);
        }
        // Whatever stands there behind the end of the table: nobody has these records.
        _bitmap.Set(first, count - first, false);
    }

    private void Format(long first, long end)
    {
        var size = _state.Geometry.RecordSize;
        var some = new byte[(int)Math.Min(FormattedAtOnce, end - first) * size];
        for (var at = 0; at < some.Length; at += size)
        {
            Blank(some.AsSpan(at, size), first, 1);
            NtfsUpdateSequence.Apply(some.AsSpan(at, size));
        }
        // They differ in their numbers alone, of which the protection holds nothing.
        for (var number = first; number < end;)
        {
            var count = (int)Math.Min(FormattedAtOnce, end - number);
            for (var i = 0; i < count && !IsOld; i++)
                OnDisk.Edit<NtfsRecordHeader>(some, i * size).RecordNumber = (uint)(number + i);
            Write(_state.Volume.Mft.Content.Runs, number * size, some.AsSpan(0, count * size));
            number += count;
        }
    }

    private void Blank(Span<byte> bytes, long number, ushort sequence)
    {
        bytes.Clear();
        ref var head = ref OnDisk.Edit<NtfsRecordHeader>(bytes);
        head.Protection.Magic = NtfsRecordHeader.MagicValue;
        head.SequenceNumber = sequence;
        head.BytesAllocated = (uint)bytes.Length;
        var at = NtfsUpdateSequence.Place(bytes, UpdateSequenceOffset);
        head.AttributesOffset = (ushort)at;
        if (!IsOld)
            head.RecordNumber = (uint)number;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[at..], (uint)NtfsAttributeType.End);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[(at + 4)..], NtfsAttributeHeader.EndFiller);
        head.BytesInUse = (uint)(at + NtfsAttributeHeader.EndSize);
    }

    private void Write(NtfsRunList runs, long offset, ReadOnlySpan<byte> bytes) => Write(_state.Changes, _state.Geometry.ClusterShift, runs, offset, bytes);

    private static void Write(NtfsChanges changes, int shift, NtfsRunList runs, long offset, ReadOnlySpan<byte> bytes)
    {
        for (var done = 0; done < bytes.Length;)
        {
            var (place, count) = Place(shift, runs, offset + done, bytes.Length - done);
            changes.Write(place, bytes.Slice(done, count));
            done += count;
        }
    }

    // Where a part of the table, or of its mirror, is on the volume, and how much of it lies there in one piece.
    private static (long Place, int Count) Place(int shift, NtfsRunList runs, long offset, int length)
    {
        if (runs.Find(offset >> shift) is not { IsHole: false } run)
            throw new DiskFormatException("NTFS-0201", "$MFT", -1, $"cluster {offset >> shift} is not mapped");
        var within = offset - (run.Vcn << shift);
        return ((run.Lcn << shift) + within, (int)Math.Min(length, (run.Count << shift) - within));
    }
}
