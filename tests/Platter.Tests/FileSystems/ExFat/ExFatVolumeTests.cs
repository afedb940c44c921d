using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Primitives;
using Platter.Testing.Blocks;
using Platter.Testing.ExFat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.ExFat;

/// <summary>What concerns the volume as a whole: state, label, times, bitmap, TexFAT, sizes.</summary>
public class ExFatVolumeTests
{
    private const int VolumeFlagsOffset = 0x6A, PercentOffset = 0x70;

    [Fact]
    public void The_volume_is_dirty_from_the_first_write_to_the_commit_where_no_transaction_lies_below()
    {
        var made = HandmadeExFat.CreateFilled();
        var device = new WriteLog(made.Bytes);
        using var volume = ExFatVolume.OpenForEditing(device, VolumeOptions.Default);
        Assert.Empty(device.Log);
        volume.CreateFile(volume.RootId, "new", new MemoryStream(ConformanceCase.Bytes(5000)), 5000, MetadataChange.None);
        volume.Commit();

        // Marked and durable before anything else; unmarked and durable after everything else was.
        Assert.Equal(("write", VolumeFlagsOffset), device.Log[0]);
        Assert.Equal("flush", device.Log[1].Kind);
        Assert.Equal(["flush", "write", "write", "flush"], device.Log.TakeLast(4).Select(l => l.Kind));
        Assert.Equal(VolumeFlagsOffset, device.Log[^3].Offset);
        Assert.Equal(PercentOffset, device.Log[^2].Offset);
        Assert.Equal((byte)ExFatVolumeFlags.VolumeDirty, device.FlagsAfterFirstWrite);
        Assert.Equal(0, made.Bytes[VolumeFlagsOffset]);

        var count = device.Log.Count;
        volume.Commit();
        Assert.Equal(count + 1, device.Log.Count);      // a flush: nothing has changed
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(6)]
    public void Flags_that_others_left_are_shown_and_kept(byte flags)
    {
        var made = HandmadeExFat.CreateFilled();
        made.Bytes[VolumeFlagsOffset] = flags;
        using var c = ExFatCase.Of(made);
        Assert.Equal((flags & 2) == 0, c.Volume.Info.IsClean);
        Assert.Equal((flags & 4) == 0 ? "no" : "yes", c.Volume.Info.Details.Single(d => d.Key == "media failure").Value);
        c.File("/new", 1);
        c.Volume.Commit();
        Assert.Equal(flags, ReadByte(c.Device, VolumeFlagsOffset));
    }

    [Fact]
    public void The_flag_that_is_to_be_cleared_is_cleared()
    {
        var made = HandmadeExFat.CreateFilled();
        made.Bytes[VolumeFlagsOffset] = (byte)ExFatVolumeFlags.ClearToZero;
        using var c = ExFatCase.Of(made);
        c.File("/new", 1);
        c.Volume.Commit();
        Assert.Equal(0, ReadByte(c.Device, VolumeFlagsOffset));
    }

    [Fact]
    public void The_percentage_in_use_is_kept_in_step_and_the_boot_checksum_stays_right()
    {
        using var c = new ExFatCase("-c 4K", 16 << 20);
        c.File("/half", (int)(c.Volume.FreeBytes / 2));
        c.Volume.Commit();
        var total = c.Volume.Info.TotalBytes;
        Assert.Equal((total - c.Volume.FreeBytes) * 100 / total, ReadByte(c.Device, PercentOffset));
        c.AssertClean();
        c.Delete("/half");
        c.Volume.Commit();
        Assert.InRange(ReadByte(c.Device, PercentOffset), 0, 1);
        c.AssertClean();
    }

