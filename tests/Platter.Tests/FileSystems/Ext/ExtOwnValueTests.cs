using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Testing.Ext;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>Values of attributes that are too long for inode and block, on volumes with ea_inode.</summary>
public class ExtOwnValueTests
{
    [Theory]
    [InlineData("-t ext4 -b 1024 -I 256 -O ea_inode")]
    [InlineData("-t ext4 -b 4096 -I 128 -O ea_inode")]
    [InlineData("-t ext4 -b 1024 -I 256 -O ea_inode,^metadata_csum,^extent,^64bit")]
    [InlineData("-t ext4 -b 1024 -C 4096 -I 256 -O ea_inode,bigalloc,inline_data,metadata_csum_seed,^resize_inode")]
    public void They_are_set_replaced_and_taken_away(string arguments)
    {
        var device = Mke2fs.Device(arguments, 24 << 20);
        var values = new Dictionary<string, byte[]>(StringComparer.Ordinal)
        {
            ["user.long"] = ConformanceCase.Bytes(5000), ["user.longer"] = ConformanceCase.Bytes(65_536, 2), ["trusted.other"] = ConformanceCase.Bytes(9001, 3), ["user.short"] = [1, 2, 3],
        };
        using (var volume = ExtEditableVolume.Open(device, VolumeOptions.Default))
        {
            var free = volume.FreeBytes;
            var inodes = volume.State.Super.FreeInodes;
            foreach (var name in (string[])["one", "two"])
            {
                var file = volume.CreateFile(volume.RootId, name, new MemoryStream([9]), null, MetadataChange.None);
                foreach (var (key, value) in values)
                    volume.SetExtendedAttribute(file, key, value);
            }
            volume.Commit();
            AssertSound(device, values, "one", "two");

            // Longer, shorter, short; and gone with the file.
            var one = volume.Find("/one").Id;
            volume.SetExtendedAttribute(one, "user.long", values["user.long"] = ConformanceCase.Bytes(40_000, 5));
            volume.SetExtendedAttribute(one, "user.longer", values["user.longer"] = ConformanceCase.Bytes(6000, 6));
            volume.SetExtendedAttribute(one, "trusted.other", values["trusted.other"] = [7]);
            volume.Delete(volume.RootId, "two");
            volume.Commit();
            AssertSound(device, values, "one");
            Assert.Throws<UnsupportedFeatureException>(() => volume.SetExtendedAttribute(one, "user.long", new byte[65_537]));
            foreach (var key in values.Keys)
                volume.SetExtendedAttribute(one, key, null);
            volume.Delete(volume.RootId, "one");
            volume.Commit();
            Assert.Equal((free, inodes), (volume.FreeBytes, volume.State.Super.FreeInodes));
        }
        AssertSound(device, []);
    }

    [Fact]
    public void A_volume_without_room_for_one_is_as_it_was()
    {
        var device = Mke2fs.Device("-t ext4 -b 1024 -I 256 -O ea_inode,^has_journal", 2 << 20);
        using var volume = ExtEditableVolume.Open(device, VolumeOptions.Default);
        var file = volume.CreateFile(volume.RootId, "file", new MemoryStream(new byte[volume.FreeBytes - (40 << 10)]), null, MetadataChange.None);
        volume.Commit();
        Assert.Throws<VolumeFullException>(() => volume.SetExtendedAttribute(file, "user.long", new byte[65_536]));
        volume.SetExtendedAttribute(file, "user.long", new byte[8000]);
        volume.Commit();
        AssertSound(device, new() { ["user.long"] = new byte[8000] }, "file");
    }

    [Fact]
    public void A_value_that_cannot_be_read_is_a_finding()
    {
        // Found by fuzzing: the reader refused it, and the checker had nothing to say.
        var test = ExtCase.Values();
        test.Inode(test.ValueInode(), (ref ExtInodeRecord r) => r.Flags.Raw |= (uint)ExtInodeFlags.Encrypt);
        Assert.Contains(test.Check().Findings, f => f is { Code: "EXT-0403", Severity: Severity.Error });
    }

    private static void AssertSound(ScratchDevice device, Dictionary<string, byte[]> expected, params string[] files)
    {
        Assert.Empty(new ExtType().Check(device, CheckOptions.Default).Findings);
        Assert.Null(ExtFixture.Complaint(device));
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        foreach (var file in files)
        {
            var found = volume.GetExtendedAttributes(volume.Find("/" + file).Id);
            Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), found.Keys.Order(StringComparer.Ordinal));
            foreach (var (name, value) in expected)
                Assert.Equal(value, found[name]);
        }
    }
}
