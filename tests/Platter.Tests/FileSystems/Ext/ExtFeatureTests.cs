using System.Text;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Primitives;
using Platter.Testing;
using Platter.Testing.Ext;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>Features that change how a volume is read, or whether: gates, copies, hashes, case, encryption, journals.</summary>
public class ExtFeatureTests
{
    [Fact]
    public void An_unknown_feature_is_refused_by_name_and_bit()
    {
        Refused("ext4 INCOMPAT_UNKNOWN, bit 0x20000000", 0x20000000);
        Refused("ext4 INCOMPAT_DIRDATA, bit 0x1000", 0x1000);
        Refused("INCOMPAT_UNKNOWN, bit 0x200000; INCOMPAT_UNKNOWN, bit 0x400000", 0x600000);
        Refused("INCOMPAT_JOURNAL_DEV, bit 0x8", 8);

        static void Refused(string text, uint bits) =>
            Assert.Contains(text, Assert.Throws<UnsupportedFeatureException>(() => ExtCase.Ext4().Super((ref ExtSuperblock s) => s.Incompat.Raw |= bits).Open()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_read_only_feature_is_read_and_said_to_be_not_checked()
    {
        var test = ExtCase.Ext4().Super((ref ExtSuperblock s) => s.RoCompat.Raw |= 0x10000000);
        using var volume = test.Open();
        Assert.NotEmpty(volume.Root.Entries);
        Assert.Contains("ro_compat_0x10000000", volume.Info.Details.Single(d => d.Key == "features").Value, StringComparison.Ordinal);
        Assert.Contains(test.Check().Findings, f => f.Code == "EXT-0018");
    }

    [Fact]
    public void Types_are_told_apart_by_their_features()
    {
        Assert.Equal("ext2", ExtCase.Ext2().Geometry.TypeName);
        Assert.Equal("ext4", ExtCase.Ext4().Geometry.TypeName);
        Assert.Equal("ext3", ExtGeometry.Read(Mke2fs.Device("-t ext3 -b 1024", 8 << 20)).TypeName);
        Assert.Equal(["ext2", "ext3", "ext4"], new ExtType().Names);
        Assert.Same(FileSystemTypes.Find("ext3"), FileSystemTypes.Recognise(ExtCase.Ext4().Device));
    }

    [Theory]
    [InlineData("-t ext4 -b 1024", 8193L * 1024)]
    [InlineData("-t ext4 -b 2048 -g 16384", 16384L * 2048)]
    [InlineData("-t ext2 -b 1024 -O ^sparse_super,^resize_inode", 8193L * 1024)]
    public void A_volume_without_its_primary_superblock_is_read_by_a_copy(string arguments, long copy)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Directory.CreateDirectory(folder.File("tree"));
        File.WriteAllText(folder.File("tree/name"), "content");
        Mke2fs.Make(path, 40 << 20, arguments, folder.File("tree"));
        var device = ScratchDevice.Load(path);
        device.Write(1024, new byte[1024]);
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        Assert.Equal(copy, volume.Geometry.SuperOffset);
        Assert.Equal(7, volume.Find("/name").Length);
        Assert.False(volume.Info.IsClean);
        Assert.Contains(volume.Info.Details, d => d.Key == "superblock" && d.Value.Contains(copy.ToString(), StringComparison.Ordinal));
        Assert.Contains(new ExtType().Check(device, CheckOptions.Default).Findings, f => f.Code == "EXT-0001" && f.Message.Contains("copy", StringComparison.Ordinal));
    }

    [Fact]
    public void A_broken_group_descriptor_gives_way_to_its_copy()
    {
        var test = ExtCase.Resizable();
        var expected = List(test);
        test.Descriptor(0, (ref ExtGroupDescriptor d) => d.InodeTableLo = 999_999).Descriptor(1, (ref ExtGroupDescriptor d) => d.BlockBitmapLo = 0);
        Assert.Equal(expected, List(test));
    }

    [Theory]
    [InlineData("half_md4")]
    [InlineData("tea")]
    [InlineData("legacy")]
    public void Hashes_are_those_of_debugfs(string version)
    {
        string[] names = ["a", "ab", "abcd", "name-of-31-characters-is-too-long", "Grüße und ein Name von mehr als zweiunddreißig Zeichen", new string('x', 255), "名前", "0123456789abcdef", "0123456789abcdef0123456789abcdef"];
        const string seed = "6f3a1e02-1111-4222-8333-944455556666";
        foreach (var name in names)
        {
            var words = default(ExtHashSeed);
            Convert.FromHexString(seed.Replace("-", "", StringComparison.Ordinal)).CopyTo(System.Runtime.InteropServices.MemoryMarshal.AsBytes((Span<U32Le>)words));
            var (hash, minor) = ExtNameHash.Compute(Encoding.UTF8.GetBytes(name), version switch { "tea" => ExtHashVersion.Tea, "legacy" => ExtHashVersion.Legacy, _ => ExtHashVersion.HalfMd4 }, words);
            var expected = Tool.Expect("debugfs", "-R", $"dx_hash -h {version} -s {seed} \"{name}\"");
            Assert.Contains($"is 0x{hash:x} (minor 0x{minor:x})", expected, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("half_md4", 1)]
    [InlineData("half_md4", 2)]
    [InlineData("tea", 2)]
    [InlineData("legacy", 2)]
    public void Names_beyond_ASCII_are_found_through_hash_trees_of_signed_and_unsigned_bytes(string version, int flags)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Mke2fs.Make(path, 16 << 20, "-t ext4 -b 1024 -N 2048");
        Mke2fs.Debugfs(path, "mkdir many\ncd many\n" + string.Concat(Enumerable.Range(0, 600).Select(i => $"mknod Grüße-an-名前-{i} p\n")) + $"cd /\nssv flags {flags}\n");
        Tool.Expect("tune2fs", "-E", "hash_alg=" + version, path);
        Mke2fs.Index(path);
        Assert.Null(Mke2fs.Complaint(path));
        var device = ScratchDevice.Load(path);
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        Assert.NotEqual(ExtInodeFlags.None, volume.Inodes.Read((uint)volume.Find("/many").Id.Value).Flags & ExtInodeFlags.Index);
        for (var i = 0; i < 600; i++)
            Assert.True(volume.TryFind($"/many/Grüße-an-名前-{i}", out _), $"{i}");
        Assert.True(new ExtType().Check(device, CheckOptions.Default).IsClean);
    }

    [Fact]
    public void A_broken_hash_tree_is_passed_over_and_the_name_still_found()
    {
        using var volume = ExtCase.Ext4().DirectoryBlock("/many", 0, b => b[0x1C] = 5).Open();
        Assert.True(volume.TryFind("/many/name-of-a-pipe-150", out _));
    }

    [Fact]
    public void Directories_without_case_are_searched_so()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Mke2fs.Make(path, 8 << 20, "-t ext4 -b 1024 -O casefold -E encoding=utf8");
        Mke2fs.Debugfs(path, "mkdir folded\nmkdir exact\nsif folded flags 0x40080000\ncd folded\nmknod Straße p\nmknod ΣΊΣΥΦΟΣ p\nmknod Plain.TXT p\nmknod Åse p\ncd /exact\nmknod Plain.TXT p\n");
        var device = ScratchDevice.Load(path);
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        foreach (var name in (string[])["straße", "STRASSE", "Strasse", "σίσυφος", "plain.txt", "PLAIN.TXT", "åse", "ÅSE"])
            Assert.True(volume.TryFind("/folded/" + name, out _), name);
        Assert.False(volume.TryFind("/folded/plain.tx", out _));
        Assert.False(volume.TryFind("/exact/plain.txt", out _));
        Assert.Equal("Straße", volume.Find("/folded").Entries.First().Name);
    }

    [Fact]
    public void Encrypted_content_is_refused_by_name_and_its_names_are_shown_encoded()
    {
        var test = ExtCase.Plain();
        var name = new byte[] { (byte)'/', 0, 0xFF, 3, 4, 5 };
        test.Super((ref ExtSuperblock s) => s.Incompat.Raw |= (uint)ExtIncompat.Encrypt)
            .Inode("/dir", (ref ExtInodeRecord r) => r.Flags.Raw |= (uint)ExtInodeFlags.Encrypt)
            .Inode("/small", (ref ExtInodeRecord r) => r.Flags.Raw |= (uint)ExtInodeFlags.Encrypt)
            .DirectoryBlock("/dir", 0, b => name.CopyTo(b, 32));
        using var volume = test.Open();
        Assert.Contains("INCOMPAT_ENCRYPT, bit 0x10000", Assert.Throws<UnsupportedFeatureException>(() => volume.Find("/small").OpenRead()).Message, StringComparison.Ordinal);
        var shown = volume.Find("/dir").Entries.First().Name;
        Assert.Matches("^[A-Za-z0-9_-]+$", shown);
        Assert.True(volume.TryFind("/dir/" + shown, out _));
    }

    [Fact]
    public void An_ACL_is_shown_as_Linux_programs_see_it()
    {
        // user::rw-, user:1000:r--, group::r--, mask::r--, other::---
        byte[] stored = [1, 0, 0, 0, 1, 0, 6, 0, 2, 0, 4, 0, 0xE8, 3, 0, 0, 4, 0, 4, 0, 0x10, 0, 4, 0, 0x20, 0, 0, 0];
        byte[] shown = [2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0xE8, 3, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255, 0x10, 0, 4, 0, 255, 255, 255, 255, 0x20, 0, 0, 0, 255, 255, 255, 255];
        Assert.Equal(shown, ExtAttributes.DecodeAcl(stored));
        Assert.Equal(stored[..5], ExtAttributes.DecodeAcl(stored[..5]));
        Assert.Equal([7, 7], ExtAttributes.DecodeAcl([7, 7]));
    }

    [Fact]
    public void Attributes_in_inodes_of_their_own_are_read()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Mke2fs.Make(path, 8 << 20, "-t ext4 -b 1024 -O ea_inode");
        var value = Enumerable.Range(0, 30_000).Select(i => (byte)(i * 3)).ToArray();
        File.WriteAllBytes(folder.File("value"), value);
        Mke2fs.Debugfs(path, $"mknod pipe p\nea_set -f {folder.File("value")} pipe user.long\n");
        using var volume = ExtVolume.Open(ScratchDevice.Load(path), VolumeOptions.Default);
        // debugfs takes no more than a block; with the list around it that has no room in one.
        Assert.Equal(value[..1024], volume.GetExtendedAttributes(volume.Find("/pipe").Id)["user.long"]);
        Assert.Contains(Enumerable.Range(11, 20), n => (volume.Inodes.ReadUnchecked((uint)n).Flags & ExtInodeFlags.EaInode) != 0);
    }

    [Fact]
    public void A_journal_on_another_device_is_refused_when_it_is_needed_and_only_then()
    {
        var test = ExtCase.Plain().Super((ref ExtSuperblock s) => s.JournalInode = 0);
        using (var volume = test.Open())
            Assert.True(volume.TryFind("/small", out _));
        test.Super((ref ExtSuperblock s) => s.Incompat.Raw |= (uint)ExtIncompat.Recover);
        Assert.Contains("on another device", Assert.Throws<UnsupportedFeatureException>(() => test.Open()).Message, StringComparison.Ordinal);
        using var unreplayed = test.Open(new VolumeOptions { DiscardJournal = true });
        Assert.True(unreplayed.TryFind("/small", out _));
        Assert.False(unreplayed.Info.IsClean);
    }

    [Fact]
    public void Fast_commits_that_wait_are_replayed_and_old_ones_are_not()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Mke2fs.Make(path, 16 << 20, "-t ext4 -b 1024 -O fast_commit,^metadata_csum -J size=4");
        File.WriteAllBytes(folder.File("content"), new byte[3000]);
        Mke2fs.Debugfs(path, $"write {folder.File("content")} file\njo\njw -b 9000-9002 {folder.File("content")}\njc\n");
        var device = ScratchDevice.Load(path);
        var geometry = ExtGeometry.Read(device);
        var file = ExtJournalFile.Open(geometry, new ExtBlocks(device, geometry));
        var super = new byte[1024];
        device.Read(file.Offset, super);
        OnDisk.Edit<JbdSuperblock>(super).Incompat.Raw |= (uint)JbdIncompat.FastCommit;
        OnDisk.Edit<JbdSuperblock>(super).Header.Type = (uint)JbdBlockType.SuperblockV2;
        device.Write(file.Offset, super);
        var journal = ExtJournalFile.Open(geometry, new ExtBlocks(device, geometry));
        var next = journal.Journal.Sequence + journal.Read().Transactions;

        WriteFastCommit(next - 1);
        using (var volume = ExtVolume.Open(device, VolumeOptions.Default))
            Assert.NotEmpty(volume.Root.Entries);
        WriteFastCommit(next, isWhole: false);
        Assert.Contains(new ExtType().Check(device, CheckOptions.Default).Findings, f => f is { Code: "EXT-0513", Severity: Severity.Note });
        WriteFastCommit(next, isWhole: true, Record(4, 2, 12, "second"), Record(5, 2, 12, "file"));
        using (var volume = ExtVolume.Open(device, VolumeOptions.Default))
        {
            Assert.Equal(["lost+found", "second"], volume.Root.Entries.Select(e => e.Name).Order(StringComparer.Ordinal));
            Assert.Equal(1, volume.Find("/second").Metadata.LinkCount);
        }
        Assert.EndsWith("; 1 fast commits", ExtJournalState.Open(device, ExtGeometry.Read(device), VolumeOptions.Default).Text, StringComparison.Ordinal);
        Assert.DoesNotContain(new ExtType().Check(device, CheckOptions.Default).Findings, f => f.Severity > Severity.Note);

        // What does not fit the volume ends the replay, and the opening.
        var sound = device.Copy();
        foreach (var record in (byte[][])[Record(4, 2, 99999, "far"), Record(4, 12, 12, "below a file"), Record(4, 2, 13, "not in use"), Record(4, 2, 12, "lost+found"), [1, 0, 3, 0, 1, 2, 3], [6, 0, 8, 0, 12, 0, 0, 0, 0, 0, 0, 0]])
        {
            WriteFastCommit(next, isWhole: true, record);
            Assert.Equal("EXT-0514", Assert.Throws<DiskFormatException>(() => ExtVolume.Open(device, VolumeOptions.Default)).Code);
            Assert.Contains(new ExtType().Check(device, CheckOptions.Default).Findings, f => f is { Code: "EXT-0514", Severity: Severity.Error });
        }

        // Opened for editing, the outcome is on the medium, and the fast commit is old.
        using (var volume = ExtEditableVolume.Open(sound, VolumeOptions.Default))
        {
            volume.CreateDirectory(volume.RootId, "new", MetadataChange.None);
            volume.Commit();
        }
        Assert.Null(ExtFixture.Complaint(sound));
        using (var volume = ExtVolume.Open(sound, VolumeOptions.Default))
            Assert.Equal(["lost+found", "new", "second"], volume.Root.Entries.Select(e => e.Name).Order(StringComparer.Ordinal));

        static byte[] Record(ushort tag, uint parent, uint inode, string name) =>
            [.. BitConverter.GetBytes(tag), .. BitConverter.GetBytes((ushort)(8 + name.Length)), .. BitConverter.GetBytes(parent), .. BitConverter.GetBytes(inode), .. System.Text.Encoding.ASCII.GetBytes(name)];

        void WriteFastCommit(uint sequence, bool isWhole = true, params byte[][] records)
        {
            // Head (features, transaction), records, tail (transaction, checksum).
            byte[] block = [9, 0, 8, 0, 0, 0, 0, 0, .. BitConverter.GetBytes(sequence), .. records.SelectMany(r => r), 8, 0, 8, 0, .. BitConverter.GetBytes(sequence)];
            var crc = Crc32C.AppendRaw(0, block);
            device.Write(journal.Physical(journal.Journal.FirstFast) * 1024, [.. block, .. BitConverter.GetBytes(isWhole ? crc : ~crc)]);
        }
    }

    private static List<string> List(ExtCase test)
    {
        using var volume = test.Open();
        return [.. ExtListing.Read(volume, []).Select(l => $"{l.Key} {l.Value}").Order(StringComparer.Ordinal)];
    }
}
