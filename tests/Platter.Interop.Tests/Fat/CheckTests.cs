using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Fat;

/// <summary>Each kind of damage, made on purpose on sound volumes of every width, gives its own finding and no other.</summary>
public class CheckTests
{
    private static readonly Lazy<IReadOnlyList<byte[]>> Bases = new(() =>
    {
        using var folder = new TempFolder();
        return DamagedVolume.MakeBases(folder);
    });

    // Where: 0 for all widths, or the only one that has the structure. Codes in the order of the report, notes included; "*" stands
    // for whatever else follows from the damage.
    private sealed record Damage(string Name, FatWidth Where, string Codes, Action<SoundVolume> Do);

    private const FatWidth Any = 0, Fixed = (FatWidth)1, NotTwelve = (FatWidth)2;

    private static readonly Damage[] Damages =
    [
        new("a device shorter than a boot sector", Any, "FAT-0001", v => v.Bytes = v.Bytes[..400]),
        new("a sector size of 0", Fixed, "FAT-0002", v => v.Boot.BytesPerSector = 0),
        new("3 sectors per cluster", Fixed, "FAT-0003", v => v.Boot.SectorsPerCluster = 3),
        new("no reserved sector", Fixed, "FAT-0004", v => v.Boot.ReservedSectors = 0),
        new("no FAT", Fixed, "FAT-0005", v => v.Boot.FatCount = 0),
        new("a FAT of 0 sectors", FatWidth.Fat32, "FAT-0006 FAT-0101 *", v => v.Boot32.FatSectors = 0),
        new("no root entries", Fixed, "FAT-0007", v => v.Boot.RootEntries = 0),
        new("too few sectors in all", Fixed, "FAT-0008", v => v.Boot.TotalSectors16 = 20),
        new("a device that ends within the FATs", Any, "FAT-0009 *", v => v.Bytes = v.Bytes[..(int)v.Geometry.FatOffset(1)]),
        new("no room for a cluster", Fixed, "FAT-0010", v => { v.Boot.TotalSectors16 = (ushort)(v.Geometry.DataOffset / 512 + 1); v.Boot.SectorsPerCluster = 2; }),
        new("a root cluster of 1", FatWidth.Fat32, "FAT-0011 FAT-0101 FAT-0102", v => v.Boot32.RootCluster = 1),
        new("an active FAT that is not there", FatWidth.Fat32, "FAT-0012 FAT-0101 FAT-0102", v => v.Boot32.ExtFlags = 0x85),
        new("no boot signature", Fixed, "FAT-0013", v => v.Bytes[0x1FE] = 0),
        new("more clusters than the FAT has entries", FatWidth.Fat16, "FAT-0014", v => { v.Bytes = [.. v.Bytes, .. new byte[2 << 20]]; v.Boot.TotalSectors16 = (ushort)(v.Bytes.Length / 512); }),
        new("a device that ends before the volume", Any, "FAT-0015", v => v.Bytes = v.Bytes[..^512]),
        new("a media byte that does not exist", Fixed, "FAT-0016 FAT-0112", v => v.Boot.Media = 0x12),
        new("a root of half a sector", Fixed, "FAT-0017 *", v => v.Boot.RootEntries -= 8),
        new("an unreadable boot sector", FatWidth.Fat32, "FAT-0002 FAT-0101 FAT-0102", v => v.Bytes.AsSpan(0, 512).Clear()),
        new("a backup of another layout", FatWidth.Fat32, "FAT-0102", v => v.Bytes[6 * 512 + 0x24]++),
        new("a backup with another label", FatWidth.Fat32, "FAT-0102", v => v.Bytes[6 * 512 + 0x47]++),
        new("no backup", FatWidth.Fat32, "FAT-0103", v => v.Boot32.BackupBootSector = 0),
        new("an information sector without its signature", FatWidth.Fat32, "FAT-0104", v => v.Info.Structure = 7),
        new("a wrong free count", FatWidth.Fat32, "FAT-0105", v => v.Info.FreeClusters = 7),
        new("an unknown free count", FatWidth.Fat32, "FAT-0106", v => v.Info.FreeClusters = FatInfoSector.Unknown),
        new("a next free cluster that is none", FatWidth.Fat32, "FAT-0107", v => v.Info.NextFree = 0x00FFFFFF),
        new("no information sector", FatWidth.Fat32, "FAT-0102 FAT-0108", v => v.Boot32.InfoSector = 0),
        new("the dirty bit", Any, "FAT-0109", v => v.Extended.State = FatStateFlags.Dirty),
        new("the clean bit missing in the FAT", NotTwelve, "FAT-0110", v => v[1] = v.Width == FatWidth.Fat32 ? 0x07FFFFFFu : 0x7FFF),
        new("the error bit in the FAT", NotTwelve, "FAT-0111", v => v[1] = v.Width == FatWidth.Fat32 ? 0x0BFFFFFFu : 0xBFFF),
        new("another media byte in the FAT", Any, "FAT-0112", v => v[0] = 0x0FFFFFFA),
        new("an overwritten head of the FAT", Any, "FAT-0112", v => v[0] = 0),
        new("a FAT copy that differs", Any, "FAT-0113", v => v.SetEntry(1, v.FirstCluster("/ONE.BYT"), 0)),
        new("clusters marked bad", Any, "FAT-0117", v => { v[v.Geometry.LastCluster] = FatTable.Bad; FixFree(v, -1); }),
        new("a surface test asked for", Any, "FAT-0118", v => v.Extended.State = FatStateFlags.SurfaceTest),
        new("a version of FAT32 that does not exist", FatWidth.Fat32, "FAT-0119 FAT-0101 FAT-0102", v => v.Boot32.Version = 0x100),

        new("a start beyond the last cluster", Any, "FAT-0120 FAT-0129", v => v.SetFirstCluster("/ONE.BYT", v.Geometry.LastCluster + 1)),
        new("a start at cluster 1", Any, "FAT-0120 FAT-0129", v => v.SetFirstCluster("/ONE.BYT", 1)),
        new("a chain into a free cluster", Any, "FAT-0121 FAT-0129", v => Link(v, v.Geometry.LastCluster - 5)),
        new("a chain into a bad cluster", Any, "FAT-0122 FAT-0117 FAT-0129", v => { v[v.Geometry.LastCluster] = FatTable.Bad; Link(v, v.Geometry.LastCluster); FixFree(v, -1); }),
        new("a link out of range", Any, "FAT-0123 FAT-0129", v => Link(v, v.Geometry.LastCluster + 1)),
        new("a link to cluster 1", Any, "FAT-0123 FAT-0129", v => Link(v, 1)),
        new("a loop", Any, "FAT-0124 FAT-0129", v => Link(v, v.FirstCluster(Long))),
        new("a loop of one", Any, "FAT-0124", v => v[v.FirstCluster("/ONE.BYT")] = v.FirstCluster("/ONE.BYT")),
        new("two files that share clusters", Any, "FAT-0125 FAT-0127 FAT-0129", v => Link(v, v.FirstCluster("/SUB/CLUSTER.BIN"))),
        new("a chain longer than the size", Any, "FAT-0126", v => v.Slot(Long).Length = 100),
        new("a chain shorter than the size", Any, "FAT-0127", v => v.Slot(Long).Length = 100_000),
        new("a size of 4 GiB", Any, "FAT-0127", v => v.Slot(Long).Length = uint.MaxValue),
        new("a size without clusters", Any, "FAT-0127", v => v.Slot("/EMPTY").Length = 5),
        new("an empty file with a cluster", Any, "FAT-0128", v => v.Slot("/ONE.BYT").Length = 0),
        new("lost clusters", Any, "FAT-0129", v => { v[v.Geometry.LastCluster - 3] = v.Geometry.LastCluster - 2; v[v.Geometry.LastCluster - 2] = 0x0FFFFFFF; FixFree(v, -2); }),
        new("a lost ring", Any, "FAT-0129", v => { v[v.Geometry.LastCluster] = v.Geometry.LastCluster - 1; v[v.Geometry.LastCluster - 1] = v.Geometry.LastCluster; FixFree(v, -2); }),

        new("a directory with a size", Any, "FAT-0140", v => v.Slot("/SUB").Length = 512),
        new("a \"..\" with a size", Any, "FAT-0140", v => v.Slot(v.Directory("/SUB") + 32).Length = 512),
        new("a directory without a cluster", Any, "FAT-0141 FAT-0129", v => v.SetFirstCluster("/SUB", 0)),
        new("a missing \".\"", Any, "FAT-0142", v => v.Bytes[v.Directory("/SUB")] = 0xE5),
        new("a \".\" that is no directory", Any, "FAT-0142", v => v.Slot(v.Directory("/SUB")).Attributes = 0x20),
        new("a missing \"..\"", Any, "FAT-0143", v => v.Bytes[v.Directory("/SUB") + 32] = 0xE5),
        new("a \".\" that points elsewhere", Any, "FAT-0144", v => v.Slot(v.Directory("/SUB")).ClusterLow += 1),
        new("a \"..\" that points elsewhere", Any, "FAT-0145", v => v.Slot(v.Directory("/SUB") + 32).ClusterLow += 9),
        new("a \"..\" in the root", Any, "FAT-0146", v => "..         "u8.CopyTo(v.Bytes.AsSpan(v.Find("/EMPTY")))),
        new("a directory within itself", Any, "FAT-0147 FAT-0129", v => v.SetFirstCluster("/SUB/DEEPER~1", v.FirstCluster("/SUB"))),
        new("an end mark before the last entry", Any, "FAT-0148 FAT-0129", v => v.Bytes[v.Find("/SUB/DEEPER~1") - 64] = 0),
        new("a directory of more than 65,536 slots", NotTwelve, "FAT-0149", MakeHuge),

        new("a control character in a short name", Any, "FAT-0160", v => v.Bytes[v.Find("/EMPTY") + 1] = 0x07),
        new("a forbidden character in a short name", Any, "FAT-0160", v => v.Bytes[v.Find("/EMPTY") + 1] = (byte)'*'),
        new("a blank short name", Any, "FAT-0160", v => v.Bytes.AsSpan(v.Find("/EMPTY"), 5).Fill((byte)' ')),
        new("a short name twice", Any, "FAT-0161", v => "ONE     BYT"u8.CopyTo(v.Bytes.AsSpan(v.Find("/EMPTY")))),
        new("a long name twice, in another case", Any, "FAT-0162", v => Retitle(v, "file number 3.dat", "FILE NUMBER 7.DAT")),
        new("a long name without its entry", Any, "FAT-0163 FAT-0129", v => v.Bytes[v.Find(Long)] = 0xE5),
        new("a short name changed under a long one", Any, "FAT-0164", v => v.Bytes[v.Find(Long)] = (byte)'Z'),
        new("pieces of a long name out of order", Any, "FAT-0165", v => v.Bytes[v.Find(Long) - 32] = 3),
        new("a long name without its start", Any, "FAT-0165", v => v.Bytes[v.Find(Long) - 3 * 32] &= 0xBF),
        new("a type in a piece of a long name", Any, "FAT-0166", v => v.Bytes[v.Find(Long) - 32 + 0x0C] = 1),
        new("a cluster in a piece of a long name", Any, "FAT-0166", v => v.Bytes[v.Find(Long) - 32 + 0x1A] = 1),
        new("a forbidden character in a long name", Any, "FAT-0167", v => v.Bytes[v.Find(Long) - 32 + 1] = (byte)':'),
        new("a long name padded with zeros", Any, "FAT-0168", v => v.Bytes[v.Find(Long) - 3 * 32 + 0x1E] = 0),
        new("reserved attribute bits", Any, "FAT-0169", v => v.Slot("/EMPTY").Attributes |= 0x80),
        new("an entry marked as having no short name", Any, "FAT-0169", v => v.Slot("/EMPTY").Case = (FatCaseFlags)0x20),
        new("a 31st of February", Any, "FAT-0170", v => v.Slot("/EMPTY").ModifiedDate = 40 << 9 | 2 << 5 | 31),

        new("a label in a directory", Any, "FAT-0180", v => v.Slot(AddSlot(v, v.FirstCluster("/SUB"), "OTHER      "u8)).Attributes = 8),
        new("two labels in the root", Any, "FAT-0181", v => v.Slot(AddSlot(v, v.Geometry.RootCluster, "OTHER      "u8)).Attributes = 8),
        new("another label in the boot sector", Any, "FAT-0182 #FAT-0102", v => "OTHER      "u8.CopyTo((Span<byte>)v.Extended.Label)),
        new("a label in the boot sector alone", Any, "FAT-0183", v => v.Bytes[LabelSlot(v)] = 0xE5),
        new("a label in the root alone", Any, "FAT-0184 #FAT-0102", v => "NO NAME    "u8.CopyTo((Span<byte>)v.Extended.Label)),
        new("a label with a dot", Any, "FAT-0185 FAT-0185 #FAT-0102", v => { v.Bytes[LabelSlot(v) + 2] = (byte)'.'; v.Bytes[v.Geometry.ExtendedRecordOffset + 9] = (byte)'.'; }),
        new("a label with a size", Any, "FAT-0186", v => v.Slot(LabelSlot(v)).Length = 1),
        new("a blank label in the boot sector", Any, "FAT-0187 FAT-0184 #FAT-0102", v => ((Span<byte>)v.Extended.Label).Fill((byte)' ')),
    ];

