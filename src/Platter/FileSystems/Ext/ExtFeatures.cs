namespace Platter.FileSystems.Ext;

/// <summary>The names of features, as e2fsprogs prints them and as the kernel's macros have them, and what Platter can do with which.</summary>
internal static class ExtFeatures
{
    /// <summary>What reading knows. A bit outside is refused by name.</summary>
    public const ExtIncompat Readable = ExtIncompat.Compression | ExtIncompat.Filetype | ExtIncompat.Recover | ExtIncompat.MetaBg | ExtIncompat.Extents
        | ExtIncompat.Bit64 | ExtIncompat.Mmp | ExtIncompat.FlexBg | ExtIncompat.EaInode | ExtIncompat.ChecksumSeed | ExtIncompat.LargeDir
        | ExtIncompat.InlineData | ExtIncompat.Encrypt | ExtIncompat.Casefold;

    /// <summary>What the checker knows the structures of. With a bit outside its verdict would be a guess.</summary>
    public const ExtRoCompat Checkable = ExtRoCompat.SparseSuper | ExtRoCompat.LargeFile | ExtRoCompat.HugeFile | ExtRoCompat.GdtChecksum
        | ExtRoCompat.DirNlink | ExtRoCompat.ExtraIsize | ExtRoCompat.Quota | ExtRoCompat.Bigalloc | ExtRoCompat.MetadataChecksum
        | ExtRoCompat.ReadOnly | ExtRoCompat.Project | ExtRoCompat.SharedBlocks | ExtRoCompat.Verity | ExtRoCompat.OrphanPresent;

    private const ExtIncompat Editable = Readable & ~ExtIncompat.Compression;

    // Shared blocks would be written twice; read-only says so itself.
    private const ExtRoCompat EditableRoCompat = Checkable & ~(ExtRoCompat.ReadOnly | ExtRoCompat.SharedBlocks);

    private const ExtCompat NotEditable = ExtCompat.LazyBg | ExtCompat.ExcludeBitmap | ExtCompat.ImagicInodes;

    // Short name and bit, in the order in which e2fsprogs lists them; the kernel's macro is the second name where it differs.
    private static readonly (uint Bit, string Name, string Macro)[] Compat =
    [
        (0x1, "dir_prealloc", "DIR_PREALLOC"), (0x4, "has_journal", "HAS_JOURNAL"), (0x2, "imagic_inodes", "IMAGIC_INODES"),
        (0x8, "ext_attr", "EXT_ATTR"), (0x20, "dir_index", "DIR_INDEX"), (0x10, "resize_inode", "RESIZE_INODE"), (0x40, "lazy_bg", "LAZY_BG"),
        (0x100, "snapshot_bitmap", "EXCLUDE_BITMAP"), (0x200, "sparse_super2", "SPARSE_SUPER2"), (0x400, "fast_commit", "FAST_COMMIT"),
        (0x800, "stable_inodes", "STABLE_INODES"), (0x1000, "orphan_file", "ORPHAN_FILE"),
    ];

    private static readonly (uint Bit, string Name, string Macro)[] Incompat =
    [
        (0x1, "compression", "COMPRESSION"), (0x2, "filetype", "FILETYPE"), (0x4, "needs_recovery", "RECOVER"), (0x8, "journal_dev", "JOURNAL_DEV"),
        (0x40, "extent", "EXTENTS"), (0x10, "meta_bg", "META_BG"), (0x80, "64bit", "64BIT"), (0x100, "mmp", "MMP"), (0x200, "flex_bg", "FLEX_BG"),
        (0x400, "ea_inode", "EA_INODE"), (0x1000, "dirdata", "DIRDATA"), (0x2000, "metadata_csum_seed", "CSUM_SEED"), (0x4000, "large_dir", "LARGEDIR"),
        (0x8000, "inline_data", "INLINE_DATA"), (0x10000, "encrypt", "ENCRYPT"), (0x20000, "casefold", "CASEFOLD"),
    ];

    private static readonly (uint Bit, string Name, string Macro)[] RoCompat =
    [
        (0x1, "sparse_super", "SPARSE_SUPER"), (0x2, "large_file", "LARGE_FILE"), (0x4, "btree_dir", "BTREE_DIR"), (0x8, "huge_file", "HUGE_FILE"),
        (0x10, "uninit_bg", "GDT_CSUM"), (0x20, "dir_nlink", "DIR_NLINK"), (0x40, "extra_isize", "EXTRA_ISIZE"), (0x80, "has_snapshot", "HAS_SNAPSHOT"),
        (0x100, "quota", "QUOTA"), (0x200, "bigalloc", "BIGALLOC"), (0x400, "metadata_csum", "METADATA_CSUM"), (0x800, "replica", "REPLICA"),
        (0x1000, "read-only", "READONLY"), (0x2000, "project", "PROJECT"), (0x4000, "shared_blocks", "SHARED_BLOCKS"), (0x8000, "verity", "VERITY"),
        (0x10000, "orphan_present", "ORPHAN_PRESENT"),
    ];

