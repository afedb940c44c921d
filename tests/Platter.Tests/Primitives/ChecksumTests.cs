using Platter.Primitives;
using Xunit;

namespace Platter.Tests.Primitives;

public sealed class ChecksumTests
{
    [Fact]
    public void Crc32C_gives_the_published_values()
    {
        Assert.Equal(0xE3069283u, Crc32C.Compute("123456789"u8));
        Assert.Equal(0u, Crc32C.Compute([]));
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32]));                                // RFC 3720, B.4
        Assert.Equal(0x62A8AB43u, Crc32C.Compute(Enumerable.Repeat((byte)0xFF, 32).ToArray()));
        Assert.Equal(0x46DD794Eu, Crc32C.Compute([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
    }

    [Fact]
    public void Adler32_gives_the_published_values()
    {
        Assert.Equal(0x11E60398u, Adler32.Compute("Wikipedia"u8));
        Assert.Equal(1u, Adler32.Compute([]));
    }

    [Fact]
    public void Checksums_continue_where_they_stopped()
    {
        var data = new byte[20_000];
        new Random(1).NextBytes(data);
        foreach (var cut in new[] { 0, 1, 7, 8, 5551, 5552, 5553, 20_000 })
        {
            Assert.Equal(Crc32C.Compute(data), Crc32C.Append(Crc32C.Compute(data.AsSpan(0, cut)), data.AsSpan(cut)));
            Assert.Equal(Adler32.Compute(data), Adler32.Append(Adler32.Compute(data.AsSpan(0, cut)), data.AsSpan(cut)));
        }
    }

    [Fact]
    public void Adler32_agrees_with_the_runtimes_zlib()
    {
        var data = new byte[100_000];
        new Random(2).NextBytes(data);
        using var packed = new MemoryStream();
        using (var zlib = new System.IO.Compression.ZLibStream(packed, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
            zlib.Write(data);
        Assert.Equal(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(packed.ToArray().AsSpan(^4)), Adler32.Compute(data));
    }
}

public sealed class LruCacheTests
{
    [Fact]
    public void What_was_used_longest_ago_goes_first()
    {
        var gone = new List<long>();
        var cache = new LruCache<string>(2, (k, _) => gone.Add(k));
        cache.Set(1, "a");
        cache.Set(2, "b");
        Assert.True(cache.TryGet(1, out _));
        cache.Set(3, "c");
        Assert.Equal([2], gone);
        Assert.False(cache.TryGet(2, out _));
        Assert.Equal(["a", "c"], cache.Values());
    }

    [Fact]
    public void Random_use_gives_what_a_list_would()
    {
        var random = new Random(1);
        var cache = new LruCache<int>(20);
        var model = new List<(long Key, int Value)>();
        for (var step = 0; step < 20_000; step++)
        {
            var key = random.Next(40);
            var at = model.FindIndex(e => e.Key == key);
            switch (random.Next(5))
            {
                case 0:
                    Assert.Equal(at >= 0, cache.Remove(key));
                    if (at >= 0)
                        model.RemoveAt(at);
                    break;
                case 1 or 2:
                    cache.Set(key, step);
                    if (at >= 0)
                        model.RemoveAt(at);
                    else if (model.Count == 20)
                        model.RemoveAt(0);
                    model.Add((key, step));
                    break;
                default:
                    Assert.Equal(at >= 0, cache.TryGet(key, out var value));
                    if (at >= 0)
                    {
                        Assert.Equal(model[at].Value, value);
                        model.Add(model[at]);
                        model.RemoveAt(at);
                    }
                    break;
            }
            Assert.Equal(model.Select(e => e.Value), cache.Values());
        }
    }
}
