using Platter.Primitives.Codecs;
using Platter.Testing.Ntfs;

namespace Platter.Fuzz.Targets;

/// <summary>Compressed data of NTFS, broken and whole: LZNT1, XPRESS, LZX.</summary>
/// <param name="name"><c>lznt1</c>, <c>xpress</c> or <c>lzx</c>.</param>
internal sealed class NtfsCodecTarget(string name) : FuzzTarget
{
    private readonly List<(byte[] Packed, byte[] Data)> _bases = [];

    public override string Name => name;

    public override void Prepare()
    {
        for (var seed = 0; seed < 12; seed++)
        {
            var data = Sample(seed, name switch { "lznt1" => 16384, "xpress" => 4096 << seed % 3, _ => seed % 2 == 0 ? 32768 : 9000 });
            _bases.Add((Pack(data, seed), data));
        }
    }

    public override bool Run(Dice dice)
    {
        var (packed, data) = dice.Pick(_bases);
        var source = packed.ToArray();
        var isSound = dice.OneIn(20);
        for (var left = isSound ? 0 : dice.Between(1, 6); left > 0; left--)
        {
            // Most of what decides is at the start: heads and code lengths.
            var at = dice.Next(dice.OneIn(2) ? Math.Min(300, source.Length) : source.Length);
            source[at] = dice.OneIn(2) ? (byte)dice.Next(256) : (byte)(source[at] ^ 1 << dice.Next(8));
        }
        var input = isSound || !dice.OneIn(4) ? source : source[..dice.Next(source.Length)];
        var target = new byte[isSound ? data.Length : dice.Between(1, data.Length)];
        var problem = name switch
        {
            "lznt1" => Lznt1.Decompress(input, target),
            "xpress" => new XpressHuffman().Decompress(input, target),
            _ => new Lzx().Decompress(input, target),
        };
        if (isSound)
            Expect(problem is null && target.AsSpan().SequenceEqual(data), "whole data comes back");
        return problem is null;
    }

    private byte[] Pack(byte[] data, int seed)
    {
        if (name == "xpress")
            return XpressEncoder.Encode(data);
        if (name == "lzx")
            return LzxEncoder.Encode(data, (1 + seed % 3, 2000), (1 + (seed + 1) % 3, 3000), (1 + seed / 3 % 3, 0));
        var packed = new byte[data.Length + data.Length / 1024];
        return packed[..Lznt1.Compress(data, packed)];
    }

    private static byte[] Sample(int seed, int size)
    {
        var random = new Random(seed);
        var data = new byte[size];
        for (var at = 0; at < size; at++)
            data[at] = random.Next(seed + 2) == 0 || at < 50 ? (byte)random.Next(seed % 3 == 0 ? 8 : 256) : data[at - 1 - seed * 3];
        return data;
    }
}
