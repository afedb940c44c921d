using System.Text.Json;
using Platter.Blocks;
using Platter.Cli.Syntax;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

public class ErrorTests
{
    public static TheoryData<int, Exception> Codes => new()
    {
        { 1, new InvalidOperationException("a bug") },
        { 2, new UsageException("wrong") },
        { 2, new ArgumentException("overlaps") },
        { 3, new FileNotFoundException("gone") },
        { 3, new DirectoryNotFoundException("gone") },
        { 4, new AlreadyExistsException("/a") },
        { 4, new DirectoryNotEmptyException("/a") },
        { 5, new VolumeFullException("clusters", 2, 1) },
        { 5, new IOException("No space left on device", 28) },
        { 6, new DiskFormatException("FAT-0001", "BootSector", 0, "found 1, expected 2") },
        { 7, new UnsupportedFeatureException("no links") },
        { 7, new InvalidNameException("a:b", "holds ':'") },
        { 8, new SafetyException("would be lost") },
        { 8, new UnauthorizedAccessException("denied") },
        { 9, new IOException("Input/output error", 5) },
        { 11, new InUseException("held by 12") },
        { 130, new OperationCanceledException() },
    };

    [Theory]
    [MemberData(nameof(Codes))]
    public void Each_exception_has_its_exit_code(int code, Exception e) => Assert.Equal(code, ExitCode.Of(e));

