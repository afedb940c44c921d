using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.Primitives;

namespace Platter.Trees.Tar;

/// <summary>What a header is to say.</summary>
internal sealed record TarFields
{
    /// <summary>Without a slash at the front; a directory's ends with one.</summary>
    public required byte[] Path { get; init; }

    public required byte Type { get; init; }
    public byte[] LinkName { get; init; } = [];

    /// <summary>Bytes of a file, its holes included.</summary>
    public long Length { get; init; }

    public int Mode { get; init; }
    public uint UserId { get; init; }
    public uint GroupId { get; init; }
    public string? UserName { get; init; }
    public string? GroupName { get; init; }
    public Timestamp Modified { get; init; }
    public DeviceNumber Device { get; init; }
    public IReadOnlyDictionary<string, byte[]>? Attributes { get; init; }

    /// <summary>The parts that are no holes; null to write all of the file.</summary>
    public IReadOnlyList<ByteRange>? Parts { get; init; }
}

/// <summary>Writes headers: ustar where all fits into it, with pax records in front where not.</summary>
/// <param name="output">Where they go.</param>
internal sealed class TarWriter(Action<ReadOnlySpan<byte>> output)
{
    private const int MaxName = 100, MaxPrefix = 155;
    private const string SparseFolder = "GNUSparseFile.0", ExtendedFolder = "PaxHeaders";

    private readonly byte[] _block = new byte[TarReader.BlockSize];
    private readonly ArrayBufferWriter<byte> _records = new();

    /// <summary>Writes the headers of a member, and the map of a sparse one.</summary>
    /// <returns>Bytes of data that have to follow, before they are filled up to a whole block.</returns>
    public long Write(TarFields fields)
    {
        _records.ResetWrittenCount();
        var isUtf8 = Utf8.IsValid(fields.Path) && Utf8.IsValid(fields.LinkName);
        var needsPath = fields.Parts is not null || NeedsRecord(fields.Path, isUtf8, TrySplit(fields.Path, out _));
        var needsLink = NeedsRecord(fields.LinkName, isUtf8, fields.LinkName.Length <= MaxName);
        if (!isUtf8 && (needsPath || needsLink))
            Add("hdrcharset"u8, "BINARY"u8);
        if (needsPath && fields.Parts is null)
            Add("path"u8, fields.Path);
        if (needsLink)
            Add("linkpath"u8, fields.LinkName);
        var stored = fields.Length;
        byte[] map = [];
        if (fields.Parts is { } parts)
        {
            map = MapOf(parts, fields.Length);
            stored = map.Length + parts.Sum(p => p.Length);
            Add("GNU.sparse.major"u8, "1"u8);
            Add("GNU.sparse.minor"u8, "0"u8);
            Add("GNU.sparse.name"u8, fields.Path);
            Add("GNU.sparse.realsize"u8, Number(fields.Length));
        }
        var name = fields.Parts is null ? fields.Path : Inserted(fields.Path, SparseFolder);
        FillHeader(fields, name, stored);
        if (fields.Attributes is { Count: > 0 } attributes)
            AddAttributes(attributes);
        if (_records.WrittenCount > 0)
            WriteRecords(fields);
        Finish();
        output(map);
        return stored - map.Length;
    }

    /// <summary>Writes the two blocks of zeros that end an archive, and fills its last record of twenty blocks.</summary>
    public void WriteEnd(long position)
    {
        const int record = 20 * TarReader.BlockSize;
        var end = position + 2 * TarReader.BlockSize;
        output(new byte[(end + record - 1) / record * record - position]);
    }

    // What is ASCII, or no text at all, stands in the header as it is, if it fits.
    private static bool NeedsRecord(byte[] name, bool isUtf8, bool fits) => !fits || (isUtf8 && !Ascii.IsValid(name));

    // As much as fits; the records say the rest.
    private void FillHeader(TarFields fields, byte[] name, long stored)
    {
        _block.AsSpan().Clear();
        ref var header = ref OnDisk.Edit<TarHeader>(_block);
        var split = TrySplit(name, out var cut);
        if (split && cut > 0)
        {
            name.AsSpan(0, cut).CopyTo(header.Prefix);
            name.AsSpan(cut + 1).CopyTo(header.Name);
        }
        else
        {
            name.AsSpan(0, Math.Min(name.Length, MaxName)).CopyTo(header.Name);
        }
        fields.LinkName.AsSpan(0, Math.Min(fields.LinkName.Length, MaxName)).CopyTo(header.LinkName);
        header.Type = fields.Type;
        "ustar\00"u8.CopyTo(header.Magic);
        ((Span<byte>)header.Magic)[7] = (byte)'0';
        TarNumber.TryFormat(fields.Mode, header.Mode);
        PutNumber(fields.UserId, header.UserId, "uid"u8);
        PutNumber(fields.GroupId, header.GroupId, "gid"u8);
        PutNumber(stored, header.Size, "size"u8);
        PutName(fields.UserName, header.UserName, "uname"u8);
        PutName(fields.GroupName, header.GroupName, "gname"u8);
        PutTime(fields.Modified, header.Modified);
        var isDevice = fields.Type is TarType.CharacterDevice or TarType.BlockDevice;
        PutNumber(isDevice ? fields.Device.Major : 0, header.DeviceMajor, "SCHILY.devmajor"u8);
        PutNumber(isDevice ? fields.Device.Minor : 0, header.DeviceMinor, "SCHILY.devminor"u8);
    }

    private void PutNumber(long value, Span<byte> field, ReadOnlySpan<byte> key)
    {
        if (TarNumber.TryFormat(value, field))
            return;
        TarNumber.TryFormat(0, field);
        Add(key, Number(value));
    }

