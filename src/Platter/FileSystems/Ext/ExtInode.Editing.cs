using Platter.Primitives;

namespace Platter.FileSystems.Ext;

// What is changed of an inode; ExtInodeTable.Write brings it back.
internal sealed partial class ExtInode
{
    /// <summary>The record, to be changed.</summary>
    public ref ExtInodeRecord Edit => ref OnDisk.Edit<ExtInodeRecord>(_bytes);

    /// <summary>The extra part, to be changed; only there when the inode is larger than 128 bytes.</summary>
    public ref ExtInodeExtra EditExtra => ref OnDisk.Edit<ExtInodeExtra>(_bytes, ExtInodeRecord.Size);

    /// <summary>All of its bytes, to be changed.</summary>
    public Span<byte> EditBytes => _bytes;

    /// <summary>As <see cref="Block"/>, to be changed.</summary>
    public Span<byte> EditBlock => _bytes.AsSpan(ExtInodeRecord.BlockOffset, ExtInodeRecord.BlockLength);

    /// <summary>As <see cref="AttributeSpace"/>, to be changed.</summary>
    public Span<byte> EditAttributeSpace => _bytes.Length > ExtInodeRecord.Size ? _bytes.AsSpan(ExtInodeRecord.Size + ExtraSize) : default;

    public void SetFlag(ExtInodeFlags flag, bool value) => Edit.Flags.Raw = (uint)(value ? Flags | flag : Flags & ~flag);

    public void SetLength(long length)
    {
        Edit.SizeLo = (uint)length;
        Edit.SizeHigh = (uint)(length >> 32);
    }

    public void SetMode(int mode) => Edit.Mode = (ushort)((Mode & 0xF000) | (mode & 0xFFF));

    public void SetUser(uint id)
    {
        Edit.UserLo = (ushort)id;
        Edit.UserHigh = (ushort)(id >> 16);
    }

    public void SetGroup(uint id)
    {
        Edit.GroupLo = (ushort)id;
        Edit.GroupHigh = (ushort)(id >> 16);
    }

    public void SetAttributeBlock(long block)
    {
        Edit.FileAclLo = (uint)block;
        Edit.FileAclHigh = (ushort)(block >> 32);
    }

    /// <summary>All four times, as of an inode that is made.</summary>
    public void SetTimes(Timestamp time)
    {
        SetCreated(time);
        SetAccessed(time);
        SetModified(time);
        SetChanged(time);
    }

    public void SetAccessed(Timestamp time)
    {
        Edit.AccessTime = Seconds(time, HasExtra(16));
        if (HasExtra(16))
            EditExtra.AccessTimeExtra = Extra32(time);
    }

    public void SetChanged(Timestamp time)
    {
        Edit.ChangeTime = Seconds(time, HasExtra(8));
        if (HasExtra(8))
            EditExtra.ChangeTimeExtra = Extra32(time);
    }

    public void SetModified(Timestamp time)
    {
        Edit.ModifyTime = Seconds(time, HasExtra(12));
        if (HasExtra(12))
            EditExtra.ModifyTimeExtra = Extra32(time);
    }

    /// <summary>Nothing where the inode has no room for it.</summary>
    public void SetCreated(Timestamp time)
    {
        if (!HasExtra(20))
            return;
        EditExtra.CreateTime = Seconds(time, HasExtra(24));
        if (HasExtra(24))
            EditExtra.CreateTimeExtra = Extra32(time);
    }

    /// <summary>Counts clusters that its content, map and attributes take more, or less.</summary>
    /// <exception cref="DiskFormatException">The count would be negative: it was wrong.</exception>
    /// <exception cref="UnsupportedFeatureException">More than can be counted without huge_file.</exception>
    public void AddClusters(long clusters, ExtGeometry geometry)
    {
        var units = (AllocatedBytes(geometry) >> 9) + (clusters * geometry.ClusterRatio << geometry.LogBlockSize - 9);
        if (units < 0)
            throw new DiskFormatException("EXT-0109", $"Inode {Number}", Offset + 0x1C, "counts fewer blocks than its map has");
        var isHuge = units >= 1L << 48;
        if (units > uint.MaxValue && !geometry.Has(ExtRoCompat.HugeFile))
            throw new UnsupportedFeatureException($"a file of more than {uint.MaxValue} units of 512 bytes on a volume without huge_file");
        if (geometry.Has(ExtRoCompat.HugeFile))
            SetFlag(ExtInodeFlags.HugeFile, isHuge);
        var count = isHuge ? units >> geometry.LogBlockSize - 9 : units;
        Edit.BlocksLo = (uint)count;
        Edit.BlocksHigh = (ushort)(count >> 32);
    }

    /// <summary>An empty root of an extent tree.</summary>
    public void ClearMap(bool extents)
    {
        EditBlock.Clear();
        SetFlag(ExtInodeFlags.Extents, extents);
        if (!extents)
            return;
        ref var header = ref OnDisk.Edit<ExtExtentHeader>(EditBlock);
        header.Magic = ExtExtentHeader.MagicValue;
        header.Max = (ExtInodeRecord.BlockLength - ExtExtentHeader.Size) / ExtExtent.Size;
    }

    /// <summary>The numbers of a device: the old form where both fit in a byte, else the new one.</summary>
    public void SetDevice(DeviceNumber device)
    {
        EditBlock.Clear();
        if (device.Major < 256 && device.Minor < 256)
            OnDisk.Edit<U32Le>(EditBlock) = device.Major << 8 | device.Minor;
        else
            OnDisk.Edit<U32Le>(EditBlock, 4) = (device.Minor & 0xFF) | device.Major << 8 | (device.Minor & ~0xFFu) << 12;
    }

    private static uint Seconds(Timestamp time, bool hasEpoch) =>
        hasEpoch ? (uint)time.UnixSeconds : (uint)(int)Math.Clamp(time.UnixSeconds, int.MinValue, int.MaxValue);

    // Bits 0-1: how often 2^32 s were taken off to make the seconds signed 32-bit; then nanoseconds.
    private static uint Extra32(Timestamp time) =>
        (uint)(time.UnixSeconds - (int)time.UnixSeconds >> 32) & 3 | (uint)time.Nanoseconds << 2;
}
