using Platter.Blocks;
using Platter.Partitions;
using Platter.Partitions.OnDisk;
using Xunit;
using static Platter.Tests.Partitions.Disks;
using Structure = Platter.Primitives.OnDisk;

namespace Platter.Tests.Partitions;

/// <summary>Every kind of damage, made on purpose, is found with its own code.</summary>
public sealed class FindingsTests
{
    private const int LastSector = (16 * MiB / 512) - 1;

    [Theory]
    [InlineData(PartitionScheme.Gpt)]
    [InlineData(PartitionScheme.Mbr)]
    [InlineData(PartitionScheme.Apm)]
    public void A_sound_table_gives_no_finding(PartitionScheme scheme) => Assert.Empty(Check(Of(scheme).Bytes()).Findings);

    [Fact]
    public void A_disk_without_a_table_gives_no_finding()
    {
        Assert.Empty(Check(new byte[MiB]).Findings);
        Assert.Empty(Check([]).Findings);
    }

    // ---- GPT

    [Fact]
    public void Gpt_0001_neither_copy_is_sound()
    {
        var disk = Gpt().Bytes();
        disk[512 + 60]++;
        disk[(LastSector * 512) + 60]++;
        Found(disk, "GPT-0001", Severity.Error);
        var e = Assert.Throws<DiskFormatException>(() => PartitionTable.TryOpen(new MemoryDevice(disk)));
        Assert.Equal("GPT-0001", e.Code);
    }

    [Fact]
    public void Gpt_0001_of_a_hybrid_disk_leaves_the_partitions_of_its_mbr()
    {
        var disk = Gpt().Bytes();
        disk[512 + 60]++;
        disk[(LastSector * 512) + 60]++;
        MbrEntry(disk, 1) = new MbrEntry { Type = 0x83, StartSector = 2048, SectorCount = 4096 };
        Found(disk, "GPT-0001", Severity.Error);
        Assert.Equal(2, PartitionTable.TryOpen(new MemoryDevice(disk))!.Partitions.Count);
    }

    [Theory] // a byte of each field
    [InlineData(0x00)]
    [InlineData(0x0C)]
    [InlineData(0x10)]
    [InlineData(0x18)]
    [InlineData(0x28)]
    [InlineData(0x48)]
    [InlineData(0x50)]
    [InlineData(0x54)]
    [InlineData(0x58)]
    public void Gpt_0002_the_primary_header_is_damaged_and_the_backup_is_used(int field)
    {
        var disk = Gpt().Bytes();
        disk[512 + field] ^= 0xFF;
        Found(disk, "GPT-0002", Severity.Error);
        var table = PartitionTable.TryOpen(new MemoryDevice(disk))!;
        Assert.Equal("esp linux", string.Join(" ", table.Partitions.Select(p => p.TypeName)));
        Assert.Contains(table.Findings, f => f.Code == "GPT-0002");
    }

    [Theory] // with a checksum that is right
    [InlineData("headerSize")]
    [InlineData("mySector")]
    [InlineData("firstUsableSector")]
    [InlineData("entriesSector")]
    [InlineData("entryCount")]
    [InlineData("entrySize")]
    public void Gpt_0002_names_the_field_that_is_wrong(string field)
    {
        var disk = Gpt().Bytes();
        EditHeader(disk, 1, 512, (ref GptHeader h) =>
        {
            switch (field)
            {
                case "headerSize": h.HeaderSize = 93; break;
                case "mySector": h.MySector = 2; break;
                case "firstUsableSector": h.FirstUsableSector = h.LastUsableSector + 1; break;
                case "entriesSector": h.EntriesSector = 40; break;
                case "entryCount": h.EntryCount = 0x80000000; break;
                default: h.EntrySize = 192; break;
            }
        });
        if (field == "headerSize")
            disk[512 + 0x0C] = 91;
        Assert.Contains(Check(disk).Findings, f => f.Code == "GPT-0002" && f.Structure == "GptHeader." + field);
    }

    [Fact]
    public void Gpt_0003_the_primary_entry_array_is_damaged_and_the_backup_is_used()
    {
        var disk = Gpt().Bytes();
        disk[(2 * 512) + 0x38]++;
        Found(disk, "GPT-0003", Severity.Error);
        Assert.Equal(2, PartitionTable.TryOpen(new MemoryDevice(disk))!.Partitions.Count);
    }