    [Fact]
    public void A_label_is_set_changed_and_removed()
    {
        using var c = new ExFatCase();
        Assert.Null(c.Volume.Info.Label);
        foreach (var label in new[] { "ELEVENCHARS", "Grün 😀", "x" })
        {
            c.Volume.SetLabel(label);
            c.Reopen();
            Assert.Equal(label, c.Volume.Info.Label);
            c.AssertClean();
        }
        c.Volume.SetLabel("");
        c.Reopen();
        Assert.Null(c.Volume.Info.Label);
        c.AssertClean();
        Assert.Throws<InvalidNameException>(() => c.Volume.SetLabel("twelve chars"));
        Assert.Throws<InvalidNameException>(() => c.Volume.SetLabel("a/b"));
        Assert.Null(c.Volume.Info.Label);
    }

    [Fact]
    public void Times_are_stored_with_ten_milliseconds_and_their_offset_from_UTC()
    {
        using var c = new ExFatCase(MkfsExFat.Make("-c 4K", 4 << 20), new VolumeOptions { UtcOffset = TimeSpan.FromMinutes(-(3 * 60 + 30)) });
        var time = Timestamp.From(new DateTimeOffset(2024, 2, 29, 1, 2, 3, 450, TimeSpan.Zero));
        c.File("/a", 1, new MetadataChange { Created = time, Modified = time, Accessed = time });
        Assert.Equal(time, c.Metadata("/a").Created);
        Assert.Equal(time, c.Metadata("/a").Modified);
        Assert.Equal(new Timestamp(time.UnixSeconds - 1), c.Metadata("/a").Accessed);
        var set = c.Set("/a");
        ref readonly var file = ref OnDisk.View<ExFatFileEntry>(set);
        Assert.Equal(44u << 25 | 2u << 21 | 28u << 16 | 21u << 11 | 32u << 5 | 1, (uint)file.Modified);     // 2024-02-28 21:32:02
        Assert.Equal(145, file.ModifiedTenMs);
        Assert.Equal(145, file.CreatedTenMs);
        Assert.Equal(0x80 | (-14 & 0x7F), file.ModifiedUtcOffset);
        Assert.Equal(file.ModifiedUtcOffset, file.CreatedUtcOffset);
        Assert.Equal(file.ModifiedUtcOffset, file.AccessedUtcOffset);

        // Whoever opens it elsewhere sees the same time: the entry says where it was written.
        c.Volume.Commit();
        using var elsewhere = ExFatVolume.Open(c.Device, new VolumeOptions { UtcOffset = TimeSpan.FromHours(9) });
        Assert.Equal(time, elsewhere.Find("/a").Metadata.Modified);
    }

    [Fact]
    public void A_time_without_an_offset_is_local()
    {
        var made = HandmadeExFat.Create();
        made.AddFile("a", 1, contiguous: true);
        using var device = new MemoryDevice(made.Bytes);
        using var volume = ExFatVolume.Open(device, new VolumeOptions { UtcOffset = TimeSpan.FromHours(2) });
        Assert.Equal(Timestamp.From(new DateTimeOffset(2024, 2, 29, 10, 0, 0, TimeSpan.Zero)), volume.Find("/a").Metadata.Modified);
    }

    [Fact]
    public void The_second_FAT_and_bitmap_of_TexFAT_are_honoured_and_nothing_is_changed()
    {
        var made = HandmadeExFat.CreateFilled();
        var expected = Snapshot(made.Bytes);
        var texFat = TexFat(made);
        Assert.Equal(expected.Tree, Snapshot(texFat).Tree);
        Assert.Equal(expected.Free - made.Geometry.ClusterSize, Snapshot(texFat).Free);     // the second bitmap takes a cluster
        using var device = new MemoryDevice(texFat);
        Assert.Throws<UnsupportedFeatureException>(() => ExFatVolume.OpenForEditing(device, VolumeOptions.Default));

        static (long Free, string Tree) Snapshot(byte[] bytes)
        {
            using var memory = new MemoryDevice(bytes);
            using var volume = ExFatVolume.Open(memory, VolumeOptions.Default);
            return (volume.FreeBytes, string.Join('\n', TreeSnapshot.Read(volume).Entries.Values));
        }
    }

