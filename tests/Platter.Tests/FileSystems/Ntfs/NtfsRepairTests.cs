using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;
using Xunit;
using static Platter.FileSystems.Ntfs.NtfsAttributeType;
using static Platter.Testing.Ntfs.NtfsDamageKinds;
using static Platter.Testing.Ntfs.NtfsSoundVolume;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>What a repair mends, says it would mend, and leaves alone.</summary>
public class NtfsRepairTests : NtfsCheckBase
{
    private static readonly NtfsDamageKind[] Cases =
    [
        new("a boot sector of another kind", Small, "NTFS-0009", d => d.Bytes[3] = (byte)'X'),
        new("a boot sector without an end", Small, "NTFS-0010", d => d.Bytes[0x1FE] = 0),
        new("a copy of the boot sector that is no boot sector", Small, "NTFS-0012", d => d.Bytes[^512..].Clear()),
        new("a copy of the boot sector with another serial number", Small, "NTFS-0013", d => d.Bytes[^(512 - 0x48)] ^= 1),
        new("a mirror that differs", Small, "NTFS-0140", d => d.Bytes[(int)d.Place(d.Record(1), Data, 1024 + 0x12)]++),
        new("a mirror that is torn", Small, "NTFS-0140", d => d.Bytes[(int)d.Place(d.Record(1), Data, 511)]++),
        new("record 0 torn", Small, "NTFS-0102", d => d.Bytes[(int)d.Record(0).Offset + 511] ^= 0x55),
        new("record 2 gone", Small, "NTFS-0101", d => d.Bytes.Slice((int)d.Record(2).Offset, 1024).Clear()),
        new("bits behind the last cluster that are free", Small, "NTFS-0214", d => d.Bytes[(int)d.Place(d.Record(6), Data, 63)] &= 0x7F),
        new("clusters in use that are free", Small, "NTFS-0211", d => d.Bytes.Slice((int)d.Place(d.Record(6), Data, 0), 4).Clear()),
        new("clusters of nobody that are in use", Small, "NTFS-0212", d => d.Bytes[(int)d.Place(d.Record(6), Data, 62)] = 0xFF),
        new("records in use that are free", Small, "NTFS-0136", d => d.Bytes[(int)d.Place(d.Record(0), NtfsAttributeType.Bitmap, 8)] = 0),
        new("free records that are in use", Small, "NTFS-0137", d => d.Bytes[(int)d.Place(d.Record(0), NtfsAttributeType.Bitmap, 5)] = 0xFF),
    ];

    public static TheoryData<string> Names => NamesOf(Cases);

    [Theory, MemberData(nameof(Names))]
    public void Damage_is_mended(string what)
    {
        var wanted = Cases.Single(c => c.What == what);
        var volume = Sound(wanted.Volume);
        var sound = volume.Bytes.ToArray();
        wanted.Make(volume);
        var damaged = volume.Bytes.ToArray();

        var dry = new NtfsType().Repair(volume.Device, new RepairOptions { DryRun = true });
        Assert.Equal(wanted.Codes, string.Join(' ', dry.Repairs.Select(r => r.Code)));
        Assert.False(dry.Remaining.IsClean);
        Assert.True(volume.Bytes.SequenceEqual(damaged), "a dry run writes nothing");

        var done = new NtfsType().Repair(volume.Device, RepairOptions.Default);
        Assert.Equal(dry.Repairs, done.Repairs);
        Assert.True(done.Remaining.IsClean && done.Remaining.Findings.Count == 0, string.Join('\n', done.Remaining.Findings));
        Assert.True(volume.Bytes.SequenceEqual(sound), "the volume is as it was");
    }

    [Fact]
    public void A_sound_volume_is_left_as_it_is()
    {
        var volume = Sound(Small);
        var sound = volume.Bytes.ToArray();
        var report = new NtfsType().Repair(volume.Device, RepairOptions.Default);
        Assert.Empty(report.Repairs);
        Assert.True(report.Remaining.IsClean);
        Assert.True(volume.Bytes.SequenceEqual(sound));
    }

