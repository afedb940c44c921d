using Platter.Blocks;

namespace Platter.FileSystems.Fat;

/// <summary>FAT12, FAT16 and FAT32: one format in three widths.</summary>
public sealed class FatType : FileSystemType
{
    private static readonly string[] TypeNames = ["fat", "fat12", "fat16", "fat32"];

    public override IReadOnlyList<string> Names => TypeNames;

    public override bool Recognise(BlockDevice device) => FatGeometry.Recognise(device);

    public override Volume Open(BlockDevice device, VolumeOptions options) => FatVolume.Open(device, options);

    public override EditableVolume OpenForEditing(BlockDevice device, VolumeOptions options) => FatVolume.OpenForEditing(device, options);

    public override void Format(BlockDevice device, FormatOptions options) => FatFormatter.Format(device, options);

    public override long? LengthOf(BlockDevice device) => FatGeometry.Read(device).Length;

    public override CheckReport Check(BlockDevice device, CheckOptions options) => FatChecker.Check(device, options);

    public override long EstimateLength(TreeShape tree, FormatOptions options, int sectorSize) => FatSizeEstimate.Length(tree, options, sectorSize);
}
