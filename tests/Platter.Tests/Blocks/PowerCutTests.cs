using Platter.Blocks;
using Platter.Testing.Blocks;
using Xunit;

namespace Platter.Tests.Blocks;

public sealed class PowerCutTests(ITestOutputHelper output)
{
    private const int PageCount = 64;

    // The image is a row of cells of 1000 bytes, so that they straddle pages and sectors; each holds the number of the commit that wrote it.
    private const int CellSize = 1000;

    [Theory]
    [InlineData(32 << 20, 64 << 10)]
    [InlineData(32 << 20, 0)]
    [InlineData(16 << 10, 0)]
    public void Every_crash_leaves_the_state_before_or_after_the_commit(long memory, long fresh)
    {
        var initial = new byte[PageCount * 4096 + 123];
        var states = new List<byte[]> { initial };
        var result = PowerCut.Run(initial, device =>
        {
            var random = new Random(5);
            for (var commit = 1; commit <= 6; commit++)
            {
                var model = states[^1].ToArray();
                for (var i = 0; i < (commit % 2 == 0 ? 3 : 25); i++)
                {
                    var at = random.Next((initial.Length - CellSize) / CellSize / 2) * CellSize;
                    var cell = Enumerable.Repeat((byte)(commit * 16 + i % 16), CellSize).ToArray();
                    device.Write(at, cell);
                    cell.CopyTo(model, at);
                }
                if (commit == 3)
                {
                    device.WriteZeros(10_000, 90_000);
                    Array.Clear(model, 10_000, 90_000);
                }
                if (commit == 4)
                {
                    // What is rolled back must never be seen.
                    device.WriteFresh(200_000, new byte[50_000]);
                    device.Write(0, Enumerable.Repeat((byte)0xEE, 60_000).ToArray());
                    device.Rollback();
                    model = states[^1].ToArray();
                    device.Write(5, [77]);
                    model[5] = 77;
                }
                // Fresh space, used once: the second half of the image, a part of it in each commit.
                var place = initial.Length / 2 + (commit - 1) * 20_000;
                var data = Enumerable.Repeat((byte)(0x80 + commit), 20_000).ToArray();
                device.WriteFresh(place, data);
                data.CopyTo(model, place);
                device.Discard(initial.Length - 5_000, 4_000);
                states.Add(model);
                device.Flush();
            }
        }, (device, point) =>
        {
            var all = new byte[device.Length];
            device.Read(0, all);
            Assert.Contains(Enumerable.Range(point.Oldest, point.Newest - point.Oldest + 1), i => Matches(all, states[i], i));
        }, new PowerCutOptions { Transaction = new TransactionOptions { MemoryLimit = memory, FreshLimit = fresh }, Samples = 4 });
        output.WriteLine($"{result.CrashPoints} crash points over {result.Operations} operations and {result.Commits} commits");
        Assert.True(result.CrashPoints > 300);

        // Space that is not yet used in state i may hold anything.
        bool Matches(byte[] found, byte[] state, int commits)
        {
            var used = initial.Length / 2 + commits * 20_000;
            return found.Length == state.Length && found.AsSpan(0, used).SequenceEqual(state.AsSpan(0, used));
        }
    }

