using Platter.Primitives;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

public class CodePageTests
{
    public static TheoryData<int> AllPages => [.. CodePage.Numbers];

    [Theory, MemberData(nameof(AllPages))]
    public void ASCII_stands_in_its_place_in_every_page(int number)
    {
        var page = CodePage.Get(number);
        for (var value = 0; value < 0x80; value++)
            Assert.Equal((char)value, page.Decode((byte)value));
        var bytes = new byte[8];
        Assert.True(page.TryEncode("README~1", bytes, out var written));
        Assert.Equal("README~1"u8, bytes.AsSpan(0, written));
        Assert.Equal("README~1", page.Decode(bytes));
    }

    [Theory, MemberData(nameof(AllPages))]
    public void Every_single_byte_that_stands_for_a_character_comes_back_as_itself(int number)
    {
        var page = CodePage.Get(number);
        var bytes = new byte[2];
        for (var value = 0; value <= 0xFF; value++)
        {
            var c = page.Decode((byte)value);
            if (c == '\uFFFD')
            {
                Assert.True(page.IsDoubleByte, $"0x{value:X2} of page {number} stands for nothing");
                continue;
            }
            Assert.True(page.TryEncode([c], bytes, out var written), $"0x{value:X2} of page {number} decodes to U+{(int)c:X4}, which is refused");
            Assert.Equal(1, written);
            Assert.Equal(value, bytes[0]);
        }
    }

    [Theory, MemberData(nameof(AllPages))]
    public void Whatever_is_encoded_decodes_to_the_same_character(int number)
    {
        var page = CodePage.Get(number);
        var bytes = new byte[2];
        var encodable = 0;
        for (var c = 0; c <= 0xFFFF; c++)
        {
            if (!page.TryEncode([(char)c], bytes, out var written))
                continue;
            encodable++;
            Assert.Equal(((char)c).ToString(), page.Decode(bytes.AsSpan(0, written)));
        }
        Assert.True(page.IsDoubleByte ? encodable > 9000 : encodable == 256, $"page {number} has {encodable} characters");
    }

    [Theory]
    [InlineData(437, "ÜBUNGß", "9A 42 55 4E 47 E1")]
    [InlineData(850, "Øß", "9D E1")]
    [InlineData(852, "ŁÓDŹ", "9D E0 44 8D")]
    [InlineData(866, "ПРИВЕТ", "8F 90 88 82 85 92")]
    [InlineData(932, "日本ｱ", "93 FA 96 7B B1")]
    [InlineData(932, "表①髙", "95 5C 87 40 FB FC")]
    [InlineData(10000, "Ünï", "86 6E 95")]
    public void Known_text_has_the_published_bytes(int number, string text, string expected)
    {
        var page = CodePage.Get(number);
        var bytes = new byte[32];
        Assert.True(page.TryEncode(text, bytes, out var written));
        Assert.Equal(expected, string.Join(' ', bytes.Take(written).Select(b => b.ToString("X2"))));
        Assert.Equal(text, page.Decode(bytes.AsSpan(0, written)));
    }

    [Theory]
    [InlineData(437, "Ł")]
    [InlineData(437, "É́")]
    [InlineData(437, "\uFF21")]
    [InlineData(866, "é")]
    [InlineData(932, "é")]
    [InlineData(932, "\uFFFD")]
    [InlineData(852, "😀")]
    public void A_character_outside_the_page_is_refused_and_never_replaced(int number, string text)
    {
        Assert.False(CodePage.Get(number).TryEncode(text, new byte[16], out _));
        Assert.False(CodePage.Get(number).CanEncode(text));
    }

    [Fact]
    public void Text_that_does_not_fit_is_refused_with_what_fits_written()
    {
        var bytes = new byte[3];
        Assert.False(CodePage.Get(932).TryEncode("日本", bytes, out var written));
        Assert.Equal(2, written);
    }

    [Fact]
    public void A_lead_byte_without_a_valid_second_one_spoils_itself_only()
    {
        var page = CodePage.Get(932);
        Assert.True(page.IsLeadByte(0x93));
        Assert.False(page.IsLeadByte(0xB1));
        Assert.False(CodePage.Get(437).IsLeadByte(0x93));
        Assert.Equal("\uFFFD A", page.Decode([0x93, 0x20, 0x41]));
        Assert.Equal("A\uFFFD", page.Decode([0x41, 0x93]));
    }

    [Fact]
    public void An_unknown_page_is_named_with_those_there_are()
    {
        var e = Assert.Throws<ArgumentException>(() => CodePage.Get(1252));
        Assert.Contains("437, 850, 852, 866, 932, 10000", e.Message);
    }
}
