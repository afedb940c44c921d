using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Primitives;
using Platter.Testing;
using Platter.Testing.Ext;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>Quota files follow every edit: who has what is what both checkers count.</summary>
public class ExtQuotaTests
{
    private const string Usual = "-t ext4 -b 1024 -I 256 -J size=1 -O quota,project,ea_inode";

    [Theory]
    [InlineData(Usual)]
    [InlineData("-t ext4 -b 4096 -O quota,project,metadata_csum_seed,orphan_file")]
    [InlineData("-t ext4 -b 1024 -C 8192 -O quota,bigalloc,^has_journal,^resize_inode")]
    [InlineData("-t ext3 -b 2048 -I 128 -O quota")]
    public void What_each_user_and_group_has_follows_the_edits(string arguments)
    {
        var device = Mke2fs.Device(arguments, 32 << 20);
        using var volume = ExtEditableVolume.Open(device, VolumeOptions.Default);
        var cluster = volume.State.Space.BytesIn(1);
        var before = Usage(device, ExtQuotaType.User)[0];
        var file = Create(volume, "file", 3 * cluster, 1000, 70_000);
        Create(volume, "other", 1, 1000, 100);
        volume.CreateDirectory(volume.RootId, "directory", new MetadataChange { UserId = 4_000_000_000, GroupId = 70_000 });
        AssertSound(volume, device);
        var users = Usage(device, ExtQuotaType.User);
        Assert.Equal((4 * cluster, 2), users[1000]);
        Assert.Equal((cluster, 1), users[4_000_000_000]);
        Assert.Equal(before, users[0]);
        Assert.Equal((4 * cluster, 2), Usage(device, ExtQuotaType.Group)[70_000]);

        // Another owner, more and less content, more and fewer names.
        volume.SetMetadata(file, new MetadataChange { UserId = 7, GroupId = 100 });
        using (var stream = volume.OpenWrite(file, StreamName.Data))
        {
            stream.WriteAt(10 * cluster, ConformanceCase.Bytes(1));
            stream.SetLength(11 * cluster);
        }
        volume.CreateHardLink(file, volume.RootId, "second name");
        AssertSound(volume, device);
        Assert.Equal((cluster, 1), Usage(device, ExtQuotaType.User)[1000]);
        Assert.Equal((4 * cluster, 1), Usage(device, ExtQuotaType.User)[7]);
        Assert.Equal((5 * cluster, 2), Usage(device, ExtQuotaType.Group)[100]);
        volume.Delete(volume.RootId, "file");
        volume.Delete(volume.RootId, "other");
        volume.Delete(volume.RootId, "directory");
        using (var stream = volume.OpenWrite(file, StreamName.Data))
            stream.SetLength(cluster);
        AssertSound(volume, device);
        Assert.Equal((cluster, 1), Usage(device, ExtQuotaType.User)[7]);
        volume.Delete(volume.RootId, "second name");
        AssertSound(volume, device);
        users = Usage(device, ExtQuotaType.User);
        Assert.Equal(before, users[0]);
        Assert.All(users.Where(u => u.Key != 0), u => Assert.Equal((0L, 0L), u.Value));
    }

    [Fact]
    public void Hundreds_of_users_have_entries_all_over_the_tree()
    {
        var device = Mke2fs.Device(Usual, 32 << 20);
        using var volume = ExtEditableVolume.Open(device, VolumeOptions.Default);
        var random = new Random(5);
        var ids = Enumerable.Range(0, 400).Select(i => (uint)(i < 100 ? i : random.NextInt64(uint.MaxValue))).Distinct().ToList();
        foreach (var id in ids)
            Create(volume, $"of {id}", id % 3 * 500, id, ids[^1] - id);
        AssertSound(volume, device);
        Assert.Equal(ids.Order(), Usage(device, ExtQuotaType.User).Keys.Order());
        foreach (var id in ids.Where(i => i % 2 == 0))
            volume.Delete(volume.RootId, $"of {id}");
        AssertSound(volume, device);

        // The same users again: nothing is to be made.
        var length = QuotaFileLength(volume);
        foreach (var id in ids.Where(i => i % 2 == 0))
            Create(volume, $"of {id}", 10, id, id);
        AssertSound(volume, device);
        Assert.Equal(length, QuotaFileLength(volume));
    }

