using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Primitives;
using Platter.Testing.Blocks;
using Platter.Testing.ExFat;
using Xunit;

namespace Platter.Tests.FileSystems.ExFat;

/// <summary>Each kind of damage, made on purpose on sound volumes of several sector and cluster sizes, gives its own finding and no other.</summary>
public class ExFatCheckTests
{
    private const string Long = "contiguous with a rather long name.bin", Chained = "chained.bin", Deep = "dir/deeper directory";

    // Codes in the order of the report, notes included; "*" stands for whatever else follows from the damage.
    private sealed record Damage(string Name, string Codes, Action<HandmadeExFat> Do);

    private static readonly Damage[] Damages =
    [
        new("a device shorter than a boot region", "EXF-0001", v => v.Bytes = v.Bytes[..600]),
        new("another name in the main boot sector", "EXF-0002 EXF-0015 EXF-0022", v => v.Boot.FileSystemName[0] = 0),
        new("a FAT's parameters in the main boot sector", "EXF-0003 EXF-0015 EXF-0022", v => v.Boot.MustBeZero[2] = 2),
        new("no boot signature", "EXF-0004 EXF-0015 EXF-0022", v => v.Boot.BootSignature = 0),
        new("sectors of 8 KiB", "EXF-0005 EXF-0022", v => v.Boot.BytesPerSectorShift = 13),
        new("clusters of 64 MiB", "EXF-0006 EXF-0015 EXF-0022", v => v.Boot.SectorsPerClusterShift = 20),
        new("no FAT", "EXF-0007 EXF-0015 EXF-0022", v => v.Boot.NumberOfFats = 0),
        new("a volume without sectors", "EXF-0008 EXF-0015 EXF-0022", v => v.Boot.VolumeLength = 0),
        new("a FAT in the boot region", "EXF-0009 EXF-0015 EXF-0022", v => v.Boot.FatOffset = 3),
        new("a FAT of no sectors", "EXF-0010 EXF-0015 EXF-0022", v => v.Boot.FatLength = 0),
        new("a device that ends within the FAT", "EXF-0011", v => v.Bytes = v.Bytes[..((int)v.Geometry.HeapOffset - 512)]),
        new("more clusters than there is room for", "EXF-0012 EXF-0015 EXF-0022", v => v.Boot.ClusterCount += 1),
        new("a root in cluster 0", "EXF-0013 EXF-0015 EXF-0022", v => v.Boot.RootCluster = 0),
        new("a volume of less than 1 MiB", "EXF-0014", MakeSmall),
        new("a changed serial number", "EXF-0015 EXF-0022", v => v.Boot.SerialNumber = 7),
        new("another jump", "EXF-0016", v => { v.Boot.Jump[1] = 0x58; v.SealBoot(); }),
        new("an extended boot sector without its signature", "EXF-0017", v => { v.Bytes[4 * v.Geometry.SectorSize - 1] = 0; v.SealBoot(); }),
        new("a device that ends before the volume", "EXF-0018", v => v.Bytes = v.Bytes[..^512]),
        new("111 per cent in use", "EXF-0019", v => v.Boot.PercentInUse = 111),
        new("fewer clusters than there is room for", "EXF-0020", v => { v.Boot.ClusterCount -= 1; v.SealBoot(); }),
        new("a second FAT that is active but not there", "EXF-0021", v => v.Boot.VolumeFlags.Flags = ExFatVolumeFlags.ActiveFat),
        new("a wiped backup", "EXF-0023", v => v.Bytes.AsSpan(12 * v.Geometry.SectorSize, 512).Clear()),
        new("a backup of another revision", "EXF-0023", v => { v.Bytes[12 * v.Geometry.SectorSize + 105] = 7; ExFatBootRegion.Seal(v.Bytes.AsSpan(12 * v.Geometry.SectorSize, 12 * v.Geometry.SectorSize)); }),
        new("a backup with another serial number", "EXF-0024", v => { v.Boot.SerialNumber = 7; ExFatBootRegion.Seal(v.Bytes.AsSpan(0, 12 * v.Geometry.SectorSize)); }),
        new("the dirty bit", "EXF-0025", v => v.Boot.VolumeFlags.Flags = ExFatVolumeFlags.VolumeDirty),
        new("a failed medium", "EXF-0026", v => v.Boot.VolumeFlags.Flags = ExFatVolumeFlags.MediaFailure),
        new("a wrong percentage", "EXF-0027", v => v.Boot.PercentInUse = 77),
        new("no percentage", "", v => v.Boot.PercentInUse = 0xFF),
        new("a flag that means nothing", "EXF-0028", v => v.Boot.VolumeFlags.Flags = ExFatVolumeFlags.ClearToZero),
        new("another media type in the FAT", "EXF-0030", v => v[0] = 0xFFFFFFF0),
        new("an overwritten second entry of the FAT", "EXF-0031", v => v[1] = 0),
        new("a second FAT that differs", "EXF-0032 EXF-0035", MakeSecondFat),
        new("another major revision", "EXF-0033", v => { v.Boot.Revision = 0x0200; v.SealBoot(); }),

        new("no bitmap", "EXF-0035", v => v.BitmapEntry.Type = 1),
        new("two bitmaps", "EXF-0036", v => v.AddEntries("", OnDisk.Bytes(in v.BitmapEntry))),
        new("a bitmap of a FAT that is not there", "EXF-0036", v => { var b = v.BitmapEntry; b.Flags = 1; v.AddEntries("", OnDisk.Bytes(in b)); }),
        new("a bitmap that is too long", "EXF-0037", v => v.BitmapEntry.DataLength += 1),
        new("a bitmap that is too short", "EXF-0037", v => v.BitmapEntry.DataLength -= 1),
        new("a bitmap that starts outside", "EXF-0060", v => v.BitmapEntry.FirstCluster = 1),
        new("a bitmap whose chain ends early", "EXF-0037 EXF-0068", v => { v.BitmapEntry.DataLength = (ulong)v.Geometry.ClusterSize + 1; v[v.BitmapEntry.FirstCluster] = 0xFFFFFFFF; }),
        new("a root that the bitmap does not have", "EXF-0070", v => v.Mark(v.Geometry.RootCluster, false)),
        new("bits behind the last cluster", "EXF-0020 EXF-0072", v => { v.Boot.ClusterCount -= 3; v.SealBoot(); v.Bytes[(int)v.Geometry.ClusterOffset(2) + (int)v.Geometry.BitmapLength - 1] |= 0x80; }),

        new("no up-case table", "EXF-0040 EXF-0071", v => v.UpcaseEntry.Type = 2),
        new("an up-case table of an odd length", "EXF-0041", v => v.UpcaseEntry.DataLength -= 1),
        new("an up-case table without end", "EXF-0068 EXF-0041", v => v.UpcaseEntry.DataLength = ulong.MaxValue),
        new("a changed up-case table", "EXF-0042", v => v.Bytes[(int)v.Geometry.ClusterOffset(v.UpcaseEntry.FirstCluster) + 200] ^= 1),
        new("an up-case table of too many characters", "EXF-0043", v => SetUpcase(v, [.. Enumerable.Range(0, 128).Select(i => (ushort)char.ToUpperInvariant((char)i)), 0xFFFF, 0xFFF0])),
        new("an up-case table without the letters", "EXF-0044", v => SetUpcase(v, [.. Enumerable.Range(0, 128).Select(i => (ushort)i)])),
        new("two up-case tables", "EXF-0045", v => v.AddEntries("", OnDisk.Bytes(in v.UpcaseEntry))),
        new("an up-case table of the mandatory characters", "EXF-0046", v => SetUpcase(v, [.. Enumerable.Range(0, 128).Select(i => (ushort)char.ToUpperInvariant((char)i))])),

        new("two labels", "EXF-0047", v => v.AddEntries("", OnDisk.Bytes(in v.LabelEntry))),
        new("a label of 12 characters", "EXF-0048", v => v.LabelEntry.CharacterCount = 12),
        new("a label with a slash", "EXF-0049", v => v.LabelEntry.Units[2] = (byte)'/'),
        new("two volume GUIDs", "EXF-0050", v => v.AddVolumeGuid(Guid.NewGuid())),
        new("a changed volume GUID", "EXF-0051", v => v.Bytes[v.SlotOffset("", 3) + 10] ^= 1),
        new("a volume GUID of zeros", "EXF-0050 EXF-0051", v => v.AddVolumeGuid(Guid.Empty)),

        new("a start beyond the last cluster", "EXF-0060 EXF-0071", v => Start(v, Chained, v.Geometry.LastCluster + 1)),
        new("a start at cluster 1", "EXF-0060 EXF-0071", v => Start(v, "one.byt", 1)),
        new("a chain into a bad cluster", "EXF-0062 EXF-0073 EXF-0071", v => v[v.Stream(Chained).FirstCluster - 1] = 0xFFFFFFF7),
        new("a chain into a free cluster", "EXF-0063 EXF-0071", v => v[v.Stream(Chained).FirstCluster - 1] = 0),
        new("a link out of range", "EXF-0063 EXF-0071", v => v[v.Stream(Chained).FirstCluster] = v.Geometry.LastCluster + 1),
        new("a loop", "EXF-0064 EXF-0071", v => v[v.Stream(Chained).FirstCluster - 2] = v.Stream(Chained).FirstCluster),
        new("a loop of one", "EXF-0064", v => v[v.Stream("last").FirstCluster] = v.Stream("last").FirstCluster),
        new("a chain into another file", "EXF-0065 EXF-0071", v => v[v.Stream(Chained).FirstCluster] = v.Stream(Long).FirstCluster),
        new("a run into another file", "EXF-0065 EXF-0071", v => { v.Stream("one.byt").DataLength = v.Stream("one.byt").ValidDataLength = 3 * (ulong)v.Geometry.ClusterSize; v.Seal("one.byt"); }),
        new("a run that goes past the last cluster", "EXF-0066 EXF-0070 EXF-0071", v => Start(v, Long, v.Geometry.LastCluster - 1)),
        new("a chain longer than the size", "EXF-0067", v => { v.Stream(Chained).DataLength = v.Stream(Chained).ValidDataLength = 100; v.Seal(Chained); }),
        new("a chain shorter than the size", "EXF-0068", v => { v.Stream(Chained).DataLength += 1; v.Seal(Chained); }),
        new("an empty file with a cluster", "EXF-0103 EXF-0069 EXF-0071", v => { v.Stream("one.byt").DataLength = v.Stream("one.byt").ValidDataLength = 0; v.Seal("one.byt"); }),
        new("a size without clusters", "EXF-0069", v => { v.Stream("empty").DataLength = 5; v.Seal("empty"); }),
        new("a file that is marked free", "EXF-0070", v => v.Mark(v.Stream(Long).FirstCluster + 3, false)),
        new("a chain that is marked free", "EXF-0070", v => v.Mark(v.Stream(Chained).FirstCluster - 2, false)),
        new("lost clusters", "EXF-0071", v => { v.Mark(v.NextCluster + 5, true); v.Mark(v.NextCluster + 6, true); v.Mark(v.NextCluster + 9, true); }),
        new("a bad cluster", "EXF-0073", v => { v.Mark(v.NextCluster + 5, true); v[v.NextCluster + 5] = 0xFFFFFFF7; }),
        new("a file behind the end of a device cut short", "EXF-0018 EXF-0074", v => { v.Mark(v.Stream("last").FirstCluster, false); Start(v, "last", v.Geometry.LastCluster); v.Mark(v.Geometry.LastCluster, true); v[v.Geometry.LastCluster] = 0xFFFFFFFF; v.Bytes = v.Bytes[..(int)v.Geometry.ClusterOffset(v.Geometry.LastCluster - 1)]; }),
        new("an unusual end mark", "EXF-0075", v => v[v.Stream("last").FirstCluster] = 0xFFFFFFF8),

        new("an entry behind the end", "EXF-0080 EXF-0071", v => v.Bytes[v.Find("vendor")] = 0),
        new("a critical entry nobody knows", "EXF-0081", v => v.AddEntries("dir", [0x86, .. new byte[31]])),
        new("a benign entry nobody knows", "EXF-0082", v => v.AddEntries("dir", [0xA5, .. new byte[31]])),
        new("a stream of no file", "EXF-0083", v => v.AddEntries("dir", [0xC0, .. new byte[31]])),
        new("a bitmap in a directory", "EXF-0084", v => v.AddEntries("dir", OnDisk.Bytes(in v.BitmapEntry))),
        new("a directory of half a cluster", "EXF-0086", v => { v.Stream("dir").DataLength -= 32; v.Stream("dir").ValidDataLength -= 32; v.Seal("dir"); }),
        new("a directory that is not all valid", "EXF-0087", v => { v.Stream(Deep).ValidDataLength -= (ulong)v.Geometry.ClusterSize; v.Seal(Deep); }),
        new("a directory without clusters", "EXF-0088", v => { v.File("empty").Attributes = 0x10; v.Seal("empty"); }),

        new("a changed entry", "EXF-0090", v => v.Bytes[v.EntryOffset(Chained, 0) + 8] ^= 1),
        new("one secondary entry", "EXF-0091 EXF-0083 EXF-0071", v => { v.File("one.byt").SecondaryCount = 1; v.Seal("one.byt"); }),
        new("a set that another cuts off", "EXF-0092 EXF-0071", v => v.File("one.byt").SecondaryCount = 5),
        new("a set that the directory cuts off", "EXF-0092 EXF-0071", v => v.File("dir/deeper directory/deepest/x").SecondaryCount = 99),
        new("names before the stream", "EXF-0093 EXF-0071", v => { v.Bytes[v.EntryOffset("one.byt", 1)] = 0xC1; v.Bytes[v.EntryOffset("one.byt", 2)] = 0xC0; v.Seal("one.byt"); }),
        new("a name entry that is missing", "EXF-0094", v => { v.Stream("one.byt").NameLength = 16; v.Seal("one.byt"); }),
        new("a second stream", "EXF-0095", v => { v.Bytes[v.EntryOffset("vendor", 3)] = 0xC0; v.Seal("vendor"); }),
        new("a name without characters", "EXF-0096", v => { v.Stream("one.byt").NameLength = 0; v.Seal("one.byt"); }),
        new("a wrong name hash", "EXF-0097", v => { v.Stream("dir/GRÜN.TXT").NameHash ^= 0x100; v.Seal("dir/GRÜN.TXT"); }),
        new("a forbidden character", "EXF-0098 EXF-0097", v => { v.Bytes[v.EntryOffset("last", 2) + 4] = (byte)':'; v.Seal("last"); }),
        new("a file named dot dot", "EXF-0099", v => v.AddFile("dir/..", 0, false)),
        new("a name twice, in another case", "EXF-0100", v => v.AddFile("dir/grün.txt", 0, false)),
        new("something behind a name", "EXF-0101", v => { v.Bytes[v.EntryOffset("last", 2) + 31] = 1; v.Seal("last"); }),
        new("something right behind a name", "EXF-0101", v => { v.Bytes[v.EntryOffset("last", 2) + 10] = 1; v.Seal("last"); }),
        new("more valid data than data", "EXF-0102", v => { v.Stream(Chained).ValidDataLength += 1; v.Seal(Chained); }),
        new("an empty file in one piece", "EXF-0103", v => { v.Stream("empty").Flags |= ExFatSecondaryFlags.NoFatChain; v.Seal("empty"); }),
        new("a stream that can have no clusters", "EXF-0104", v => { v.Stream(Chained).Flags = ExFatSecondaryFlags.None; v.Seal(Chained); }),
        new("a file larger than the volume", "EXF-0105 EXF-0068", v => { v.Stream(Chained).DataLength = 1UL << 40; v.Seal(Chained); }),
        new("a 31st of February", "EXF-0106", v => { v.File("last").Modified = 44u << 25 | 2u << 21 | 31u << 16; v.Seal("last"); }),
        new("a time of 200 hundredths", "EXF-0106", v => { v.File("last").CreatedTenMs = 200; v.Seal("last"); }),
        new("reserved attribute bits", "EXF-0108", v => { v.File("last").Attributes |= 0x40; v.Seal("last"); }),
        new("a vendor of zeros", "EXF-0109", v => { v.Bytes.AsSpan(v.EntryOffset("vendor", 3) + 2, 16).Clear(); v.Seal("vendor"); }),
        new("one name entry too many", "EXF-0110", v => { v.Stream(Long).NameLength = 30; v.Stream(Long).NameHash = ExFatUpcase.Standard.Hash(Long.AsSpan(0, 30)); v.Seal(Long); }),
        new("a benign secondary entry nobody knows", "EXF-0082", v => { v.Bytes[v.EntryOffset("vendor", 3)] = 0xE7; v.Seal("vendor"); }),
        new("a vendor's clusters shared with a file", "EXF-0065 EXF-0071", v => { OnDisk.Edit<ExFatVendorAllocationEntry>(v.Bytes, v.EntryOffset("vendor", 4)).FirstCluster = v.Stream(Long).FirstCluster; v.Seal("vendor"); }),
    ];

