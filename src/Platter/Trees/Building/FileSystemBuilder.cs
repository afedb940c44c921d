using System.Globalization;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.Images;
using Platter.Trees.Host;

namespace Platter.Trees.Building;

/// <summary>A filesystem that is to fill an image of its own.</summary>
public sealed record NewFileSystem
{
    /// <summary>The type's name, as <c>mkfs -t</c> takes it.</summary>
    public required string Type { get; init; }

    /// <summary>Bytes of the disk inside the image; null makes it fit the content.</summary>
    public long? Length { get; init; }

    /// <summary>What the volume has free besides, when it fits the content.</summary>
    public FreeRoom Free { get; init; }

    public string? Label { get; init; }

    /// <summary>The serial number or UUID in the type's notation; null for one of the builder's.</summary>
    public string? Id { get; init; }

    /// <summary>Options of the type by key.</summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Bytes in a sector of the disk that the image is for.</summary>
    public int SectorSize { get; init; } = 512;

    /// <summary>The container; null goes by the image's name.</summary>
    public ContainerFormat? Format { get; init; }
}

/// <summary>Builds an image that holds one filesystem, filled from a tree.</summary>
public static class FileSystemBuilder
{
    /// <summary>An estimate that is too small this often is no estimate: each time the volume grows by an eighth and a MiB.</summary>
    private const int MaxAttempts = 12;

    /// <summary>Builds the image under a temporary name, which becomes <paramref name="path"/> when it is complete.</summary>
    /// <param name="path">Where the image goes.</param>
    /// <param name="what">The filesystem.</param>
    /// <param name="source">What goes into it; null leaves it empty. Stays the caller's.</param>
    /// <param name="options">How.</param>
    /// <exception cref="ArgumentException">There is no such type, or an option does not fit.</exception>
    /// <exception cref="VolumeFullException">The content does not fit into the length asked for.</exception>
    /// <exception cref="AlreadyExistsException">Something of that name is there.</exception>
    /// <exception cref="SourceFailureException">An entry cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left.</exception>
    public static BuildReport Create(string path, NewFileSystem what, TreeSource? source, BuildOptions options)
    {
        var type = FindType(what.Type);
        (source as HostTreeSource)?.LeaveOut(options.Output ?? path);
        var seed = options.Epoch is { } epoch ? string.Create(CultureInfo.InvariantCulture, $"{epoch.ToUnixTimeSeconds()} {what.Type} {what.Label} {what.Length}") : null;
        var ids = new BuildIds(seed);
        var format = new FormatOptions
        {
            Type = what.Type, Label = what.Label, Id = what.Id ?? ids.Volume(what.Type, "volume"), Options = what.Options, Volume = options.Volume,
            Clock = options.Clock,
        };
        var fit = what.Length is { } given ? new FittingLength(given, 0, null)
            : Estimate(type, format, source, what.SectorSize, what.Free, options.Cancellation);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return Build(path, fit, what, type, format with { ExpectedEntries = fit.Entries }, source, ids, options);
            }
            catch (VolumeFullException e) when (e.What == "inodes" && what.Length is not null && fit.Entries is null && type.FixesEntryCount && source is not null)
            {
                // Where the usual number of entries does, as nearly always, they need not be counted first.
                fit = fit with { Entries = CountEntries(type, source, options.Cancellation) };
            }
            catch (VolumeFullException) when (what.Length is null && attempt < MaxAttempts)
            {
                fit = fit.Grown();
            }
        }
    }

    internal static FileSystemType FindType(string name) =>
        FileSystemTypes.Find(name) ?? throw new ArgumentException($"there is no filesystem type '{name}'; there are {string.Join(", ", FileSystemTypes.All.SelectMany(t => t.Names))}");

    /// <summary>The entries to come, for a type that wants to know; null for others, and for an empty volume.</summary>
    internal static long? CountEntries(FileSystemType type, TreeSource? source, CancellationToken cancellation) =>
        type.FixesEntryCount ? source?.CountNodes(cancellation) : null;

    internal static FittingLength Estimate(FileSystemType type, FormatOptions format, TreeSource? source, int sectorSize, FreeRoom room, CancellationToken cancellation)
    {
        var shape = source?.Measure(cancellation) ?? new TreeShape([]);
        var entries = type.FixesEntryCount ? shape.Entries.LongCount(e => !e.IsFurtherName) : (long?)null;
        var length = type.EstimateLength(shape, format with { ExpectedEntries = entries }, sectorSize);
        var free = 0L;
        if (!room.IsNone)
        {
            // Free space is what one more file would take. What fills it will be of the same kind: so many entries to the byte.
            free = room.Of(length);
            entries += (long)((double)entries.GetValueOrDefault() * free / length) + 1;
            length = type.EstimateLength(shape with { Entries = [.. shape.Entries, new TreeShapeEntry(-1, "free", EntryKind.File, free)] },
                format with { ExpectedEntries = entries }, sectorSize);
        }
        return new FittingLength((length + sectorSize - 1) / sectorSize * sectorSize, free, entries);
    }

    private static BuildReport Build(string path, FittingLength fit, NewFileSystem what, FileSystemType type, FormatOptions format, TreeSource? source, BuildIds ids, BuildOptions options)
    {
        using var image = NewImage.Create(path, fit.Length, options.Image(what.Format, DiskBuilder.ContainerOptions(ids, options)));
        var container = image.Format.Name;
        var device = what.SectorSize == image.Device.SectorSize ? image.Device : new SectoredDevice(image.Device, what.SectorSize);
        var volume = fit.Demand(VolumeFiller.Fill(device, type, format, source, options, image.StartWriting));
        var report = new BuildReport { Path = path, Format = container, Length = device.Length, Volumes = [volume] };
        image.Complete();
        return report;
    }
}

/// <summary>The length of a volume that is to fit its content.</summary>
/// <param name="Length">Bytes.</param>
/// <param name="Free">Bytes that are to be left free in it.</param>
/// <param name="Entries">Entries that it is to have room for; null when that is no question of formatting.</param>
internal readonly record struct FittingLength(long Length, long Free, long? Entries)
{
    /// <summary>The next one to try when the estimate was too small.</summary>
    public FittingLength Grown() => this with { Length = (Length + Length / 8 + (1 << 20)) & ~4095L, Entries = Entries + Entries / 8 };

    /// <summary>The volume, if it has the free bytes that were asked for.</summary>
    /// <exception cref="VolumeFullException">It has fewer.</exception>
    public BuiltVolume Demand(BuiltVolume volume) =>
        volume.FreeBytes >= Free ? volume : throw new VolumeFullException("free bytes", Free, volume.FreeBytes);
}
