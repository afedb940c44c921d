using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Testing.Ext;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>Every way to edit an ext volume, with the power cut after every single write of it.</summary>
public class ExtPowerCutTests(ITestOutputHelper output)
{
    // What FAT does not have; and the full volume, which holes do not fill.
    private static readonly VolumePowerCuts.Edit[] OwnEdits =
    [
        new("make links and devices", false, v =>
        {
            v.CreateSymbolicLink(v.RootId, "short", "target", MetadataChange.None);
            v.CreateSymbolicLink(v.RootId, "long", new string('t', 200), MetadataChange.None);
            v.CreateHardLink(v.Find("/file.txt").Id, v.Find("/dir").Id, "hard");
            v.CreateSpecial(v.RootId, "null", EntryKind.CharacterDevice, new DeviceNumber(1, 3), MetadataChange.None);
            v.Commit();
            v.Delete(v.RootId, "long");
            v.Delete(v.RootId, "file.txt");
        }),
        new("set attributes", false, v =>
        {
            v.SetExtendedAttribute(v.Find("/file.txt").Id, "user.small", [1, 2, 3]);
            v.SetExtendedAttribute(v.Find("/dir").Id, "user.large", ConformanceCase.Bytes(600));
            v.Commit();
            v.SetExtendedAttribute(v.Find("/dir").Id, "user.large", null);
            v.SetMetadata(v.Find("/dir").Id, new MetadataChange { Mode = 0x1C0, UserId = 1000, GroupId = 70_000 });
        }),
        new("grow a directory to a tree and take it down", false, v =>
        {
            var directory = v.Find("/empty").Id;
            for (var i = 0; i < 60; i++)
                v.CreateFile(directory, $"a name that is long enough to fill a block soon {i}", MetadataChange.None);
            v.Commit();
            v.DeleteRecursively(v.RootId, "empty");
        }),
        new("fragment a file", false, v =>
        {
            using var stream = v.OpenWrite(v.Find("/file.txt").Id, StreamName.Data);
            for (var i = 1; i < 12; i++)
                stream.WriteAt(i * 40_000, ConformanceCase.Bytes(500, i));
            v.Commit();
            stream.SetLength(100_000);
        }),
        new("give it another identity", false, v => ExtTuner.Tune((ExtEditableVolume)v, new TuneOptions
        {
            Options = new Dictionary<string, string>(StringComparer.Ordinal) { ["uuid"] = "11111111-2222-4333-8444-555555555555", ["^dir_index"] = "true", ["reserved_percent"] = "1" },
        })),
        new("give it checksums, or take them away", false, v => ExtTuner.Tune((ExtEditableVolume)v, new TuneOptions
        {
            Options = ((ExtEditableVolume)v).State.Checksums.IsOn
                ? new Dictionary<string, string>(StringComparer.Ordinal) { ["^metadata_csum_seed"] = "true", ["^metadata_csum"] = "true" }
                : new Dictionary<string, string>(StringComparer.Ordinal) { ["metadata_csum"] = "true" },
        })),
        new("give it quotas, or take them away", false, v => ExtTuner.Tune((ExtEditableVolume)v, new TuneOptions
        {
            Options = new Dictionary<string, string>(StringComparer.Ordinal) { [((ExtEditableVolume)v).State.Geometry.Has(ExtRoCompat.Quota) ? "^quota" : "quota"] = "true" },
        })),
        new("fill what is left", true, v =>
        {
            v.Delete(v.RootId, "file.txt");
            v.CreateFile(v.RootId, "rest", new MemoryStream(ConformanceCase.Bytes(v.FreeBytes - 8192)), null, MetadataChange.None);
            Assert.Throws<VolumeFullException>(() => v.CreateFile(v.RootId, "more", new MemoryStream(new byte[100_000]), null, MetadataChange.None));
        }),
    ];

    // Users and groups that are new, also more than one block of a quota file has room for; values that count as inodes, and go with their owner.
    private static readonly VolumePowerCuts.Edit[] OwnerEdits =
    [
        new("give files to many", false, v =>
        {
            for (var i = 0u; i < 20; i++)
                v.CreateFile(v.Find("/empty").Id, $"{i}", new MemoryStream(ConformanceCase.Bytes(100)), null, new MetadataChange { UserId = 5000 + i * 300, GroupId = 70_000 + i });
            v.Commit();
            v.SetMetadata(v.Find("/empty/3").Id, new MetadataChange { UserId = 5000, GroupId = 0 });
            v.Delete(v.Find("/empty").Id, "4");
        }),
        new("keep values in inodes", false, v =>
        {
            v.SetExtendedAttribute(v.Find("/file.txt").Id, "user.long", ConformanceCase.Bytes(3000));
            v.Commit();
            v.SetMetadata(v.Find("/file.txt").Id, new MetadataChange { UserId = 77 });
            v.SetExtendedAttribute(v.Find("/dir").Id, "user.long", ConformanceCase.Bytes(2500, 2));
            v.Commit();
            v.SetExtendedAttribute(v.Find("/dir").Id, "user.long", null);
            v.Delete(v.RootId, "file.txt");
        }),
    ];

