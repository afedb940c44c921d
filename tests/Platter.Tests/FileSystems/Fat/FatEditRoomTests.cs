using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing.Fat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

/// <summary>When room runs out: an edit is refused whole, and not a cluster is lost.</summary>
public class FatEditRoomTests
{
    public static TheoryData<int> Widths => [12, 16, 32];

    [Theory]
    [InlineData(12)]
    [InlineData(16)]
    public void A_full_root_is_an_error_and_leaks_nothing(int width)
    {
        using var c = FatCase.OfWidth(width);
        for (var i = 0; i < 510; i++)
            c.File($"/F{i}");
        var free = c.Volume.FreeBytes;
        Assert.Throws<VolumeFullException>(() => c.File("/three slots are needed"));
        Assert.Throws<VolumeFullException>(() => c.Directory("/three slots are needed"));
        Assert.Throws<VolumeFullException>(() => c.File("/three slots are needed", 5000));
        Assert.Throws<VolumeFullException>(() => c.Rename("/F1", "/a name that takes four slots or so"));
        Assert.Equal(free, c.Volume.FreeBytes);
        c.Directory("/D");
        c.File("/LAST");
        Assert.Throws<VolumeFullException>(() => c.File("/X"));
        Assert.Throws<VolumeFullException>(() => c.Directory("/X"));
        Assert.Throws<VolumeFullException>(() => c.Volume.SetLabel("LABEL"));
        Assert.Throws<VolumeFullException>(() => c.Rename("/F1", "/Fx1"));
        c.File("/D/X");
        Assert.Throws<VolumeFullException>(() => c.Rename("/D/X", "/X"));
        Assert.Equal(free - 512, c.Volume.FreeBytes);
        c.Rename("/F1", "/F1NEW");                  // takes the place of its own old slot
        c.Rename("/D/X", "/F2", replace: true);     // takes the place of what it replaces
        c.AssertNothingLeaks();
        Assert.Equal(512, c.Names("/").Length);
        c.Reopen();
        Assert.Equal(512, c.Names("/").Length);
        Assert.Null(c.Volume.Info.Label);
    }

    [Theory, MemberData(nameof(Widths))]
    public void A_name_that_would_need_two_clusters_of_which_one_is_free_leaves_the_directory_as_it_was(int width)
    {
        // 512-byte clusters: 16 slots. The longest name takes 21, more than the one cluster that is left can add.
        using var c = FatCase.OfWidth(width);
        c.Directory("/d");
        for (var i = 0; i < 14; i++)
            c.File($"/d/F{i}");
        c.File("/filler");
        Fill(c, "/filler", leave: 1);
        Assert.Equal(512, c.Volume.FreeBytes);
        Assert.Throws<VolumeFullException>(() => c.File("/d/" + new string('x', 255)));
        Assert.Equal(512, c.Volume.FreeBytes);
        Assert.Equal(512, c.Slots("/d").Length);
        c.AssertNothingLeaks();
        Assert.Equal(14, c.Names("/d").Length);
    }

    [Theory, MemberData(nameof(Widths))]
    public void A_full_volume_refuses_content_and_stays_as_it_was(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.Directory("/d");
        c.File("/keep", 3000);
        c.File("/filler");
        Fill(c, "/filler", leave: 3);
        var free = c.Volume.FreeBytes;
        Assert.Throws<VolumeFullException>(() => c.File("/d/new", 5000));
        Assert.Throws<VolumeFullException>(() => c.Write("/keep", 3000, new byte[3000]));
        Assert.Throws<VolumeFullException>(() => c.SetLength("/keep", 100_000));
        Assert.Throws<VolumeFullException>(() => c.Write("/keep", 90_000, [1]));
        Assert.Equal(free, c.Volume.FreeBytes);
        Assert.Empty(c.Names("/d"));
        Assert.Equal(ConformanceCase.Bytes(3000), c.Read("/keep"));
        c.File("/d/new", 1500);
        Assert.Equal(0, c.Volume.FreeBytes);
        Assert.Throws<VolumeFullException>(() => c.Directory("/d/sub"));
        c.File("/d/empty");
        c.AssertNothingLeaks();
    }

