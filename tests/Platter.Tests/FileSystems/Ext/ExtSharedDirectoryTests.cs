using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Primitives;
using Platter.Testing.Ext;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>Directories that share a block: a change made through one would lose names of the other, or free its block. So it is refused wherever the block tells whose it is, and
/// nothing is written.</summary>
/// <remarks>With checksums each block tells, by the seed; without them a directory's first block does, by its ".". Blocks behind the first do not: that two directories have the
/// same one shows when both are looked into (the last test), and to the checker.</remarks>
public class ExtSharedDirectoryTests
{
    private static readonly (string Name, Action<EditableVolume> Edit)[] Edits =
    [
        ("create a file", v => v.CreateFile(v.Find("/thief").Id, "new", MetadataChange.None)),
        ("create a file with content", v => v.CreateFile(v.Find("/thief").Id, "new", new MemoryStream(new byte[3000]), 3000, MetadataChange.None)),
        ("create a directory", v => v.CreateDirectory(v.Find("/thief").Id, "new", MetadataChange.None)),
        ("create a link", v => v.CreateSymbolicLink(v.Find("/thief").Id, "new", "target", MetadataChange.None)),
        ("create a pipe", v => v.CreateSpecial(v.Find("/thief").Id, "new", EntryKind.Fifo, default, MetadataChange.None)),
        ("give a second name", v => v.CreateHardLink(v.Find("/small").Id, v.Find("/thief").Id, "new")),
        ("remove", v => v.Delete(v.Find("/thief").Id, "kept")),
        ("remove all", v => v.DeleteRecursively(v.RootId, "thief")),
        ("rename", v => v.Rename(v.Find("/thief").Id, "kept", v.Find("/thief").Id, "other", replace: false)),
        ("move in", v => v.Rename(v.RootId, "small", v.Find("/thief").Id, "small", replace: false)),
        ("move in over another", v => v.Rename(v.RootId, "small", v.Find("/thief").Id, "kept", replace: true)),
        ("move out", v => v.Rename(v.Find("/thief").Id, "kept", v.RootId, "kept", replace: false)),
        ("move it elsewhere", v => v.Rename(v.RootId, "thief", v.Find("/dir").Id, "thief", replace: false)),
    ];

