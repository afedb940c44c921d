namespace Platter.Testing.Ext;

/// <summary>Ways in which mke2fs can make a volume, chosen so that every two values of different factors come together somewhere (as far as mke2fs allows).</summary>
public static class ExtMatrix
{
    private static readonly (string Name, string[] Values)[] Factors =
    [
        ("block", ["1024", "2048", "4096", "8192", "16384", "32768", "65536"]),
        ("inode", ["128", "256", "512", "1024"]),
        ("map", ["extent", "indirect"]),
        ("sums", ["none", "uninit_bg", "metadata_csum", "metadata_csum_seed"]),
        ("width", ["64bit", "32bit"]),
        ("groups", ["flex_bg", "plain", "meta_bg", "sparse_super2", "all_supers"]),
        ("journal", ["none", "plain", "fast_commit"]),
        ("index", ["dir_index", "none", "large_dir"]),
        ("hash", ["half_md4", "tea", "legacy"]),
        ("inline", ["off", "inline_data"]),
        ("values", ["off", "ea_inode"]),
        ("clusters", ["off", "bigalloc"]),
        ("case", ["off", "casefold"]),
        ("extra", ["none", "quota", "project", "orphan_file", "no_huge_file", "mmp", "encrypt", "verity", "no_filetype", "packed", "stable_inodes", "no_large_file"]),
    ];

    /// <summary>The cases: how to make them, and how large.</summary>
    public static IReadOnlyList<(string Name, string Arguments, long Length, int BlockSize)> Cases { get; } = [.. Combinations.Cover(Factors, Clash).Select(Describe)];

    // What mke2fs 1.47 refuses, or what cannot be: by the values of two factors.
    private static bool Clash(string[] row)
    {
        string V(string factor) => row[Array.FindIndex(Factors, f => f.Name == factor)];
        return (V("inode") == "128" && (V("inline") != "off" || V("extra") == "project"))
            || (V("map") == "indirect" && (V("clusters") != "off" || V("width") == "64bit"))
            // The smallest journal has 1024 blocks, which mke2fs zeroes: it would only take time.
            || (V("block") is "32768" or "65536" && (V("journal") != "none" || V("extra") == "orphan_file"))
            || (V("journal") == "none" && V("extra") == "orphan_file")
            || (V("index") == "none" && V("hash") != "half_md4")
            || (V("groups") == "all_supers" && V("clusters") != "off")
            || (V("groups") == "plain" && V("extra") == "packed")
            || (V("groups") == "all_supers" && V("extra") == "packed");
    }

    private static (string, string, long, int) Describe(string[] row)
    {
        string V(string factor) => row[Array.FindIndex(Factors, f => f.Name == factor)];
        var block = int.Parse(V("block"));
        var extra = V("extra");
        List<string> features =
        [
            "^has_journal,^resize_inode,^extent,^64bit,^uninit_bg,^metadata_csum,^flex_bg,^dir_index,^sparse_super,filetype,large_file,huge_file,dir_nlink,ext_attr",
            V("inode") == "128" ? "^extra_isize" : "extra_isize",
        ];
        if (V("map") == "extent")
            features.Add("extent");
        if (V("width") == "64bit")
            features.Add("64bit");
        if (V("sums") != "none")
            features.Add(V("sums") == "metadata_csum_seed" ? "metadata_csum,metadata_csum_seed" : V("sums"));
        features.Add(V("groups") switch { "flex_bg" => "flex_bg,sparse_super,resize_inode", "plain" => "sparse_super", "meta_bg" => "meta_bg,sparse_super,flex_bg", "sparse_super2" => "sparse_super2,flex_bg", _ => "^sparse_super" });
        if (V("journal") != "none")
            features.Add(V("journal") == "plain" ? "has_journal" : "has_journal,fast_commit");
        if (V("index") != "none")
            features.Add(V("index") == "large_dir" ? "dir_index,large_dir" : "dir_index");
        foreach (var factor in (string[])["inline", "values", "clusters", "case"])
        {
            if (V(factor) != "off")
                features.Add(V(factor));
        }
        features.Add(extra switch
        {
            "quota" => "quota", "project" => "quota,project", "no_huge_file" => "^huge_file", "no_filetype" => "^filetype", "no_large_file" => "^large_file",
            "none" or "packed" => "ext_attr", _ => extra,
        });
        var options = $"hash_seed=6f3a1e02-1111-4222-8333-944455556666" + (extra == "packed" ? ",packed_meta_blocks=1" : "") + (V("case") != "off" ? ",encoding=utf8" : "");
        var journal = V("journal") != "none" ? $" -J size={Math.Max(4, block * 2048L >> 20)}" : "";
        var length = Math.Max(24L << 20, block * (V("journal") != "none" ? 8192L : 1536L));
        return (string.Join(' ', row), $"-b {block} -I {V("inode")} -O {string.Join(',', features)} -E {options}{journal} -N 4096 -U 01234567-89ab-4def-8123-456789abcdef", length, block);
    }
}