    [Fact]
    public void Gpt_0004_the_backup_header_is_damaged_or_cut_off()
    {
        var disk = Gpt().Bytes();
        disk[LastSector * 512]++;
        Found(disk, "GPT-0004", Severity.Error);
        Found(Gpt().Bytes().AsSpan(0, 15 * MiB).ToArray(), "GPT-0004", Severity.Error);
    }

    [Fact]
    public void Gpt_0005_the_backup_entry_array_is_damaged()
    {
        var disk = Gpt().Bytes();
        disk[(LastSector - 32) * 512]++;
        Found(disk, "GPT-0005", Severity.Error);
    }

    [Fact]
    public void Gpt_0006_the_copies_differ()
    {
        var disk = Gpt().Bytes();
        EditHeader(disk, LastSector, 512, (ref GptHeader h) => h.DiskGuid = Guid.NewGuid());
        Found(disk, "GPT-0006", Severity.Error);
    }

    [Fact]
    public void Gpt_0007_the_disk_was_enlarged_and_repair_moves_the_backup()
    {
        var disk = new byte[20 * MiB];
        Gpt().Bytes().CopyTo(disk, 0);
        Found(disk, "GPT-0007", Severity.Warning);

        var editor = PartitionEditor.Open(new MemoryDevice(disk));
        editor.Repair();
        Assert.Empty(Check(disk).Findings);
        Assert.Equal((20 * MiB) - (33 * 512), editor.Table.UsableRange.End);
    }

    [Fact]
    public void Gpt_0008_the_protective_mbr_is_gone_and_repair_brings_it_back()
    {
        var disk = Gpt().Bytes();
        disk.AsSpan(0, 512).Clear();
        Found(disk, "GPT-0008", Severity.Warning);
        PartitionEditor.Open(new MemoryDevice(disk)).Repair();
        Assert.Empty(Check(disk).Findings);
    }

    [Fact]
    public void Gpt_0009_a_hybrid_mbr_is_noted_and_does_not_make_the_disk_unclean()
    {
        var disk = Gpt().Bytes();
        MbrEntry(disk, 0).SectorCount = 2047;
        MbrEntry(disk, 1) = new MbrEntry { Type = 0x83, StartSector = 2048, SectorCount = 4096 };
        Found(disk, "GPT-0009", Severity.Note);
        Assert.True(Check(disk).IsClean);
        Assert.Equal(PartitionScheme.Gpt, PartitionTable.TryOpen(new MemoryDevice(disk))!.Scheme);
    }

    [Fact]
    public void Gpt_0010_the_protective_partition_does_not_cover_the_disk()
    {
        var disk = Gpt().Bytes();
        MbrEntry(disk, 0).SectorCount = 100;
        Found(disk, "GPT-0010", Severity.Warning);
    }

    [Theory]
    [InlineData(512, 4096)]
    [InlineData(4096, 512)]
    public void Gpt_0011_the_table_was_made_for_another_sector_size(int made, int read)
    {
        var editor = Gpt(made);
        Assert.Contains(Check(editor.Bytes(), read).Findings, f => f.Code == "GPT-0011" && f.Severity == Severity.Warning);
        var table = PartitionTable.TryOpen(new MemoryDevice(editor.Bytes(), read))!;
        Assert.Equal(made, table.SectorSize);
        Assert.Equal(editor.Table.Partitions.Select(p => (p.Start, p.Length)), table.Partitions.Select(p => (p.Start, p.Length)));
    }

    [Fact]
    public void Gpt_0012_an_entry_ends_before_it_starts_and_is_left_out()
    {
        var disk = Gpt().Bytes();
        EditEntry(disk, 0, (ref GptEntry e) => e.LastSector = 3);
        Found(disk, "GPT-0012", Severity.Error);
        Assert.Equal([2], PartitionTable.TryOpen(new MemoryDevice(disk))!.Partitions.Select(p => p.Number));
    }

