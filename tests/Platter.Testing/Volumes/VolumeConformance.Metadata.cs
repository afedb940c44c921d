using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

// Times, attributes, owners, labels.
public abstract partial class VolumeConformance
{
    public static TheoryData<long, int> Times => new()
    {
        { 0, 0 }, { 315_532_800, 0 }, { 315_532_801, 500_000_000 }, { 951_782_400, 1 }, { 1_000_000_001, 999_999_999 }, { 1_709_210_096, 10_000_000 },
        { 2_147_483_647, 0 }, { 2_147_483_648, 123_456_789 }, { 4_294_967_295, 0 }, { 4_354_819_198, 0 }, { 4_354_819_200, 0 },
        { -1, 999_999_999 }, { -315_619_200, 0 }, { -2_082_844_800, 0 }, { -11_644_473_600, 0 }, { -62_135_596_800, 0 }, { 253_402_300_799, 999_999_999 },
    };

    [Theory]
    [MemberData(nameof(Times))]
    public void Times_are_stored_as_the_capabilities_say(long seconds, int nanoseconds) => Case(c =>
    {
        var time = new Timestamp(seconds, nanoseconds);
        c.File("/modified", ConformanceCase.Bytes(10));
        c.Set("/modified", new MetadataChange { Modified = time });
        if (c.Capabilities.Created is not null)
            c.File("/created", [1], new MetadataChange { Created = time });
        c.Directory("/sub");
        if (c.Capabilities.Accessed is not null)
            c.Set("/sub", new MetadataChange { Accessed = time });
        c.Directory("/directory", new MetadataChange { Modified = time });
    });

    [Fact]
    public void Each_time_is_set_alone() => Case(c =>
    {
        c.File("/file", [1]);
        c.Set("/file", new MetadataChange { Modified = new Timestamp(1_100_000_000) });
        if (c.Capabilities.Created is not null)
            c.Set("/file", new MetadataChange { Created = new Timestamp(1_200_000_000) });
        if (c.Capabilities.Accessed is not null)
            c.Set("/file", new MetadataChange { Accessed = new Timestamp(1_300_000_000) });
    });

    [Fact]
    public void A_time_that_the_filesystem_lacks_is_refused() => Case(c =>
    {
        var file = c.File("/file", [1]);
        var time = new Timestamp(1_100_000_000);
        if (c.Capabilities.Created is null)
            c.Refused<UnsupportedFeatureException>(() => c.Volume.SetMetadata(file, new MetadataChange { Created = time }));
        if (c.Capabilities.Modified is null)
            c.Refused<UnsupportedFeatureException>(() => c.Volume.SetMetadata(file, new MetadataChange { Modified = time }));
        if (c.Capabilities.Accessed is null)
            c.Refused<UnsupportedFeatureException>(() => c.Volume.SetMetadata(file, new MetadataChange { Accessed = time }));
    });

    [Fact]
    public void Writing_moves_the_modification_time() => Case(c =>
    {
        c.File("/written", [1], new MetadataChange { Modified = new Timestamp(1_000_000_000) });
        c.File("/cut", [1, 2], new MetadataChange { Modified = new Timestamp(1_000_000_000) });
        c.File("/read", [1, 2], new MetadataChange { Modified = new Timestamp(1_000_000_000) });
        c.Reopen();
        c.Fixture.Clock.Advance(TimeSpan.FromDays(2));
        c.Write("/written", 0, [2]);
        c.SetLength("/cut", 1);
        using (c.Volume.OpenWrite(c.Id("/read"), StreamName.Data))
        {
            // Opening alone changes nothing.
        }
    });

    [Theory]
    [InlineData(DosAttributes.None)]
    [InlineData(DosAttributes.ReadOnly)]
    [InlineData(DosAttributes.Hidden)]
    [InlineData(DosAttributes.System)]
    [InlineData(DosAttributes.Archive)]
    [InlineData(DosAttributes.ReadOnly | DosAttributes.Hidden | DosAttributes.System | DosAttributes.Archive)]
    public void Attributes_are_kept_or_refused(DosAttributes attributes) => Case(c =>
    {
        var file = c.File("/file", ConformanceCase.Bytes(700));
        var change = new MetadataChange { DosAttributes = attributes };
        if (!c.Has(Features.DosAttributes) || (attributes & ~c.Capabilities.SettableAttributes) != 0)
        {
            c.Refused<UnsupportedFeatureException>(() => c.Volume.SetMetadata(file, change));
            return;
        }
        c.Set("/file", change);
        c.File("/made with them", ConformanceCase.Bytes(700), change);
        c.Directory("/directory", change);
        c.File("/directory/below", [1]);
    });

    [Fact]
    public void Attributes_say_what_is_a_directory_whatever_was_asked_for() => Case(c =>
    {
        if (!c.Has(Features.DosAttributes))
            return;
        c.File("/file", [1]);
        c.Set("/file", new MetadataChange { DosAttributes = DosAttributes.Directory | DosAttributes.VolumeLabel | DosAttributes.Hidden });
        c.Directory("/directory");
        c.Set("/directory", new MetadataChange { DosAttributes = DosAttributes.VolumeLabel | DosAttributes.Hidden });
        Assert.Equal(EntryKind.File, c.Volume.Find("/file").Kind);
        Assert.Equal(EntryKind.Directory, c.Volume.Find("/directory").Kind);
    });

