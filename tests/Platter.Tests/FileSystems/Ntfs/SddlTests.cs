using Platter.FileSystems.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Security descriptors as text and back.</summary>
public class SddlTests
{
    [Theory]
    [InlineData("")]
    [InlineData("O:BAG:SY")]
    [InlineData("O:S-1-5-21-3623811015-3361044348-30300820-1013G:DUMMY", true)]
    [InlineData("O:S-1-5-21-3623811015-3361044348-30300820-1013G:S-1-5-21-3623811015-3361044348-30300820-513")]
    [InlineData("O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;GA;;;CO)(A;ID;0x1301bf;;;AU)(D;;WDWO;;;WD)")]
    [InlineData("D:NO_ACCESS_CONTROL")]
    [InlineData("D:ARAI")]
    [InlineData("O:BAD:(OA;CI;RPWP;bf967aba-0de6-11d0-a285-00aa003049e2;;AU)(OD;;CR;;ab721a53-1e2f-11d0-9819-00aa0040529b;S-1-5-10-1)")]
    [InlineData("O:BAS:(AU;SAFA;FA;;;WD)(ML;;NW;;;LW)(ML;;NWNR;;;HI)")]
    [InlineData("O:S-1-0x123456789ABC-7")]
    [InlineData("O:BAG:BAD:(A;;FR;;;WD", true)]
    [InlineData("D:(A;;FR;;WD)", true)]
    [InlineData("D:(XA;;FR;;;WD;(a==b))", true)]
    [InlineData("D:(A;QQ;FR;;;WD)", true)]
    [InlineData("D:(A;;0x123456789;;;WD)", true)]
    [InlineData("D:Q(A;;FR;;;WD)", true)]
    [InlineData("X:BA", true)]
    [InlineData("O:S-2-1-1", true)]
    [InlineData("nonsense", true)]
    public void A_text_comes_back_or_is_refused(string text, bool isWrong = false)
    {
        if (isWrong)
        {
            Assert.NotEmpty(Assert.Throws<FormatException>(() => Sddl.Parse(text)).Message);
            return;
        }
        var descriptor = Sddl.Parse(text);
        Assert.Equal(text, Sddl.Format(descriptor));
        Assert.Equal(descriptor, Sddl.Parse(Sddl.Format(descriptor)!));
    }

    [Fact]
    public void Letters_and_case_are_free_where_the_language_says_so()
    {
        Assert.Equal("O:BAG:SYD:(A;;FA;;;WD)", Sddl.Format(Sddl.Parse("o:s-1-5-32-544g:syd:(a;;fa;;;S-1-1-0)")));
        Assert.Equal("D:(A;;FR;;;WD)", Sddl.Format(Sddl.Parse("D:(A;;1179785;;;WD)")));
    }

    [Fact]
    public void A_descriptor_has_the_bytes_that_Windows_has()
    {
        // Head, list of two entries, owner, group; [MS-DTYP] 2.4.6.
        var expected = Convert.FromHexString("0100048048000000580000000000000014000000" + "0200340002000000" + "0000140089001200" + "010100000000000512000000"
            + "0000180089001200" + "01020000000000052000000020020000" + "01020000000000052000000020020000" + "01020000000000052000000020020000");
        var made = Sddl.Parse("O:BAG:BAD:(A;;FR;;;SY)(A;;FR;;;BA)");
        Assert.Equal(expected, made);
        Assert.Equal(NtfsSecurityHash.Of(expected), NtfsSecurityHash.Of(made));
    }

    [Fact]
    public void Damaged_descriptors_have_no_text_and_no_length_runs_past_them()
    {
        var sound = Sddl.Parse("O:BAG:SYD:PAI(A;OICI;FA;;;SY)(OA;CI;RPWP;bf967aba-0de6-11d0-a285-00aa003049e2;;AU)S:(AU;SAFA;FA;;;WD)");
        for (var length = 0; length < sound.Length; length++)
            Assert.Null(Sddl.Format(sound.AsSpan(0, length)));
        var random = new Random(3);
        for (var round = 0; round < 20_000; round++)
        {
            var damaged = sound.ToArray();
            for (var i = 0; i < 3; i++)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            // What has a text is sound enough for it to be taken back.
            if (Sddl.Format(damaged) is { } text)
                Assert.Equal(text, Sddl.Format(Sddl.Parse(text)));
        }
    }
}
