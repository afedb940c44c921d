using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Every way to edit an NTFS volume, with the power cut after every single write of it.</summary>
public class NtfsPowerCutTests(ITestOutputHelper output)
{
    // What FAT does not have; and the full volume, which holes do not fill.
    internal static readonly VolumePowerCuts.Edit[] OwnEdits =
    [
        new("make links and special files", false, v =>
        {
            v.CreateSymbolicLink(v.RootId, "link", "dir/deep", MetadataChange.None);
            v.CreateHardLink(v.Find("/file.txt").Id, v.Find("/dir").Id, "hard");
            v.CreateSpecial(v.RootId, "null", EntryKind.CharacterDevice, new DeviceNumber(1, 3), MetadataChange.None);
            v.Commit();
            v.Delete(v.RootId, "link");
            v.Delete(v.RootId, "file.txt");
        }),
        new("set extended attributes and streams", false, v =>
        {
            v.SetExtendedAttribute(v.Find("/file.txt").Id, "user.small", [1, 2, 3]);
            v.SetExtendedAttribute(v.Find("/dir").Id, "user.large", ConformanceCase.Bytes(6000));
            using (var stream = v.OpenWrite(v.Find("/file.txt").Id, StreamName.Named("second")))
                stream.WriteAt(0, ConformanceCase.Bytes(5000));
            v.Commit();
            v.SetExtendedAttribute(v.Find("/dir").Id, "user.large", null);
            v.DeleteStream(v.Find("/file.txt").Id, StreamName.Named("second"));
        }),
        new("grow a directory to a tree and take it down", false, v =>
        {
            var directory = v.Find("/empty").Id;
            for (var i = 0; i < 60; i++)
                v.CreateFile(directory, $"a name that is long enough to fill a block soon {i}", MetadataChange.None);
            v.Commit();
            v.DeleteRecursively(v.RootId, "empty");
        }),
        new("need an attribute list", false, v =>
        {
            var id = v.Find("/file.txt").Id;
            for (var i = 0; i < 12; i++)
                v.CreateHardLink(id, v.Find("/dir").Id, $"another name of the same file, number {i}");
            v.Commit();
            for (var i = 0; i < 12; i++)
                v.Delete(v.Find("/dir").Id, $"another name of the same file, number {i}");
        }),
        new("fragment a file", false, v =>
        {
            using var stream = v.OpenWrite(v.Find("/file.txt").Id, StreamName.Data);
            for (var i = 1; i < 12; i++)
                stream.WriteAt(i * 400_000, ConformanceCase.Bytes(500, i));
            v.Commit();
            stream.SetLength(1_000_000);
        }),
        new("store content in other forms", false, v =>
        {
            var id = v.Find("/file.txt").Id;
            v.SetMetadata(v.Find("/empty").Id, new MetadataChange { Compressed = true });
            using var stream = v.OpenWrite(id, StreamName.Data);
            stream.WriteAt(0, [.. new byte[30_000], .. ConformanceCase.Bytes(9000, 9), .. new byte[50_000]]);
            v.SetMetadata(id, new MetadataChange { Compressed = true });
            v.Commit();
            stream.WriteAt(70_000, ConformanceCase.Bytes(20_000, 8));
            v.SetMetadata(id, new MetadataChange { Compressed = false, Sparse = true });
            v.Commit();
            stream.PunchHole(10_000, 60_000);
            v.Commit();
            v.SetMetadata(id, new MetadataChange { Sparse = false });
        }),
        new("make junctions and a directory that tells names by case", false, v =>
        {
            ((NtfsEditableVolume)v).CreateJunction(v.RootId, "junction", "/dir/deep", 'C', MetadataChange.None);
            v.SetExtendedAttribute(v.Find("/empty").Id, "user.ntfs.case_sensitive", "1"u8.ToArray());
            v.CreateFile(v.Find("/empty").Id, "a", MetadataChange.None);
            v.CreateFile(v.Find("/empty").Id, "A", MetadataChange.None);
            v.Commit();
            v.Delete(v.RootId, "junction");
            v.DeleteRecursively(v.RootId, "empty");
        }),
        new("set descriptors, short names, object ids and reparse points", false, v =>
        {
            var (file, directory) = (v.Find("/file.txt").Id, v.Find("/dir").Id);
            v.SetMetadata(directory, new MetadataChange { SecurityDescriptor = Sddl.Parse("O:SYG:SYD:(A;OICI;GR;;;WD)") });
            v.CreateFile(directory, "inherits", MetadataChange.None);
            v.SetExtendedAttribute(file, "user.ntfs.short_name", "SHORT~1.TXT"u8.ToArray());
            v.SetExtendedAttribute(file, "user.ntfs.object_id", ConformanceCase.Bytes(16, 5));
            v.SetExtendedAttribute(v.Find("/empty").Id, "user.ntfs.object_id", ConformanceCase.Bytes(16, 6));
            v.Commit();
            v.Rename(v.RootId, "file.txt", directory, "a name that takes the short one along", replace: false);
            v.SetExtendedAttribute(v.Find("/empty").Id, "user.ntfs.object_id", null);
            v.Commit();
            v.Delete(directory, "a name that takes the short one along");
        }),
        new("unpack what the overlay filter compressed", false, v =>
        {
            var id = NtfsOverlayTests.Packed(v, ConformanceCase.Bytes(20_000, 4));
            using var stream = v.OpenWrite(id, StreamName.Data);
            stream.WriteAt(7000, ConformanceCase.Bytes(300, 5));
            v.Commit();
            Assert.Null(v.GetMetadata(id).ReparseTag);
            stream.SetLength(9000);
        }),
        new("restore encrypted files", false, v =>
        {
            byte[] Raw(int length) => EfsMaker.Raw(EfsCipher.Aes256, new byte[32], ConformanceCase.Bytes(length));
            var small = v.CreateFile(v.RootId, "small secret", new MemoryStream(Raw(5)), null, MetadataChange.None);
            var large = v.CreateFile(v.RootId, "large secret", new MemoryStream([.. Raw(40_000)]), null, MetadataChange.None);
            using (var stream = v.OpenWrite(large, StreamName.Named("second")))
                stream.WriteAt(0, Raw(700));
            v.Commit();
            v.SetExtendedAttribute(small, "user.ntfs.efsinfo", EfsMaker.Keys(EfsCipher.Aes256, new byte[32]));
            v.SetExtendedAttribute(large, "user.ntfs.efsinfo", EfsMaker.Keys(EfsCipher.Aes256, new byte[32]));
            v.SetExtendedAttribute(v.Find("/empty").Id, "user.ntfs.efsinfo", EfsMaker.Keys(EfsCipher.Aes256, new byte[32]));
            v.Commit();
            v.Delete(v.RootId, "large secret");
        }),
        new("fill what is left", true, v =>
        {
            v.Delete(v.RootId, "file.txt");
            v.CreateFile(v.RootId, "rest", new MemoryStream(ConformanceCase.Bytes(v.FreeBytes - 8192)), null, MetadataChange.None);
            Assert.Throws<VolumeFullException>(() => v.CreateFile(v.RootId, "more", new MemoryStream(new byte[100_000]), null, MetadataChange.None));
        }),
    ];

