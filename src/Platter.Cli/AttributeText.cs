using System.Text;
using Platter.FileSystems;

namespace Platter.Cli;

/// <summary>The value of an extended attribute as text: as it is when it is printable, else <c>0x</c> and hexadecimal, as getfattr has it.</summary>
internal static class AttributeText
{
    /// <summary>An entry's extended attributes, and behind them what its format alone has under such names.</summary>
    public static Dictionary<string, byte[]> All(Volume volume, NodeId id)
    {
        var all = new Dictionary<string, byte[]>(volume.GetExtendedAttributes(id), StringComparer.Ordinal);
        foreach (var (name, value) in volume.GetFormatAttributes(id))
            all.TryAdd(name, value);
        return all;
    }

    public static string Format(byte[] value)
    {
        foreach (var b in value)
        {
            if (b is < 0x20 or > 0x7E)
                return "0x" + Convert.ToHexString(value);
        }
        var text = Encoding.ASCII.GetString(value);
        return text.StartsWith("0x", StringComparison.Ordinal) || text.StartsWith("0s", StringComparison.Ordinal) ? "0x" + Convert.ToHexString(value) : text;
    }

    /// <summary>Reads text, <c>0x</c> and hexadecimal, or <c>0s</c> and base64.</summary>
    /// <exception cref="FormatException">A prefix, and not what it promises.</exception>
    public static byte[] Parse(string text)
    {
        var isHex = text.StartsWith("0x", StringComparison.Ordinal);
        try
        {
            return isHex ? Convert.FromHexString(text.AsSpan(2)) : text.StartsWith("0s", StringComparison.Ordinal) ? Convert.FromBase64String(text[2..]) : Encoding.UTF8.GetBytes(text);
        }
        catch (FormatException e)
        {
            throw new FormatException($"'{text}' is not {(isHex ? "hexadecimal, two digits a byte, after its 0x" : "base64 after its 0s")}", e);
        }
    }
}
