using Platter.Blocks;
using Platter.FileSystems;
using Platter.Images;
using Platter.Partitions;
using Platter.Trees.Comparing;

namespace Platter.Trees.Building;

/// <summary>Where two builds of the same first differ.</summary>
public sealed record BuildDifference
{
    /// <summary>Bytes from the start of the image's file.</summary>
    public required long FileOffset { get; init; }

    /// <summary>Bytes from the start of the disk; null when the disks are the same, and only their containers differ.</summary>
    public long? DiskOffset { get; init; }

    /// <summary>The partition in which it lies; null for none.</summary>
    public Partition? Partition { get; init; }

    /// <summary>The file whose content it is; null when it is none's.</summary>
    public string? Path { get; init; }

    /// <summary>What lies there, in words.</summary>
    public required string What { get; init; }

    public override string ToString() => $"byte {DiskOffset ?? FileOffset} of the {(DiskOffset is null ? "file" : "disk")}: {What}";
}

/// <summary>Builds once more and compares: whether a build gives the same bytes every time.</summary>
public static class BuildVerifier
{
    private const int PieceLength = 1 << 20;

    /// <summary>Builds a second image and compares it with the first.</summary>
    /// <param name="path">The first image, complete.</param>
    /// <param name="options">As the first one was built. With an epoch: without one no two builds are the same.</param>
    /// <param name="build">Builds the same to another path.</param>
    /// <returns>The first difference; null when there is none.</returns>
    /// <exception cref="ArgumentException">There is no epoch.</exception>
    public static BuildDifference? Verify(string path, BuildOptions options, Action<string, BuildOptions> build)
    {
        if (options.Epoch is null)
            throw new ArgumentException("without an epoch every build has identifiers and times of its own");
        // Beside the first, where there is room, under the same name, which some containers write down; and a name that the sources leave out.
        var folder = Path.GetFullPath(path) + ".platter-new-" + Path.GetRandomFileName();
        Directory.CreateDirectory(folder);
        try
        {
            var again = Path.Combine(folder, Path.GetFileName(path));
            build(again, options with { Output = path, Overwrite = false, NoSync = true });
            return Compare(path, again);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The first difference between two images; null when their files are the same bytes.</summary>
    public static BuildDifference? Compare(string first, string second)
    {
        long offset;
        using (var one = HostFile.Open(first, FileAccess.Read))
        using (var other = HostFile.Open(second, FileAccess.Read))
        {
            if (FirstDifference(one, other) is not { } at)
                return null;
            offset = at;
        }
        using var image = ImageFile.Open(first, ImageAccess.Read);
        using var otherImage = ImageFile.Open(second, ImageAccess.Read);
        return FirstDifference(image.Device, otherImage.Device) is { } place
            ? Describe(image.Device, offset, place)
            : new BuildDifference { FileOffset = offset, What = $"the {image.Container.Format.Description} container; the disks in it are the same" };
    }

    internal static long? FirstDifference(BlockDevice one, BlockDevice other)
    {
        var shared = Math.Min(one.Length, other.Length);
        var (a, b) = (new byte[PieceLength], new byte[PieceLength]);
        foreach (var range in ContentComparer.Union(one.AllocatedRanges(0, shared), other.AllocatedRanges(0, shared), shared))
        {
            for (var at = range.Offset; at < range.End;)
            {
                var length = (int)Math.Min(PieceLength, range.End - at);
                one.Read(at, a.AsSpan(0, length));
                other.Read(at, b.AsSpan(0, length));
                var same = a.AsSpan(0, length).CommonPrefixLength(b.AsSpan(0, length));
                if (same < length)
                    return at + same;
                at += length;
            }
        }
        return one.Length == other.Length ? null : shared;
    }

    private static BuildDifference Describe(BlockDevice disk, long fileOffset, long offset)
    {
        var found = new BuildDifference { FileOffset = fileOffset, DiskOffset = offset, What = "outside the partitions" };
        if (FileSystemTypes.Recognise(disk) is { } bare)
            return InVolume(found, disk, bare, offset);
        if (PartitionTable.TryOpen(disk) is not { } table)
            return found with { What = "neither a partition nor a filesystem" };
        if (table.Partitions.FirstOrDefault(p => !p.IsExtended && offset >= p.Start && offset < p.End) is not { } partition)
            return found with { What = table.Partitions.Any(p => p.IsExtended && offset >= p.Start && offset < p.End) ? "the extended partition" : found.What };
        found = found with { Partition = partition, What = $"partition {partition.Number}, byte {offset - partition.Start}" };
        return !partition.ReachesPastEnd && partition.OpenDevice() is var device && FileSystemTypes.Recognise(device) is { } type
            ? InVolume(found, device, type, offset - partition.Start) : found;
    }

    private static BuildDifference InVolume(BuildDifference found, BlockDevice device, FileSystemType type, long offset)
    {
        var where = found.Partition is { } partition ? $"partition {partition.Number}, byte {offset}" : "the filesystem";
        try
        {
            using var volume = type.Open(device, VolumeOptions.Default);
            var path = FindOwner(volume, offset);
            return found with { Path = path, What = path is null ? $"{where}: structures of the {volume.Info.Type} filesystem" : $"{where}: the content of {path}" };
        }
        catch (DiskFormatException e)
        {
            return found with { What = $"{where}: a {type.Names[0]} filesystem that cannot be read, {e.Message}" };
        }
    }

    private static string? FindOwner(Volume volume, long offset)
    {
        using var tree = VolumeTreeSource.Content(volume);
        foreach (var entry in tree.Walk())
        {
            if (entry.Kind != EntryKind.File || entry.Problem is not null)
                continue;
            using var stream = tree.OpenStream(entry);
            if (stream.Extents().Any(e => e.DeviceOffset >= 0 && offset >= e.DeviceOffset && offset < e.DeviceOffset + e.Length))
                return entry.Path;
        }
        return null;
    }
}
