using Platter.Primitives.Codecs;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Primitives;

public sealed class ZstdTests
{
    [Theory]
    [InlineData(0, 3)]
    [InlineData(1, 1)]
    [InlineData(100_000, 3)]
    [InlineData(3_000_000, 19)]
    public void What_is_compressed_is_decompressed(int length, int level)
    {
        var data = Text(length);
        var packed = new byte[Zstd.CompressBound(length)];
        var count = Zstd.Compress(data, packed, level);
        Assert.InRange(count, 1, packed.Length);
        Assert.Equal(length, Zstd.ContentLength(packed.AsSpan(0, count)));
        var again = new byte[length];
        Assert.Equal(length, Zstd.Decompress(packed.AsSpan(0, count), again));
        Assert.Equal(data, again);
    }

    [Fact]
    public void Too_little_room_is_said_and_no_error_when_compressing()
    {
        var noise = new byte[4096];
        new Random(1).NextBytes(noise);
        using var context = new ZstdCompressor();
        Assert.Equal(-1, context.Compress(noise, new byte[4095]));
        Assert.InRange(context.Compress(noise, new byte[5000]), 4096, 5000);
    }

    [Fact]
    public void Streams_go_through_contexts_piece_by_piece_in_frames()
    {
        var data = Text(700_000);
        using var compressor = new ZstdCompressor(5, checksum: true);
        var packed = new MemoryStream();
        var room = new byte[1000];
        for (var frame = 0; frame < 2; frame++)
        {
            for (var offset = 0; offset < data.Length; offset += 70_000)
            {
                var piece = data.AsSpan(offset, 70_000);
                ReadOnlySpan<byte> left = piece;
                bool done;
                do
                {
                    done = compressor.Compress(ref left, room, offset + 70_000 == data.Length, out var written);
                    packed.Write(room, 0, written);
                }
                while (!done);
            }
        }
        using var decompressor = new ZstdDecompressor();
        ReadOnlySpan<byte> source = packed.ToArray();
        var content = new MemoryStream();
        var frames = 0;
        while (!source.IsEmpty)
        {
            frames += decompressor.Decompress(ref source, room, out var written) ? 1 : 0;
            content.Write(room, 0, written);
        }
        Assert.Equal(2, frames);
        Assert.Equal([.. data, .. data], content.ToArray());
    }

    [Fact]
    public void Filling_stops_at_the_end_of_the_target_and_ignores_what_follows_the_frame()
    {
        var data = Text(65_536);
        var packed = new byte[Zstd.CompressBound(data.Length) + 600];
        new Random(2).NextBytes(packed);
        var count = Zstd.Compress(data, packed);
        using var context = new ZstdDecompressor();
        var target = new byte[data.Length];
        Assert.Equal(data.Length, context.Fill(packed.AsSpan(0, count + 511), target));
        Assert.Equal(data, target);
        Assert.Equal(1000, context.Fill(packed.AsSpan(0, count), target.AsSpan(0, 1000)));
        Assert.InRange(context.Fill(packed.AsSpan(0, count / 2), target), 0, data.Length - 1);
    }

    [Fact]
    public void Damage_is_an_error_that_names_zstd()
    {
        var noise = new byte[1000];
        new Random(3).NextBytes(noise);
        Assert.StartsWith("zstd: ", Assert.Throws<InvalidDataException>(() => Zstd.Decompress(noise, new byte[5000])).Message, StringComparison.Ordinal);
        using var context = new ZstdDecompressor();
        Assert.Throws<InvalidDataException>(() => context.Fill(noise, new byte[5000]));
        Assert.Null(Zstd.ContentLength(noise));
    }

    [Fact]
    public void The_zstd_tool_reads_it_and_is_read()
    {
        using var folder = new TempFolder();
        var data = Text(300_000);
        var packed = new byte[Zstd.CompressBound(data.Length)];
        var count = Zstd.Compress(data, packed, 9);
        File.WriteAllBytes(folder.File("ours.zst"), packed[..count]);
        Tool.Expect("zstd", "-d", "-q", folder.File("ours.zst"), "-o", folder.File("ours"));
        Assert.Equal(data, File.ReadAllBytes(folder.File("ours")));
        Tool.Expect("zstd", "-q", "-12", folder.File("ours"), "-o", folder.File("theirs.zst"));
        var again = new byte[data.Length];
        Assert.Equal(data.Length, Zstd.Decompress(File.ReadAllBytes(folder.File("theirs.zst")), again));
        Assert.Equal(data, again);
    }

    private static byte[] Text(int length)
    {
        var random = new Random(length);
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
            bytes[i] = (byte)"abcdefgh  \n"[random.Next(11) * random.Next(11) / 11];
        return bytes;
    }
}
