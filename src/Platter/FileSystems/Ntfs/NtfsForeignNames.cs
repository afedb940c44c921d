namespace Platter.FileSystems.Ntfs;

/// <summary>The names that ntfs-3g and the kernel's ntfs3 have for what <see cref="NtfsDescription.FormatAttributes"/> shows: taken where an attribute is
/// asked for or set, never listed.</summary>
/// <remarks>ntfs-3g, "Extended Attributes" and xattrs.c; ntfs3, xattr.c.</remarks>
internal static class NtfsForeignNames
{
    private const string LittleEndianAttributes = "system.ntfs_attrib";

    /// <summary>Platter's own name; the same when nobody else has one.</summary>
    public static string Own(string name) => name switch
    {
        "system.ntfs_acl" => NtfsDescription.SecurityName,
        "system.ntfs_attrib_be" or LittleEndianAttributes => NtfsDescription.AttributesName,
        "system.ntfs_reparse_data" => NtfsDescription.ReparseName,
        "system.ntfs_object_id" => NtfsDescription.ObjectIdName,
        "system.ntfs_dos_name" => NtfsDescription.ShortNameName,
        "system.ntfs_efsinfo" => NtfsDescription.EfsName,
        _ => name,
    };

    /// <summary>The value as that name has it: the lowest byte of the attributes comes first in one of them.</summary>
    public static byte[] Order(string name, byte[] value) => name == LittleEndianAttributes ? [.. value.Reverse()] : value;
}
