using System.Runtime.CompilerServices;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Swap;
using Platter.Images;
using Platter.Partitions;

namespace Platter;

/// <summary>A disk image (or a disk of the host), opened: container, partitions and filesystems from one object.</summary>
/// <remarks>
/// <code>
/// using var disk = DiskImage.Open("pc.vhd");
/// using var volume = disk.Partitions[0].OpenVolume();
/// foreach (var entry in volume.Root.Entries)
///     Console.WriteLine($"{entry.Length,12} {entry.Name}");
/// </code>
/// Volumes end before their disk: dispose them first. Not thread-safe, as volumes are not.
/// </remarks>
public sealed class DiskImage : IDisposable
{
    private readonly ImageFile _file;
    private readonly DiskImageOptions _options;
    private bool _tableRead, _wholeRead;
    private PartitionTable? _table;
    private FileSystemType? _whole;
    private IReadOnlyList<DiskPartition>? _partitions;

    private DiskImage(ImageFile file, DiskImageOptions options)
    {
        _file = file;
        _options = options;
    }

    /// <summary>The path as it was given.</summary>
    public string Path => _file.Path;

    /// <summary>The wrapping: what format, how large, whether it is sound.</summary>
    public Container Container => _file.Container;

    /// <summary>The disk's content. What was written through it counts after <see cref="BlockDevice.Flush"/>.</summary>
    public BlockDevice Device => _file.Device;

    /// <summary>Clues about what the image is that disagree, such as its name and its content. Notes, all of them.</summary>
    public IReadOnlyList<Finding> Clues => [.. ImageClues.Find(Path, Container, _options.Image.AsRaw)];

    /// <summary>Whether the image was opened for editing.</summary>
    public bool CanEdit => _file.Access == ImageAccess.Edit;

    /// <summary>The partition table; null when there is none.</summary>
    /// <exception cref="DiskFormatException">There is one, too damaged to be read.</exception>
    public PartitionTable? PartitionTable
    {
        get
        {
            if (!_tableRead)
                _table = PartitionTable.TryOpen(Device);
            _tableRead = true;
            return _table;
        }
    }

    /// <summary>The partitions, in the order of their numbers; empty when there is no partition table.</summary>
    /// <exception cref="DiskFormatException">The partition table is too damaged to be read.</exception>
    public IReadOnlyList<DiskPartition> Partitions =>
        _partitions ??= PartitionTable is { } table ? PartitionsOf(table) : [];

    /// <summary>The kind of filesystem that fills the image, without a partition table; null when there is none that Platter knows.</summary>
    public FileSystemType? FileSystem
    {
        get
        {
            if (!_wholeRead)
                _whole = FileSystemTypes.Recognise(Device);
            _wholeRead = true;
            return _whole;
        }
    }

    /// <summary>Opens an image for reading, in any container; others may read it meanwhile.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InUseException">Somebody edits it.</exception>
    /// <exception cref="DiskFormatException">The container is broken beyond use.</exception>
    /// <exception cref="UnsupportedFeatureException">It is a container that can be named but not opened.</exception>
    public static DiskImage Open(string path, DiskImageOptions? options = null) => Open(path, ImageAccess.Read, options);

    /// <summary>Opens what an address names, for reading: an image, or a state of its disk that it has kept.</summary>
    /// <inheritdoc cref="Open(string, DiskImageOptions?)" path="/exception"/>
    public static DiskImage Open(ImageAddress address, DiskImageOptions? options = null)
    {
        options ??= DiskImageOptions.Default;
        return Open(address.Path, ImageAccess.Read, options with { Image = options.Image with { Snapshot = address.Snapshot } });
    }

    /// <summary>Opens an image for editing; nobody else may have it open. A crash at any instant leaves the last committed state.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InUseException">Somebody has it open.</exception>
    /// <exception cref="DiskFormatException">The container is broken beyond use.</exception>
    /// <exception cref="UnsupportedFeatureException">It is a container that can be named but not opened.</exception>
    public static DiskImage OpenForEditing(string path, DiskImageOptions? options = null) => Open(path, ImageAccess.Edit, options);

