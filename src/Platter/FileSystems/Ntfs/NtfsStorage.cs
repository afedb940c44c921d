namespace Platter.FileSystems.Ntfs;

/// <summary>How a file's content is stored, as its attributes say: compressed, sparse. All its data streams change together.</summary>
internal static class NtfsStorage
{
    /// <summary>Compresses a file, or unpacks it; a directory hands the wish on to what is made in it.</summary>
    /// <exception cref="UnsupportedFeatureException">It cannot be.</exception>
    /// <exception cref="VolumeFullException">There is no room for the other form beside the old one.</exception>
    public static void SetCompressed(NtfsFileEditor file, EntryKind kind, bool value)
    {
        if (value)
            RequireContent(file, kind, "compressed");
        if (file.Base.IsDirectory)
            MarkIndex(file, value);
        else
            ForEachStream(file, content => content.SetCompressed(value));
        Mark(file, DosAttributes.Compressed, value);
    }

    /// <summary>Lets a file have holes, or gives it all its space.</summary>
    /// <exception cref="UnsupportedFeatureException">It has no content of its own.</exception>
    /// <exception cref="VolumeFullException">There is no room for what was a hole.</exception>
    public static void SetSparse(NtfsFileEditor file, EntryKind kind, bool value)
    {
        if (value && kind == EntryKind.Directory)
            throw new UnsupportedFeatureException("a directory can't be sparse");
        if (value)
            RequireContent(file, kind, "sparse");
        if (!file.Base.IsDirectory)
            ForEachStream(file, content => content.SetSparse(value));
        Mark(file, DosAttributes.Sparse, value);
    }

    private static void RequireContent(NtfsFileEditor file, EntryKind kind, string what)
    {
        if (kind is not (EntryKind.File or EntryKind.Directory))
            throw new UnsupportedFeatureException($"record {file.Number} is a {kind}: it has no content to be {what}");
        if (file.State.IsOverlaid(file.Reference, ""))
            throw new UnsupportedFeatureException($"record {file.Number} has its data compressed by Windows' overlay filter, or elsewhere: it can't be {what}");
    }

    private static void ForEachStream(NtfsFileEditor file, Action<NtfsContentEditor> change)
    {
        foreach (var name in file.FindAll(NtfsAttributeType.Data).ConvertAll(held => held.Name))
            change(file.Open(NtfsAttributeType.Data, name)!);
    }

    // The index itself is never compressed; Windows marks its root all the same.
    private static void MarkIndex(NtfsFileEditor directory, bool value)
    {
        if (directory.Find(NtfsAttributeType.IndexRoot, NtfsDirectory.IndexName) is not { IsResident: true } root)
            return;
        var bytes = root.Bytes!.ToArray();
        ref var head = ref Primitives.OnDisk.Edit<NtfsAttributeHeader>(bytes);
        head.Flags.Value = head.Flags.Value & ~NtfsAttributeFlags.CompressionMask | (value ? NtfsAttributeFlags.Compressed : NtfsAttributeFlags.None);
        directory.Replace(root, bytes);
    }

    private static void Mark(NtfsFileEditor file, DosAttributes attribute, bool value) =>
        NtfsStandard.Edit(file, (ref NtfsStandardInformation information) =>
            information.Attributes = (uint)((DosAttributes)(uint)information.Attributes & ~attribute | (value ? attribute : DosAttributes.None)));
}
