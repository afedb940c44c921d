using Platter.Blocks;
using Platter.Testing.Blocks;
using Xunit;

namespace Platter.Tests.Blocks;

/// <summary>Two other files, one of them empty so far, and a main one behind them, as one device.</summary>
public sealed class JoinedFilesConformance : BlockDeviceConformance
{
    private const int Page = 4096;

    protected override BlockDevice Create() => new JoinedFiles(new ResizableMemoryDevice(TestLength - 130 * Page),
        [(new ResizableMemoryDevice(0), 73 * Page), (new ResizableMemoryDevice(57 * Page), 57 * Page)]);
}

public sealed class JoinedFilesTests
{
    [Fact]
    public void What_a_page_has_behind_the_end_of_a_file_goes_nowhere()
    {
        var (other, main) = (new ResizableMemoryDevice(0), new ResizableMemoryDevice(10));
        using var joined = new JoinedFiles(main, [(other, 5000)]);
        Assert.Equal(8192, joined.MainStart);
        joined.Write(4096, Enumerable.Repeat((byte)7, 4106).ToArray());
        Assert.Equal(5000, other.Length);
        Assert.Equal(10, main.Length);
        var bytes = new byte[joined.Length];
        joined.Read(0, bytes);
        Assert.Equal([.. new byte[4096], .. Enumerable.Repeat((byte)7, 904), .. new byte[3192], .. Enumerable.Repeat((byte)7, 10)], bytes);
    }

    [Fact]
    public void Only_the_main_file_changes_its_length()
    {
        var (other, main) = (new ResizableMemoryDevice(100), new ResizableMemoryDevice(10));
        using var joined = new JoinedFiles(main, [(other, 5000)]);
        joined.SetLength(8192 + 500);
        Assert.Equal(500, main.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => joined.SetLength(8191));
        Assert.Equal(100, other.Length);
        // Zeros and discarding don't make a file longer; what is not there reads as zeros.
        joined.WriteZeros(0, 8192);
        joined.Discard(0, 8192);
        Assert.Equal(100, other.Length);
        joined.Write(200, [1]);
        Assert.Equal(5000, other.Length);
    }

    [Fact]
    public void A_transaction_over_both_is_kept_or_dropped_in_both()
    {
        var (other, main, store) = (new ResizableMemoryDevice(0), new ResizableMemoryDevice(10_000), new MemoryJournalStore());
        using (var transaction = TransactionDevice.Open(new JoinedFiles(main, [(other, 20_000)]), store))
        {
            transaction.Write(0, [1, 2, 3]);
            transaction.Write(20_480, [4, 5, 6]);
            transaction.Rollback();
            Assert.Equal(0, other.Length);
            transaction.Write(10, [7]);
            transaction.SetLength(20_480 + 30_000);
            transaction.Write(20_480 + 29_999, [8]);
            transaction.Flush();
        }
        Assert.Equal((20_000, 30_000), (other.Length, main.Length));
        Assert.Equal((7, 0, 8, 0), (other.Bytes[10], other.Bytes[0], main.Bytes[29_999], main.Bytes[0]));
    }
}