    [Fact]
    public void Users_pay_for_values_in_inodes_of_their_own_also_after_the_owner_changed()
    {
        var device = Mke2fs.Device(Usual, 32 << 20);
        using var volume = ExtEditableVolume.Open(device, VolumeOptions.Default);
        var file = Create(volume, "file", 100, 1000, 1000);
        volume.SetExtendedAttribute(file, "user.long", ConformanceCase.Bytes(5000));
        volume.SetExtendedAttribute(file, "user.longer", ConformanceCase.Bytes(9000));
        AssertSound(volume, device);
        Assert.Equal(3, Usage(device, ExtQuotaType.User)[1000].Inodes);
        volume.SetMetadata(file, new MetadataChange { UserId = 7 });
        AssertSound(volume, device);
        Assert.Equal(0, Usage(device, ExtQuotaType.User)[1000].Inodes);
        Assert.Equal(3, Usage(device, ExtQuotaType.User)[7].Inodes);
        volume.SetExtendedAttribute(file, "user.long", [1]);
        AssertSound(volume, device);
        Assert.Equal(2, Usage(device, ExtQuotaType.User)[7].Inodes);
        volume.Delete(volume.RootId, "file");
        AssertSound(volume, device);
        Assert.Equal((0L, 0L), Usage(device, ExtQuotaType.User)[7]);
    }

    [Fact]
    public void A_block_of_attributes_that_inodes_share_is_left_to_the_others_with_its_values()
    {
        var device = Mke2fs.Device(Usual, 32 << 20);
        ExtInode first;
        using (var volume = ExtEditableVolume.Open(device, VolumeOptions.Default))
        {
            // The inode is full, so that the long one's entry goes to the block.
            var one = Create(volume, "one", 10, 1, 1);
            volume.SetExtendedAttribute(one, "user.filler", new byte[60]);
            volume.SetExtendedAttribute(one, "user.a name that is long enough", ConformanceCase.Bytes(5000));
            volume.SetExtendedAttribute(one, "user.short", ConformanceCase.Bytes(50));
            foreach (var (name, user) in new[] { ("two", 2u), ("three", 3u) })
            {
                var node = Create(volume, name, 10, user, user);
                first = volume.State.Inodes.Read((uint)one.Value);
                volume.State.Begin();
                Share(volume.State, first, volume.State.Inodes.Read((uint)node.Value));
                volume.State.Keep();
            }
            AssertSound(volume, device);
            volume.SetExtendedAttribute(volume.Find("/two").Id, "user.short", null);
            AssertSound(volume, device);
            volume.SetExtendedAttribute(volume.Find("/three").Id, "user.a name that is long enough", ConformanceCase.Bytes(8000, 5));
            AssertSound(volume, device);
            volume.SetExtendedAttribute(one, "user.a name that is long enough", null);
            AssertSound(volume, device);
            Assert.Equal(ConformanceCase.Bytes(5000), volume.GetExtendedAttributes(volume.Find("/two").Id)["user.a name that is long enough"]);
            foreach (var name in (string[])["two", "one", "three"])
            {
                volume.Delete(volume.RootId, name);
                AssertSound(volume, device);
            }
        }
    }

    [Fact]
    public void Limits_and_grace_stay()
    {
        var device = Mke2fs.Device(Usual, 32 << 20);
        using (var volume = ExtEditableVolume.Open(device, VolumeOptions.Default))
        {
            Create(volume, "file", 5000, 1000, 1000);
            volume.Commit();
        }
        EditEntry(device, 1000, (ref ExtQuotaEntry e) => (e.BlockHardLimit, e.BlockSoftLimit, e.InodeHardLimit, e.InodeSoftLimit, e.BlockTime) = (6UL, 5UL, 1UL, 1UL, 1_700_000_000UL));
        using (var volume = ExtEditableVolume.Open(device, VolumeOptions.Default))
        {
            Create(volume, "more than allowed", 50_000, 1000, 1000);
            AssertSound(volume, device);
        }
        EditEntry(device, 1000, (ref ExtQuotaEntry e) =>
        {
            Assert.Equal((6UL, 5UL, 1UL, 1UL, 1_700_000_000UL), ((ulong)e.BlockHardLimit, (ulong)e.BlockSoftLimit, (ulong)e.InodeHardLimit, (ulong)e.InodeSoftLimit, (ulong)e.BlockTime));
            Assert.Equal(2UL, (ulong)e.Inodes);
        });
    }

