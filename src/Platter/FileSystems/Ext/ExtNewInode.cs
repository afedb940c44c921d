using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>An inode of a volume that is being made. All its times are the volume's, in whole seconds.</summary>
internal sealed record ExtNewInode
{
    public const ushort Directory = 0x4000, File = 0x8000;

    /// <summary>Kind and permissions.</summary>
    public required ushort Mode { get; init; }

    public uint User { get; init; }
    public uint Group { get; init; }
    public long Length { get; init; }
    public ushort Links { get; init; } = 1;

    /// <summary>Units of 512 bytes.</summary>
    public long Sectors { get; init; }

    public ExtInodeFlags Flags { get; init; }

    /// <summary>The 60 bytes of the map.</summary>
    public byte[] Block { get; init; } = [];

    /// <summary>Whether the fields behind the first 128 bytes are there; the inode of bad blocks goes without.</summary>
    public bool HasExtra { get; init; } = true;

    /// <summary>Whether an empty list of attributes follows the extra fields.</summary>
    public bool HasAttributes { get; init; }

    /// <summary>The inode of a file whose map is complete.</summary>
    public static ExtNewInode Of(ExtNewVolume volume, ExtNewMap map, int mode)
    {
        var block = new byte[ExtInodeRecord.BlockLength];
        map.Save(block);
        return new ExtNewInode
        {
            Mode = (ushort)mode,
            Length = map.Blocks << volume.Geometry.LogBlockSize,
            Sectors = map.Clusters * volume.Geometry.ClusterRatio << volume.Geometry.LogBlockSize - 9,
            Flags = map.Flags,
            Block = block,
        };
    }

    public byte[] Encode(ExtGeometry geometry, long time)
    {
        var bytes = new byte[geometry.InodeSize];
        ref var record = ref OnDisk.Edit<ExtInodeRecord>(bytes);
        record.Mode = Mode;
        (record.UserLo, record.UserHigh) = ((ushort)User, (ushort)(User >> 16));
        (record.GroupLo, record.GroupHigh) = ((ushort)Group, (ushort)(Group >> 16));
        (record.SizeLo, record.SizeHigh) = ((uint)Length, (uint)(Length >> 32));
        record.AccessTime = record.ChangeTime = record.ModifyTime = (uint)time;
        record.LinksCount = Links;
        (record.BlocksLo, record.BlocksHigh) = ((uint)Sectors, (ushort)(Sectors >> 32));
        record.Flags.Raw = (uint)Flags;
        Block.CopyTo(record.Block);
        if (bytes.Length > ExtInodeRecord.Size && HasExtra)
        {
            // Bits 0 and 1 of the extra words: 2^32 s on top of the signed seconds.
            var epoch = (uint)(time - (int)time >> 32);
            ref var extra = ref OnDisk.Edit<ExtInodeExtra>(bytes, ExtInodeRecord.Size);
            extra.ExtraSize = ExtInodeExtra.Size;
            extra.CreateTime = (uint)time;
            extra.ChangeTimeExtra = extra.ModifyTimeExtra = extra.AccessTimeExtra = extra.CreateTimeExtra = epoch;
            if (HasAttributes)
                OnDisk.Edit<U32Le>(bytes, ExtInodeRecord.Size + ExtInodeExtra.Size) = ExtAttributeHeader.MagicValue;
        }
        return bytes;
    }

    /// <summary>Puts an inode's checksum into it.</summary>
    public static void Seal(Span<byte> inode, uint inodeSeed)
    {
        var checksum = ExtChecksums.OfInode(inodeSeed, inode);
        OnDisk.Edit<ExtInodeRecord>(inode).ChecksumLo = (ushort)checksum;
        if (inode.Length > ExtInodeRecord.Size && OnDisk.View<ExtInodeExtra>(inode, ExtInodeRecord.Size).ExtraSize >= 4)
            OnDisk.Edit<ExtInodeExtra>(inode, ExtInodeRecord.Size).ChecksumHi = (ushort)(checksum >> 16);
    }
}
