using Platter.FileSystems;
using Platter.FileSystems.Ntfs;

namespace Platter.Testing.Ntfs;

/// <summary>One kind of damage, and what a check says of it.</summary>
/// <param name="What">What is damaged, in words.</param>
/// <param name="Volume">Which volume is damaged.</param>
/// <param name="Codes">All findings' codes, and no others; those that the sound volume has are left out.</param>
/// <param name="Make">Makes the damage.</param>
internal sealed record NtfsDamageKind(string What, NtfsSoundVolume Volume, string Codes, Action<NtfsDamage> Make);

/// <summary>Which sound volume is damaged.</summary>
internal enum NtfsSoundVolume
{
    /// <summary>Made by Windows: compressed files, an attribute list, streams, EAs, object ids, blocks of indexes. Clusters of 1 KiB.</summary>
    Rich,

    /// <summary>Made by Windows: a junction, hard links, short names. Clusters of 4 KiB.</summary>
    Linked,

    /// <summary>Made by mkntfs and ntfs-3g. Clusters of 4 KiB.</summary>
    Small,
}

/// <summary>Every kind of damage made on purpose, and what can be repaired of it.</summary>
internal static class NtfsDamageKinds
{
    /// <summary>What is not repaired, or not to the tree as it was, and what a check says afterwards: content, or what decides over it, is lost or not known.</summary>
    internal static readonly Dictionary<string, string> Left = new(StringComparer.Ordinal)
    {
        ["both boot sectors broken"] = "NTFS-0002",
        ["a volume of an unknown version"] = "NTFS-0019",
        ["a volume with unknown flags"] = "NTFS-0020",
        ["a record of another magic"] = "NTFS-0101",
        ["a torn record"] = "NTFS-0102",
        ["a record of another size"] = "NTFS-0103",
        ["an attribute that is too long"] = "NTFS-0105",
        ["an attribute's name outside of it"] = "NTFS-0106",
        ["a resident value outside of its attribute"] = "NTFS-0107",
        ["impossible clusters of an attribute"] = "NTFS-0108",
        ["an attribute that is there twice"] = "NTFS-0115 NTFS-0120",
        ["a type that is not defined"] = "NTFS-0134",
        ["a bitmap of records that is too short"] = "NTFS-0138",
        ["a table of records that ends in a hole"] = "NTFS-0100 NTFS-0141 NTFS-0208",
        ["a free record that is not formatted"] = "NTFS-0139",
        ["extents with a gap"] = "NTFS-0120",
        ["encrypted data without keys"] = "NTFS-0127",
        ["EAs that are broken"] = "NTFS-0501",
        ["a reparse point that is broken"] = "NTFS-0500",
        ["content longer than its clusters"] = "NTFS-0201",
        ["a sparse stream that does not say what is there"] = "NTFS-0207",
        ["a hole in what is not sparse"] = "NTFS-0208 NTFS-0212",
        ["an index that is compressed"] = "NTFS-0207 NTFS-0217",
        ["a compressed file of odd units"] = "NTFS-0209",
        ["a broken run list"] = "NTFS-0200",
        ["a run list outside of the volume"] = "NTFS-0200",
        ["a run list that goes on"] = "NTFS-0200",
        ["clusters that two files have"] = "NTFS-0210 NTFS-0212",
        ["a bitmap that is too short"] = "NTFS-0211 NTFS-0213",
        ["bad clusters"] = "NTFS-0215",
        ["a boot file that starts elsewhere"] = "NTFS-0212 NTFS-0216",
        ["an extent that is resident"] = "NTFS-0115 NTFS-0120",
        ["a table of capitals of another length"] = "NTFS-0400",
        ["another table of capitals"] = "NTFS-0404",
        ["a table of capitals that is not one"] = "NTFS-0403",
        ["a security id that is not there"] = "NTFS-0410",
        ["a descriptor of another hash"] = "NTFS-0411",
        ["an owner of a file whom nobody knows"] = "NTFS-0431",
    };

    /// <summary>Where the damage itself took something away or added it, so that the tree is another one.</summary>
    internal static readonly HashSet<string> Changed =
    [
        "a file without data", "clusters of nobody that are in use in the bitmap",
        // A stream more.
        "streams out of order",
        // Its way from the root is lost: it is in found.000.
        "directories in a circle",
    ];

    private static readonly Lazy<byte[]> Rich = new(() => Load("ntfs/velociraptor-test.img.zst"));
    private static readonly Lazy<byte[]> Linked = new(() => Load("ntfs/jnode-ntfs-links.img.zst"));
    private static readonly Lazy<byte[]> Small = new(() => Load("ntfs/syzkaller-ntfs_04.img.zst"));

    internal static IEnumerable<NtfsDamageKind> All => NtfsRecordDamage.Kinds.Concat(NtfsIndexDamage.Kinds);

    internal static NtfsDamageKind Of(string what) => All.Single(k => k.What == what);

    internal static NtfsDamage Sound(NtfsSoundVolume volume) => new(volume switch
    {
        NtfsSoundVolume.Rich => Rich.Value.ToArray(),
        NtfsSoundVolume.Linked => Linked.Value.ToArray(),
        _ => Small.Value.ToArray(),
    });

    /// <summary>What the sound volumes have: Windows had them mounted, and updates copies in directories late.</summary>
    internal static string SoundCodes(NtfsSoundVolume volume) => volume switch
    {
        NtfsSoundVolume.Rich => "NTFS-0139 NTFS-0016 NTFS-0135",
        NtfsSoundVolume.Linked => "NTFS-0016 NTFS-0135",
        _ => "",
    };

    private static byte[] Load(string file)
    {
        using var folder = new TempFolder();
        return File.ReadAllBytes(Corpus.Unpack(Corpus.Images.Single(i => i.File == file), folder));
    }
}
