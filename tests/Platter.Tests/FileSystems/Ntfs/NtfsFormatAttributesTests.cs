using System.Text;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>What NTFS keeps elsewhere, set by the names of extended attributes; and descriptors of what is made.</summary>
public class NtfsFormatAttributesTests
{
    private readonly NtfsFixture _fixture = NtfsLayouts.Of(4096);

    [Fact]
    public void Descriptors_are_set_raw_or_as_text_shared_and_inherited()
    {
        using (var volume = _fixture.Create(_fixture.Length))
        {
            const string text = "O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICIIO;GA;;;CO)(A;OICI;0x1200a9;;;BU)";
            var above = volume.CreateDirectory(volume.RootId, "above", MetadataChange.None);
            volume.SetExtendedAttribute(above, "system.ntfs_security", Encoding.UTF8.GetBytes(text));
            for (var i = 0; i < 300; i++)
            {
                volume.CreateFile(above, $"file {i}", MetadataChange.None);
                volume.CreateDirectory(above, $"directory {i}", MetadataChange.None);
            }
            var other = volume.CreateFile(volume.RootId, "other", MetadataChange.None);
            volume.SetExtendedAttribute(other, "system.ntfs_security", Sddl.Parse(text));
            Assert.Throws<ArgumentException>(() => volume.SetExtendedAttribute(other, "system.ntfs_security", "nonsense"u8.ToArray()));
            Assert.Throws<UnsupportedFeatureException>(() => volume.SetExtendedAttribute(other, "system.ntfs_security", null));
            volume.Commit();
        }
        using var read = _fixture.Reopen();
        Assert.Equal("O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICIIO;GA;;;CO)(A;OICI;0x1200a9;;;BU)", Text("/above"));
        Assert.Equal(Text("/above"), Text("/other"));
        Assert.Equal("O:BAG:SYD:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)", Text("/above/file 299"));
        Assert.Equal("O:BAG:SYD:AI(A;OICIID;FA;;;SY)(A;ID;FA;;;BA)(A;OICIIOID;GA;;;CO)(A;OICIID;0x1200a9;;;BU)", Text("/above/directory 7"));
        // Six hundred files, four descriptors at most beside those of mkntfs.
        using var volume2 = NtfsVolume.Open(_fixture.Device, VolumeOptions.Default);
        Assert.InRange(volume2.OpenIndex(volume2.OpenSystemFile(NtfsMft.SecureRecord), NtfsSecure.IdIndexName)!.Entries().Count(), 4, 8);
        Sound();

        string? Text(string path) => Sddl.Format(read.GetMetadata(read.Find(path).Id).SecurityDescriptor!);
    }

    [Fact]
    public void Short_names_are_made_as_Windows_makes_them_and_found()
    {
        using var volume = _fixture.Create(_fixture.Length);
        string[] names = ["a long name.text", "a long name 2.text", "a long name 3.text", "a long name 4.text", "a long name 5.text", "short.txt", "日本.txt"];
        foreach (var name in names)
            volume.SetExtendedAttribute(volume.CreateFile(volume.RootId, name, MetadataChange.None), "user.ntfs.short_name", "*"u8.ToArray());
        volume.Commit();
        string[] expected = ["ALONGN~1.TEX", "ALONGN~2.TEX", "ALONGN~3.TEX", "ALONGN~4.TEX", $"AL{NtfsShortNames.Hash(names[4]):X4}~1.TEX", "short.txt", $"{NtfsShortNames.Hash(names[6]):X4}~1.TXT"];
        for (var i = 0; i < names.Length; i++)
        {
            Assert.True(volume.TryLookup(volume.RootId, expected[i], out var id));
            Assert.Equal(volume.Find("/" + names[i]).Id, id);
            volume.SetExtendedAttribute(id, "user.ntfs.short_name", "*"u8.ToArray());
        }
        Assert.Equal(names.Length, volume.Enumerate(volume.RootId).Count());
        volume.SetExtendedAttribute(volume.Find("/" + names[0]).Id, "user.ntfs.short_name", null);
        Assert.False(volume.TryLookup(volume.RootId, expected[0], out _));
        volume.Commit();
        Sound();
        volume.Delete(volume.RootId, names[1]);
        volume.Commit();
        Assert.False(volume.TryLookup(volume.RootId, expected[1], out _));
        Sound();
    }