    [Theory]
    [InlineData("bitmap", "EXF-0035")]
    [InlineData("upcase", "EXF-0040")]
    [InlineData("upcase checksum", "EXF-0042")]
    [InlineData("bitmap length", "EXF-0037")]
    public void Without_a_structure_of_its_own_a_volume_is_read_but_not_changed(string what, string code)
    {
        var made = HandmadeExFat.CreateFilled();
        switch (what)
        {
            case "bitmap": made.BitmapEntry.Type = 0x01; break;
            case "upcase": made.UpcaseEntry.Type = 0x02; break;
            case "upcase checksum": made.UpcaseEntry.TableChecksum = 1; break;
            default: made.BitmapEntry.DataLength = 3; break;
        }
        using var device = new MemoryDevice(made.Bytes);
        using var volume = ExFatVolume.Open(device, VolumeOptions.Default);
        Assert.Equal(made.Paths.Count(), TreeSnapshot.Read(volume).Entries.Count);
        var refused = Assert.Throws<DiskFormatException>(() => ExFatVolume.OpenForEditing(device, VolumeOptions.Default));
        Assert.Equal(code, refused.Code);
        if (what.StartsWith("bitmap", StringComparison.Ordinal))
            Assert.Equal(code, Assert.Throws<DiskFormatException>(() => volume.FreeBytes).Code);
    }

    [Fact]
    public void Opening_sixteen_tebibytes_reads_less_than_a_mebibyte()
    {
        const long length = 16L << 40;
        var device = new ScratchDevice(length);
        new ExFatType().Format(device, new FormatOptions { Type = "exfat" });
        var before = device.BytesRead;
        using (var volume = ExFatVolume.OpenForEditing(device, VolumeOptions.Default))
        {
            Assert.Empty(volume.Root.Entries);
            Assert.Equal("exfat", volume.Info.Type);
            Assert.InRange(device.BytesRead - before, 1, (1 << 20) - 1);
            TestContext.Current.TestOutputHelper?.WriteLine($"opened, shown and listed: {device.BytesRead - before} bytes read");
            volume.CreateFile(volume.RootId, "a", new MemoryStream(ConformanceCase.Bytes(100_000)), null, MetadataChange.None);
            using (var stream = volume.OpenWrite(volume.Find("/a").Id, StreamName.Data))
                stream.SetLength(15L << 40);
            volume.Commit();
            Assert.InRange(volume.FreeBytes, 1, 1L << 40);
        }
        using var again = ExFatVolume.OpenForEditing(device, VolumeOptions.Default);
        using (var stream = again.OpenWrite(again.Find("/a").Id, StreamName.Data))
        {
            Assert.Equal(15L << 40, stream.Length);
            var bytes = new byte[100_001];
            stream.ReadAt(0, bytes);
            Assert.Equal([.. ConformanceCase.Bytes(100_000), 0], bytes);
            stream.ReadAt(14L << 40, bytes);
            Assert.False(bytes.AsSpan().ContainsAnyExcept((byte)0));
        }
        again.Delete(again.RootId, "a");
        again.Commit();
        Assert.InRange(again.FreeBytes, 15L << 40, length);
        Assert.True(new ExFatType().Check(device, CheckOptions.Default).IsClean);
    }

    // Nearly 2^32 clusters of 512 bytes: 2 TiB, a FAT of 16 GiB, nearly all of it holes; but the bitmap has 512 MiB and is written, so not in every run.
    [Fact(Explicit = true)]
    public void Cluster_numbers_go_up_to_32_bits()
    {
        var device = new ScratchDevice((2L << 40) + (16L << 30));
        new ExFatType().Format(device, new FormatOptions { Type = "exfat", Options = new Dictionary<string, string> { ["cluster_size"] = "512" } });
        using var volume = ExFatVolume.OpenForEditing(device, VolumeOptions.Default);
        Assert.InRange(volume.Geometry.ClusterCount, uint.MaxValue - 400_000, ExFatGeometry.MaxClusterCount);
        volume.CreateFile(volume.RootId, "a", MetadataChange.None);
        var id = volume.Find("/a").Id;
        var free = volume.Bitmap.CountFree();
        using (var stream = volume.OpenWrite(id, StreamName.Data))
        {
            stream.SetLength(free * 512);
            Assert.Equal(0, volume.FreeBytes);
            stream.SetLength(512);
            Assert.Equal((free - 1) * 512, volume.FreeBytes);
        }
    }

