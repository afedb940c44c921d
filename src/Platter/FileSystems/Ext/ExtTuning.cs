using System.Globalization;

namespace Platter.FileSystems.Ext;

/// <summary>What <c>tune -O</c> takes for ext, checked and turned into numbers; null stays as it is. The keys are those of mkfs where there is one.</summary>
internal sealed record ExtTuning
{
    private const int SecondsOfDay = 24 * 60 * 60;

    private static readonly string[] Keys =
    [
        "features", "label", "uuid", "reserved_percent", "reserved_blocks", "reserved_uid", "reserved_gid", "errors", "default_mntopts", "mount_options",
        "max_mount_count", "mount_count", "check_interval", "last_checked", "last_mounted", "stride", "stripe_width", "hash_alg", "journal_size",
        "fast_commit_size", "orphan_file_size", "mmp_update_interval", "encoding_flags", "quotatype",
    ];

    /// <summary>As <see cref="ExtFeatureSet.Edited"/> takes them.</summary>
    public string Features { get; private init; } = "";

    public byte[]? Label { get; private init; }

    /// <summary>All zeros: none.</summary>
    public Guid? Uuid { get; private init; }

    public double? ReservedPercent { get; private init; }
    public long? ReservedBlocks { get; private init; }
    public ushort? ReservedUser { get; private init; }
    public ushort? ReservedGroup { get; private init; }
    public ushort? ErrorBehaviour { get; private init; }

    /// <summary>Names between commas; <c>^</c> takes one away.</summary>
    public string? DefaultMountOptions { get; private init; }

    public byte[]? MountOptions { get; private init; }

    /// <summary>0xFFFF: never by count.</summary>
    public ushort? MaxMountCount { get; private init; }

    public ushort? MountCount { get; private init; }

    /// <summary>Seconds; 0: never by time.</summary>
    public uint? CheckInterval { get; private init; }

    /// <summary>Seconds since 1970.</summary>
    public long? LastCheck { get; private init; }

    public byte[]? LastMounted { get; private init; }
    public ushort? Stride { get; private init; }
    public uint? StripeWidth { get; private init; }
    public ExtHashVersion? HashVersion { get; private init; }

    /// <summary>Bytes of a journal that is added.</summary>
    public long? JournalLength { get; private init; }

    public long? FastCommitLength { get; private init; }
    public long? OrphanFileLength { get; private init; }

    /// <summary>Seconds.</summary>
    public int? MmpInterval { get; private init; }

    public bool StrictEncoding { get; private init; }

    /// <summary>The quotas that there shall be.</summary>
    public IReadOnlyList<ExtQuotaType>? Quotas { get; private init; }

    /// <exception cref="ArgumentException">A key is unknown or a value does not fit.</exception>
    public static ExtTuning Read(TuneOptions options, string type)
    {
        var (edits, rest) = ExtFormatOptions.SplitFeatures(options.Options);
        var reader = new FormatOptionReader(new FormatOptions { Type = type, Options = rest }, Keys);
        if (reader.Text("reserved_percent") is not null && reader.Text("reserved_blocks") is not null)
            throw new ArgumentException("reserved_percent and reserved_blocks say the same: give one of them");
        return new ExtTuning
        {
            Features = edits,
            Label = reader.Text("label") is { } label ? ExtFormatOptions.Bytes(label, "the label", 16) : null,
            Uuid = Id(reader.Text("uuid")),
            ReservedPercent = reader.Text("reserved_percent") is { } percent ? ExtFormatOptions.Percent(percent) : null,
            ReservedBlocks = reader.Number("reserved_blocks", 0, long.MaxValue),
            ReservedUser = (ushort?)reader.Number("reserved_uid", 0, ushort.MaxValue),
            ReservedGroup = (ushort?)reader.Number("reserved_gid", 0, ushort.MaxValue),
            ErrorBehaviour = ExtFormatOptions.Errors(reader),
            DefaultMountOptions = reader.Text("default_mntopts"),
            MountOptions = reader.Text("mount_options") is { } mount ? ExtFormatOptions.Bytes(mount, "mount_options", 63) : null,
            MaxMountCount = Never(reader.Text("max_mount_count")) ? ushort.MaxValue : (ushort?)reader.Number("max_mount_count", 0, 16000),
            MountCount = (ushort?)reader.Number("mount_count", 0, 16000),
            CheckInterval = Interval(reader.Text("check_interval")),
            LastCheck = reader.Text("last_checked") is { } time ? Time(time) : null,
            LastMounted = reader.Text("last_mounted") is { } mounted ? ExtFormatOptions.Bytes(mounted, "last_mounted", 64) : null,
            Stride = (ushort?)reader.Number("stride", 0, ushort.MaxValue),
            StripeWidth = (uint?)reader.Number("stripe_width", 0, uint.MaxValue),
            HashVersion = ExtFormatOptions.Hash(reader),
            JournalLength = reader.Size("journal_size", 1, 1L << 40),
            FastCommitLength = reader.Size("fast_commit_size", 1, 1L << 40),
            OrphanFileLength = reader.Size("orphan_file_size", 1, 1 << 30),
            MmpInterval = (int?)reader.Number("mmp_update_interval", 1, 300),
            StrictEncoding = ExtFormatOptions.Word(reader, "encoding_flags", "strict", "^strict", "") == "strict",
            Quotas = reader.Text("quotatype") is { } quotas ? ExtFormatOptions.QuotaTypes(quotas) : null,
        };
    }

    private static Guid? Id(string? text) => text switch
    {
        "clear" => Guid.Empty,
        "random" => Guid.NewGuid(),
        _ => ExtFormatOptions.Id(text, "uuid"),
    };

    // tune2fs -c: 0 and -1 both switch it off.
    private static bool Never(string? text) => text is "0" or "-1" or "never";

    // tune2fs -i: days, or weeks, months of 30 days, seconds.
    private static uint? Interval(string? text)
    {
        if (text is null)
            return null;
        var unit = text.Length > 0 ? text[^1] switch { 's' => 1, 'd' => SecondsOfDay, 'w' => 7 * SecondsOfDay, 'm' => 30 * SecondsOfDay, _ => 0 } : 0;
        var digits = unit == 0 ? text : text[..^1];
        if (!uint.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || (ulong)count * (uint)(unit == 0 ? SecondsOfDay : unit) > int.MaxValue)
            throw new ArgumentException($"the option check_interval={text} needs a number of days, or one with s, d, w or m: 180, 26w, 6m; 0 is never");
        return count * (uint)(unit == 0 ? SecondsOfDay : unit);
    }

    private static long Time(string text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) && time.ToUnixTimeSeconds() >= 0 ? time.ToUnixTimeSeconds()
            : throw new ArgumentException($"the option last_checked={text} needs a time since 1970: 2026-01-31T12:00:00Z");
}
