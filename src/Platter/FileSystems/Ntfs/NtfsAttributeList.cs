using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>The value of $ATTRIBUTE_LIST: which attribute of a file is in which record.</summary>
internal static class NtfsAttributeList
{
    /// <summary>Takes a list apart.</summary>
    /// <param name="list">The whole value.</param>
    /// <param name="places">The entries are added here.</param>
    /// <returns>What is wrong, or null; the entries before it have been added.</returns>
    public static string? Parse(ReadOnlySpan<byte> list, List<NtfsPlace> places)
    {
        for (var at = 0; at < list.Length;)
        {
            var rest = list[at..];
            if (rest.Length < NtfsAttributeListEntry.Size)
                return $"the entry at {at} has {rest.Length} bytes left, expected at least {NtfsAttributeListEntry.Size}";
            ref readonly var entry = ref OnDisk.View<NtfsAttributeListEntry>(rest);
            int length = entry.Length, name = 2 * entry.NameLength;
            if (length < NtfsAttributeListEntry.Size || length > rest.Length || (length & 7) != 0)
                return $"the entry at {at} has the length {length}, expected a multiple of 8, {NtfsAttributeListEntry.Size}..{rest.Length}";
            if (name != 0 && entry.NameOffset + name > length)
                return $"the entry at {at} has a name at {entry.NameOffset} of {name} bytes, past its {length}";
            if ((long)(ulong)entry.LowestVcn < 0)
                return $"the entry at {at} is of clusters from {entry.LowestVcn} on";
            var text = name == 0 ? "" : NtfsCollation.Units(rest.Slice(entry.NameOffset, name)).ToString();
            places.Add(new NtfsPlace(entry.Type, text, (long)(ulong)entry.LowestVcn, entry.Record.Value, entry.Instance));
            at += length;
        }
        return null;
    }

    /// <summary>Bytes of an entry on disk.</summary>
    public static int EntryLength(string name) => NtfsAttributeListEntry.Size + 2 * name.Length + 7 & ~7;

    /// <summary>Writes an entry; returns its length.</summary>
    public static int Write(Span<byte> target, in NtfsPlace place)
    {
        var length = EntryLength(place.Name);
        target[..length].Clear();
        ref var entry = ref OnDisk.Edit<NtfsAttributeListEntry>(target);
        entry.Type = place.Type;
        entry.Length = (ushort)length;
        entry.NameLength = (byte)place.Name.Length;
        entry.NameOffset = NtfsAttributeListEntry.NameStart;
        entry.LowestVcn = (ulong)place.LowestVcn;
        entry.Record = place.Record;
        entry.Instance = place.Instance;
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(place.Name.AsSpan()).CopyTo(target[NtfsAttributeListEntry.NameStart..]);
        return length;
    }
}

/// <summary>What attributes are called.</summary>
internal static class NtfsAttributeNames
{
    public static string Of(NtfsAttributeType type) => type switch
    {
        NtfsAttributeType.StandardInformation => "$STANDARD_INFORMATION",
        NtfsAttributeType.AttributeList => "$ATTRIBUTE_LIST",
        NtfsAttributeType.FileName => "$FILE_NAME",
        NtfsAttributeType.ObjectId => "$OBJECT_ID",
        NtfsAttributeType.SecurityDescriptor => "$SECURITY_DESCRIPTOR",
        NtfsAttributeType.VolumeName => "$VOLUME_NAME",
        NtfsAttributeType.VolumeInformation => "$VOLUME_INFORMATION",
        NtfsAttributeType.Data => "$DATA",
        NtfsAttributeType.IndexRoot => "$INDEX_ROOT",
        NtfsAttributeType.IndexAllocation => "$INDEX_ALLOCATION",
        NtfsAttributeType.Bitmap => "$BITMAP",
        NtfsAttributeType.ReparsePoint => "$REPARSE_POINT",
        NtfsAttributeType.EaInformation => "$EA_INFORMATION",
        NtfsAttributeType.Ea => "$EA",
        NtfsAttributeType.PropertySet => "$PROPERTY_SET",
        NtfsAttributeType.LoggedUtilityStream => "$LOGGED_UTILITY_STREAM",
        _ => $"attribute 0x{(uint)type:X}",
    };
}
