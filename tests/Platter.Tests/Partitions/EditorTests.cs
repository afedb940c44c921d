using Platter.Blocks;
using Platter.Partitions;
using Platter.Partitions.OnDisk;
using Xunit;
using static Platter.Tests.Partitions.Disks;

namespace Platter.Tests.Partitions;

public sealed class EditorTests
{
    private const PartitionScheme GptScheme = PartitionScheme.Gpt, MbrScheme = PartitionScheme.Mbr, ApmScheme = PartitionScheme.Apm;

    [Theory]
    [InlineData(PartitionScheme.Gpt, 512)]
    [InlineData(PartitionScheme.Gpt, 4096)]
    [InlineData(PartitionScheme.Mbr, 512)]
    [InlineData(PartitionScheme.Mbr, 4096)]
    [InlineData(PartitionScheme.Apm, 512)]
    [InlineData(PartitionScheme.Apm, 2048)]
    public void What_was_added_is_read_back_aligned_to_a_mebibyte(PartitionScheme scheme, int sectorSize)
    {
        var editor = Make(scheme, sectorSize);
        var first = editor.Add("linux", 3_000_000);
        var second = editor.Add("linux");
        Assert.Equal(MiB, first.Start);
        Assert.Equal((3_000_000 + sectorSize - 1) / sectorSize * sectorSize, first.Length);
        Assert.Equal(4 * MiB, second.Start);
        Assert.True(second.End is > 14 * MiB and <= 16 * MiB);

        var table = PartitionTable.TryOpen(new MemoryDevice(editor.Bytes(), sectorSize))!;
        Assert.Equal(editor.Table.Partitions.Select(p => p with { Disk = null }), table.Partitions.Select(p => p with { Disk = null }));
        Assert.Equal(scheme, table.Scheme);
        Assert.Equal(sectorSize, table.SectorSize);
        Assert.Empty(table.Findings);
    }

    [Theory]
    [InlineData(PartitionScheme.Gpt)]
    [InlineData(PartitionScheme.Mbr)]
    [InlineData(PartitionScheme.Apm)]
    public void The_same_options_give_the_same_bytes(PartitionScheme scheme) => Assert.Equal(Of(scheme).Bytes(), Of(scheme).Bytes());

    [Fact]
    public void A_gpt_keeps_name_flags_and_guids()
    {
        var editor = Make(GptScheme);
        var id = Guid.Parse("11111111-2222-3333-4444-555555555555");
        var flags = PartitionFlags.Required | PartitionFlags.NoAutomount | (PartitionFlags)(1UL << 50);
        editor.Add(new NewPartition { Type = PartitionType.Parse("esp", GptScheme), Length = MiB, Name = "Grüße 💾", Flags = flags, UniqueId = id, Number = 7 });
        editor.SetDiskId(id);
        var table = PartitionTable.TryOpen(editor.Table.Disk)!;
        var p = Assert.Single(table.Partitions);
        Assert.Equal((7, "Grüße 💾", flags, id, "esp"), (p.Number, p.Name, p.Flags, p.UniqueId!.Value, p.TypeName!));
        Assert.Equal(id, table.DiskId);

        p = editor.Set(7, new PartitionChange { Name = "", Flags = PartitionFlags.Bootable, Type = PartitionType.Parse("linux", GptScheme), UniqueId = new Guid(1, 0, 0, new byte[8]) });
        Assert.Equal(("", PartitionFlags.Bootable, "linux", new Guid(1, 0, 0, new byte[8])), (p.Name, p.Flags, p.TypeName!, p.UniqueId!.Value));
    }

    [Fact]
    public void Bytes_that_platter_does_not_know_survive_an_edit()
    {
        var editor = Gpt();
        var disk = editor.Bytes();
        disk[512 + 200] = 0xAB; // behind the header's known fields
        EditEntry(disk, 1, (ref GptEntry e) => e.Name[70] = 0x42); // behind the name's end
        var reopened = PartitionEditor.Open(editor.Table.Disk);
        reopened.Set(1, new PartitionChange { Name = "x" });
        reopened.Remove(1);
        Assert.Equal(0xAB, disk[512 + 200]);
        Assert.Equal(0x42, disk[(2 * 512) + 128 + 0x38 + 70]);
    }

    [Fact]
    public void A_damaged_primary_gpt_is_whole_again_after_an_edit()
    {
        var editor = Gpt();
        editor.Bytes().AsSpan(512, 33 * 512).Clear();
        var reopened = PartitionEditor.Open(editor.Table.Disk);
        Assert.Contains(reopened.Table.Findings, f => f.Code == "GPT-0002");
        reopened.Add("linux-swap", MiB);
        Assert.Empty(Check(editor.Bytes()).Findings);
        Assert.Equal("esp linux linux-swap", string.Join(" ", reopened.Table.Partitions.Select(p => p.TypeName)));
    }

