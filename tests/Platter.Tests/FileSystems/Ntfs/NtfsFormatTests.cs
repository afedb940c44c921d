using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

public class NtfsFormatTests
{
    private const long K = 1024, M = 1024 * K, G = 1024 * M, T = 1024 * G, P = 1024 * T;

    [Theory]
    [InlineData(1 * M, 4 * K)]
    [InlineData(100 * G, 4 * K)]
    [InlineData(16 * T, 4 * K)]
    [InlineData(16 * T + 4 * K, 8 * K)]
    [InlineData(100 * T, 32 * K)]
    [InlineData(256 * T, 64 * K)]
    [InlineData(257 * T, 128 * K)]
    [InlineData(8 * P, 2 * M)]
    public void The_cluster_size_follows_from_the_length(long length, long clusterSize) =>
        Assert.Equal(clusterSize, NtfsFormatPlan.Choose(length, Own()).ClusterSize);

    [Theory]
    [InlineData(1 * M, 256 * K)]
    [InlineData(3 * M, 512 * K)]
    [InlineData(4 * M, 1 * M)]
    [InlineData(5 * M, 2 * M)]
    [InlineData(200 * M, 2 * M)]
    [InlineData(1000 * M, 5_238_784)]
    [InlineData(13 * G, 64 * M)]
    [InlineData(256 * T, 64 * M)]
    public void The_log_is_as_long_as_the_rule_says(long length, long log)
    {
        var plan = NtfsFormatPlan.Choose(length, Own());
        Assert.Equal(log, plan.Offset(plan.Log.End));
    }

    [Fact]
    public void Every_length_from_the_least_on_that_clusters_leave_room_in_is_laid_out()
    {
        for (var cluster = 512; cluster <= 2 * M; cluster *= 2)
        {
            var isPossible = false;
            for (var length = M; length < 40 * G; length += length / 13 / 512 * 512)
            {
                var plan = NtfsFormatPlan.TryChoose(length, Own(("cluster_size", $"{cluster}")), out var reason);
                Assert.False(isPossible && plan is null, $"{length} bytes with clusters of {cluster}: {reason}");
                isPossible = plan is not null;
            }
            Assert.True(isPossible);
        }
    }

    [Fact]
    public void Every_cluster_sector_record_and_index_block_size_gives_a_volume_with_every_file_in_its_place()
    {
        var made = 0;
        for (var sector = 512; sector <= 4096; sector *= 2)
        {
            for (var cluster = sector; cluster <= 2 * M; cluster *= 2)
            {
                foreach (var (record, block) in new[] { (Math.Max(sector, 1024), 4096), (4096, Math.Max(sector, 2048)), (Math.Max(sector, 2048), 65536) })
                {
                    using var device = new SparseDevice(Math.Max(3 * M, 40L * cluster) + 777, sector);
                    NtfsFormatter.Format(device, Format(("cluster_size", $"{cluster}"), ("record_size", $"{record}"), ("index_block_size", $"{block}"), ("log_size", "256K")) with { Label = "Größe 😀" });
                    Verify(device, (sector, cluster, record, block));
                    made++;
                }
            }
        }
        Assert.Equal((13 + 12 + 11 + 10) * 3, made);
    }

    [Fact]
    public void Whatever_length_is_formatted_reads_back_as_what_was_laid_out()
    {
        var random = new Random(1);
        var made = 0;
        for (var i = 0; i < 300; i++)
        {
            var sector = 512 << random.Next(4);
            var cluster = Math.Min(sector << random.Next(12), 2 * (int)M);
            var length = (long)Math.Exp(random.NextDouble() * Math.Log(4.0 * T / M) + Math.Log(M));
            if (length / cluster > 100_000_000 || NtfsFormatPlan.TryChoose(length, Own(("sector_size", $"{sector}"), ("cluster_size", $"{cluster}"), ("log_size", "256K")), out _) is not { } plan)
                continue;
            using var device = new SparseDevice(length, sector);
            NtfsFormatter.Format(device, Format(("cluster_size", $"{cluster}"), ("log_size", "256K")));
            Verify(device, (sector, cluster, plan.RecordSize, 4096), isLabelled: false);
            made++;
        }
        Assert.True(made > 200, $"only {made} volumes were made");
    }

