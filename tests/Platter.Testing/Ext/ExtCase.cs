using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Primitives;
using Platter.Testing.Volumes;

namespace Platter.Testing.Ext;

/// <summary>A small ext volume of e2fsprogs with something of everything in it, and ways to damage it: checksums are made right again, so that the damage itself is found.</summary>
public sealed class ExtCase
{
    private const string Content = """
        write {0} file
        write {0} holes
        write {1} small
        mkdir dir
        mkdir dir/below
        mkdir many
        write {1} dir/inside
        ln small hard
        sif hard links_count 2
        symlink short target
        symlink long {2}
        mknod device c 5 1
        ea_set small user.name value
        ea_set small user.second another
        ea_set -f {3} file user.large
        ea_set -f {3} dir user.large
        """;

    private static readonly Dictionary<string, ScratchDevice> Made = [];

    internal delegate void Change<T>(ref T structure);

    private ExtCase(ScratchDevice device) => Device = device;

    public ScratchDevice Device { get; }

    internal ExtGeometry Geometry => ExtGeometry.Read(Device);

    /// <summary>Metadata checksums, extents, a hash tree, a journal at rest; blocks of 1 KiB in two groups.</summary>
    public static ExtCase Ext4() => Make("-t ext4 -b 1024 -I 256 -N 1024 -J size=1 -O ^resize_inode", 10240);

    /// <summary>Block maps, no checksums at all, no journal.</summary>
    public static ExtCase Ext2() => Make("-t ext2 -b 1024 -I 128 -N 1024 -O ^resize_inode", 10240);

    /// <summary>As <see cref="Ext4"/>, without checksums: what is changed needs nothing else.</summary>
    public static ExtCase Plain() => Make("-t ext4 -b 1024 -I 256 -N 1024 -J size=1 -O ^metadata_csum,^resize_inode", 10240);

    /// <summary>Small content in inodes, attributes in inodes of their own, an orphan file, mount protection, large clusters.</summary>
    public static ExtCase Inline() => Make("-t ext4 -b 1024 -I 256 -N 1024 -J size=1 -O inline_data,ea_inode,orphan_file,mmp,quota,^resize_inode", 10240);

    /// <summary>An attribute with its value in an inode of its own; quotas count it.</summary>
    public static ExtCase Values() => Make("-t ext4 -b 1024 -I 256 -N 1024 -J size=1 -O ea_inode,quota,^resize_inode", 10240, extra: "ea_set -f {4} small user.long\n");

    /// <summary>A directory without case, on a volume whose names must be UTF-8.</summary>
    public static ExtCase Strict() => Make("-t ext4 -b 1024 -I 256 -N 1024 -J size=1 -O casefold,^resize_inode -E encoding=utf8,encoding_flags=strict", 10240,
        extra: "mkdir folded\nsif folded flags 0x40080000\ncd folded\nmknod some-name p\ncd /\n");

    public static ExtCase Bigalloc() => Make("-t ext4 -b 1024 -I 256 -N 1024 -O bigalloc,^has_journal,^resize_inode", 16384);

    /// <summary>With blocks kept for growing.</summary>
    public static ExtCase Resizable() => Make("-t ext4 -b 1024 -I 256 -N 1024 -O ^has_journal,resize_inode", 10240);

    /// <summary>A journal with two transactions to be replayed.</summary>
    public static ExtCase Dirty(string version = "jo -c -v 3") => Make("-t ext4 -b 1024 -I 256 -N 1024 -J size=1 -O ^resize_inode", 10240, version);

    /// <summary>Opens the volume for reading.</summary>
    public ExtVolume Open(VolumeOptions? options = null) => ExtVolume.Open(Device, options ?? VolumeOptions.Default);

    public CheckReport Check() => new ExtType().Check(Device, CheckOptions.Default);

    /// <summary>The inode of a path.</summary>
    public uint Number(string path)
    {
        using var volume = Open(new VolumeOptions { DiscardJournal = true });
        return (uint)volume.Find(path).Id.Value;
    }

    /// <summary>The block of the volume that holds a block of a file or directory.</summary>
    public long BlockOf(string path, long logical = 0) => Use(volume => ExtBlockMap.Of(volume.Inodes.Read(Number(path)), volume.Geometry, volume.Blocks, volume.Checksums).Find(logical).Physical);

    /// <summary>The block of the first node below the root of an extent tree.</summary>
    public long NodeOf(string path) => Use(volume => ExtExtentNode.Verified(volume.Inodes.Read(Number(path)).Block).Indexes[0].Leaf);

