using System.Runtime.InteropServices;
using System.Text;
using Platter.Primitives.Codecs;
using Xunit;

namespace Platter.Tests.Primitives;

/// <summary>Our deflate, judged by the system's zlib with a window of 12 bits, which takes no stream that refers back further.</summary>
public sealed unsafe partial class DeflateCompressorTests
{
    private readonly DeflateCompressor _compressor = new();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(258)]
    [InlineData(512)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(65535)]
    [InlineData(65536)]
    [InlineData(65537)]
    [InlineData(200_000)]
    [InlineData(2 << 20)]
    public void What_is_compressed_comes_out_again(int length)
    {
        foreach (var kind in Enum.GetValues<Kind>())
            CheckRoundTrip(Content(kind, length, seed: length), $"{kind}, {length} bytes");
    }

    [Fact]
    public void Lengths_and_distances_at_every_limit_come_out_again()
    {
        // A run of noise that comes back after each distance there is, for each length there is.
        for (var length = 3; length <= 300; length += length is > 20 and < 250 ? 13 : 1)
        {
            foreach (var distance in (int[])[length, 300, 1024, 1025, 3072, 4094, 4095, 4096, 4097, 5000])
            {
                if (distance < length)
                    continue;
                var bytes = new byte[distance + length];
                new Random(length * 10_000 + distance).NextBytes(bytes);
                bytes.AsSpan(0, length).CopyTo(bytes.AsSpan(distance));
                CheckRoundTrip(bytes, $"{length} bytes again after {distance}");
            }
        }
    }

    [Fact]
    public void Codes_of_the_greatest_length_come_out_again()
    {
        // Counts as Fibonacci's numbers make the deepest tree: without a limit its codes would have 22 bits.
        var bytes = new List<byte>();
        var (a, b) = (1, 1);
        for (var symbol = 0; bytes.Count + a <= 65536; symbol++)
        {
            bytes.AddRange(Enumerable.Repeat((byte)(symbol * 11), a));
            (a, b) = (b, a + b);
        }
        var mixed = bytes.ToArray();
        new Random(1).Shuffle(mixed);
        CheckRoundTrip(mixed, "Fibonacci's counts");
    }

    [Fact]
    public void Random_mixtures_come_out_again()
    {
        var seed = Environment.TickCount;
        var dice = new Random(seed);
        for (var turn = 0; turn < 300; turn++)
        {
            var bytes = new byte[dice.Next(1, dice.Next(10) == 0 ? 300_000 : 70_000)];
            for (var at = 0; at < bytes.Length;)
            {
                var part = Content((Kind)dice.Next(Enum.GetValues<Kind>().Length), Math.Min(dice.Next(1, 20_000), bytes.Length - at), dice.Next());
                part.CopyTo(bytes, at);
                at += part.Length;
            }
            CheckRoundTrip(bytes, $"seed {seed}, turn {turn}");
        }
    }

    [Fact]
    public void What_does_not_fit_is_left()
    {
        var bytes = Content(Kind.Text, 65536, 1);
        var whole = _compressor.Compress(bytes, new byte[65536]);
        Assert.Equal(whole, _compressor.Compress(bytes, new byte[whole]));
        Assert.Equal(-1, _compressor.Compress(bytes, new byte[whole - 1]));
        Assert.Equal(-1, _compressor.Compress(bytes, []));
        Assert.Equal(-1, _compressor.Compress(Content(Kind.Noise, 65536, 1), new byte[65535]));
    }

    [Fact]
    public void The_same_bytes_give_the_same_stream_whatever_came_before()
    {
        var bytes = Content(Kind.Records, 65536, 1);
        var first = new byte[65536];
        var count = _compressor.Compress(bytes, first);
        foreach (var kind in Enum.GetValues<Kind>())
        {
            _ = _compressor.Compress(Content(kind, 65536, 7), new byte[80_000]);
            var again = new byte[65536];
            Assert.Equal(count, _compressor.Compress(bytes, again));
            Assert.Equal(first, again);
        }
    }

    [Fact]
    public void Streams_are_about_as_short_as_those_of_zlib()
    {
        var ours = 0L;
        var theirs = 0L;
        var program = File.ReadAllBytes(typeof(DeflateCompressor).Assembly.Location);
        var native = File.ReadAllBytes(typeof(object).Assembly.Location).AsSpan(0, 4 << 20).ToArray();
        byte[][] contents = [program, native, Content(Kind.Text, 1 << 20, 1), Content(Kind.Records, 1 << 20, 2), Content(Kind.Mixed, 1 << 20, 3)];
        foreach (var content in contents)
        {
            for (var at = 0; at + 65536 <= content.Length; at += 65536)
            {
                var cluster = content.AsSpan(at, 65536);
                var packed = _compressor.Compress(cluster, new byte[65535]);
                ours += packed < 0 ? 65536 : packed;
                theirs += Math.Min(65536, ZlibLength(cluster));
            }
        }
        Assert.True(ours <= theirs * 1.02, $"{ours} bytes, zlib {theirs}: {100.0 * ours / theirs:F1} %");
    }

    internal enum Kind { Zeros, Noise, Text, Records, Mixed, Few }

    internal static byte[] Content(Kind kind, int length, int seed)
    {
        var dice = new Random(seed);
        var bytes = new byte[length];
        switch (kind)
        {
            case Kind.Noise:
                dice.NextBytes(bytes);
                break;
            case Kind.Text:
                string[] words = ["the", "disk", "has", "no", "room", "for", "another", "file", "of", "this", "length", "and", "so", "it", "is", "refused"];
                var text = new StringBuilder();
                while (text.Length < length)
                    text.Append(words[dice.Next(words.Length)]).Append(dice.Next(12) == 0 ? $" {dice.Next(100_000)}.\n" : " ");
                Encoding.ASCII.GetBytes(text.ToString(0, length)).CopyTo(bytes, 0);
                break;
            case Kind.Records:
                for (var i = 0; i < length; i++)
                    bytes[i] = (byte)(i % 24 < 20 ? i % 24 * 7 + (i / 2400) : dice.Next(256));
                break;
            case Kind.Mixed:
                for (var i = 0; i < length; i++)
                    bytes[i] = (byte)(i / 1000 % 3 == 0 ? dice.Next(256) : i / 1000 % 3 == 1 ? dice.Next(4) : 0);
                break;
            case Kind.Few:
                for (var i = 0; i < length; i++)
                    bytes[i] = (byte)(dice.Next(50) == 0 ? 1 : 0);
                break;
            default:
                break;
        }
        return bytes;
    }

    private void CheckRoundTrip(byte[] bytes, string what)
    {
        var packed = new byte[bytes.Length + bytes.Length / 1000 + 64];
        var count = _compressor.Compress(bytes, packed);
        Assert.True(count > 0, $"{what}: no room");
        Assert.True(bytes.AsSpan().SequenceEqual(Inflate(packed.AsSpan(0, count), bytes.Length, what)), $"{what}: other bytes came out");
    }

    // In pieces, so that zlib has nothing but its window to look back into.
    private static byte[] Inflate(ReadOnlySpan<byte> packed, int length, string what)
    {
        const int Piece = 100;
        var bytes = new byte[length + Piece];
        var state = default(State);
        Assert.Equal(0, inflateInit2_(&state, -12, "1.2.0"u8, sizeof(State)));
        fixed (byte* from = packed)
        fixed (byte* to = bytes)
        {
            state.NextIn = from;
            state.AvailableIn = (uint)packed.Length;
            for (var result = 0; result == 0;)
            {
                var done = (int)state.TotalOut.Value;
                Assert.True(done <= length, $"{what}: more than {length} bytes came out");
                state.NextOut = to + done;
                state.AvailableOut = Piece;
                result = inflate(&state, 0);
                Assert.True(result is 0 or 1, $"{what}: zlib says {result} after {done} bytes: {Marshal.PtrToStringUTF8(state.Message)}");
            }
            Assert.Equal(0u, state.AvailableIn);
            Assert.Equal((nuint)length, state.TotalOut.Value);
        }
        _ = inflateEnd(&state);
        return bytes[..length];
    }

    private static int ZlibLength(ReadOnlySpan<byte> bytes)
    {
        var packed = new byte[bytes.Length + 1000];
        var state = default(State);
        // As QEMU asks for it: default level, raw, a window of 12 bits, memory level 9.
        Assert.Equal(0, deflateInit2_(&state, -1, 8, -12, 9, 0, "1.2.0"u8, sizeof(State)));
        fixed (byte* from = bytes)
        fixed (byte* to = packed)
        {
            state.NextIn = from;
            state.AvailableIn = (uint)bytes.Length;
            state.NextOut = to;
            state.AvailableOut = (uint)packed.Length;
            Assert.Equal(1, deflate(&state, 4));
        }
        _ = deflateEnd(&state);
        return (int)state.TotalOut.Value;
    }

    // zlib.h's z_stream
    [StructLayout(LayoutKind.Sequential)]
    private struct State
    {
        public byte* NextIn;
        public uint AvailableIn;
        public CULong TotalIn;
        public byte* NextOut;
        public uint AvailableOut;
        public CULong TotalOut;
        public nint Message, Internal, Allocate, Free, Opaque;
        public int DataType;
        public CULong Adler, Reserved;
    }

    [LibraryImport("libz.so.1")] private static partial int inflateInit2_(State* state, int windowBits, ReadOnlySpan<byte> version, int size);
    [LibraryImport("libz.so.1")] private static partial int inflate(State* state, int flush);
    [LibraryImport("libz.so.1")] private static partial int inflateEnd(State* state);
    [LibraryImport("libz.so.1")] private static partial int deflateInit2_(State* state, int level, int method, int windowBits, int memoryLevel, int strategy, ReadOnlySpan<byte> version, int size);
    [LibraryImport("libz.so.1")] private static partial int deflate(State* state, int flush);
    [LibraryImport("libz.so.1")] private static partial int deflateEnd(State* state);
}