    private const string Long = "/ARATHE~1.TEX";

    public static TheoryData<string> DamageNames => [.. Damages.Select(d => d.Name)];

    [Theory, MemberData(nameof(DamageNames))]
    public void Damage_is_found_with_its_code_and_no_other(string name)
    {
        var damage = Damages.Single(d => d.Name == name);
        var tried = 0;
        foreach (var image in Bases.Value)
        {
            var volume = new SoundVolume((byte[])image.Clone());
            if (!(damage.Where switch { Any => true, Fixed => volume.Width != FatWidth.Fat32, NotTwelve => volume.Width != FatWidth.Fat12, _ => damage.Where == volume.Width }))
                continue;
            damage.Do(volume);
            var report = volume.Check();

            // The free count of FAT32 is off after most damage to a chain, so it counts only where it is the subject.
            // "#" marks what FAT32 alone has besides: the backup that no longer agrees.
            var expected = damage.Codes.Split(' ').Where(c => c[0] != '#' || volume.Width == FatWidth.Fat32).Select(c => c.TrimStart('#')).Order().ToList();
            var found = report.Findings.Select(f => f.Code).Where(c => c != "FAT-0105" || expected.Contains("FAT-0105")).ToList();
            var ok = expected.Remove("*") ? expected.All(found.Contains) : found.Distinct().Order().SequenceEqual(expected.Distinct());
            Assert.True(ok, $"{damage.Name} on {volume.Width}: expected {damage.Codes}, found\n{string.Join('\n', report.Findings)}");
            tried++;
        }
        Assert.True(tried > 0, "no volume has this structure");
    }

