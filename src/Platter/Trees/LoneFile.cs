using Platter.FileSystems;

namespace Platter.Trees;

/// <summary>A source that is one small file with nothing special about it: the copy that is typed most often. It is read here, without a
/// feed, whose parts take longer to prepare than such a file to copy. Whatever is unusual goes the way of all others.</summary>
internal static class LoneFile
{
    /// <summary>Longer files are worth reading in pieces, ahead of the writer.</summary>
    private const long MaxLength = 1 << 20;

    /// <summary>Reads the file; null when the source is more than that, the target wants to know more, or anything is in the way.</summary>
    public static TreeEntry? TryRead(TreeSource source, TreeSink sink, CopyOptions options, out byte[] bytes)
    {
        bytes = [];
        // Holes take a closer look: those of the file, and with a fixed time those that its zeros could be.
        if (sink.WritesInOrder || options.Epoch is not null || source.LoneFile is not { } entry || entry.Length > Math.Min(MaxLength, sink.Capabilities.MaxFileLength)
            || entry.Metadata.AllocatedLength + CopyReader.WorthwhileHole <= entry.Length)
        {
            return null;
        }
        options.Cancellation.ThrowIfCancellationRequested();
        bytes = new byte[entry.Length];
        return (bytes.Length == 0 || TryReadWhole(source, entry, bytes)) && !source.MayHaveExtras(entry) ? entry : null;
    }

    private static bool TryReadWhole(TreeSource source, TreeEntry entry, byte[] bytes)
    {
        try
        {
            return source.ReadWhole(entry, bytes) == bytes.Length;
        }
        catch (Exception e) when (CopyReader.IsOfSource(e))
        {
            // It will be met again, and told with the entry.
            return false;
        }
    }
}