    [Theory, MemberData(nameof(Widths))]
    public void What_was_deleted_before_the_commit_can_be_taken_again_when_nothing_else_is_left(int width)
    {
        using var c = FatCase.OfWidth(width);
        c.File("/filler");
        Fill(c, "/filler", leave: 4);
        c.File("/old", 4 * 512);
        c.Volume.Commit();
        c.Delete("/old");
        c.File("/new", 4 * 512, seed: 2);

        // The old file is still the committed one: rolling back must bring its content back.
        c.Volume.Rollback();
        Assert.Equal(ConformanceCase.Bytes(4 * 512), c.Read("/old"));
        c.Delete("/old");
        c.File("/new", 4 * 512, seed: 3);
        c.Reopen();
        Assert.Equal(ConformanceCase.Bytes(4 * 512, 3), c.Read("/new"));
        c.AssertNothingLeaks();
    }

    [Fact]
    public void A_file_of_4_GiB_is_refused_before_a_byte_is_written()
    {
        using var c = new FatCase("-F 32 -s 64", 5L << 30);
        c.File("/keep", 1000);
        c.Volume.Commit();
        var free = c.Volume.FreeBytes;
        Assert.True(free > 4L << 30);
        var endless = new Endless();
        Assert.Throws<UnsupportedFeatureException>(() => c.Volume.CreateFile(c.Root, "big", endless, 1L << 32, MetadataChange.None));
        Assert.Equal(0, endless.Read0);
        Assert.Throws<UnsupportedFeatureException>(() => c.SetLength("/keep", 1L << 32));
        Assert.Throws<UnsupportedFeatureException>(() => c.Write("/keep", uint.MaxValue, [1]));
        Assert.Throws<UnsupportedFeatureException>(() => c.Write("/keep", long.MaxValue - 1, [1, 2]));
        using (var stream = c.Volume.OpenWrite(c.Id("/keep"), StreamName.Data))
            Assert.Throws<UnsupportedFeatureException>(() => stream.Reserve(1L << 32));
        Assert.Equal(free, c.Volume.FreeBytes);
        Assert.Equal(["keep"], c.Names("/"));
        Assert.Equal(ConformanceCase.Bytes(1000), c.Read("/keep"));
        Assert.False(c.Device.IsDirty);
        Assert.Equal(uint.MaxValue, c.Volume.Capabilities.MaxFileLength);
    }

    [Fact]
    public void Content_of_unknown_length_that_passes_4_GiB_leaves_nothing()
    {
        using var c = new FatCase("-F 32 -s 64", 5L << 30);
        c.File("/big");
        c.Volume.Commit();
        var free = c.Volume.FreeBytes;
        using (var stream = c.Volume.OpenWrite(c.Id("/big"), StreamName.Data))
        {
            stream.Position = uint.MaxValue;
            Assert.Throws<UnsupportedFeatureException>(() => stream.WriteByte(1));
        }
        Assert.Equal(free, c.Volume.FreeBytes);
        Assert.Equal(0, c.Metadata("/big").Length);
    }

    [Theory]
    [InlineData(12, "-F 12 -s 1 -f 1", 1 << 20)]
    [InlineData(16, "-F 16 -s 1 -f 1", 4 << 20)]
    [InlineData(32, "-F 32 -s 1 -f 1", FatCase.Fat32Length)]
    public void The_very_last_cluster_can_be_used(int width, string arguments, long length)
    {
        using var c = new FatCase(arguments, length);
        Assert.Equal(width, (int)c.Volume.Geometry.Width);
        c.File("/filler");
        Fill(c, "/filler", leave: 0);
        c.Reopen();
        Assert.Equal(0, c.Volume.FreeBytes);
        Assert.Equal(0, c.Volume.Table.CountFree());
        Assert.True(FatTable.IsEnd(c.Volume.Table[c.Volume.Geometry.LastCluster]));
        c.AssertNothingLeaks();
        c.SetLength("/filler", 0);
        c.Reopen();
        Assert.Equal(0u, c.FirstCluster("/filler"));
        c.AssertNothingLeaks();
    }

    private static void Fill(FatCase c, string path, int leave) =>
        c.SetLength(path, c.Volume.FreeBytes - leave * (long)c.Volume.Geometry.ClusterSize);

    /// <summary>Counts how often it is read; nothing may be.</summary>
    private sealed class Endless : Stream
    {
        public int Read0 { get; private set; }
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            Read0++;
            return count;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
