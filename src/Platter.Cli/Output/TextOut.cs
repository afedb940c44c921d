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
    public void Write(ReadOnlySpan<char> text)
    {
        if (text.Length > _buffer.Length - _used)
            Flush();
        // Most text is ASCII, and short: plain loops, where the framework's vectors would be prepared at every start.
        var done = Put(text, _buffer.AsSpan(_used));
        _used += done;
        if (done < text.Length)
            WriteRest(text[done..]);
    }

    /// <summary>Writes a line that begins with bytes at hand, as <see cref="Write(ReadOnlySpan{byte})"/> and <see cref="Write(ReadOnlySpan{char})"/> would.</summary>
    public void WriteLine(ReadOnlySpan<byte> start, ReadOnlySpan<char> text)
    {
        var length = start.Length + text.Length + 1;
        if (length > _buffer.Length - _used)
            Flush();
        if (length <= _buffer.Length - _used)
        {
            var room = _buffer.AsSpan(_used, length);
            start.CopyTo(room);
            if (Put(text, room[start.Length..]) == text.Length)
            {
                room[length - 1] = (byte)'\n';
                _used += length;
                return;
            }
        }
        Write(start);
        Write(text);
        WriteLine();
    }

    // As many characters as there is room for and are ASCII: by fours, each four made one word, then one by one.
    private static int Put(ReadOnlySpan<char> text, Span<byte> room)
    {
        const ulong notAscii = 0xFF80_FF80_FF80_FF80;
        var ends = Math.Min(text.Length, room.Length);
        var done = 0;
        if (BitConverter.IsLittleEndian)
        {
            var fours = MemoryMarshal.Cast<char, ulong>(text[..ends]);
            var words = MemoryMarshal.Cast<byte, uint>(room);
            var i = 0;
            for (; i < fours.Length && i < words.Length && (fours[i] & notAscii) == 0; i++)
            {
                var pairs = fours[i] | fours[i] >> 8;
                words[i] = (ushort)pairs | (uint)(pairs >> 32) << 16;
            }
            done = 4 * i;
        }
        for (; done < ends && text[done] < 0x80; done++)
            room[done] = (byte)text[done];
        return done;
    }

    private void WriteRest(ReadOnlySpan<char> text)
    {
        if (text.IndexOfAnyInRange('\uD800', '\uDFFF') >= 0)
        {
            Write(EscapedUtf8.Encode(text.ToString()));
            return;
        }
        while (!text.IsEmpty)
        {
            var part = text[..Math.Min(text.Length, 4096)];
            Room(Encoding.UTF8.GetMaxByteCount(part.Length));
            _used += Encoding.UTF8.GetBytes(part, _buffer.AsSpan(_used));
            text = text[part.Length..];
        }
    }

    public void Write(string text) => Write(text.AsSpan());

    public void WriteLine(string text)
    {
        Write(text);
        WriteLine();
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
