using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>An ext2, ext3 or ext4 volume, for reading.</summary>
/// <remarks>
/// <para>A node's id is its inode's number. Opening reads the superblock and, when there is a journal, its superblock; a journal that was not
/// brought home is read as well, and the volume shown is the recovered one. Nothing is written.</para>
/// <para>Every structure's checksum is verified where the volume has them; what is broken is an exception when it is looked at, not before.</para>
/// </remarks>
public sealed class ExtVolume : Volume
{
    private readonly ExtGroups _groups;
    private readonly ExtInodeTable _inodes;
    private readonly ExtJournalState _journal;

    // Whose the blocks of the directories are that were looked into. Directories that share blocks would multiply them: a few MiB of image
    // could list for hours.
    private NumberMap<DirectoryBlock>? _directoryBlocks;
    private long? _freeClusters;

    private readonly struct DirectoryBlock(uint inode, long logical)
    {
        public readonly uint Inode = inode;
        public readonly long Logical = logical;
    }

    /// <param name="device">The volume's device, or the recovered view of it.</param>
    /// <param name="geometry">What the superblock says.</param>
    /// <param name="journal">What was made of the journal.</param>
    /// <param name="changes">Where changed blocks are held, when the volume is edited.</param>
    internal ExtVolume(BlockDevice device, ExtGeometry geometry, ExtJournalState journal, ExtBlockChanges? changes = null)
    {
        _journal = journal;
        Geometry = geometry;
        Blocks = new ExtBlocks(device, geometry) { Changes = changes };
        Checksums = new ExtChecksums(geometry);
        _groups = new ExtGroups(geometry, Blocks, Checksums);
        _inodes = new ExtInodeTable(geometry, Blocks, _groups, Checksums);
        Capabilities = ExtCapabilities.Of(geometry);
    }

    public override VolumeInfo Info => ExtInformation.Of(Geometry, _journal);

    public override Capabilities Capabilities { get; }
    public override NodeId RootId => new(ExtGeometry.RootInode);

    /// <summary>Names are bytes. In directories that ignore case (casefold) lookups do so too.</summary>
    public override IEqualityComparer<string> NameComparer => StringComparer.Ordinal;

    public override long FreeBytes => (_freeClusters ??= _groups.CountFreeClusters()) * Geometry.ClusterRatio << Geometry.LogBlockSize;

    internal ExtGeometry Geometry { get; }
    internal ExtBlocks Blocks { get; }
    internal ExtChecksums Checksums { get; }
    internal ExtGroups Groups => _groups;
    internal ExtInodeTable Inodes => _inodes;

    /// <summary>Opens a volume for reading.</summary>
    /// <exception cref="DiskFormatException">The superblock, or the journal that must be replayed, breaks a rule.</exception>
    /// <exception cref="UnsupportedFeatureException">The volume has a feature that must be known for reading; or an external journal, or fast
    /// commits of what cannot be edited, that must be replayed.</exception>
    public static ExtVolume Open(BlockDevice device, VolumeOptions options)
    {
        var geometry = ExtGeometry.Read(device);
        ExtFeatures.RequireReadable(geometry.Incompat);
        if (geometry.Remarks.FirstOrDefault(r => r.Code is "EXT-0013" or "EXT-0014" or "EXT-0015") is { } broken)
            throw new DiskFormatException(broken.Code, broken.Structure, broken.Offset ?? -1, broken.Message);
        var journal = ExtJournalState.Open(device, geometry, options);
        return new ExtVolume(journal.Device, journal.Geometry, journal);
    }

    public override bool TryLookup(NodeId directory, string name, out NodeId id)
    {
        var inode = OpenDirectory(directory).Find(name);
        id = new NodeId(inode);
        return inode != 0;
    }

    public override IEnumerable<DirectoryEntry> Enumerate(NodeId directory)
    {
        var opened = OpenDirectory(directory);
        return Entries(opened);
    }