    public static TheoryData<string> DamageNames => [.. Damages.Select(d => d.Name)];

    [Theory]
    [InlineData(512, 512)]
    [InlineData(512, 4096)]
    [InlineData(512, 65536)]
    [InlineData(1024, 1024)]
    [InlineData(4096, 8192)]
    public void A_sound_volume_has_no_findings(int sectorSize, int clusterSize)
    {
        var report = HandmadeExFat.CreateFilled(8 << 20, sectorSize, clusterSize).Check(new CheckOptions { ReadData = true });
        Assert.Empty(report.Findings);
        Assert.True(report.IsClean);
    }

    [Theory]
    [MemberData(nameof(DamageNames))]
    public void Each_kind_of_damage_has_its_own_finding(string name)
    {
        var damage = Damages.Single(d => d.Name == name);
        foreach (var (sectorSize, clusterSize) in new[] { (512, 1024), (512, 4096), (4096, 4096) })
        {
            var volume = HandmadeExFat.CreateFilled(4 << 20, sectorSize, clusterSize);
            damage.Do(volume);
            var report = volume.Check();
            var expected = damage.Codes.Split(' ', StringSplitOptions.RemoveEmptyEntries);

            // How full the volume is changes with many kinds of damage.
            var found = report.Findings.Select(f => f.Code).Where(c => c != "EXF-0027" || damage.Codes == c).ToList();
            if (expected is [.., "*"])
                found = found[..Math.Min(expected.Length - 1, found.Count)];
            Assert.True(found.SequenceEqual(expected.Where(c => c != "*")), $"sectors of {sectorSize}, clusters of {clusterSize}: expected {damage.Codes}, found\n{string.Join('\n', report.Findings)}");
            Assert.Equal(report.Findings.All(f => f.Severity == Severity.Note), report.IsClean);
        }
    }

