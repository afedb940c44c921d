using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>NTFS, versions 1.2 to 3.1. Read, edited, formatted and checked.</summary>
public sealed class NtfsType : FileSystemType
{
    private static readonly string[] TypeNames = ["ntfs"];

    public override IReadOnlyList<string> Names => TypeNames;

    public override bool Recognise(BlockDevice device) => NtfsOemName.IsAnywhere(device) && NtfsGeometry.Recognise(device);

    public override Volume Open(BlockDevice device, VolumeOptions options) => NtfsVolume.Open(device, options);

    public override EditableVolume OpenForEditing(BlockDevice device, VolumeOptions options) => NtfsEditableVolume.Open(device, options);

    public override void Format(BlockDevice device, FormatOptions options) => NtfsFormatter.Format(device, options);

    public override long EstimateLength(TreeShape tree, FormatOptions options, int sectorSize) => NtfsSizeEstimate.Length(tree, options, sectorSize);

    public override ResizeReport Resize(BlockDevice device, ResizeOptions options) => NtfsResizer.Resize(device, options);

    // A boot sector that cannot be used has its copy at the end of the device, and needs it there.
    public override long? LengthOf(BlockDevice device) =>
        NtfsGeometry.Read(device) is { BootOffset: 0 } geometry ? geometry.Length + Math.Max(geometry.SectorSize, NtfsBootSector.Size) : null;

    public override CheckReport Check(BlockDevice device, CheckOptions options) => NtfsChecker.Check(device, options);

    public override RepairReport Repair(BlockDevice device, RepairOptions options) => NtfsRepairer.Repair(device, options);
}
