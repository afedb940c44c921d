using System.Buffers.Binary;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Primitives;

namespace Platter.Interop.Tests.Fat;

/// <summary>A sound volume in memory, with handles on its structures, to damage it on purpose.</summary>
internal sealed class SoundVolume(byte[] bytes, FatGeometry geometry)
{
    public SoundVolume(byte[] bytes) : this(bytes, FatGeometry.Read(new MemoryDevice(bytes))) { }

    public byte[] Bytes { get; set; } = bytes;
    public FatGeometry Geometry => geometry;

    public FatWidth Width => Geometry.Width;
    public ref FatBiosParameterBlock Boot => ref OnDisk.Edit<FatBiosParameterBlock>(Bytes);
    public ref Fat32BootRecord Boot32 => ref OnDisk.Edit<Fat32BootRecord>(Bytes, 0x24);
    public ref FatExtendedBootRecord Extended => ref OnDisk.Edit<FatExtendedBootRecord>(Bytes, Geometry.ExtendedRecordOffset);
    public ref FatInfoSector Info => ref OnDisk.Edit<FatInfoSector>(Bytes, Geometry.InfoSector * Geometry.BytesPerSector);

    public CheckReport Check() => FatChecker.Check(new MemoryDevice(Bytes), CheckOptions.Default);

    /// <summary>Where the short slot of a path is; names as stored: <c>/SUB/CLUSTER.BIN</c>.</summary>
    public int Find(string path)
    {
        var at = 0;
        var cluster = Geometry.RootCluster;
        foreach (var name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            at = Slots(cluster).First(s => Bytes[s] is not (0 or 0xE5) && (Bytes[s + 11] & 0x3F) != 0x0F && FatShortNames.Decode(Bytes.AsSpan(s, 11), FatCaseFlags.None, CodePage.Get(437)) == name);
            cluster = FirstCluster(at);
        }
        return at;
    }

    public ref FatShortSlot Slot(int offset) => ref OnDisk.Edit<FatShortSlot>(Bytes, offset);

    public ref FatShortSlot Slot(string path) => ref Slot(Find(path));

    public uint FirstCluster(int slot) => Slot(slot).ClusterLow | (Width == FatWidth.Fat32 ? (uint)Slot(slot).ClusterHigh << 16 : 0);

    public uint FirstCluster(string path) => FirstCluster(Find(path));

    public void SetFirstCluster(string path, uint cluster)
    {
        Slot(path).ClusterLow = (ushort)cluster;
        if (Width == FatWidth.Fat32)
            Slot(path).ClusterHigh = (ushort)(cluster >> 16);
    }

    /// <summary>Offsets of the slots of a directory, by its first cluster (0: the fixed root).</summary>
    public IEnumerable<int> Slots(uint cluster)
    {
        if (cluster == 0)
        {
            for (var at = 0; at < Geometry.RootLength; at += 32)
                yield return (int)Geometry.RootOffset + at;
            yield break;
        }
        for (; cluster < 0x0FFFFFF0 && Geometry.IsCluster(cluster); cluster = this[cluster])
        {
            for (var at = 0; at < Geometry.ClusterSize; at += 32)
                yield return (int)Geometry.ClusterOffset(cluster) + at;
        }
    }

    /// <summary>The offset of a directory's first slot.</summary>
    public int Directory(string path) => (int)Geometry.ClusterOffset(FirstCluster(path));

    /// <summary>An entry of the FAT; setting it sets every copy. Ends are 0x0FFFFFFF.</summary>
    public uint this[uint cluster]
    {
        get => new FatTable(new MemoryDevice(Bytes), Geometry)[cluster];
        set
        {
            for (var fat = 0; fat < Geometry.FatCount; fat++)
                SetEntry(fat, cluster, value);
        }
    }

    public void SetEntry(int fat, uint cluster, uint value)
    {
        var start = (int)Geometry.FatOffset(fat);
        switch (Width)
        {
            case FatWidth.Fat32:
                BinaryPrimitives.WriteUInt32LittleEndian(Bytes.AsSpan(start + (int)cluster * 4), value);
                break;
            case FatWidth.Fat16:
                BinaryPrimitives.WriteUInt16LittleEndian(Bytes.AsSpan(start + (int)cluster * 2), (ushort)value);
                break;
            default:
                var span = Bytes.AsSpan(start + (int)(cluster + cluster / 2));
                uint pair = BinaryPrimitives.ReadUInt16LittleEndian(span);
                BinaryPrimitives.WriteUInt16LittleEndian(span, (ushort)((cluster & 1) == 0 ? pair & 0xF000 | value & 0xFFF : pair & 0xF | (value & 0xFFF) << 4));
                break;
        }
    }
}
