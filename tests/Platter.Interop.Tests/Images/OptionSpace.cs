using Platter.Testing;

namespace Platter.Interop.Tests.Images;

/// <summary>What a container's image can be made with, and what of it goes together. A factor whose name begins with <c>+</c> is none of the maker's options;
/// the value <c>-</c> leaves an option out.</summary>
/// <param name="Format">What qemu calls the container.</param>
/// <param name="Maker">What Platter calls it, where Platter makes the image; null where qemu does.</param>
/// <param name="Factors">The options and their values.</param>
/// <param name="Clash">Whether values cannot come together.</param>
internal sealed record OptionSpace(string Format, string? Maker, (string Name, string[] Values)[] Factors, Func<OptionRow, bool> Clash)
{
    private static readonly (string, string[]) Sizes = ("+size", ["3149312", "5242880", "8388608"]), Allocations = ("preallocation", ["off", "falloc", "full"]), Fills = ("+fill", ["edit", "convert"]);

    /// <summary>All that <c>qemu-img create -o help</c> lists, but encryption, the flags of btrfs and XFS, and what names other files.</summary>
    internal static IReadOnlyList<OptionSpace> OfQemu { get; } =
    [
        new("qcow2", null,
        [
            ("compat", ["0.10", "1.1"]), ("cluster_size", ["512", "4K", "16K", "64K", "128K", "2M"]), ("refcount_bits", ["1", "2", "4", "8", "16", "32", "64"]), ("extended_l2", ["off", "on"]),
            ("lazy_refcounts", ["off", "on"]), ("compression_type", ["zlib", "zstd"]), ("preallocation", ["off", "metadata", "falloc", "full"]),
            ("+data", ["inside", "file", "raw"]), ("+base", ["none", "raw", "short", "long", "vmdk"]), ("+fill", ["edit", "convert", "compress"]), Sizes,
        ], row => IsNoQcow2(row) || (row.Has("+data", "raw") && !row.Has("+base", "none")) || (!row.Has("+data", "inside") && row.Has("+fill", "compress"))
            || (row.Has("compat", "0.10") && !row.Has("+data", "inside")) || (row.Has("+fill", "compress") && !row.Has("preallocation", "off"))),
        new("vhdx", null,
            [("subformat", ["dynamic", "fixed"]), ("block_size", ["0", "1M", "2M", "8M", "32M", "256M"]), ("block_state_zero", ["on", "off"]), ("log_size", ["1M", "2M", "3M", "16M"]), Allocations, Fills, Sizes],
            // qemu says so itself: absent blocks aren't zeros then.
            row => row.Has("block_state_zero", "off") && row.Has("subformat", "dynamic") && row.Has("+fill", "convert")),
        new("vpc", null, [("subformat", ["dynamic", "fixed"]), ("force_size", ["off", "on"]), Allocations, Fills, Sizes], _ => false),
        new("vmdk", null,
        [
            ("subformat", ["monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "streamOptimized"]), ("adapter_type", ["ide", "lsilogic", "buslogic", "legacyESX"]),
            ("hwversion", ["-", "4", "7", "21"]), ("compat6", ["off", "on"]), ("toolsversion", ["-", "2147483647"]), ("zeroed_grain", ["off", "on"]), Allocations, ("+base", ["none", "vmdk"]), Fills, Sizes,
        ], row => (row.Has("compat6", "on") && !row.Has("hwversion", "-")) || (IsFlat(row) && (row.Has("zeroed_grain", "on") || !row.Has("+base", "none")))
            || (row.Has("subformat", "streamOptimized") && (row.Has("+fill", "edit") || row.Has("zeroed_grain", "on") || !row.Has("+base", "none")))),
        new("vdi", null, [("static", ["off", "on"]), Allocations, Fills, Sizes], _ => false),
    ];

    /// <summary>All that Platter's makers know and qemu can read.</summary>
    internal static IReadOnlyList<OptionSpace> OfPlatter { get; } =
    [
        new("qcow2", "qcow2",
        [
            ("compat", ["0.10", "1.1"]), ("cluster_size", ["512", "4K", "16K", "64K", "128K", "2M"]), ("refcount_bits", ["1", "2", "4", "8", "16", "32", "64"]), ("extended_l2", ["off", "on"]),
            ("lazy_refcounts", ["off", "on"]), ("compression_type", ["zlib", "zstd"]), ("preallocation", ["off", "metadata"]),
            ("+base", ["none", "raw", "short", "long", "vmdk"]), ("+fill", ["edit", "convert", "compress"]), Sizes,
        ], row => IsNoQcow2(row) || (row.Has("+fill", "compress") && (!row.Has("+base", "none") || !row.Has("preallocation", "off")))),
        new("vhdx", "vhdx",
        [
            ("subformat", ["dynamic", "fixed"]), ("block_size", ["-", "1M", "2M", "8M", "32M", "256M"]), ("block_state_zero", ["on", "off"]), ("log_size", ["1M", "2M", "3M", "16M"]),
            ("physical_sector_size", ["512", "4096"]), Fills, Sizes,
        ], _ => false),
        new("vpc", "vhd", [("subformat", ["dynamic", "fixed"]), ("block_size", ["-", "4K", "64K", "512K", "16M"]), Fills, Sizes], row => row.Has("subformat", "fixed") && !row.Has("block_size", "-")),
        new("vmdk", "vmdk",
        [
            ("subformat", ["monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "streamOptimized"]), ("adapter_type", ["ide", "lsilogic", "buslogic", "legacyESX"]),
            ("compression_level", ["-", "1", "9"]), ("+base", ["none", "vmdk"]), Fills, Sizes,
        ], row => (row.Has("subformat", "streamOptimized") ? row.Has("+fill", "edit") : !row.Has("compression_level", "-")) || (!row.Has("subformat", "monolithicSparse") && !row.Has("+base", "none"))),
        new("vdi", "vdi", [("subformat", ["dynamic", "fixed"]), Fills, Sizes], _ => false),
    ];

    /// <summary>The rows in which so many options' values come together in every way.</summary>
    internal IEnumerable<OptionRow> Rows(int strength) =>
        Combinations.Cover(Factors, values => Clash(new OptionRow(Factors, values)), Math.Min(strength, Factors.Length)).Select(values => new OptionRow(Factors, values));

    private static bool IsNoQcow2(OptionRow row) =>
        (row.Has("compat", "0.10") && (!row.Has("refcount_bits", "16") || row.Has("extended_l2", "on") || row.Has("lazy_refcounts", "on") || row.Has("compression_type", "zstd")))
        || (row.Has("extended_l2", "on") && row["cluster_size"] is "512" or "4K")
        || (!row.Has("+base", "none") && !row.Has("preallocation", "off") && row.Has("extended_l2", "off"));

    private static bool IsFlat(OptionRow row) => row["subformat"] is "monolithicFlat" or "twoGbMaxExtentFlat";
}

/// <summary>One choice of a value for every option.</summary>
internal sealed record OptionRow((string Name, string[] Values)[] Factors, string[] Values)
{
    internal string this[string name] => Array.FindIndex(Factors, f => f.Name == name) is var at and >= 0 ? Values[at] : "";

    internal bool Has(string name, string value) => this[name] == value;

    /// <summary>What the maker is told.</summary>
    internal IEnumerable<(string Name, string Value)> Settings => Factors.Zip(Values).Where(p => p.First.Name[0] != '+' && p.Second != "-").Select(p => (p.First.Name, p.Second));

    public override string ToString() => string.Join(',', Factors.Zip(Values).Select(p => $"{p.First.Name}={p.Second}"));
}