    /// <summary>Opens what an address names, for editing.</summary>
    /// <inheritdoc cref="OpenForEditing(string, DiskImageOptions?)" path="/exception"/>
    /// <exception cref="UnauthorizedAccessException">It names a kept state, which can't be edited.</exception>
    public static DiskImage OpenForEditing(ImageAddress address, DiskImageOptions? options = null)
    {
        options ??= DiskImageOptions.Default;
        return Open(address.Path, ImageAccess.Edit, options with { Image = options.Image with { Snapshot = address.Snapshot } });
    }

    /// <summary>Where a volume is: partition <paramref name="partition"/>; or else the image as a whole when a filesystem fills it;
    /// or else the one partition that holds a filesystem which Platter knows.</summary>
    /// <exception cref="FileNotFoundException">There is no such partition; the message lists those there are.</exception>
    /// <exception cref="ArgumentException">Several partitions hold a filesystem; the message lists them.</exception>
    /// <exception cref="UnsupportedFeatureException">There is no filesystem that Platter knows.</exception>
    /// <exception cref="DiskFormatException">The partition table is too damaged to be read.</exception>
    public VolumePlace Locate(int? partition = null)
    {
        var place = Place(partition);
        if (place.FileSystem is not null)
            return place;
        if (place.Partition is { } empty)
            throw NothingIn(empty);
        return TheOnlyOne();
    }

    private static UnsupportedFeatureException NothingIn(DiskPartition partition) =>
        new($"partition {partition.Number} ({partition.Entry.Type}) holds " + (!partition.Entry.IsExtended && FileSystems.ForeignContent.Find(partition.Device) is { } name
            ? name + ", and no filesystem that Platter opens" : "no filesystem that Platter knows"));

    private UnsupportedFeatureException NothingKnown() => new(FileSystems.ForeignContent.Find(Device) is { } name
        ? $"it holds {name}, and no filesystem that Platter opens" : "neither a filesystem nor a partition table that Platter knows");

    private DiskPartition[] PartitionsOf(PartitionTable table) =>
        [.. table.Partitions.Select(p => new DiskPartition(this, p)).OrderBy(p => p.Number)];

    private VolumePlace TheOnlyOne()
    {
        var found = Partitions.Where(p => p.FileSystem is not null).ToList();
        return found.Count switch
        {
            1 => new VolumePlace(found[0], found[0].Device, found[0].FileSystem),
            0 when PartitionTable is { } table && Partitions.Count == 0 => throw new UnsupportedFeatureException($"there are no partitions: the {table.Scheme.ToString().ToUpperInvariant()} table is empty"),
            0 when Partitions.Count == 0 => throw NothingKnown(),
            0 => throw new UnsupportedFeatureException($"none of the partitions holds a filesystem that Platter knows: {List(Partitions)}"),
            _ => throw new ArgumentException($"several partitions hold a filesystem, say which one with @N: {List(found)}"),
        };
    }