    [Fact]
    public void Gpt_0013_an_entry_lies_outside_of_the_usable_range()
    {
        var disk = Gpt().Bytes();
        EditEntry(disk, 0, (ref GptEntry e) => e.FirstSector = 33);
        Found(disk, "GPT-0013", Severity.Error);
    }

    [Fact]
    public void Gpt_0014_a_partition_reaches_past_the_end_of_the_device_and_is_not_opened()
    {
        var disk = Gpt().Bytes().AsSpan(0, 4 * MiB).ToArray();
        Found(disk, "GPT-0014", Severity.Error);
        var table = PartitionTable.TryOpen(new MemoryDevice(disk))!;
        Assert.False(table[1].ReachesPastEnd);
        Assert.True(table[2].ReachesPastEnd);
        Assert.Equal("GPT-0014", Assert.Throws<DiskFormatException>(() => table[2].OpenDevice()).Code);
    }

    [Fact]
    public void Gpt_0015_partitions_overlap()
    {
        var disk = Gpt().Bytes();
        EditEntry(disk, 0, (ref GptEntry e) => e.LastSector = e.LastSector + 1);
        Found(disk, "GPT-0015", Severity.Error);
    }

    [Fact]
    public void Gpt_0016_two_partitions_have_one_guid()
    {
        var disk = Gpt().Bytes();
        foreach (var i in new[] { 0, 1 })
            EditEntry(disk, i, (ref GptEntry e) => e.UniqueId = new Guid(7, 0, 0, new byte[8]));
        Found(disk, "GPT-0016", Severity.Warning);
    }

    [Fact]
    public void Gpt_0017_a_partition_has_no_guid()
    {
        var disk = Gpt().Bytes();
        EditEntry(disk, 0, (ref GptEntry e) => e.UniqueId = Guid.Empty);
        Found(disk, "GPT-0017", Severity.Warning);
    }

    [Fact]
    public void Gpt_0018_the_revision_is_not_1_0()
    {
        var disk = Gpt().Bytes();
        EditHeader(disk, 1, 512, (ref GptHeader h) => h.Revision = 0x00020000);
        Found(disk, "GPT-0018", Severity.Warning);
    }

    [Fact]
    public void Gpt_0019_a_primary_array_that_cannot_be_put_back_is_refused()
    {
        var disk = Gpt().Bytes();
        disk.AsSpan(512, 512).Clear();
        EditHeader(disk, LastSector, 512, (ref GptHeader h) => h.FirstUsableSector = 20);
        var editor = PartitionEditor.Open(new MemoryDevice(disk));
        Assert.Equal("GPT-0019", Assert.Throws<DiskFormatException>(editor.Repair).Code);
    }

    [Fact]
    public void A_damaged_gpt_whose_partition_covers_the_table_is_not_written_over()
    {
        var disk = Gpt().Bytes();
        EditEntry(disk, 0, (ref GptEntry e) => e.FirstSector = 10);
        var editor = PartitionEditor.Open(new MemoryDevice(disk));
        Assert.Equal("GPT-0013", Assert.Throws<DiskFormatException>(() => editor.Add("linux", MiB)).Code);
        editor.Remove(1);
        Assert.Empty(Check(disk).Findings);
    }

    // ---- MBR

    [Fact]
    public void Mbr_0001_a_status_byte_is_neither_00_nor_80()
    {
        var disk = Mbr().Bytes();
        MbrEntry(disk, 0).Status = 0x12;
        Found(disk, "MBR-0001", Severity.Warning);
    }

    [Fact]
    public void Mbr_0002_two_partitions_are_active()
    {
        var disk = Mbr().Bytes();
        MbrEntry(disk, 0).Status = MbrEntry(disk, 1).Status = 0x80;
        Found(disk, "MBR-0002", Severity.Warning);
    }

    [Theory]
    [InlineData(0x83, 0u, 10u)]
    [InlineData(0x83, 10u, 0u)]
    [InlineData(0, 20000u, 10u)]
    public void Mbr_0003_an_entry_is_half_empty(byte type, uint start, uint count)
    {
        var disk = Mbr().Bytes();
        MbrEntry(disk, 3) = new MbrEntry { Type = type, StartSector = start, SectorCount = count };
        Found(disk, "MBR-0003", Severity.Warning);
    }

