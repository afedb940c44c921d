using System.Globalization;

namespace Platter.Partitions;

/// <summary>What a partition is for: a GUID (GPT), a byte (MBR) or a text (APM), and its well-known name where it has one.</summary>
public readonly record struct PartitionType
{
    private readonly Guid _guid;
    private readonly byte _byte;
    private readonly string? _text;

    private PartitionType(PartitionScheme scheme, Guid guid, byte value, string? text)
    {
        Scheme = scheme;
        _guid = guid;
        _byte = value;
        _text = text;
    }

    /// <summary>Which kind of table the type is for.</summary>
    public PartitionScheme Scheme { get; }

    /// <summary>The type GUID of a GPT entry; all zeros for another scheme.</summary>
    public Guid Guid => _guid;

    /// <summary>The type byte of an MBR entry; 0 for another scheme.</summary>
    public byte Byte => _byte;

    /// <summary>The type text of an APM entry, such as <c>Apple_HFS</c>; empty for another scheme.</summary>
    public string Text => _text ?? "";

    /// <summary>The well-known name, such as <c>esp</c> or <c>linux</c>; null when <see cref="PartitionTypes"/> has none.</summary>
    public string? Name => PartitionTypes.Find(this)?.Name;

    /// <summary>The well-known description, such as <c>EFI System</c>; null when there is none.</summary>
    public string? Description => PartitionTypes.Find(this)?.Description;

    /// <summary>The identifier as text: an upper-case GUID, <c>0x83</c>, or the APM type itself.</summary>
    public string Id => Scheme switch
    {
        PartitionScheme.Gpt => _guid.ToString().ToUpperInvariant(),
        PartitionScheme.Mbr => string.Create(CultureInfo.InvariantCulture, $"0x{_byte:X2}"),
        _ => Text,
    };

    /// <summary>Whether this is an MBR extended partition: 0x05, 0x0F or 0x85.</summary>
    public bool IsExtended => Scheme == PartitionScheme.Mbr && _byte is 0x05 or 0x0F or 0x85;

    public static PartitionType FromGuid(Guid guid) => new(PartitionScheme.Gpt, guid, 0, null);

    public static PartitionType FromByte(byte value) => new(PartitionScheme.Mbr, default, value, null);

    public static PartitionType FromText(string text) => new(PartitionScheme.Apm, default, 0, text);

    /// <summary>Reads a well-known name (<c>esp</c>, <c>linux</c>, <c>fat32</c>), a GUID (GPT), a byte in hexadecimal
    /// (MBR: <c>0x83</c>, <c>83</c>), or any text of 1 to 31 ASCII characters (APM).</summary>
    /// <exception cref="FormatException">The text is none of these for this kind of table.</exception>
    public static PartitionType Parse(string text, PartitionScheme scheme)
    {
        if (PartitionTypes.TryGet(text, scheme, out var known))
            return known;
        switch (scheme)
        {
            case PartitionScheme.Gpt when Guid.TryParse(text, out var guid) && guid != Guid.Empty:
                return FromGuid(guid);
            case PartitionScheme.Mbr:
                var digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text.AsSpan(2) : text;
                if (digits.Length is 1 or 2 && byte.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) && value != 0)
                    return FromByte(value);
                break;
            case PartitionScheme.Apm when text.Length is >= 1 and <= 31 && text.All(c => c is > ' ' and < '\x7F'):
                return FromText(text);
        }
        var form = scheme switch { PartitionScheme.Gpt => "a GUID", PartitionScheme.Mbr => "a byte in hexadecimal, 01 to FF", _ => "1 to 31 ASCII characters" };
        throw new FormatException($"'{text}' is not a partition type of {Article(scheme)} table: expected {form}, or one of {string.Join(", ", PartitionTypes.Names(scheme))}");
    }

    public override string ToString() => Name ?? Id;

    private static string Article(PartitionScheme scheme) => scheme switch { PartitionScheme.Gpt => "a GPT", PartitionScheme.Mbr => "an MBR", _ => "an APM" };
}
