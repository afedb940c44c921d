using System.Text;
using Platter.Blocks;
using Platter.Partitions;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Partitions;

/// <summary>Random layouts made by sfdisk, sgdisk and parted, read and edited by Platter.</summary>
public sealed class ForeignTablesAreReadTests
{
    private const int MiB = 1 << 20, Sectors = 64 * MiB / 512, Rounds = 6;

    [Theory]
    [InlineData("dos")]
    [InlineData("gpt")]
    public void Random_layouts_by_sfdisk_are_read_and_edited(string label)
    {
        var random = Seeded();
        for (var round = 0; round < Rounds; round++)
        {
            Agree(path =>
            {
                var script = new StringBuilder($"label: {label}\n");
                if (label == "dos")
                    DosLayout(script, random);
                else
                    GptLayout(script, random);
                var made = Tool.Run(null, Encoding.UTF8.GetBytes(script.ToString()), "sfdisk", "-q", "--no-reread", path);
                Assert.True(made.ExitCode == 0, script + made.All);
            }, random);
        }
    }

    [Fact]
    public void Random_layouts_by_sgdisk_are_read_and_edited()
    {
        var random = Seeded();
        for (var round = 0; round < Rounds; round++)
        {
            Agree(path =>
            {
                var arguments = new List<string> { "-a", "1" };
                var at = random.Next(34, 4096);
                for (var n = random.Next(1, 12); n > 0 && at < Sectors - 10_000; n--)
                {
                    var number = random.Next(1, 128);
                    var end = at + random.Next(1, 9000);
                    arguments.AddRange(["-n", $"{number}:{at}:{end}", "-t", $"{number}:{(random.Next(2) == 0 ? "8300" : "ef00")}", "-c", $"{number}:Ünï {n}", "-A", $"{number}:set:{random.Next(64)}"]);
                    at = end + 1 + random.Next(3000);
                }
                Tool.Run("sgdisk", [.. arguments, path]); // a number drawn twice is refused: the others are there
                Tool.Expect("sgdisk", "-e", path);
            }, random);
        }
    }

    [Fact]
    public void Random_layouts_by_parted_are_read_and_edited()
    {
        var random = Seeded();
        for (var round = 0; round < Rounds; round++)
        {
            Agree(path =>
            {
                List<string> arguments = ["-s", path, "unit", "s", "mklabel", "msdos", "mkpart", "primary", "fat32", "2048", "9999"];
                arguments.AddRange(["mkpart", "extended", "10240", $"{Sectors - 1}"]);
                var at = 12288 + random.Next(2000);
                for (var n = random.Next(1, 8); n > 0 && at < Sectors - 12_000; n--)
                {
                    var end = at + random.Next(100, 10_000);
                    arguments.AddRange(["mkpart", "logical", random.Next(2) == 0 ? "ext2" : "ntfs", $"{at}", $"{end}"]);
                    at = end + 64 + random.Next(4000);
                }
                Tool.Expect("parted", [.. arguments, "set", "1", "boot", "on"]);
            }, random);
        }
    }

    [Fact]
    public void Tables_of_4096_byte_sectors_by_parted_are_read_and_ours_are_read_by_fdisk_and_parted()
    {
        using var folder = new TempFolder();
        var path = folder.File("4k.img");
        foreach (var (label, scheme) in new[] { ("gpt", PartitionScheme.Gpt), ("msdos", PartitionScheme.Mbr) })
        {
            File.WriteAllBytes(path, new byte[64 * MiB]);
            Tool.Expect("env", "PARTED_SECTOR_SIZE=4096", "parted", "-s", path, "mklabel", label, "mkpart", "primary", "1MiB", "9MiB", "mkpart", "primary", "9MiB", "60MiB");
            var disk = new MemoryDevice(File.ReadAllBytes(path), 4096);
            var table = PartitionTable.TryOpen(disk)!;
            Assert.Equal(4096, table.SectorSize);
            Assert.Empty(table.Findings);
            Assert.Equal([(1L * MiB, 8L * MiB), (9L * MiB, 51L * MiB)], table.Partitions.Select(p => (p.Start, p.Length)));

            var editor = PartitionEditor.Create(disk, scheme, new PartitionOptions { Overwrite = true });
            for (var i = 0; i < 3; i++)
                editor.Add(new NewPartition { Type = PartitionType.Parse("linux", scheme), Length = 5 * MiB, Placement = i == 0 ? MbrPlacement.Primary : MbrPlacement.Logical });
            File.WriteAllBytes(path, disk.Bytes);
            var parted = Tool.Expect("env", "PARTED_SECTOR_SIZE=4096", "parted", "-m", "-s", path, "unit", "B", "print");
            Assert.Equal(ForeignTables.Places(editor.Table), ForeignTables.PlacesOfParted(parted));
            Assert.Equal(editor.Table.Partitions.Select(p => $"{p.Start / 4096} {p.Length / 4096}"), ForeignTables.RowsOfFdisk(4096, path));
            if (scheme == PartitionScheme.Gpt)
                AssertSgdiskAgrees(path, editor.Table);
        }
    }

