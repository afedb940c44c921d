using System.Buffers.Binary;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Damage made on purpose, and the code that reading gives for it.</summary>
public class NtfsFindingTests
{
    // Compressed files, an attribute list, streams, EAs, an index allocation; and a junction.
    private static readonly Lazy<byte[]> Rich = new(() => Load("ntfs/velociraptor-test.img.zst"));
    private static readonly Lazy<byte[]> Linked = new(() => Load("ntfs/jnode-ntfs-links.img.zst"));

    [Theory]
    [InlineData("NTFS-0002", 3, (byte)'X')]
    [InlineData("NTFS-0003", 0x0B, 1)]
    [InlineData("NTFS-0004", 0x0D, 127)]
    [InlineData("NTFS-0005", 0x40, 0x30)]
    [InlineData("NTFS-0006", 0x44, 0x90)]
    [InlineData("NTFS-0007", 0x2F, 0x80)]
    [InlineData("NTFS-0008", 0x37, 1)]
    public void A_damaged_boot_sector_is_refused_unless_its_copy_stands_in(string code, int offset, byte value)
    {
        var damage = new NtfsDamage(Rich.Value.ToArray());
        damage.Bytes[offset] = value;
        using (var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default))
        {
            Assert.False(volume.Info.IsClean);
            Assert.Contains(volume.Geometry.Remarks, r => r.Code == "NTFS-0009");
            Assert.Contains(volume.Info.Details, d => d.Key == "boot sector");
        }
        damage.Bytes[^512..].Clear();
        Assert.Equal([code], damage.Codes());
    }

    [Fact]
    public void A_device_without_a_boot_sector_is_refused()
    {
        var problem = Assert.Throws<DiskFormatException>(() => NtfsVolume.Open(new Platter.Blocks.MemoryDevice(new byte[100]), VolumeOptions.Default));
        Assert.Equal("NTFS-0001", problem.Code);
        Assert.False(new NtfsType().Recognise(new Platter.Blocks.MemoryDevice(new byte[100])));
    }

    [Fact]
    public void Lesser_faults_of_the_boot_sector_are_remarked()
    {
        var sector = Rich.Value[..512];
        sector[0x1FE] = 0;
        sector[0x3F] = 0x7F;
        var remarks = NtfsGeometry.TryParse(sector, 0, [])!.Remarks.Select(r => r.Code);
        Assert.Equal(["NTFS-0010", "NTFS-0011"], remarks);
    }

    [Fact]
    public void A_damaged_record_0_gives_way_to_the_mirror_and_is_refused_without()
    {
        var damage = new NtfsDamage(Rich.Value.ToArray());
        var record0 = damage.Records().First();
        damage.Bytes[(int)record0.Offset] = (byte)'X';
        using (var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default))
        {
            Assert.True(volume.Mft.IsFromMirror);
            Assert.False(volume.Info.IsClean);
            damage.Bytes[(int)(volume.Geometry.MftMirrorCluster << volume.Geometry.ClusterShift)] = (byte)'X';
        }
        Assert.Equal(["NTFS-0101"], damage.Codes());
    }

    [Fact]
    public void A_sound_volume_has_no_codes()
    {
        Assert.Empty(new NtfsDamage(Rich.Value.ToArray()).Codes());
        Assert.Empty(new NtfsDamage(Linked.Value.ToArray()).Codes());
    }

    [Fact]
    public void There_is_no_record_behind_the_last() => Expect("NTFS-0100", d =>
    {
        using var volume = NtfsVolume.Open(d.Device, VolumeOptions.Default);
        volume.GetMetadata(new NodeId((ulong)volume.Mft.Count));
    });

    [Fact]
    public void A_record_of_another_magic_is_told() => Expect("NTFS-0101", d => "BAAD"u8.CopyTo(d.Bytes[(int)AFile(d).Offset..]));

    [Fact]
    public void A_torn_record_is_told() => Expect("NTFS-0102", d => d.Bytes[(int)AFile(d).Offset + 1023] ^= 0x55);

    [Fact]
    public void A_record_of_another_size_is_told() => Expect("NTFS-0103", d => d.Edit(AFile(d), r => r[0x1D] = 8));

    [Fact]
    public void A_name_that_leads_to_a_reused_record_is_told() => Expect("NTFS-0104", d => d.Edit(AFile(d), r => r[0x10]++));

    [Fact]
    public void A_name_that_leads_to_a_free_record_is_told() => Expect("NTFS-0104", d => d.Edit(AFile(d), r => r[0x16] = 0));

    [Fact]
    public void An_attribute_that_is_too_long_is_told() => Expect("NTFS-0105", d => d.Edit(AFile(d), NtfsAttributeType.FileName, a => a.Span[5] = 8));

    [Fact]
    public void An_attribute_whose_name_is_outside_is_told() =>
        Expect("NTFS-0106", d => d.Edit(d.With(NtfsAttributeType.Data, "goodbye.txt"), NtfsAttributeType.Data, a => a.Span[9] = 200, "goodbye.txt"));

    [Fact]
    public void A_resident_value_that_is_outside_is_told() => Expect("NTFS-0107", d => d.Edit(AFile(d), NtfsAttributeType.Data, a => a.Span[0x10] = 250));

    [Fact]
    public void A_non_resident_attribute_with_impossible_clusters_is_told() => ExpectLinked("NTFS-0108", d => d.Edit(ALargeFile(d), NtfsAttributeType.Data, a => a.Span[0x1F] = 0x40));

    [Fact]
    public void A_broken_attribute_list_is_told() => Expect("NTFS-0110", d => EditList(d, list => list.Span[4] = 3));

    [Fact]
    public void An_attribute_list_that_leads_to_no_attribute_is_told() => Expect("NTFS-0111", d => EditList(d, list =>
    {
        for (var at = 0; at < list.Length; at += BinaryPrimitives.ReadUInt16LittleEndian(list.Span[(at + 4)..]))
            list.Span[at + 0x18] = 0x77;
    }));

    [Fact]
    public void A_file_without_standard_information_is_told() => Expect("NTFS-0112", d => d.Edit(AFile(d), NtfsAttributeType.StandardInformation, a => a.Span[0] = 0x0F));

    [Fact]
    public void A_broken_name_in_a_record_is_told() => Expect("NTFS-0113", d => d.EditValue(AFile(d), NtfsAttributeType.FileName, v => v.Span[0x41] = 9));

    [Fact]
    public void Extents_that_do_not_follow_each_other_are_told() => Expect("NTFS-0120", d => EditList(d, list =>
    {
        for (var at = 0; at < list.Length; at += BinaryPrimitives.ReadUInt16LittleEndian(list.Span[(at + 4)..]))
            list.Span[at + 8] += list.Span[at + 8] == 0 && list.Span[at + 9] == 0 ? (byte)0 : (byte)1;
    }));

    [Fact]
    public void A_broken_run_list_is_told() => ExpectLinked("NTFS-0200", d => d.Edit(ALargeFile(d), NtfsAttributeType.Data, a => a.Span[BinaryPrimitives.ReadUInt16LittleEndian(a.Span[0x20..])] = 0x9F));

    [Fact]
    public void Content_longer_than_its_clusters_is_told() => ExpectLinked("NTFS-0201", d => d.Edit(ALargeFile(d), NtfsAttributeType.Data, a =>
    {
        a.Span[0x33] = 0x10;
        a.Span[0x3B] = 0x10;
    }));

    [Fact]
    public void Clusters_behind_the_end_of_the_device_are_told()
    {
        var whole = Rich.Value;
        var cut = new NtfsDamage(whole[..(whole.Length * 6 / 10)]);
        Assert.Contains("NTFS-0202", cut.Codes());
    }

    [Fact]
    public void Broken_LZNT1_is_told() => Expect("NTFS-0203", d =>
    {
        var place = FirstCluster(d, d.With(NtfsAttributeType.Data, "", IsCompressed));
        d.Bytes[(int)place + 2] = 0xFF;
        d.Bytes.Slice((int)place + 3, 200).Fill(0xFF);
    });

    [Fact]
    public void A_file_of_the_overlay_filter_without_its_stream_is_told() => Expect("NTFS-0204", d =>
    {
        // A hidden stream becomes the reparse point of its file.
        var record = d.With(NtfsAttributeType.Data, "goodbye.txt");
        d.Edit(record, NtfsAttributeType.Data, a => MakeReparse(a.Span, [0x17, 0, 0, 0x80, 8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]), "goodbye.txt");
    }, also: ["NTFS-0204"]);

    [Fact]
    public void A_broken_index_root_is_told() => Expect("NTFS-0300", d => d.EditValue(ADirectory(d), NtfsAttributeType.IndexRoot, v => v.Span[8] = 3, "$I30"));

    [Fact]
    public void An_index_block_of_another_magic_is_told() => Expect("NTFS-0301", d => d.Bytes[(int)ABlock(d)] = (byte)'X');

    [Fact]
    public void A_broken_index_entry_is_told() => Expect("NTFS-0302", d => EditBlock(d, b => b[FirstEntry(b) + 8] = 3));

    [Fact]
    public void A_broken_key_is_told() => Expect("NTFS-0303", d => EditBlock(d, b => b[FirstEntry(b) + 16 + 0x40] = 0));

    [Fact]
    public void An_index_that_comes_back_to_a_block_is_told()
    {
        // The block's end entry leads to the block itself.
        Expect("NTFS-0304", d => EditBlock(d, b =>
        {
            var at = FirstEntry(b);
            while ((b[at + 12] & NtfsIndexEntry.IsEnd) == 0)
                at += BinaryPrimitives.ReadUInt16LittleEndian(b.AsSpan(at + 8));
            b[at + 8] = 24;
            b[at + 12] |= (byte)NtfsIndexEntry.HasSubNode;
            BinaryPrimitives.WriteInt64LittleEndian(b.AsSpan(at + 16), 0);
            BinaryPrimitives.WriteInt32LittleEndian(b.AsSpan(0x1C), at + 24 - 0x18);
        }));
    }

    [Fact]
    public void A_name_of_another_directory_is_told() => Expect("NTFS-0305", d => EditBlock(d, b => b[FirstEntry(b) + 16] = 99));

    [Fact]
    public void An_entry_that_leads_behind_the_index_is_told() => Expect("NTFS-0306", d =>
    {
        var root = d.Records().First(r => r.Number == NtfsMft.RootRecord);
        d.EditValue(root, NtfsAttributeType.IndexRoot, v => v.Span[^8] = 0x70, "$I30");
    });

    [Fact]
    public void A_table_of_capitals_of_another_length_is_told() =>
        Expect("NTFS-0400", d => d.Edit(d.Records().First(r => r.Number == NtfsMft.UpcaseRecord), NtfsAttributeType.Data, a => a.Span[0x30] = 2));

    [Fact]
    public void A_descriptor_that_is_too_long_is_told() => ExpectLinked("NTFS-0401", d =>
        d.Edit(ALargeFile(d), NtfsAttributeType.Data, a => a.Span[0] = (byte)NtfsAttributeType.SecurityDescriptor));

    [Fact]
    public void A_broken_reparse_point_is_told()
    {
        var damage = new NtfsDamage(Linked.Value.ToArray());
        damage.EditValue(damage.With(NtfsAttributeType.ReparsePoint), NtfsAttributeType.ReparsePoint, v => v.Span[10] = 0xFF);
        Assert.Contains("NTFS-0500", damage.Codes());
    }

    [Fact]
    public void A_broken_list_of_extended_attributes_is_told()
    {
        var found = new List<NtfsEa>();
        Assert.NotNull(NtfsExtendedAttributes.Parse([0, 0, 0, 0, 0, 5, 0, 0, (byte)'A'], found));
        Expect("NTFS-0501", d =>
        {
            var record = d.With(NtfsAttributeType.Ea);
            if (record.TryFind(NtfsAttributeType.Ea, "", out var ea) && ea.IsResident)
                d.EditValue(record, NtfsAttributeType.Ea, v => v.Span[5] = 0xFF);
            else
                d.Bytes[(int)d.Place(record, NtfsAttributeType.Ea, 0) + 7] = 0xFF;
        });
    }

    [Fact]
    public void An_object_id_that_is_too_long_is_told() => ExpectLinked("NTFS-0502", d => d.Edit(ALargeFile(d), NtfsAttributeType.Data, a => a.Span[0] = (byte)NtfsAttributeType.ObjectId));

    private static void Expect(string code, Action<NtfsDamage> damage, string[]? also = null) => Expect(Rich, code, damage, also);

    private static void ExpectLinked(string code, Action<NtfsDamage> damage) => Expect(Linked, code, damage, null);

    private static void Expect(Lazy<byte[]> sound, string code, Action<NtfsDamage> damage, string[]? also)
    {
        var volume = new NtfsDamage(sound.Value.ToArray());
        try
        {
            damage(volume);
        }
        catch (DiskFormatException e)
        {
            Assert.Equal(code, e.Code);
            return;
        }
        var codes = volume.Codes();
        Assert.True(codes.Contains(code), $"expected {code}, found {string.Join(' ', codes)}");
        Assert.True(also is null || codes.SetEquals(also), string.Join(' ', codes));
    }

    private static NtfsRecord AFile(NtfsDamage damage) => damage.With(NtfsAttributeType.Data, "", r => r.Number >= 24 && !r.IsDirectory && !r.TryFind(NtfsAttributeType.AttributeList, "", out _)
        && r.TryFind(NtfsAttributeType.Data, "", out var data) && data.IsResident && !r.TryFind(NtfsAttributeType.Data, "goodbye.txt", out _) && IsInRoot(r));

    // Longer than a security descriptor may be.
    private static NtfsRecord ALargeFile(NtfsDamage damage) => damage.With(NtfsAttributeType.Data, "", r => r.Number >= 24 && r.TryFind(NtfsAttributeType.Data, "", out var data)
        && !data.IsResident && (ulong)data.NonResident.DataSize is > 65536 and < 1 << 20 && r.TryFind(NtfsAttributeType.FileName, "", out _));

    // With an attribute list it is not in the file's own record.
    private static bool IsCompressed(NtfsRecord record) => record.TryFind(NtfsAttributeType.Data, "", out var data) && data is { IsResident: false, LowestVcn: 0 }
        && (data.Flags & NtfsAttributeFlags.Compressed) != 0 && (ulong)data.NonResident.DataSize > 65536;

    private static long FirstCluster(NtfsDamage damage, NtfsRecord record)
    {
        record.TryFind(NtfsAttributeType.Data, "", out var data);
        return ListPlace(data, damage);
    }

    private static bool IsInRoot(NtfsRecord record) => record.TryFind(NtfsAttributeType.FileName, "", out var name) && OnDisk.View<NtfsFileName>(name.Value).Parent.Record == NtfsMft.RootRecord;

    private static NtfsRecord ADirectory(NtfsDamage damage) => damage.With(NtfsAttributeType.IndexRoot, "$I30", r => r.Number >= 24 && IsInRoot(r));

    private static long ABlock(NtfsDamage damage) => damage.Place(damage.Records().First(r => r.Number == NtfsMft.RootRecord), NtfsAttributeType.IndexAllocation, 0, "$I30");

    private static int FirstEntry(byte[] block) => 0x18 + BinaryPrimitives.ReadInt32LittleEndian(block.AsSpan(0x18));

    private static void EditBlock(NtfsDamage damage, Action<byte[]> change)
    {
        var place = (int)ABlock(damage);
        var block = damage.Bytes.Slice(place, 4096).ToArray();
        Assert.Null(NtfsUpdateSequence.Remove(block, NtfsIndexBlock.Size));
        change(block);
        NtfsUpdateSequence.Apply(block);
        block.CopyTo(damage.Bytes[place..]);
    }

    private static void EditList(NtfsDamage damage, Action<Memory<byte>> change)
    {
        var record = damage.With(NtfsAttributeType.AttributeList);
        if (record.TryFind(NtfsAttributeType.AttributeList, "", out var list) && list.IsResident)
        {
            damage.EditValue(record, NtfsAttributeType.AttributeList, change);
            return;
        }
        var length = (int)(ulong)list.NonResident.DataSize;
        var place = (int)ListPlace(list, damage);
        var bytes = damage.Bytes.Slice(place, length).ToArray();
        change(bytes);
        bytes.CopyTo(damage.Bytes[place..]);
    }

    private static long ListPlace(in NtfsAttribute list, NtfsDamage damage)
    {
        using var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default);
        var runs = new NtfsRunList();
        Assert.Null(runs.Decode(list.RunBytes, list.EndVcn, volume.Geometry.ClusterCount));
        return runs[0].Lcn << volume.Geometry.ClusterShift;
    }

    // A resident attribute with a name becomes one without, of another type and value.
    private static void MakeReparse(Span<byte> attribute, ReadOnlySpan<byte> value)
    {
        attribute[0] = (byte)NtfsAttributeType.ReparsePoint;
        attribute[9] = 0;
        value[..Math.Min(value.Length, attribute.Length - 24)].CopyTo(attribute[24..]);
        BinaryPrimitives.WriteInt32LittleEndian(attribute[0x10..], Math.Min(24, attribute.Length - 24));
        BinaryPrimitives.WriteUInt16LittleEndian(attribute[0x14..], 24);
    }

    private static byte[] Load(string file)
    {
        using var folder = new TempFolder();
        return File.ReadAllBytes(Corpus.Unpack(Corpus.Images.Single(i => i.File == file), folder));
    }
}
