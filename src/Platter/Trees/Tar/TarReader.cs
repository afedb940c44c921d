using Platter.Blocks;
using Platter.FileSystems;
using Platter.Primitives;

namespace Platter.Trees.Tar;

/// <summary>Reads the members of an archive: ustar, pax, GNU, star, Solaris and the seventh edition's, mixed as they come.</summary>
/// <remarks>Only headers are read. Everything in them is untrusted: what is wrong is an exception with its place, and the caller may go on at
/// the next header that it finds.</remarks>
internal sealed class TarReader(BlockDevice archive)
{
    public const int BlockSize = 512;

    /// <summary>Bytes of pax records in front of one member: attributes of all kinds, and maps of sparse files. No tar writes as much.</summary>
    private const int MaxExtended = 16 << 20;

    /// <summary>Bytes of a name in a header of its own.</summary>
    private const int MaxLongName = 64 << 10;

    /// <summary>Headers in front of one member.</summary>
    private const int MaxHeaders = 64;

    private readonly byte[] _window = new byte[64 << 10];
    private readonly TarMember _member = new();
    private long _windowStart;
    private int _windowLength;

    // What global headers have said.
    private Timestamp? _modified;
    private uint? _userId, _groupId;
    private string? _userName, _groupName;
    private (byte[] Bytes, string? Text) _lastUser, _lastGroup;

    /// <summary>Called with each attribute of the member that is read; null when nobody wants them.</summary>
    public Action<PaxAttribute>? Attributes { get; init; }

    /// <summary>Where reading stopped when <see cref="TryRead"/> returned false: at the end mark, or at the end of the archive.</summary>
    public long End { get; private set; }

    /// <summary>Whether there is an end mark.</summary>
    public bool HasEndMark { get; private set; }

    /// <summary>The kinds of header block there are.</summary>
    private enum Dialect { SeventhEdition, Posix, Gnu, Star }

    /// <summary>Reads the member whose first header stands at <paramref name="offset"/>.</summary>
    /// <returns>False at the end of the archive.</returns>
    /// <exception cref="DiskFormatException">A header is malformed.</exception>
    public bool TryRead(long offset, out TarMember member)
    {
        member = _member;
        var extra = new Extras();
        member.Start = offset;
        for (var headers = 0; ; headers++)
        {
            if (archive.Length - offset < BlockSize)
            {
                if (headers > 0)
                    throw new DiskFormatException("TAR-0003", "TarHeader", offset, "the archive ends between the headers of a member: it was cut");
                End = offset;
                HasEndMark = false;
                return false;
            }
            var block = Block(offset);
            if (!block.ContainsAnyExcept((byte)0))
            {
                End = offset;
                HasEndMark = true;
                return false;
            }
            ref readonly var header = ref OnDisk.View<TarHeader>(block);
            if (!HasChecksum(block))
                throw new DiskFormatException("TAR-0001", "TarHeader.checksum", offset, $"found no header: the sum of its bytes is {Sum(block)}, which it does not say");
            if (headers == MaxHeaders)
                throw new DiskFormatException("TAR-0010", "TarHeader", offset, $"found more than {MaxHeaders} headers in front of one member");
            var size = TarNumber.Parse(header.Size, "TarHeader.size", offset + 124);
            if (size < 0)
                throw new DiskFormatException("TAR-0002", "TarHeader.size", offset + 124, $"found {size} bytes");
            switch (header.Type)
            {
                case TarType.Extended or TarType.SolarisExtended:
                    ReadExtended(Content(offset, size, MaxExtended), offset + BlockSize, ref extra);
                    extra.IsExtended = true;
                    break;
                case TarType.Global:
                    ReadGlobal(Content(offset, size, MaxExtended), offset + BlockSize);
                    break;
                case TarType.LongName:
                    extra.Path ??= Text(Content(offset, size, MaxLongName));
                    break;
                case TarType.LongLink:
                    extra.LinkName ??= Text(Content(offset, size, MaxLongName));
                    break;
                default:
                    Fill(block, header, offset, size, extra);
                    return true;
            }
            offset += BlockSize + (size + BlockSize - 1) / BlockSize * BlockSize;
        }
    }

    /// <summary>Whether these 512 bytes are a header: their sum is what they say.</summary>
    public static bool HasChecksum(ReadOnlySpan<byte> block)
    {
        ref readonly var header = ref OnDisk.View<TarHeader>(block);
        if (!TarNumber.TryParse(header.Checksum, out var said) || block[148] == 0 && block[149] == 0)
            return false;
        if (said == Sum(block))
            return true;
        // Some old ones added up signed bytes.
        var signed = 0;
        for (var i = 0; i < BlockSize; i++)
            signed += i is >= 148 and < 156 ? ' ' : (sbyte)block[i];
        return said == signed;
    }

