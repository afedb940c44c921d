using Platter.Cli.Syntax;
using Xunit;

namespace Platter.Cli.Tests;

public class ArgumentParserTests
{
    private static readonly Option Long = Option.Flag("-l --long", "long");
    private static readonly Option Recursive = Option.Flag("-R", "deep");
    private static readonly Option Size = Option.Of("-s --size", "SIZE", "a size");
    private static readonly Option Type = Option.Choice("--type", "a type", "f", "d");

    private static readonly VerbSyntax Syntax = new()
    {
        Summary = "test",
        Arguments = [Argument.Image, new("PATH", "paths") { Min = 0, Many = true }],
        Options = [Long, Recursive, Size, Type],
    };

    private static ParsedArguments Parse(params string[] words) => ArgumentParser.Parse(Syntax, words);

    [Fact]
    public void Options_stand_anywhere_among_the_arguments()
    {
        var parsed = Parse("-l", "a.img", "--size", "4K", "/x", "--json");
        Assert.Equal(["a.img", "/x"], parsed.Words);
        Assert.True(parsed.Has(Long));
        Assert.Equal(4096, parsed.Size(Size));
        Assert.True(parsed.Has(GlobalOptions.Json));
    }

    [Fact]
    public void Short_flags_are_bundled_and_values_may_touch_their_option()
    {
        var parsed = Parse("-lRs64K", "a.img");
        Assert.True(parsed.Has(Long) && parsed.Has(Recursive));
        Assert.Equal(65536, parsed.Size(Size));
        Assert.Equal(512, Parse("--size=512", "a.img").Size(Size));
    }

    [Fact]
    public void After_two_dashes_everything_is_an_argument() => Assert.Equal(["a.img", "-l", "--", "x"], Parse("a.img", "--", "-l", "--", "x").Words);

    [Fact]
    public void A_single_dash_is_an_argument() => Assert.Equal(["a.img", "-"], Parse("a.img", "-").Words);

    [Fact]
    public void The_last_value_counts_and_all_are_kept()
    {
        var parsed = Parse("a.img", "-s", "1", "-s", "2");
        Assert.Equal("2", parsed.Text(Size));
        Assert.Equal(["1", "2"], parsed.Texts(Size));
    }

    [Theory]
    [InlineData("there is no option --lnog", "did you mean --long?", "--lnog", "a.img")]
    [InlineData("there is no option -type", "did you mean --type?", "-type", "f", "a.img")]
    [InlineData("there is no option -z", null, "-z", "a.img")]
    [InlineData("--size needs a value: SIZE", null, "a.img", "--size")]
    [InlineData("--long takes no value", null, "a.img", "--long=1")]
    [InlineData("--type: 'x' is none of f, d", null, "a.img", "--type", "x")]
    [InlineData("IMAGE[@N] is missing: the disk image, and the partition's number", null)]
    public void Mistakes_are_named(string message, string? hint, params string[] words)
    {
        var error = Assert.Throws<UsageException>(() => Parse(words));
        Assert.Equal(message, error.Message);
        if (hint is not null)
            Assert.Equal(hint, error.Hint);
    }

    [Fact]
    public void One_argument_too_many_is_named()
    {
        var one = new VerbSyntax { Summary = "one", Arguments = [Argument.Image] };
        Assert.Equal("'b' is one argument too many", Assert.Throws<UsageException>(() => ArgumentParser.Parse(one, ["a", "b"])).Message);
    }

    [Fact]
    public void A_bad_value_names_its_option() =>
        Assert.StartsWith("--size: '12X' is not a size", Assert.Throws<UsageException>(() => Parse("a.img", "-s", "12X").Size(Size)).Message, StringComparison.Ordinal);

    [Fact]
    public void Key_value_pairs_are_gathered_from_all_their_options()
    {
        var o = Option.Of("-O", "K=V", "settings");
        var parsed = ArgumentParser.Parse(Syntax with { Options = [o] }, ["a.img", "-O", "a=1,b", "-O", "c=x=y"]);
        Assert.Equal(new Dictionary<string, string> { ["a"] = "1", ["b"] = "true", ["c"] = "x=y" }, parsed.Pairs(o));
    }
}
