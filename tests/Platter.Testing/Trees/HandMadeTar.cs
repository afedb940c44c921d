using System.Globalization;
using System.Text;

namespace Platter.Testing.Trees;

/// <summary>An archive put together header by header, right or wrong as a test wants it; checksums are right unless told otherwise.</summary>
public sealed class HandMadeTar
{
    private readonly MemoryStream _bytes = new();

    /// <summary>Where the last header stands.</summary>
    public int LastHeader { get; private set; }

    /// <summary>Adds a header, and content behind it.</summary>
    /// <param name="type">The type flag.</param>
    /// <param name="name">At most 100 bytes.</param>
    /// <param name="content">The content; its length is the size, unless <paramref name="change"/> says another.</param>
    /// <param name="link">The name of the link's target.</param>
    /// <param name="change">Changes the block before its checksum is made.</param>
    public HandMadeTar Add(char type, string name, string content = "", string link = "", Action<byte[]>? change = null) =>
        Add(type, Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(content), link, change);

    /// <inheritdoc cref="Add(char, string, string, string, Action{byte[]}?)"/>
    public HandMadeTar Add(char type, byte[] name, byte[] content, string link = "", Action<byte[]>? change = null)
    {
        LastHeader = (int)_bytes.Length;
        _bytes.Write(Header(type, name, content.Length, link, change));
        _bytes.Write(content);
        _bytes.Write(new byte[-content.Length & 511]);
        return this;
    }

    /// <summary>Adds pax records for the next member; or for all, with the type <c>g</c>.</summary>
    public HandMadeTar Pax(params (string Key, string Value)[] records) => Pax('x', records);

    /// <inheritdoc cref="Pax(ValueTuple{string, string}[])"/>
    public HandMadeTar Pax(char type, params (string Key, string Value)[] records) =>
        Add(type, "PaxHeaders/x"u8.ToArray(), [.. records.SelectMany(r => Record(Encoding.UTF8.GetBytes(r.Key), Encoding.Latin1.GetBytes(r.Value)))]);

    /// <summary>Adds bytes as they are.</summary>
    public HandMadeTar Raw(params byte[] bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    /// <summary>The archive with its end mark.</summary>
    public byte[] ToArray() => [.. _bytes.ToArray(), .. new byte[1024]];

    /// <summary>The archive without an end mark.</summary>
    public byte[] Unended() => _bytes.ToArray();

    /// <summary>One pax record, its length counted right.</summary>
    public static byte[] Record(byte[] key, byte[] value)
    {
        var rest = key.Length + value.Length + 3;
        var length = rest + 1;
        while (length != rest + length.ToString(CultureInfo.InvariantCulture).Length)
            length = rest + length.ToString(CultureInfo.InvariantCulture).Length;
        return [.. Encoding.ASCII.GetBytes(length.ToString(CultureInfo.InvariantCulture)), (byte)' ', .. key, (byte)'=', .. value, (byte)'\n'];
    }

    /// <summary>A ustar header: mode 0644, owner 1:2, time 3.</summary>
    public static byte[] Header(char type, byte[] name, long size, string link = "", Action<byte[]>? change = null)
    {
        var block = new byte[512];
        name.AsSpan(0, Math.Min(100, name.Length)).CopyTo(block);
        Put(block, 100, "0000644");
        Put(block, 108, "0000001");
        Put(block, 116, "0000002");
        Put(block, 124, Octal(size, 11));
        Put(block, 136, "00000000003");
        block[156] = (byte)type;
        Put(block, 157, link);
        Put(block, 257, "ustar\000");
        Put(block, 329, "0000000");
        Put(block, 337, "0000000");
        change?.Invoke(block);
        Sum(block);
        return block;
    }

    /// <summary>Puts text at an offset.</summary>
    public static void Put(byte[] block, int offset, string text) => Encoding.UTF8.GetBytes(text, block.AsSpan(offset));

    /// <summary>Octal digits.</summary>
    public static string Octal(long value, int digits) => Convert.ToString(value, 8).PadLeft(digits, '0');

    /// <summary>Makes the checksum right.</summary>
    public static void Sum(Span<byte> block)
    {
        block.Slice(148, 8).Fill((byte)' ');
        var sum = 0;
        foreach (var value in block)
            sum += value;
        Encoding.ASCII.GetBytes(Octal(sum, 6) + "\0 ", block[148..]);
    }
}
