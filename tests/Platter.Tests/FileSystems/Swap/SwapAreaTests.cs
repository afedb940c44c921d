using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Swap;
using Xunit;

namespace Platter.Tests.FileSystems.Swap;

public sealed class SwapAreaTests
{
    private const string Id = "0f0f0f0f-1234-4567-89ab-000102030405";

    private static MemoryDevice Make(int length = 1 << 20, string? label = "SWAP", int pageSize = 4096)
    {
        var device = new MemoryDevice(length);
        SwapArea.Format(device, new FormatOptions
        {
            Type = "swap", Label = label, Id = Id, Options = new Dictionary<string, string>(StringComparer.Ordinal) { ["page_size"] = pageSize.ToString() },
        });
        return device;
    }

    private static void Poke(BlockDevice device, long offset, params byte[] bytes) => device.Write(offset, bytes);

    private static string Refusal(int length, FormatOptions options) => Assert.Throws<ArgumentException>(() => SwapArea.Format(new MemoryDevice(length), options)).Message;

    [Fact]
    public void The_header_lies_as_the_kernel_has_it()
    {
        Assert.Equal(SwapHeader.Size, Unsafe.SizeOf<SwapHeader>());
        Assert.Equal((0, 4, 8, 12, 28, 44), (Offset(nameof(SwapHeader.Version)), Offset(nameof(SwapHeader.LastPage)), Offset(nameof(SwapHeader.BadPages)),
            Offset(nameof(SwapHeader.Uuid)), Offset(nameof(SwapHeader.Label)), Offset(nameof(SwapHeader.Padding))));

        static int Offset(string field) => (int)Marshal.OffsetOf<SwapHeader>(field);
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(16384)]
    [InlineData(65536)]
    public void What_was_made_is_read_again(int pageSize)
    {
        using var device = Make(pageSize: pageSize);
        var area = SwapArea.TryOpen(device)!;
        Assert.Equal((pageSize, (1L << 20) / pageSize, "SWAP", Id, false, false), (area.PageSize, area.Pages, area.Label, area.Id.ToString(), area.IsBigEndian, area.IsHibernated));
        Assert.Equal(("swap", "SWAP", Id, (1L << 20) - pageSize), (area.Info.Type, area.Info.Label, area.Info.Id, area.Info.TotalBytes));
        Assert.True(SwapArea.Check(device).IsClean);
    }

    [Fact]
    public void An_area_without_a_label_has_none_and_an_identifier_of_its_clock()
    {
        using var device = new MemoryDevice(1 << 20);
        SwapArea.Format(device, new FormatOptions { Type = "swap" });
        var area = SwapArea.TryOpen(device)!;
        Assert.Null(area.Label);
        Assert.NotEqual(Guid.Empty, area.Id);
    }

    [Fact]
    public void Heads_of_older_filesystems_do_not_shine_through()
    {
        using var device = new MemoryDevice(1 << 20);
        for (var at = 0; at < 128 << 10; at += 512)
            Poke(device, at, 0xEB);
        SwapArea.Format(device, new FormatOptions { Type = "swap", Id = Id });
        using var fresh = Make(label: null);
        var (a, b) = (new byte[128 << 10], new byte[128 << 10]);
        device.Read(0, a);
        fresh.Read(0, b);
        Assert.Equal(b, a);
    }

    [Fact]
    public void A_big_endian_area_is_read()
    {
        using var device = Make();
        Poke(device, 1024, 0, 0, 0, 1, 0, 0, 0, 0xFF, 0, 0, 0, 0);
        var area = SwapArea.TryOpen(device)!;
        Assert.Equal((true, 256L), (area.IsBigEndian, area.Pages));
    }

    [Theory]
    [InlineData("S1SUSPEND\0")]
    [InlineData("LINHIB0001")]
    public void A_hibernated_area_says_so(string signature)
    {
        using var device = Make();
        Poke(device, 4086, [.. signature.Select(c => (byte)c)]);
        Assert.True(SwapArea.TryOpen(device)!.IsHibernated);
    }

    [Theory]
    [InlineData("SWP-0001", 1024, 2)]           // version
    [InlineData("SWP-0002", 1028, 0, 1)]        // last page: 256
    [InlineData("SWP-0002", 1028, 0)]           // none but the header's
    [InlineData("SWP-0003", 1033, 0x10)]        // 4096 bad pages
    public void Damage_is_found_and_refused(string code, int offset, params int[] bytes)
    {
        using var device = Make();
        Poke(device, offset, [.. bytes.Select(b => (byte)b)]);
        Assert.Equal(code, Assert.Single(SwapArea.Check(device).Findings).Code);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => SwapArea.TryOpen(device)).Code);
        Assert.True(SwapArea.Recognise(device));
    }

    [Fact]
    public void Nothing_else_is_a_swap_area()
    {
        using var zeros = new MemoryDevice(1 << 20);
        using var tiny = new MemoryDevice(512);
        Assert.Null(SwapArea.TryOpen(zeros));
        Assert.Null(SwapArea.TryOpen(tiny));
        Assert.True(SwapArea.Check(zeros).IsClean);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Assert.Contains("at least 10 pages", Refusal(4096 * 9, new FormatOptions { Type = "swap" }), StringComparison.Ordinal);
        Assert.Contains("15 bytes", Refusal(1 << 20, new FormatOptions { Type = "swap", Label = "0123456789abcdef" }), StringComparison.Ordinal);
        Assert.Contains("no UUID", Refusal(1 << 20, new FormatOptions { Type = "swap", Id = "1234-ABCD" }), StringComparison.Ordinal);
        Assert.Contains("page_size", Refusal(1 << 20, new FormatOptions { Type = "swap", Options = new Dictionary<string, string>(StringComparer.Ordinal) { ["pagesize"] = "4K" } }), StringComparison.Ordinal);
        Assert.Contains("power of two", Refusal(1 << 20, new FormatOptions { Type = "swap", Options = new Dictionary<string, string>(StringComparer.Ordinal) { ["page_size"] = "12K" } }), StringComparison.Ordinal);
    }
}