    [Theory, InlineData(0), InlineData(1)]
    public void A_copy_of_record_0_is_taken_where_it_maps_the_same_records(int moved)
    {
        // Record 0 has another's name and number. By its map every record is found, though; by that of a copy which is a cluster off none would be.
        var volume = Sound(Small);
        var copy = volume.Record(0);
        var copyAt = (int)volume.Place(volume.Record(1), Data, 0);
        volume.EditValue(volume.Record(0), FileName, v => v.Span[^2] = (byte)'x');
        volume.Edit(volume.Record(0), r => r[0x2C] = 77);
        copy.TryFind(Data, "", out var data);
        var runs = data.Offset + data.Length - data.RunBytes.Length;
        copy.Bytes[runs + 1 + (copy.Bytes[runs] & 15)] += (byte)moved;
        NtfsUpdateSequence.Apply(copy.Bytes);
        copy.Bytes.CopyTo(volume.Bytes[copyAt..]);
        var report = new NtfsType().Repair(volume.Device, RepairOptions.Default);
        Assert.Equal(moved == 0, report.Repairs.Any(r => r.Code == "NTFS-0142"));
        Assert.True(report.Remaining.IsClean, string.Join('\n', report.Remaining.Findings));
        Assert.True(volume.Record(5).IsDirectory, "the root is where it was");
    }

    [Fact]
    public void Record_0_is_not_made_where_only_a_wrong_boot_sector_has_it()
    {
        // What is there is a file's record; where record 0 was, by the map of its copy, is the root's.
        var volume = Sound(Small);
        long first = volume.Record(0).Offset, root = volume.Record(5).Offset, place = volume.Record(64).Offset;
        var record = volume.Bytes.Slice((int)place, 1024).ToArray();
        volume.Bytes.Slice((int)root, 1024).CopyTo(volume.Bytes[(int)first..]);
        OnDisk.Edit<NtfsBootSector>(volume.Bytes).MftCluster = (ulong)place / 4096;
        var report = new NtfsType().Repair(volume.Device, RepairOptions.Default);
        Assert.DoesNotContain(report.Repairs, r => r.Structure == "Record 0");
        Assert.False(report.Remaining.IsClean);
        Assert.True(volume.Bytes.Slice((int)place, 1024).SequenceEqual(record));
    }

    [Fact]
    public void A_log_in_use_is_not_written_over_unless_it_is_given_up()
    {
        var volume = Sound(Linked);
        volume.Bytes[(int)volume.Place(volume.Record(1), Data, 1024 + 0x12)]++;
        Assert.Throws<UnsupportedFeatureException>(() => new NtfsType().Repair(volume.Device, RepairOptions.Default));
        var options = new RepairOptions { Check = new CheckOptions { Volume = new VolumeOptions { DiscardJournal = true } } };
        var report = new NtfsType().Repair(volume.Device, options);
        Assert.Equal(["NTFS-0140", "NTFS-0016", "NTFS-0135"], report.Repairs.Select(r => r.Code));
        Assert.True(report.Remaining.IsClean, string.Join('\n', report.Remaining.Findings));
    }

    [Fact]
    public void What_is_not_known_is_not_set_free()
    {
        // The clusters of a file whose record is torn are in use as far as anybody knows.
        var volume = Sound(Small);
        volume.Bytes[(int)volume.Record(65).Offset + 511] ^= 0x55;
        var damaged = volume.Bytes.ToArray();
        var report = new NtfsType().Repair(volume.Device, RepairOptions.Default);
        Assert.Empty(report.Repairs);
        Assert.False(report.Remaining.IsClean);
        Assert.True(volume.Bytes.SequenceEqual(damaged));
    }

    [Fact]
    public void A_file_that_was_set_free_by_mistake_is_in_use_again()
    {
        // The bitmap of the records and its directory have it, by the sequence number that it has.
        var volume = Sound(Small);
        var sound = volume.Bytes.ToArray();
        volume.Edit(volume.Record(65), r => r[0x16] = 0);
        var report = new NtfsType().Repair(volume.Device, RepairOptions.Default);
        Assert.Equal(["NTFS-0104"], report.Repairs.Select(r => r.Code));
        Assert.Empty(report.Remaining.Findings);
        Assert.Equal(sound.Length, volume.Bytes.Length);
    }

    [Fact]
    public void A_file_that_was_deleted_half_way_is_gone()
    {
        // Given up in order, but for the name in the directory.
        var volume = Sound(Small);
        volume.Edit(volume.Record(65), r => (r[0x16], r[0x10]) = (0, (byte)(r[0x10] + 1)));
        var report = new NtfsType().Repair(volume.Device, RepairOptions.Default);
        Assert.True(report.Remaining.IsClean, string.Join('\n', report.Remaining.Findings));
        Assert.Contains(report.Repairs, r => r.Structure.EndsWith("index $I30", StringComparison.Ordinal));
    }

    [Fact]
    public void Others_are_not_repaired() =>
        Assert.Throws<UnsupportedFeatureException>(() => FileSystemTypes.Find("fat32")!.Repair(new MemoryDevice(new byte[512]), RepairOptions.Default));
}
