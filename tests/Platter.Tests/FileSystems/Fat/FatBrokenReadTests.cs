using System.Buffers.Binary;
using System.Text;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

/// <summary>What a reader or an editor meets on a broken volume, each with its code. The volume is FAT16 with clusters of 512 bytes.</summary>
public sealed class FatBrokenReadTests
{
    private const int ClusterSize = 512, FileLength = 3 * ClusterSize;

    private readonly MemoryDevice _device = new(8 << 20);

    public FatBrokenReadTests()
    {
        var fat = new FatType();
        fat.Format(_device, new FormatOptions { Type = "fat16", Options = new Dictionary<string, string>(StringComparer.Ordinal) { ["cluster_size"] = "512" } });
        using var volume = fat.OpenForEditing(_device, VolumeOptions.Default);
        volume.CreateFile(volume.RootId, "FILE", new MemoryStream(new byte[FileLength]), FileLength, MetadataChange.None);
        volume.CreateFile(volume.RootId, "LARGE", new MemoryStream(new byte[(2 << 20) + ClusterSize]), null, MetadataChange.None);
        volume.CreateDirectory(volume.RootId, "ONE", MetadataChange.None);
        volume.CreateDirectory(volume.RootId, "TWO", MetadataChange.None);
        volume.Commit();
    }

    [Fact]
    public void FAT_0201_a_first_cluster_outside_of_the_volume()
    {
        SetCluster("FILE", 0xFFF0);
        AssertCode("FAT-0201", v => v.Find("/FILE").OpenRead().Dispose());
    }

    [Fact]
    public void FAT_0202_a_chain_into_nothing()
    {
        SetLink(ClusterOf("FILE"), 0);
        AssertCode("FAT-0202", Read);
    }

    [Fact]
    public void FAT_0203_a_chain_back_into_itself()
    {
        var first = ClusterOf("LARGE");
        SetLink((ushort)(first + 100), first);
        AssertCode("FAT-0203", v =>
        {
            using var stream = v.Find("/LARGE").OpenRead();
            stream.ReadAt(1 << 20, new byte[1]);
        });
    }

    [Fact]
    public void FAT_0204_a_directory_of_more_than_two_MiB()
    {
        var slot = Slot("LARGE");
        slot[0x0B] = 0x10;
        slot[0x1C..].Clear();
        AssertCode("FAT-0204", v => Assert.Empty(v.Find("/LARGE").Entries));
    }

    [Fact]
    public void FAT_0205_content_behind_the_end_of_a_cut_image()
    {
        using var volume = FatVolume.Open(new MemoryDevice(_device.Bytes[..((int)Offset(ClusterOf("FILE")) + 100)]), VolumeOptions.Default);
        Assert.Equal("FAT-0205", Assert.Throws<DiskFormatException>(() => Read(volume)).Code);
    }

    [Fact]
    public void FAT_0206_a_directory_without_a_cluster()
    {
        SetCluster("ONE", 0);
        AssertCode("FAT-0206", v => Assert.Empty(v.Find("/ONE").Entries));
    }

    [Fact]
    public void FAT_0207_a_chain_that_ends_before_the_size()
    {
        BinaryPrimitives.WriteUInt32LittleEndian(Slot("FILE")[0x1C..], FileLength + 1);
        AssertCode("FAT-0207", v =>
        {
            using var stream = v.Find("/FILE").OpenRead();
            stream.ReadAt(FileLength, new byte[1]);
        });
    }

    [Fact]
    public void FAT_0208_parents_that_lead_in_a_circle()
    {
        // ".." of TWO is TWO: nothing can be moved into it, for that could be the directory's own inside.
        var two = ClusterOf("TWO");
        BinaryPrimitives.WriteUInt16LittleEndian(_device.Bytes.AsSpan((int)Offset(two) + 32 + 0x1A), two);
        AssertCode("FAT-0208", v => v.Rename(v.RootId, "ONE", v.Find("/TWO").Id, "ONE", replace: false));
    }

    [Fact]
    public void FAT_0209_a_directory_without_a_parent_entry()
    {
        _device.Bytes[Offset(ClusterOf("TWO")) + 32] = (byte)'x';
        AssertCode("FAT-0209", v => v.Rename(v.RootId, "ONE", v.Find("/TWO").Id, "ONE", replace: false));
    }

    private static void Read(FatVolume volume)
    {
        using var stream = volume.Find("/FILE").OpenRead();
        stream.ReadAt(0, new byte[FileLength]);
    }

    private void AssertCode(string code, Action<FatVolume> use)
    {
        using var volume = FatVolume.OpenForEditing(_device, VolumeOptions.Default);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => use(volume)).Code);
    }

    private Span<byte> Slot(string name) => _device.Bytes.AsSpan(_device.Bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(name.PadRight(11))), 32);

    private ushort ClusterOf(string name) => BinaryPrimitives.ReadUInt16LittleEndian(Slot(name)[0x1A..]);

    private void SetCluster(string name, ushort cluster) => BinaryPrimitives.WriteUInt16LittleEndian(Slot(name)[0x1A..], cluster);

    private long Offset(ushort cluster) => FatGeometry.Read(_device).ClusterOffset(cluster);

    private void SetLink(ushort cluster, ushort next)
    {
        var geometry = FatGeometry.Read(_device);
        for (var fat = 0; fat < geometry.FatCount; fat++)
            BinaryPrimitives.WriteUInt16LittleEndian(_device.Bytes.AsSpan((int)geometry.FatOffset(fat) + 2 * cluster), next);
    }
}