    [Fact]
    public void A_backup_is_found_when_the_start_of_the_disk_is_zeroed_and_not_when_something_else_is_there()
    {
        var editor = Gpt();
        editor.Bytes().AsSpan(0, 34 * 512).Clear();
        Assert.Equal(2, PartitionTable.TryOpen(editor.Table.Disk)!.Partitions.Count);
        editor.Bytes()[1024 + 56] = 0x53; // an ext superblock's magic
        Assert.Null(PartitionTable.TryOpen(editor.Table.Disk));
    }

    [Fact]
    public void A_hybrid_mbr_follows_the_partition_it_mirrors()
    {
        var editor = Gpt();
        var p = editor.Table[1];
        MbrEntry(editor.Bytes(), 1) = new MbrEntry { Type = 0xEF, StartSector = (uint)(p.Start / 512), SectorCount = (uint)(p.Length / 512) };
        var reopened = PartitionEditor.Open(editor.Table.Disk);
        reopened.Resize(1, MiB);
        Assert.Equal(2048u, (uint)MbrEntry(editor.Bytes(), 1).SectorCount);
        reopened.Remove(1);
        Assert.Equal(0, MbrEntry(editor.Bytes(), 1).Type);
        Assert.Equal(0xEE, MbrEntry(editor.Bytes(), 0).Type);
    }

