using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>NTFS, versions 1.2 to 3.1. Read, edited and checked.</summary>
public sealed class NtfsType : FileSystemType
{
    public override IReadOnlyList<string> Names { get; } = ["ntfs"];

    public override bool Recognise(BlockDevice device) => NtfsGeometry.Recognise(device);

    public override Volume Open(BlockDevice device, VolumeOptions options) => NtfsVolume.Open(device, options);

    public override EditableVolume OpenForEditing(BlockDevice device, VolumeOptions options) => NtfsEditableVolume.Open(device, options);

    public override CheckReport Check(BlockDevice device, CheckOptions options) => NtfsChecker.Check(device, options);
}
