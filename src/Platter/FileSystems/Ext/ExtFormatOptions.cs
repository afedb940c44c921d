using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>What <c>mkfs -t ext4 -O</c> takes, checked and turned into numbers; null is "choose it". The keys are mke2fs's words; a
/// feature may stand on its own, as in <c>-O ^has_journal,inline_data,block_size=1K</c>.</summary>
internal sealed record ExtFormatOptions
{
    private static readonly string[] Keys =
    [
        "features", "block_size", "cluster_size", "inode_size", "inode_ratio", "inodes", "blocks_per_group", "flex_bg_size", "journal_size", "fast_commit_size",
        "reserved_percent", "resize", "stride", "stripe_width", "num_backup_sb", "packed_meta_blocks", "usage_type", "uuid", "hash_seed", "hash_alg", "last_mounted",
        "root_owner", "errors", "default_mntopts", "encoding", "encoding_flags", "quotatype", "orphan_file_size", "mmp_update_interval", "desc_size",
    ];

    // tune2fs -o: bits of s_default_mount_opts; three of them are one field of two bits.
    private static readonly (string Name, uint Bits, uint Field)[] MountOptions =
    [
        ("debug", 1, 1), ("bsdgroups", 2, 2), ("user_xattr", 4, 4), ("acl", 8, 8), ("uid16", 0x10, 0x10), ("journal_data", 0x20, 0x60),
        ("journal_data_ordered", 0x40, 0x60), ("journal_data_writeback", 0x60, 0x60), ("nobarrier", 0x100, 0x100), ("block_validity", 0x200, 0x200),
        ("discard", 0x400, 0x400), ("nodelalloc", 0x800, 0x800),
    ];

    public required string Type { get; init; }
    public required ExtFeatureSet Features { get; init; }
    public required int LeastBlockSize { get; init; }

    public int? BlockSize { get; init; }

    /// <summary>Bytes of a cluster; with bigalloc.</summary>
    public int? ClusterSize { get; init; }

    public int? InodeSize { get; init; }

    /// <summary>Bytes of the volume for each inode.</summary>
    public long? InodeRatio { get; init; }

    /// <summary>Inodes asked for; at least so many are made.</summary>
    public long? Inodes { get; init; }

    /// <summary>Entries that are going to come: there are inodes for at least so many.</summary>
    public long ExpectedEntries { get; init; }

    /// <summary>Blocks, or with bigalloc clusters.</summary>
    public int? BlocksPerGroup { get; init; }

    /// <summary>Groups whose bitmaps and inode tables lie together; a power of two.</summary>
    public int? FlexGroups { get; init; }

    /// <summary>Bytes.</summary>
    public long? JournalLength { get; init; }

    /// <summary>Bytes of the journal's area of fast commits, beside <see cref="JournalLength"/>.</summary>
    public long? FastCommitLength { get; init; }

    public double ReservedPercent { get; init; } = 5;

    /// <summary>Bytes to which room for group descriptors is kept.</summary>
    public long? ResizeLimit { get; init; }

    public uint Stride { get; init; }
    public uint StripeWidth { get; init; }

    /// <summary>Copies of the superblock with sparse_super2: 0 to 2.</summary>
    public int Backups { get; init; } = 2;

    /// <summary>All bitmaps and inode tables at the start of the volume.</summary>
    public bool IsPacked { get; init; }

    /// <summary>mke2fs's usage types, which choose block size and inodes; null goes by length.</summary>
    public string? UsageType { get; init; }

    public required Guid Uuid { get; init; }
    public required Guid HashSeed { get; init; }
    public ExtHashVersion HashVersion { get; init; } = ExtHashVersion.HalfMd4;
    public byte[] Label { get; init; } = [];
    public byte[] LastMounted { get; init; } = [];
    public uint RootUser { get; init; }
    public uint RootGroup { get; init; }

    /// <summary>1 go on, 2 read-only, 3 panic.</summary>
    public ushort ErrorBehaviour { get; init; } = 1;

    public uint DefaultMountOptions { get; init; }

    /// <summary>With casefold: whether names that are no UTF-8 are refused.</summary>
    public bool StrictEncoding { get; init; }

    /// <summary>The quotas that there are when none are named.</summary>
    internal const string UsualQuotas = "usrquota:grpquota";

    /// <summary>Which quotas there are, with quota.</summary>
    public IReadOnlyList<ExtQuotaType> Quotas { get; init; } = [];

    /// <summary>Bytes.</summary>
    public long? OrphanFileLength { get; init; }

