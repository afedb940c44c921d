using Platter.Primitives;

namespace Platter.Trees.Specs;

/// <summary>One kind of table of a spec, and the keys it may hold.</summary>
/// <param name="Name">As messages call it, with its brackets.</param>
/// <param name="Keys">In the order of the documentation.</param>
internal sealed record SpecSchema(string Name, IReadOnlyList<string> Keys)
{
    public static readonly SpecSchema Document = new("the spec", ["include", "variables", "image", "partition", "filesystem"]);

    public static readonly SpecSchema Image = new("[image]",
        ["size", "format", "container", "partition_table", "sector_size", "alignment", "disk_id", "blob"]);

    public static readonly SpecSchema Blob = new("[[image.blob]]", ["content", "offset"]);

    public static readonly SpecSchema Partition = new("[[partition]]",
        ["name", "type", "size", "free", "start", "offset", "bootable", "attributes", "guid", "uuid", "content", "filesystem"]);

    public static readonly SpecSchema PartitionFileSystem = new("[partition.filesystem]",
        ["type", "label", "volume_id", "uuid", "source", "exclude", "options", "owner", "rule", "file"]);

    public static readonly SpecSchema BareFileSystem = new("[filesystem]", [.. PartitionFileSystem.Keys, "size", "free"]);

    public static readonly SpecSchema Rule = new("[[filesystem.rule]]", ["match", "kind", "owner", "mode", "mtime"]);

    public static readonly SpecSchema File = new("[[filesystem.file]]",
        ["path", "kind", "content", "from", "target", "major", "minor", "mode", "owner", "mtime", "xattrs"]);

    // A key in the wrong table is a likelier mistake than a mistyped one.
    private static readonly SpecSchema[] All = [Image, Blob, Partition, PartitionFileSystem, Rule, File];

    /// <summary>What a message says of a key that this table does not know.</summary>
    public string Explain(string key)
    {
        var elsewhere = All.Where(s => s != this && s.Keys.Contains(key, StringComparer.Ordinal)).Select(s => s.Name).ToList();
        return elsewhere.Count > 0 ? $" (it belongs to {string.Join(" or ", elsewhere)})" : NearestName.Hint(key, Keys);
    }
}
