using Platter.FileSystems;
using Platter.Trees;

namespace Platter.Cli;

/// <summary>How much there is to copy: asked only when somebody watches, for it costs a walk.</summary>
internal static class TreeTotals
{
    /// <summary>The options with the totals of these sources, when a progress bar wants them.</summary>
    public static CopyOptions Add(CopyOptions options, TreeSource source)
    {
        if (options.Progress is null)
            return options;
        long bytes = 0, items = 0;
        foreach (var entry in source.Walk(options.Cancellation))
        {
            items++;
            bytes += entry.Kind == EntryKind.File ? entry.Length : 0;
        }
        return options with { TotalBytes = bytes, TotalItems = items };
    }
}