    [Fact]
    public void Mbr_0004_a_partition_reaches_past_the_end_of_the_device_and_is_not_opened()
    {
        var disk = Mbr().Bytes().AsSpan(0, 2 * MiB).ToArray();
        Found(disk, "MBR-0004", Severity.Error);
        var table = PartitionTable.TryOpen(new MemoryDevice(disk))!;
        Assert.Equal("MBR-0004", Assert.Throws<DiskFormatException>(() => table[1].OpenDevice()).Code);
    }

    [Fact]
    public void Mbr_0005_partitions_overlap_primary_and_logical()
    {
        var disk = Mbr().Bytes();
        MbrEntry(disk, 0).SectorCount += 1;
        Found(disk, "MBR-0005", Severity.Error);

        var editor = Mbr();
        disk = editor.Bytes();
        var ebr = editor.Table[2].Start / 512;
        MbrEntry(disk, 0, ebr).SectorCount += 4096;
        Found(disk, "MBR-0005", Severity.Error);
    }

    [Fact]
    public void Mbr_0006_there_are_two_extended_partitions()
    {
        var disk = Mbr().Bytes();
        MbrEntry(disk, 0).Type = 0x05;
        Found(disk, "MBR-0006", Severity.Warning);
    }

    [Fact]
    public void Mbr_0007_a_record_of_the_chain_has_no_signature()
    {
        var editor = Mbr();
        editor.Bytes()[editor.Table[2].Start + 510] = 0;
        Found(editor.Bytes(), "MBR-0007", Severity.Error);
    }

    [Fact]
    public void Mbr_0008_the_chain_is_a_loop()
    {
        var editor = Mbr();
        var second = (editor.Table[2].Start / 512) + (uint)MbrEntry(editor.Bytes(), 1, editor.Table[2].Start / 512).StartSector;
        MbrEntry(editor.Bytes(), 1, second) = new MbrEntry { Type = 0x05, StartSector = 0, SectorCount = 1 };
        Found(editor.Bytes(), "MBR-0008", Severity.Error);
        Assert.Equal(4, PartitionTable.TryOpen(editor.Table.Disk)!.Partitions.Count);
        Assert.Equal("MBR-0008", Assert.Throws<DiskFormatException>(() => PartitionEditor.Open(editor.Table.Disk).Add("linux", MiB, placement: MbrPlacement.Logical)).Code);
    }

    [Fact]
    public void Mbr_0009_the_chain_leaves_the_extended_partition()
    {
        var editor = Mbr();
        MbrEntry(editor.Bytes(), 1, editor.Table[2].Start / 512).StartSector = 1_000_000;
        Found(editor.Bytes(), "MBR-0009", Severity.Error);
    }

    [Fact]
    public void Mbr_0010_a_logical_partition_is_not_within_the_extended_one()
    {
        var editor = Mbr();
        MbrEntry(editor.Bytes(), 0, editor.Table[2].Start / 512).SectorCount = 1_000_000;
        Found(editor.Bytes(), "MBR-0010", Severity.Error);
    }

    [Fact]
    public void Mbr_0011_the_chain_is_endless()
    {
        var disk = new byte[4 * MiB];
        disk[510] = 0x55;
        disk[511] = 0xAA;
        MbrEntry(disk, 0) = new MbrEntry { Type = 0x05, StartSector = 1, SectorCount = 8000 };
        for (var i = 0; i < 2000; i++)
        {
            MbrEntry(disk, 1, 1 + i) = new MbrEntry { Type = 0x05, StartSector = (uint)i + 1, SectorCount = 1 };
            disk[((1 + i) * 512) + 510] = 0x55;
            disk[((1 + i) * 512) + 511] = 0xAA;
        }
        Found(disk, "MBR-0011", Severity.Error);
    }

    [Fact]
    public void Mbr_0012_the_remnant_of_a_gpt_is_noted()
    {
        var disk = Gpt().Bytes();
        MbrEntry(disk, 0) = new MbrEntry { Type = 0x83, StartSector = 2048, SectorCount = 4096 };
        Found(disk, "MBR-0012", Severity.Note);
        Assert.Equal(PartitionScheme.Mbr, PartitionTable.TryOpen(new MemoryDevice(disk))!.Scheme);
    }

