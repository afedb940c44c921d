using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Platter.Blocks;

namespace Platter.Images.Vmdk;

/// <summary>What an extent is made of.</summary>
internal enum VmdkExtentKind { Flat, Sparse, Zero }

/// <summary>A line of the descriptor: a part of the disk, and the file that holds it.</summary>
/// <param name="Sectors">How long the part is.</param>
/// <param name="Kind">What the file is.</param>
/// <param name="FileName">Null for zeros.</param>
/// <param name="Offset">Where a flat extent's bytes start in the file, in sectors.</param>
/// <param name="IsReadOnly">Whether it must not be written to.</param>
internal sealed record VmdkExtent(long Sectors, VmdkExtentKind Kind, string? FileName, long Offset, bool IsReadOnly = false);

/// <summary>The descriptor: text in a file of its own, or embedded in a sparse extent; "Virtual Disk Format 5.0", "The Descriptor File".</summary>
internal sealed class VmdkDescriptor
{
    internal const uint NoParent = 0xFFFFFFFF;

    /// <summary>Bytes; those of VMware have some hundred.</summary>
    internal const int LargestSize = 1 << 20;

    // A disk of 64 TB in extents of 2 GB has as many as this.
    private const int MostExtents = 32 << 10;

    private static readonly SearchValues<byte> HexDigits = SearchValues.Create("0123456789abcdefABCDEF"u8);

    private readonly Dictionary<string, string> _values = new(StringComparer.OrdinalIgnoreCase);

    internal static ReadOnlySpan<byte> Magic => "# Disk DescriptorFile"u8;

    internal IReadOnlyList<VmdkExtent> Extents { get; private init; } = [];

    internal string CreateType => _values.GetValueOrDefault("createType", "");

    /// <summary>Changes with each session that changes the disk, so that a difference notices.</summary>
    internal uint ContentId { get; private init; }

    internal uint ParentContentId { get; private init; } = NoParent;

    internal string? ParentFile => _values.GetValueOrDefault("parentFileNameHint");

    internal string? this[string key] => _values.GetValueOrDefault(key);

    /// <param name="text">As far as its first zero byte.</param>
    /// <param name="offset">Where it starts in the file, for errors.</param>
    /// <exception cref="DiskFormatException">A line is none that a descriptor has.</exception>
    /// <exception cref="UnsupportedFeatureException">An extent is of a kind that can't be read.</exception>
    internal static VmdkDescriptor Parse(ReadOnlySpan<byte> text, long offset)
    {
        if (text.IndexOf((byte)0) is var end and >= 0)
            text = text[..end];
        if (!text.StartsWith(Magic))
            throw Broken("VMDK-0010", "Descriptor", offset, "found no \"# Disk DescriptorFile\" at its start");
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var extents = new List<VmdkExtent>();
        var number = 0;
        foreach (var raw in Encoding.UTF8.GetString(text).Split('\n'))
        {
            number++;
            var line = raw.Trim();
            if (line.Length == 0 || line[0] == '#')
                continue;
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            var firstWord = line.Split([' ', '\t'], 2)[0];
            if (firstWord is "RW" or "RDONLY" or "NOACCESS")
            {
                if (extents.Count == MostExtents)
                    throw Broken("VMDK-0011", $"Descriptor line {number}", offset, $"found more than {MostExtents} extents");
                extents.Add(ParseExtent(line, number, offset));
            }
            else if (equals > 0)
            {
                values.TryAdd(line[..equals].Trim(), Unquote(line[(equals + 1)..].Trim()));
            }
            else
            {
                throw Broken("VMDK-0010", $"Descriptor line {number}", offset, $"found '{Short(line)}', expected a comment, key=value, or an extent");
            }
        }
        if (values.GetValueOrDefault("version") is not ("1" or "2" or "3" or "4"))
            throw new UnsupportedFeatureException($"the VMDK's descriptor is of version '{Short(values.GetValueOrDefault("version") ?? "")}'; 1 to 4 are known");
        var descriptor = new VmdkDescriptor
        {
            Extents = extents,
            ContentId = Hex(values, "CID", 0, offset),
            ParentContentId = Hex(values, "parentCID", NoParent, offset),
        };
        foreach (var (key, value) in values)
            descriptor._values.Add(key, value);
        if (values.GetValueOrDefault("encoding") is { } encoding && !IsReadAsUtf8(encoding) && extents.Any(e => e.FileName?.Any(c => c > 0x7F) == true))
            throw new UnsupportedFeatureException($"the VMDK's descriptor names files in the encoding {Short(encoding)}, which is not read");
        return descriptor;
    }

