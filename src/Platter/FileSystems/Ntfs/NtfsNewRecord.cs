using System.Text;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>An MFT record that is made from nothing: attributes are put into it in any order.</summary>
/// <remarks>Instance numbers follow the order in which they came, places that of type and name.</remarks>
/// <param name="size">Bytes of the record.</param>
/// <param name="reference">Its number and sequence number.</param>
internal sealed class NtfsNewRecord(int size, NtfsReference reference)
{
    /// <summary>The number that update sequences of new structures have before the first write; mkntfs starts there.</summary>
    private const ushort FirstUpdate = 1;

    private readonly List<(NtfsAttributeType Type, string Name, byte[] Bytes)> _attributes = [];
    private ushort _nextInstance;

    public NtfsReference Reference => reference;
    public NtfsRecordFlags Flags { get; set; }

    /// <summary>How many names it has.</summary>
    public int LinkCount { get; private set; }

    /// <summary>Adds a resident attribute.</summary>
    public void Add(NtfsAttributeType type, string name, ReadOnlySpan<byte> value, NtfsAttributeFlags flags = NtfsAttributeFlags.None)
    {
        var valueOffset = NtfsResidentHeader.Size + Align(2 * name.Length);
        var bytes = new byte[Align(valueOffset + value.Length)];
        ref var header = ref OnDisk.Edit<NtfsResidentHeader>(bytes);
        header.Common.Flags.Value = flags;
        header.ValueLength = (uint)value.Length;
        header.ValueOffset = (ushort)valueOffset;
        if (type == NtfsAttributeType.FileName)
        {
            header.ResidentFlags = NtfsResidentHeader.IndexedFlag;
            LinkCount++;
        }
        value.CopyTo(bytes.AsSpan(valueOffset));
        Insert(type, name, bytes, NtfsResidentHeader.Size);
    }

    /// <summary>Adds a non-resident attribute whose clusters are all mapped here.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="name">Its name, or nothing.</param>
    /// <param name="runs">Its clusters.</param>
    /// <param name="clusterSize">Bytes of a cluster.</param>
    /// <param name="dataSize">Bytes of its content; null for all of the clusters.</param>
    /// <param name="initialized">Bytes that are written; null for all.</param>
    public void AddNonResident(NtfsAttributeType type, string name, NtfsRunList runs, int clusterSize, long? dataSize = null, long? initialized = null)
    {
        var runsOffset = NtfsNonResidentHeader.Size + Align(2 * name.Length);
        var bytes = new byte[Align(runsOffset + runs.EncodedLength(0, runs.End))];
        var allocated = runs.End * clusterSize;
        ref var header = ref OnDisk.Edit<NtfsNonResidentHeader>(bytes);
        header.Common.NonResident = 1;
        header.HighestVcn = (ulong)(runs.End - 1);
        header.RunListOffset = (ushort)runsOffset;
        header.AllocatedSize = (ulong)allocated;
        header.DataSize = (ulong)(dataSize ?? allocated);
        header.InitializedSize = (ulong)(initialized ?? dataSize ?? allocated);
        runs.Encode(0, runs.End, bytes.AsSpan(runsOffset), out _);
        Insert(type, name, bytes, NtfsNonResidentHeader.Size);
    }

    /// <summary>The record as it stands on disk, its protection on.</summary>
    public void Write(Span<byte> record)
    {
        record.Clear();
        ref var header = ref OnDisk.Edit<NtfsRecordHeader>(record);
        header.Protection.Magic = NtfsRecordHeader.MagicValue;
        var at = NtfsUpdateSequence.Place(record, NtfsRecordHeader.Size);
        OnDisk.Edit<U16Le>(record, NtfsRecordHeader.Size) = FirstUpdate;
        header.SequenceNumber = reference.Sequence;
        header.LinkCount = (ushort)LinkCount;
        header.AttributesOffset = (ushort)at;
        header.Flags.Value = Flags;
        header.NextInstance = _nextInstance;
        header.RecordNumber = (uint)reference.Record;
        foreach (var (_, _, bytes) in _attributes)
        {
            bytes.CopyTo(record[at..]);
            at += bytes.Length;
        }
        OnDisk.Edit<U32Le>(record, at) = (uint)NtfsAttributeType.End;
        header.BytesInUse = (uint)(at + NtfsAttributeHeader.EndSize);
        header.BytesAllocated = (uint)size;
        NtfsUpdateSequence.Apply(record);
    }

    // Sorted by type, then name; the volume's own attributes have names of ASCII capitals.
    private void Insert(NtfsAttributeType type, string name, byte[] bytes, int nameOffset)
    {
        ref var header = ref OnDisk.Edit<NtfsAttributeHeader>(bytes);
        header.Type = type;
        header.Length = (uint)bytes.Length;
        header.NameLength = (byte)name.Length;
        header.NameOffset = (ushort)nameOffset;
        header.Instance = _nextInstance++;
        Encoding.Unicode.GetBytes(name, bytes.AsSpan(nameOffset));
        var place = _attributes.FindIndex(a => a.Type > type || (a.Type == type && string.CompareOrdinal(a.Name, name) > 0));
        _attributes.Insert(place < 0 ? _attributes.Count : place, (type, name, bytes));
    }

    private static int Align(int length) => length + 7 & ~7;
}
