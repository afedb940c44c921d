namespace Platter.Trees.Specs;

/// <summary>One kind of table of a spec, and the keys it may hold.</summary>
/// <param name="Name">As messages call it, with its brackets.</param>
/// <param name="Keys">In the order of the documentation.</param>
internal sealed record SpecSchema(string Name, IReadOnlyList<string> Keys)
{
    public static readonly SpecSchema Document = new("the spec", ["image", "partition", "filesystem"]);

    public static readonly SpecSchema Image = new("[image]",
        ["size", "format", "partition_table", "sector_size", "alignment", "disk_id"]);

    public static readonly SpecSchema Partition = new("[[partition]]",
        ["name", "type", "size", "start", "bootable", "attributes", "guid", "filesystem"]);

    public static readonly SpecSchema PartitionFileSystem = new("[partition.filesystem]",
        ["type", "label", "volume_id", "source", "options", "owner", "file"]);

    public static readonly SpecSchema BareFileSystem = new("[filesystem]", [.. PartitionFileSystem.Keys, "size"]);

    public static readonly SpecSchema File = new("[[filesystem.file]]",
        ["path", "kind", "content", "from", "target", "major", "minor", "mode", "owner", "mtime", "xattrs"]);

    // A key in the wrong table is a likelier mistake than a mistyped one.
    private static readonly SpecSchema[] All = [Image, Partition, PartitionFileSystem, File];

    /// <summary>What a message says of a key that this table does not know.</summary>
    public string Explain(string key)
    {
        var elsewhere = All.Where(s => s != this && s.Keys.Contains(key, StringComparer.Ordinal)).Select(s => s.Name).ToList();
        return elsewhere.Count > 0 ? $" (it belongs to {string.Join(" or ", elsewhere)})" : NearestName.Hint(key, Keys);
    }
}
