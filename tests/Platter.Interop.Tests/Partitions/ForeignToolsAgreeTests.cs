using Platter.Blocks;
using Platter.Partitions;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Partitions;

/// <summary>gdisk, util-linux and parted on tables that Platter made.</summary>
public sealed class ForeignToolsAgreeTests
{
    private const int MiB = 1 << 20;

    [Fact]
    public void Sgdisk_sfdisk_and_parted_find_a_gpt_sound_and_see_the_same_partitions()
    {
        using var folder = new TempFolder();
        var disk = new MemoryDevice(64 * MiB);
        var editor = PartitionEditor.Create(disk, PartitionScheme.Gpt);
        editor.Add(new NewPartition { Type = PartitionType.Parse("esp", PartitionScheme.Gpt), Length = 8 * MiB, Name = "EFI", Flags = PartitionFlags.Required });
        editor.Add(new NewPartition { Type = PartitionType.Parse("linux", PartitionScheme.Gpt), Length = 20 * MiB, Name = "Größe 💾", Flags = PartitionFlags.Bootable });
        editor.Add(new NewPartition { Type = PartitionType.Parse("linux-swap", PartitionScheme.Gpt) });
        AllAgree(editor, disk, folder);
    }

    [Fact]
    public void Sfdisk_and_parted_find_an_mbr_with_logical_partitions_sound_and_see_the_same_partitions()
    {
        using var folder = new TempFolder();
        var disk = new MemoryDevice(64 * MiB);
        var editor = PartitionEditor.Create(disk, PartitionScheme.Mbr);
        editor.Add(new NewPartition { Type = PartitionType.Parse("fat32", PartitionScheme.Mbr), Length = 8 * MiB, Flags = PartitionFlags.Bootable });
        editor.Add(new NewPartition { Type = PartitionType.Parse("linux", PartitionScheme.Mbr), Length = 8 * MiB, Placement = MbrPlacement.Logical });
        editor.Add(new NewPartition { Type = PartitionType.Parse("linux", PartitionScheme.Mbr), Length = 9 * MiB, Placement = MbrPlacement.Logical });
        editor.Add(new NewPartition { Type = PartitionType.Parse("linux-swap", PartitionScheme.Mbr), Placement = MbrPlacement.Logical });
        AllAgree(editor, disk, folder);
    }

    [Theory]
    [InlineData(PartitionScheme.Gpt)]
    [InlineData(PartitionScheme.Mbr)]
    public void The_tools_agree_after_each_of_many_random_edits(PartitionScheme scheme)
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        using var folder = new TempFolder();
        for (var round = 0; round < 3; round++)
        {
            var random = new Random(seed + round);
            var disk = new MemoryDevice(96 * MiB);
            var editor = PartitionEditor.Create(disk, scheme);
            for (var step = 0; step < 12; step++)
            {
                RandomEdits.Apply(editor, random);
                AllAgree(editor, disk, folder);
            }
        }
    }

    [Fact]
    public void Parted_and_mmls_see_the_partitions_of_an_apple_map_after_random_edits_and_platter_those_that_parted_makes()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var folder = new TempFolder();
        var path = folder.File("apple.img");
        File.WriteAllBytes(path, new byte[64 * MiB]);
        Tool.Expect("parted", "-s", path, "mklabel", "mac", "mkpart", "one", "hfs", "1MiB", "9MiB", "mkpart", "two", "ext2", "10MiB", "30MiB");
        var foreign = PartitionTable.TryOpen(new MemoryDevice(File.ReadAllBytes(path)))!;
        Assert.Empty(foreign.Findings);
        Assert.Equal(ForeignTables.PlacesFromParted(path), ForeignTables.Places(foreign, p => p.Type.Text != "Apple_Free"));
        Assert.Equal("one two", string.Join(" ", foreign.Partitions.Where(p => p.Type.Text is not ("Apple_Free" or "Apple_partition_map")).Select(p => p.Name)));

        var disk = new MemoryDevice(64 * MiB);
        var editor = PartitionEditor.Create(disk, PartitionScheme.Apm);
        for (var step = 0; step < 15; step++)
        {
            RandomEdits.Apply(editor, random);
            File.WriteAllBytes(path, disk.Bytes);
            Assert.Equal(ForeignTables.Places(editor.Table, p => p.Type.Text != "Apple_Free"), ForeignTables.PlacesFromParted(path));
            var mmls = Tool.Expect("mmls", "-t", "mac", path);
            foreach (var p in editor.Table.Partitions.Where(p => p.Type.Text != "Apple_Free"))
                Assert.Matches($@"{p.Start / 512:D10} +{(p.End / 512) - 1:D10} +{p.Length / 512:D10} +{p.Type.Text}", mmls);
            Assert.True(PartitionChecker.Check(disk).IsClean);
        }
    }

    internal static void AllAgree(PartitionEditor editor, MemoryDevice disk, TempFolder folder)
    {
        var path = folder.File("made.img");
        File.WriteAllBytes(path, disk.Bytes);
        if (editor.Table.Scheme == PartitionScheme.Gpt)
            Assert.Contains("No problems found", Tool.Expect("sgdisk", "-v", path));
        var verify = Tool.Run("sfdisk", "-V", path);
        Assert.True(verify.ExitCode == 0, verify.All);
        var complaints = verify.Error.Split('\n').Where(l => l.Length > 0 && !l.Contains("unallocated", StringComparison.Ordinal) && !l.Contains("entries are not in disk order", StringComparison.Ordinal));
        Assert.Empty(complaints);
        Assert.Equal(ForeignTables.Describe(editor.Table), ForeignTables.FromSfdisk(path));
        Assert.Equal(ForeignTables.Places(editor.Table), ForeignTables.PlacesFromParted(path));
        Assert.Equal(editor.Table.Partitions.Select(p => $"{p.Start / 512} {p.Length / 512}").Order(StringComparer.Ordinal), ForeignTables.RowsOfFdisk(512, path).Order(StringComparer.Ordinal));
        var report = PartitionChecker.Check(disk);
        Assert.True(report.IsClean, string.Join("\n", report.Findings));
    }
}