    [Fact]
    public void Sixteen_tebibytes_are_formatted_in_no_time_and_only_the_log_is_long()
    {
        using var device = new SparseDevice(16 * T);
        var time = ProcessorTime.Of(() => NtfsFormatter.Format(device, Format()));
        Assert.InRange(time, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.InRange(device.Written, 64 * M, 66 * M);
        using var small = new SparseDevice(16 * T);
        NtfsFormatter.Format(small, Format(("log_size", "2M")));
        Assert.InRange(small.Written, 1, 3 * M);
        using var volume = NtfsVolume.Open(small, VolumeOptions.Default);
        Assert.Equal(uint.MaxValue, volume.Geometry.ClusterCount);
        Assert.InRange(volume.FreeBytes, 16 * T - 600 * M, 16 * T);
    }

    [Theory]
    [InlineData(256 * T, "")]
    [InlineData(2 * T, "512")]
    [InlineData(8 * P, "2M")]
    public void The_longest_volumes_are_laid_out_without_overflow(long length, string cluster)
    {
        using var device = new SparseDevice(length);
        NtfsFormatter.Format(device, Format([.. cluster.Length == 0 ? [] : new[] { ("cluster_size", cluster) }, ("log_size", "2M")]));
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        Assert.Empty(volume.Geometry.Remarks);
        Assert.Equal(uint.MaxValue, volume.Geometry.ClusterCount);
        Assert.InRange(volume.FreeBytes, length - length / 1000 - 600 * M, length);
        Assert.Equal(volume.Geometry.SerialNumber, NtfsGeometry.FindCopy(device)!.SerialNumber);
    }

    [Fact]
    public void The_boot_sector_says_what_it_is_told_and_its_copy_the_same()
    {
        using var device = new SparseDevice(8 * M);
        NtfsFormatter.Format(device, Format(("sectors_per_track", "17"), ("heads", "12"), ("drive_number", "0x81")) with { Id = "0123456789ABCDEF", PartitionOffset = 3 * M });
        var (sector, copy) = (new byte[512], new byte[512]);
        device.Read(0, sector);
        device.Read(8 * M - 512, copy);
        Assert.Equal(sector, copy);
        var boot = OnDisk.View<NtfsBootSector>(sector);
        Assert.Equal((17, 12, 0x81, 0x0123456789ABCDEFUL, (uint)(3 * M / 512)), (boot.SectorsPerTrack, boot.Heads, boot.DriveNumber, boot.SerialNumber, boot.HiddenSectors));
        Assert.Equal([0xEB, 0x52, 0x90], sector[..3]);
        Assert.Equal(0xF4, sector[0x54 + 0x1C]);        // the program's last but one instruction: hlt
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        Assert.Equal("0123456789ABCDEF", volume.Info.Id);

        NtfsFormatter.Format(device, Format(("boot_code", "off"), ("hidden_sectors", "63")) with { PartitionOffset = 3 * M });
        device.Read(0, sector);
        Assert.True(sector.AsSpan(0x54, 0x1FE - 0x54).IndexOfAnyExcept((byte)0) < 0);
        Assert.Equal(63u, (uint)OnDisk.View<NtfsBootSector>(sector).HiddenSectors);
        Assert.Equal(0xAA55, (int)OnDisk.View<NtfsBootSector>(sector).Signature);

        // The field has 32 bits.
        NtfsFormatter.Format(device, Format() with { PartitionOffset = 3 * T });
        device.Read(0, sector);
        Assert.Equal(0u, (uint)OnDisk.View<NtfsBootSector>(sector).HiddenSectors);
    }

    [Fact]
    public void Compression_and_indexing_are_attributes_of_the_root()
    {
        Assert.Equal(DosAttributes.Hidden | DosAttributes.System | DosAttributes.Directory | DosAttributes.Archive, RootAttributes());
        Assert.Equal(DosAttributes.Compressed, RootAttributes(("compression", "on")) & DosAttributes.Compressed);
        Assert.Equal(DosAttributes.NotContentIndexed, RootAttributes(("content_indexing", "off")) & DosAttributes.NotContentIndexed);
        using var device = new SparseDevice(8 * M);
        NtfsFormatter.Format(device, Format(("upcase_info", "off")));
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        Assert.Empty(volume.GetStreams(volume.Find("/$UpCase").Id));
    }

    [Fact]
    public void A_volume_that_is_not_made_fast_is_zeros_where_it_is_free()
    {
        var device = new MemoryDevice(8 * M);
        device.Bytes.AsSpan().Fill(0x5A);
        NtfsFormatter.Format(device, Format(("fast", "off")));
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        var used = volume.AllocatedRanges().Sum(r => r.Length);
        Assert.InRange(used, M, 4 * M);
        var free = device.Bytes.ToArray();
        foreach (var range in volume.AllocatedRanges())
            free.AsSpan((int)range.Offset, (int)range.Length).Clear();
        Assert.True(free.AsSpan().IndexOfAnyExcept((byte)0) < 0);
    }

    [Fact]
    public void The_same_clock_gives_the_same_bytes_whatever_was_there()
    {
        var images = new List<byte[]>();
        for (var i = 0; i < 2; i++)
        {
            var device = new MemoryDevice(5 * M);
            new Random(i).NextBytes(device.Bytes);
            NtfsFormatter.Format(device, Format() with { Label = "same" });
            using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
            using var used = new MemoryStream();
            foreach (var range in volume.AllocatedRanges())
                used.Write(device.Bytes, (int)range.Offset, (int)range.Length);
            images.Add(used.ToArray());
        }
        Assert.Equal(images[0], images[1]);

        // Another time, another serial number; and another place on the disk, too.
        var clock = new SettableClock();
        var serials = new HashSet<string>();
        for (var i = 0; i < 3; i++)
        {
            var device = new MemoryDevice(5 * M);
            NtfsFormatter.Format(device, Format() with { Clock = clock, PartitionOffset = i == 2 ? M : 0 });
            using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
            serials.Add(volume.Info.Id!);
            if (i == 0)
                clock.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.Equal(3, serials.Count);
    }

    [Theory]
    [InlineData("cluster_sice", "4096", 8 * M, "nearest is 'cluster_size'")]
    [InlineData("cluster_size", "3000", 8 * M, "power of two")]
    [InlineData("cluster_size", "0", 8 * M, "512 to 2097152")]
    [InlineData("cluster_size", "-4096", 8 * M, "512 to 2097152")]
    [InlineData("cluster_size", "4M", 8 * M, "512 to 2097152")]
    [InlineData("cluster_size", "99999999999999999999", 8 * M, "512 to 2097152")]
    [InlineData("cluster_size", "1M", 8 * M, "too few for the volume's own files: smaller clusters")]
    [InlineData("cluster_size", "512", 4 * T, "at most 4294967295 are possible: larger clusters")]
    [InlineData("sector_size", "8192", 8 * M, "512 to 4096")]
    [InlineData("sector_size", "256", 8 * M, "512 to 4096")]
    [InlineData("sector_size", "768", 8 * M, "power of two")]
    [InlineData("record_size", "512", 8 * M, "1024 to 4096")]
    [InlineData("record_size", "8K", 8 * M, "1024 to 4096")]
    [InlineData("index_block_size", "1K", 8 * M, "2048 to 65536")]
    [InlineData("index_block_size", "", 8 * M, "2048 to 65536")]
    [InlineData("log_size", "100K", 8 * M, "262144 to")]
    [InlineData("log_size", "7M", 8 * M, "a smaller log_size")]
    [InlineData("mft_zone", "5", 8 * M, "1 to 4")]
    [InlineData("heads", "65536", 8 * M, "0 to 65535")]
    [InlineData("sectors_per_track", "x", 8 * M, "0 to 65535")]
    [InlineData("hidden_sectors", "4294967296", 8 * M, "0 to 4294967295")]
    [InlineData("drive_number", "256", 8 * M, "0 to 255")]
    [InlineData("compression", "maybe", 8 * M, "needs on or off")]
    [InlineData("compression", "on", 17 * T, "clusters of at most 4096 bytes")]
    [InlineData("heads", "255", M - 1, "at least 1048576")]
    [InlineData("heads", "255", 9 * P, "too long for NTFS")]
    public void A_wrong_option_is_refused_with_what_would_be_right(string key, string value, long length, string expected)
    {
        using var device = new SparseDevice(length);
        var e = Assert.Throws<ArgumentException>(() => NtfsFormatter.Format(device, Format((key, value))));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
        Assert.Equal(0, device.Written);
    }

    [Fact]
    public void What_does_not_fit_is_refused_before_anything_is_written()
    {
        using var device = new SparseDevice(8 * M);
        Refused(Format(("compression", "on"), ("cluster_size", "8K")), "at most 4096 bytes");
        Refused(Format() with { Label = new string('x', 129) }, "at most 128");
        Refused(Format() with { Label = "a\0b" }, "character 0");
        Refused(Format() with { Id = "1A2B-3C4D" }, "sixteen hex digits");
        Refused(Format() with { Id = "" }, "sixteen hex digits");
        Refused(Format() with { Type = "fat" }, "is not ntfs");
        Refused(Format() with { PartitionOffset = 100 }, "multiple of the sectors' 512");
        Refused(Format() with { PartitionOffset = -512 }, "multiple of the sectors' 512");
        using var large = new SparseDevice(8 * M, 4096);
        Assert.Contains("less than the device's own", Assert.Throws<ArgumentException>(() => NtfsFormatter.Format(large, Format(("sector_size", "512")))).Message, StringComparison.Ordinal);

        void Refused(FormatOptions options, string expected)
        {
            Assert.Contains(expected, Assert.Throws<ArgumentException>(() => NtfsFormatter.Format(device, options)).Message, StringComparison.Ordinal);
            Assert.Equal(0, device.Written);
        }
    }

    [Fact]
    public void A_label_has_up_to_128_units()
    {
        foreach (var label in new[] { "x", "日本語 😀", new string('ß', 128), "half \uD83D" })
        {
            using var device = new SparseDevice(8 * M);
            NtfsFormatter.Format(device, Format() with { Label = label });
            using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
            Assert.Equal(label, volume.Info.Label);
        }
    }

    [Fact]
    public void The_volumes_own_files_have_the_descriptors_of_mkntfs()
    {
        using var device = new SparseDevice(8 * M);
        NtfsFormatter.Format(device, Format());
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        const string readOnly = "O:BAG:BAD:(A;;FR;;;SY)(A;;FR;;;BA)", writable = "O:BAG:BAD:(A;;0x12019f;;;SY)(A;;0x12019f;;;BA)";
        Assert.Equal((readOnly, readOnly, writable, writable, writable), (Descriptor("/$MFT"), Descriptor("/$UpCase"), Descriptor("/$Secure"), Descriptor("/$Extend"), Descriptor("/$Extend/$ObjId")));
        Assert.Equal("O:SYG:BAD:(A;;FR;;;SY)(A;;FR;;;BA)", Descriptor("/$Boot"));
        Assert.Equal("O:SYG:BAD:(A;;0x12019f;;;SY)(A;;0x12019f;;;BA)", Descriptor("/$Volume"));
        Assert.StartsWith("O:SYG:SYD:(A;;FA;;;BA)(A;OICIIO;GA;;;BA)(A;;FA;;;SY)", Sddl.Format(volume.GetFormatAttributes(volume.RootId)["system.ntfs_security"]), StringComparison.Ordinal);
        Assert.Equal(4140, volume.GetFormatAttributes(volume.RootId)["system.ntfs_security"].Length);

        string? Descriptor(string path) => Sddl.Format(volume.GetFormatAttributes(volume.Find(path).Id)["system.ntfs_security"]);
    }

    [Fact]
    public void The_table_of_capitals_has_the_checksum_that_chkdsk_looks_for()
    {
        // CRC-64/NVME.
        var crc = ulong.MaxValue;
        foreach (var b in NtfsStandardUpcase.Table())
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? crc >> 1 ^ 0x9A6C9329AC4BC9B5 : crc >> 1;
        }
        Assert.Equal(NtfsStandardUpcase.Checksum, ~crc);
        var table = new NtfsUpcase(NtfsStandardUpcase.Table());
        Assert.Equal("AÄΩЯᾼꜢＺß", string.Concat("aäωяᾳꜣｚß".Select(table.Up)));
    }

    private static DosAttributes RootAttributes(params (string, string)[] options)
    {
        using var device = new SparseDevice(8 * M);
        NtfsFormatter.Format(device, Format(options));
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        return volume.GetMetadata(volume.RootId).DosAttributes!.Value;
    }

    // Everything that can be said of an empty volume without the plan that made it.
    private static void Verify(SparseDevice device, (int Sector, int Cluster, int Record, int Block) sizes, bool isLabelled = true)
    {
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        var geometry = volume.Geometry;
        Assert.Equal(sizes, (geometry.SectorSize, geometry.ClusterSize, geometry.RecordSize, geometry.IndexBlockSize));
        Assert.Empty(geometry.Remarks);
        Assert.Equal((device.Length / sizes.Sector - 1) * sizes.Sector, geometry.Length);
        Assert.Equal(geometry.SerialNumber, NtfsGeometry.FindCopy(device)!.SerialNumber);
        Assert.True(volume.Info.IsClean);
        Assert.Equal(isLabelled ? "Größe 😀" : null, volume.Info.Label);
        Assert.Empty(volume.Root.Entries);
        foreach (var name in new[] { "$MFT", "$MFTMirr", "$LogFile", "$Volume", "$AttrDef", "$Bitmap", "$Boot", "$BadClus", "$Secure", "$UpCase", "$Extend" })
            Assert.Equal(name, volume.Find("/" + name).Name);
        Assert.Equal(["$ObjId", "$Quota", "$Reparse"], volume.Find("/$Extend").Entries.Select(e => e.Name));
        Assert.Equal(NtfsStandardUpcase.Table(), ReadAll(volume, "/$UpCase"));
        Assert.Equal(NtfsAttributeDefinitions.Table(), ReadAll(volume, "/$AttrDef"));
        Assert.Equal(NtfsLogCondition.Empty, volume.LogState.Condition);

        // Every cluster in use belongs to one attribute of one record, and to no two.
        var used = new RangeSet();
        for (var number = 0L; number < volume.Mft.Count; number++)
        {
            var record = volume.Mft.Read(number);
            Assert.Equal(number, (uint)record.Header.RecordNumber);
            if (!record.IsInUse)
                continue;
            var file = volume.OpenSystemFile(number);
            foreach (var place in file.Places)
            {
                var attribute = file.Resolve(place, out _);
                if (attribute.IsResident)
                    continue;
                Assert.Equal((long)(ulong)attribute.NonResident.AllocatedSize, attribute.EndVcn << geometry.ClusterShift);
                foreach (var run in file.Open(place.Type, place.Name)!.Runs.Runs)
                {
                    if (run.IsHole)
                        continue;
                    Assert.False(used.Overlaps(run.Lcn, run.Count), $"record {number}: clusters {run.Lcn}..{run.Lcn + run.Count - 1} have another owner");
                    used.Add(run.Lcn, run.Count);
                }
            }
        }
        Assert.Equal(geometry.ClusterCount - used.Total << geometry.ClusterShift, volume.FreeBytes);
        var ranges = volume.AllocatedRanges().ToList();
        Assert.Equal(device.Length / sizes.Sector * sizes.Sector, ranges[^1].End);
        Assert.Equal(used.Select(r => (r.Start << geometry.ClusterShift, r.End << geometry.ClusterShift)).Where(r => r.Item2 < geometry.Length),
            ranges.Select(r => (r.Offset, r.End)).Where(r => r.End < geometry.Length));
        var bitmap = ReadAll(volume, "/$Bitmap");
        Assert.Equal(0, bitmap.Length % 8);
        for (var bit = geometry.ClusterCount; bit < bitmap.Length * 8L; bit++)
            Assert.True((bitmap[bit / 8] & 1 << (int)(bit % 8)) != 0, $"bit {bit} stands for no cluster and is clear");

        Assert.Empty(NtfsChecker.Check(device, CheckOptions.Default).Findings);

        var (mft, mirror) = (ReadAll(volume, "/$MFT"), ReadAll(volume, "/$MFTMirr"));
        Assert.Equal(Math.Max(4 * sizes.Record, sizes.Cluster), mirror.Length);
        Assert.Equal(mft[..mirror.Length], mirror);
    }

    private static byte[] ReadAll(NtfsVolume volume, string path)
    {
        using var stream = volume.Find(path).OpenRead();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    private static FormatOptions Format(params (string Key, string Value)[] options) =>
        new() { Type = "ntfs", Clock = new SettableClock(), Options = options.ToDictionary(o => o.Key, o => o.Value) };

    private static NtfsFormatOptions Own(params (string, string)[] options) => NtfsFormatOptions.Read(Format(options), 512);
}
