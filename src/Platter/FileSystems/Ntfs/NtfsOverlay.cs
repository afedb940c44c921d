using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Files that Windows' overlay filter compressed and that are going to be changed: as on Windows, their content is unpacked first, and they are
/// files like any other from then on.</summary>
internal static class NtfsOverlay
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>Gives a file its content in plain.</summary>
    /// <param name="file">A file with a reparse point of a filter.</param>
    /// <param name="kept">Bytes that are wanted; what lies behind becomes zeros.</param>
    /// <returns>False: its content is not in it.</returns>
    /// <exception cref="DiskFormatException">The compressed data is damaged.</exception>
    /// <exception cref="VolumeFullException">There is no room for the content beside the compressed one.</exception>
    public static bool TryUnpack(NtfsFileEditor file, long kept)
    {
        var state = file.State;
        var stored = state.Open(file.Reference);
        if (NtfsVolume.WofAlgorithm(stored) is null || file.Open(NtfsAttributeType.Data) is not { } data)
            return false;
        using var packed = state.Volume.OpenRead(new NodeId(file.Reference.Raw), StreamName.Data);
        var length = packed.Length;
        data.SetLength(0);
        data.SetSparse(false);
        var chunk = new byte[ChunkBytes];
        for (var offset = 0L; offset < Math.Min(length, kept); offset += chunk.Length)
        {
            var part = chunk.AsSpan(0, packed.ReadAt(offset, chunk));
            if (data.TryWriteAtOnce(offset, part))
                continue;
            data.Prepare(offset, offset + part.Length);
            data.Put(offset, part, isContent: true);
        }
        data.SetLength(length);
        file.Delete(NtfsAttributeType.Data, NtfsWofStream.StreamName);
        NtfsExtendIndexes.RemoveReparse(file);
        file.Delete(NtfsAttributeType.ReparsePoint, "");
        NtfsStandard.Edit(file, (ref NtfsStandardInformation information) =>
            information.Attributes = (uint)((DosAttributes)(uint)information.Attributes & ~(DosAttributes.ReparsePoint | DosAttributes.Sparse)));
        return true;
    }
}
