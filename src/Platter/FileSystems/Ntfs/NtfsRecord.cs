using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>An MFT record, its protection off and its attributes verified.</summary>
internal sealed class NtfsRecord
{
    public NtfsRecord(long number, byte[] bytes, long offset)
    {
        Number = number;
        Bytes = bytes;
        Offset = offset;
    }

    public long Number { get; }

    /// <summary>The whole record.</summary>
    public byte[] Bytes { get; }

    /// <summary>Where it lies, in bytes from the start of the volume.</summary>
    public long Offset { get; }

    public ref readonly NtfsRecordHeader Header => ref OnDisk.View<NtfsRecordHeader>(Bytes);
    public NtfsRecordFlags Flags => Header.Flags.Value;
    public bool IsInUse => (Flags & NtfsRecordFlags.InUse) != 0;
    public bool IsDirectory => (Flags & NtfsRecordFlags.Directory) != 0;
    public bool IsBase => Header.BaseRecord.Raw == 0UL;
    public NtfsReference Reference => new(Number, Header.SequenceNumber);

    /// <summary>The attributes in stored order.</summary>
    public Walk Attributes => new(Bytes.AsSpan(0, (int)(uint)Header.BytesInUse), Header.AttributesOffset);

    public string Structure => "Record " + Number;

    /// <summary>Finds the first attribute of a type and name.</summary>
    public bool TryFind(NtfsAttributeType type, ReadOnlySpan<char> name, out NtfsAttribute attribute)
    {
        var walk = Attributes;
        while (walk.MoveNext())
        {
            attribute = walk.Current;
            if (attribute.Type == type && attribute.Name.SequenceEqual(name))
                return true;
        }
        attribute = default;
        return false;
    }

    /// <summary>The attribute at an offset that was seen before.</summary>
    public NtfsAttribute At(int offset)
    {
        NtfsAttribute.Parse(Bytes.AsSpan(0, (int)(uint)Header.BytesInUse), offset, out var attribute, out _);
        return attribute;
    }

    /// <summary>Takes the protection off a record and verifies head and attributes.</summary>
    /// <param name="bytes">As read; changed in place.</param>
    /// <param name="code">The finding's id.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? Parse(Span<byte> bytes, out string code)
    {
        code = "NTFS-0101";
        ref readonly var header = ref OnDisk.View<NtfsRecordHeader>(bytes);
        if (header.Protection.Magic != NtfsRecordHeader.MagicValue)
        {
            return header.Protection.Magic == NtfsRecordHeader.TornMagicValue
                ? "magic: found 'BAAD', the mark of a record that was found torn before"
                : $"magic: found {BinaryPrimitives.ReverseEndianness(header.Protection.Magic):X8}, expected 'FILE'";
        }
        code = "NTFS-0102";
        return NtfsUpdateSequence.Remove(bytes, NtfsRecordHeader.OldSize) ?? ParseUnprotected(bytes, out code);
    }

    /// <summary>Verifies head and attributes of a record whose protection is off.</summary>
    public static string? ParseUnprotected(ReadOnlySpan<byte> bytes, out string code)
    {
        code = "NTFS-0103";
        ref readonly var header = ref OnDisk.View<NtfsRecordHeader>(bytes);
        uint inUse = header.BytesInUse;
        if (header.BytesAllocated != bytes.Length)
            return $"bytesAllocated: found {header.BytesAllocated}, expected {bytes.Length}";
        if (inUse < NtfsRecordHeader.OldSize || inUse > bytes.Length)
            return $"bytesInUse: found {inUse}, expected at most {bytes.Length}";
        if (header.AttributesOffset < NtfsRecordHeader.OldSize || (header.AttributesOffset & 7) != 0 || header.AttributesOffset > inUse)
            return $"attributesOffset: found {header.AttributesOffset}, expected a multiple of 8 from {NtfsRecordHeader.OldSize} on, within {inUse}";
        var walk = new Walk(bytes[..(int)inUse], header.AttributesOffset);
        while (walk.MoveNext())
        {
        }
        code = walk.Code;
        return walk.Problem;
    }

    /// <summary>Goes from attribute to attribute.</summary>
    internal ref struct Walk(ReadOnlySpan<byte> record, int first)
    {
        private readonly ReadOnlySpan<byte> _record = record;
        private NtfsAttribute _current;
        private int _next = first;
        private string _code = "";

        public readonly NtfsAttribute Current => _current;

        /// <summary>Why it ended before the end mark; null when it did not.</summary>
        public string? Problem { get; private set; }

        public readonly string Code => _code;

        /// <summary>Where the next attribute would be: after the last one, the end mark.</summary>
        public readonly int Next => _next;

        public bool MoveNext()
        {
            Problem = NtfsAttribute.Parse(_record, _next, out _current, out _code);
            _next += _current.Length;
            return Problem is null && !_current.IsEnd;
        }

        public readonly Walk GetEnumerator() => this;
    }
}