    public int MmpInterval { get; init; }
    public int? DescriptorSize { get; init; }

    /// <summary>The time of everything, in seconds since 1970.</summary>
    public required long Time { get; init; }

    /// <exception cref="ArgumentException">A key is unknown or a value does not fit.</exception>
    /// <exception cref="UnsupportedFeatureException">A feature that volumes cannot be made with.</exception>
    public static ExtFormatOptions Read(FormatOptions options, int sectorSize)
    {
        var type = options.Type.ToLowerInvariant();
        var (edits, rest) = SplitFeatures(options.Options);
        var reader = new FormatOptionReader(options with { Options = rest }, Keys);
        var features = ExtFormatFeatures.Choose(type, edits);
        var now = Timestamp.From(options.Clock.GetUtcNow());
        var uuid = Id(options.Id ?? reader.Text("uuid"), "uuid") ?? Derive($"{now.UnixSeconds}.{now.Nanoseconds} {type} {options.Label} {options.PartitionOffset}");
        var (user, group) = Owner(reader.Text("root_owner"));
        return new ExtFormatOptions
        {
            Type = type,
            Features = features,
            LeastBlockSize = sectorSize,
            BlockSize = (int?)reader.PowerOfTwo("block_size", Math.Max(1024, sectorSize), 65536),
            ClusterSize = (int?)reader.PowerOfTwo("cluster_size", 2048, 512 << 20),
            InodeSize = (int?)reader.PowerOfTwo("inode_size", 128, 65536),
            InodeRatio = reader.Size("inode_ratio", 1024, 64 << 20),
            Inodes = reader.Number("inodes", 1, uint.MaxValue),
            ExpectedEntries = options.ExpectedEntries ?? 0,
            BlocksPerGroup = (int?)reader.Number("blocks_per_group", 256, 65528),
            FlexGroups = (int?)reader.PowerOfTwo("flex_bg_size", 1, 1 << 30),
            JournalLength = reader.Size("journal_size", 1, 1L << 40),
            FastCommitLength = reader.Size("fast_commit_size", 1, 1L << 40),
            ReservedPercent = Percent(reader.Text("reserved_percent")),
            ResizeLimit = reader.Size("resize", 1, long.MaxValue),
            Stride = (uint)(reader.Number("stride", 0, ushort.MaxValue) ?? 0),
            StripeWidth = (uint)(reader.Number("stripe_width", 0, uint.MaxValue) ?? 0),
            Backups = (int)(reader.Number("num_backup_sb", 0, 2) ?? 2),
            IsPacked = Word(reader, "packed_meta_blocks", "0", "1", "false", "true") is "1" or "true",
            UsageType = Word(reader, "usage_type", [.. ExtFormatPlan.UsageTypes]),
            Uuid = uuid,
            HashSeed = Id(reader.Text("hash_seed"), "hash_seed") ?? Derive("hash seed " + uuid),
            HashVersion = Hash(reader) ?? ExtHashVersion.HalfMd4,
            Label = Bytes(options.Label, "the label", 16),
            LastMounted = Bytes(reader.Text("last_mounted"), "last_mounted", 64),
            RootUser = user,
            RootGroup = group,
            ErrorBehaviour = Errors(reader) ?? 1,
            DefaultMountOptions = Mount(reader.Text("default_mntopts") ?? "acl,user_xattr"),
            StrictEncoding = Encoding(reader, features),
            Quotas = QuotaTypes(reader.Text("quotatype"), features),
            OrphanFileLength = reader.Size("orphan_file_size", 1, 1 << 30),
            MmpInterval = (int)(reader.Number("mmp_update_interval", 1, 300) ?? 5),
            DescriptorSize = (int?)reader.PowerOfTwo("desc_size", 64, 1024),
            Time = Math.Clamp(now.UnixSeconds, 0, int.MaxValue + (3L << 32)),
        };
    }

