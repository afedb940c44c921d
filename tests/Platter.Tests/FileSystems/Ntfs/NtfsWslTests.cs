using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>The suite once more, with permissions and owners as WSL keeps them, and links and special files as Interix has them.</summary>
public sealed class NtfsWslConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => new NtfsFixture
    {
        Arguments = "-c 4096",
        ClusterSize = 4096,
        Options = VolumeOptions.Default with { WslMetadata = true, SpecialFiles = SpecialFileForm.Interix, SymbolicLinks = SymbolicLinkForm.Interix },
    };
}

/// <summary>Special files, links, permissions and owners, in the forms that they have on NTFS.</summary>
public class NtfsWslTests
{
    [Theory]
    [InlineData(EntryKind.Fifo, 0x80000024)]
    [InlineData(EntryKind.Socket, 0x80000023)]
    [InlineData(EntryKind.CharacterDevice, 0x80000025)]
    [InlineData(EntryKind.BlockDevice, 0x80000026)]
    public void Special_files_are_those_of_WSL_with_their_tag_and_their_numbers(EntryKind kind, uint tag)
    {
        var fixture = NtfsLayouts.Of(4096);
        var device = new DeviceNumber(8, 70_000);
        using (var made = fixture.Create(fixture.Length))
        {
            made.CreateSpecial(made.RootId, "plain", kind, device, MetadataChange.None);
            made.CreateSpecial(made.RootId, "owned", kind, device, new MetadataChange { Mode = 0x1B6, UserId = 1000, GroupId = 70_000 });
            made.Commit();
        }
        using var volume = NtfsVolume.Open(fixture.Device, VolumeOptions.Default);
        var plain = volume.Find("/plain").Metadata;
        var owned = volume.Find("/owned").Metadata;
        Assert.Equal((kind, tag, 0x1A4, (uint?)0), (plain.Kind, plain.ReparseTag, plain.Mode, plain.UserId));
        Assert.Equal((kind, tag, 0x1B6, (uint?)1000, (uint?)70_000), (owned.Kind, owned.ReparseTag, owned.Mode, owned.UserId, owned.GroupId));
        var hasNumbers = kind is EntryKind.CharacterDevice or EntryKind.BlockDevice;
        Assert.Equal(hasNumbers ? device : null, owned.Device);
        var names = NtfsVolume.ReadExtendedAttributes(volume.OpenFile(volume.Find("/owned").Id)).ConvertAll(ea => ea.Name);
        Assert.Equal(hasNumbers ? ["$LXUID", "$LXGID", "$LXMOD", "$LXDEV"] : ["$LXUID", "$LXGID", "$LXMOD"], names);
        Sound(fixture);
    }

    [Fact]
    public void Special_files_and_links_are_those_of_Interix_when_asked_for_also_where_all_else_is_compressed()
    {
        var fixture = With(VolumeOptions.Default with { SpecialFiles = SpecialFileForm.Interix, SymbolicLinks = SymbolicLinkForm.Interix });
        using (var made = fixture.Create(fixture.Length))
        {
            var packed = made.CreateDirectory(made.RootId, "packed", new MetadataChange { Compressed = true });
            made.CreateSpecial(packed, "pipe", EntryKind.Fifo, default, new MetadataChange { DosAttributes = DosAttributes.Archive });
            made.CreateSpecial(packed, "socket", EntryKind.Socket, default, MetadataChange.None);
            made.CreateSpecial(packed, "disk", EntryKind.BlockDevice, new DeviceNumber(8, 1), MetadataChange.None);
            made.CreateSymbolicLink(packed, "link", @"../with\and:", MetadataChange.None);
            made.Commit();
        }
        using var volume = NtfsVolume.Open(fixture.Device, VolumeOptions.Default);
        Assert.Equal((EntryKind.Fifo, null), (volume.Find("/packed/pipe").Metadata.Kind, volume.Find("/packed/pipe").Metadata.ReparseTag));
        Assert.Equal(EntryKind.Socket, volume.Find("/packed/socket").Metadata.Kind);
        Assert.Equal(new DeviceNumber(8, 1), volume.Find("/packed/disk").Metadata.Device);
        Assert.Equal((EntryKind.SymbolicLink, @"../with\and:"), (volume.Find("/packed/link").Metadata.Kind, volume.Find("/packed/link").Metadata.LinkTarget));
        Sound(fixture);
    }

