using Platter.FileSystems.Clusters;

namespace Platter.FileSystems.ExFat;

/// <summary>An exFAT file's content: its clusters, its two lengths, and how they get into its entry set.</summary>
internal sealed class ExFatFile(ExFatVolume volume, NodeId id, ClusterChain chain, long length, long validLength)
    : ClusterFile(id, volume.Area, chain, length, validLength)
{
    protected override bool StoresValidLength => true;
    protected override long MaxLength => volume.Capabilities.MaxFileLength;

    protected override DiskFormatException CutShort(long deviceOffset) =>
        new("EXF-0074", "Cluster", deviceOffset, $"lies behind the end of the device ({volume.Device.Length} bytes): the image is cut short");

    protected override DiskFormatException ChainTooShort(uint clusters) =>
        new("EXF-0068", "ClusterChain", -1, $"the chain from cluster {Chain.First} ends after {clusters} clusters, the size of {Length} bytes needs {volume.Area.ClustersFor(Length)}");

    protected override UnsupportedFeatureException TooLong(ulong length) =>
        new($"exFAT holds files of at most {MaxLength} bytes, {length} were asked for");

    protected override void CheckWritable()
    {
        var (directory, slot) = volume.Resolve(Id);
        directory.SealedSet(slot);
    }

    protected override void Update()
    {
        var (directory, slot) = volume.Resolve(Id);
        var set = directory.BeginChange(slot);
        ExFatVolume.SetAllocation(ref set.Stream, Chain, Length, ValidLength);
        set.File.Attributes = (ushort)(set.Attributes | DosAttributes.Archive);
        volume.Stamp(ref set.File);
        directory.EndChange(slot, set);
    }
}
