using System.Diagnostics;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>The real thing: the command is killed in the middle of a long put, again and again.</summary>
public class KillTests(ITestOutputHelper output)
{
    private const int Rounds = 100, Files = 200, Seed = 20261121;

    [Fact]
    public void A_put_that_is_killed_leaves_the_old_tree_or_the_new_one()
    {
        using var image = new TestImage("fat32", "80M");
        var random = new Random(Seed);
        WriteTree(image, 0);
        var clock = Stopwatch.StartNew();
        Put(image, TimeSpan.FromMinutes(1));
        var whole = clock.Elapsed;
        int version = 0, killed = 0, old = 0;
        for (var round = 1; round <= Rounds; round++)
        {
            WriteTree(image, round);
            clock.Restart();
            var finished = Put(image, whole * (random.NextDouble() * 1.1));
            // How fast the machine is changes with what else it does: one that came to its end tells how long a put takes now.
            whole = finished ? clock.Elapsed : whole * 1.02;
            var found = ReadTree(image, round);
            Assert.True(found == version || found == round, $"round {round} (seed {Seed}): found the tree of round {found}, expected that of {version} or {round}");
            Assert.True(!finished || found == round, $"round {round} (seed {Seed}): the command had ended, but the new tree is not there");
            killed += finished ? 0 : 1;
            old += found == version ? 1 : 0;
            version = found;
            Cli.Expect("check", image.Path);
            if (round % 10 == 0)
            {
                // An edit replays what the killed one left; then others can look at the file.
                Cli.Expect("mkdir", "-p", image.Path, "/recovered");
                Assert.Equal(0, Tool.Run("fsck.vfat", "-n", image.Path).ExitCode);
            }
        }
        output.WriteLine($"crash points: {Rounds} puts, {killed} killed before their end, {old} left the old tree, {Rounds - old} the new one");
        Assert.True(killed > Rounds / 4, $"only {killed} of {Rounds} were killed in time: the test tests too little");
    }

    public static TheoryData<string> Containers { get; } = ["vhd", "vhdx", "qcow2", "vmdk", "vdi", "external.qcow2", "flat.vmdk"];

    // Twenty rounds of each and more by hand, with PLATTER_KILL_ROUNDS.
    [Theory]
    [MemberData(nameof(Containers))]
    public void Inside_a_container_too(string kind)
    {
        var rounds = int.TryParse(Environment.GetEnvironmentVariable("PLATTER_KILL_ROUNDS"), out var asked) ? asked : 5;
        using var raw = new TestImage("fat32", "80M");
        var path = raw.Host("disk." + kind);
        if (kind == "external.qcow2")
        {
            Tool.Expect("qemu-img", "create", "-q", "-f", "qcow2", "-o", $"data_file={raw.Host("data")}", path, "80M");
            using var disk = ImageFile.Open(path, ImageAccess.Edit);
            using var source = ImageFile.Open(raw.Path, ImageAccess.Read);
            ImageConverter.Into(source.Device, disk.Device);
        }
        else
        {
            Cli.Expect(["convert", raw.Path, path, .. kind == "flat.vmdk" ? new[] { "--subformat", "monolithicFlat" } : []]);
        }
        using var image = new Killed(raw, path);
        var format = kind[(kind.LastIndexOf('.') + 1)..];
        var random = new Random(Seed);
        image.WriteTree(0);
        var clock = Stopwatch.StartNew();
        Assert.True(image.Put(TimeSpan.FromMinutes(1)));
        var whole = clock.Elapsed;
        int version = 0, killed = 0, old = 0;
        for (var round = 1; round <= rounds; round++)
        {
            image.WriteTree(round);
            var finished = image.Put(whole * (0.3 + random.NextDouble() * 0.8));
            // What the killed one left is seen as it will be, and then is: an edit replays it.
            var found = image.ReadTree();
            Assert.True(found == version || found == round, $"round {round} (seed {Seed}): found the tree of round {found}, expected that of {version} or {round}");
            Assert.True(!finished || found == round, $"round {round} (seed {Seed}): the command had ended, but the new tree is not there");
            killed += finished ? 0 : 1;
            old += found == version ? 1 : 0;
            version = found;
            Cli.Expect("check", path);
            Cli.Expect("mkdir", "-p", path, "/recovered");
            Assert.False(File.Exists(path + ".platter-journal"));
            Assert.Equal(version, image.ReadTree());
            // qemu's check knows these three; what it leaves out, reading all of it shows.
            if (format is "qcow2" or "vhdx" or "vdi")
                Assert.True(Tool.Run("qemu-img", "check", "-f", format, path) is { ExitCode: 0 or 3 } check, $"round {round}");
            Tool.Expect("qemu-img", "convert", "-f", format == "vhd" ? "vpc" : format, "-O", "raw", path, raw.Host("out.raw"));
            Assert.Equal(0, Tool.Run("fsck.vfat", "-n", raw.Host("out.raw")).ExitCode);
        }
        output.WriteLine($"{kind}: {rounds} puts, {killed} killed before their end, {old} left the old tree, {rounds - old} the new one");
    }