    [Fact]
    public void A_set_with_a_wrong_checksum_is_shown_and_not_changed()
    {
        var made = HandmadeExFat.CreateFilled();
        made.File("one.byt").SetChecksum = 0x1234;
        made.File("dir/deeper directory").SetChecksum = 0x1234;
        using var c = ExFatCase.Of(made);
        Assert.Single(c.Read("/one.byt"));
        Assert.Equal("EXF-0090", Assert.Throws<DiskFormatException>(() => c.Write("/one.byt", 0, [1])).Code);
        Assert.Throws<DiskFormatException>(() => c.Delete("/one.byt"));
        Assert.Throws<DiskFormatException>(() => c.Rename("/one.byt", "/x"));
        Assert.Throws<DiskFormatException>(() => c.Volume.SetMetadata(c.Id("/one.byt"), new MetadataChange { DosAttributes = DosAttributes.Hidden }));
        Assert.Throws<DiskFormatException>(() => c.Rename("/empty", "/one.byt", replace: true));
        Assert.Throws<DiskFormatException>(() =>
        {
            for (var i = 0; i < 100; i++)
                c.File($"/dir/deeper directory/new {i}");
        });
        var report = new ExFatType().Check(c.Device, CheckOptions.Default);
        Assert.Equal(["EXF-0090", "EXF-0090"], report.Findings.Where(f => f.Severity > Severity.Note).Select(f => f.Code));
    }

    [Fact]
    public void Directories_that_share_clusters_are_listed_once_and_refused_the_second_time()
    {
        var made = HandmadeExFat.CreateFilled();
        made.Stream("dir/deeper directory/deepest").FirstCluster = made.Stream("dir").FirstCluster;
        made.Stream("dir/deeper directory/deepest").Flags |= ExFatSecondaryFlags.NoFatChain;
        made.Seal("dir/deeper directory/deepest");
        using var device = new MemoryDevice(made.Bytes);
        using var volume = ExFatVolume.Open(device, VolumeOptions.Default);
        Assert.Equal("EXF-0065", Assert.Throws<DiskFormatException>(() => TreeSnapshot.Read(volume)).Code);
    }