    // sgdisk takes a file for a disk of 512-byte sectors, whatever it holds: it needs a disk that says otherwise.
    private static void AssertSgdiskAgrees(string path, PartitionTable table)
    {
        using var loop = new Blocks.LoopDisk(path, "--read-only", "--sector-size", "4096");
        Assert.Contains("No problems found", Tool.Expect("sgdisk", "-v", loop.Path), StringComparison.Ordinal);
        var printed = Tool.Expect("sgdisk", "-p", loop.Path);
        foreach (var p in table.Partitions)
            Assert.Matches($@"\n +{p.Number} +{p.Start / 4096} +{(p.End / 4096) - 1} ", printed);
    }

    private static Random Seeded()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        return new Random(seed);
    }

    /// <summary>Reads what a tool made as sfdisk reads it, edits it, and has the tools judge the result.</summary>
    private static void Agree(Action<string> make, Random random)
    {
        using var folder = new TempFolder();
        var path = folder.File("foreign.img");
        using (var file = File.Create(path))
            file.SetLength(64 * MiB);
        make(path);
        var disk = new MemoryDevice(File.ReadAllBytes(path));
        var table = PartitionTable.TryOpen(disk)!;
        Assert.Equal(ForeignTables.FromSfdisk(path), ForeignTables.Describe(table));
        Assert.Empty(table.Findings);
        var editor = PartitionEditor.Open(disk);
        for (var step = 0; step < 4; step++)
            RandomEdits.Apply(editor, random);
        ForeignToolsAgreeTests.AllAgree(editor, disk, folder);
    }

    private static void DosLayout(StringBuilder script, Random random)
    {
        var at = random.Next(1, 4096);
        var extended = random.Next(4);
        for (var i = 0; i < 4; i++)
        {
            var count = random.Next(10_000, 25_000);
            script.Append($"start={at}, size={count}, type={(i == extended ? "f" : "83")}{(random.Next(4) == 0 && i == 3 ? ", bootable" : "")}\n");
            at += count + random.Next(3000);
        }

        // sfdisk puts a logical partition into the extended one by where it starts.
        var lines = script.ToString().Split('\n').First(l => l.Contains("type=f", StringComparison.Ordinal));
        var start = int.Parse(lines.Split(['=', ','])[1]);
        var end = start + int.Parse(lines.Split(['=', ','])[3]);
        for (var logical = start + random.Next(63, 2049); random.Next(6) != 0;)
        {
            var count = random.Next(1, 4000);
            if (logical + count > end)
                break;
            script.Append($"start={logical}, size={count}, type={random.Next(0x80, 0x84):x}\n");
            logical += count + random.Next(64, 3000);
        }
    }

    private static void GptLayout(StringBuilder script, Random random)
    {
        script.Append($"table-length: {random.Next(2) switch { 0 => 128, _ => 64 }}\nfirst-lba: {random.Next(34, 2048)}\n");
        var at = 2048;
        for (var n = random.Next(0, 9); n > 0; n--)
        {
            var count = random.Next(1, 10_000);
            script.Append($"start={at}, size={count}, type={(random.Next(2) == 0 ? "U" : Guid.NewGuid().ToString())}, name=\"Nämé {n}\", attrs=\"{(random.Next(2) == 0 ? "RequiredPartition" : "GUID:" + random.Next(48, 64))}\"\n");
            at += count + random.Next(3000);
        }
    }
}