    [Theory]
    [InlineData(512, 0, 97)]
    [InlineData(4096, 64 << 10, 97)]
    public void A_power_cut_leaves_the_old_tree_or_the_new_one(int clusterSize, long freshLimit, int foreignEvery)
    {
        var cuts = Cuts(clusterSize, freshLimit, foreignEvery);
        var common = cuts.CommonEdits.Where(e => !e.Full);
        var outcome = cuts.Run(Bytes(Ground(cuts, full: false)), Bytes(Ground(cuts, full: true)), [.. common, .. OwnEdits]);
        output.WriteLine($"clusters of {clusterSize} bytes: {outcome.Edits} edits, {outcome.Points} crash points, {outcome.Judged} of them judged by ntfsfix and ntfsls");
        Assert.True(outcome.Points > 1000);
    }

    [Fact]
    public void A_power_cut_leaves_the_permissions_of_WSL_that_were_or_those_that_are_set()
    {
        var cuts = Cuts(4096, foreignEvery: 31, options: VolumeOptions.Default with { WslMetadata = true });
        var ground = Bytes(Ground(cuts, full: false));
        var outcome = cuts.Run(ground, ground,
        [
            new("set permissions and owners", false, v =>
            {
                v.SetMetadata(v.Find("/file.txt").Id, new MetadataChange { Mode = 0x1A0, UserId = 1000, GroupId = 100 });
                v.SetMetadata(v.Find("/dir").Id, new MetadataChange { UserId = 7 });
                v.Commit();
                Assert.Equal((0x1A0, 1000U, 100U), (v.Find("/file.txt").Metadata.Mode!.Value & 0xFFF, v.Find("/file.txt").Metadata.UserId!.Value, v.Find("/file.txt").Metadata.GroupId!.Value));
                v.SetMetadata(v.Find("/file.txt").Id, new MetadataChange { Mode = 0x1FF });
            }),
            new("make what has them", false, v =>
            {
                var directory = v.CreateDirectory(v.RootId, "owned", new MetadataChange { Mode = 0x1ED, UserId = 1, GroupId = 2 });
                v.CreateFile(directory, "file", new MemoryStream(ConformanceCase.Bytes(5000)), null, new MetadataChange { Mode = 0x180, UserId = 3, GroupId = 4 });
                v.CreateSpecial(directory, "device", EntryKind.BlockDevice, new DeviceNumber(8, 1), new MetadataChange { Mode = 0x1B0, UserId = 5, GroupId = 6 });
                v.Commit();
                v.DeleteRecursively(v.RootId, "owned");
            }),
        ]);
        output.WriteLine($"{outcome.Points} crash points, {outcome.Judged} of them judged by ntfsfix and ntfsls");
        Assert.True(outcome.Points > 50);
    }