    public override FileMetadata GetMetadata(NodeId id)
    {
        var inode = ReadInode(id);
        var kind = KindOf(inode);
        return new FileMetadata
        {
            Kind = kind,
            Length = kind is EntryKind.File or EntryKind.SymbolicLink ? CheckedLength(inode) : 0,
            AllocatedLength = inode.IsFastLink(Geometry) ? 0 : inode.AllocatedBytes(Geometry),
            Created = inode.Created,
            Modified = inode.Modified,
            Changed = inode.Changed,
            Accessed = inode.Accessed,
            Mode = inode.Mode & 0xFFF,
            UserId = inode.UserId,
            GroupId = inode.GroupId,
            LinkCount = inode.LinkCount,
            LinkTarget = kind == EntryKind.SymbolicLink ? ReadTarget(inode) : null,
            Device = inode.IsDevice ? inode.Device : null,
        };
    }

    public override VolumeStream OpenRead(NodeId id, StreamName stream)
    {
        var inode = ReadInode(id);
        if (stream != StreamName.Data)
            throw new FileNotFoundException($"{Geometry.TypeName} has no {stream}");
        if (KindOf(inode) != EntryKind.File)
            throw new UnauthorizedAccessException($"inode {inode.Number} is a {KindOf(inode)} and has no data");
        return OpenContent(inode);
    }

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId id)
    {
        var inode = ReadInode(id);
        var found = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var (attribute, space) in AttributesOf(inode))
        {
            if (ExtAttributes.FullName(attribute.Index, attribute.Name) is { } name)
                found[name] = ExtAttributes.IsAcl(attribute.Index) ? ExtAttributes.DecodeAcl(ValueOf(inode, attribute, space)) : ValueOf(inode, attribute, space);
        }
        return found;
    }

    public override IEnumerable<ByteRange> AllocatedRanges() => new ExtBitmaps(Geometry, Blocks, _groups, Checksums).UsedRanges();

    /// <summary>Inline data of a file or directory: the inode's block area, then the attribute system.data.</summary>
    internal byte[] ReadInline(ExtInode inode)
    {
        byte[] rest = [];
        foreach (var (attribute, space) in AttributesOf(inode))
        {
            if (attribute.Index == ExtAttributes.SystemIndex && attribute.Name == ExtAttributes.InlineDataName)
                rest = ValueOf(inode, attribute, space);
        }
        byte[] all = [.. inode.Block, .. rest];
        if (inode.Length < 0 || inode.Length > all.Length)
            throw new DiskFormatException("EXT-0107", $"Inode {inode.Number}", inode.Offset, $"has inline data of {inode.Length} bytes, expected at most {all.Length}");
        return all[..(int)inode.Length];
    }

    /// <summary>Remembers whose a directory block is.</summary>
    /// <exception cref="DiskFormatException">It was seen as another block, or as another directory's.</exception>
    internal void ClaimDirectoryBlock(long block, uint inode, long logical)
    {
        _directoryBlocks ??= new NumberMap<DirectoryBlock>();
        if (!_directoryBlocks.TryGetValue((ulong)block, out var owner))
            _directoryBlocks[(ulong)block] = new DirectoryBlock(inode, logical);
        else if (owner.Inode != inode || owner.Logical != logical)
            throw new DiskFormatException("EXT-0204", $"Directory {inode}, block {logical}", block << Geometry.LogBlockSize, $"block {block} is block {owner.Logical} of directory {owner.Inode} as well");
    }

    /// <summary>A directory's blocks are freed: they may become another's.</summary>
    internal void ReleaseDirectoryBlock(long block) => _directoryBlocks?.Remove((ulong)block);

    /// <summary>Forgets whose directory blocks are.</summary>
    internal void ReleaseDirectoryBlocks() => _directoryBlocks?.Clear();

    private IEnumerable<DirectoryEntry> Entries(ExtDirectory directory)
    {
        foreach (var entry in directory.Entries())
            yield return new DirectoryEntry(entry.Name, new NodeId(entry.Inode), KindOf(entry));
    }

    // What the directory says; without filetype (and for odd values) what the inode says. A broken inode is found when it is asked for.
    private EntryKind KindOf(in ExtEntry entry)
    {
        if (Geometry.Has(ExtIncompat.Filetype))
        {
            switch ((ExtFileType)entry.FileType)
            {
                case ExtFileType.File: return EntryKind.File;
                case ExtFileType.Directory: return EntryKind.Directory;
                case ExtFileType.CharacterDevice: return EntryKind.CharacterDevice;
                case ExtFileType.BlockDevice: return EntryKind.BlockDevice;
                case ExtFileType.Fifo: return EntryKind.Fifo;
                case ExtFileType.Socket: return EntryKind.Socket;
                case ExtFileType.SymbolicLink: return EntryKind.SymbolicLink;
                default: break;
            }
        }
        try
        {
            return _inodes.Read(entry.Inode).Kind ?? EntryKind.File;
        }
        catch (DiskFormatException)
        {
            return EntryKind.File;
        }
    }

    /// <summary>A node's inode.</summary>
    internal ExtInode ReadInode(NodeId id)
    {
        if (id.Value == 0 || id.Value > Geometry.InodesCount)
            throw new DiskFormatException("EXT-0100", $"Inode {id.Value}", -1, $"expected 1..{Geometry.InodesCount}");
        return _inodes.Read((uint)id.Value);
    }

    /// <summary>What an inode is.</summary>
    internal static EntryKind KindOf(ExtInode inode) => inode.Kind
        ?? throw new DiskFormatException("EXT-0102", $"Inode {inode.Number}", inode.Offset, $"mode: found 0x{inode.Mode:X4}, which is no kind of file");

    private static long CheckedLength(ExtInode inode) => inode.Length >= 0 ? inode.Length
        : throw new DiskFormatException("EXT-0106", $"Inode {inode.Number}", inode.Offset, $"length: found {inode.Length}");

    /// <summary>The directory that a node is.</summary>
    /// <exception cref="DirectoryNotFoundException">It is none.</exception>
    internal ExtDirectory OpenDirectory(NodeId id)
    {
        var inode = ReadInode(id);
        if (!inode.IsDirectory && inode.Number == ExtGeometry.RootInode)
            throw new DiskFormatException("EXT-0112", $"Inode {inode.Number}", inode.Offset, "should be the root directory, and is none");
        if (KindOf(inode) != EntryKind.Directory)
            throw new DirectoryNotFoundException($"inode {inode.Number} is no directory");
        return new ExtDirectory(this, inode);
    }

    /// <summary>Refuses content that cannot be read.</summary>
    /// <exception cref="UnsupportedFeatureException">It is encrypted or compressed.</exception>
    internal void RequireReadable(ExtInode inode)
    {
        if ((inode.Flags & ExtInodeFlags.Encrypt) != 0 && Geometry.Has(ExtIncompat.Encrypt))
            throw new UnsupportedFeatureException($"inode {inode.Number} is encrypted (ext4 INCOMPAT_ENCRYPT, bit 0x10000): its content needs a key");
        if ((inode.Flags & ExtInodeFlags.CompressedBlocks) != 0 && Geometry.Has(ExtIncompat.Compression))
            throw new UnsupportedFeatureException($"inode {inode.Number} is compressed (ext4 INCOMPAT_COMPRESSION, bit 0x1)");
        CheckedLength(inode);
    }

    private VolumeStream OpenContent(ExtInode inode)
    {
        RequireReadable(inode);
        if ((inode.Flags & ExtInodeFlags.InlineData) != 0)
            return new ExtInlineStream(ReadInline(inode));
        return new ExtFileStream(inode, ExtBlockMap.Of(inode, Geometry, Blocks, Checksums), Geometry, Blocks);
    }

    // Null for an encrypted one. A target is at most a block long; the kernel stops at the first zero byte.
    private string? ReadTarget(ExtInode inode)
    {
        if ((inode.Flags & ExtInodeFlags.Encrypt) != 0)
            return null;
        if (CheckedLength(inode) > Geometry.BlockSize)
            throw new DiskFormatException("EXT-0108", $"Inode {inode.Number}", inode.Offset, $"is a symbolic link of {inode.Length} bytes, expected at most {Geometry.BlockSize}");
        var target = new byte[inode.Length];
        if (inode.IsFastLink(Geometry))
            inode.Block[..target.Length].CopyTo(target);
        else
            OpenContent(inode).ReadAt(0, target);
        var end = Array.IndexOf(target, (byte)0);
        return EscapedUtf8.Decode(end < 0 ? target : target.AsSpan(0, end));
    }

    /// <summary>All attributes with the space that their values are in: those in the inode, then those in its block.</summary>
    private List<(ExtAttribute Attribute, byte[] Space)> AttributesOf(ExtInode inode)
    {
        var all = new List<(ExtAttribute, byte[])>();
        var found = new List<ExtAttribute>();
        var space = inode.AttributeSpace;
        if (space.Length >= ExtAttributeHeader.InodeSize && OnDisk.View<U32Le>(space) == ExtAttributeHeader.MagicValue)
        {
            var bytes = space.ToArray();
            if (ExtAttributes.Parse(bytes, ExtAttributeHeader.InodeSize, ExtAttributeHeader.InodeSize, found) is { } problem)
                throw new DiskFormatException("EXT-0400", $"Inode {inode.Number}, attributes", inode.Offset + Geometry.InodeSize - bytes.Length, problem);
            foreach (var attribute in found)
                all.Add((attribute, bytes));
        }
        if (inode.AttributeBlock == 0)
            return all;
        var block = ReadAttributeBlock(inode);
        found.Clear();
        if (ExtAttributes.Parse(block, ExtAttributeHeader.Size, 0, found) is { } wrong)
            throw new DiskFormatException("EXT-0400", $"Attribute block {inode.AttributeBlock} of inode {inode.Number}", inode.AttributeBlock << Geometry.LogBlockSize, wrong);
        foreach (var attribute in found)
            all.Add((attribute, block));
        return all;
    }

    /// <summary>An inode's block of attributes, its head verified.</summary>
    internal byte[] ReadAttributeBlock(ExtInode inode)
    {
        var structure = $"Attribute block {inode.AttributeBlock} of inode {inode.Number}";
        var block = Blocks.Read(inode.AttributeBlock, structure);
        ref readonly var header = ref OnDisk.View<ExtAttributeHeader>(block);
        var offset = inode.AttributeBlock << Geometry.LogBlockSize;
        if (header.Magic != ExtAttributeHeader.MagicValue || header.Blocks != 1)
            throw new DiskFormatException("EXT-0401", structure, offset, $"magic and blocks: found 0x{(uint)header.Magic:X8} and {header.Blocks}, expected 0xEA020000 and 1");
        if (Checksums.IsOn && header.Checksum != Checksums.OfAttributeBlock(inode.AttributeBlock, block))
            throw new DiskFormatException("EXT-0402", structure, offset, "the checksum is wrong");
        return block;
    }

    private byte[] ValueOf(ExtInode owner, in ExtAttribute attribute, byte[] space)
    {
        if (attribute.ValueInode == 0)
            return space.AsSpan(attribute.ValueOffset, attribute.ValueLength).ToArray();
        var inode = _inodes.Read(attribute.ValueInode);
        if ((inode.Flags & ExtInodeFlags.EaInode) == 0 || !inode.IsFile || inode.Length != attribute.ValueLength || (inode.Flags & (ExtInodeFlags.InlineData | ExtInodeFlags.Encrypt)) != 0)
            throw new DiskFormatException("EXT-0403", $"Inode {inode.Number}", inode.Offset, $"should hold the {attribute.ValueLength} bytes of an attribute of inode {owner.Number}");
        var map = ExtBlockMap.Of(inode, Geometry, Blocks, Checksums);
        var needed = attribute.ValueLength + Geometry.BlockSize - 1 >> Geometry.LogBlockSize;

        // A hole in it would let a small image ask for much memory.
        foreach (var run in map.Runs(0, needed))
        {
            if (!run.HasData)
                throw new DiskFormatException("EXT-0403", $"Inode {inode.Number}", inode.Offset, $"has a hole at block {run.Logical} of the attribute that it holds");
        }
        var value = new byte[attribute.ValueLength];
        using var stream = new ExtFileStream(inode, map, Geometry, Blocks);
        stream.ReadAt(0, value);
        return value;
    }
}