    private static int Sum(ReadOnlySpan<byte> block)
    {
        var sum = 8 * ' ';
        foreach (var value in block[..148])
            sum += value;
        foreach (var value in block[156..])
            sum += value;
        return sum;
    }

    /// <summary>What headers in front of a member have said of it.</summary>
    private struct Extras
    {
        public string? Path, LinkName, UserName, GroupName, SparseName;
        public long? Size, UserId, GroupId, RealSize;
        public Timestamp? Modified;
        public long DeviceMajor, DeviceMinor;
        public bool HasDevice, HasAttributes, IsExtended;
        public TarSparseKind Sparse;
        public int SparseMajor;
        public int? AclMode;
        public List<(long Offset, long Length)>? Pairs;
        public byte[]? List;
        public long MapOffset;
    }

    private void Fill(ReadOnlySpan<byte> block, in TarHeader header, long offset, long size, in Extras extra)
    {
        var m = _member;
        m.HeaderOffset = offset;
        m.DataOffset = offset + BlockSize;
        m.Stored = extra.Size ?? size;
        m.Length = m.Stored;
        m.Map = null;
        m.Type = header.Type;
        m.HasAttributes = extra.HasAttributes;
        m.IsExtended = extra.IsExtended;
        var dialect = DialectOf(block);
        m.Path = extra.SparseName ?? extra.Path ?? HeaderName(block, header, dialect);
        m.LinkName = extra.LinkName ?? Text(header.LinkName);
        if (m.Type is TarType.File or TarType.OldFile && m.Path.EndsWith('/'))
            m.Type = TarType.Directory;
        m.Mode = (int)(TarNumber.Parse(header.Mode, "TarHeader.mode", offset + 100) & 0xFFF);
        // bsdtar has in the header what the mode would be without the ACL.
        if (extra.AclMode is { } acl)
            m.Mode = m.Mode & ~0x1FF | acl;
        m.UserId = Id(extra.UserId ?? _userId, header.UserId, "TarHeader.uid", offset + 108);
        m.GroupId = Id(extra.GroupId ?? _groupId, header.GroupId, "TarHeader.gid", offset + 116);
        m.UserName = extra.UserName ?? _userName ?? (dialect == Dialect.SeventhEdition ? null : Name(header.UserName, ref _lastUser));
        m.GroupName = extra.GroupName ?? _groupName ?? (dialect == Dialect.SeventhEdition ? null : Name(header.GroupName, ref _lastGroup));
        m.Modified = extra.Modified ?? _modified ?? new Timestamp(TarNumber.Parse(header.Modified, "TarHeader.mtime", offset + 136));
        m.Device = default;
        if (m.Type is TarType.CharacterDevice or TarType.BlockDevice)
        {
            m.Device = extra.HasDevice ? new DeviceNumber((uint)extra.DeviceMajor, (uint)extra.DeviceMinor)
                : new DeviceNumber((uint)TarNumber.Parse(header.DeviceMajor, "TarHeader.devmajor", offset + 329), (uint)TarNumber.Parse(header.DeviceMinor, "TarHeader.devminor", offset + 337));
        }
        if (m.Type == TarType.SymbolicLink || (m.Type == TarType.HardLink && !LinkHasData(m)))
            (m.Stored, m.Length) = (0, 0);
        if (m.Type == TarType.Sparse)
            ReadOldSparse(block, m);
        else if (extra.Sparse != TarSparseKind.None && m.Type is TarType.File or TarType.OldFile or TarType.Contiguous)
            ReadPaxSparse(extra, m);
    }

    // The value of pax may be above what a header can hold, and below 0 where somebody meant "nobody".
    private static uint Id(long? extended, ReadOnlySpan<byte> field, string structure, long offset)
    {
        var id = extended ?? TarNumber.Parse(field, structure, offset);
        return id is >= int.MinValue and <= uint.MaxValue ? (uint)id : throw new DiskFormatException("TAR-0002", structure, offset, $"found {id}, expected a number of 32 bits");
    }

    // A link may come with its file's content (pax, section "linkdata"); tars of before say the file's size and have no content.
    private bool LinkHasData(TarMember m)
    {
        if (m.Stored == 0)
            return false;
        if (m.IsExtended)
            return true;
        if (archive.Length - m.DataOffset < BlockSize)
            return false;
        var next = Block(m.DataOffset);
        return next.ContainsAnyExcept((byte)0) && !HasChecksum(next);
    }

