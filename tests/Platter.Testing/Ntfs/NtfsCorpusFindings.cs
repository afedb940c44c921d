namespace Platter.Testing.Ntfs;

/// <summary>What a check finds in the volumes of the corpus that are not free of findings, and why.</summary>
public static class NtfsCorpusFindings
{
    // Windows and ntfs3 leave old copies in directories (0135); ntfs3 and ntfsprogs-plus do not format records ahead (0139).
    private static readonly Dictionary<string, string> Known = new(StringComparer.Ordinal)
    {
        // Made by mkntfs of long ago, with the table of capitals that it had then.
        ["fact-ntfs.img"] = "0404",
        ["jnode-test.ntfs.img"] = "0404",
        ["util-linux-ntfs.img"] = "0404",
        // A record that ntfs3 has left behind a deleted name.
        ["dfir_ntfs-ntfs3.img"] = "0314",
        // Taken while Windows had them mounted.
        ["jnode-ntfs-links.img"] = "0016 0135",
        ["sample-tiny.img"] = "0016 0135",
        ["velociraptor-test.img"] = "0016 0135 0139",
        // Made by the fuzzer of kernels, mounted by ntfs3.
        ["syzkaller-ntfs3_07.img"] = "0135",
        ["syzkaller-ntfs3_09.img"] = "0135",
        ["syzkaller-ntfs3_13.img"] = "0135",
        // Its last sector, where the copy of the boot sector should be, is empty.
        ["syzkaller-ntfs_01.img"] = "0012",
        // The test images of ntfsprogs-plus, broken as their names say.
        ["ntfsplus-manual-bs_filesystem_siganture.img"] = "0002 0009 0135 0139",
        ["ntfsplus-manual-bs_mft_record_size.img"] = "0005 0009 0135 0139",
        ["ntfsplus-manual-bs_sector_per_cluster.img"] = "0004 0009 0135 0139",
        ["ntfsplus-manual-bs_sector_signature.img"] = "0010 0013 0135 0139",
        ["ntfsplus-manual-bs_total_sectors.img"] = "0008 0009 0135 0139",
        ["ntfsplus-manual-mft_attr_bad_fields.img"] = "0015 0105 0107 0108 0112 0115 0127 0128 0135 0139 0218 0422 0502",
        ["ntfsplus-manual-mft_bitmap_unset_mft_in_use.img"] = "0135 0136 0139",
        ["ntfsplus-manual-mft_bitmap_unset_mft_in_use_2.img"] = "0135 0136 0139 0314",
        ["ntfsplus-manual-mft_file_bad_base_mft_record.img"] = "0104 0118 0135 0139 0140 0142 0212",
        ["ntfsplus-manual-mft_file_bad_fixup_value_count.img"] = "0102 0135 0139",
        ["ntfsplus-manual-mft_file_bad_sequence_number.img"] = "0104 0135 0139 0144",
        ["ntfsplus-manual-mft_file_missing_attrlist.img"] = "0117 0118 0135 0139 0315",
        ["ntfsplus-manual-mft_record_bad_fields.img"] = "0101 0102 0103 0104 0105 0112 0116 0117 0118 0127 0128 0135 0139 0144 0317",
        ["ntfsplus-used-attr_find_corrupt_inode.img"] = "0015 0104 0105 0110 0129 0132 0135 0139 0201 0205 0207 0211 0301 0314 0315",
        ["ntfsplus-used-attr_value_offset_corrupted.img"] = "0107 0139",
        ["ntfsplus-used-data_size_init_size_bigger_than_alloc_size_DATA_attr.img"] = "0135 0139 0201",
        ["ntfsplus-used-data_size_init_size_bigger_than_alloc_size_ia.img"] = "0139 0201 0311",
        // Clusters behind the end of a file's data are its own business.
        ["ntfsplus-used-data_size_init_size_smaller_than_alloc_size_DATA_attr.img"] = "0135 0139",
        ["ntfsplus-used-idx_fn_mft_data_allocated_size_mismatch.img"] = "0135 0139 0314",
        ["ntfsplus-used-incompleted_multi_sector_transfer_after.img"] = "0102 0104 0110 0111 0119 0120 0135 0136 0139 0201 0205 0210 0211 0314 0315 0317",
        ["ntfsplus-used-index_block_valid_but_index_bitmap_cleared.img"] = "0139 0301 0309",
        ["ntfsplus-used-index_block_valid_but_index_bitmap_cleared2.img"] = "0015 0139 0211 0301 0309",
        ["ntfsplus-used-mft_parent_reference_corrupted.img"] = "0117 0130 0132 0135 0139 0210 0305 0314",
        ["ntfsplus-used-paragon_ntfs_test2.img"] = "0104 0135",
        ["ntfsplus-used-root_attribute_missing_in_directory.img"] = "0111 0119 0132 0135 0139",
        ["ntfsplus-used-runlist_lcn_over_max_cluster.img"] = "0014 0015 0100 0104 0129 0132 0135 0136 0137 0200 0211 0301 0313 0314 0315 0317",
    };

    /// <summary>The codes, sorted, of an image by its name in the corpus.</summary>
    public static IEnumerable<string> Of(string file)
    {
        var name = Path.GetFileName(file);
        name = name[..(name.IndexOf(".img", StringComparison.Ordinal) + ".img".Length)];
        return Known.TryGetValue(name, out var codes) ? codes.Split(' ').Select(c => "NTFS-" + c) : [];
    }
}
