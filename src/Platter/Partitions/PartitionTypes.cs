namespace Platter.Partitions;

/// <summary>A well-known partition type. What a kind of table has no identifier for is null.</summary>
/// <param name="Name">The name that specs and the command line use.</param>
/// <param name="Description">A name for people.</param>
/// <param name="Guid">In a GPT.</param>
/// <param name="Byte">In an MBR.</param>
/// <param name="Text">In an Apple partition map.</param>
public sealed record WellKnownType(string Name, string Description, Guid? Guid, byte? Byte, string? Text);

/// <summary>The well-known partition types, both ways: name to identifier, identifier to name.</summary>
/// <remarks>Sources: UEFI 2.10, table 5.7; the Discoverable Partitions Specification; Apple TN2166; the Windows SDK's winioctl.h;
/// the lists that fdisk and gdisk print. Where two lines share an identifier, the first names it.</remarks>
public static class PartitionTypes
{
    private static readonly WellKnownType[] Table =
    [
        //  name                      description                        GPT                                     MBR   APM
        Row("esp",                    "EFI System",                      "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", 0xEF, null),
        Row("bios-boot",              "BIOS boot (GRUB core image)",     "21686148-6449-6E6F-744E-656564454649", null, null),
        Row("prep",                   "PowerPC PReP boot",               "9E1A2D38-C612-4316-AA26-8B49521E5A8B", 0x41, null),
        Row("mbr-scheme",             "MBR within GPT",                  "024DEE41-33E7-11D3-9D69-0008C781F39F", null, null),

        Row("linux",                  "Linux filesystem",                "0FC63DAF-8483-4772-8E79-3D69D8477DE4", 0x83, "Apple_UNIX_SVR2"),
        Row("linux-swap",             "Linux swap",                      "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", 0x82, "Linux_Swap"),
        Row("linux-home",             "Linux home",                      "933AC7E1-2EB4-4F13-B844-0E14E2AEF915", null, null),
        Row("linux-srv",              "Linux server data",               "3B8F8425-20E0-4F3B-907F-1A25A76F98E8", null, null),
        Row("linux-var",              "Linux variable data",             "4D21B016-B534-45C2-A9FB-5C16E091FD2D", null, null),
        Row("linux-tmp",              "Linux temporary data",            "7EC6F557-3BC5-4ACA-B293-16EF5DF639D1", null, null),
        Row("linux-root-x86",         "Linux root (x86)",                "44479540-F297-41B2-9AF7-D131D5F0458A", null, null),
        Row("linux-root-x86-64",      "Linux root (x86-64)",             "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", null, null),
        Row("linux-root-arm",         "Linux root (ARM)",                "69DAD710-2CE4-4E3C-B16C-21A1D49ABED3", null, null),
        Row("linux-root-arm64",       "Linux root (ARM-64)",             "B921B045-1DF0-41C3-AF44-4C6F280D3FAE", null, null),
        Row("linux-root-riscv64",     "Linux root (RISC-V 64)",          "72EC70A6-CF74-40E6-BD49-4BDA08E8F224", null, null),
        Row("linux-usr-x86-64",       "Linux /usr (x86-64)",             "8484680C-9521-48C6-9C11-B0720656F69E", null, null),
        Row("linux-usr-arm64",        "Linux /usr (ARM-64)",             "B0E01050-EE5F-4390-949A-9101B17104E9", null, null),
        Row("linux-lvm",              "Linux LVM",                       "E6D6D379-F507-44C2-A23C-238F2A3DF928", 0x8E, null),
        Row("linux-raid",             "Linux RAID",                      "A19D880F-05FC-4D3B-A006-743F0F84911E", 0xFD, null),
        Row("linux-extended-boot",    "Linux extended boot",             "BC13C2FF-59E6-4262-A352-B275FD6F7172", 0xEA, null),
        Row("linux-luks",             "Linux LUKS",                      "CA7D7CCB-63ED-4C53-861C-1742536059CC", 0xE8, null),
        Row("linux-dm-crypt",         "Linux dm-crypt",                  "7FFEC5C9-2D00-49B7-8941-3EA10A5586B7", null, null),
        Row("linux-reserved",         "Linux reserved",                  "8DA63339-0007-60C0-C436-083AC8230908", null, null),

        Row("windows-data",           "Microsoft basic data",            "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", 0x07, "Windows_NTFS"),
        Row("microsoft-reserved",     "Microsoft reserved",              "E3C9E316-0B5C-4DB8-817D-F92DF00215AE", null, null),
        Row("windows-recovery",       "Windows recovery environment",    "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC", 0x27, null),
        Row("windows-ldm-metadata",   "Windows LDM metadata",            "5808C8AA-7E8F-42E0-85D2-E1E90434CFB3", null, null),
        Row("windows-ldm-data",       "Windows LDM data",                "AF9B60A0-1431-4F62-BC68-3311714A69AD", 0x42, null),
        Row("windows-storage-spaces", "Windows Storage Spaces",          "E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D", null, null),

        Row("ntfs",                   "NTFS",                            "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", 0x07, "Windows_NTFS"),
        Row("exfat",                  "exFAT",                           "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", 0x07, "Windows_NTFS"),
        Row("fat12",                  "FAT12",                           "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", 0x01, "DOS_FAT_12"),
        Row("fat16",                  "FAT16 (LBA)",                     "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", 0x0E, "DOS_FAT_16"),
        Row("fat16-chs",              "FAT16",                           "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", 0x06, "DOS_FAT_16"),
        Row("fat16-small",            "FAT16 below 32 MiB",              "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", 0x04, "DOS_FAT_16_S"),
        Row("fat32",                  "FAT32 (LBA)",                     "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", 0x0C, "DOS_FAT_32"),
        Row("fat32-chs",              "FAT32",                           "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", 0x0B, "DOS_FAT_32"),
        Row("extended",               "Extended (LBA)",                  null,                                   0x0F, null),
        Row("extended-chs",           "Extended",                        null,                                   0x05, null),
        Row("extended-linux",         "Linux extended",                  null,                                   0x85, null),
        Row("hidden-fat12",           "Hidden FAT12",                    null,                                   0x11, null),
        Row("hidden-fat16-small",     "Hidden FAT16 below 32 MiB",       null,                                   0x14, null),
        Row("hidden-fat16-chs",       "Hidden FAT16",                    null,                                   0x16, null),
        Row("hidden-ntfs",            "Hidden NTFS or exFAT",            null,                                   0x17, null),
        Row("hidden-fat32-chs",       "Hidden FAT32",                    null,                                   0x1B, null),
        Row("hidden-fat32",           "Hidden FAT32 (LBA)",              null,                                   0x1C, null),
        Row("hidden-fat16",           "Hidden FAT16 (LBA)",              null,                                   0x1E, null),
        Row("oem-service",            "OEM service",                     null,                                   0x12, null),
        Row("gpt-protective",         "GPT protective",                  null,                                   0xEE, null),

        Row("apple-hfs",              "Apple HFS or HFS+",               "48465300-0000-11AA-AA11-00306543ECAC", 0xAF, "Apple_HFS"),
        Row("apple-hfsx",             "Apple HFSX",                      "48465300-0000-11AA-AA11-00306543ECAC", 0xAF, "Apple_HFSX"),
        Row("apple-apfs",             "Apple APFS",                      "7C3457EF-0000-11AA-AA11-00306543ECAC", null, "Apple_APFS"),
        Row("apple-ufs",              "Apple UFS",                       "55465300-0000-11AA-AA11-00306543ECAC", 0xA8, "Apple_UFS"),
        Row("apple-boot",             "Apple boot",                      "426F6F74-0000-11AA-AA11-00306543ECAC", 0xAB, "Apple_Boot"),
        Row("apple-raid",             "Apple RAID",                      "52414944-0000-11AA-AA11-00306543ECAC", null, "Apple_RAID"),
        Row("apple-raid-offline",     "Apple RAID offline",              "52414944-5F4F-11AA-AA11-00306543ECAC", null, "Apple_RAID_Offline"),
        Row("apple-label",            "Apple label",                     "4C616265-6C00-11AA-AA11-00306543ECAC", null, null),
        Row("apple-tv-recovery",      "Apple TV recovery",               "5265636F-7665-11AA-AA11-00306543ECAC", null, null),
        Row("apple-core-storage",     "Apple Core Storage",              "53746F72-6167-11AA-AA11-00306543ECAC", null, null),
        Row("apple-partition-map",    "Apple partition map",             null,                                   null, "Apple_partition_map"),
        Row("apple-free",             "Apple free space",                null,                                   null, "Apple_Free"),
        Row("apple-scratch",          "Apple unused entry",              null,                                   null, "Apple_Scratch"),
        Row("apple-prodos",           "Apple ProDOS",                    null,                                   null, "Apple_PRODOS"),
        Row("apple-driver",           "Apple SCSI driver",               null,                                   null, "Apple_Driver"),
        Row("apple-driver43",         "Apple SCSI driver 4.3",           null,                                   null, "Apple_Driver43"),
        Row("apple-driver-ata",       "Apple ATA driver",                null,                                   null, "Apple_Driver_ATA"),
        Row("apple-patches",          "Apple patches",                   null,                                   null, "Apple_Patches"),
        Row("apple-bootstrap",        "Apple bootstrap",                 null,                                   null, "Apple_Bootstrap"),

        Row("freebsd",                "FreeBSD",                         "516E7CB4-6ECF-11D6-8FF8-00022D09712B", 0xA5, null),
        Row("freebsd-boot",           "FreeBSD boot",                    "83BD6B9D-7F41-11DC-BE0B-001560B84F0F", null, null),
        Row("freebsd-swap",           "FreeBSD swap",                    "516E7CB5-6ECF-11D6-8FF8-00022D09712B", null, null),
        Row("freebsd-ufs",            "FreeBSD UFS",                     "516E7CB6-6ECF-11D6-8FF8-00022D09712B", null, null),
        Row("freebsd-vinum",          "FreeBSD Vinum",                   "516E7CB8-6ECF-11D6-8FF8-00022D09712B", null, null),
        Row("freebsd-zfs",            "FreeBSD ZFS",                     "516E7CBA-6ECF-11D6-8FF8-00022D09712B", null, null),
        Row("netbsd",                 "NetBSD",                          null,                                   0xA9, null),
        Row("netbsd-swap",            "NetBSD swap",                     "49F48D32-B10E-11DC-B99B-0019D1879648", null, null),
        Row("netbsd-ffs",             "NetBSD FFS",                      "49F48D5A-B10E-11DC-B99B-0019D1879648", null, null),
        Row("netbsd-lfs",             "NetBSD LFS",                      "49F48D82-B10E-11DC-B99B-0019D1879648", null, null),
        Row("netbsd-raid",            "NetBSD RAID",                     "49F48DAA-B10E-11DC-B99B-0019D1879648", null, null),
        Row("openbsd",                "OpenBSD",                         "824CC7A0-36A8-11E3-890A-952519AD3F61", 0xA6, null),
        Row("solaris",                "Solaris",                         null,                                   0xBF, null),
        Row("solaris-root",           "Solaris root",                    "6A85CF4D-1DD2-11B2-99A6-080020736631", null, null),
        Row("solaris-usr",            "Solaris /usr, Apple ZFS",         "6A898CC3-1DD2-11B2-99A6-080020736631", null, null),
        Row("chromeos-kernel",        "ChromeOS kernel",                 "FE3A2A5D-4F32-41A7-B725-ACCC3285A309", null, null),
        Row("chromeos-rootfs",        "ChromeOS root",                   "3CB8E202-3B7E-47DD-8A3C-7FF2A13CFCEC", null, null),
        Row("chromeos-firmware",      "ChromeOS firmware",               "CAB6E88E-ABF3-4102-A07A-D4BB9BE3C1D3", null, null),
        Row("chromeos-reserved",      "ChromeOS reserved",               "2E0A753D-9E48-43B0-8337-B15192CB1B5E", null, null),
        Row("vmware-vmfs",            "VMware VMFS",                     "AA31E02A-400F-11DB-9590-000C2911D1B8", 0xFB, null),
        Row("haiku-bfs",              "Haiku BFS",                       "42465331-3BA3-10F1-802A-4861696B7521", 0xEB, null),
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<WellKnownType> All => Table;

    /// <summary>The names that a kind of table has an identifier for.</summary>
    public static IEnumerable<string> Names(PartitionScheme scheme) => Table.Where(t => TypeOf(t, scheme) is not null).Select(t => t.Name);

    /// <summary>The identifier of a well-known name; false when there is none in this kind of table.</summary>
    public static bool TryGet(string name, PartitionScheme scheme, out PartitionType type)
    {
        foreach (var row in Table)
        {
            if (row.Name.Equals(name, StringComparison.OrdinalIgnoreCase) && TypeOf(row, scheme) is { } found)
            {
                type = found;
                return true;
            }
        }
        type = default;
        return false;
    }

    /// <summary>What is known of an identifier; null when nothing is.</summary>
    public static WellKnownType? Find(PartitionType type)
    {
        foreach (var row in Table)
        {
            if (TypeOf(row, type.Scheme) == type)
                return row;
        }
        return null;
    }

    private static PartitionType? TypeOf(WellKnownType row, PartitionScheme scheme) => scheme switch
    {
        PartitionScheme.Gpt => row.Guid is { } guid ? PartitionType.FromGuid(guid) : null,
        PartitionScheme.Mbr => row.Byte is { } value ? PartitionType.FromByte(value) : null,
        _ => row.Text is { } text ? PartitionType.FromText(text) : null,
    };

    private static WellKnownType Row(string name, string description, string? guid, byte? value, string? text) =>
        new(name, description, guid is null ? null : System.Guid.Parse(guid), value, text);
}