    [Fact]
    public void A_cluster_that_cannot_be_read_is_named()
    {
        var volume = HandmadeExFat.CreateFilled();
        var at = volume.Geometry.ClusterOffset(volume.Stream(Long).FirstCluster + 1);
        var report = ExFatChecker.Check(new FailingReads(new MemoryDevice(volume.Bytes), at), new CheckOptions { ReadData = true });
        var finding = Assert.Single(report.Findings);
        Assert.Equal(("EXF-0120", at), (finding.Code, finding.Offset));
    }

    [Fact]
    public void A_directory_of_more_than_256_MiB_is_not_read_to_its_end()
    {
        using var device = new SparseDevice(2L << 30);
        ExFatFormatter.Format(device, new FormatOptions { Type = "exfat", Options = new Dictionary<string, string> { ["cluster_size"] = "1M" } });
        var geometry = ExFatGeometry.Read(device);

        // The root is made 300 clusters long.
        var fat = new byte[4 * 299];
        for (var i = 0u; i < 299; i++)
            OnDisk.Edit<U32Le>(fat, 4 * (int)i) = i == 298 ? 0xFFFFFFFF : geometry.RootCluster + 2 + i;
        device.Write(geometry.FatOffset(0) + 4 * (geometry.RootCluster + 1), fat);
        U32Le second = geometry.RootCluster + 1;
        device.Write(geometry.FatOffset(0) + 4 * geometry.RootCluster, OnDisk.Bytes(in second));
        var bits = new byte[40];
        bits.AsSpan().Fill(0xFF);
        device.Write(geometry.ClusterOffset(2), bits);
        Assert.Contains(ExFatChecker.Check(device, CheckOptions.Default).Findings, f => f.Code == "EXF-0085");
    }