    /// <summary>The block of the volume that holds a block of an inode's content.</summary>
    public long BlockOf(uint inode, long logical) => Use(volume => ExtBlockMap.Of(volume.Inodes.Read(inode), volume.Geometry, volume.Blocks, volume.Checksums).Find(logical).Physical);

    /// <summary>The inode that holds the value of an attribute.</summary>
    public uint ValueInode() => Use(volume => Enumerable.Range(11, 300).Select(n => (uint)n).First(n => (volume.Inodes.ReadUnchecked(n).Flags & ExtInodeFlags.EaInode) != 0));

    /// <summary>Puts a number into the orphan file, and makes its checksum right.</summary>
    public ExtCase Orphan(uint orphan, bool isPresent) => Use(volume =>
    {
        uint file = volume.Geometry.Super.OrphanFileInode;
        var number = BlockOf(file, 0);
        Block(number, bytes =>
        {
            OnDisk.Edit<U32Le>(bytes, 8) = orphan;
            OnDisk.Edit<ExtOrphanTail>(bytes, bytes.Length - ExtOrphanTail.Size).Checksum = ExtChecksums.OfOrphanBlock(volume.Checksums.InodeSeed(file, volume.Inodes.Read(file).Generation), number, bytes);
        });
        return isPresent ? Super((ref ExtSuperblock s) => s.RoCompat.Raw |= (uint)ExtRoCompat.OrphanPresent) : this;
    });

    /// <summary>A block of the journal.</summary>
    public long JournalBlock(uint block) => Use(volume => ExtJournalFile.Open(volume.Geometry, volume.Blocks).Physical(block));

    internal ExtCase Super(Change<ExtSuperblock> change)
    {
        var bytes = new byte[ExtSuperblock.Size];
        Device.Read(ExtSuperblock.Offset, bytes);
        change(ref OnDisk.Edit<ExtSuperblock>(bytes));
        OnDisk.Edit<ExtSuperblock>(bytes).Checksum = ExtChecksums.OfSuper(bytes);
        Device.Write(ExtSuperblock.Offset, bytes);
        return this;
    }

    internal ExtCase Descriptor(long group, Change<ExtGroupDescriptor> change, bool fix = true) => Use(volume =>
    {
        var bytes = volume.Groups.Bytes(group).ToArray();
        change(ref OnDisk.Edit<ExtGroupDescriptor>(bytes));
        if (fix && volume.Checksums.IsOnForDescriptors)
            OnDisk.Edit<ExtGroupDescriptor>(bytes).Checksum = volume.Checksums.OfDescriptor(group, bytes);
        Device.Write(volume.Groups.Offset(group), bytes);
        return this;
    });

    internal ExtCase Inode(string path, Change<ExtInodeRecord> change) => Inode(Number(path), (ref ExtInodeRecord r) => change(ref r));

    internal ExtCase Inode(uint number, Change<ExtInodeRecord> change) => InodeBytes(number, bytes => change(ref OnDisk.Edit<ExtInodeRecord>(bytes)));

    internal ExtCase InodeBytes(uint number, Action<byte[]> change, bool fix = true) => Use(volume =>
    {
        var inode = volume.Inodes.ReadUnchecked(number);
        var bytes = inode.Bytes.ToArray();
        change(bytes);
        if (fix && volume.Checksums.IsOn)
        {
            volume.Checksums.IsInodeRight(number, bytes, out _, out var expected);
            OnDisk.Edit<ExtInodeRecord>(bytes).ChecksumLo = (ushort)expected;
            if (bytes.Length > ExtInodeRecord.Size)
                OnDisk.Edit<ExtInodeExtra>(bytes, ExtInodeRecord.Size).ChecksumHi = (ushort)(expected >> 16);
        }
        Device.Write(inode.Offset, bytes);
        return this;
    });

    /// <summary>Changes a block as it is; checksums stay as they were.</summary>
    public ExtCase Block(long block, Action<byte[]> change)
    {
        var bytes = new byte[Geometry.BlockSize];
        Device.Read(block * bytes.Length, bytes);
        change(bytes);
        Device.Write(block * bytes.Length, bytes);
        return this;
    }

    /// <summary>Changes a directory's block, and its checksum with it.</summary>
    public ExtCase DirectoryBlock(string path, long logical, Action<byte[]> change) => Use(volume =>
    {
        var inode = volume.Inodes.Read(Number(path));
        var seed = volume.Checksums.InodeSeed(inode.Number, inode.Generation);
        return Block(BlockOf(path, logical), bytes =>
        {
            change(bytes);
            if (!volume.Checksums.IsOn)
                return;
            if (logical == 0 && (inode.Flags & ExtInodeFlags.Index) != 0)
                FixHashBlock(bytes, 32, seed);
            else
                OnDisk.Edit<ExtDirectoryTail>(bytes, bytes.Length - ExtDirectoryTail.Size).Checksum = ExtChecksums.OfDirectoryBlock(seed, bytes);
        });
    });

