using System.Globalization;
using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.Partitions;

namespace Platter.Cli;

/// <summary>A partition's entry as text and as JSON.</summary>
internal static class PartitionText
{
    /// <summary>What data a partition holds that is no filesystem of Platter's: "btrfs filesystem", where it can be named, or "data".</summary>
    public static string OfData(DiskPartition partition) => partition.ForeignContent is { } name ? name[(name.IndexOf(' ', StringComparison.Ordinal) + 1)..] : "data";

    public static void WriteFields(Json json, Partition p)
    {
        json.Field("number", (long)p.Number);
        json.Field("type", p.Type.ToString());
        json.Field("typeId", p.Type.Id);
        if (p.Type.Scheme != PartitionScheme.Mbr)
            json.Field("name", p.Name);
        json.Field("start", p.Start);
        json.Field("length", p.Length);
        json.Field("id", p.UniqueId?.ToString().ToUpperInvariant());
        json.Array("flags");
        foreach (var flag in PartitionFlagNames.Format(p.Flags))
            json.Text(flag);
        json.EndArray();
    }

    public static int Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
        ? number : throw new UsageException($"'{text}' is not the number of a partition");
}
