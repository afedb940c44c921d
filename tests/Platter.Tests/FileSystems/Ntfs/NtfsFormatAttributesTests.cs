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

    private void Sound()
    {
        Assert.Empty(_fixture.Check()!.Findings);
        Assert.Null(_fixture.Judge());
    }
}
