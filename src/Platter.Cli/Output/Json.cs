using System.Text.Json;
using Platter.FileSystems;

namespace Platter.Cli.Output;

/// <summary>One JSON document on standard output, written as it comes: fields that are not there are left out, never null.</summary>
internal sealed class Json : IDisposable
{
    private const int FlushAt = 32 << 10;
    private readonly TextOut _output;
    private readonly JsonBuffer _buffer = new();
    private readonly Utf8JsonWriter _writer;

    public Json(TextOut output)
    {
        _output = output;
        // Names are for people too: é stays é. There is no page that this could be put into unescaped.
        _writer = new Utf8JsonWriter(_buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });
    }

    public void Object(string? name = null)
    {
        if (name is null)
            _writer.WriteStartObject();
        else
            _writer.WriteStartObject(name);
    }

    public void Array(string name) => _writer.WriteStartArray(name);

    public void EndArray() => _writer.WriteEndArray();

    public void End()
    {
        _writer.WriteEndObject();
        if (_writer.BytesPending + _buffer.Count > FlushAt)
            Drain();
    }

    public void Field(string name, string? value)
    {
        if (value is null)
            return;
        _writer.WritePropertyName(name);
        Text(value);
    }

    public void Field(string name, long? value)
    {
        if (value is { } number)
            _writer.WriteNumber(name, number);
    }

    public void Field(string name, ulong value) => _writer.WriteNumber(name, value);

    public void Field(string name, bool value) => _writer.WriteBoolean(name, value);

    public void Field(string name, Timestamp? value) => Field(name, value?.ToString());

    /// <summary>A string on its own, within an array.</summary>
    public void Text(string value)
    {
        // A half surrogate pair (bytes that are no text) is a legal JSON escape, but the writer would put U+FFFD for it.
        if (HasLoneSurrogate(value))
            _writer.WriteRawValue(Escape(value), skipInputValidation: true);
        else
            _writer.WriteStringValue(value);
    }

    public void Dispose()
    {
        Drain();
        _output.WriteLine();
        _writer.Dispose();
    }

    private void Drain()
    {
        _writer.Flush();
        _output.Write(_buffer.Bytes);
        _buffer.Clear();
    }

    private static bool HasLoneSurrogate(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (!char.IsHighSurrogate(text[i]) || i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1]))
                return true;
            i++;
        }
        return false;
    }

    private static string Escape(string text)
    {
        var json = new System.Text.StringBuilder("\"");
        foreach (var c in text)
        {
            if (c is '"' or '\\')
                json.Append('\\').Append(c);
            else if (c < ' ' || char.IsSurrogate(c))
                json.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
            else
                json.Append(c);
        }
        return json.Append('"').ToString();
    }
}

/// <summary>Where the JSON writer writes to.</summary>
internal sealed class JsonBuffer : System.Buffers.IBufferWriter<byte>
{
    private byte[] _bytes = new byte[48 << 10];

    public int Count { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Count);

    public void Clear() => Count = 0;

    public void Advance(int count) => Count += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Grow(sizeHint);
        return _bytes.AsMemory(Count);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Grow(sizeHint);
        return _bytes.AsSpan(Count);
    }

    private void Grow(int sizeHint)
    {
        if (_bytes.Length - Count < Math.Max(sizeHint, 256))
            System.Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Count + sizeHint));
    }
}