    [Fact]
    public void Sound_volumes_have_no_findings()
    {
        foreach (var image in Bases.Value)
            Assert.Empty(new SoundVolume(image).Check().Findings);
    }

    [Fact]
    public void Every_code_is_made_by_a_test_and_stands_in_the_docs()
    {
        var source = string.Concat(Directory.GetFiles(Path.Combine(Corpus.Repository, "src/Platter/FileSystems/Fat"), "*.cs").Select(File.ReadAllText));
        var codes = System.Text.RegularExpressions.Regex.Matches(source, "(?<=\")FAT-0[01][0-9]{2}(?=\")").Select(m => m.Value).Distinct().Order().ToList();
        var tested = Damages.SelectMany(d => d.Codes.Split(' ')).Select(c => c.TrimStart('#')).ToHashSet();

        // FAT-0114 is of the corpus (FAT32 of 7 clusters), FAT-0190 of a medium that fails: CheckCorpusTests, CheckLargeTests.
        var untested = codes.Where(c => !tested.Contains(c) && c is not ("FAT-0114" or "FAT-0190"));
        var docs = string.Concat(Directory.GetFiles(Path.Combine(Corpus.Repository, "docs"), "findings*.md").Select(File.ReadAllText));
        var undocumented = codes.Where(c => !docs.Contains(c, StringComparison.Ordinal));
        Assert.Equal("", string.Join(' ', untested.Concat(undocumented)));
    }