    [Theory]
    [InlineData(PartitionScheme.Gpt)]
    [InlineData(PartitionScheme.Mbr)]
    [InlineData(PartitionScheme.Apm)]
    public void Overlaps_and_places_out_of_bounds_are_refused_and_change_nothing(PartitionScheme scheme)
    {
        var editor = Of(scheme);
        var before = editor.Bytes().AsSpan().ToArray();
        var used = editor.Table.Partitions.First(p => p.TypeName is "esp" or "fat32" or "apple-hfs");
        Refused(() => editor.Add("linux", MiB, used.Start + 512), $"overlaps partition {used.Number}");
        Refused(() => editor.Add("linux", MiB, used.Start - 512), "");
        Refused(() => editor.Add("linux", MiB, 0), "outside of the usable bytes");
        Refused(() => editor.Add("linux", MiB, 15 * MiB + 512), "");
        Refused(() => editor.Add("linux", MiB, 100 * MiB), "");
        Refused(() => editor.Add("linux", MiB, MiB + 1), "multiple of the sector size");
        Refused(() => editor.Add("linux", 0), "at least 1");
        Refused(() => editor.Add("linux", -5), "at least 1");
        Refused(() => editor.Resize(used.Number, 3 * MiB), "overlaps partition");
        Refused(() => editor.Resize(used.Number, 100 * MiB), "outside of the usable bytes");
        Refused(() => editor.Resize(used.Number, long.MaxValue), "");
        Assert.Throws<VolumeFullException>(() => editor.Add("linux", 100 * MiB));
        Assert.Throws<FileNotFoundException>(() => editor.Remove(99));
        Assert.Throws<FileNotFoundException>(() => editor.Resize(99, MiB));
        Assert.Throws<FileNotFoundException>(() => editor.Set(99, new PartitionChange()));
        Assert.Equal(before, editor.Bytes());

        static void Refused(Action edit, string because) => Assert.Contains(because, Assert.Throws<ArgumentException>(edit).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_table_cannot_hold_is_refused_and_named()
    {
        var mbr = Mbr();
        Assert.Throws<UnsupportedFeatureException>(() => mbr.Set(1, new PartitionChange { Name = "x" }));
        Assert.Throws<UnsupportedFeatureException>(() => mbr.Set(1, new PartitionChange { Flags = PartitionFlags.Required }));
        Assert.Throws<UnsupportedFeatureException>(() => mbr.Set(1, new PartitionChange { UniqueId = Guid.NewGuid() }));
        Assert.Throws<ArgumentException>(() => mbr.Set(1, new PartitionChange { Type = PartitionType.FromByte(0) }));
        Assert.Throws<ArgumentException>(() => mbr.Set(1, new PartitionChange { Type = PartitionType.FromByte(5) }));
        Assert.Throws<UnsupportedFeatureException>(() => mbr.SetDiskId(Guid.NewGuid()));
        var gpt = Gpt();
        Assert.Throws<ArgumentException>(() => gpt.Set(1, new PartitionChange { Type = PartitionType.FromByte(0x83) }));
        Assert.Throws<ArgumentException>(() => gpt.Set(1, new PartitionChange { Name = new string('x', 37) }));
        Assert.Throws<ArgumentException>(() => gpt.Set(1, new PartitionChange { UniqueId = gpt.Table[2].UniqueId }));
        Assert.Throws<AlreadyExistsException>(() => gpt.Add(new NewPartition { Type = gpt.Table[1].Type, Length = MiB, Number = 2 }));
        var apm = Apm();
        Assert.Throws<ArgumentException>(() => apm.Set(3, new PartitionChange { Name = "ä" }));
        Assert.Throws<ArgumentException>(() => apm.Remove(1));
        Assert.Throws<UnsupportedFeatureException>(() => apm.SetDiskSignature(1));
    }

    [Fact]
    public void An_mbr_ends_at_two_tebibytes()
    {
        var editor = PartitionEditor.Create(new ZeroDevice(3L << 40), MbrScheme, Options());
        Assert.Equal((1L << 41) - MiB, editor.Add("linux").Length);
        Assert.Throws<UnsupportedFeatureException>(() => editor.Add("linux", MiB, 1L << 41));
        Assert.Throws<VolumeFullException>(() => editor.Add("linux", MiB));
    }

    [Fact]
    public void A_gpt_reaches_as_far_as_the_disk()
    {
        var editor = PartitionEditor.Create(new ZeroDevice(1L << 60), GptScheme, Options());
        var p = editor.Add("linux");
        Assert.Equal((1L << 60) - (2 * MiB), p.Length);
        Assert.Empty(PartitionChecker.Check(editor.Table.Disk).Findings);
    }

    [Fact]
    public void A_smaller_alignment_is_taken_only_when_asked()
    {
        var options = Options();
        Assert.Throws<VolumeFullException>(() => PartitionEditor.Create(new MemoryDevice(1_474_560), MbrScheme, options).Add("fat12", 700_000));
        var editor = PartitionEditor.Create(new MemoryDevice(1_474_560), MbrScheme, options with { AllowSmallerAlignment = true });
        Assert.Equal(MiB / 2, editor.Add("fat12", 700_000).Start);
    }

    [Fact]
    public void Entries_run_out_cleanly()
    {
        var editor = Make(GptScheme);
        var options = new PartitionOptions { Alignment = 512 };
        editor = PartitionEditor.Open(editor.Table.Disk, options);
        for (var i = 0; i < 128; i++)
            editor.Add("linux", 512);
        Assert.Throws<VolumeFullException>(() => editor.Add("linux", 512));

        var mbr = Make(MbrScheme);
        for (var i = 0; i < 4; i++)
            mbr.Add("linux", MiB);
        Assert.Throws<VolumeFullException>(() => mbr.Add("linux", MiB));
    }

    [Fact]
    public void A_disk_with_partitions_is_not_overwritten_unless_asked()
    {
        var editor = Gpt();
        Assert.Throws<SafetyException>(() => PartitionEditor.Create(editor.Table.Disk, MbrScheme));
        editor.Bytes()[512 + 60]++;
        editor.Bytes()[^452]++;
        Assert.Throws<SafetyException>(() => PartitionEditor.Create(editor.Table.Disk, MbrScheme));
        foreach (var scheme in new[] { MbrScheme, ApmScheme, GptScheme, ApmScheme, MbrScheme })
        {
            PartitionEditor.Create(editor.Table.Disk, scheme, new PartitionOptions { Overwrite = true }).Add("linux");
            var table = PartitionTable.TryOpen(editor.Table.Disk)!;
            Assert.Equal(scheme, table.Scheme);
            Assert.Empty(table.Findings);
        }
    }

    [Fact]
    public void Boot_code_and_signature_are_set_and_leave_the_table_alone()
    {
        var editor = Mbr();
        editor.SetBootCode([0xEB, 0xFE]);
        editor.SetDiskSignature(0x12345678);
        Assert.Equal(0x12345678u, editor.Table.DiskSignature);
        Assert.Equal(4, editor.Table.Partitions.Count);
        Assert.Equal([0xEB, 0xFE], editor.Bytes()[..2]);
        Assert.Throws<ArgumentException>(() => editor.SetBootCode(new byte[441]));
        editor.SetBootCode([]);
        Assert.Equal([0, 0], editor.Bytes()[..2]);
    }

    [Fact]
    public void Logical_partitions_are_numbered_from_five_in_disk_order()
    {
        var editor = Mbr();
        Assert.Equal([(1, "fat32"), (2, "extended"), (5, "linux"), (6, "linux-swap")], editor.Table.Partitions.Select(p => (p.Number, p.TypeName!)));
        var tail = editor.Add("fat16", placement: MbrPlacement.Logical);
        Assert.Equal(7, tail.Number);
        editor.Remove(5);
        Assert.Equal([1, 2, 5, 6], editor.Table.Partitions.Select(p => p.Number));
        Assert.Equal("fat32-chs", editor.Add("fat32-chs", MiB, placement: MbrPlacement.Logical).TypeName);
        Assert.Equal([(1, "fat32"), (2, "extended"), (5, "fat32-chs"), (6, "linux-swap"), (7, "fat16")], editor.Table.Partitions.Select(p => (p.Number, p.TypeName!)));
        Assert.Empty(Check(editor.Bytes()).Findings);

        foreach (var number in new[] { 7, 5, 5 })
            editor.Remove(number);
        Assert.Equal([1, 2], editor.Table.Partitions.Select(p => p.Number));
        Assert.Empty(Check(editor.Bytes()).Findings);
        editor.Remove(2);
        Assert.Equal([1], editor.Table.Partitions.Select(p => p.Number));
    }

    [Fact]
    public void An_extended_partition_shrinks_only_to_its_last_logical_one()
    {
        var editor = Mbr();
        var last = editor.Table[6];
        Assert.Contains("logical partition 6", Assert.Throws<ArgumentException>(() => editor.Resize(2, 2 * MiB)).Message, StringComparison.Ordinal);
        editor.Resize(2, last.End - editor.Table[2].Start);
        Assert.Equal(last.End, editor.Table[2].End);
        Assert.Throws<ArgumentException>(() => editor.Resize(6, last.Length + 512));
        Assert.Throws<ArgumentException>(() => editor.Add(new NewPartition { Type = PartitionType.Parse("extended", MbrScheme), Placement = MbrPlacement.Logical }));
        Assert.Throws<AlreadyExistsException>(() => editor.Add("extended"));
    }

    [Fact]
    public void A_removed_partition_leaves_the_boot_sector_of_a_stick_with_a_parameter_block_editable()
    {
        var editor = Make(MbrScheme);
        editor.Add("fat32", MiB);
        SuperfloppyTests.ParameterBlock(editor.Bytes());
        editor.Remove(1);
        Assert.Empty(editor.Table.Partitions);
        editor.Add("fat32", MiB);
        Assert.Single(PartitionTable.TryOpen(editor.Table.Disk)!.Partitions);
    }

    [Theory]
    [InlineData(PartitionScheme.Gpt)]
    [InlineData(PartitionScheme.Mbr)]
    [InlineData(PartitionScheme.Apm)]
    public void Random_edits_never_touch_the_data_of_a_partition(PartitionScheme scheme)
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 8; round++)
        {
            var editor = Make(scheme);
            for (var step = 0; step < 30; step++)
            {
                var before = editor.Bytes().AsSpan().ToArray();
                var partitions = editor.Table.Partitions;
                FuzzTests.RandomEdit(editor, random);
                foreach (var p in partitions.Where(p => !p.IsExtended && p.Type.Text is not ("Apple_partition_map" or "Apple_Free")))
                    Assert.True(before.AsSpan((int)p.Start, (int)p.Length).SequenceEqual(editor.Bytes().AsSpan((int)p.Start, (int)p.Length)));
                Assert.Empty(Check(editor.Bytes()).Findings);
                foreach (var p in editor.Table.Partitions.Where(p => !p.IsExtended && p.Type.Text is not ("Apple_partition_map" or "Apple_Free")))
                    random.NextBytes(editor.Bytes().AsSpan((int)p.Start, (int)Math.Min(p.Length, 4096)));
            }
        }
    }

    /// <summary>A disk of any size that keeps only what was written.</summary>
    private sealed class ZeroDevice(long length) : BlockDevice
    {
        private readonly Dictionary<long, byte[]> _sectors = [];

        public override long Length => length;
        public override bool CanWrite => true;

        public override void Flush()
        {
            // Memory has no medium behind it.
        }

        protected override void ReadCore(long offset, Span<byte> buffer)
        {
            for (var done = 0; done < buffer.Length; done++)
                buffer[done] = _sectors.TryGetValue((offset + done) / 512, out var sector) ? sector[(offset + done) % 512] : (byte)0;
        }

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
        {
            for (var done = 0; done < data.Length; done++)
            {
                if (!_sectors.TryGetValue((offset + done) / 512, out var sector))
                    _sectors[(offset + done) / 512] = sector = new byte[512];
                sector[(offset + done) % 512] = data[done];
            }
        }
    }
}
