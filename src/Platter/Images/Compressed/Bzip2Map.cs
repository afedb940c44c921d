using System.Buffers.Binary;
using Platter.Blocks;

namespace Platter.Images.Compressed;

/// <summary>The blocks of a bzip2 file, found by the magic of 48 bits that each begins with, at any bit. How long their contents are
/// only unpacking tells, which is done on all cores.</summary>
internal static class Bzip2Map
{
    private const int BufferSize = 1 << 20;
    private const ulong Mask = (1UL << 48) - 1;

    /// <exception cref="DiskFormatException">The stream is damaged or cut.</exception>
    internal static CompressedMap Read(BlockDevice host)
    {
        var map = new CompressedMap();
        var blocks = FindBlocks(host, map);
        var lengths = Measure(host, blocks);
        for (var i = 0; i < blocks.Count; i++)
            map.Add(blocks[i].Source, blocks[i].SourceEnd, lengths[i]);
        return map;
    }

    /// <summary>The first block; null when there is none.</summary>
    /// <exception cref="DiskFormatException">The stream is cut.</exception>
    internal static CompressedPiece? FirstBlock(BlockDevice host)
    {
        var marks = FindMarks(host, most: 2);
        return marks switch
        {
            [(_, true), ..] => null,
            [var first, var second, ..] => new CompressedPiece(first.Bit, second.Bit, 0, long.MaxValue),
            _ => throw new DiskFormatException("CMP-0001", "Bzip2Stream", host.Length, "the file ends within a block: it was cut"),
        };
    }

    /// <summary>The blocks, in order, without the lengths of their contents; and in the map what is behind the last stream.</summary>
    /// <exception cref="DiskFormatException">The stream is cut.</exception>
    internal static List<CompressedPiece> FindBlocks(BlockDevice host, CompressedMap map)
    {
        var marks = FindMarks(host);
        var blocks = new List<CompressedPiece>();
        for (var i = 0; i < marks.Count; i++)
        {
            if (marks[i].IsEnd)
                continue;
            if (i + 1 == marks.Count)
                throw new DiskFormatException("CMP-0001", "Bzip2Stream", host.Length, "the file ends within a block: it was cut");
            blocks.Add(new CompressedPiece(marks[i].Bit, marks[i + 1].Bit, 0, long.MaxValue));
        }
        if (marks.Count == 0)
            throw new DiskFormatException("CMP-0001", "Bzip2Stream", Math.Min(4, host.Length), "found neither a block nor the end of the stream: the file was cut");
        if (!marks[^1].IsEnd)
            throw new DiskFormatException("CMP-0001", "Bzip2Stream", host.Length, "found no end of the stream: the file was cut");
        var end = (marks[^1].Bit + 80 + 7) / 8;
        if (end > host.Length)
            throw new DiskFormatException("CMP-0001", "Bzip2Stream.crc", host.Length, "the file ends within the checksum of the stream: it was cut");
        if (end < host.Length)
            map.Trailing = end;
        return blocks;
    }

    private static List<(long Bit, bool IsEnd)> FindMarks(BlockDevice host, int most = int.MaxValue)
    {
        var marks = new List<(long, bool)>();
        var buffer = new byte[BufferSize + 8];
        for (var at = 0L; at < host.Length && marks.Count < most; at += BufferSize)
        {
            var count = (int)Math.Min(buffer.Length, host.Length - at);
            host.Read(at, buffer.AsSpan(0, count));
            buffer.AsSpan(count).Clear();
            var limit = (int)Math.Min(BufferSize, host.Length - at);
            for (var i = 0; i < limit; i++)
            {
                var bits = BinaryPrimitives.ReadUInt64BigEndian(buffer.AsSpan(i));
                for (var shift = 0; shift < 8; shift++)
                {
                    var value = bits >> (16 - shift) & Mask;
                    if (value is Bzip2Decoder.BlockMagic or Bzip2Decoder.EndMagic)
                        marks.Add(((at + i) * 8 + shift, value == Bzip2Decoder.EndMagic));
                }
            }
        }
        return marks;
    }

    private static long[] Measure(BlockDevice host, List<CompressedPiece> blocks)
    {
        var lengths = new long[blocks.Count];
        var next = -1;
        var failure = (Number: int.MaxValue, Error: (Exception?)null);
        var gate = new object();
        var threads = new Thread[Math.Clamp(Math.Min(Environment.ProcessorCount, blocks.Count), 1, 8)];
        for (var t = 0; t < threads.Length; t++)
        {
            threads[t] = new Thread(() =>
            {
                var scratch = new byte[256 << 10];
                var number = 0;
                try
                {
                    using var decoder = new Bzip2Decoder(host);
                    while ((number = Interlocked.Increment(ref next)) < blocks.Count)
                    {
                        decoder.Begin(blocks[number]);
                        for (int count; (count = decoder.Read(scratch)) > 0;)
                            lengths[number] += count;
                    }
                }
                catch (Exception e)     // thrown again by the thread that asked for the work
                {
                    lock (gate)
                    {
                        if (number < failure.Number)
                            failure = (number, e);
                    }
                    Interlocked.Exchange(ref next, blocks.Count);
                }
            }) { IsBackground = true, Name = "platter bzip2" };
            threads[t].Start();
        }
        foreach (var thread in threads)
            thread.Join();
        if (failure.Error is { } error)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(error);
        return lengths;
    }
}
