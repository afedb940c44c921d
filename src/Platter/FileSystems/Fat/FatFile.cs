using Platter.FileSystems.Clusters;

namespace Platter.FileSystems.Fat;

/// <summary>A FAT file's content: its chain, its length, and how both get into its slot.</summary>
internal sealed class FatFile(FatVolume volume, NodeId id, ClusterChain chain, uint length) : ClusterFile(id, volume.Area, chain, length, length)
{
    protected override bool StoresValidLength => false;
    protected override long MaxLength => uint.MaxValue;

    protected override DiskFormatException CutShort(long deviceOffset) =>
        new("FAT-0205", "Cluster", deviceOffset, $"lies behind the end of the device ({volume.Device.Length} bytes): the image is cut short");

    protected override DiskFormatException ChainTooShort(uint clusters) =>
        new("FAT-0207", "ClusterChain", -1, $"the chain from cluster {Chain.First} ends after {clusters} clusters, the size of {Length} bytes needs {volume.Area.ClustersFor(Length)}");

    protected override UnsupportedFeatureException TooLong(ulong length) =>
        new($"FAT holds files of at most {MaxLength} bytes, {length} were asked for");

    protected override void CheckWritable() => volume.Resolve(Id, out _);

    protected override void Update()
    {
        var directory = volume.Resolve(Id, out var slotIndex);
        volume.SetFirstCluster(directory, slotIndex, Chain.First);
        ref var slot = ref directory.EditSlot(slotIndex);
        slot.Length = (uint)Length;
        slot.Attributes |= (byte)DosAttributes.Archive;
        var (date, time, _) = DosTimes.Encode(volume.Now, volume.UtcOffset);
        slot.ModifiedDate = date;
        slot.ModifiedTime = time;
        slot.AccessedDate = date;
    }
}