    [Fact]
    public void Mbr_0013_one_record_describes_two_logical_partitions()
    {
        var editor = Mbr();
        var ebr = editor.Table[2].Start / 512;
        MbrEntry(editor.Bytes(), 2, ebr) = new MbrEntry { Type = 0x83, StartSector = 20000, SectorCount = 10 };
        Found(editor.Bytes(), "MBR-0013", Severity.Warning);
        Assert.Throws<UnsupportedFeatureException>(() => PartitionEditor.Open(editor.Table.Disk).Remove(5));
    }

    [Fact]
    public void Mbr_0014_a_logical_partition_covers_its_own_record()
    {
        var editor = Mbr();
        MbrEntry(editor.Bytes(), 0, editor.Table[2].Start / 512).StartSector = 0;
        Found(editor.Bytes(), "MBR-0014", Severity.Error);
    }

    [Fact]
    public void Mbr_0015_there_is_no_table_to_edit() =>
        Assert.Equal("MBR-0015", Assert.Throws<DiskFormatException>(() => PartitionEditor.Open(new MemoryDevice(MiB))).Code);

    // ---- APM

    [Fact]
    public void Apm_0001_the_driver_descriptor_is_missing()
    {
        var disk = Apm().Bytes();
        disk.AsSpan(0, 512).Clear();
        Found(disk, "APM-0001", Severity.Warning);
        Assert.Equal(5, PartitionTable.TryOpen(new MemoryDevice(disk))!.Partitions.Count);
    }

    [Fact]
    public void Apm_0002_the_driver_descriptor_names_another_block_size()
    {
        var disk = Apm().Bytes();
        Structure.Edit<DriverDescriptor>(disk).BlockSize = 2048;
        disk.AsSpan(2048, 2).Clear(); // the fourth entry, where a map of 2048-byte blocks would start
        ApmEntry(disk, 0).MapBlockCount = 3;
        Found(disk, "APM-0002", Severity.Note);
    }

    [Fact]
    public void Apm_0003_an_entry_has_no_signature()
    {
        var disk = Apm().Bytes();
        ApmEntry(disk, 2).Signature = 0;
        Found(disk, "APM-0003", Severity.Error);
    }

    [Fact]
    public void Apm_0004_the_count_of_entries_is_absurd_or_differs()
    {
        var disk = Apm().Bytes();
        ApmEntry(disk, 0).MapBlockCount = 1_000_000;
        Found(disk, "APM-0004", Severity.Error);
        disk = Apm().Bytes();
        ApmEntry(disk, 2).MapBlockCount = 7;
        Found(disk, "APM-0004", Severity.Warning);
    }

    [Fact]
    public void Apm_0005_a_partition_reaches_past_the_end_of_the_device()
    {
        var disk = Apm().Bytes();
        ApmEntry(disk, 2).BlockCount = uint.MaxValue;
        Found(disk, "APM-0005", Severity.Error);
    }

    [Fact]
    public void Apm_0006_partitions_overlap()
    {
        var disk = Apm().Bytes();
        ApmEntry(disk, 0).BlockCount = 5000;
        Found(disk, "APM-0006", Severity.Error);
    }

    [Fact]
    public void Apm_0007_the_map_does_not_describe_itself()
    {
        var disk = Apm().Bytes();
        ApmEntry(disk, 0).Type[0]++;
        Found(disk, "APM-0007", Severity.Warning);
        disk = Apm().Bytes();
        ApmEntry(disk, 0).BlockCount = 2;
        Found(disk, "APM-0007", Severity.Warning);
    }

    [Fact]
    public void Apm_0008_a_data_area_is_larger_than_its_partition()
    {
        var disk = Apm().Bytes();
        ApmEntry(disk, 2).DataCount = ApmEntry(disk, 2).BlockCount + 1;
        Found(disk, "APM-0008", Severity.Warning);
    }

    private static void Found(byte[] disk, string code, Severity severity)
    {
        var findings = Check(disk).Findings;
        Assert.True(findings.Any(f => f.Code == code && f.Severity == severity), $"expected {code} {severity}, found:\n{string.Join("\n", findings)}");
    }
}
