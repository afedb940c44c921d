using System.Runtime.CompilerServices;
using Platter.Blocks;

namespace Platter.Images;

/// <summary>Another file that holds a part of the disk, and is changed together with the image that refers to it.</summary>
/// <param name="Reference">How the image refers to it.</param>
/// <param name="Room">How long it may become, in bytes; follows from what the image says, not from the file.</param>
/// <param name="Grows">Whether it may be shorter, and what is missing reads as zeros.</param>
internal readonly record struct ImagePart(string Reference, long Room, bool Grows);

/// <summary>Opens an image's file with its journal; where the disk lies in several files, all of them as one, so that an edit is whole in all of
/// them or in none.</summary>
internal static class ImageParts
{
    /// <summary>For reading: a pending journal is shown as replayed.</summary>
    /// <param name="file">The image's own file; the device that is returned disposes it.</param>
    /// <param name="store">Where its journal lies.</param>
    /// <param name="neighbours">The image's; afterwards with the files that are open already.</param>
    internal static BlockDevice View(BlockDevice file, HostJournalStore store, ref ImageNeighbours neighbours)
    {
        return HostFile.Exists(store.Name) && Find(file, neighbours) is { } others
            ? ViewAll(file, others, store, ref neighbours)
            : JournalRecovery.View(file, store, ownsImage: true);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WindowDevice ViewAll(BlockDevice file, ImagePart[] others, HostJournalStore store, ref ImageNeighbours neighbours)
    {
        var joined = Join(file, others, neighbours, FileAccess.Read);
        try
        {
            var view = JournalRecovery.View(joined, store, ownsImage: true);
            neighbours = Known(neighbours, others, joined, view);
            return new WindowDevice(view, joined.MainStart, view.Length - joined.MainStart, ownsInner: true);
        }
        catch
        {
            joined.Dispose();
            throw;
        }
    }

    /// <summary>For editing: a pending journal is replayed or discarded.</summary>
    /// <inheritdoc cref="View" path="/param"/>
    internal static BlockDevice Edit(BlockDevice file, HostJournalStore store, ref ImageNeighbours neighbours, TransactionOptions? options)
    {
        return Find(file, neighbours) is { } others
            ? EditAll(file, others, store, ref neighbours, options)
            : TransactionDevice.Open(file, store, options, ownsHome: true);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ResizableWindow EditAll(BlockDevice file, ImagePart[] others, HostJournalStore store, ref ImageNeighbours neighbours, TransactionOptions? options)
    {
        var joined = Join(file, others, neighbours, FileAccess.ReadWrite);
        try
        {
            var transaction = TransactionDevice.Open(joined, store, options, ownsHome: true);
            neighbours = Known(neighbours, others, joined, transaction);
            return new ResizableWindow(transaction, joined.MainStart);
        }
        catch
        {
            joined.Dispose();
            throw;
        }
    }

    // Before the journal is looked at: which files there are, no commit ever changes.
    private static ImagePart[]? Find(BlockDevice file, ImageNeighbours neighbours)
    {
        if (!neighbours.IsFile)
            return null;
        var probe = new ContainerProbe(file, neighbours);
        return probe.IsPlain ? null : Find(probe);
    }

    private static ImagePart[]? Find(ContainerProbe probe)
    {
        foreach (var format in ContainerFormat.Known)
        {
            var others = format.OtherFiles(probe);
            if (others.Length > 0)
                return others;
        }
        return null;
    }

    private static JoinedFiles Join(BlockDevice main, ImagePart[] others, ImageNeighbours neighbours, FileAccess access)
    {
        var files = new List<(BlockDevice, long)>();
        try
        {
            foreach (var other in others)
                files.Add((HostFile.Open(neighbours.Find(other.Reference), access), other.Room));
            return new JoinedFiles(main, files);
        }
        catch
        {
            foreach (var (file, _) in files)
                file.Dispose();
            throw;
        }
    }

    private static ImageNeighbours Known(ImageNeighbours neighbours, ImagePart[] others, JoinedFiles joined, BlockDevice device)
    {
        var open = new Dictionary<string, BlockDevice>(StringComparer.Ordinal);
        for (var i = 0; i < others.Length; i++)
        {
            var (start, room, length) = joined.PartAt(i);
            open[neighbours.Find(others[i].Reference)] = new WindowDevice(device, start, others[i].Grows ? room : Math.Min(room, length));
        }
        return neighbours.With(open);
    }
}