    /// <summary>The place of this number, or the image as a whole, whatever is in it: what a formatter fills.</summary>
    /// <exception cref="FileNotFoundException">There is no such partition; the message lists those there are.</exception>
    public VolumePlace Place(int? partition)
    {
        return partition is { } number ? PlaceOf(number) : new VolumePlace(null, Device, FileSystem);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private VolumePlace PlaceOf(int number)
    {
        foreach (var found in Partitions)
        {
            if (found.Number == number)
                return new VolumePlace(found, found.Device, found.Entry.IsExtended ? null : FileSystemTypes.Recognise(found.Device));
        }
        throw NoPartition(number);
    }

    private FileNotFoundException NoPartition(int number) => new(
        Partitions.Count == 0 ? $"there is no partition {number}: the image has no partition table" : $"there is no partition {number}: there are {List(Partitions)}");

    /// <summary>Opens a volume for reading: see <see cref="Locate"/>.</summary>
    /// <exception cref="DiskFormatException">The volume is broken.</exception>
    public Volume OpenVolume(int? partition = null)
    {
        var place = Locate(partition);
        return place.FileSystem!.Open(place.Device, _options.Volume);
    }

    /// <summary>Opens a volume for editing: see <see cref="Locate"/>. <see cref="EditableVolume.Commit"/> makes edits durable; what is not
    /// committed when the disk is closed is dropped.</summary>
    /// <exception cref="UnauthorizedAccessException">The image was opened for reading.</exception>
    /// <exception cref="DiskFormatException">The volume is broken.</exception>
    public EditableVolume OpenVolumeForEditing(int? partition = null)
    {
        if (!CanEdit)
            throw new UnauthorizedAccessException($"{Path} is open for reading only");
        var place = Locate(partition);
        return place.FileSystem!.OpenForEditing(place.Device, _options.Volume);
    }

    /// <summary>Writes an empty filesystem, or a swap area, over a partition, or over the whole image, and commits it.</summary>
    /// <param name="partition">The partition's number; null for the whole image.</param>
    /// <param name="options">The type and what it wants to know; the partition's start is filled in.</param>
    /// <exception cref="UnsupportedFeatureException">There is no such type.</exception>
    /// <exception cref="ArgumentException">An option is unknown, or its value does not fit.</exception>
    /// <exception cref="FileNotFoundException">There is no such partition.</exception>
    public void Format(int? partition, FormatOptions options)
    {
        var isSwap = options.Type == SwapArea.TypeName;
        var type = isSwap ? null : FileSystemTypes.Find(options.Type) ?? throw new UnsupportedFeatureException(
            $"no filesystem type is called '{options.Type}'; there are {string.Join(", ", FileSystemTypes.All.SelectMany(t => t.Names))}, {SwapArea.TypeName}");
        var place = Place(partition);
        if (place.Partition?.Entry.IsExtended == true)
            throw new ArgumentException($"partition {partition} is an extended one, it holds the logical partitions");
        if (type is null)
            SwapArea.Format(place.Device, options);
        else
            type.Format(place.Device, options with { PartitionOffset = place.Partition?.Entry.Start ?? 0 });
        Device.Flush();
        _wholeRead = _tableRead = false;
        _partitions = null;
    }

    /// <summary>Changes settings of a volume (see <see cref="Locate"/>), all of them or none, and commits.</summary>
    /// <param name="partition">The partition's number; null as in <see cref="Locate"/>.</param>
    /// <param name="options">What to change.</param>
    /// <exception cref="ArgumentException">An option is unknown, or its value does not fit this volume.</exception>
    /// <exception cref="DiskFormatException">The volume is broken.</exception>
    /// <exception cref="UnsupportedFeatureException">It has no such settings, or they cannot be changed afterwards.</exception>
    /// <exception cref="UnauthorizedAccessException">The image was opened for reading.</exception>
    public void Tune(int? partition, TuneOptions options)
    {
        if (!CanEdit)
            throw new UnauthorizedAccessException($"{Path} is open for reading only");
        var place = Locate(partition);
        place.FileSystem!.Tune(place.Device, options with { Volume = _options.Volume });
    }

    /// <summary>Makes a volume (see <see cref="Locate"/>) longer or shorter within its partition or image, or leaves it as it is, and commits.</summary>
    /// <param name="partition">The partition's number; null as in <see cref="Locate"/>.</param>
    /// <param name="options">How long it shall be.</param>
    /// <exception cref="ArgumentException">It would not fit there, or what it holds would not fit it: the message has the least length.</exception>
    /// <exception cref="DiskFormatException">The volume is broken.</exception>
    /// <exception cref="UnsupportedFeatureException">Volumes of this kind, or this one as it is, are not resized.</exception>
    /// <exception cref="OperationCanceledException">It was asked to stop, and nothing has changed.</exception>
    /// <exception cref="UnauthorizedAccessException">The image was opened for reading.</exception>
    public ResizeReport Resize(int? partition, ResizeOptions options)
    {
        if (!CanEdit)
            throw new UnauthorizedAccessException($"{Path} is open for reading only");
        var place = Locate(partition);
        return place.FileSystem!.Resize(place.Device, options with { Volume = _options.Volume });
    }

    /// <summary>Mends what can be mended of a volume (see <see cref="Locate"/>) without a loss, and commits; or, in a dry run, says what would be done.</summary>
    /// <param name="partition">The partition's number; null as in <see cref="Locate"/>.</param>
    /// <param name="options">Whether anything is to be written.</param>
    /// <exception cref="UnsupportedFeatureException">Volumes of this kind, or this one as it is, are not repaired.</exception>
    /// <exception cref="UnauthorizedAccessException">The image was opened for reading, and this is no dry run.</exception>
    public RepairReport Repair(int? partition = null, RepairOptions? options = null)
    {
        options ??= RepairOptions.Default;
        if (!CanEdit && !options.DryRun)
            throw new UnauthorizedAccessException($"{Path} is open for reading only");
        var place = Locate(partition);
        return place.FileSystem!.Repair(place.Device, options with { Check = options.Check with { Volume = _options.Volume } });
    }

    /// <summary>Verifies the container, the partition table and every filesystem; or one partition's filesystem alone. Changes nothing.</summary>
    /// <param name="partition">The partition's number; null for everything.</param>
    /// <param name="options">How deep to look.</param>
    /// <returns>Findings whose offsets count from the start of the disk, and whose structures name the partition.</returns>
    /// <exception cref="FileNotFoundException">There is no such partition.</exception>
    /// <exception cref="UnsupportedFeatureException">The partition asked for holds no filesystem that Platter knows.</exception>
    public CheckReport Check(int? partition = null, CheckOptions? options = null)
    {
        options = (options ?? CheckOptions.Default) with { Volume = _options.Volume };
        var report = new CheckReport();
        if (partition is not null)
        {
            var place = Place(partition);
            if (place.FileSystem is null && place.Partition?.ContentKind == PartitionContentKind.Swap)
                report.AddRange(SwapArea.Check(place.Device), place.Partition.Entry.Start, $"partition {partition}: ");
            else
                CheckVolume(report, Locate(partition), options);
            return report;
        }
        Container.Check(report);
        foreach (var clue in Clues)
            report.Add(clue);
        if (FileSystem is not null)
        {
            CheckVolume(report, new VolumePlace(null, Device, FileSystem), options);
            return report;
        }
        report.AddRange(PartitionChecker.Check(Device), 0, "");
        IReadOnlyList<DiskPartition> partitions;
        try
        {
            partitions = Partitions;
        }
        catch (DiskFormatException)
        {
            return report;      // the partition checker has just said so
        }
        foreach (var part in partitions)
        {
            options.Cancellation.ThrowIfCancellationRequested();
            if (part.FileSystem is { } type)
                CheckVolume(report, new VolumePlace(part, part.Device, type), options);
            else if (part.ContentKind == PartitionContentKind.Swap)
                report.AddRange(SwapArea.Check(part.Device), part.Entry.Start, $"partition {part.Number}: ");
        }
        if (partitions.Count == 0)
            report.AddRange(SwapArea.Check(Device), 0, "");
        return report;
    }

    /// <summary>Closes the image. What was not committed is dropped.</summary>
    public void Dispose() => _file.Dispose();

    private static DiskImage Open(string path, ImageAccess access, DiskImageOptions? options)
    {
        options ??= DiskImageOptions.Default;
        return new DiskImage(ImageFile.Open(path, access, options.Image), options);
    }

    private static void CheckVolume(CheckReport report, VolumePlace place, CheckOptions options)
    {
        var found = place.FileSystem!.Check(place.Device, options);
        report.AddRange(found, place.Partition?.Entry.Start ?? 0, place.Partition is { } p ? $"partition {p.Number}: " : "");
    }

    private static string List(IReadOnlyList<DiskPartition> partitions) => string.Join(", ", partitions.Select(p =>
        $"{p.Number} ({string.Join(' ', new[] { p.FileSystem?.Names[0], p.Entry.Type.ToString(), p.Entry.Name }.Where(s => !string.IsNullOrEmpty(s)))})"));
}