    [Fact]
    public void The_second_FAT_and_bitmap_of_TexFAT_are_checked_too()
    {
        var volume = HandmadeExFat.CreateFilled();
        MakeSecondFat(volume);
        var length = (int)volume.Geometry.FatLength;
        volume.Bytes.AsSpan((int)volume.Geometry.FatOffset(0), length).CopyTo(volume.Bytes.AsSpan((int)volume.Geometry.FatOffset(0) + length));
        Assert.Equal(["EXF-0035"], volume.Check().Findings.Select(f => f.Code));
    }

    // The gap between FAT and heap has room for a second FAT.
    private static void MakeSecondFat(HandmadeExFat volume)
    {
        volume.Boot.NumberOfFats = 2;
        volume.SealBoot();
    }

    private static void MakeSmall(HandmadeExFat volume)
    {
        const int length = 900 << 10;
        var clusters = (uint)((length - volume.Geometry.HeapOffset) / volume.Geometry.ClusterSize);
        volume.Boot.VolumeLength = (ulong)(length / volume.Geometry.SectorSize);
        volume.Boot.ClusterCount = clusters;
        volume.BitmapEntry.DataLength = (clusters + 7) / 8;
        volume.SealBoot();
    }

    private static void Start(HandmadeExFat volume, string path, uint cluster)
    {
        volume.Stream(path).FirstCluster = cluster;
        volume.Seal(path);
    }