    private void PutTime(Timestamp time, Span<byte> field)
    {
        var fits = TarNumber.TryFormat(time.UnixSeconds, field);
        if (!fits)
            TarNumber.TryFormat(time.UnixSeconds < 0 ? 0 : (1L << 33) - 1, field);
        if (!fits || time.Nanoseconds != 0)
            Add("mtime"u8, Decimal(time));
    }

    private void PutName(string? name, Span<byte> field, ReadOnlySpan<byte> key)
    {
        if (string.IsNullOrEmpty(name))
            return;
        var bytes = EscapedUtf8.Encode(name);
        if (bytes.Length < field.Length && Ascii.IsValid(bytes))
            bytes.CopyTo(field);
        else
            Add(key, bytes);
    }

    private void AddAttributes(IReadOnlyDictionary<string, byte[]> attributes)
    {
        foreach (var (name, value) in attributes.OrderBy(a => a.Key, StringComparer.Ordinal))
        {
            if (name is PosixAcl.AccessName or PosixAcl.DefaultName && PosixAcl.Format(value) is { } acl)
                Add(name == PosixAcl.AccessName ? "SCHILY.acl.access"u8 : "SCHILY.acl.default"u8, Encoding.ASCII.GetBytes(acl));
            else
                Add(PaxAttribute.KeyOf(name), value);
        }
    }

    // The records are the content of a member of their own in front.
    private void WriteRecords(TarFields fields)
    {
        var main = _block.ToArray();
        var name = Inserted(fields.Path, ExtendedFolder);
        _block.AsSpan().Clear();
        ref var header = ref OnDisk.Edit<TarHeader>(_block);
        name.AsSpan(0, Math.Min(name.Length, MaxName)).CopyTo(header.Name);
        header.Type = TarType.Extended;
        "ustar\00"u8.CopyTo(header.Magic);
        ((Span<byte>)header.Magic)[7] = (byte)'0';
        TarNumber.TryFormat(0x1A4, header.Mode);         // 0644
        TarNumber.TryFormat(0, header.UserId);
        TarNumber.TryFormat(0, header.GroupId);
        TarNumber.TryFormat(_records.WrittenCount, header.Size);
        TarNumber.TryFormat(Math.Clamp(fields.Modified.UnixSeconds, 0, (1L << 33) - 1), header.Modified);
        Finish();
        output(_records.WrittenSpan);
        output(new byte[Padding(_records.WrittenCount)]);
        main.CopyTo(_block, 0);
    }

    private void Finish()
    {
        ref var header = ref OnDisk.Edit<TarHeader>(_block);
        ((Span<byte>)header.Checksum).Fill((byte)' ');
        var sum = 0;
        foreach (var value in _block)
            sum += value;
        // Six digits, a NUL and a space, as everybody has it.
        TarNumber.TryFormat(sum, ((Span<byte>)header.Checksum)[..7]);
        output(_block);
    }

    /// <summary>Bytes of zeros that fill the last block.</summary>
    public static int Padding(long length) => (int)(-length & (TarReader.BlockSize - 1));

    // Where a long name is cut: the slash between prefix and name, which is in neither. 0 for a name that fits as it is.
    private static bool TrySplit(ReadOnlySpan<byte> path, out int cut)
    {
        cut = 0;
        if (path.Length <= MaxName)
            return true;
        // A directory's own slash stays with the name.
        var first = Math.Max(1, path.Length - MaxName - 1);
        var slash = path[first..^1].IndexOf((byte)'/');
        cut = first + slash;
        return slash >= 0 && cut <= MaxPrefix;
    }

    private static byte[] Inserted(byte[] path, string folder)
    {
        var rest = path.AsSpan().TrimEnd((byte)'/');
        var slash = rest.LastIndexOf((byte)'/');
        return [.. rest[..(slash + 1)], .. Encoding.ASCII.GetBytes(folder), (byte)'/', .. rest[(slash + 1)..]];
    }

    // Version 1.0: a count and then pairs, each number in a line; where a hole ends the file, a part of no length does.
    private static byte[] MapOf(IReadOnlyList<ByteRange> parts, long length)
    {
        var hasTail = parts.Count == 0 || parts[^1].End < length;
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{parts.Count + (hasTail ? 1 : 0)}\n");
        foreach (var part in parts)
            text.Append(CultureInfo.InvariantCulture, $"{part.Offset}\n{part.Length}\n");
        if (hasTail)
            text.Append(CultureInfo.InvariantCulture, $"{length}\n0\n");
        text.Append('\0', Padding(text.Length));
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        // The length counts its own digits.
        var rest = 1 + key.Length + 1 + value.Length + 1;
        var length = rest + 1;
        while (length != rest + Number(length).Length)
            length = rest + Number(length).Length;
        _records.Write(Number(length));
        _records.Write(" "u8);
        _records.Write(key);
        _records.Write("="u8);
        _records.Write(value);
        _records.Write("\n"u8);
    }

    private static byte[] Number(long value) => Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));

    private static byte[] Decimal(Timestamp time)
    {
        var (seconds, nanoseconds, sign) = (time.UnixSeconds, time.Nanoseconds, "");
        if (seconds < 0)
        {
            // Counted backwards from 1970, fraction and all.
            sign = "-";
            (seconds, nanoseconds) = nanoseconds == 0 ? (-seconds, 0) : (-seconds - 1, 1_000_000_000 - nanoseconds);
        }
        var fraction = nanoseconds == 0 ? "" : "." + nanoseconds.ToString("D9", CultureInfo.InvariantCulture).TrimEnd('0');
        return Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{sign}{seconds}{fraction}"));
    }
}
