using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>An inode as it was read: its bytes, and what they mean.</summary>
internal sealed partial class ExtInode
{
    private readonly byte[] _bytes;

    public ExtInode(uint number, byte[] bytes, long offset)
    {
        Number = number;
        Offset = offset;
        _bytes = bytes;
        ExtraSize = bytes.Length > ExtInodeRecord.Size ? Math.Min((int)Extra.ExtraSize, bytes.Length - ExtInodeRecord.Size) : 0;
    }

    public uint Number { get; }

    /// <summary>Where it stands on the device, in bytes.</summary>
    public long Offset { get; }

    public ReadOnlySpan<byte> Bytes => _bytes;

    public ref readonly ExtInodeRecord Record => ref OnDisk.View<ExtInodeRecord>(_bytes);

    /// <summary>Only there when the inode is larger than 128 bytes.</summary>
    public ref readonly ExtInodeExtra Extra => ref OnDisk.View<ExtInodeExtra>(_bytes, ExtInodeRecord.Size);

    /// <summary>Bytes of the extra part that are fields.</summary>
    public int ExtraSize { get; }

    /// <summary>The 60 bytes of block numbers, tree root, inline data or link target.</summary>
    public ReadOnlySpan<byte> Block => _bytes.AsSpan(ExtInodeRecord.BlockOffset, ExtInodeRecord.BlockLength);

    /// <summary>What stands behind the extra fields: attributes.</summary>
    public ReadOnlySpan<byte> AttributeSpace => _bytes.Length > ExtInodeRecord.Size ? _bytes.AsSpan(ExtInodeRecord.Size + ExtraSize) : default;

    public ExtInodeFlags Flags => Record.Flags.Value;
    public int Mode => Record.Mode;
    public bool IsDirectory => (Mode & 0xF000) == 0x4000;
    public bool IsFile => (Mode & 0xF000) == 0x8000;
    public bool IsSymbolicLink => (Mode & 0xF000) == 0xA000;
    public bool IsDevice => (Mode & 0xF000) is 0x2000 or 0x6000;
    public uint UserId => (uint)(ushort)Record.UserHigh << 16 | (ushort)Record.UserLo;
    public uint GroupId => (uint)(ushort)Record.GroupHigh << 16 | (ushort)Record.GroupLo;
    public int LinkCount => Record.LinksCount;
    public uint Generation => Record.Generation;

    /// <summary>The block of extended attributes; 0 for none.</summary>
    public long AttributeBlock => (long)(ushort)Record.FileAclHigh << 32 | (uint)Record.FileAclLo;

    /// <summary>Bytes of content; negative when the high half is broken.</summary>
    public long Length => (long)((ulong)(uint)Record.SizeHigh << 32 | (uint)Record.SizeLo);

    /// <summary>The kind, or null when the mode has none.</summary>
    public EntryKind? Kind => (Mode >> 12) switch
    {
        1 => EntryKind.Fifo,
        2 => EntryKind.CharacterDevice,
        4 => EntryKind.Directory,
        6 => EntryKind.BlockDevice,
        8 => EntryKind.File,
        10 => EntryKind.SymbolicLink,
        12 => EntryKind.Socket,
        _ => null,
    };

    public Timestamp Accessed => Time(Record.AccessTime, HasExtra(16) ? Extra.AccessTimeExtra : 0u);
    public Timestamp Changed => Time(Record.ChangeTime, HasExtra(8) ? Extra.ChangeTimeExtra : 0u);
    public Timestamp Modified => Time(Record.ModifyTime, HasExtra(12) ? Extra.ModifyTimeExtra : 0u);
    public Timestamp? Created => HasExtra(20) ? Time(Extra.CreateTime, HasExtra(24) ? Extra.CreateTimeExtra : 0u) : null;
    public uint ProjectId => HasExtra(32) ? Extra.ProjectId : 0;

    /// <summary>A link whose target is in <see cref="Block"/>; the block of attributes does not count as its content.</summary>
    public bool IsFastLink(ExtGeometry geometry)
    {
        if (!IsSymbolicLink || (Flags & (ExtInodeFlags.InlineData | ExtInodeFlags.Extents)) != 0)
            return false;
        if ((Flags & ExtInodeFlags.EaInode) != 0)
            return Length < ExtInodeRecord.BlockLength;
        var own = AttributeBlock == 0 ? 0L : (long)geometry.ClusterRatio << geometry.LogBlockSize;
        return AllocatedBytes(geometry) == own && Length < ExtInodeRecord.BlockLength;
    }

    /// <summary>Bytes that content and its map (and the block of attributes) take.</summary>
    public long AllocatedBytes(ExtGeometry geometry)
    {
        var count = (long)(uint)Record.BlocksLo;
        if (!geometry.Has(ExtRoCompat.HugeFile))
            return count * 512;
        count |= (long)(ushort)Record.BlocksHigh << 32;
        return (Flags & ExtInodeFlags.HugeFile) != 0 ? count << geometry.LogBlockSize : count * 512;
    }

    /// <summary>The numbers of a device: the old form in the first word, else the new one in the second.</summary>
    public DeviceNumber Device
    {
        get
        {
            uint old = OnDisk.View<U32Le>(Block), word = OnDisk.View<U32Le>(Block, 4);
            return old != 0 ? new DeviceNumber(old >> 8 & 0xFF, old & 0xFF) : new DeviceNumber(word >> 8 & 0xFFF, (word & 0xFF) | (word >> 12 & 0xFFF00));
        }
    }

    /// <summary>Whether the extra fields reach over so many bytes.</summary>
    public bool HasExtra(int end) => ExtraSize >= end;

    // Two bits of the extra word are 2^32 s each, on top of the signed seconds: years 1901 to 2446. The rest is nanoseconds.
    private static Timestamp Time(uint seconds, uint extra) => new((int)seconds + ((long)(extra & 3) << 32), (int)Math.Min(extra >> 2, 999_999_999));
}
