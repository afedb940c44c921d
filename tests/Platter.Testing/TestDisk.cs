using Platter.Blocks;
using Xunit;

namespace Platter.Testing;

/// <summary>Raw disks with some data in them: random bytes, repeating text, runs of zeros, at places that no block size divides.</summary>
public static class TestDisk
{
    /// <summary>Makes one.</summary>
    /// <param name="path">Where.</param>
    /// <param name="length">Bytes of the disk.</param>
    /// <param name="data">Bytes of data, about.</param>
    /// <param name="seed">The same seed, the same disk.</param>
    public static void Make(string path, long length, int data, int seed)
    {
        using var file = HostFile.Create(path, length);
        Fill(file, data, seed);
    }

    /// <summary>Fills one.</summary>
    public static void Fill(BlockDevice device, int data, int seed)
    {
        var random = new Random(seed);
        for (var left = data; left > 0;)
        {
            var bytes = new byte[(int)Math.Min(Math.Min(left, device.Length), random.Next(1, 700_000))];
            if (random.Next(2) == 0)
                random.NextBytes(bytes);
            else
                for (var i = 0; i < bytes.Length; i++)
                    bytes[i] = (byte)"all work and no play makes a dull disk, "[(i + i / 1000) % 40];
            if (bytes.Length > 100_000)
                bytes.AsSpan(30_000, 50_000).Clear();
            var offset = random.Next(4) == 0 ? random.NextInt64((device.Length - bytes.Length) / 512 + 1) * 512 : random.NextInt64(device.Length - bytes.Length + 1);
            device.Write(offset, bytes);
            left -= bytes.Length;
        }
        // The very ends are where mistakes are.
        var end = (int)Math.Min(700, device.Length);
        var mark = new byte[end];
        random.NextBytes(mark);
        device.Write(0, mark);
        device.Write(device.Length - end, mark);
    }

    /// <summary>Fails unless a second device starts with the content of the first, and has zeros behind it.</summary>
    public static void Same(BlockDevice expected, BlockDevice found)
    {
        Assert.True(found.Length >= expected.Length, $"{found.Length} bytes, expected {expected.Length}");
        var (x, y) = (new byte[1 << 20], new byte[1 << 20]);
        for (var offset = 0L; offset < found.Length; offset += x.Length)
        {
            var count = (int)Math.Min(x.Length, found.Length - offset);
            var there = (int)Math.Clamp(expected.Length - offset, 0, count);
            // A hole in both is the same in both.
            if (!found.AllocatedRanges(offset, count).Any() && (there == 0 || !expected.AllocatedRanges(offset, there).Any()))
                continue;
            expected.Read(Math.Min(offset, expected.Length), x.AsSpan(0, there));
            x.AsSpan(there).Clear();
            found.Read(offset, y.AsSpan(0, count));
            var same = x.AsSpan(0, count).CommonPrefixLength(y.AsSpan(0, count));
            Assert.True(same == count, $"differs at byte {offset + same}");
        }
    }
}
