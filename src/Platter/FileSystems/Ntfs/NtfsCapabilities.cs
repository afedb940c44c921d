namespace Platter.FileSystems.Ntfs;

/// <summary>What NTFS can hold.</summary>
internal static class NtfsCapabilities
{
    /// <summary>Of a volume with clusters of a size: 2^32 - 1 clusters, less 64 KiB, as Windows has it.</summary>
    public static Capabilities Of(NtfsGeometry geometry, VolumeOptions options) => new()
    {
        Features = Features.HardLinks | Features.SymbolicLinks | Features.DeviceNodes | Features.SparseFiles | Features.NamedStreams | Features.DosAttributes
            | Features.ExtendedAttributes | Features.SecurityDescriptors | Features.ShortNames | Features.Label
            | (options.WslMetadata ? Features.Mode | Features.Owner : Features.None),
        MaxNameLength = NtfsFileName.MaxNameLength,
        NameUnit = NameUnit.Utf16,
        CaseSensitive = false,
        MaxFileLength = NtfsGeometry.MaxClusterCount * geometry.ClusterSize - (64 << 10),
        MaxLabelLength = 128,
        Created = NtfsTimes.Capability,
        Modified = NtfsTimes.Capability,
        Changed = NtfsTimes.Capability,
        Accessed = NtfsTimes.Capability,
        SettableAttributes = DosAttributes.ReadOnly | DosAttributes.Hidden | DosAttributes.System | DosAttributes.Archive | DosAttributes.Temporary | DosAttributes.Offline
            | DosAttributes.NotContentIndexed,
        StorageAttributes = DosAttributes.Sparse | (geometry.ClusterSize <= NtfsCompressionUnit.MaxClusterSize ? DosAttributes.Compressed : DosAttributes.None),
    };
}
