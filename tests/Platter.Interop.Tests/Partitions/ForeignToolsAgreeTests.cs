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
        var report = PartitionChecker.Check(disk);
        Assert.True(report.IsClean, string.Join("\n", report.Findings));
    }
}
