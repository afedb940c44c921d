using System.Globalization;
using System.Text;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Swap;
using Platter.Images;
using Platter.Partitions;
using Platter.Trees.Specs;
using Platter.Trees.Toml;

namespace Platter.Trees.Building;

/// <summary>Builds a whole disk, or a bare filesystem, as a spec says.</summary>
public static class DiskBuilder
{
    private const int MaxAttempts = 12;

    /// <summary>Builds the image under a temporary name, which becomes <paramref name="path"/> when it is complete.</summary>
    /// <param name="spec">What to build.</param>
    /// <param name="path">Where the image goes; its extension picks the container when the spec names none.</param>
    /// <param name="options">How.</param>
    /// <exception cref="TomlException">The spec asks for something that cannot be, or for files that are not there; with its place. The inner exception is a
    /// <see cref="VolumeFullException"/> when a content does not fit into the size that the spec gives.</exception>
    /// <exception cref="FileNotFoundException">A layer is an image without the partition that is named.</exception>
    /// <exception cref="UnsupportedFeatureException">A layer or container is of a kind that Platter cannot read.</exception>
    /// <exception cref="AlreadyExistsException">Something of that name is there.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left.</exception>
    public static BuildReport Build(DiskSpec spec, string path, BuildOptions options)
    {
        options = options with
        {
            Output = options.Output ?? path, Format = options.Format ?? FindContainer(spec), ContainerSettings = Together(spec, options),
        };
        var folders = new SpecFolders(spec, options);
        if (spec.FileSystem is { } bare)
            return BuildBare(spec, bare, path, folders, options);
        var ids = new BuildIds(options.Epoch is { } epoch ? SeedOf(spec, epoch) : null);
        var blobs = new DiskBlobs(spec, folders);
        var contents = new List<PartitionContent>();
        try
        {
            for (var i = 0; i < spec.Partitions.Count; i++)
                contents.Add(new PartitionContent(spec, i, folders, ids, options));
            for (var attempt = 1; ; attempt++)
            {
                PartitionContent? filling = null;
                try
                {
                    return Build(spec, path, contents, blobs, ids, options, content => filling = content);
                }
                catch (VolumeFullException) when (attempt < MaxAttempts && filling?.TryGrow() == true)
                {
                    // Once more, with more room.
                }
                catch (VolumeFullException e) when (filling is not null)
                {
                    throw TooSmall(filling.Spec.Size.Place, filling.Name, e);
                }
            }
        }
        finally
        {
            foreach (var content in contents)
                content.Dispose();
        }
    }

    private static TomlException TooSmall(TextPlace place, string what, VolumeFullException e) => new(place, $"{what} is too small for what goes into it: {e.Message}", e);

    internal static ContainerOptions ContainerOptions(BuildIds ids, BuildOptions options) => new()
    {
        UniqueId = ids.Guid("container"), Created = options.Epoch, Settings = options.ContainerSettings ?? new Dictionary<string, string>(StringComparer.Ordinal),
    };

    /// <summary>What a filesystem of a spec is formatted with.</summary>
    internal static FormatOptions Format(FileSystemSpec spec, BuildIds ids, string use, BuildOptions options) => new()
    {
        Type = spec.Type.ToLowerInvariant(), Label = spec.Label, Id = spec.VolumeId ?? ids.Volume(spec.Type, use),
        Options = spec.Options, Clock = options.Clock, Volume = options.Volume,
    };

    private static BuildReport BuildBare(DiskSpec spec, FileSystemSpec bare, string path, SpecFolders folders, BuildOptions options)
    {
        if (bare.Type == SwapArea.TypeName)
        {
            var ids = new BuildIds(options.Epoch is { } epoch ? SeedOf(spec, epoch) : null);
            using var image = NewImage.Create(path, spec.Size.Bytes, options.Image(options.Format, ContainerOptions(ids, options)));
            var area = SwapFilling.Make(bare.Place, image.Device, Format(bare, ids, "volume", options));
            var report = new BuildReport { Path = path, Format = image.Format.Name, Length = image.Device.Length, Volumes = [area] };
            image.Complete();
            return report;
        }
        FindType(bare);
        using var source = SpecSources.Open(bare, folders, options);
        try
        {
            return At(bare.OptionsPlace, () => FileSystemBuilder.Create(path, new NewFileSystem
            {
                Type = bare.Type,
                Length = spec.Size.Rule == SizeRule.Fixed ? spec.Size.Bytes : null, Free = bare.Free,
                Label = bare.Label, Id = bare.VolumeId, Options = bare.Options, SectorSize = spec.SectorSize, Format = options.Format,
            }, source, options));
        }
        catch (VolumeFullException e)
        {
            throw TooSmall(spec.Size.Place, "the filesystem", e);
        }
    }