    public static TheoryData<string, string> Cases
    {
        get
        {
            var all = new TheoryData<string, string>();
            foreach (var kind in (string[])["ext2", "plain", "ext4"])
            {
                foreach (var (name, _) in Edits)
                    all.Add(kind, name);
            }
            return all;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void A_directory_whose_first_block_is_anothers_is_not_changed(string kind, string name)
    {
        var test = Made(kind);
        Lead(test, "/thief", 0, test.BlockOf("/owner"));
        AssertRefused(test, Edits.Single(e => e.Name == name).Edit, kind == "ext4" ? "EXT-0202" : "EXT-0205");
    }

    [Theory]
    [InlineData("ext2")]
    [InlineData("plain")]
    [InlineData("ext4")]
    public void An_empty_directory_whose_block_is_anothers_is_not_removed(string kind)
    {
        var test = Made(kind);
        Lead(test, "/thief", 0, test.BlockOf("/dir/below"));
        var code = kind == "ext4" ? "EXT-0202" : "EXT-0205";
        AssertRefused(test, v => v.Delete(v.RootId, "thief"), code);
        AssertRefused(test, v =>
        {
            v.CreateDirectory(v.RootId, "moved", MetadataChange.None);
            v.Rename(v.RootId, "moved", v.RootId, "thief", replace: true);
        }, code, isAlone: false);
    }

    [Theory]
    [InlineData("ext2")]
    [InlineData("plain")]
    public void A_later_block_that_is_the_first_of_another_is_not_changed(string kind)
    {
        // lost+found has a dozen empty blocks.
        var test = Made(kind);
        Lead(test, "/lost+found", 1, test.BlockOf("/owner"));
        AssertRefused(test, v => v.Delete(v.Find("/lost+found").Id, "kept"), "EXT-0204");
        AssertRefused(test, v => v.Rename(v.Find("/lost+found").Id, "kept", v.RootId, "kept", replace: false), "EXT-0204");
        Lead(test, "/lost+found", 1, test.BlockOf("/dir/below"));
        AssertRefused(test, v => v.Delete(v.RootId, "lost+found"), "EXT-0204");
    }

    [Theory]
    [InlineData("ext2")]
    [InlineData("plain")]
    [InlineData("ext4")]
    public void The_directory_that_the_block_belongs_to_can_be_changed(string kind)
    {
        var test = Made(kind);
        Lead(test, "/thief", 0, test.BlockOf("/owner"));
        using (var volume = ExtEditableVolume.Open(test.Device, VolumeOptions.Default))
        {
            volume.CreateFile(volume.Find("/owner").Id, "new", MetadataChange.None);
            volume.Delete(volume.Find("/owner").Id, "kept");
            volume.Commit();
        }
        using var read = test.Open();
        Assert.Equal(["new"], read.Find("/owner").Entries.Select(e => e.Name));
    }

    [Fact]
    public void A_directory_without_blocks_gets_no_names()
    {
        var test = Made("ext2");
        test.Inode("/thief", (ref ExtInodeRecord r) =>
        {
            r.SizeLo = 0;
            r.Block[..4].Clear();
        });
        AssertRefused(test, v => v.CreateFile(v.Find("/thief").Id, "new", MetadataChange.None), "EXT-0205");
    }

    [Fact]
    public void Two_directories_that_share_a_later_block_are_found_when_both_are_looked_into()
    {
        var test = Made("ext2");
        Lead(test, "/lost+found", 1, test.BlockOf("/many", 1));
        AssertRefused(test, v =>
        {
            var name = v.Find("/lost+found").Entries.First().Name;
            v.Delete(v.Find("/many").Id, name);
        }, "EXT-0204");
    }

    [Fact]
    public void Checksums_of_new_inodes_tell_them_apart()
    {
        var test = ExtCase.Ext4();
        using (var volume = ExtEditableVolume.Open(test.Device, VolumeOptions.Default))
        {
            for (var i = 0; i < 200; i++)
                volume.CreateFile(volume.RootId, $"file {i}", MetadataChange.None);
            volume.Commit();
        }
        var seeds = test.Use(v => v.Root.Entries.Where(e => e.Name.StartsWith("file ", StringComparison.Ordinal)).Select(e => v.Inodes.Read((uint)e.Id.Value)).Select(i => v.Checksums.InodeSeed(i.Number, i.Generation)).ToList());
        Assert.Equal(200, seeds.Count);
        Assert.Equal(200, seeds.Distinct().Count());
    }

    private static ExtCase Made(string kind)
    {
        var test = kind switch { "ext2" => ExtCase.Ext2(), "plain" => ExtCase.Plain(), _ => ExtCase.Ext4() };
        using var volume = ExtEditableVolume.Open(test.Device, VolumeOptions.Default);
        var owner = volume.CreateDirectory(volume.RootId, "owner", MetadataChange.None);
        volume.CreateFile(owner, "kept", MetadataChange.None);
        volume.CreateDirectory(volume.RootId, "thief", MetadataChange.None);
        volume.Commit();
        return test;
    }

    // Lets a block of a directory be one that is another's: in the list of blocks, or in the extent that begins there.
    private static void Lead(ExtCase test, string path, int logical, long block) => test.Inode(path, (ref ExtInodeRecord r) =>
    {
        if ((r.Flags.Raw & (uint)ExtInodeFlags.Extents) == 0)
        {
            OnDisk.Edit<U32Le>(r.Block, logical * 4) = (uint)block;
            return;
        }
        ref var header = ref OnDisk.Edit<ExtExtentHeader>(r.Block);
        ref var first = ref OnDisk.Edit<ExtExtent>(r.Block, ExtExtentHeader.Size);
        if (logical > 0)
        {
            header.Entries = 2;
            ref var second = ref OnDisk.Edit<ExtExtent>(r.Block, ExtExtentHeader.Size + ExtExtent.Size);
            second = first;
            first.Length = (ushort)logical;
            second.Block = (uint)logical;
            second.Length = 1;
            second.StartLo = (uint)block;
            return;
        }
        first.StartLo = (uint)block;
    });

    private static void AssertRefused(ExtCase test, Action<EditableVolume> edit, string code, bool isAlone = true)
    {
        var before = Bytes(test);
        using (var volume = ExtEditableVolume.Open(test.Device, VolumeOptions.Default))
        {
            Assert.Equal(code, Assert.Throws<DiskFormatException>(() => edit(volume)).Code);
            if (isAlone)
                volume.Commit();
            else
                volume.Rollback();
        }
        Assert.True(before.AsSpan().SequenceEqual(Bytes(test)), "something was written");
    }

    private static byte[] Bytes(ExtCase test)
    {
        var bytes = new byte[test.Device.Length];
        test.Device.Read(0, bytes);
        return bytes;
    }
}
