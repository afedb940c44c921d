using System.Globalization;
using System.Numerics;
using System.Text;

namespace Platter.Images.Qcow2;

/// <summary>What a new image shall be like, in the words that <c>qemu-img create -o</c> has for it.</summary>
internal sealed record Qcow2Settings
{
    private static readonly string[] Keys = ["compat", "cluster_size", "refcount_bits", "lazy_refcounts", "extended_l2", "compression_type", "preallocation"];

    internal int Version { get; private init; } = 3;
    internal int ClusterBits { get; private init; } = 16;
    internal int RefcountBits { get; private init; } = 16;
    internal bool LazyRefcounts { get; private init; }
    internal bool ExtendedL2 { get; private init; }
    internal Qcow2Compression Compression { get; private init; }
    internal bool Preallocate { get; private init; }
    internal byte[] BackingName { get; private init; } = [];
    internal string? BackingFormat { get; private init; }

    internal int ClusterSize => 1 << ClusterBits;

    /// <exception cref="ArgumentException">A key is unknown, or its value does not fit; names both.</exception>
    internal static Qcow2Settings Read(ContainerOptions options)
    {
        var settings = new Qcow2Settings();
        foreach (var (key, value) in options.Settings)
        {
            settings = key switch
            {
                "compat" => settings with { Version = Choice(key, value, ("0.10", 2), ("v2", 2), ("1.1", 3), ("v3", 3)) },
                "cluster_size" => settings with { ClusterBits = Bits(key, value, Qcow2Geometry.SmallestClusterBits, Qcow2Geometry.LargestClusterBits) },
                "refcount_bits" => settings with { RefcountBits = 1 << Bits(key, value, 0, 6) },
                "lazy_refcounts" => settings with { LazyRefcounts = Switch(key, value) },
                "extended_l2" => settings with { ExtendedL2 = Switch(key, value) },
                "compression_type" => settings with { Compression = Choice(key, value, ("zlib", Qcow2Compression.Zlib), ("zstd", Qcow2Compression.Zstd)) },
                "preallocation" => settings with { Preallocate = Choice(key, value, ("off", false), ("metadata", true)) },
                _ => throw new ArgumentException($"qcow2 has no setting '{key}'; there are {string.Join(", ", Keys)}"),
            };
        }
        settings.Check();
        if ((options.Parent is null) != (options.ParentReference is null))
            throw new ArgumentException("a backing file is given by the image and by the name it is referred to, both");
        if (options.Parent is not { } parent)
            return settings;
        // A cluster that has its place hides what the base has there; only subclusters can have one and hide nothing yet.
        if (settings.Preallocate && !settings.ExtendedL2)
            throw new ArgumentException("preallocation over a backing file needs extended_l2=on");
        var name = Encoding.UTF8.GetBytes(options.ParentReference!);
        if (name.Length is 0 or > Qcow2Geometry.LongestBackingName)
            throw new ArgumentException($"the name of a backing file has 1 to {Qcow2Geometry.LongestBackingName} bytes, not {name.Length}");
        return settings with { BackingName = name, BackingFormat = FormatName(parent.Format.Name) };
    }

    private void Check()
    {
        if (Version == 2)
        {
            var needs3 = RefcountBits != 16 ? "refcount_bits" : LazyRefcounts ? "lazy_refcounts" : ExtendedL2 ? "extended_l2"
                : Compression != Qcow2Compression.Zlib ? "compression_type" : null;
            if (needs3 is not null)
                throw new ArgumentException($"{needs3} needs compat=1.1");
        }
        if (ExtendedL2 && ClusterSize / Qcow2Geometry.Subclusters < Qcow2Geometry.SmallestSubcluster)
            throw new ArgumentException($"extended_l2 needs a cluster_size of {Qcow2Geometry.Subclusters * Qcow2Geometry.SmallestSubcluster} or more");
    }

    // QEMU's names; null for what it does not know: then it is found by content.
    private static string? FormatName(string name) => name switch
    {
        "raw" or "qcow2" or "vmdk" or "vdi" => name,
        "vhd" or "vhd-fixed" => "vpc",
        "vhdx" or "vhdx-fixed" => "vhdx",
        _ => null,
    };

    private static bool Switch(string key, string value) => Choice(key, value, ("on", true), ("off", false), ("true", true), ("false", false));

    private static int Bits(string key, string value, int least, int most)
    {
        if (ByteSize.TryParse(value, out var number) && BitOperations.IsPow2(number) && BitOperations.Log2((ulong)number) is var bits && bits >= least && bits <= most)
            return bits;
        throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{key} is '{value}': expected a power of two, {1L << least} to {1L << most}"));
    }

    private static T Choice<T>(string key, string value, params ReadOnlySpan<(string Word, T Value)> choices)
    {
        foreach (var (word, meaning) in choices)
        {
            if (string.Equals(word, value, StringComparison.OrdinalIgnoreCase))
                return meaning;
        }
        var words = new List<string>();
        foreach (var (word, _) in choices)
            words.Add(word);
        throw new ArgumentException($"{key} is '{value}': expected {string.Join(", ", words)}");
    }
}
