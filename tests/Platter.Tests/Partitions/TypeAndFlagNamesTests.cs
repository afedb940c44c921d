using Platter.Partitions;
using Xunit;

namespace Platter.Tests.Partitions;

public sealed class TypeAndFlagNamesTests
{
    [Theory]
    [InlineData(PartitionScheme.Gpt)]
    [InlineData(PartitionScheme.Mbr)]
    [InlineData(PartitionScheme.Apm)]
    public void Every_name_leads_to_a_type_and_every_type_to_a_name_of_the_same_type(PartitionScheme scheme)
    {
        Assert.NotEmpty(PartitionTypes.Names(scheme));
        foreach (var name in PartitionTypes.Names(scheme))
        {
            var type = PartitionType.Parse(name, scheme);
            Assert.Equal(scheme, type.Scheme);
            Assert.Equal(type, PartitionType.Parse(type.Name!, scheme));
            Assert.Equal(type, PartitionType.Parse(type.Id, scheme));
        }
    }

    [Fact]
    public void No_name_stands_twice_in_the_table() =>
        Assert.Empty(PartitionTypes.All.GroupBy(t => t.Name, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key));

    [Theory]
    [InlineData("esp", PartitionScheme.Gpt, "C12A7328-F81F-11D2-BA4B-00A0C93EC93B")]
    [InlineData("ESP", PartitionScheme.Mbr, "0xEF")]
    [InlineData("linux", PartitionScheme.Mbr, "0x83")]
    [InlineData("83", PartitionScheme.Mbr, "0x83")]
    [InlineData("0x7", PartitionScheme.Mbr, "0x07")]
    [InlineData("fat32", PartitionScheme.Mbr, "0x0C")]
    [InlineData("fat32", PartitionScheme.Gpt, "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7")]
    [InlineData("apple-hfs", PartitionScheme.Apm, "Apple_HFS")]
    [InlineData("Something_Else", PartitionScheme.Apm, "Something_Else")]
    [InlineData("12345678-0000-0000-0000-000000000001", PartitionScheme.Gpt, "12345678-0000-0000-0000-000000000001")]
    public void A_name_or_number_is_read(string text, PartitionScheme scheme, string id) => Assert.Equal(id, PartitionType.Parse(text, scheme).Id);

    [Theory]
    [InlineData("nonsense", PartitionScheme.Gpt)]
    [InlineData("00000000-0000-0000-0000-000000000000", PartitionScheme.Gpt)]
    [InlineData("0", PartitionScheme.Mbr)]
    [InlineData("183", PartitionScheme.Mbr)]
    [InlineData("bios-boot", PartitionScheme.Mbr)]
    [InlineData("", PartitionScheme.Apm)]
    [InlineData("a type that is longer than it may be", PartitionScheme.Apm)]
    public void What_is_no_type_is_refused_with_the_names_there_are(string text, PartitionScheme scheme)
    {
        var e = Assert.Throws<FormatException>(() => PartitionType.Parse(text, scheme));
        Assert.Contains(scheme == PartitionScheme.Apm ? "apple-hfs" : "linux-swap", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_type_has_no_name_and_shows_its_identifier()
    {
        var type = PartitionType.FromByte(0x99);
        Assert.Null(type.Name);
        Assert.Null(type.Description);
        Assert.Equal("0x99", type.ToString());
        Assert.Equal("linux", PartitionType.FromByte(0x83).ToString());
    }

    [Fact]
    public void Every_flag_bit_has_a_name_that_leads_back()
    {
        for (var bit = 0; bit < 64; bit++)
        {
            var flag = (PartitionFlags)(1UL << bit);
            Assert.Equal(flag, PartitionFlagNames.Parse(Assert.Single(PartitionFlagNames.Format(flag))));
        }
        Assert.Equal(["required", "bootable", "bit48", "no-automount"],
            PartitionFlagNames.Format(PartitionFlags.Required | PartitionFlags.Bootable | (PartitionFlags)(1UL << 48) | PartitionFlags.NoAutomount));
        Assert.Equal(PartitionFlags.Bootable, PartitionFlagNames.Parse("legacy-bios-bootable"));
        Assert.Throws<FormatException>(() => PartitionFlagNames.Parse("bit64"));
        Assert.Throws<FormatException>(() => PartitionFlagNames.Parse("shiny"));
    }
}