    [Fact]
    public void Reparse_points_and_object_ids_come_and_go_with_their_keys()
    {
        using var volume = _fixture.Create(_fixture.Length);
        var junction = volume.CreateDirectory(volume.RootId, "junction", MetadataChange.None);
        volume.SetExtendedAttribute(junction, "user.ntfs.reparse", NtfsNewReparsePoint.Junction("/target"));
        var pipe = volume.CreateFile(volume.RootId, "pipe", MetadataChange.None);
        volume.SetExtendedAttribute(pipe, "user.ntfs.reparse", NtfsNewReparsePoint.LxSpecial(EntryKind.Fifo));
        var file = volume.CreateFile(volume.RootId, "file", MetadataChange.None);
        var id = Guid.Parse("01234567-89ab-cdef-0123-456789abcdef").ToByteArray();
        volume.SetExtendedAttribute(file, "user.ntfs.object_id", id);
        volume.SetExtendedAttribute(file, "user.ntfs.attributes", [0, 0, 0, 2]);
        Assert.Throws<AlreadyExistsException>(() => volume.SetExtendedAttribute(pipe, "user.ntfs.object_id", id));
        Assert.Throws<ArgumentException>(() => volume.SetExtendedAttribute(pipe, "user.ntfs.object_id", [1]));
        Assert.Throws<ArgumentException>(() => volume.SetExtendedAttribute(pipe, "user.ntfs.reparse", [1, 2, 3]));
        Assert.Throws<ArgumentException>(() => volume.SetExtendedAttribute(pipe, "user.ntfs.attributes", [1]));
        var full = volume.CreateDirectory(volume.RootId, "full", MetadataChange.None);
        volume.CreateFile(full, "inside", MetadataChange.None);
        Assert.Throws<DirectoryNotEmptyException>(() => volume.SetExtendedAttribute(full, "user.ntfs.reparse", NtfsNewReparsePoint.Junction("/x")));
        volume.Commit();
        Assert.Equal((EntryKind.SymbolicLink, "/target"), (volume.GetMetadata(junction).Kind, volume.GetMetadata(junction).LinkTarget));
        Assert.Equal(EntryKind.Fifo, volume.GetMetadata(pipe).Kind);
        Assert.Equal(id, volume.GetFormatAttributes(file)["user.ntfs.object_id"]);
        Assert.Equal(DosAttributes.Hidden, volume.GetMetadata(file).DosAttributes & (DosAttributes.Hidden | DosAttributes.Archive));
        Sound();

        volume.SetExtendedAttribute(junction, "user.ntfs.reparse", null);
        volume.SetExtendedAttribute(pipe, "user.ntfs.reparse", NtfsNewReparsePoint.LxSpecial(EntryKind.Socket));
        volume.SetExtendedAttribute(file, "user.ntfs.object_id", null);
        volume.SetExtendedAttribute(pipe, "user.ntfs.object_id", id);
        volume.Commit();
        Assert.Equal((EntryKind.Directory, EntryKind.Socket), (volume.GetMetadata(junction).Kind, volume.GetMetadata(pipe).Kind));
        Sound();
        volume.Delete(volume.RootId, "pipe");
        volume.Commit();
        volume.SetExtendedAttribute(file, "user.ntfs.object_id", id);
        volume.Commit();
        Sound();
    }

