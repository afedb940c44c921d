using Platter.Trees.Specs;
using Platter.Trees.Toml;
using Xunit;

namespace Platter.Tests.Trees.Specs;

public sealed class SpecVariableTests
{
    private static string Label(string variables, string label, params (string Name, string Value)[] set) =>
        DiskSpec.Parse($"{variables}\n[filesystem]\ntype = 'fat'\nlabel = '{label}'\n", "spec.toml",
            new SpecOptions { Variables = set.ToDictionary(s => s.Name, s => s.Value, StringComparer.Ordinal) }).FileSystem!.Label!;

    private static string Refused(string variables, string label) => Assert.Throws<TomlException>(() => Label(variables, label)).Message;

    [Theory]
    [InlineData("a", "${a}")]
    [InlineData("xay", "x${a}y")]
    [InlineData("aa", "${a}${a}")]
    [InlineData("${a}", "$${a}")]
    [InlineData("$a", "$$${a}")]
    [InlineData("$HOME costs 5$", "$HOME costs 5$")]
    [InlineData("$$", "$$$$")]
    [InlineData("7 true 1.5", "${n} ${yes} ${f}")]
    [InlineData("a-7", "${both}")]
    public void Strings_are_filled_in(string expected, string label) =>
        Assert.Equal(expected, Label("[variables]\na = 'a'\nn = 7\nyes = true\nf = 1.5\nboth = '${a}-${n}'", label));

    [Fact]
    public void A_value_from_outside_wins_and_is_taken_as_it_is()
    {
        Assert.Equal("mine", Label("[variables]\na = 'a'", "${a}", ("a", "mine")));
        Assert.Equal("${a}$$", Label("[variables]\na = 'a'", "${a}", ("a", "${a}$$")));
        Assert.Equal("only", Label("", "${new}", ("new", "only")));
        Assert.Equal("mine2", Label("[variables]\na = 'a'\nb = '${a}2'", "${b}", ("a", "mine")));
    }

    [Fact]
    public void Every_string_is_filled_in_wherever_it_stands()
    {
        var spec = DiskSpec.Parse("""
            [variables]
            v = "x"
            [image]
            size = "1G"
            container = { key = "${v}1" }
            [[image.blob]]
            content = "${v}.bin"
            offset = "8K"
            [[partition]]
            name = "${v}2"
            type = "linux"
            size = "1M"
            [partition.filesystem]
            type = "ext4"
            source = ["${v}3", "4${v}"]
            options = { key = "${v}5" }
            [[partition.filesystem.file]]
            path = "/${v}6"
            content = "${v}7"
            xattrs = { user.a = "${v}8" }
            """, "spec.toml");
        var fs = spec.Partitions[0].FileSystem!;
        Assert.Equal("x1 x.bin x2 x3 4x x5 /x6 x7 x8", string.Join(' ', spec.ContainerSettings["key"], spec.Blobs[0].Content.Path, spec.Partitions[0].Name, fs.Sources[0].Path,
            fs.Sources[1].Path, fs.Options["key"], fs.Files[0].Path, System.Text.Encoding.UTF8.GetString(fs.Files[0].Content!), System.Text.Encoding.UTF8.GetString(fs.Files[0].ExtendedAttributes["user.a"])));
    }

    [Theory]
    [InlineData("[variables]\nlabel = 'a'", "${lable}", "spec.toml:5:9: there is no variable 'lable' (did you mean 'label'?); --set gives it a value, and $${ stands for the characters themselves")]
    [InlineData("", "${x}", "spec.toml:4:9: there is no variable 'x'; --set gives it a value, and $${ stands for the characters themselves")]
    [InlineData("", "${x", "spec.toml:4:9: '${x' is no variable ('$${' stands for the characters themselves)")]
    [InlineData("", "${a b}", "spec.toml:4:9: '${a b}' is no variable ('$${' stands for the characters themselves)")]
    [InlineData("[variables]\na = '${b}'\nb = '${a}'", "${a}", "spec.toml:2:5: the variable 'a' refers to itself")]
    [InlineData("[variables]\n'1a' = ''", "", "spec.toml:2:1: '1a' is no name of a variable: expected letters, digits, - and _, a letter first")]
    [InlineData("[variables]\na = []", "", "spec.toml:2:5: the variable 'a' is an array, expected a string, a number or a boolean")]
    [InlineData("variables = 1", "", "spec.toml:1:13: 'variables' is an integer, expected a table, written [variables]")]
    public void A_mistake_is_named_with_its_place(string variables, string label, string message) => Assert.Equal(message, Refused(variables, label));

    [Fact]
    public void Setting_what_is_not_there_is_an_error() =>
        Assert.Equal("the spec has no variable 'lable' (did you mean 'label'?)",
            Assert.Throws<ArgumentException>(() => Label("[variables]\nlabel = 'a'", "x", ("lable", "b"))).Message);

    [Fact]
    public void Variables_that_double_each_other_are_stopped()
    {
        var laughs = "[variables]\nv0 = 'ha'\n" + string.Concat(Enumerable.Range(1, 40).Select(i => $"v{i} = '${{v{i - 1}}}${{v{i - 1}}}'\n"));
        Assert.Contains("longer than 65536 characters", Refused(laughs, "${v40}"), StringComparison.Ordinal);
        var chain = "[variables]\nv0 = 'x'\n" + string.Concat(Enumerable.Range(1, 5000).Select(i => $"v{i} = '${{v{i - 1}}}'\n"));
        Assert.Contains("more than 64 deep", Refused(chain, "${v5000}"), StringComparison.Ordinal);
    }
}