    [Theory]
    [InlineData(64 << 10)]
    [InlineData(0)]
    public void An_image_that_grows_or_shrinks_in_a_transaction_has_the_old_length_or_the_new_one(long fresh)
    {
        var initial = new byte[100_000];
        new Random(1).NextBytes(initial);
        var states = new List<byte[]> { initial };
        var result = PowerCut.Run(initial, device =>
        {
            var resizable = (ResizableDevice)device;
            foreach (var length in new[] { 150_000, 300_001, 60_000, 60_100, 200_000 })
            {
                var model = new byte[length];
                states[^1].AsSpan(0, Math.Min(length, states[^1].Length)).CopyTo(model);
                var before = device.Length;
                resizable.SetLength(length);
                if (length > before)
                {
                    var data = new byte[length - before];
                    new Random(length).NextBytes(data);
                    device.WriteFresh(before, data);
                    data.CopyTo(model, before);
                }
                device.Write(1234, [(byte)states.Count]);
                model[1234] = (byte)states.Count;
                states.Add(model);
                device.Flush();
            }
            resizable.SetLength(400_000);
            device.Rollback();
            resizable.SetLength(500_000);
            device.WriteFresh(400_000, new byte[70_000]);
        }, (device, point) =>
        {
            var all = new byte[device.Length];
            device.Read(0, all);
            Assert.Contains(Enumerable.Range(point.Oldest, point.Newest - point.Oldest + 1), i => all.AsSpan().SequenceEqual(states[i]));
        }, new PowerCutOptions { Transaction = new TransactionOptions { FreshLimit = fresh }, Samples = 5, RecoveryEvery = 4 });
        output.WriteLine($"{result.CrashPoints} crash points over {result.Operations} operations and {result.Commits} commits");
    }

    // As in a container that grows: nearly all of the image is free space that gets new data, or has just been discarded.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fresh_data_over_most_of_an_image_that_grows_does_not_estrange_the_journal(bool freshFirst)
    {
        var initial = Enumerable.Range(0, 12 * 4096).Select(i => (byte)(i * 7 | 1)).ToArray();
        PowerCut.Run(initial, device =>
        {
            device.Discard(2 * 4096, 4 * 4096);
            device.Write(100, [1]);
            device.Flush();
            var file = (ResizableDevice)device;
            if (freshFirst)
                device.WriteFresh(4096, Enumerable.Repeat((byte)0x55, 7 * 4096).ToArray());
            file.SetLength(initial.Length + 8192);
            device.WriteFresh(4096 * 3, Enumerable.Repeat((byte)0x66, 9 * 4096).ToArray());
            device.Write(0, [2]);
            device.Flush();
        }, (device, point) =>
        {
            var first = new byte[1];
            device.Read(0, first);
            Assert.True(first[0] == 2 ? device.Length == initial.Length + 8192 && point.Newest == 2 : device.Length == initial.Length && point.Oldest < 2);
        }, new PowerCutOptions { Samples = 12, Transaction = new TransactionOptions { FreshLimit = 0 } });
    }

    [Fact]
    public void Fresh_data_in_a_page_of_the_commit_before_does_not_estrange_the_journal()
    {
        var result = PowerCut.Run(new byte[20_000], device =>
        {
            for (var i = 0; i < 4; i++)
            {
                device.WriteFresh(1024 + i * 512, Enumerable.Repeat((byte)(i + 1), 512).ToArray());
                device.Write(0, [(byte)(i + 1)]);
                device.Flush();
            }
        }, (device, point) =>
        {
            var all = new byte[4096];
            device.Read(0, all);
            Assert.InRange(all[0], point.Oldest, point.Newest);
            for (var i = 0; i < all[0]; i++)
                Assert.Equal(i + 1, all[1024 + i * 512]);
        }, new PowerCutOptions { Samples = 12, Transaction = new TransactionOptions { FreshLimit = 0 } });
        output.WriteLine($"{result.CrashPoints} crash points");
    }

    [Fact]
    public void The_harness_notices_a_device_without_transactions()
    {
        // Two writes that belong together, committed one by one: somewhere between them the power goes, and the check must see it.
        var seen = false;
        PowerCut.Run(new byte[20_000], device =>
        {
            device.Write(0, [1]);
            device.Flush();
            device.Write(10_000, [1]);
            device.Flush();
        }, device =>
        {
            Span<byte> a = stackalloc byte[1], b = stackalloc byte[1];
            device.Read(0, a);
            device.Read(10_000, b);
            seen |= a[0] != b[0];
        });
        Assert.True(seen);
    }
}