    /// <summary>Changes an extent tree's block, and its checksum with it.</summary>
    public ExtCase ExtentBlock(string path, Action<byte[]> change) => Use(volume =>
    {
        var inode = volume.Inodes.Read(Number(path));
        return Block(NodeOf(path), bytes =>
        {
            change(bytes);
            var tail = ExtExtentHeader.Size + OnDisk.View<ExtExtentHeader>(bytes).Max * ExtExtent.Size;
            OnDisk.Edit<U32Le>(bytes, tail) = ExtChecksums.OfExtentBlock(volume.Checksums.InodeSeed(inode.Number, inode.Generation), bytes, tail);
        });
    });

    /// <summary>Changes a block of attributes, and its checksum with it.</summary>
    public ExtCase AttributeBlock(string path, Action<byte[]> change) => Use(volume =>
    {
        var number = volume.Inodes.Read(Number(path)).AttributeBlock;
        return Block(number, bytes =>
        {
            change(bytes);
            OnDisk.Edit<ExtAttributeHeader>(bytes).Checksum = volume.Checksums.OfAttributeBlock(number, bytes);
        });
    });

    /// <summary>Changes the journal's superblock, and its checksum with it.</summary>
    internal ExtCase Journal(Change<JbdSuperblock> change) => Block(JournalBlock(0), bytes =>
    {
        change(ref OnDisk.Edit<JbdSuperblock>(bytes));
        OnDisk.Edit<JbdSuperblock>(bytes).Checksum = Jbd.Checksum(bytes);
    });

    /// <summary>Lets the volume do something, its journal left alone.</summary>
    internal T Use<T>(Func<ExtVolume, T> use)
    {
        using var volume = Open(new VolumeOptions { DiscardJournal = true });
        return use(volume);
    }

    private static void FixHashBlock(byte[] bytes, int entries, uint seed)
    {
        ref readonly var head = ref OnDisk.View<ExtHashEntry>(bytes, entries);
        int limit = head.Limit, count = head.Count;
        if (entries + limit * ExtHashEntry.Size + ExtHashTail.Size <= bytes.Length && count <= limit)
            OnDisk.Edit<ExtHashTail>(bytes, entries + limit * ExtHashEntry.Size).Checksum = ExtChecksums.OfHashBlock(seed, bytes, entries, count, limit);
    }

    private static ExtCase Make(string arguments, int kib, string? journal = null, string extra = "")
    {
        lock (Made)
        {
            var key = arguments + journal + extra;
            if (!Made.TryGetValue(key, out var made))
                Made[key] = made = Build(arguments, kib, journal, extra);
            return new ExtCase(made.Copy());
        }
    }

    private static ScratchDevice Build(string arguments, int kib, string? journal, string extra)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Mke2fs.Make(path, (long)kib << 10, Mke2fs.WithoutProtection(arguments) + " -U 01234567-89ab-4def-8123-456789abcdef");
        File.WriteAllBytes(folder.File("content"), [.. Enumerable.Range(0, 60_000).Select(i => (byte)(i * 7 >> 2))]);
        File.WriteAllText(folder.File("small"), "a few words of content");
        File.WriteAllBytes(folder.File("value"), [.. Enumerable.Range(0, 500).Select(i => (byte)i)]);
        var script = string.Format(Content, folder.File("content"), folder.File("small"), new string('t', 100), folder.File("value")) + "\n";
        for (var i = 0; i < 40; i += 2)
            script += $"punch holes {i} {i}\n";
        script += "cd many\n" + string.Concat(Enumerable.Range(0, 200).Select(i => $"mknod name-of-a-pipe-{i} p\n")) + "cd /\n";
        File.WriteAllBytes(folder.File("long"), [.. Enumerable.Range(0, 1024).Select(i => (byte)(i * 3))]);
        Mke2fs.Debugfs(path, script + extra.Replace("{4}", folder.File("long"), StringComparison.Ordinal));
        Mke2fs.Index(path);
        Mke2fs.Index(path);
        Mke2fs.Protect(path, arguments);
        if (journal is not null)
            Mke2fs.Debugfs(path, $"{journal}\njw -b 9000-9011 {folder.File("content")}\njw -r 9003\njw -b 9005-9006 {folder.File("content")}\njc\n");
        return ScratchDevice.Load(path);
    }
}
