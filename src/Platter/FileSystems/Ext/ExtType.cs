using Platter.Blocks;

namespace Platter.FileSystems.Ext;

/// <summary>ext2, ext3 and ext4: one format, told apart by its features. Read, formatted, edited and checked.</summary>
public sealed class ExtType : FileSystemType
{
    private static readonly string[] TypeNames = ["ext2", "ext3", "ext4"];

    public override IReadOnlyList<string> Names => TypeNames;

    public override bool FixesEntryCount => true;

    public override bool Recognise(BlockDevice device) => ExtGeometry.Recognise(device);

    public override Volume Open(BlockDevice device, VolumeOptions options) => ExtVolume.Open(device, options);

    public override EditableVolume OpenForEditing(BlockDevice device, VolumeOptions options) => ExtEditableVolume.Open(device, options);

    public override void Format(BlockDevice device, FormatOptions options) => ExtFormatter.Format(device, options);

    public override void Tune(BlockDevice device, TuneOptions options) => ExtTuner.Tune(device, options);

    public override long? LengthOf(BlockDevice device)
    {
        // What its journal holds may be another length.
        using var volume = ExtVolume.Open(device, VolumeOptions.Default);
        return volume.Geometry.BlocksCount * volume.Geometry.BlockSize;
    }

    public override CheckReport Check(BlockDevice device, CheckOptions options) => ExtChecker.Check(device, options);

    public override long EstimateLength(TreeShape tree, FormatOptions options, int sectorSize) => ExtSizeEstimate.Length(tree, options, sectorSize);
}