    /// <summary>A tree that is put into an image again and again.</summary>
    private sealed class Killed(TestImage folder, string path) : IDisposable
    {
        private const int Count = 40;

        internal void WriteTree(int round)
        {
            Directory.CreateDirectory(folder.Host("tree"));
            for (var i = 0; i < Count; i++)
            {
                var content = new byte[(i * 9770 + round * 131) % 300_000 + 4];
                new Random(i ^ round << 8).NextBytes(content);
                BitConverter.TryWriteBytes(content, round);
                File.WriteAllBytes(folder.Host($"tree/{i}.bin"), content);
            }
        }

        internal bool Put(TimeSpan time)
        {
            using var process = Cli.Start(null, [], "put", path, folder.Host("tree"), "/");
            if (process.WaitForExit(time))
            {
                Assert.True(process.ExitCode == 0, process.StandardError.ReadToEnd());
                return true;
            }
            process.Kill();
            process.WaitForExit();
            return false;
        }

        internal int ReadTree()
        {
            Dispose();
            Cli.Expect("get", path, "/tree", folder.Host("out"));
            var rounds = new HashSet<int>();
            for (var i = 0; i < Count; i++)
            {
                var content = File.ReadAllBytes(folder.Host($"out/{i}.bin"));
                var round = BitConverter.ToInt32(content);
                var expected = new byte[(i * 9770 + round * 131) % 300_000 + 4];
                new Random(i ^ round << 8).NextBytes(expected);
                BitConverter.TryWriteBytes(expected, round);
                Assert.True(content.AsSpan().SequenceEqual(expected), $"file {i} of round {round}");
                rounds.Add(round);
            }
            return Assert.Single(rounds);
        }

        public void Dispose()
        {
            if (Directory.Exists(folder.Host("out")))
                Directory.Delete(folder.Host("out"), recursive: true);
        }
    }

    private static void WriteTree(TestImage image, int round)
    {
        Directory.CreateDirectory(image.Host("tree"));
        for (var i = 0; i < Files; i++)
        {
            var content = new byte[(i * 977 + round * 131) % 40_000 + 4];
            new Random(i ^ round << 8).NextBytes(content);
            BitConverter.TryWriteBytes(content, round);
            File.WriteAllBytes(image.Host($"tree/a file with a long name {i}.bin"), content);
        }
    }

    // Returns whether the command came to its end.
    private static bool Put(TestImage image, TimeSpan time)
    {
        using var process = Cli.Start(null, [], "put", image.Path, image.Host("tree"), "/");
        if (process.WaitForExit(time))
        {
            Assert.True(process.ExitCode == 0, process.StandardError.ReadToEnd());
            return true;
        }
        process.Kill();
        process.WaitForExit();
        return false;
    }

    // The round that every file in the image is of; the files are compared byte by byte when that is the latest one.
    private static int ReadTree(TestImage image, int latest)
    {
        var folder = image.Host("out");
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Cli.Expect("get", image.Path, "/tree", folder);
        var rounds = new HashSet<int>();
        for (var i = 0; i < Files; i++)
        {
            var name = $"a file with a long name {i}.bin";
            var content = File.ReadAllBytes(Path.Combine(folder, name));
            var round = BitConverter.ToInt32(content);
            rounds.Add(round);
            if (round == latest)
                Assert.Equal(File.ReadAllBytes(image.Host("tree/" + name)), content);
            else
                Assert.Equal((i * 977 + round * 131) % 40_000 + 4, content.Length);
        }
        return Assert.Single(rounds);
    }
}