    private static Dialect DialectOf(ReadOnlySpan<byte> block)
    {
        ReadOnlySpan<byte> magic = block.Slice(257, 8);
        if (magic.SequenceEqual("ustar  \0"u8))
            return Dialect.Gnu;
        if (!magic.StartsWith("ustar"u8))
            return Dialect.SeventhEdition;
        ref readonly var star = ref OnDisk.View<TarStarTail>(block, 345);
        ReadOnlySpan<byte> accessed = star.Accessed, changed = star.Changed;
        ReadOnlySpan<byte> tail = star.Magic;
        var hasTimes = accessed[0] is >= (byte)'0' and <= (byte)'7' && accessed[11] is 0 or (byte)' ' && changed[0] is >= (byte)'0' and <= (byte)'7' && changed[11] is 0 or (byte)' ';
        return tail.SequenceEqual("tar\0"u8) && hasTimes && block[345 + 130] == 0 ? Dialect.Star : Dialect.Posix;
    }

    private static string HeaderName(ReadOnlySpan<byte> block, in TarHeader header, Dialect dialect)
    {
        var name = Text(header.Name);
        ReadOnlySpan<byte> prefix = dialect switch
        {
            Dialect.Posix => block.Slice(345, 155),
            Dialect.Star => block.Slice(345, 131),
            _ => [],
        };
        return prefix.IsEmpty || prefix[0] == 0 ? name : Text(prefix) + "/" + name;
    }

    private void ReadOldSparse(ReadOnlySpan<byte> block, TarMember m)
    {
        ref readonly var tail = ref OnDisk.View<TarGnuTail>(block, 345);
        m.Length = TarNumber.Parse(tail.RealSize, "TarHeader.realsize", m.HeaderOffset + 483);
        var map = new TarSparseMap(m.Length, m.HeaderOffset + 386);
        map.AddEntries(block.Slice(386, 4 * 24), m.HeaderOffset + 386);
        var at = m.HeaderOffset + BlockSize;
        for (var isExtended = tail.IsExtended != 0; isExtended; at += BlockSize)
        {
            if (archive.Length - at < BlockSize)
                throw new DiskFormatException("TAR-0003", "TarSparseBlock", at, "the archive ends within the map of a sparse file: it was cut");
            var more = Block(at);
            map.AddEntries(more[..(21 * 24)], at);
            isExtended = OnDisk.View<TarSparseBlock>(more).IsExtended != 0;
        }
        m.DataOffset = at;
        map.Place(at, m.Stored);
        m.Map = map;
    }

    private void ReadPaxSparse(in Extras extra, TarMember m)
    {
        TarSparseMap map;
        var real = extra.RealSize ?? throw new DiskFormatException("TAR-0005", "PaxHeader.GNU.sparse", m.Start, "found a sparse file without its size");
        var mapSize = 0L;
        if (extra.SparseMajor == 1)
        {
            (map, mapSize) = TarSparseMap.Read(archive, m.DataOffset, m.Stored, real);
        }
        else
        {
            map = new TarSparseMap(real, extra.MapOffset);
            foreach (var (start, length) in extra.Pairs ?? [])
                map.Add(start, length);
            map.AddList(extra.List);
        }
        map.Place(m.DataOffset + mapSize, m.Stored - mapSize);
        m.Length = real;
        m.Map = map;
    }

    private void ReadExtended(ReadOnlySpan<byte> bytes, long offset, ref Extras extra)
    {
        var records = new PaxRecords(bytes, offset);
        while (records.MoveNext())
        {
            if (records.Key.StartsWith("GNU.sparse."u8))
            {
                ReadSparseRecord(records, offset, ref extra);
                continue;
            }
            switch (records.Key)
            {
                case var k when k.SequenceEqual("path"u8):
                    extra.Path = EscapedUtf8.Decode(records.Value);
                    break;
                case var k when k.SequenceEqual("linkpath"u8):
                    extra.LinkName = EscapedUtf8.Decode(records.Value);
                    break;
                case var k when k.SequenceEqual("size"u8):
                    extra.Size = records.Value.IsEmpty ? null : records.Count();
                    break;
                case var k when k.SequenceEqual("mtime"u8):
                    extra.Modified = records.Value.IsEmpty ? null : records.Time();
                    break;
                case var k when k.SequenceEqual("uid"u8):
                    extra.UserId = records.Value.IsEmpty ? null : records.Number();
                    break;
                case var k when k.SequenceEqual("gid"u8):
                    extra.GroupId = records.Value.IsEmpty ? null : records.Number();
                    break;
                case var k when k.SequenceEqual("uname"u8):
                    extra.UserName = EscapedUtf8.Decode(records.Value);
                    break;
                case var k when k.SequenceEqual("gname"u8):
                    extra.GroupName = EscapedUtf8.Decode(records.Value);
                    break;
                case var k when k.SequenceEqual("SCHILY.devmajor"u8):
                    extra.DeviceMajor = records.Count();
                    extra.HasDevice = true;
                    break;
                case var k when k.SequenceEqual("SCHILY.devminor"u8):
                    extra.DeviceMinor = records.Count();
                    extra.HasDevice = true;
                    break;
                case var k when k.SequenceEqual("SCHILY.realsize"u8):
                    throw new UnsupportedFeatureException($"the archive holds a sparse file in star's own way (at 0x{offset:X})");
                default:
                    if (PaxAttribute.IsAttribute(records.Key))
                    {
                        extra.HasAttributes = true;
                        extra.AclMode = PaxAttribute.ModeOf(records.Key, records.Value) ?? extra.AclMode;
                        Attributes?.Invoke(new PaxAttribute(records.Key.ToArray(), records.Value.ToArray(), offset));
                    }
                    break;
            }
        }
    }