    [Theory]
    [InlineData("EXF-0060")]
    [InlineData("EXF-0063")]
    [InlineData("EXF-0064")]
    [InlineData("EXF-0066")]
    [InlineData("EXF-0068")]
    [InlineData("EXF-0102")]
    [InlineData("EXF-0105")]
    public void Content_that_lies_nowhere_is_refused_when_it_is_read(string code)
    {
        var made = HandmadeExFat.CreateFilled();
        ref var stream = ref made.Stream("chained.bin");
        uint first = stream.FirstCluster;
        switch (code)
        {
            case "EXF-0060": stream.FirstCluster = made.Geometry.LastCluster + 1; break;
            case "EXF-0063": made[first] = 1; break;
            case "EXF-0064": made[made[first]] = first; stream.DataLength = 20_000; stream.ValidDataLength = 20_000; break;
            case "EXF-0066": stream.Flags |= ExFatSecondaryFlags.NoFatChain; stream.FirstCluster = made.Geometry.LastCluster; break;
            case "EXF-0068": made[first] = ExFatTable.EndOfChain; break;
            case "EXF-0102": stream.ValidDataLength = stream.DataLength + 1; break;
            default: stream.DataLength = ulong.MaxValue; break;
        }
        made.Seal("chained.bin");
        using var c = ExFatCase.Of(made);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => c.Read("/chained.bin")).Code);
        var free = c.Volume.FreeBytes;
        if (code is "EXF-0060" or "EXF-0063" or "EXF-0064" or "EXF-0066" or "EXF-0105")
        {
            if (code != "EXF-0105")
                Assert.Equal(code, Assert.Throws<DiskFormatException>(() => c.Delete("/chained.bin")).Code);
            Assert.Equal(free, c.Volume.FreeBytes);
        }
    }

    [Fact]
    public void An_image_that_was_cut_short_is_read_as_far_as_it_goes()
    {
        var made = HandmadeExFat.CreateFilled(clusterSize: 4096);
        var cut = (int)made.Geometry.ClusterOffset(made.Stream("last").FirstCluster);
        using var device = new MemoryDevice(made.Bytes[..cut]);
        using var volume = ExFatVolume.Open(device, VolumeOptions.Default);
        Assert.Equal("EXF-0074", Assert.Throws<DiskFormatException>(() => TreeSnapshot.Read(volume)).Code);
        Assert.Equal(cut, volume.AllocatedRanges().Last().End);
        Assert.Throws<DiskFormatException>(() => ExFatVolume.OpenForEditing(device, VolumeOptions.Default));
    }

    private static byte ReadByte(BlockDevice device, long offset)
    {
        var bytes = new byte[1];
        device.Read(offset, bytes);
        return bytes[0];
    }

    // The same volume with its FAT and bitmap in second place, and what is in first place useless.
    private static byte[] TexFat(HandmadeExFat made)
    {
        var geometry = made.Geometry;
        var bitmap = new byte[geometry.ClusterSize];
        var second = made.Allocate(1, contiguous: false)[0];
        var first = made.BitmapEntry.FirstCluster;
        Assert.True(geometry.BitmapLength <= geometry.ClusterSize);
        Span<byte> entry = stackalloc byte[32];
        OnDisk.Bytes(in made.BitmapEntry).CopyTo(entry);
        OnDisk.Edit<ExFatBitmapEntry>(entry).FirstCluster = second;
        OnDisk.Edit<ExFatBitmapEntry>(entry).Flags = ExFatBitmapEntry.SecondBitmap;
        made.AddEntries("", entry);
        made.Bytes.AsSpan((int)geometry.ClusterOffset(first), bitmap.Length).CopyTo(made.Bytes.AsSpan((int)geometry.ClusterOffset(second)));
        made.Bytes.AsSpan((int)geometry.ClusterOffset(first), (int)geometry.BitmapLength).Clear();
        var fat = made.Bytes.AsSpan((int)geometry.FatOffset(0), (int)geometry.FatLength);
        fat.CopyTo(made.Bytes.AsSpan((int)geometry.FatOffset(1)));
        fat.Clear();
        made.Boot.NumberOfFats = 2;
        made.Boot.VolumeFlags.Flags = ExFatVolumeFlags.ActiveFat;
        made.SealBoot();
        return made.Bytes;
    }

    /// <summary>A device that tells in which order it was written and flushed.</summary>
    private sealed class WriteLog(byte[] bytes) : BlockDevice
    {
        public List<(string Kind, long Offset)> Log { get; } = [];
        public byte FlagsAfterFirstWrite { get; private set; }
        public override long Length => bytes.Length;
        public override bool CanWrite => true;

        public override void Flush() => Log.Add(("flush", -1));

        protected override void ReadCore(long offset, Span<byte> buffer) => bytes.AsSpan((int)offset, buffer.Length).CopyTo(buffer);

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
        {
            data.CopyTo(bytes.AsSpan((int)offset));
            if (Log.Count == 0)
                FlagsAfterFirstWrite = bytes[VolumeFlagsOffset];
            Log.Add(("write", offset));
        }
    }
}
