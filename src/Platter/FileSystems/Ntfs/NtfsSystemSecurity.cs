using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The security descriptors of a new volume: those of its own files, that of the root, and $Secure with the first two ids.</summary>
/// <remarks>As mkntfs writes them, and Windows before it. Files of the volume that a driver needs before it knows $Secure, and those that have no name, keep
/// a descriptor of their own; the others refer to $Secure.</remarks>
internal static class NtfsSystemSecurity
{
    /// <summary>Id of files that nobody may change.</summary>
    public const uint ReadOnlyId = NtfsSecurityEntry.FirstId;

    /// <summary>Id of files that the system may change.</summary>
    public const uint WritableId = ReadOnlyId + 1;

    /// <summary>Bytes of $SDS: the entries, and their copy a block behind.</summary>
    public const int StreamLength = NtfsSecurityEntry.BlockSize + EntriesLength;

    // Two entries of 124 bytes, the second at a multiple of 16.
    private const int EntriesLength = 0xFC;

    // Reading for the system and the administrators; the same with writing.
    private const string ReadOnlyText = "D:(A;;FR;;;SY)(A;;FR;;;BA)", WritableText = "D:(A;;0x12019f;;;SY)(A;;0x12019f;;;BA)";

    // Full access for administrators and system, changing for users who logged on, reading for users; each once for the root and once for what is made in it.
    private const string RootText = "O:SYG:SYD:(A;;FA;;;BA)(A;OICIIO;GA;;;BA)(A;;FA;;;SY)(A;OICIIO;GA;;;SY)(A;;0x1301bf;;;AU)(A;OICIIO;0xe0010000;;;AU)(A;;0x1200a9;;;BU)(A;OICIIO;0xa0000000;;;BU)";

    // The root's list has room for more entries, and its descriptor is not resident: so mkntfs makes it. Windows since 7 makes the same list without room.
    private const int RootListLength = 0x1000;

    /// <summary>The descriptor in $AttrDef and $Boot.</summary>
    public static byte[] ReadOnlyFile => Sddl.Parse("O:SYG:BA" + ReadOnlyText);

    /// <summary>The descriptor in $Volume and the reserved records.</summary>
    public static byte[] WritableFile => Sddl.Parse("O:SYG:BA" + WritableText);

    /// <summary>The descriptor of the root directory.</summary>
    public static byte[] Root()
    {
        var packed = Sddl.Parse(RootText);
        ref readonly var head = ref OnDisk.View<NtfsSecurityDescriptor>(packed);
        var listStart = (int)(uint)head.AclOffset;
        var listEnd = listStart + OnDisk.View<NtfsAcl>(packed, listStart).Length;
        var more = listStart + RootListLength - listEnd;
        var root = new byte[packed.Length + more];
        packed.AsSpan(0, listEnd).CopyTo(root);
        packed.AsSpan(listEnd).CopyTo(root.AsSpan(listEnd + more));
        ref var edited = ref OnDisk.Edit<NtfsSecurityDescriptor>(root);
        edited.OwnerOffset = (uint)(head.OwnerOffset + more);
        edited.GroupOffset = (uint)(head.GroupOffset + more);
        OnDisk.Edit<NtfsAcl>(root, listStart).Length = RootListLength;
        return root;
    }

    /// <summary>The content of $Secure:$SDS.</summary>
    public static byte[] Stream()
    {
        var stream = new byte[StreamLength];
        foreach (var (entry, descriptor) in Entries())
        {
            var at = (int)(ulong)entry.Offset;
            foreach (var place in new[] { at, at + NtfsSecurityEntry.BlockSize })
            {
                OnDisk.Edit<NtfsSecurityEntry>(stream, place) = entry;
                descriptor.CopyTo(stream, place + NtfsSecurityEntry.Size);
            }
        }
        return stream;
    }

    /// <summary>The descriptors of $Secure, in the order of their ids.</summary>
    public static IEnumerable<(NtfsSecurityEntry Entry, byte[] Descriptor)> Entries()
    {
        var at = 0L;
        var id = ReadOnlyId;
        foreach (var text in new[] { "O:BAG:BA" + ReadOnlyText, "O:BAG:BA" + WritableText })
        {
            var descriptor = Sddl.Parse(text);
            var length = NtfsSecurityEntry.Size + descriptor.Length;
            yield return (new NtfsSecurityEntry { Hash = NtfsSecurityHash.Of(descriptor), Id = id++, Offset = (ulong)at, Length = (uint)length }, descriptor);
            at += (length + NtfsSecurityEntry.Alignment - 1) / NtfsSecurityEntry.Alignment * NtfsSecurityEntry.Alignment;
        }
    }
}