    private static void ReadSparseRecord(in PaxRecords records, long offset, ref Extras extra)
    {
        var key = records.Key["GNU.sparse."u8.Length..];
        extra.Sparse = extra.Sparse == TarSparseKind.None ? TarSparseKind.Pairs : extra.Sparse;
        extra.MapOffset = offset;
        if (key.SequenceEqual("name"u8))
            extra.SparseName = EscapedUtf8.Decode(records.Value);
        else if (key.SequenceEqual("size"u8) || key.SequenceEqual("realsize"u8))
            extra.RealSize = records.Count();
        else if (key.SequenceEqual("major"u8))
            extra.SparseMajor = records.Count() is 0 or 1 ? (int)records.Count() : throw new UnsupportedFeatureException($"the archive holds a sparse file of GNU's version {records.Count()} (at 0x{offset:X})");
        else if (key.SequenceEqual("map"u8))
            extra.List = records.Value.ToArray();
        else if (key.SequenceEqual("offset"u8))
            (extra.Pairs ??= []).Add((records.Count(), 0));
        else if (key.SequenceEqual("numbytes"u8) && extra.Pairs is { Count: > 0 } pairs)
            pairs[^1] = (pairs[^1].Offset, records.Count());
    }

    // Only what can hold for many files: names and sizes of all that follows make no sense.
    private void ReadGlobal(ReadOnlySpan<byte> bytes, long offset)
    {
        var records = new PaxRecords(bytes, offset);
        while (records.MoveNext())
        {
            var isGone = records.Value.IsEmpty;
            if (records.Key.SequenceEqual("mtime"u8))
                _modified = isGone ? null : records.Time();
            else if (records.Key.SequenceEqual("uid"u8))
                _userId = isGone ? null : (uint)Math.Min(records.Count(), uint.MaxValue);
            else if (records.Key.SequenceEqual("gid"u8))
                _groupId = isGone ? null : (uint)Math.Min(records.Count(), uint.MaxValue);
            else if (records.Key.SequenceEqual("uname"u8))
                _userName = isGone ? null : EscapedUtf8.Decode(records.Value);
            else if (records.Key.SequenceEqual("gname"u8))
                _groupName = isGone ? null : EscapedUtf8.Decode(records.Value);
        }
    }

    // The content of a header that is for the next member.
    private byte[] Content(long offset, long size, int most)
    {
        if (size > most)
            throw new DiskFormatException("TAR-0010", "TarHeader.size", offset + 124, $"found an extended header of {size} bytes, at most {most} are read");
        if (size > archive.Length - offset - BlockSize)
            throw new DiskFormatException("TAR-0003", "TarHeader", offset, "the archive ends within an extended header: it was cut");
        var bytes = new byte[(int)size];
        Copy(offset + BlockSize, bytes);
        return bytes;
    }

    private void Copy(long offset, Span<byte> bytes)
    {
        if (offset >= _windowStart && offset + bytes.Length <= _windowStart + _windowLength)
            _window.AsSpan((int)(offset - _windowStart), bytes.Length).CopyTo(bytes);
        else
            archive.Read(offset, bytes);
    }

    // A block of the archive; valid until the next call. Headers of small files lie close together: one read brings many.
    private ReadOnlySpan<byte> Block(long offset)
    {
        if (offset < _windowStart || offset + BlockSize > _windowStart + _windowLength)
        {
            // The first look into a place is short, since large files lie between headers; who comes again next door wants more.
            var wanted = offset >= _windowStart && offset - (_windowStart + _windowLength) < _window.Length ? _window.Length : 4 << 10;
            _windowStart = offset;
            _windowLength = (int)Math.Min(wanted, archive.Length - offset);
            archive.Read(offset, _window.AsSpan(0, _windowLength));
        }
        return _window.AsSpan((int)(offset - _windowStart), BlockSize);
    }

    private static string Text(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return EscapedUtf8.Decode(end < 0 ? field : field[..end]);
    }

    // Names of owners repeat.
    private static string? Name(ReadOnlySpan<byte> field, ref (byte[] Bytes, string? Text) last)
    {
        if (field[0] == 0)
            return null;
        if (last.Bytes is null || !field.SequenceEqual(last.Bytes))
            last = (field.ToArray(), Text(field));
        return last.Text;
    }
}