    [Fact]
    public void A_directory_tells_names_by_their_case_from_when_it_is_asked_to_until_it_is_not()
    {
        using var volume = _fixture.Create(_fixture.Length);
        var directory = volume.CreateDirectory(volume.RootId, "Linux", MetadataChange.None);
        volume.CreateFile(directory, "makefile", MetadataChange.None);
        Assert.Throws<AlreadyExistsException>(() => volume.CreateFile(directory, "Makefile", MetadataChange.None));
        volume.SetExtendedAttribute(directory, "user.ntfs.case_sensitive", "1"u8.ToArray());
        var second = volume.CreateFile(directory, "Makefile", MetadataChange.None);
        var below = volume.CreateDirectory(directory, "below", MetadataChange.None);
        volume.CreateFile(below, "ß", MetadataChange.None);
        volume.CreateFile(below, "a", MetadataChange.None);
        volume.CreateFile(below, "A", MetadataChange.None);
        volume.Commit();
        Assert.Equal("1"u8.ToArray(), volume.GetFormatAttributes(below)["user.ntfs.case_sensitive"]);
        Assert.Equal(second, volume.Find("/linux/Makefile").Id);
        Assert.False(volume.TryFind("/linux/MAKEFILE", out _));
        Sound();
        Assert.Throws<AlreadyExistsException>(() => volume.SetExtendedAttribute(directory, "user.ntfs.case_sensitive", "0"u8.ToArray()));
        Assert.Throws<ArgumentException>(() => volume.SetExtendedAttribute(directory, "user.ntfs.case_sensitive", "yes"u8.ToArray()));
        Assert.Throws<UnsupportedFeatureException>(() => volume.SetExtendedAttribute(second, "user.ntfs.case_sensitive", "1"u8.ToArray()));
        volume.Rename(directory, "Makefile", directory, "GNUmakefile", replace: false);
        volume.SetExtendedAttribute(directory, "user.ntfs.case_sensitive", null);
        volume.Commit();
        Assert.True(volume.TryFind("/linux/MAKEFILE", out _));
        Assert.False(volume.GetFormatAttributes(directory).ContainsKey("user.ntfs.case_sensitive"));
        Sound();
    }

    [Fact]
    public void The_names_of_other_drivers_mean_the_same()
    {
        using var volume = _fixture.Create(_fixture.Length);
        var file = volume.CreateFile(volume.RootId, "a long name.text", MetadataChange.None);
        var descriptor = Sddl.Parse("O:BAG:SYD:PAI(A;;FA;;;SY)");
        volume.SetExtendedAttribute(file, "system.ntfs_acl", descriptor);
        volume.SetExtendedAttribute(file, "system.ntfs_attrib", [2, 0, 0, 0]);
        volume.SetExtendedAttribute(file, "system.ntfs_dos_name", "SHORT.TXT"u8.ToArray());
        volume.SetExtendedAttribute(file, "system.ntfs_object_id", new byte[15].Append((byte)9).ToArray());
        volume.SetExtendedAttribute(file, "system.ntfs_reparse_data", NtfsNewReparsePoint.LxSymbolicLink("x"));
        volume.Commit();
        var own = volume.GetFormatAttributes(file);
        Assert.Equal(["user.ntfs.attributes", "system.ntfs_security", "user.ntfs.object_id", "user.ntfs.reparse", "user.ntfs.short_name"], own.Keys);
        Assert.Equal(own["system.ntfs_security"], volume.FindFormatAttribute(file, "system.ntfs_acl"));
        Assert.Equal([0, 0, 4, 2], volume.FindFormatAttribute(file, "system.ntfs_attrib_be"));
        Assert.Equal([2, 4, 0, 0], volume.FindFormatAttribute(file, "system.ntfs_attrib"));
        Assert.Equal("SHORT.TXT"u8.ToArray(), volume.FindFormatAttribute(file, "system.ntfs_dos_name"));
        Assert.Equal(own["user.ntfs.reparse"], volume.FindFormatAttribute(file, "system.ntfs_reparse_data"));
        Assert.Null(volume.FindFormatAttribute(file, "system.nonsense"));
        Sound();
    }

    private void Sound()
    {
        Assert.Empty(_fixture.Check()!.Findings);
        Assert.Null(_fixture.Judge());
    }
}
