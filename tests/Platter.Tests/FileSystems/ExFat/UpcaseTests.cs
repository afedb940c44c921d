using System.Buffers.Binary;
using Platter.FileSystems.ExFat;
using Xunit;

namespace Platter.Tests.FileSystems.ExFat;

public class UpcaseTests
{
    [Fact]
    public void The_standard_table_has_the_length_and_checksum_that_Windows_and_mkfs_exfat_write()
    {
        var table = ExFatUpcase.StandardOnDisk();
        Assert.Equal(5836, table.Length);
        Assert.Equal(0xE619D30Du, ExFatChecksums.Table(table));
        Assert.Equal(ExFatStandardUpcase.Checksum, ExFatChecksums.Table(table));
        Assert.Same(ExFatUpcase.Standard, ExFatUpcase.Load(table, 0xE619D30D, 0));
        Assert.Equal(65536, ExFatUpcase.Standard.Covered);
    }

    [Theory]
    [InlineData('a', 'A')]
    [InlineData('Z', 'Z')]
    [InlineData('ä', 'Ä')]
    [InlineData('ÿ', 'Ÿ')]
    [InlineData('ß', 'ß')]
    [InlineData('ı', 'ı')]
    [InlineData('ς', 'Σ')]
    [InlineData('я', 'Я')]
    [InlineData('ἀ', 'Ἀ')]
    [InlineData('ⅷ', 'Ⅷ')]
    [InlineData('ⓩ', 'Ⓩ')]
    [InlineData('ⴀ', 'Ⴀ')]
    [InlineData('ｚ', 'Ｚ')]
    [InlineData('\uFFFF', '\uFFFF')]
    public void A_letter_has_the_capital_that_the_specification_lists(char letter, char capital) =>
        Assert.Equal(capital, ExFatUpcase.Standard.Up(letter));

    [Fact]
    public void A_written_out_table_means_the_same_as_the_compressed_one()
    {
        var whole = new byte[ExFatUpcase.MaxLength];
        for (var i = 0; i <= char.MaxValue; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(whole.AsSpan(2 * i), ExFatUpcase.Standard.Up((char)i));
        var upcase = ExFatUpcase.Load(whole, ExFatChecksums.Table(whole), 0);
        Assert.Equal(65536, upcase.Covered);
        for (var i = 0; i <= char.MaxValue; i++)
            Assert.Equal(ExFatUpcase.Standard.Up((char)i), upcase.Up((char)i));
    }

    [Fact]
    public void A_table_of_the_mandatory_characters_leaves_the_others_as_they_are()
    {
        var table = Units([.. Enumerable.Range(0, 128).Select(i => (ushort)char.ToUpperInvariant((char)i))]);
        var upcase = ExFatUpcase.Load(table, ExFatChecksums.Table(table), 0);
        Assert.Equal(128, upcase.Covered);
        Assert.True(upcase.AreEqual("Straße", "STRAßE"));
        Assert.False(upcase.AreEqual("ä", "Ä"));
        Assert.True(ExFatUpcase.Standard.AreEqual("ä", "Ä"));
    }

    [Fact]
    public void Names_hash_as_other_drivers_hash_them()
    {
        Assert.Equal(ExFatUpcase.Standard.Hash("grün.TXT"), ExFatUpcase.Standard.Hash("GRÜN.txt"));
        Assert.NotEqual(ExFatUpcase.Standard.Hash("ab"), ExFatUpcase.Standard.Hash("ba"));
        ushort expected = 0;
        foreach (var b in new byte[] { (byte)'A', 0, 0xDC, 0 })
            expected = (ushort)((expected << 15 | expected >> 1) + b);
        Assert.Equal(expected, ExFatUpcase.Standard.Hash("aü"));
    }

    [Theory]
    [InlineData("EXF-0041", 0)]
    [InlineData("EXF-0041", 3)]
    [InlineData("EXF-0041", 131074)]
    public void A_table_of_an_impossible_length_is_refused(string code, int length) => AssertRefused(code, new byte[length]);

    [Fact]
    public void A_broken_table_is_refused()
    {
        var table = ExFatUpcase.StandardOnDisk();
        Assert.Equal("EXF-0042", Assert.Throws<DiskFormatException>(() => ExFatUpcase.Load(table, 1, 0)).Code);
        AssertRefused("EXF-0043", Units([0xFFFF, 0xFFFF, 0xFFFF, 2]));
        AssertRefused("EXF-0043", Units([.. Enumerable.Repeat((ushort[])[0xFFFF, 0x8000], 2).SelectMany(u => u), 5]));
        AssertRefused("EXF-0044", Units([.. Enumerable.Range(0, 128).Select(i => (ushort)i)]));
    }

    private static void AssertRefused(string code, byte[] table) =>
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => ExFatUpcase.Load(table, ExFatChecksums.Table(table), 0)).Code);

    private static byte[] Units(ushort[] units)
    {
        var bytes = new byte[2 * units.Length];
        for (var i = 0; i < units.Length; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2 * i), units[i]);
        return bytes;
    }
}
