using System.Buffers;
using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>What may stand in a name or a label on disk.</summary>
/// <remarks>Microsoft "exFAT file system specification", sections 7.7.3 (names) and 7.3.2 (labels, which have the same characters).</remarks>
internal static class ExFatNameRules
{
    private static readonly SearchValues<char> Forbidden =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(c => (char)c), '"', '*', '/', ':', '<', '>', '?', '\\', '|']);

    /// <summary>Where the first character stands that names must not have; -1 when there is none.</summary>
    public static int IndexOfForbidden(ReadOnlySpan<char> name) => name.IndexOfAny(Forbidden);

    /// <summary>Takes UTF-16 units over from disk.</summary>
    public static void Decode(ReadOnlySpan<byte> bytes, Span<char> units)
    {
        for (var i = 0; i < units.Length; i++)
            units[i] = (char)BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]);
    }

    /// <summary>The label entry for a label; an empty one for none, as Windows and mkfs.exfat leave it.</summary>
    /// <exception cref="InvalidNameException">Too long, or it holds a character that labels must not have.</exception>
    public static byte[] EncodeLabel(string? label)
    {
        label ??= "";
        if (label.Length > ExFatLabelEntry.MaxUnits)
            throw new InvalidNameException(label, $"has {label.Length} UTF-16 units, an exFAT label has at most {ExFatLabelEntry.MaxUnits}");
        var at = IndexOfForbidden(label);
        if (at >= 0)
            throw new InvalidNameException(label, $"holds the character U+{(int)label[at]:X4}, which exFAT forbids in labels");
        var bytes = new byte[ExFatEntryType.Size];
        ref var entry = ref OnDisk.Edit<ExFatLabelEntry>(bytes);
        entry.Type = ExFatEntryType.Label;
        entry.CharacterCount = (byte)label.Length;
        Span<byte> units = entry.Units;
        for (var i = 0; i < label.Length; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(units[(2 * i)..], label[i]);
        return bytes;
    }
}
