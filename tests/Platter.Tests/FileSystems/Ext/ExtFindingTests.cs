using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Primitives;
using Platter.Testing.Ext;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>Every finding of the ext checker, and every code of reading, with the damage that makes it.</summary>
public class ExtFindingTests
{
    public static TheoryData<string> Damages => [.. ExtDamage.All.Keys];

    [Theory, MemberData(nameof(Damages))]
    public void A_damage_is_found_by_its_own_code(string damage)
    {
        var report = ExtDamage.All[damage]().Check();
        Assert.True(report.Findings.Any(f => f.Code == damage[..8]), $"{damage}: found {string.Join("; ", report.Findings.Select(f => $"{f.Code} {f.Structure}: {f.Message}"))}");
        Assert.False(report.IsClean);
    }

    [Theory, MemberData(nameof(Damages))]
    public void A_damaged_volume_is_read_or_refused(string damage)
    {
        try
        {
            using var volume = ExtDamage.All[damage]().Open();
            ExtListing.Read(volume, []);
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
        {
            Assert.NotEmpty(e.Message);
        }
    }

    [Fact]
    public void The_volumes_that_are_damaged_are_sound_before()
    {
        foreach (var sound in (ExtCase[])[ExtCase.Ext4(), ExtCase.Ext2(), ExtCase.Plain(), ExtCase.Inline(), ExtCase.Values(), ExtCase.Strict(), ExtCase.Bigalloc(), ExtCase.Resizable(), ExtCase.Dirty(), ExtCase.Dirty("jo")])
        {
            var report = sound.Check();
            Assert.True(report.IsClean, string.Join("; ", report.Findings));
            using var volume = sound.Open();
            var problems = new List<string>();
            Assert.NotEmpty(ExtListing.Read(volume, problems));
            Assert.Empty(problems);
        }
    }

    [Fact]
    public void What_is_worth_knowing_and_no_damage_is_a_note()
    {
        var left = ExtCase.Ext2().Super((ref ExtSuperblock s) => s.State.Value = 0).Check();
        Assert.Contains(left.Findings, f => f is { Code: "EXT-0017", Severity: Severity.Note });
        Assert.True(left.IsClean);
        var dirty = ExtCase.Dirty().Check();
        Assert.Contains(dirty.Findings, f => f is { Code: "EXT-0500", Severity: Severity.Note });
        var aborted = ExtCase.Ext4().Journal((ref JbdSuperblock s) => s.ErrorNumber = unchecked((uint)-5)).Check();
        Assert.Contains(aborted.Findings, f => f is { Code: "EXT-0512", Severity: Severity.Note });
        Assert.True(aborted.IsClean);
        var copy = ExtCase.Ext2().Super((ref ExtSuperblock s) => s.Uuid = Guid.Empty).Check();
        Assert.Contains(copy.Findings, f => f is { Code: "EXT-0036", Severity: Severity.Note } && f.Message.Contains("UUID", StringComparison.Ordinal));
        Assert.True(copy.IsClean);
        var lost = ExtCase.Ext2().Block(8193, b => b.AsSpan().Clear()).Check();
        Assert.Contains(lost.Findings, f => f is { Code: "EXT-0036", Severity: Severity.Note } && f.Message.Contains("magic", StringComparison.Ordinal));
        var places = ExtCase.Ext2().Block(8194, b => b[0]++).Check();
        Assert.Contains(places.Findings, f => f is { Code: "EXT-0037", Severity: Severity.Note });
        Assert.True(places.IsClean);
        var test = ExtCase.Ext2();
        var orphan = test.Number("/dir/inside");
        var waiting = test.Super((ref ExtSuperblock s) => s.LastOrphan = orphan).Check();
        Assert.Contains(waiting.Findings, f => f is { Code: "EXT-0114", Severity: Severity.Note });
    }

    [Fact]
    public void No_superblock_is_EXT_0001()
    {
        var test = ExtCase.Ext4();
        test.Device.Write(0, new byte[test.Device.Length / 64]);
        for (var group = 0; group < 2; group++)
            test.Device.Write((1 + group * 8192) * 1024L, new byte[1024]);
        Assert.Equal("EXT-0001", Assert.Throws<DiskFormatException>(() => test.Open()).Code);
        Assert.Contains(test.Check().Findings, f => f.Code == "EXT-0001");
    }

    [Fact]
    public void A_volume_longer_than_its_device_is_EXT_0012_where_it_matters()
    {
        var test = ExtCase.Ext2().Super((ref ExtSuperblock s) => { s.BlocksCountLo = 16000; });
        Assert.Contains(test.Check().Findings, f => f.Code == "EXT-0012");
        using var volume = test.Open();
        Assert.Equal("a few words of content", ReadText(volume, "/small"));
    }

    [Fact]
    public void Numbers_that_lead_out_of_the_volume_are_refused()
    {
        using var volume = ExtCase.Ext4().Open();
        Assert.Equal("EXT-0100", Assert.Throws<DiskFormatException>(() => volume.GetMetadata(new NodeId(999_999))).Code);
        Assert.Equal("EXT-0016", Assert.Throws<DiskFormatException>(() => volume.Blocks.Read(999_999, "test")).Code);
    }

    [Fact]
    public void Two_directories_that_share_a_block_are_not_listed_twice()
    {
        var test = ExtCase.Ext2();
        var block = test.BlockOf("/many");
        test.Inode("/dir", (ref ExtInodeRecord r) => System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(r.Block, (uint)block));
        using var volume = test.Open();
        Assert.NotEmpty(volume.Find("/many").Entries);
        Assert.Equal("EXT-0204", Assert.Throws<DiskFormatException>(() => volume.Find("/dir").Entries.ToList()).Code);
    }

    [Fact]
    public void A_value_of_no_bytes_may_have_any_offset()
    {
        var test = ExtCase.Plain();
        test.InodeBytes(test.Number("/small"), b =>
        {
            ref var entry = ref OnDisk.Edit<ExtAttributeEntry>(b, 0xA4);
            entry.ValueSize = 0;
            entry.ValueOffset = 60000;
            entry.Hash = 0;
        });
        using var volume = test.Open();
        Assert.Empty(volume.GetExtendedAttributes(volume.Find("/small").Id)["user.name"]);
        Assert.True(test.Check().Total >= 0);
    }

    private static string ReadText(ExtVolume volume, string path)
    {
        using var reader = new StreamReader(volume.Find(path).OpenRead());
        return reader.ReadToEnd();
    }
}