    /// <summary>Gives the disk a new content id, whose hexadecimal digits (eight, or fewer where a program left zeros out) are replaced where they
    /// stand: it was changed.</summary>
    /// <param name="host">The file that the descriptor is in.</param>
    /// <param name="offset">Where it begins there.</param>
    /// <param name="size">Bytes that it has room for.</param>
    internal static void Stamp(BlockDevice host, long offset, long size)
    {
        var text = new byte[(int)Math.Min(size, LargestSize)];
        host.Read(offset, text);
        var at = text.AsSpan().IndexOf("\nCID="u8) + 5;
        if (at < 5)
            return;
        var digits = text.AsSpan(at).IndexOfAnyExcept(HexDigits);
        if (digits is < 1 or > 8)
            return;
        Span<byte> id = stackalloc byte[4];
        RandomNumberGenerator.Fill(id);
        var value = BinaryPrimitives.ReadUInt32LittleEndian(id) % (NoParent - 1);
        host.Write(offset + at, Encoding.ASCII.GetBytes(value.ToString("x8", CultureInfo.InvariantCulture)[..digits]));
    }

    private static bool IsReadAsUtf8(string encoding) => encoding.Equals("UTF-8", StringComparison.OrdinalIgnoreCase) || encoding.Equals("US-ASCII", StringComparison.OrdinalIgnoreCase);

    // RW 4192256 SPARSE "disk-s001.vmdk"      RW 8192 FLAT "disk-flat.vmdk" 0      RW 63 ZERO
    private static VmdkExtent ParseExtent(string line, int number, long offset)
    {
        var words = Words(line);
        var where = $"Descriptor line {number}";
        if (words.Count < 3 || !long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var sectors) || sectors > long.MaxValue / VmdkHeader.Sector)
            throw Broken("VMDK-0011", where, offset, $"found '{Short(line)}', expected access, sectors, type and file of an extent");
        if (words[0] == "NOACCESS")
            throw new UnsupportedFeatureException("the VMDK has an extent without access (NOACCESS)");
        VmdkExtentKind? kind = words[2] switch
        {
            "FLAT" or "VMFS" => VmdkExtentKind.Flat,
            "SPARSE" => VmdkExtentKind.Sparse,
            "ZERO" => VmdkExtentKind.Zero,
            _ => null,
        };
        if (kind is null)
            throw new UnsupportedFeatureException($"the VMDK has an extent of the type {Short(words[2])}, which Platter does not open");
        if (kind == VmdkExtentKind.Zero)
            return new VmdkExtent(sectors, VmdkExtentKind.Zero, null, 0);
        var start = 0L;
        if (words.Count < 4 || words[3].Length == 0 || (words.Count > 4 && !long.TryParse(words[4], NumberStyles.None, CultureInfo.InvariantCulture, out start)))
            throw Broken("VMDK-0011", where, offset, $"found '{Short(line)}', expected access, sectors, type and file of an extent");
        // Every program writes plain names; anything else would let an image show files of the host that are none of its own.
        if (words[3].AsSpan().IndexOfAny('/', '\\', ':') >= 0 || words[3] is "." or "..")
            throw new UnsupportedFeatureException($"the VMDK's extent '{Short(words[3])}' is a path; extents are opened in the descriptor's own folder only");
        return new VmdkExtent(sectors, kind.Value, words[3], start, words[0] == "RDONLY");
    }

    private static List<string> Words(string line)
    {
        var words = new List<string>();
        for (var at = 0; at < line.Length;)
        {
            if (line[at] is ' ' or '\t')
            {
                at++;
                continue;
            }
            var quoted = line[at] == '"';
            var start = quoted ? at + 1 : at;
            var end = quoted ? line.IndexOf('"', start) : line.AsSpan(start).IndexOfAny(' ', '\t') is var space and >= 0 ? start + space : line.Length;
            if (end < 0)
                end = line.Length;
            words.Add(line[start..end]);
            at = end + 1;
        }
        return words;
    }

    private static uint Hex(Dictionary<string, string> values, string key, uint otherwise, long offset)
    {
        if (!values.TryGetValue(key, out var text))
            return otherwise;
        return uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var id) ? id
            : throw Broken("VMDK-0010", "Descriptor." + key, offset, $"found '{Short(text)}', expected up to 8 hexadecimal digits");
    }

    private static string Unquote(string text) => text.Length >= 2 && text[0] == '"' && text[^1] == '"' ? text[1..^1] : text;

    private static string Short(string text)
    {
        var plain = new string([.. text.Take(60).Select(c => char.IsControl(c) ? '?' : c)]);
        return plain.Length < text.Length ? plain + "..." : plain;
    }

    private static DiskFormatException Broken(string code, string structure, long offset, string problem) => new(code, structure, offset, problem);
}
