using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Platter.Primitives;

namespace Platter.Cli.Output;

/// <summary>Buffered text in UTF-8 to a stream; also raw bytes, in order with the text.</summary>
internal sealed class TextOut(Stream stream)
{
    private byte[] _buffer = new byte[16 << 10];
    private int _used;

    /// <summary>Whether anything has left the buffer: then it is too late to say something else instead.</summary>
    public bool HasWritten { get; private set; }

    /// <summary>Writes text; a name's byte that is no text (a lone surrogate) goes out as that byte.</summary>
    public void Write(string text)
    {
        if (text.Length > _buffer.Length - _used)
            Flush();
        // Most text is ASCII, and short: plain loops, where the framework's vectors would be prepared at every start.
        var room = _buffer.AsSpan(_used);
        var ends = Math.Min(text.Length, room.Length);
        var done = BitConverter.IsLittleEndian ? PutFours(text.AsSpan(0, ends), room) : 0;
        for (; done < ends && text[done] < 0x80; done++)
            room[done] = (byte)text[done];
        _used += done;
        if (done < text.Length)
            WriteRest(text[done..]);
    }

    // As many characters as go by fours, all of them ASCII: each four is made one word.
    private static int PutFours(ReadOnlySpan<char> text, Span<byte> room)
    {
        const ulong notAscii = 0xFF80_FF80_FF80_FF80;
        var done = 0;
        foreach (var units in MemoryMarshal.Cast<char, ulong>(text))
        {
            if ((units & notAscii) != 0)
                break;
            var pairs = units | units >> 8;
            BinaryPrimitives.WriteUInt32LittleEndian(room[done..], (ushort)pairs | (uint)(pairs >> 32) << 16);
            done += 4;
        }
        return done;
    }

    private void WriteRest(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') >= 0)
            Write(EscapedUtf8.Encode(text));
        else
            Write(text.AsSpan());
    }

    public void WriteLine(string text)
    {
        Write(text);
        WriteLine();
    }

    private void Write(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            var part = text[..Math.Min(text.Length, 4096)];
            Room(Encoding.UTF8.GetMaxByteCount(part.Length));
            _used += Encoding.UTF8.GetBytes(part, _buffer.AsSpan(_used));
            text = text[part.Length..];
        }
    }

    public void WriteLine()
    {
        Room(1);
        _buffer[_used++] = (byte)'\n';
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _buffer.Length - _used)
        {
            Flush();
            if (bytes.Length >= _buffer.Length)
            {
                HasWritten = true;
                stream.Write(bytes);
                return;
            }
        }
        bytes.CopyTo(_buffer.AsSpan(_used));
        _used += bytes.Length;
    }

    /// <summary>Forgets what has not left yet.</summary>
    public void Discard() => _used = 0;

    public void Flush()
    {
        if (_used == 0)
            return;
        HasWritten = true;
        var count = _used;
        _used = 0;
        stream.Write(_buffer.AsSpan(0, count));
    }

    private void Room(int bytes)
    {
        if (bytes > _buffer.Length - _used)
            Flush();
        if (bytes > _buffer.Length)
            _buffer = new byte[bytes];
    }
}