    /// <summary>Features that stand for themselves, together with those of the key <c>features</c>, as one text; and all other options.</summary>
    internal static (string Edits, Dictionary<string, string> Others) SplitFeatures(IReadOnlyDictionary<string, string> options)
    {
        var edits = new StringBuilder(options.GetValueOrDefault("features"));
        var rest = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in options)
        {
            if (value is "true" or "false" && (key is "none" || ExtFeatures.Find(key.TrimStart('^', '-', '+')) is not null))
                edits.Append(value == "true" ? "," : ",^").Append(key);
            else
                rest.Add(key, value);
        }
        return (edits.ToString(), rest);
    }

    internal static Guid? Id(string? text, string name) =>
        text is null ? null : Guid.TryParseExact(text, "D", out var id) ? id : throw new ArgumentException($"the {name} '{text}' is no UUID: 01234567-89ab-cdef-0123-456789abcdef");

    // RFC 9562, section 5.8: version 8 (made by the maker's own rule), variant 10.
    private static Guid Derive(string text)
    {
        var bytes = SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text)).AsSpan(0, 16);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    internal static byte[] Bytes(string? text, string name, int most)
    {
        var bytes = EscapedUtf8.Encode(text ?? "");
        return bytes.Length <= most ? bytes : throw new ArgumentException($"{name} '{text}' has {bytes.Length} bytes, at most {most} are possible");
    }

    internal static double Percent(string? text) =>
        text is null ? 5 : double.TryParse(text.TrimEnd('%'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent) && percent <= 50 ? percent
            : throw new ArgumentException($"the option reserved_percent={text} needs a number, 0 to 50");

    private static (uint User, uint Group) Owner(string? text)
    {
        if (text is null)
            return (0, 0);
        var parts = text.Split(':');
        return parts.Length == 2 && uint.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var user)
            && uint.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var group) ? (user, group)
            : throw new ArgumentException($"the option root_owner={text} needs two numbers: 1000:1000");
    }

    internal static string? Word(FormatOptionReader reader, string key, params string[] words) =>
        reader.Text(key) is not { } text ? null : words.Contains(text) ? text : throw new ArgumentException($"the option {key}={text} needs one of {string.Join(", ", words)}");

    /// <summary>The bits of mount options by name, changed from what they were.</summary>
    internal static uint Mount(string text, uint bits = 0)
    {
        foreach (var word in text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries))
        {
            var option = Array.Find(MountOptions, o => o.Name == word.TrimStart('^'));
            if (option.Name is null)
                throw new ArgumentException($"the option default_mntopts names '{word}'; known are {string.Join(", ", MountOptions.Select(o => o.Name))}");
            bits = (bits & ~option.Field) | (word[0] == '^' ? 0 : option.Bits);
        }
        return bits;
    }

    internal static ushort? Errors(FormatOptionReader reader) =>
        Word(reader, "errors", "continue", "remount-ro", "panic") switch { null => null, "remount-ro" => 2, "panic" => 3, _ => 1 };

    internal static ExtHashVersion? Hash(FormatOptionReader reader) =>
        Word(reader, "hash_alg", "legacy", "half_md4", "tea") switch { null => null, "legacy" => ExtHashVersion.Legacy, "tea" => ExtHashVersion.Tea, _ => ExtHashVersion.HalfMd4 };

    private static bool Encoding(FormatOptionReader reader, ExtFeatureSet features)
    {
        var encoding = Word(reader, "encoding", "utf8", "utf8-12.1");
        var flags = Word(reader, "encoding_flags", "strict", "^strict", "");
        if ((encoding ?? flags) is not null && !features.Has(ExtIncompat.Casefold))
            throw new ArgumentException("encoding and encoding_flags need the feature casefold");
        return flags == "strict";
    }

    private static List<ExtQuotaType> QuotaTypes(string? text, ExtFeatureSet features)
    {
        if (!features.Has(ExtRoCompat.Quota))
            return text is null ? [] : throw new ArgumentException("quotatype needs the feature quota");
        var types = QuotaTypes(text ?? UsualQuotas);
        if (types.Contains(ExtQuotaType.Project) && !features.Has(ExtRoCompat.Project))
            throw new ArgumentException("prjquota needs the feature project");
        return features.Has(ExtRoCompat.Project) ? [.. types.Append(ExtQuotaType.Project).Distinct().Order()] : types;
    }

    /// <summary>The quotas that a text names, between colons.</summary>
    /// <exception cref="ArgumentException">A name is unknown.</exception>
    internal static List<ExtQuotaType> QuotaTypes(string text)
    {
        var types = new List<ExtQuotaType>();
        foreach (var word in text.Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            types.Add(word switch
            {
                "usrquota" => ExtQuotaType.User,
                "grpquota" => ExtQuotaType.Group,
                "prjquota" => ExtQuotaType.Project,
                _ => throw new ArgumentException($"the option quotatype={text} names '{word}', expected usrquota, grpquota or prjquota"),
            });
        }
        return [.. types.Distinct().Order()];
    }
}
