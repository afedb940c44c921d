using Platter.Partitions;
using Xunit;
using static Platter.Tests.Partitions.Disks;

namespace Platter.Tests.Partitions;

/// <summary>What an editor refuses leaves the disk as it was; found by the fuzzer.</summary>
public sealed class RefusedEditTests
{
    [Fact]
    public void A_logical_partition_with_a_wished_number_is_refused_before_an_extended_one_is_made_for_it()
    {
        var editor = Make(PartitionScheme.Mbr);
        editor.Add("fat32", 2 * MiB);
        var before = editor.Bytes().ToArray();
        Assert.Throws<ArgumentException>(() => editor.Add(new NewPartition { Type = PartitionType.Parse("linux", PartitionScheme.Mbr), Placement = MbrPlacement.Logical, Number = 5 }));
        Assert.True(before.AsSpan().SequenceEqual(editor.Bytes()), "the refused edit has changed the disk");
    }

    [Fact]
    public void A_map_whose_descriptor_names_another_block_size_is_not_edited()
    {
        // With seven entries more, an entry would come to lie where the descriptor's block size looks for the first one.
        var disk = Apm().Bytes();
        disk[2] = 0x10;
        disk[3] = 0x00;
        var before = disk.ToArray();
        var editor = PartitionEditor.Open(new Platter.Blocks.MemoryDevice(disk));
        for (var i = 0; i < 3; i++)
            Assert.Equal("APM-0002", Assert.Throws<DiskFormatException>(() => editor.Add("apple-hfs", MiB)).Code);
        Assert.True(before.AsSpan().SequenceEqual(disk), "the refused edit has changed the disk");
    }
}
