using System.Diagnostics;
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
            var finished = Put(image, whole * (random.NextDouble() * 1.1));
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