    [Fact]
    public void An_attribute_that_cannot_be_set_is_refused() => Case(c =>
    {
        var file = c.File("/file", [1]);
        foreach (var attribute in new[] { DosAttributes.Encrypted, DosAttributes.Compressed, DosAttributes.Sparse, DosAttributes.ReparsePoint, DosAttributes.Offline })
        {
            if ((attribute & c.Capabilities.SettableAttributes) == 0)
                c.Refused<UnsupportedFeatureException>(() => c.Volume.SetMetadata(file, new MetadataChange { DosAttributes = attribute }));
        }
    });

    [Fact]
    public void A_read_only_file_can_still_be_edited_by_us() => Case(c =>
    {
        if ((c.Capabilities.SettableAttributes & DosAttributes.ReadOnly) == 0)
            return;
        c.File("/file", [1], new MetadataChange { DosAttributes = DosAttributes.ReadOnly });
        c.Write("/file", 1, [2]);
        c.Rename("/file", "/renamed");
        c.Delete("/renamed");
    });

    [Theory]
    [InlineData(0)]
    [InlineData(0x1A4)]
    [InlineData(0xFFF)]
    public void Permissions_are_kept_or_refused(int mode) => Case(c =>
    {
        var file = c.File("/file", [1]);
        if (!c.Has(Features.Mode))
        {
            c.Refused<UnsupportedFeatureException>(() => c.Volume.SetMetadata(file, new MetadataChange { Mode = mode }));
            return;
        }
        c.Set("/file", new MetadataChange { Mode = mode });
        c.Directory("/directory", new MetadataChange { Mode = mode });
    });

    [Theory]
    [InlineData(0u, 0u)]
    [InlineData(1000u, 65_535u)]
    [InlineData(65_536u, 4_000_000_000u)]
    public void Owners_are_kept_or_refused(uint user, uint group) => Case(c =>
    {
        var file = c.File("/file", [1]);
        if (!c.Has(Features.Owner))
        {
            c.Refused<UnsupportedFeatureException>(() => c.Volume.SetMetadata(file, new MetadataChange { UserId = user }));
            c.Refused<UnsupportedFeatureException>(() => c.Volume.SetMetadata(file, new MetadataChange { GroupId = group }));
            return;
        }
        c.Set("/file", new MetadataChange { UserId = user });
        c.Set("/file", new MetadataChange { GroupId = group });
        c.Directory("/directory", new MetadataChange { UserId = user, GroupId = group });
    });

    [Fact]
    public void Finder_information_is_kept_or_refused() => Case(c =>
    {
        var file = c.File("/file", [1]);
        var change = new MetadataChange { FinderInfo = [.. "TEXTttxt"u8, .. new byte[24]] };
        if (c.Has(Features.FinderInfo))
            c.Set("/file", change);
        else
            c.Refused<UnsupportedFeatureException>(() => c.Volume.SetMetadata(file, change));
    });

    [Fact]
    public void Setting_metadata_is_all_or_nothing() => Case(c =>
    {
        if (Unsupported(c.Capabilities) is not { } change)
            return;
        var file = c.File("/file", [1], new MetadataChange { Modified = new Timestamp(1_000_000_000) });
        c.Refused<UnsupportedFeatureException>(() => c.Volume.SetMetadata(file, change with { Modified = new Timestamp(1_500_000_000) }));
    });

    [Fact]
    public void Setting_nothing_changes_nothing() => Case(c =>
    {
        c.File("/file", [1], new MetadataChange { Modified = new Timestamp(1_000_000_000) });
        c.Fixture.Clock.Advance(TimeSpan.FromDays(1));
        c.Set("/file", MetadataChange.None);
    });

    [Fact]
    public void Metadata_of_a_node_that_is_no_more_cannot_be_set() => Case(c =>
    {
        var id = c.File("/file", [1]);
        c.Delete("/file");
        c.Refused<FileNotFoundException>(() => c.Volume.SetMetadata(id, new MetadataChange { Modified = new Timestamp(1_000_000_000) }));
    });

    [Fact]
    public void A_label_is_set_changed_and_removed() => Case(c =>
    {
        if (!c.Has(Features.Label))
        {
            c.Refused<UnsupportedFeatureException>(() => c.Volume.SetLabel("X"));
            return;
        }
        c.File("/file", [1]);
        foreach (var label in new[] { c.Fixture.SampleLabel, "X", new string('M', c.Capabilities.MaxLabelLength) })
        {
            c.Volume.SetLabel(label);
            Assert.Equal(label, c.Volume.Info.Label);
            c.Reopen();
            Assert.Equal(label, c.Volume.Info.Label);
            c.Judge();
        }
        c.Volume.SetLabel("");
        c.Reopen();
        Assert.Null(c.Volume.Info.Label);
    });

    [Fact]
    public void A_label_that_is_too_long_is_refused() => Case(c =>
    {
        if (!c.Has(Features.Label))
            return;
        c.Volume.SetLabel(c.Fixture.SampleLabel);
        c.Refused<InvalidNameException>(() => c.Volume.SetLabel(new string('M', c.Capabilities.MaxLabelLength + 1)));
        Assert.Equal(c.Fixture.SampleLabel, c.Volume.Info.Label);
    });

    [Fact]
    public void A_label_is_no_entry() => Case(c =>
    {
        if (!c.Has(Features.Label))
            return;
        c.Volume.SetLabel(c.Fixture.SampleLabel);
        Assert.Empty(c.Volume.Root.Entries);
        Assert.False(c.Volume.TryFind("/" + c.Fixture.SampleLabel, out _));
        c.File("/" + c.Fixture.SampleLabel, [1]);
        c.Reopen();
        Assert.Equal(c.Fixture.SampleLabel, c.Volume.Info.Label);
    });
}
