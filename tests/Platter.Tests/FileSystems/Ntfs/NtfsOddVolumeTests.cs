using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;
using Xunit;
using static Platter.FileSystems.Ntfs.NtfsAttributeType;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>What fuzzing found: volumes with something odd, that are edited or repaired.</summary>
public class NtfsOddVolumeTests
{
    private static readonly Lazy<byte[]> Sound = new(() => NtfsTrial.Make("4K", 20, 6 << 20));

    [Fact]
    public void Bytes_behind_a_name_in_a_record_do_not_get_into_the_index()
    {
        var damage = new NtfsDamage(Sound.Value.ToArray());
        damage.Edit(damage.Named("other.txt"), FileName, a => a.Span[0x10]++);
        using (var volume = new NtfsType().OpenForEditing(damage.Device, VolumeOptions.Default))
        {
            volume.SetMetadata(volume.Find("/other.txt").Id, new MetadataChange { Modified = new Timestamp(1_000_000_000) });
            volume.Commit();
        }
        Assert.Empty(damage.Findings());
    }

    [Fact]
    public void A_mirror_whose_place_is_not_agreed_upon_is_not_written()
    {
        // The boot sector says one cluster more: that is the log's, where a cluster has fewer bytes than the mirror.
        var damage = new NtfsDamage(NtfsTrial.Make("512", 20, 6 << 20));
        damage.Bytes[0x38]++;
        var before = damage.Bytes.ToArray();
        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.Contains(report.Remaining.Findings, f => f.Code == "NTFS-0216");
        Assert.DoesNotContain(report.Repairs, r => r.Code == "NTFS-0140");
        Assert.DoesNotContain(report.Remaining.Findings, f => f.Code == "NTFS-0017");
        Assert.Equal(before.Length, damage.Bytes.Length);
    }

    [Fact]
    public void A_first_record_without_what_it_must_have_is_not_taken_for_the_mirror()
    {
        // Sound in itself, but there is no table.
        var damage = new NtfsDamage(Sound.Value.ToArray());
        var sound = damage.Bytes.ToArray();
        damage.Cut(damage.Record(0), Data);
        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.Contains(report.Repairs, r => r.Structure == "Record 0");
        Assert.Empty(report.Remaining.Findings);
        Assert.True(damage.Bytes.SequenceEqual(sound));
    }

    [Fact]
    public void A_log_that_is_another_files_is_not_emptied()
    {
        // Record 2 is that of $Boot: its clusters are the boot sector's.
        var damage = new NtfsDamage(Sound.Value.ToArray());
        long from = damage.Record(7).Offset, to = damage.Record(2).Offset;
        damage.Bytes.Slice((int)from, 1024).CopyTo(damage.Bytes[(int)to..]);
        var boot = damage.Bytes[..512].ToArray();
        var report = new NtfsType().Repair(damage.Device, new RepairOptions { Check = new CheckOptions { Volume = new VolumeOptions { DiscardJournal = true } } });
        Assert.True(damage.Bytes[..512].SequenceEqual(boot));
        Assert.Contains(report.Repairs, r => r.Structure == "Record 2");
        Assert.True(report.Remaining.IsClean, string.Join('\n', report.Remaining.Findings));
    }

