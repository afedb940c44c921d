using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>$STANDARD_INFORMATION of a file that is edited.</summary>
internal static class NtfsStandard
{
    public delegate void Change(ref NtfsStandardInformation information);

    /// <summary>As it is now.</summary>
    /// <exception cref="DiskFormatException">The file has none.</exception>
    public static NtfsStandardInformation Read(NtfsFileEditor file) => OnDisk.View<NtfsStandardInformation>(Find(file).Value);

    /// <summary>Changes it.</summary>
    public static void Edit(NtfsFileEditor file, Change change)
    {
        var held = Find(file);
        var value = held.Value.ToArray();
        change(ref OnDisk.Edit<NtfsStandardInformation>(value));
        if (!held.Value.SequenceEqual(value))
            file.SetResident(NtfsAttributeType.StandardInformation, "", value);
    }

    /// <summary>The id of the file's descriptor in $Secure; 0 when it has none.</summary>
    public static uint SecurityId(NtfsFileEditor file)
    {
        var value = Find(file).Value;
        return value.Length >= NtfsStandardInformation3.Offset + NtfsStandardInformation3.Size
            ? OnDisk.View<NtfsStandardInformation3>(value, NtfsStandardInformation3.Offset).SecurityId : 0U;
    }

    /// <summary>Sets that id; a value of 48 bytes becomes one of 72.</summary>
    public static void SetSecurityId(NtfsFileEditor file, uint id)
    {
        var value = Find(file).Value.ToArray();
        if (value.Length < NtfsStandardInformation3.Offset + NtfsStandardInformation3.Size)
            Array.Resize(ref value, NtfsStandardInformation3.Offset + NtfsStandardInformation3.Size);
        OnDisk.Edit<NtfsStandardInformation3>(value, NtfsStandardInformation3.Offset).SecurityId = id;
        file.SetResident(NtfsAttributeType.StandardInformation, "", value);
    }

    private static NtfsHeld Find(NtfsFileEditor file) =>
        file.Find(NtfsAttributeType.StandardInformation) is { IsResident: true, Value.Length: >= NtfsStandardInformation.Size } held ? held
            : throw new DiskFormatException("NTFS-0112", file.Base.Structure, file.Base.Offset, $"has no resident $STANDARD_INFORMATION of {NtfsStandardInformation.Size} bytes");
}