    [Fact]
    public void A_power_cut_while_the_MFT_gets_an_attribute_list_leaves_the_old_table_or_the_new_one()
    {
        var cuts = Cuts(512);
        var ground = Bytes(FragmentedTable(out var left));
        var outcome = cuts.Run(ground, ground, [FilesOverTheEnd(2 * left)]);
        output.WriteLine($"{outcome.Points} crash points, {outcome.Judged} of them judged by ntfsfix and ntfsls");
        Assert.True(outcome.Points > 100);
    }

    [Fact]
    public void A_power_cut_leaves_the_old_tree_or_the_new_one_on_large_sectors_and_records()
    {
        var cuts = Cuts(4096, 64 << 10);
        var device = NtfsFixture.Empty(new NtfsSizesOfVolume(4096, 4096, 4096), 4 << 20);
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
            cuts.Fill(volume, full: false);
        var ground = Bytes(device);
        var outcome = cuts.Run(ground, ground, [.. cuts.CommonEdits.Concat(OwnEdits).Where(e => !e.Full)]);
        output.WriteLine($"{outcome.Edits} edits, {outcome.Points} crash points, {outcome.Judged} of them judged by ntfsfix and ntfsls");
        Assert.True(outcome.Points > 1000);
    }

    /// <summary>A volume with hardly two free clusters side by side, whose MFT comes to need an attribute list of its own.</summary>
    /// <param name="left">About so many files before it does.</param>
    internal static ScratchDevice FragmentedTable(out int left)
    {
        left = 20;
        var device = NtfsFixture.Empty("-c 512", 3 << 20);
        using var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default);
        var ids = new[] { "a", "b" }.Select(name => volume.CreateFile(volume.RootId, name, MetadataChange.None)).ToArray();
        var content = ConformanceCase.Bytes(512);
        var streams = ids.Select(id => volume.OpenWrite(id, StreamName.Data)).ToArray();
        for (var i = 0L; i < 700; i++)
        {
            foreach (var stream in streams)
                stream.WriteAt(i * 512, content);
        }
        foreach (var stream in streams)
            stream.Dispose();
        using (var filler = volume.OpenWrite(volume.CreateFile(volume.RootId, "FILLER.BIN", MetadataChange.None), StreamName.Data))
            filler.WriteAt(0, new byte[volume.FreeBytes - 20_000]);
        volume.Commit();
        volume.Delete(volume.RootId, "b");
        volume.Commit();
        var needed = 0;
        var trial = device.Copy();
        using (var trying = new NtfsType().OpenForEditing(trial, VolumeOptions.Default))
        {
            for (; !HasList(trial); needed++)
            {
                FilesOverTheEnd(1, needed).Run(trying);
                trying.Commit();
            }
        }
        for (var i = 0; i < needed - left; i++)
            volume.CreateFile(volume.RootId, $"before {i}", MetadataChange.None);
        volume.Commit();
        Assert.False(HasList(device));
        trial = device.Copy();
        using (var trying = new NtfsType().OpenForEditing(trial, VolumeOptions.Default))
        {
            FilesOverTheEnd(2 * left).Run(trying);
            trying.Commit();
        }
        Assert.True(HasList(trial));
        return device;
    }

    /// <summary>Whether the MFT's own map takes more than its record.</summary>
    internal static bool HasList(ScratchDevice device)
    {
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        return volume.OpenSystemFile(NtfsMft.MftRecord).HasList;
    }

    internal static VolumePowerCuts.Edit FilesOverTheEnd(int left, int first = 0) => new("make files until the MFT has a list", false, v =>
    {
        for (var i = first; i < first + left; i++)
            v.CreateFile(v.RootId, $"file {i}", MetadataChange.None);
    });

    private static byte[] Bytes(ScratchDevice device)
    {
        var bytes = new byte[device.Length];
        device.Read(0, bytes);
        return bytes;
    }

    internal static VolumePowerCuts Cuts(int clusterSize, long freshLimit = 0, int foreignEvery = 97, VolumeOptions? options = null) => new()
    {
        Type = new NtfsType(), ClusterSize = clusterSize, Judge = NtfsFixture.Complaint, FreshLimit = freshLimit, ForeignEvery = foreignEvery, Options = options ?? VolumeOptions.Default,
    };

    /// <summary>The volume that the edits start from: with room, or with 24 clusters free.</summary>
    internal static ScratchDevice Ground(VolumePowerCuts cuts, bool full)
    {
        var device = NtfsFixture.Empty($"-c {cuts.ClusterSize}", 2 << 20);
        using var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default);
        cuts.Fill(volume, full: false);
        if (full)
            volume.CreateFile(volume.RootId, "FILLER.BIN", new MemoryStream(new byte[volume.FreeBytes - 24 * cuts.ClusterSize]), null, MetadataChange.None);
        volume.Commit();
        Assert.Null(NtfsFixture.Complaint(device));
        return device;
    }
}
