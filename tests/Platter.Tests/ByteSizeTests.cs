using Xunit;

namespace Platter.Tests;

public sealed class ByteSizeTests
{
    [Theory]
    [InlineData("0", 0L)]
    [InlineData("512", 512L)]
    [InlineData("512B", 512L)]
    [InlineData("64K", 64L << 10)]
    [InlineData("64k", 64L << 10)]
    [InlineData("64KiB", 64L << 10)]
    [InlineData("10M", 10L << 20)]
    [InlineData("10mib", 10L << 20)]
    [InlineData("2G", 2L << 30)]
    [InlineData("1T", 1L << 40)]
    [InlineData("1P", 1L << 50)]
    [InlineData("7E", 7L << 60)]
    [InlineData("1.5G", 3L << 29)]
    [InlineData("1.44M", null)]
    [InlineData("0.5K", 512L)]
    [InlineData("1.000", 1L)]
    [InlineData("0.0009765625K", 1L)]
    [InlineData("9223372036854775807", long.MaxValue)]
    [InlineData("007", 7L)]
    [InlineData("9223372036854775808", null)]
    [InlineData("8E", null)]
    [InlineData("8191.9P", null)]
    [InlineData("340282366920938463463374607431768211456", null)]
    [InlineData("99999999999999999999999999999999999999999999999999K", null)]
    [InlineData("1.5", null)]
    [InlineData("0.00000000000000000001E", null)]
    [InlineData("", null)]
    [InlineData(" 1", null)]
    [InlineData("1 K", null)]
    [InlineData("-1", null)]
    [InlineData("+1", null)]
    [InlineData("K", null)]
    [InlineData(".5K", null)]
    [InlineData("1.K", null)]
    [InlineData("1.2.3K", null)]
    [InlineData("1KB", null)]
    [InlineData("1KiBB", null)]
    [InlineData("1X", null)]
    [InlineData("1,000", null)]
    [InlineData("0x200", null)]
    [InlineData("١", null)]
    public void Sizes_are_read_as_powers_of_1024_and_nothing_else_is(string text, long? bytes)
    {
        Assert.Equal(bytes is not null, ByteSize.TryParse(text, out var found));
        Assert.Equal(bytes ?? 0, found);
        if (bytes is null)
            Assert.Contains($"'{text[..Math.Min(text.Length, 40)]}", Assert.Throws<FormatException>(() => ByteSize.Parse(text)).Message, StringComparison.Ordinal);
        else
            Assert.Equal(bytes.Value, ByteSize.Parse(text));
    }

    [Fact]
    public void Null_is_no_size() => Assert.False(ByteSize.TryParse(null, out _));

    [Theory]
    [InlineData("8E", "'8E' is not a size: it is more than 2^63 - 1 bytes")]
    [InlineData("1.3K", "'1.3K' is not a size: it does not come to whole bytes")]
    [InlineData("1KB", "'1KB' is not a size: expected bytes, or a number with K, M, G, T, P or E (or KiB, MiB, ...), powers of 1024")]
    public void A_refusal_says_why(string text, string message) => Assert.Equal(message, Assert.Throws<FormatException>(() => ByteSize.Parse(text)).Message);

    [Fact]
    public void What_is_formatted_is_read_back_as_the_same_bytes()
    {
        var random = new Random(20261121);
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = random.NextInt64(long.MaxValue) >> random.Next(63) << random.Next(40) & long.MaxValue;
            Assert.Equal(bytes, ByteSize.Parse(ByteSize.Format(bytes)));
        }
        Assert.Equal("0", ByteSize.Format(0));
        Assert.Equal("1000", ByteSize.Format(1000));
        Assert.Equal("64K", ByteSize.Format(65536));
        Assert.Equal("1536M", ByteSize.Format(3L << 29));
        Assert.Equal("4E", ByteSize.Format(1L << 62));
        Assert.Throws<ArgumentOutOfRangeException>(() => ByteSize.Format(-1));
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1.00 KiB")]
    [InlineData(1500, "1.46 KiB")]
    [InlineData(10_240, "10.0 KiB")]
    [InlineData(1_048_575, "1.00 MiB")]
    [InlineData(1L << 40, "1.00 TiB")]
    [InlineData(long.MaxValue, "8.00 EiB")]
    public void Rounded_sizes_have_three_digits(long bytes, string text) => Assert.Equal(text, ByteSize.FormatRounded(bytes));
}
