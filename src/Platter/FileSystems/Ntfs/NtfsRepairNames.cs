using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>$FILE_NAMEs, as repairs read and make them.</summary>
internal static class NtfsRepairNames
{
    /// <summary>The sound names of a record, each without what is behind it; those that can be found.</summary>
    public static List<byte[]> Of(NtfsCheckState check, long number)
    {
        var names = new List<byte[]>();
        if (check.Open(number) is not { } file)
            return names;
        try
        {
            foreach (var place in file.Places)
            {
                if (place.Type == NtfsAttributeType.FileName)
                    AddFrom(file, place, names);
            }
        }
        catch (DiskFormatException)
        {
            // The list is broken: those of the record itself are what there is.
            foreach (var attribute in file.Base.Attributes)
            {
                if (attribute.Type == NtfsAttributeType.FileName)
                    Add(names, attribute);
            }
        }
        return names;
    }

    /// <summary>Brings the copies in a name up to what the record says; what cannot be read stays.</summary>
    public static void Refresh(NtfsFile file, byte[] name)
    {
        ref var head = ref OnDisk.Edit<NtfsFileName>(name);
        // Of the volume's own files the copies are as they were when it was made.
        if (file.Base.Number < NtfsMft.FirstFreeRecord)
            return;
        try
        {
            if (!file.TryFind(NtfsAttributeType.StandardInformation, "", out _, out var standard) || !standard.IsResident || standard.Value.Length < NtfsStandardInformation.Size)
                return;
            var information = OnDisk.View<NtfsStandardInformation>(standard.Value);
            var (allocated, length) = (0L, 0L);
            if (!file.Base.IsDirectory && file.TryFind(NtfsAttributeType.Data, "", out _, out var data))
            {
                length = data.IsResident ? data.Value.Length : (long)(ulong)data.NonResident.DataSize;
                allocated = data.IsResident ? length + 7 & ~7 : data.HasTotalAllocated ? data.TotalAllocated : (long)(ulong)data.NonResident.AllocatedSize;
            }
            var tag = NtfsVolume.FindReparse(file)?.Tag ?? PackedLength(file);
            (head.Created, head.Modified, head.Changed, head.Accessed) = (information.Created, information.Modified, information.Changed, information.Accessed);
            (head.AllocatedSize, head.DataSize, head.ReparseTagOrEaSize) = ((ulong)allocated, (ulong)length, tag);
            head.Attributes = NtfsFileAttributes.OfName(information.Attributes, file.Base.Flags);
        }
        catch (DiskFormatException)
        {
            // Told by the check.
        }
    }

    /// <summary>A name with another text, in the namespace where any may stand.</summary>
    public static byte[] Renamed(ReadOnlySpan<byte> name, string text)
    {
        var value = new byte[NtfsFileName.Size + 2 * text.Length];
        name[..NtfsFileName.Size].CopyTo(value);
        ref var head = ref OnDisk.Edit<NtfsFileName>(value);
        head.NameLength = (byte)text.Length;
        head.Namespace = NtfsNamespace.Posix;
        MemoryMarshal.AsBytes(text.AsSpan()).CopyTo(value.AsSpan(NtfsFileName.Size));
        return value;
    }

    /// <summary>What chkdsk calls what it finds.</summary>
    public static string FoundName(bool isDirectory, int number) => $"{(isDirectory ? "dir" : "file")}{number:D4}.chk";

    private static uint PackedLength(NtfsFile file) =>
        file.TryFind(NtfsAttributeType.EaInformation, "", out _, out var sums) && sums.IsResident && sums.Value.Length >= NtfsEaInformation.Size
            ? OnDisk.View<NtfsEaInformation>(sums.Value).PackedLength : 0U;

    private static void AddFrom(NtfsFile file, in NtfsPlace place, List<byte[]> names)
    {
        try
        {
            Add(names, file.Resolve(place, out _));
        }
        catch (DiskFormatException)
        {
            // In a record that cannot be read; others may be.
        }
    }

    private static void Add(List<byte[]> names, in NtfsAttribute attribute)
    {
        if (attribute.IsResident && NtfsFileNames.Problem(attribute.Value) is null)
            names.Add(attribute.Value[..(NtfsFileName.Size + 2 * OnDisk.View<NtfsFileName>(attribute.Value).NameLength)].ToArray());
    }
}
