using System.Text;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>What $AttrDef of a new volume says: which attributes there may be, and how large.</summary>
/// <remarks>The table of versions 3.0 and 3.1, the same from Windows 2000 to 11. Drivers have it built in.</remarks>
internal static class NtfsAttributeDefinitions
{
    /// <summary>Bytes of the table: fifteen definitions and one of zeros.</summary>
    public const int Length = 16 * NtfsAttributeDefinition.Size;

    private const uint Indexed = 0x02, AlwaysResident = 0x40, MayBeNonResident = 0x80;
    private const long NoLimit = -1;

    private static readonly (string Name, NtfsAttributeType Type, uint Flags, long Min, long Max)[] Definitions =
    [
        ("$STANDARD_INFORMATION", NtfsAttributeType.StandardInformation, AlwaysResident, 48, 72),
        ("$ATTRIBUTE_LIST", NtfsAttributeType.AttributeList, MayBeNonResident, 0, NoLimit),
        ("$FILE_NAME", NtfsAttributeType.FileName, AlwaysResident | Indexed, 68, 578),
        ("$OBJECT_ID", NtfsAttributeType.ObjectId, AlwaysResident, 0, 256),
        ("$SECURITY_DESCRIPTOR", NtfsAttributeType.SecurityDescriptor, MayBeNonResident, 0, NoLimit),
        ("$VOLUME_NAME", NtfsAttributeType.VolumeName, AlwaysResident, 2, 256),
        ("$VOLUME_INFORMATION", NtfsAttributeType.VolumeInformation, AlwaysResident, 12, 12),
        ("$DATA", NtfsAttributeType.Data, 0, 0, NoLimit),
        ("$INDEX_ROOT", NtfsAttributeType.IndexRoot, AlwaysResident, 0, NoLimit),
        ("$INDEX_ALLOCATION", NtfsAttributeType.IndexAllocation, MayBeNonResident, 0, NoLimit),
        ("$BITMAP", NtfsAttributeType.Bitmap, MayBeNonResident, 0, NoLimit),
        ("$REPARSE_POINT", NtfsAttributeType.ReparsePoint, MayBeNonResident, 0, 16 << 10),
        ("$EA_INFORMATION", NtfsAttributeType.EaInformation, AlwaysResident, 8, 8),
        ("$EA", NtfsAttributeType.Ea, 0, 0, NtfsEaEntry.MaxLength),
        ("$LOGGED_UTILITY_STREAM", NtfsAttributeType.LoggedUtilityStream, MayBeNonResident, 0, 64 << 10),
    ];

    /// <summary>The table as it stands on disk.</summary>
    public static byte[] Table()
    {
        var table = new byte[Length];
        for (var i = 0; i < Definitions.Length; i++)
        {
            var (name, type, flags, min, max) = Definitions[i];
            ref var definition = ref OnDisk.Edit<NtfsAttributeDefinition>(table, i * NtfsAttributeDefinition.Size);
            Encoding.Unicode.GetBytes(name, definition.Name);
            definition.Type = (uint)type;
            definition.Flags = flags;
            definition.MinSize = (ulong)min;
            definition.MaxSize = (ulong)max;
        }
        return table;
    }
}