    /// <summary>All features of a volume by their short names, separated by spaces; unknown bits as <c>incompat_0x20000000</c>.</summary>
    public static string Names(ExtCompat compat, ExtIncompat incompat, ExtRoCompat roCompat)
    {
        var names = new List<string>();
        Add(names, Compat, (uint)compat, "compat");
        Add(names, Incompat, (uint)incompat, "incompat");
        Add(names, RoCompat, (uint)roCompat, "ro_compat");
        return string.Join(' ', names);
    }

    /// <summary>The feature of a short name, as e2fsprogs spell it (older spellings too); null when there is none.</summary>
    public static ExtFeatureSet? Find(string name)
    {
        name = name switch { "extents" => "extent", "uninit_groups" => "uninit_bg", "fname_encoding" => "casefold", _ => name };
        foreach (var feature in Compat)
        {
            if (feature.Name == name)
                return (ExtCompat)feature.Bit;
        }
        foreach (var feature in Incompat)
        {
            if (feature.Name == name)
                return (ExtIncompat)feature.Bit;
        }
        foreach (var feature in RoCompat)
        {
            if (feature.Name == name)
                return (ExtRoCompat)feature.Bit;
        }
        return null;
    }

    /// <summary>Refuses what cannot be read.</summary>
    /// <exception cref="UnsupportedFeatureException">Names each feature with its bit.</exception>
    public static void RequireReadable(ExtIncompat incompat)
    {
        if ((incompat & ExtIncompat.JournalDevice) != 0)
            throw new UnsupportedFeatureException("an external ext journal (INCOMPAT_JOURNAL_DEV, bit 0x8): it holds no files; open the volume that it belongs to");
        var unknown = incompat & ~Readable;
        if (unknown != 0)
            throw new UnsupportedFeatureException($"ext4 {Macros(Incompat, (uint)unknown, "INCOMPAT")}");
    }

    /// <summary>Refuses to edit what has features that editing would leave wrong.</summary>
    /// <exception cref="UnsupportedFeatureException">Names each feature with its bit.</exception>
    public static void RequireEditable(ExtGeometry geometry)
    {
        if ((geometry.Incompat & ~Editable) != 0 || (geometry.RoCompat & ~EditableRoCompat) != 0 || (geometry.Compat & NotEditable) != 0)
            Refuse(geometry);
    }

    private static void Refuse(ExtGeometry geometry)
    {
        List<string> foreign = [];
        if ((geometry.Incompat & ~Editable) is var incompat and not 0)
            foreign.Add(Macros(Incompat, (uint)incompat, "INCOMPAT"));
        if ((geometry.RoCompat & ~EditableRoCompat) is var roCompat and not 0)
            foreign.Add(Macros(RoCompat, (uint)roCompat, "RO_COMPAT"));
        if ((geometry.Compat & NotEditable) is var compat and not 0)
            foreign.Add(Macros(Compat, (uint)compat, "COMPAT"));
        throw new UnsupportedFeatureException($"editing {geometry.TypeName} with {string.Join("; ", foreign)}");
    }

    /// <summary>The kernel's names of read-only features, with their bits.</summary>
    public static string Macros(ExtRoCompat features) => Macros(RoCompat, (uint)features, "RO_COMPAT");

    private static void Add(List<string> names, (uint Bit, string Name, string Macro)[] known, uint bits, string set)
    {
        foreach (var (bit, name, _) in known)
        {
            if ((bits & bit) != 0)
                names.Add(name);
            bits &= ~bit;
        }
        for (; bits != 0; bits &= bits - 1)
            names.Add($"{set}_0x{bits & ~(bits - 1):x}");
    }

    private static string Macros((uint Bit, string Name, string Macro)[] known, uint bits, string set)
    {
        var names = new List<string>();
        for (; bits != 0; bits &= bits - 1)
        {
            var bit = bits & ~(bits - 1);
            var name = "UNKNOWN";
            foreach (var feature in known)
            {
                if (feature.Bit == bit)
                    name = feature.Macro;
            }
            names.Add($"{set}_{name}, bit 0x{bit:x}");
        }
        return string.Join("; ", names);
    }
}
