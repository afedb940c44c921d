namespace Platter.FileSystems.Ext;

/// <summary>What a volume of given features can hold.</summary>
internal static class ExtCapabilities
{
    public static Capabilities Of(ExtGeometry geometry)
    {
        var time = Time(geometry);
        return new Capabilities
        {
            Features = Features.HardLinks | Features.SymbolicLinks | Features.DeviceNodes | Features.SparseFiles | Features.Mode | Features.Owner | Features.Label
                | (geometry.Has(ExtCompat.ExtAttr) ? Features.ExtendedAttributes : Features.None),
            MaxNameLength = ExtDirectoryEntryHead.MaxNameLength,
            NameUnit = NameUnit.Bytes,
            CaseSensitive = true,
            MaxFileLength = MaxFileLength(geometry),
            MaxLabelLength = 16,
            Created = HasExtra(geometry) ? time : null,
            Modified = time,
            Changed = time,
            Accessed = time,
        };
    }

    /// <summary>Seconds of 32 bits, or with the extra words of larger inodes nanoseconds to the year 2446.</summary>
    private static TimeCapability Time(ExtGeometry geometry) => Time(HasExtra(geometry));

    /// <summary>The times of an inode with or without the extra words.</summary>
    public static TimeCapability Time(bool hasExtra)
    {
        var first = new Timestamp(int.MinValue);
        return hasExtra
            ? new TimeCapability(1, first, new Timestamp(int.MaxValue + (3L << 32), 999_999_999))
            : new TimeCapability(1_000_000_000, first, new Timestamp(int.MaxValue));
    }

    private static bool HasExtra(ExtGeometry geometry) => geometry.InodeSize > ExtInodeRecord.Size;

    /// <summary>2^32 - 1 blocks with extents. Without: what three levels address, and what i_blocks can count.</summary>
    private static long MaxFileLength(ExtGeometry geometry)
    {
        if (geometry.Has(ExtIncompat.Extents))
            return uint.MaxValue * (long)geometry.BlockSize;
        var bits = geometry.LogBlockSize - 2;
        var addressed = ExtIndirectBlocks.DirectBlocks + (1L << bits) + (1L << 2 * bits) + (1L << 3 * bits);
        var counted = geometry.Has(ExtRoCompat.HugeFile) ? (1L << 48) - 1 : (long)uint.MaxValue >> geometry.LogBlockSize - 9;
        var large = geometry.Has(ExtRoCompat.LargeFile) ? long.MaxValue : int.MaxValue;
        return Math.Min(large, Math.Min(addressed, counted) << geometry.LogBlockSize);
    }
}