    [Theory]
    [InlineData("ext2", 37)]
    [InlineData("ext4", 53)]
    [InlineData("inline", 53)]
    [InlineData("quota", 53)]
    public void A_power_cut_leaves_the_old_tree_or_the_new_one(string layout, int foreignEvery)
    {
        var fixture = ExtLayouts.Of(layout);
        var cuts = new VolumePowerCuts { Type = new ExtType(), ClusterSize = fixture.BlockSize, Judge = ExtFixture.Complaint, FreshLimit = layout == "ext4" ? 64 << 10 : 0, ForeignEvery = foreignEvery };
        var common = cuts.CommonEdits.Where(e => !e.Full && e.Verb is not ("set attributes" or "set times"));
        var outcome = cuts.Run(Ground(full: false), Ground(full: true), [.. common, .. OwnEdits, .. fixture.Arguments.Contains("quota", StringComparison.Ordinal) ? OwnerEdits : []]);
        output.WriteLine($"{layout}: {outcome.Edits} edits, {outcome.Points} crash points, {outcome.Judged} of them judged by e2fsck");
        Assert.True(outcome.Points > 1000);

        byte[] Ground(bool full) => Filled(cuts, fixture.Arguments.Replace("-J size=1 -O ", "-O ^has_journal,", StringComparison.Ordinal), 2 << 20, volume =>
        {
            if (full)
                volume.CreateFile(volume.RootId, "FILLER.BIN", new MemoryStream(new byte[volume.FreeBytes - 24 * fixture.BlockSize]), null, MetadataChange.None);
        });
    }

    // 20 groups: their descriptors fill a block of 1 KiB with 32 bytes each, and two with 64.
    [Theory]
    [InlineData("-t ext4 -b 1024 -g 256 -N 320 -O ^has_journal,quota -E resize=40000", "^64bit", "^resize_inode")]
    [InlineData("-t ext4 -b 1024 -g 256 -N 320 -O ^has_journal,^64bit -E resize=40000", "64bit", "^resize_inode")]
    [InlineData("-t ext4 -b 1024 -g 256 -N 320 -O ^has_journal,^metadata_csum,^resize_inode,^meta_bg", "^64bit", "metadata_csum")]
    public void A_power_cut_leaves_descriptors_of_one_size(string made, string first, string second)
    {
        var cuts = new VolumePowerCuts { Type = new ExtType(), ClusterSize = 1024, Judge = ExtFixture.Complaint, ForeignEvery = 37 };
        var ground = Filled(cuts, made, 5 << 20, _ => { });
        VolumePowerCuts.Edit[] edits = [Tuned(first), Tuned(second), Tuned(first, second)];
        var outcome = cuts.Run(ground, ground, edits);
        output.WriteLine($"{made}: {outcome.Edits} edits, {outcome.Points} crash points, {outcome.Judged} of them judged by e2fsck");
        Assert.True(outcome.Points > 100);
        Assert.True(outcome.Judged > 10);

        // Each of the wishes a change of its own, with a commit between them.
        static VolumePowerCuts.Edit Tuned(params string[] wishes) => new(string.Join(", ", wishes), false, v =>
        {
            var device = ((ExtEditableVolume)v).State.Device;
            foreach (var wish in wishes)
                new ExtType().Tune(device, new TuneOptions { Options = new Dictionary<string, string>(StringComparer.Ordinal) { [wish] = "true" } });
            v.Rollback();
        });
    }

    private static byte[] Filled(VolumePowerCuts cuts, string arguments, long length, Action<ExtEditableVolume> more)
    {
        // There is no room for a journal, and none is written to.
        var device = ExtFixture.Empty(arguments, length);
        using var volume = (ExtEditableVolume)new ExtType().OpenForEditing(device, VolumeOptions.Default);
        cuts.Fill(volume, full: false);
        more(volume);
        volume.Commit();
        Assert.Null(ExtFixture.Complaint(device));
        var bytes = new byte[device.Length];
        device.Read(0, bytes);
        return bytes;
    }
}
