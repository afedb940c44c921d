using System.Text;

namespace Platter.Primitives;

/// <summary>Names that are bytes on disk and text everywhere else: UTF-8, in which a byte that is no UTF-8 becomes a lone
/// surrogate (byte 0xNN to U+DCNN) and comes back as that byte. So every name of a Unix filesystem survives the round trip.</summary>
/// <remarks>The convention of Python's <c>surrogateescape</c> (PEP 383). A lone surrogate that is no escape (NTFS stores any
/// UTF-16) is encoded in three bytes, as WTF-8 does.</remarks>
public static class EscapedUtf8
{
    private const char FirstEscape = '\uDC80', LastEscape = '\uDCFF';

    /// <summary>The text of these bytes; never fails.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (Ascii.IsValid(bytes))
            return Encoding.ASCII.GetString(bytes);
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(bytes, out var rune, out var used);
            if (status == System.Buffers.OperationStatus.Done)
            {
                text.Append(rune);
            }
            else
            {
                for (var i = 0; i < used; i++)
                    text.Append((char)(0xDC00 + bytes[i]));
            }
            bytes = bytes[used..];
        }
        return text.ToString();
    }

    /// <summary>The bytes of this text; at most three for each UTF-16 unit.</summary>
    public static byte[] Encode(string text)
    {
        // Not a range of an array, which the framework would prepare anew.
        var most = new byte[text.Length * 3];
        var bytes = new byte[Encode(text, most)];
        most.AsSpan(0, bytes.Length).CopyTo(bytes);
        return bytes;
    }

    /// <summary>Writes the bytes of this text and returns how many there are.</summary>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short; three bytes for each unit always do.</exception>
    public static int Encode(ReadOnlySpan<char> text, Span<byte> destination)
    {
        // Names are short, and mostly ASCII: a plain loop, where the framework's vectors would be prepared at every start.
        var length = 0;
        while (length < text.Length && text[length] < 0x80 && length < destination.Length)
            destination[length] = (byte)text[length++];
        return length == text.Length ? length : EncodeRest(text[length..], destination, length);
    }

    // The length of a text's bytes and the terminating zero is at most this.
    internal static int TerminatedLength(string text) => text.Length * 3 + 1;

    /// <summary>Writes the bytes of this text and a zero behind them, as the C library takes its strings.</summary>
    /// <returns><paramref name="destination"/>.</returns>
    internal static ReadOnlySpan<byte> Terminate(string text, Span<byte> destination)
    {
        destination[Encode(text, destination)] = 0;
        return destination;
    }

    /// <summary>As <see cref="Terminate"/>, in bytes of their own.</summary>
    internal static byte[] Terminated(string text)
    {
        var bytes = new byte[TerminatedLength(text)];
        Terminate(text, bytes);
        return bytes;
    }

    private static int EncodeRest(ReadOnlySpan<char> text, Span<byte> destination, int length)
    {
        while (!text.IsEmpty)
        {
            var status = Rune.DecodeFromUtf16(text, out var rune, out var used);
            var unit = text[0];
            if (status == System.Buffers.OperationStatus.Done)
            {
                length += rune.EncodeToUtf8(destination[length..]);
            }
            else if (unit is >= FirstEscape and <= LastEscape)
            {
                destination[length++] = (byte)(unit - 0xDC00);
            }
            else
            {
                if (destination.Length - length < 3)
                    throw new ArgumentException("the destination is too short", nameof(destination));
                destination[length++] = (byte)(0xE0 | (unit >> 12));
                destination[length++] = (byte)(0x80 | ((unit >> 6) & 0x3F));
                destination[length++] = (byte)(0x80 | (unit & 0x3F));
                used = 1;
            }
            text = text[used..];
        }
        return length;
    }
}
