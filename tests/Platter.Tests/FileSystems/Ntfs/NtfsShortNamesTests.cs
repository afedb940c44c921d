using Platter.FileSystems.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Short names that Windows makes of long ones.</summary>
public class NtfsShortNamesTests
{
    [Theory]
    [InlineData("readme.txt", true)]
    [InlineData("README", true)]
    [InlineData("12345678.123", true)]
    [InlineData("a-b_c~1.{x}", true)]
    [InlineData("123456789", false)]
    [InlineData("a.html", false)]
    [InlineData("a.b.c", false)]
    [InlineData("a b", false)]
    [InlineData("a+b", false)]
    [InlineData("a.", false)]
    [InlineData(".a", false)]
    [InlineData("ä", false)]
    [InlineData("", false)]
    public void A_name_of_8_3_is_short_as_it_is(string name, bool isShort) => Assert.Equal(isShort, NtfsShortNames.IsShort(name));

    [Theory]
    // The first ones are documented: Windows' help, and the article that found the hash.
    [InlineData("SomeStuff.aspx", "SOMEST~1.ASP", "SOBC84~1.ASP")]
    [InlineData("5+6 June Report.doc", "5_6JUN~1.DOC", null)]
    [InlineData("1+2+3 Hello World.exe", "1_2_3H~1.EXE", null)]
    [InlineData("a.testing.file.bat", "ATESTI~1.BAT", null)]
    [InlineData("Program Files", "PROGRA~1", null)]
    [InlineData("Program Files (x86)", "PROGRA~1", null)]
    [InlineData("Documents and Settings", "DOCUME~1", null)]
    [InlineData(".gitignore", "GITIGN~1", null)]
    [InlineData("..hidden.text", "HIDDEN~1.TEX", null)]
    [InlineData("ends in dot.", "ENDSIN~1", null)]
    [InlineData("x[1];y=2.h,l", "X_1__Y~1.H_L", null)]
    [InlineData("longextension.x", "LONGEX~1.X", null)]
    public void Short_names_are_those_of_Windows(string name, string first, string? fifth)
    {
        var candidates = NtfsShortNames.Candidates(name).Take(8).ToList();
        Assert.Equal(first, candidates[0]);
        Assert.Equal(first.Replace("~1", "~4", StringComparison.Ordinal), candidates[3]);
        var hashed = $"{first[..2]}{NtfsShortNames.Hash(name):X4}~1{Path.GetExtension(first)}";
        Assert.Equal(hashed, candidates[4]);
        if (fifth is not null)
            Assert.Equal(fifth, candidates[4]);
        Assert.All(candidates, c => Assert.True(NtfsShortNames.IsShort(c), c));
    }

    [Fact]
    public void Names_of_two_letters_or_none_are_hashed_at_once()
    {
        Assert.Equal($"AB{NtfsShortNames.Hash("a b.html"):X4}~1.HTM", NtfsShortNames.Candidates("a b.html").First());
        Assert.Equal($"{NtfsShortNames.Hash("日本語.txt"):X4}~1.TXT", NtfsShortNames.Candidates("日本語.txt").First());
        Assert.Equal($"{NtfsShortNames.Hash("..."):X4}~1", NtfsShortNames.Candidates("...").First());
    }

    [Fact]
    public void Thousands_of_names_that_start_alike_get_short_names_of_their_own()
    {
        var taken = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < 3000; i++)
        {
            var made = NtfsShortNames.Make($"the same start {i % 40}.txt", taken.Contains);
            Assert.True(made is not null && NtfsShortNames.IsShort(made) && taken.Add(made), made);
        }
        // More than nine of one hash take another digit from the letters.
        Assert.Contains(taken, name => name.Contains("~10.", StringComparison.Ordinal));
        Assert.All(taken, name => Assert.True(name.IndexOf('.', StringComparison.Ordinal) <= 8, name));
    }
}
