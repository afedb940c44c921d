using Platter.Blocks;
using Xunit;

namespace Platter.Tests.Blocks;

public sealed class GatheringDeviceTests
{
    private const int Length = 3 << 20;

    /// <summary>Counts what arrives.</summary>
    private sealed class CountingDevice : BlockDevice
    {
        private readonly MemoryDevice _inner = new(GatheringDeviceTests.Length);

        public byte[] Bytes => _inner.Bytes;
        public int Writes { get; private set; }
        public int Flushes { get; private set; }
        public override long Length => _inner.Length;
        public override bool CanWrite => true;

        public override void Flush() => Flushes++;

        protected override void ReadCore(long offset, Span<byte> buffer) => _inner.Read(offset, buffer);

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
        {
            Writes++;
            _inner.Write(offset, data);
        }
    }

    [Fact]
    public void Neighbours_become_one_write_that_a_flush_hands_on_and_no_more()
    {
        var device = new CountingDevice();
        var told = 0L;
        using var gathering = new GatheringDevice(device, n => told = n);
        for (var i = 0; i < 100; i++)
            gathering.WriteFresh(4096 * i, Enumerable.Repeat((byte)i, 4096).ToArray());
        gathering.Write(4096 * 7 + 5, [200]);
        Assert.Equal(0, device.Writes);
        Span<byte> back = stackalloc byte[2];
        gathering.Read(4096 * 7 + 4, back);
        Assert.Equal([7, 200], back.ToArray());
        gathering.Flush();
        Assert.Equal((1, 0, 409_600L), (device.Writes, device.Flushes, told));
        Assert.Equal(99, device.Bytes[409_599]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_is_done_reads_back_as_on_the_device_itself(int seed)
    {
        var dice = new Random(seed);
        var device = new CountingDevice();
        using var gathering = new GatheringDevice(device);
        var model = new byte[Length];
        var next = 0;
        for (var step = 0; step < 2000; step++)
        {
            var offset = dice.Next(3) == 0 ? dice.Next(Length - 100_000) : Math.Min(next, Length - 100_000);
            var data = new byte[dice.Next(20) == 0 ? dice.Next(100_000) : dice.Next(5000)];
            dice.NextBytes(data);
            switch (dice.Next(8))
            {
                case 0:
                    var back = new byte[data.Length];
                    gathering.Read(offset, back);
                    Assert.Equal(model.AsSpan(offset, back.Length).ToArray(), back);
                    break;
                case 1:
                    gathering.WriteZeros(offset, data.Length);
                    model.AsSpan(offset, data.Length).Clear();
                    break;
                case 2:
                    gathering.Flush();
                    break;
                default:
                    gathering.Write(offset, data);
                    data.CopyTo(model, offset);
                    next = (offset + data.Length) % (Length - 100_000);
                    break;
            }
        }
        gathering.Flush();
        Assert.Equal(model, device.Bytes);
    }
}