    // The spec's own are for the container that the spec has in mind.
    private static Dictionary<string, string> Together(DiskSpec spec, BuildOptions options)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        if (options.Format is null || options.Format.Name == spec.Format)
        {
            foreach (var (key, value) in spec.ContainerSettings)
                settings[key] = value;
        }
        if (options.ContainerSettings is { } own)
        {
            foreach (var (key, value) in own)
                settings[key] = value;
        }
        return settings;
    }

    private static BuildReport Build(DiskSpec spec, string path, List<PartitionContent> contents, DiskBlobs blobs, BuildIds ids, BuildOptions options,
        Action<PartitionContent> filling)
    {
        var plan = new DiskPlan(spec, [.. contents.Select(c => c.Length)], blobs.End);
        blobs.Check(plan);
        using var image = NewImage.Create(path, plan.DiskLength, options.Image(options.Format, ContainerOptions(ids, options)));
        var container = image.Format.Name;
        var disk = spec.SectorSize == image.Device.SectorSize ? image.Device : new SectoredDevice(image.Device, spec.SectorSize);
        var scheme = Scheme(spec);
        var editor = PartitionEditor.Create(disk, scheme, new PartitionOptions
        {
            Alignment = Math.Max(spec.Alignment ?? PartitionOptions.DefaultAlignment, spec.SectorSize),
            DiskId = spec.DiskGuid ?? ids.Guid("disk"),
            DiskSignature = spec.DiskSignature ?? ids.Number("disk"),
            NewGuid = ids.Next,
        });
        for (var i = 0; i < contents.Count; i++)
            contents[i].AddTo(editor, plan);
        var partitions = contents.Select((_, i) => editor.Table.Partitions.First(p => p.Start == plan.Starts[i] && !p.IsExtended)).ToList();
        var filled = new FilledPartitions(image, [], []);
        blobs.Write(disk, filled, options);
        for (var i = 0; i < contents.Count; i++)
        {
            filling(contents[i]);
            contents[i].Fill(partitions[i], disk, filled, options);
        }
        var report = new BuildReport { Path = path, Format = container, Length = disk.Length, Partitions = partitions, Volumes = filled.Volumes, Blobs = filled.Blobs };
        image.Complete();
        return report;
    }

    internal static PartitionScheme Scheme(DiskSpec spec) => spec.PartitionTable switch
    {
        SpecPartitionTable.Gpt => PartitionScheme.Gpt,
        SpecPartitionTable.Mbr => PartitionScheme.Mbr,
        _ => PartitionScheme.Apm,
    };

    internal static FileSystemType FindType(FileSystemSpec spec) =>
        FileSystemTypes.Find(spec.Type)
        ?? throw new TomlException(spec.TypePlace, $"there is no filesystem type '{spec.Type}'; there are {string.Join(", ", FileSystemTypes.All.SelectMany(t => t.Names))}");

    /// <summary>Gives an error about an argument the place in the spec that it came from.</summary>
    internal static T At<T>(TextPlace place, Func<T> step)
    {
        try
        {
            return step();
        }
        catch (Exception e) when (e is ArgumentException or FormatException and not TomlException)
        {
            throw new TomlException(place, e.Message, e);
        }
    }

    private static ContainerFormat? FindContainer(DiskSpec spec)
    {
        if (spec.Format is not { } name)
            return null;
        return ContainerFormat.FromName(name)
            ?? throw new TomlException(spec.Place, $"there is no container '{name}' to write; there are {ContainerFormat.Raw.Name}, {string.Join(", ", ContainerFormat.All.Select(f => f.Name))}");
    }

    /// <summary>What makes this disk another than that: not the contents, which may differ by a byte without making it another disk.</summary>
    private static string SeedOf(DiskSpec spec, DateTimeOffset epoch)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{epoch.ToUnixTimeSeconds()} {spec.PartitionTable} {spec.SectorSize} {spec.Size}");
        foreach (var partition in spec.Partitions)
            text.Append(CultureInfo.InvariantCulture, $"\n{partition.Type} {partition.Name} {partition.Size} {partition.FileSystem?.Type} {partition.FileSystem?.Label}");
        if (spec.FileSystem is { } bare)
            text.Append(CultureInfo.InvariantCulture, $"\n{bare.Type} {bare.Label}");
        return text.ToString();
    }
}