    [Fact]
    public void The_entry_of_root_can_be_empty()
    {
        var device = Mke2fs.Device("-t ext4 -b 1024 -O quota,^has_journal -E root_owner=5:5", 32 << 20);
        using var volume = ExtEditableVolume.Open(device, VolumeOptions.Default);
        volume.SetMetadata(volume.Find("/lost+found").Id, new MetadataChange { UserId = 5, GroupId = 5 });
        AssertSound(volume, device);
        Assert.Equal((0L, 0L), Usage(device, ExtQuotaType.User)[0]);
        Create(volume, "of root", 2000, 0, 0);
        AssertSound(volume, device);
        Assert.Equal((2048L, 1L), Usage(device, ExtQuotaType.User)[0]);
        EditEntry(device, 0, (ref ExtQuotaEntry e) => Assert.Equal(0UL, (ulong)e.InodeTime));
    }

    [Fact]
    public void Inodes_that_were_deleted_while_open_are_counted_until_they_are_dealt_with()
    {
        var device = Mke2fs.Device(Usual, 32 << 20);
        using (var volume = ExtEditableVolume.Open(device, VolumeOptions.Default))
        {
            var file = Create(volume, "file", 5000, 1000, 1000);
            volume.SetExtendedAttribute(file, "user.long", ConformanceCase.Bytes(5000));
            var state = volume.State;
            state.Begin();

            // As a driver leaves it: no name, on the list, and still counted.
            var inode = state.Inodes.Read((uint)file.Value);
            var root = new ExtDirectoryEditor(state.Inodes.Read(2), state);
            Assert.True(root.TryFind("file"u8, out var place));
            root.Remove(place);
            inode.Edit.LinksCount = 0;
            var quotas = state.Inodes.Quotas;
            state.Inodes.Quotas = null;
            state.Inodes.Write(inode);
            state.Inodes.Quotas = quotas;
            state.Geometry.EditSuper.LastOrphan = inode.Number;
            state.Keep();
            volume.Commit();
        }
        Assert.Equal(2, Usage(device, ExtQuotaType.User)[1000].Inodes);
        using (var volume = ExtEditableVolume.Open(device, VolumeOptions.Default))
            AssertSound(volume, device);
        Assert.Equal((0L, 0L), Usage(device, ExtQuotaType.User)[1000]);
    }

    [Fact]
    public void An_edit_without_room_for_a_new_entry_leaves_everything_as_it_was()
    {
        var device = Mke2fs.Device("-t ext4 -b 1024 -O quota,^has_journal", 2 << 20);
        using var volume = ExtEditableVolume.Open(device, VolumeOptions.Default);
        var file = Create(volume, "file", volume.FreeBytes - (20 << 10), 0, 0);
        using (var stream = volume.OpenWrite(file, StreamName.Data))
        {
            while (volume.FreeBytes > 0)
                stream.WriteAt(stream.Length, new byte[1024]);
        }
        AssertSound(volume, device);
        Assert.Throws<VolumeFullException>(() => volume.SetMetadata(file, new MetadataChange { UserId = 0x01020304 }));
        Assert.Equal(0u, volume.GetMetadata(file).UserId);
        AssertSound(volume, device);
    }

