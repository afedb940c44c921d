namespace Platter.FileSystems.Ntfs;

/// <summary>Empties an index, whatever is wrong with it, so that it can be filled anew.</summary>
internal static class NtfsRepairIndex
{
    private static readonly NtfsAttributeType[] Parts = [NtfsAttributeType.IndexAllocation, NtfsAttributeType.Bitmap, NtfsAttributeType.IndexRoot];

    /// <summary>Leaves an index without entries, in the record alone.</summary>
    /// <param name="file">The file that has it.</param>
    /// <param name="name">Its name.</param>
    /// <param name="indexed">$FILE_NAME in directories, None in view indexes.</param>
    /// <param name="rule">Its order.</param>
    /// <returns>The index, to be filled.</returns>
    public static NtfsIndexEditor Empty(NtfsFileEditor file, string name, NtfsAttributeType indexed, NtfsCollationRule rule)
    {
        foreach (var type in Parts)
        {
            try
            {
                file.Delete(type, name);
            }
            catch (DiskFormatException)
            {
                // Whose clusters nobody can tell: $Bitmap keeps them, until a check can.
            }
            foreach (var held in file.Extents(type, name))
                file.Remove(held);
        }
        file.SetResident(NtfsAttributeType.IndexRoot, name, NtfsNewIndexNode.EmptyRoot(indexed, rule, file.State.Geometry));
        file.State.Volume.Nodes.Clear();
        return Open(file, name);
    }

    public static NtfsIndexEditor Open(NtfsFileEditor file, string name) =>
        new(new NtfsFileIndexStorage(file, name), file.State.Volume.Upcase, file.Structure(NtfsAttributeType.IndexAllocation, name));
}
