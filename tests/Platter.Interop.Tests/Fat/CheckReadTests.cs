using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Fat;

/// <summary>What reading and editing say of damage that they meet, where the checker would have found it first.</summary>
public class CheckReadTests
{
    private const string Long = "/a rather long name of a file.text", LongStored = "/ARATHE~1.TEX";

    private static readonly (string Code, Action<SoundVolume> Damage, Action<EditableVolume> Use)[] Cases =
    [
        ("FAT-0201", v => v.SetFirstCluster("/ONE.BYT", v.Geometry.LastCluster + 1), v => Read(v, "/ONE.BYT")),
        ("FAT-0202", v => v[v.FirstCluster(LongStored)] = v.Geometry.LastCluster + 1, v => Read(v, Long)),
        ("FAT-0203", v => v[v.FirstCluster(LongStored)] = v.FirstCluster(LongStored), v => Read(v, Long)),
        ("FAT-0206", v => v.SetFirstCluster("/SUB", 0), v => List(v, "/SUB")),
        ("FAT-0207", v => v.Slot(LongStored).Length = 100_000, v => Read(v, Long)),
        ("FAT-0208", MakeParentsCircle, v => Move(v, "many", "/SUB/deeper directory")),
        ("FAT-0209", v => v.Bytes[v.Directory("/SUB/DEEPER~1") + 32] = 0xE5, v => Move(v, "many", "/SUB/deeper directory")),
    ];

    public static TheoryData<string> Codes => [.. Cases.Select(c => c.Code)];

    [Theory, MemberData(nameof(Codes))]
    public void Damage_that_is_met_is_refused_with_its_code(string code)
    {
        var (_, damage, use) = Cases.Single(c => c.Code == code);
        using var folder = new TempFolder();
        foreach (var image in DamagedVolume.MakeBases(folder))
        {
            var sound = new SoundVolume(image);
            damage(sound);
            using var volume = FatVolume.OpenForEditing(new MemoryDevice(sound.Bytes), VolumeOptions.Default);
            Assert.Equal(code, Assert.Throws<DiskFormatException>(() => use(volume)).Code);
        }
    }

    [Fact]
    public void A_file_behind_the_end_of_the_device_is_refused()
    {
        using var folder = new TempFolder();
        foreach (var image in DamagedVolume.MakeBases(folder))
        {
            var sound = new SoundVolume(image);
            CutBehindOne(sound);
            using var volume = FatVolume.Open(new MemoryDevice(sound.Bytes), VolumeOptions.Default);
            Assert.Equal("FAT-0205", Assert.Throws<DiskFormatException>(() => Read(volume, "/ONE.BYT")).Code);
        }
    }

    [Fact]
    public void A_directory_longer_than_one_may_be_is_refused()
    {
        using var folder = new TempFolder();
        var sound = new SoundVolume(DamagedVolume.MakeBases(folder)[2]);
        var cluster = sound.FirstCluster("/SUB");
        for (var i = 0; i <= FatGeometry.MaxDirectoryBytes / sound.Geometry.ClusterSize; i++, cluster = sound.Geometry.LastCluster - (uint)i)
            sound[cluster] = sound.Geometry.LastCluster - (uint)i - 1;
        using var volume = FatVolume.Open(new MemoryDevice(sound.Bytes), VolumeOptions.Default);
        Assert.Equal("FAT-0204", Assert.Throws<DiskFormatException>(() => List(volume, "/SUB")).Code);
    }

    private static void Read(Volume volume, string path)
    {
        using var stream = volume.OpenRead(volume.Find(path).Id, StreamName.Data);
        stream.CopyTo(Stream.Null);
    }

    private static void List(Volume volume, string path) => Assert.NotEmpty(volume.Enumerate(volume.Find(path).Id).ToList());

    private static void Move(EditableVolume volume, string name, string target) =>
        volume.Rename(volume.RootId, name, volume.Find(target).Id, name, replace: false);

    // The file's one cluster becomes the last, which the device has no longer.
    private static void CutBehindOne(SoundVolume v)
    {
        v.SetFirstCluster("/ONE.BYT", v.Geometry.LastCluster);
        v[v.Geometry.LastCluster] = 0x0FFFFFFF;
        v.Bytes = v.Bytes[..(int)v.Geometry.ClusterOffset(v.Geometry.LastCluster)];
    }

    private static void MakeParentsCircle(SoundVolume v)
    {
        var deepest = v.FirstCluster("/SUB/DEEPER~1/DEEPEST");
        v.Slot(v.Directory("/SUB/DEEPER~1") + 32).ClusterLow = (ushort)deepest;
    }
}
