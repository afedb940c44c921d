using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

// What only some filesystems have: each case proves it, or the refusal.
public abstract partial class VolumeConformance
{
    [Theory]
    [InlineData("target")]
    [InlineData("../else/where")]
    [InlineData("/absolute/path")]
    [InlineData("dangling and with spaces")]
    [InlineData("a target of more than sixty bytes, so that it does not fit in an inode of ext2, ext3 or ext4")]
    public void A_symbolic_link_keeps_its_target_or_is_refused(string target) => Case(c =>
    {
        if (!c.Has(Features.SymbolicLinks))
        {
            c.Refused<UnsupportedFeatureException>(() => c.Volume.CreateSymbolicLink(c.Volume.RootId, "link", target, MetadataChange.None));
            return;
        }
        var id = c.SymbolicLink("/link", target);
        Assert.Equal(EntryKind.SymbolicLink, c.Volume.GetMetadata(id).Kind);
        Assert.Throws<UnauthorizedAccessException>(() => c.Volume.OpenRead(id, StreamName.Data));
        Assert.False(c.Volume.TryFind("/link/below", out _));
        c.Rename("/link", "/renamed");
        c.SymbolicLink("/second", target);
        c.Delete("/second");
    });

    [Theory]
    [InlineData(EntryKind.CharacterDevice, 1u, 3u)]
    [InlineData(EntryKind.BlockDevice, 8u, 17u)]
    [InlineData(EntryKind.BlockDevice, 259u, 1000u)]
    [InlineData(EntryKind.Fifo, 0u, 0u)]
    [InlineData(EntryKind.Socket, 0u, 0u)]
    public void A_special_file_is_kept_or_refused(EntryKind kind, uint major, uint minor) => Case(c =>
    {
        var device = new DeviceNumber(major, minor);
        if (!c.Has(Features.DeviceNodes))
        {
            c.Refused<UnsupportedFeatureException>(() => c.Volume.CreateSpecial(c.Volume.RootId, "node", kind, device, MetadataChange.None));
            return;
        }
        c.Special("/node", kind, device);
        c.Rename("/node", "/renamed");
    });

    [Fact]
    public void A_hard_link_is_another_name_or_refused() => Case(c =>
    {
        var file = c.File("/file", ConformanceCase.Bytes(3000));
        c.Directory("/sub");
        if (!c.Has(Features.HardLinks))
        {
            c.Refused<UnsupportedFeatureException>(() => c.Volume.CreateHardLink(file, c.Volume.RootId, "link"));
            return;
        }
        c.HardLink("/file", "/sub/second");
        c.HardLink("/file", "/third");
        Assert.Equal(file, c.Id("/sub/second"));
        Assert.Equal(3, c.Volume.GetMetadata(file).LinkCount);
        c.Write("/third", 3000, ConformanceCase.Bytes(2000, 2));
        c.Delete("/file");
        Assert.Equal(2, c.Volume.Find("/third").Metadata.LinkCount);
        c.Reopen();
        c.Delete("/third");
        Assert.Equal(5000, c.Volume.Find("/sub/second").Length);
    });

    [Fact]
    public void A_hard_link_to_a_directory_or_under_a_taken_name_is_refused() => Case(c =>
    {
        if (!c.Has(Features.HardLinks))
            return;
        var file = c.File("/file", [1]);
        var directory = c.Directory("/sub");
        c.Refused<UnauthorizedAccessException>(() => c.Volume.CreateHardLink(directory, c.Volume.RootId, "link"));
        c.Refused<AlreadyExistsException>(() => c.Volume.CreateHardLink(file, c.Volume.RootId, "file"));
        c.Refused<AlreadyExistsException>(() => c.Volume.CreateHardLink(file, c.Volume.RootId, "sub"));
    });