    [Theory]
    [InlineData("$Boot", "NTFS-0142")]
    [InlineData("$UpCase", "NTFS-0142")]
    [InlineData("the clusters of $MFT", "NTFS-0017")]
    [InlineData("the clusters of $Boot", "NTFS-0017")]
    public void An_edit_does_not_empty_what_is_no_log(string what, string code)
    {
        // Given up, the log would be written over.
        var damage = new NtfsDamage(Sound.Value.ToArray());
        var log = damage.Record(NtfsMft.LogFileRecord);
        var other = damage.Record(what.EndsWith("$MFT", StringComparison.Ordinal) ? NtfsMft.MftRecord : what.EndsWith("$Boot", StringComparison.Ordinal) ? NtfsMft.BootRecord : NtfsMft.UpcaseRecord);
        if (what[0] == '$')
        {
            damage.Bytes.Slice((int)other.Offset, 1024).CopyTo(damage.Bytes[(int)log.Offset..]);
        }
        else
        {
            var cluster = damage.Place(other, Data, 0) / 4096;
            damage.Edit(log, Data, a =>
            {
                var runs = NtfsDamage.RunsOf(a.Span);
                int length = runs[0] & 15, offset = runs[0] >> 4;
                runs.Slice(1 + length, offset).Clear();
                runs[1 + length] = (byte)cluster;
            });
        }
        var before = damage.Bytes.ToArray();
        var options = new VolumeOptions { DiscardJournal = true };
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => new NtfsType().OpenForEditing(damage.Device, options)).Code);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => new NtfsType().Resize(damage.Device, new ResizeOptions { Length = before.Length - 4096, Volume = options })).Code);
        Assert.True(damage.Bytes.SequenceEqual(before));
    }

    [Theory]
    [InlineData(NtfsMft.AttributeDefinitionRecord)]
    [InlineData(NtfsMft.UpcaseRecord)]
    public void An_edit_does_not_take_another_files_content_for_the_bits_of_clusters(long other)
    {
        var damage = new NtfsDamage(Sound.Value.ToArray());
        damage.Bytes.Slice((int)damage.Record(other).Offset, 1024).CopyTo(damage.Bytes[(int)damage.Record(NtfsMft.BitmapRecord).Offset..]);
        var before = damage.Bytes.ToArray();
        Assert.Equal("NTFS-0142", Assert.Throws<DiskFormatException>(() => new NtfsType().OpenForEditing(damage.Device, VolumeOptions.Default)).Code);
        Assert.Equal("NTFS-0142", Assert.Throws<DiskFormatException>(() => new NtfsType().Resize(damage.Device, new ResizeOptions { Length = before.Length - 4096 })).Code);
        Assert.True(damage.Bytes.SequenceEqual(before));
    }

    [Fact]
    public void An_index_that_is_compressed_is_not_changed()
    {
        var damage = new NtfsDamage(NtfsTrial.Make(names: 300));
        damage.Edit(damage.Named("many"), IndexAllocation, a => (a.Span[0x0C], a.Span[0x22]) = (1, 4), "$I30");
        var before = damage.Bytes.ToArray();
        using (var volume = new NtfsType().OpenForEditing(damage.Device, VolumeOptions.Default))
        {
            var many = volume.Find("/many").Id;
            for (var i = 0; i < 100; i++)
            {
                var problem = Assert.Throws<DiskFormatException>(() => volume.CreateFile(many, $"one more {i}", Stream.Null, null, MetadataChange.None));
                Assert.Equal("NTFS-0217", problem.Code);
            }
            volume.Commit();
        }
        Assert.Equal(new NtfsDamage(before).Findings(), damage.Findings());
    }

    [Fact]
    public void A_copy_of_the_boot_sector_that_does_not_fit_is_not_made()
    {
        // Sectors of 256 bytes: behind the last one that is counted there is one more, and a boot sector has 512 bytes.
        var damage = new NtfsDamage(Sound.Value.ToArray());
        damage.Bytes[^512..].Clear();
        OnDisk.Edit<U16Le>(damage.Bytes, 0x0B) = 256;
        damage.Bytes[0x0D] *= 2;
        OnDisk.Edit<U64Le>(damage.Bytes, 0x28) = (ulong)damage.Bytes.Length / 256 - 1;
        var before = damage.Bytes.ToArray();
        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.Contains(report.Remaining.Findings, f => f.Code is "NTFS-0012" or "NTFS-0013" or "NTFS-0014");
        Assert.True(damage.Bytes[^512..].SequenceEqual(before.AsSpan()[^512..]));
    }

    [Fact]
    public void A_mirror_that_cannot_say_where_it_is_is_not_written_where_no_copy_is()
    {
        // Record 1 and its copy are gone, and the boot sector leads to the log: a file's clusters, as far as anybody can tell.
        var damage = new NtfsDamage(Sound.Value.ToArray());
        var log = damage.Place(damage.Record(2), Data, 0);
        var record = damage.Record(1).Offset;
        damage.Bytes.Slice((int)record, 4).Clear();
        OnDisk.Edit<U64Le>(damage.Bytes, 0x38) = (ulong)log / 4096;
        var before = damage.Bytes.ToArray();
        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.DoesNotContain(report.Repairs, r => r.Code == "NTFS-0140");
        Assert.True(damage.Bytes.Slice((int)log, 1 << 16).SequenceEqual(before.AsSpan((int)log, 1 << 16)));
    }

    [Fact]
    public void Bits_behind_the_last_record_do_not_keep_the_table_from_growing()
    {
        var damage = new NtfsDamage(Sound.Value.ToArray());
        var place = damage.Place(damage.Record(0), NtfsAttributeType.Bitmap, 0);
        var length = 0L;
        damage.Edit(damage.Record(0), NtfsAttributeType.Bitmap, a =>
        {
            ref var head = ref OnDisk.Edit<NtfsNonResidentHeader>(a.Span);
            length = (long)(ulong)head.DataSize;
            head.DataSize = head.InitializedSize = head.AllocatedSize;
        });
        damage.Bytes.Slice((int)(place + length), 4096 - (int)length).Fill(0xFF);
        MakeFiles(damage, 300);
        Assert.Empty(damage.Findings());
    }

    [Fact]
    public void A_bitmap_that_is_too_short_for_the_records_is_not_lengthened()
    {
        var damage = new NtfsDamage(Sound.Value.ToArray());
        damage.Edit(damage.Record(0), NtfsAttributeType.Bitmap, a => OnDisk.Edit<NtfsNonResidentHeader>(a.Span).InitializedSize = 2);
        Assert.Equal("NTFS-0138", Assert.Throws<DiskFormatException>(() => MakeFiles(damage, 300)).Code);
    }

    [Fact]
    public void The_number_of_the_next_attribute_is_nobodys_after_they_began_anew()
    {
        // Behind 65,534 comes 0 again: there are numbers in use.
        var damage = new NtfsDamage(Sound.Value.ToArray());
        var record = damage.Named("one of many files 00003");
        foreach (var (type, number) in new[] { (FileName, 2), (Data, 3) })
            damage.Edit(record, type, a => OnDisk.Edit<NtfsAttributeHeader>(a.Span).Instance = (ushort)number);
        damage.Edit(record, r => OnDisk.Edit<NtfsRecordHeader>(r).NextInstance = ushort.MaxValue - 1);
        Assert.Empty(damage.Findings());
        foreach (var name in new[] { "second", "third" })
        {
            using (var volume = new NtfsType().OpenForEditing(damage.Device, VolumeOptions.Default))
            {
                volume.CreateHardLink(volume.Find("/many/one of many files 00003").Id, volume.RootId, name);
                volume.Commit();
            }
            Assert.Empty(damage.Findings());
        }
        Assert.Equal(4, (int)(ushort)damage.Record(record.Number).Header.NextInstance);
    }

    private static void MakeFiles(NtfsDamage damage, int count)
    {
        using var volume = new NtfsType().OpenForEditing(damage.Device, VolumeOptions.Default);
        for (var i = 0; i < count; i++)
            volume.CreateFile(volume.RootId, $"file {i}", Stream.Null, null, MetadataChange.None);
        volume.Commit();
    }
}