    private static void SetUpcase(HandmadeExFat volume, ushort[] units)
    {
        var at = (int)volume.Geometry.ClusterOffset(volume.UpcaseEntry.FirstCluster);
        for (var i = 0; i < units.Length; i++)
            OnDisk.Edit<U16Le>(volume.Bytes, at + 2 * i) = units[i];
        volume.UpcaseEntry.DataLength = 2 * (ulong)units.Length;
        for (var cluster = volume.UpcaseEntry.FirstCluster + 1; cluster < volume.Geometry.RootCluster; cluster++)
            volume.Mark(cluster, false);
        volume[volume.UpcaseEntry.FirstCluster] = ExFatTable.EndOfChain;
        volume.UpcaseEntry.TableChecksum = ExFatChecksums.Table(volume.Bytes.AsSpan(at, 2 * units.Length));
    }

    private sealed class FailingReads(BlockDevice device, long offset) : BlockDevice
    {
        public override long Length => device.Length;
        public override bool CanWrite => false;

        public override void Flush()
        {
            // Nothing is ever written.
        }

        protected override void ReadCore(long at, Span<byte> buffer)
        {
            if (at <= offset && offset < at + buffer.Length)
                throw new IOException("the medium failed");
            device.Read(at, buffer);
        }

        protected override void WriteCore(long at, ReadOnlySpan<byte> data) => throw new NotSupportedException();
    }
}