    [Fact]
    public void A_name_renamed_onto_another_of_the_same_node_goes() => Case(c =>
    {
        if (!c.Has(Features.HardLinks))
            return;
        c.File("/file", ConformanceCase.Bytes(3000));
        c.HardLink("/file", "/link");
        c.Rename("/file", "/link", replace: true);
        Assert.Equal(1, c.Volume.Find("/link").Metadata.LinkCount);
    });

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(3000)]
    public void Extended_attributes_are_kept_or_refused(int length) => Case(c =>
    {
        var file = c.File("/file", [1]);
        var name = c.Fixture.SampleAttributeName;
        if (!c.Has(Features.ExtendedAttributes))
        {
            c.Refused<UnsupportedFeatureException>(() => c.Volume.SetExtendedAttribute(file, name, new byte[length]));
            Assert.Empty(c.Volume.GetExtendedAttributes(file));
            return;
        }
        if (length > c.Fixture.MaxAttributeLength)
        {
            c.Refused<UnsupportedFeatureException>(() => c.Volume.SetExtendedAttribute(file, name, new byte[length]));
            length = c.Fixture.MaxAttributeLength / 2;
        }
        SetAttribute(c, name, ConformanceCase.Bytes(length));
        SetAttribute(c, name + "2", ConformanceCase.Bytes(7));
        c.Reopen();
        SetAttribute(c, name, ConformanceCase.Bytes(length / 2, 2));
        c.Reopen();
        SetAttribute(c, name + "2", null);
    });

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(50_000)]
    public void Named_streams_are_kept_or_refused(int length) => Case(c =>
    {
        var file = c.File("/file", ConformanceCase.Bytes(1000));
        var name = StreamName.Named("second");
        Assert.Throws<FileNotFoundException>(() => c.Volume.OpenRead(file, name));
        if (!c.Has(Features.NamedStreams))
        {
            c.Refused<UnsupportedFeatureException>(() => c.Volume.OpenWrite(file, name));
            c.Refused<UnsupportedFeatureException>(() => c.Volume.DeleteStream(file, name));
            return;
        }
        c.WriteStream("/file", name, ConformanceCase.Bytes(length));
        c.WriteStream("/file", StreamName.Named("third, with spaces"), ConformanceCase.Bytes(99));
        c.Reopen();
        c.Volume.DeleteStream(c.Id("/file"), name);
        c.Tree.Find("/file").Streams.Remove(name);
    });

    [Theory]
    [InlineData(10)]
    [InlineData(50_000)]
    public void A_resource_fork_is_kept_or_refused(int length) => Case(c =>
    {
        var file = c.File("/file", ConformanceCase.Bytes(1000));
        if (!c.Has(Features.ResourceForks))
        {
            c.Refused<UnsupportedFeatureException>(() => c.Volume.OpenWrite(file, StreamName.ResourceFork));
            return;
        }
        c.WriteStream("/file", StreamName.ResourceFork, ConformanceCase.Bytes(length));
    });

    [Fact]
    public void Everything_that_a_file_has_goes_with_it() => Case(c =>
    {
        c.Directory("/D");
        c.File("/D/KEEP", [1]);
        c.Commit();
        var free = c.Volume.FreeBytes;
        c.File("/D/F", ConformanceCase.Bytes(5000));
        if (c.Has(Features.NamedStreams))
            c.WriteStream("/D/F", StreamName.Named("second"), ConformanceCase.Bytes(40_000));
        if (c.Has(Features.ResourceForks))
            c.WriteStream("/D/F", StreamName.ResourceFork, ConformanceCase.Bytes(40_000));
        if (c.Has(Features.ExtendedAttributes))
            c.Volume.SetExtendedAttribute(c.Id("/D/F"), c.Fixture.SampleAttributeName, new byte[900]);
        c.Commit();
        c.Delete("/D/F");
        c.Commit();
        AssertFree(c, free);
    });

    private static void SetAttribute(ConformanceCase c, string name, byte[]? value)
    {
        c.Volume.SetExtendedAttribute(c.Id("/file"), name, value);
        if (value is null)
            c.Tree.Find("/file").ExtendedAttributes.Remove(name);
        else
            c.Tree.Find("/file").ExtendedAttributes[name] = value;
    }
}