    [Theory]
    [InlineData("head", "EXT-0700")]
    [InlineData("inode", "EXT-0700")]
    public void A_volume_with_an_odd_quota_file_is_not_edited(string part, string code)
    {
        var test = ExtCase.Values();
        if (part == "head")
            test.Block(test.BlockOf(3, 0), b => b[4] = 7);
        else
            test.Inode(4, (ref ExtInodeRecord r) => r.SizeLo = 5);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => ExtEditableVolume.Open(test.Device, VolumeOptions.Default)).Code);
    }

    [Theory]
    [InlineData("leads out")]
    [InlineData("leads nowhere")]
    [InlineData("is full")]
    public void A_broken_tree_ends_the_edit_that_needs_it(string damage)
    {
        var test = ExtCase.Values();
        var root = test.BlockOf(3, 1);
        if (damage == "leads out")
            test.Block(root, b => b[0] = 200);
        else if (damage == "leads nowhere")
            test.Block(test.BlockOf(3, 5), b => b.AsSpan(16).Clear());
        else
            test.Block(test.BlockOf(3, 5), b => b[8] = 14);
        using var volume = ExtEditableVolume.Open(test.Device, VolumeOptions.Default);
        var refused = Assert.Throws<DiskFormatException>(() => Create(volume, "new", 10, damage == "is full" ? 9u : 0, 0));
        Assert.Equal("EXT-0700", refused.Code);
        Assert.False(volume.TryFind("/new", out _));
    }

    private delegate void Change(ref ExtQuotaEntry entry);

    private static NodeId Create(ExtEditableVolume volume, string name, long length, uint user, uint group) =>
        volume.CreateFile(volume.RootId, name, new MemoryStream(ConformanceCase.Bytes((int)length)), length, new MetadataChange { UserId = user, GroupId = group });

    private static void AssertSound(ExtEditableVolume volume, ScratchDevice device)
    {
        volume.Commit();
        Assert.Empty(new ExtType().Check(device, CheckOptions.Default).Findings);
        Assert.Null(ExtFixture.Complaint(device));
    }

    private static long QuotaFileLength(ExtEditableVolume volume) => volume.State.Inodes.Read(3).Length;

    private static Dictionary<uint, (long Space, long Inodes)> Usage(ScratchDevice device, ExtQuotaType type)
    {
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        var inode = volume.Inodes.Read(type == ExtQuotaType.User ? 3u : 4u);
        Assert.Null(ExtQuotaFile.Read(type, inode.Length, n => Read(volume, inode, n * ExtQuotaHeader.BlockSize, out _), out var file));
        return file!.Usage;
    }

    // A block of 1 KiB of a file, and where it stands.
    private static byte[] Read(ExtVolume volume, ExtInode inode, long at, out long place)
    {
        var run = ExtBlockMap.Of(inode, volume.Geometry, volume.Blocks, volume.Checksums).Find(at >> volume.Geometry.LogBlockSize);
        place = (run.Physical << volume.Geometry.LogBlockSize) + (at & volume.Geometry.BlockSize - 1);
        var bytes = new byte[ExtQuotaHeader.BlockSize];
        volume.Blocks.Device.Read(place, bytes);
        return bytes;
    }

    private static void EditEntry(ScratchDevice device, uint id, Change change)
    {
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        var inode = volume.Inodes.Read(3);
        for (var at = 2L * ExtQuotaHeader.BlockSize; at < inode.Length; at += ExtQuotaHeader.BlockSize)
        {
            var bytes = Read(volume, inode, at, out var place);
            for (var entry = ExtQuotaBlockHeader.Size; entry + ExtQuotaEntry.Size <= bytes.Length; entry += ExtQuotaEntry.Size)
            {
                ref var found = ref OnDisk.Edit<ExtQuotaEntry>(bytes, entry);
                if (found.Id != id || found.Space == 0)
                    continue;
                change(ref found);
                device.Write(place, bytes);
                device.Flush();
                return;
            }
        }
        Assert.Fail($"there is no entry for {id}");
    }

    // As the kernel does it when two inodes have the same attributes: one block, that both pay for.
    private static void Share(ExtEditState state, ExtInode owner, ExtInode other)
    {
        var number = owner.AttributeBlock;
        var bytes = state.Edit(number, "Attribute block");
        OnDisk.Edit<ExtAttributeHeader>(bytes).ReferenceCount = OnDisk.View<ExtAttributeHeader>(bytes).ReferenceCount + 1;
        if (state.Checksums.IsOn)
            OnDisk.Edit<ExtAttributeHeader>(bytes).Checksum = state.Checksums.OfAttributeBlock(number, bytes);
        other.SetAttributeBlock(number);
        var values = ExtQuotas.ValuesOf(other, state);
        Assert.Equal(1, values);
        other.AddClusters(1 + 5, state.Geometry);
        state.Inodes.Quotas!.CountValue(other, values);
        state.Inodes.Write(other);
    }
}