    [Fact]
    public void A_wrong_command_line_points_to_its_help()
    {
        Assert.EndsWith("('platter ls --help' tells more)\n", Cli.Fails(2, "ls").Error, StringComparison.Ordinal);
        Assert.EndsWith("('platter part init --help' tells more)\n", Cli.Fails(2, "part", "init", "--type").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_manual_lists_the_same_codes()
    {
        var text = File.ReadAllText(Path.Combine(Corpus.Repository, "docs", "exit-codes.md"));
        foreach (var code in new[] { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130 })
            Assert.Contains($"| {code} |", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Errors_are_one_line_that_says_what_why_and_what_to_do()
    {
        using var image = new TestImage();
        Assert.Equal($"platter: {image.Path}: no such file or directory: /nope\n", Cli.Fails(3, "cat", image.Path, "/nope").Error);
        Assert.Equal($"platter: {image.Path}.not: no such file\n", Cli.Fails(3, "ls", image.Path + ".not").Error);
        Assert.Equal("platter: there is no verb 'lss' (did you mean 'ls'?)\n", Cli.Fails(2, "lss").Error);
        Assert.Equal($"platter: {image.Folder}: it is a folder, not a disk image\n", Cli.Fails(8, "ls", image.Folder).Error);
        Assert.Contains("part needs to know what to do (there are list, init", Cli.Fails(2, "part").Error, StringComparison.Ordinal);
        Assert.Equal(2, Cli.Run().Code);       // with the help in place of an error
        Cli.Fails(2, "ls");
        Cli.Fails(2, "--json");
    }

    [Fact]
    public void Help_is_there_for_whoever_asks_in_another_way()
    {
        Assert.Contains("part add     add a partition", Cli.Expect("part", "--help").Output, StringComparison.Ordinal);
        Assert.Equal(Cli.Expect("xattr", "-h").Output, Cli.Expect("help", "xattr").Output);
        Assert.Equal(Cli.Expect("--help").Output, Cli.Expect("help").Output);
        Assert.Equal(Cli.Expect("part", "add", "--help").Output, Cli.Expect("help", "part", "add").Output);
        Assert.Equal("platter: there is no verb 'lss' (did you mean 'ls'?)\n", Cli.Fails(2, "help", "lss").Error);
        Assert.Contains("\nUsage: platter create -t TYPE -o OUT [OPTIONS] [SOURCE...]\n", Cli.Expect("create", "--help").Output, StringComparison.Ordinal);
        Assert.Equal("platter: the image's name is empty ('platter ls --help' tells more)\n", Cli.Fails(2, "ls", "").Error);
    }

    [Fact]
    public void Bytes_that_are_nothing_known_are_not_called_clean()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("noise.img"), new byte[8192]);
        Assert.Contains("there is nothing to check", Cli.Fails(7, "check", folder.File("noise.img")).Error, StringComparison.Ordinal);
        // A container has rules of its own, and an empty table is one.
        Cli.Expect("convert", folder.File("noise.img"), folder.File("noise.qcow2"));
        Assert.Equal("clean\n", Cli.Expect("check", folder.File("noise.qcow2")).Output);
        Cli.Expect("part", "init", "gpt", folder.File("table.img"), "--size", "4M");
        Assert.Equal("clean\n", Cli.Expect("check", folder.File("table.img")).Output);
        Cli.Expect("mkfs", folder.File("swap.img"), "-t", "swap", "--size", "1M");
        Assert.Equal("clean\n", Cli.Expect("check", folder.File("swap.img")).Output);
    }

    [Fact]
    public void A_container_that_cannot_be_opened_is_not_sent_to_a_check_that_cannot_open_it_either()
    {
        using var folder = new TempFolder();
        Cli.Expect("mkfs", folder.File("a.qcow2"), "-t", "fat16", "--size", "8M");
        using (var file = File.OpenWrite(folder.File("a.qcow2")))
        {
            file.Position = 0x14;       // cluster_bits, big-endian
            file.Write([0, 0, 0, 77]);
        }
        Assert.DoesNotContain("platter check", Cli.Fails(6, "ls", folder.File("a.qcow2")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_cannot_be_stored_says_how_to_go_on()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("from"));
        File.WriteAllText(folder.File("from/a*b"), "1");
        File.WriteAllText(folder.File("from/c"), "2");
        var image = folder.File("a.img");
        Assert.Equal($"platter: {image}: the name 'a*b' holds '*', which NTFS forbids (--keep-going leaves such entries out, and lists them)\n", Cli.Fails(7, "create", "-t", "ntfs", "-o", image, folder.File("from")).Error);
        Assert.StartsWith("platter: /a*b: ", Cli.Fails(7, "create", "-t", "ntfs", "-o", image, "--keep-going", "-q", folder.File("from")).Error, StringComparison.Ordinal);
        Assert.Equal(["/c"], Cli.Expect("ls", "-R", image).Lines);
    }

    [Fact]
    public void A_volume_that_was_only_made_is_made_anew_without_force()
    {
        using var image = new TestImage("ext4", "8M");
        Cli.Expect("mkfs", image.Path, "-t", "ext4");
        image.Put("/a", "1");
        Assert.Equal($"platter: {image.Path}: the ext4 filesystem that is there holds files, which would be lost (--force does it all the same)\n", Cli.Fails(8, "mkfs", image.Path, "-t", "fat16").Error);
    }

    [Fact]
    public void What_is_made_says_why_it_cannot_be_once()
    {
        using var image = new TestImage();
        Assert.Equal($"platter: {image.Path} exists already (--force replaces it)\n", Cli.Fails(4, "create", "-t", "fat16", "-o", image.Path).Error);
        Assert.Equal($"platter: {image.Folder} exists already\n", Cli.Fails(4, "create", "-t", "fat16", "-o", image.Folder, "--size", "1M").Error);
        var nowhere = image.Host("nowhere/a.img");
        Assert.Equal($"platter: {nowhere}: the folder that it would be in does not exist\n", Cli.Fails(3, "create", "-t", "fat16", "-o", nowhere, "--size", "1M").Error);
    }

    [Fact]
    public void A_pipe_is_no_image_and_nothing_waits_for_it()
    {
        using var image = new TestImage();
        var pipe = image.Host("pipe");
        Tool.Expect("mkfifo", pipe);
        Assert.Equal($"platter: {pipe} is a pipe, and what is read and written in any order has to be a file\n", Cli.Fails(7, "ls", pipe).Error);
        Cli.Fails(7, "put", pipe, image.Path, "/");
        Cli.Fails(7, "convert", pipe, image.Host("b.img"));
    }

    [Fact]
    public void A_damaged_directory_does_not_hide_the_others()
    {
        using var image = new TestImage();
        image.Put("/a/inner", "1");
        image.Put("/b/inner", "2");
        image.Put("/c/inner", "3");
        var bytes = File.ReadAllBytes(image.Path);
        // The first clusters of two directories, out of the volume: bytes 0x1A of their entries in the root.
        foreach (var name in new[] { "A          ", "B          " })
            bytes.AsSpan(bytes.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(name)) + 0x1A, 2).Fill(0xEE);
        File.WriteAllBytes(image.Path, bytes);
        foreach (var verb in new[] { "ls", "find", "tree" })
        {
            var listed = Cli.Run(verb == "ls" ? ["ls", "-R", image.Path] : [verb, image.Path]);
            Assert.Equal(6, listed.Code);
            Assert.Contains("inner", listed.Lines[^(verb == "tree" ? 2 : 1)], StringComparison.Ordinal);
            Assert.Contains("platter: /b/: ", listed.Error, StringComparison.Ordinal);
            Assert.EndsWith($"(2 such places, the rest is listed; 'platter check {image.Path}' tells more)\n", listed.Error, StringComparison.Ordinal);
        }
        Assert.Contains("\n0 directories, 1 file, 1 B\n", Cli.Expect("tree", image.Path, "/c").Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ls")]
    [InlineData("ls", "-l")]
    [InlineData("ls", "-R")]
    [InlineData("tree")]
    [InlineData("cat", "/dir/file")]
    public void A_root_that_is_no_directory_is_damage(params string[] words)
    {
        using var image = new TestImage("ntfs", "8M");
        image.Put("/dir/file", "1");
        var bytes = File.ReadAllBytes(image.Path);
        // The mark of a directory, in record 5.
        var root = (int)BitConverter.ToInt64(bytes, 0x30) * 4096 + 5 * 1024;
        bytes[root + 0x16] &= 0xFD;
        File.WriteAllBytes(image.Path, bytes);
        var told = Cli.Fails(6, [words[0], image.Path, .. words[1..]]);
        Assert.Contains("Record 5", told.Error, StringComparison.Ordinal);
        Assert.Contains("platter check", told.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ls", "-R", "/a", "/b", "/c", "/c/inner")]
    [InlineData("find", "--type=f", "/c/inner")]
    [InlineData("tree", "-a", "/", "/a", "/b", "/c", "/c/inner")]
    public void A_damaged_directory_does_not_hide_the_others_from_programs(string verb, string option, params string[] expected)
    {
        using var image = new TestImage();
        image.Put("/a/inner", "1");
        image.Put("/b/inner", "2");
        image.Put("/c/inner", "3");
        var bytes = File.ReadAllBytes(image.Path);
        foreach (var name in new[] { "A          ", "B          " })
            bytes.AsSpan(bytes.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(name)) + 0x1A, 2).Fill(0xEE);
        File.WriteAllBytes(image.Path, bytes);
        var listed = Cli.Fails(6, verb, option, "--json", image.Path);
        using var json = JsonDocument.Parse(listed.Bytes);
        Assert.Equal(expected, Paths(json.RootElement));
        var problems = json.RootElement.GetProperty("problems").EnumerateArray().ToList();
        Assert.Equal(["/a", "/b"], problems.Select(p => p.GetProperty("path").GetString()));
        Assert.All(problems, p => Assert.Equal(6, p.GetProperty("code").GetInt32()));
        Assert.All(problems, p => Assert.StartsWith("FAT-", p.GetProperty("finding").GetString(), StringComparison.Ordinal));
        Assert.All(problems, p => Assert.NotEqual("", p.GetProperty("message").GetString()));
        var error = json.RootElement.GetProperty("error");
        Assert.Equal(6, error.GetProperty("code").GetInt32());
        Assert.Equal(listed.Error.TrimEnd('\n').Split('\n')[^1], "platter: " + error.GetProperty("message").GetString());
        Assert.Contains("2 such places", error.GetProperty("message").GetString(), StringComparison.Ordinal);

        // Where nothing is wrong, neither is there.
        using var sound = JsonDocument.Parse(Cli.Expect(verb, option, "--json", image.Path, "/c").Bytes);
        Assert.False(sound.RootElement.TryGetProperty("problems", out _) || sound.RootElement.TryGetProperty("error", out _));

        static IEnumerable<string> Paths(JsonElement listing) =>
            (listing.TryGetProperty("path", out var own) ? new[] { own.GetString()! } : [])
            .Concat(new[] { "entries", "children" }.SelectMany(name => listing.TryGetProperty(name, out var all) ? all.EnumerateArray().SelectMany(Paths) : []));
    }

    [Fact]
    public void Values_of_another_form_are_told_by_what_they_should_be()
    {
        using var image = new TestImage("ext4", "8M");
        image.Put("/a", "1");
        Assert.Contains("'0xFFzz' is not hexadecimal", Cli.Fails(2, "xattr", "set", image.Path, "/a", "user.b", "0xFFzz").Error, StringComparison.Ordinal);
        Assert.Contains("'0s?' is not base64", Cli.Fails(2, "xattr", "set", image.Path, "/a", "user.b", "0s?").Error, StringComparison.Ordinal);
        Assert.Contains("'+q' does not change attributes", Cli.Fails(2, "attrib", image.Path, "+q", "/a").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Partitions_say_where_there_is_room()
    {
        using var folder = new TempFolder();
        var disk = folder.File("disk.img");
        Cli.Expect("part", "init", "mbr", disk, "--size", "64M");
        Assert.Equal($"platter: {disk}: there are no partitions: the MBR table is empty\n", Cli.Fails(7, "ls", disk).Error);
        Assert.EndsWith($"('platter part list --free {disk}' shows the gaps)\n", Cli.Fails(5, "part", "add", disk, "--size", "100M").Error, StringComparison.Ordinal);
        Assert.Equal("@1 linux 63.0 MiB at 1048576\n", Cli.Expect("part", "add", disk, "--size", "max").Output);
        Assert.Contains("there is a partition table with 1 partition, which", Cli.Fails(8, "mkfs", disk, "-t", "fat16").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_host_s_line_names_the_image_once()
    {
        Assert.Equal("No space left on device", ExitCode.Why(new IOException("No space left on device: a.img.platter-new-77", 28), "a.img"));
        Assert.Equal("No space left on device", ExitCode.Why(new IOException("No space left on device: a.img", 28), "a.img"));
        Assert.Equal("permission denied", ExitCode.Why(new UnauthorizedAccessException("Access to the path '/root/a.img.platter-new-7' is denied."), "a.img"));
        Assert.Equal("No space left on device: b.img", ExitCode.Why(new IOException("No space left on device: b.img", 28), "a.img"));
    }

    [Fact]
    public void A_hostile_path_cannot_break_the_line()
    {
        using var image = new TestImage();
        var error = Cli.Fails(3, "cat", image.Path, "/a\nplatter: all is well\e[2J").Error;
        Assert.DoesNotContain('\e', error);
    }

    [Fact]
    public void With_json_the_error_is_a_document_too()
    {
        using var image = new TestImage();
        var outcome = Cli.Fails(3, "ls", "--json", image.Path, "/nope");
        using var document = JsonDocument.Parse(outcome.Bytes);
        var error = document.RootElement.GetProperty("error");
        Assert.Equal(3, error.GetProperty("code").GetInt32());
        Assert.Equal($"{image.Path}: no such file or directory: /nope", error.GetProperty("message").GetString());
        using var usage = JsonDocument.Parse(Cli.Fails(2, "ls", "--json").Bytes);
        Assert.Equal(2, usage.RootElement.GetProperty("error").GetProperty("code").GetInt32());
    }

    [Fact]
    public void A_corrupt_filesystem_is_code_6_with_a_hint()
    {
        using var image = new TestImage();
        using (var file = File.OpenWrite(image.Path))
        {
            file.Position = 0x10;       // number of FATs
            file.WriteByte(0);
        }
        Assert.Contains(Cli.Run("ls", image.Path).Code, new[] { 6, 7 });
    }

    [Fact]
    public void An_image_in_use_is_code_11()
    {
        using var image = new TestImage();
        using (DiskImage.OpenForEditing(image.Path))
            Cli.Fails(11, "ls", image.Path);
        using (DiskImage.Open(image.Path))
        {
            Cli.Fails(11, "touch", image.Path, "/x");
            Cli.Expect("ls", image.Path);
        }
    }

    [Fact]
    public void Every_verb_has_help_with_an_example_and_stands_in_the_manual()
    {
        var manual = File.ReadAllText(Path.Combine(Corpus.Repository, "docs", "manual.md"));
        foreach (var name in Verbs.VerbTable.Names)
        {
            var syntax = Verbs.VerbTable.Create(name)!.Syntax;
            Assert.True(syntax.Examples.Length > 0, $"{name} has no example");
            Assert.Contains($"platter {name} ", manual, StringComparison.Ordinal);
            var help = Cli.Expect([.. name.Split(' '), "--help"]).Output;
            Assert.Contains("Usage: platter " + name, help, StringComparison.Ordinal);
            Assert.Contains("Examples:", help, StringComparison.Ordinal);
            foreach (var option in syntax.Options)
                Assert.DoesNotContain(syntax.Options, other => other != option && other.Names.Intersect(option.Names, StringComparer.Ordinal).Any());
        }
        var all = Cli.Expect("--help").Output;
        Assert.All(Verbs.VerbTable.Names, name => Assert.Contains("  " + name, all, StringComparison.Ordinal));
        Assert.Equal($"platter {typeof(CommandLine).Assembly.GetName().Version?.ToString(3)}\n", Cli.Expect("--version").Output);
    }

    [Fact]
    public void The_host_being_full_is_told_from_other_failures() => Assert.True(HostErrors.IsHostFull(new IOException("full", 28)));
}