    // The long-named file of several clusters: its first cluster points elsewhere, its size is that of what is left.
    private static void Link(SoundVolume v, uint target)
    {
        var first = v.FirstCluster(Long);
        v[first] = target;
    }

    private static void FixFree(SoundVolume v, int change)
    {
        if (v.Width == FatWidth.Fat32)
            v.Info.FreeClusters = (uint)(v.Info.FreeClusters + change);
    }

    private static int LabelSlot(SoundVolume v) => v.Slots(v.Geometry.RootCluster).First(s => v.Bytes[s + 11] == 8);

    private static int AddSlot(SoundVolume v, uint directory, ReadOnlySpan<byte> name)
    {
        var slot = v.Slots(directory).First(s => v.Bytes[s] == 0);
        name.CopyTo(v.Bytes.AsSpan(slot));
        return slot;
    }

    // Writes other units into the pieces of a long name of the same length.
    private static void Retitle(SoundVolume v, string old, string title)
    {
        var reader = new FatSlotAudit();
        var slot = v.Slots(v.FirstCluster("/MANY")).First(s => reader.Next(v.Bytes.AsSpan(s, 32)) == FatSlotKind.Entry && reader.LongName.SequenceEqual(old));
        int[] places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
        for (var i = 0; i < title.Length; i++)
            v.Bytes[slot - 32 * (i / 13 + 1) + places[i % 13]] = (byte)title[i];
    }

    // Links free clusters, full of removed entries, to a directory's chain until it is too long.
    private static void MakeHuge(SoundVolume v)
    {
        var cluster = v.FirstCluster("/SUB");
        var next = v.Geometry.LastCluster;
        var count = 65536 * 32 / v.Geometry.ClusterSize;
        for (var i = 0; i < count; i++, cluster = next--)
            v[cluster] = next;
        v[cluster] = 0x0FFFFFFF;
        FixFree(v, -count);
    }
}
