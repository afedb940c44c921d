using Platter.Blocks;

namespace Platter.FileSystems.ExFat;

/// <summary>exFAT.</summary>
public sealed class ExFatType : FileSystemType
{
    private static readonly string[] TypeNames = ["exfat"];

    public override IReadOnlyList<string> Names => TypeNames;

    public override bool Recognise(BlockDevice device) => ExFatName.IsAnywhere(device) && ExFatGeometry.Recognise(device);

    public override Volume Open(BlockDevice device, VolumeOptions options) => ExFatVolume.Open(device, options);

    public override EditableVolume OpenForEditing(BlockDevice device, VolumeOptions options) => ExFatVolume.OpenForEditing(device, options);

    public override void Format(BlockDevice device, FormatOptions options) => ExFatFormatter.Format(device, options);

    public override long? LengthOf(BlockDevice device) => ExFatGeometry.Read(device).Length;

    public override CheckReport Check(BlockDevice device, CheckOptions options) => ExFatChecker.Check(device, options);

    public override long EstimateLength(TreeShape tree, FormatOptions options, int sectorSize) => ExFatSizeEstimate.Length(tree, options, sectorSize);
}
