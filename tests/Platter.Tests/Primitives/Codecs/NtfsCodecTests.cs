using Platter.Primitives.Codecs;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Tests.Primitives.Codecs;

/// <summary>LZNT1, XPRESS and LZX: the specifications' own examples, round trips through encoders written from the specifications, and damage.</summary>
public class NtfsCodecTests
{
    private static readonly byte[] Song = [.. "F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E F# G F# E D E A F# F# G A A G F# E D D E F# E D D"u8, 0];

    [Fact]
    public void Lznt1_decodes_the_example_of_the_specification()
    {
        // [MS-XCA] 3.3
        var packed = Convert.FromHexString("38B08846232000204720410010A24701A045204400084501507900C045200524138805B4024A44EF0358028C091601484500BE009E000401189000");
        var unpacked = new byte[Song.Length];
        Assert.Null(Lznt1.Decompress(packed, unpacked));
        Assert.Equal(Song, unpacked);
    }

    [Fact]
    public void Xpress_decodes_the_example_of_the_specification()
    {
        // [MS-XCA] 3.2: the alphabet
        var packed = new byte[276];
        Convert.FromHexString("50555555555555555555554544 04".Replace(" ", "", StringComparison.Ordinal)).CopyTo(packed, 0x30);
        packed[0x80] = 4;
        Convert.FromHexString("D8523ED794115BE9195FF9D67CDF8D0400000000").CopyTo(packed, 256);
        var unpacked = new byte[26];
        Assert.Null(new XpressHuffman().Decompress(packed, unpacked));
        Assert.Equal("abcdefghijklmnopqrstuvwxyz"u8.ToArray(), unpacked);
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Lznt1_brings_back_what_it_compressed(int seed)
    {
        var data = Sample(seed, 65536);
        var packed = new byte[data.Length + data.Length / Lznt1.ChunkSize * 2];
        var length = Lznt1.Compress(data, packed);
        Assert.InRange(length, 1, packed.Length);
        var unpacked = new byte[data.Length];
        Assert.Null(Lznt1.Decompress(packed.AsSpan(0, length), unpacked));
        Assert.Equal(data, unpacked);
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Xpress_decodes_what_the_encoder_of_the_tests_wrote(int seed)
    {
        var decoder = new XpressHuffman();
        foreach (var size in new[] { 1, 2, 3, 100, 4096, 8192, 16384 })
        {
            var data = Sample(seed, size);
            var unpacked = new byte[size];
            Assert.Null(decoder.Decompress(XpressEncoder.Encode(data), unpacked));
            Assert.Equal(data, unpacked);
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Lzx_decodes_blocks_of_every_kind_from_the_encoder_of_the_tests(int seed)
    {
        var decoder = new Lzx();
        foreach (var size in new[] { 1, 11, 1000, 32767, 32768 })
        {
            var data = Sample(seed, size);
            foreach (var blocks in new (int, int)[][] { [(1, 0)], [(2, 0)], [(3, 0)], [(1, 301), (2, 1000), (3, 77), (1, 5000), (3, 2000), (2, 0)] })
            {
                var unpacked = new byte[size];
                Assert.Null(decoder.Decompress(LzxEncoder.Encode(data, blocks), unpacked));
                Assert.Equal(data, unpacked);
            }
        }
    }

    [Fact]
    public void Cut_and_damaged_data_is_told_or_decoded_and_nothing_is_written_beyond()
    {
        var random = new Random(9);
        var data = Sample(3, 8192);
        var unit = new byte[8196];
        byte[][] sound = [unit[..Lznt1.Compress(data, unit)], XpressEncoder.Encode(data), LzxEncoder.Encode(data, (1, 3000), (2, 3000), (3, 0))];
        var (xpress, lzx) = (new XpressHuffman(), new Lzx());
        for (var round = 0; round < 3000; round++)
        {
            var kind = round % 3;
            var packed = sound[kind].ToArray();
            for (var i = 0; i < 3; i++)
                packed[random.Next(packed.Length)] ^= (byte)(1 << random.Next(8));
            var cut = packed.AsSpan(0, random.Next(packed.Length + 1));
            var target = new byte[8192];
            _ = kind switch { 0 => Lznt1.Decompress(cut, target), 1 => xpress.Decompress(cut, target), _ => lzx.Decompress(cut, target) };
        }
        Assert.Contains("code lengths", xpress.Decompress([1, 2, 3], new byte[9]), StringComparison.Ordinal);
        Assert.Contains("complete code", xpress.Decompress(new byte[300], new byte[9]), StringComparison.Ordinal);
        Assert.Contains("before its start", Lznt1.Decompress([3, 0xB0, 1, 0, 0, 0], new byte[9]), StringComparison.Ordinal);
        Assert.Contains("block of", lzx.Decompress(new byte[300], new byte[9]), StringComparison.Ordinal);
        Assert.Contains("at most 32768", lzx.Decompress([], new byte[40000]), StringComparison.Ordinal);
    }

    public static TheoryData<int> Seeds => [0, 1, 2, 3, 4, 5, 6, 7];

    // Text, zeros, noise, x86-like calls, short and long repeats.
    private static byte[] Sample(int seed, int size)
    {
        var random = new Random(seed);
        var data = new byte[size];
        for (var at = 0; at < size;)
        {
            var part = data.AsSpan(at, Math.Min(size - at, random.Next(1, seed % 2 == 0 ? 3000 : 60)));
            switch ((random.Next(4) + seed) % 5)
            {
                case 0:
                    random.NextBytes(part);
                    break;
                case 1:
                    part.Fill((byte)seed);
                    break;
                case 2:
                    for (var i = 0; i < part.Length; i++)
                        part[i] = (byte)("etaoin shrdlu"u8[(i * 7 + i / 5) % 13]);
                    break;
                case 3:
                    for (var i = 0; i < part.Length; i++)
                        part[i] = i % 6 == 0 ? (byte)0xE8 : (byte)random.Next(0, i % 6 > 2 ? 2 : 256);
                    break;
                default:
                    for (var i = 0; i < part.Length; i++)
                        part[i] = at + i >= 40 ? data[at + i - 40] : (byte)i;
                    break;
            }
            at += part.Length;
        }
        return data;
    }
}