    [Theory]
    [InlineData(SymbolicLinkForm.Windows, "/dir", 0xA000000C, true)]
    [InlineData(SymbolicLinkForm.Windows, "dir/file", 0xA000000C, false)]
    [InlineData(SymbolicLinkForm.Windows, "a:b", 0xA000001D, false)]
    [InlineData(SymbolicLinkForm.Junction, "/dir", 0xA0000003, true)]
    [InlineData(SymbolicLinkForm.Junction, "dir", 0xA000000C, true)]
    [InlineData(SymbolicLinkForm.Junction, "/dir/file", 0xA000000C, false)]
    [InlineData(SymbolicLinkForm.Wsl, "/dir", 0xA000001D, false)]
    public void Links_have_the_form_that_is_asked_for_where_it_can_hold_them(SymbolicLinkForm form, string target, uint tag, bool isDirectory)
    {
        var fixture = With(VolumeOptions.Default with { SymbolicLinks = form });
        using (var made = fixture.Create(fixture.Length))
        {
            made.CreateFile(made.CreateDirectory(made.RootId, "dir", MetadataChange.None), "file", MetadataChange.None);
            made.CreateSymbolicLink(made.RootId, "link", target, MetadataChange.None);
            made.Commit();
        }
        using var volume = NtfsVolume.Open(fixture.Device, VolumeOptions.Default);
        var link = volume.Find("/link");
        Assert.Equal((EntryKind.SymbolicLink, target, tag), (link.Metadata.Kind, link.Metadata.LinkTarget, link.Metadata.ReparseTag));
        Assert.Equal(isDirectory, volume.OpenFile(link.Id).Base.IsDirectory);
        Sound(fixture);
    }

    [Fact]
    public void A_junction_is_a_directory_that_leads_to_an_absolute_path()
    {
        var fixture = NtfsLayouts.Of(4096);
        using var volume = (NtfsEditableVolume)fixture.Create(fixture.Length);
        volume.CreateJunction(volume.RootId, "here", "/Users/Public", 'c', MetadataChange.None);
        volume.CreateJunction(volume.RootId, "there", "D:/data", 'C', new MetadataChange { DosAttributes = DosAttributes.Hidden });
        Assert.Throws<InvalidNameException>(() => volume.CreateJunction(volume.RootId, "relative", "Users", 'C', MetadataChange.None));
        Assert.Throws<InvalidNameException>(() => volume.CreateJunction(volume.RootId, "no drive", "/Users", '1', MetadataChange.None));
        Assert.Throws<AlreadyExistsException>(() => volume.CreateJunction(volume.RootId, "HERE", "/x", 'C', MetadataChange.None));
        volume.Commit();
        Assert.Equal((EntryKind.SymbolicLink, "/Users/Public"), (volume.Find("/here").Metadata.Kind, volume.Find("/here").Metadata.LinkTarget));
        Assert.Equal(@"\??\C:\Users\Public", Substitute("/here"));
        Assert.Equal(@"\??\D:\data", Substitute("/there"));
        Assert.Equal(DosAttributes.Directory | DosAttributes.ReparsePoint | DosAttributes.Hidden, volume.Find("/there").Metadata.DosAttributes);
        Sound(fixture);
        volume.Delete(volume.RootId, "here");
        volume.Commit();
        Sound(fixture);

        string Substitute(string path)
        {
            var value = volume.GetFormatAttributes(volume.Find(path).Id)["user.ntfs.reparse"];
            ref readonly var names = ref OnDisk.View<NtfsMountPoint>(value, NtfsReparseHeader.Size);
            return NtfsCollation.Units(value.AsSpan(NtfsReparseHeader.Size + NtfsMountPoint.Size + names.SubstituteOffset, names.SubstituteLength)).ToString();
        }
    }

    [Fact]
    public void Permissions_are_kept_when_those_of_WSL_are_asked_for_else_refused_by_the_name_of_the_option()
    {
        var fixture = With(VolumeOptions.Default with { WslMetadata = true });
        using (var kept = fixture.Create(fixture.Length))
        {
            var file = kept.CreateFile(kept.RootId, "file", new MemoryStream([1, 2, 3]), 3, new MetadataChange { Mode = 0x1ED, UserId = 7 });
            kept.SetExtendedAttribute(file, "user.colour", "red"u8.ToArray());
            kept.SetMetadata(file, new MetadataChange { GroupId = 8 });
            kept.SetMetadata(kept.RootId, new MetadataChange { Mode = 0x1FF });
            kept.CreateSymbolicLink(kept.RootId, "link", "file", new MetadataChange { Mode = 0x1FF, UserId = 7 });
            kept.Commit();
        }
        Sound(fixture);
        using var volume = new NtfsType().OpenForEditing(fixture.Device, VolumeOptions.Default);
        var found = volume.Find("/file").Metadata;
        Assert.Equal((0x1ED, (uint?)7, (uint?)8, 3L), (found.Mode, found.UserId, found.GroupId, found.Length));
        Assert.Equal(0x1FF, volume.Root.Metadata.Mode);
        Assert.Equal((EntryKind.SymbolicLink, (uint?)7), (volume.Find("/link").Metadata.Kind, volume.Find("/link").Metadata.UserId));
        Assert.Equal(["user.colour"], volume.GetExtendedAttributes(volume.Find("/file").Id).Keys);
        var refused = Assert.Throws<UnsupportedFeatureException>(() => volume.SetMetadata(volume.RootId, new MetadataChange { Mode = 0 }));
        Assert.Contains("--wsl-metadata", refused.Message, StringComparison.Ordinal);
    }

    private static NtfsFixture With(VolumeOptions options) => new() { Arguments = "-c 4096", ClusterSize = 4096, Options = options };

    private static void Sound(NtfsFixture fixture)
    {
        Assert.Empty(fixture.Check()!.Findings);
        Assert.Null(fixture.Judge());
    }
}
