using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

public class CompletionTests
{
    private static string[] Complete(params string[] words) => [.. Cli.Expect(["__complete", .. words]).Lines.Select(l => l.Split('\t')[0])];

    [Fact]
    public void Verbs_and_their_second_words_are_completed()
    {
        Assert.Equal(["ls", "ln", "label"], Complete("l"));
        Assert.Contains("part", Complete(""));
        Assert.Equal(["rm", "resize"], Complete("part", "r"));
        Assert.Empty(Complete("nonsense", ""));
    }

    [Fact]
    public void Options_and_their_values_are_completed()
    {
        Assert.Contains("--recursive", Complete("ls", "--r"));
        Assert.Contains("--json", Complete("ls", "--"));
        Assert.Equal(["always"], Complete("ls", "--color", "al"));
        Assert.Equal(["fat12", "fat16"], Complete("mkfs", "x.img", "-t", "fat1"));
        Assert.Equal(["powershell"], Complete("completion", "p"));
    }

    [Fact]
    public void Images_partitions_and_paths_inside_are_completed()
    {
        using var image = new TestImage();
        image.Put("/docs/readme.txt", "x");
        image.Put("/docs/release", "x");
        Assert.Equal([image.Path], Complete("ls", image.Path[..^2]));
        Assert.Equal(["/docs/"], Complete("cat", image.Path, "/d"));
        Assert.Equal(["/docs/readme.txt", "/docs/release"], Complete("cat", image.Path, "/docs/re"));
        Assert.Equal(["/docs/readme.txt"], Complete("cat", image.Path, "/docs/release", "/docs/rea"));
        Assert.Equal(["/docs/"], Complete("put", image.Path, "somefile", "/d").Where(c => c == "/docs/"));
        Assert.Empty(Complete("cat", image.Path + ".not", "/"));
        using var folder = new TempFolder();
        var disk = folder.File("d.img");
        Cli.Expect("part", "init", "gpt", disk, "--size", "16M");
        Cli.Expect("part", "add", disk, "-s", "2M");
        Cli.Expect("part", "add", disk, "-s", "2M");
        Assert.Equal([disk + "@1", disk + "@2"], Complete("ls", disk + "@"));
    }

    [Theory]
    [InlineData("ls {0} /docs/rea", "readme.txt")]
    [InlineData("cat {1}@1 /sub/", "/sub/file")]
    [InlineData("ls --col", "--color")]
    public void Bash_completes_as_its_script_says(string line, string expected)
    {
        using var image = new TestImage();
        image.Put("/docs/readme.txt", "x");
        var disk = image.Host("disk.img");
        Cli.Expect("part", "init", "mbr", disk, "--size", "16M");
        Cli.Expect("part", "add", disk, "-s", "8M");
        Cli.Expect("mkfs", disk + "@1", "-t", "fat12");
        Cli.Expect("mkdir", disk + "@1", "/sub");
        Cli.Expect("touch", disk + "@1", "/sub/file");
        // What bash itself does with COMP_WORDBREAKS: @ and : are words of their own.
        var script = $$"""
            platter() { "{{Cli.Executable}}" "$@"; }
            eval "$(platter completion bash)"
            COMP_LINE="platter {{string.Format(System.Globalization.CultureInfo.InvariantCulture, line, image.Path, disk)}}"
            COMP_POINT=${#COMP_LINE}
            COMP_WORDS=($(printf '%s' "$COMP_LINE" | sed 's/[@:=]/ & /g'))
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            compopt() { :; }
            _platter
            printf '%s\n' "${COMPREPLY[@]}"
            """;
        Assert.Contains(expected, Tool.Expect("bash", "-c", script), StringComparison.Ordinal);
    }

    [Fact]
    public void Fish_completes_as_its_script_says()
    {
        using var image = new TestImage();
        image.Put("/docs/readme.txt", "x");
        var script = $"""
            function platter; "{Cli.Executable}" $argv; end
            platter completion fish | source
            complete -C "platter ls {image.Path} /docs/rea"
            """;
        Assert.Equal("/docs/readme.txt", Tool.Expect("fish", "--no-config", "-c", script).Trim());
    }

    // The two builtins of zsh's completion system that the script calls only exist while somebody types.
    [Fact]
    public void Zsh_completes_as_its_script_says()
    {
        using var image = new TestImage();
        image.Put("/docs/readme.txt", "x");
        var script = $$"""
            platter() { "{{Cli.Executable}}" "$@" }
            compdef() { print -r -- "for $2: $1" }
            compadd() { print -r -- "$@" }
            eval "$(platter completion zsh)"
            words=(platter ls {{image.Path}} /docs/rea) CURRENT=4; _platter
            words=(platter ls {{image.Path}} /do) CURRENT=4; _platter
            """;
        Assert.Equal(["for platter: _platter", "-- /docs/readme.txt", "-S  -- /docs/"], Tool.Expect("zsh", "-f", "-c", script).Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory]
    [InlineData("bash", "complete -F _platter platter")]
    [InlineData("zsh", "#compdef platter")]
    [InlineData("fish", "complete -c platter")]
    [InlineData("powershell", "Register-ArgumentCompleter")]
    public void Each_shell_has_its_script(string shell, string mark) => Assert.Contains(mark, Cli.Expect("completion", shell).Output, StringComparison.Ordinal);

    // There is no PowerShell for these tests: at least every string and every bracket of the script ends where it should.
    [Fact]
    public void The_script_for_PowerShell_is_whole()
    {
        var text = Cli.Expect("completion", "powershell").Output;
        var open = new Stack<char>();
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '#':
                    i = text.IndexOf('\n', i);
                    break;
                case '\'':
                    do
                        i = text.IndexOf('\'', i + 1);
                    while (i >= 0 && text[i + 1] == '\'' && i++ > 0);
                    Assert.True(i > 0, "a string in single quotes does not end");
                    break;
                case '"':
                    for (i++; text[i] != '"'; i++)
                        i += text[i] == '`' ? 1 : 0;
                    break;
                case '(' or '{' or '[':
                    open.Push(text[i] switch { '(' => ')', '{' => '}', _ => ']' });
                    break;
                case ')' or '}' or ']':
                    Assert.Equal(open.Pop(), text[i]);
                    break;
            }
        }
        Assert.Empty(open);
        Assert.DoesNotMatch("[^\x00-\x7F]", text);     // read with whatever encoding the console has
    }

    [Fact]
    public void Other_shells_are_refused() => Cli.Fails(2, "completion", "csh");
}
