using Platter.FileSystems.Clusters;

namespace Platter.FileSystems.ExFat;

/// <summary>Walks every directory, from the root down, without recursion.</summary>
/// <remarks>A directory is walked over the clusters that were claimed for it and no others, so no damage can lead in a circle.</remarks>
internal sealed class ExFatCheckerDirectories(ExFatGeometry geometry, ExFatCheckerChains chains, ExFatCheckerContent content, ExFatUpcase upcase, CheckReport report, CheckOptions options)
{
    private readonly Stack<ExFatCheckedDirectory> _pending = [];
    private long _entries;

    public void Walk(ExFatClaimed root)
    {
        _pending.Push(new ExFatCheckedDirectory(null, "", root));
        while (_pending.TryPop(out var directory))
        {
            options.Cancellation.ThrowIfCancellationRequested();
            if (options.Progress is { } progress && (_entries & 0x3F) == 0)
                progress.Report(new WorkProgress("checking directories", 0, null, _entries, null, directory.Path));
            WalkOne(directory);
        }
    }

    private void WalkOne(ExFatCheckedDirectory directory)
    {
        var entries = new ExFatCheckerEntries(directory, geometry, chains, upcase, report);
        content.ForEachPiece(directory.Content, (piece, offset) =>
        {
            options.Cancellation.ThrowIfCancellationRequested();
            for (var at = 0; at < piece.Length; at += ExFatEntryType.Size)
                entries.Next(piece.Slice(at, ExFatEntryType.Size), offset + at);
            return !entries.IsTooLong;
        });
        entries.Finish();
        _entries += entries.Count;
        foreach (var child in entries.Children)
            _pending.Push(child);
    }
}

/// <summary>A directory that the checker has found: where it hangs and which clusters are its own.</summary>
/// <param name="Parent">Null for the root.</param>
/// <param name="Name">Empty for the root.</param>
/// <param name="Content">Its clusters.</param>
internal sealed record ExFatCheckedDirectory(ExFatCheckedDirectory? Parent, string Name, ExFatClaimed Content)
    : CheckedDirectory<ExFatCheckedDirectory>(Parent, Name);
