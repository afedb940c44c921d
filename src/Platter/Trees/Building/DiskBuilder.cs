using System.Globalization;
using System.Text;
using Platter.Blocks;
using Platter.FileSystems;
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
    /// <exception cref="TomlException">The spec asks for something that cannot be; with its place.</exception>
    /// <exception cref="FileNotFoundException">A layer is not there.</exception>
    /// <exception cref="UnsupportedFeatureException">A layer or container is of a kind that Platter cannot read.</exception>
    /// <exception cref="VolumeFullException">A content does not fit into the size that the spec gives.</exception>
    /// <exception cref="AlreadyExistsException">Something of that name is there.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left.</exception>
    public static BuildReport Build(DiskSpec spec, string path, BuildOptions options)
    {
        var format = options.Format ?? FindContainer(spec);
        options = options with { Output = path };
        if (spec.FileSystem is { } bare)
        {
            using var source = SpecSources.Open(bare, options);
            return At(bare.OptionsPlace, () => FileSystemBuilder.Create(path, new NewFileSystem
            {
                Type = FindType(bare).Names.First(n => n.Equals(bare.Type, StringComparison.OrdinalIgnoreCase)),
                Length = spec.Size.Rule == SizeRule.Fixed ? spec.Size.Bytes : null,
                Label = bare.Label, Id = bare.VolumeId, Options = bare.Options, SectorSize = spec.SectorSize, Format = format,
            }, source, options));
        }
        var ids = new BuildIds(options.Epoch is { } epoch ? SeedOf(spec, epoch) : null);
        var contents = new List<PartitionContent>();
        try
        {
            for (var i = 0; i < spec.Partitions.Count; i++)
                contents.Add(new PartitionContent(spec, i, ids, options));
            for (var attempt = 1; ; attempt++)
            {
                PartitionContent? filling = null;
                try
                {
                    return Build(spec, path, format, contents, ids, options, content => filling = content);
                }
                catch (VolumeFullException) when (filling is { IsAuto: true } && attempt < MaxAttempts)
                {
                    filling.Grow();
                }
            }
        }
        finally
        {
            foreach (var content in contents)
                content.Dispose();
        }
    }

    internal static ContainerOptions ContainerOptions(BuildIds ids, BuildOptions options) => new()
    {
        UniqueId = ids.Guid("container"), Created = options.Epoch, Settings = options.ContainerSettings ?? new Dictionary<string, string>(StringComparer.Ordinal),
    };

    private static BuildReport Build(DiskSpec spec, string path, ContainerFormat? format, List<PartitionContent> contents, BuildIds ids, BuildOptions options,
        Action<PartitionContent> filling)
    {
        var plan = new DiskPlan(spec, [.. contents.Select(c => c.Length)]);
        using var image = NewImage.Create(path, plan.DiskLength, new NewImageOptions
        {
            Format = format, Overwrite = options.Overwrite, Container = ContainerOptions(ids, options),
        });
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
        var volumes = new List<BuiltVolume>();
        for (var i = 0; i < contents.Count; i++)
        {
            if (contents[i].Type is null)
                continue;
            filling(contents[i]);
            volumes.Add(contents[i].Fill(partitions[i], new WindowDevice(disk, partitions[i].Start, partitions[i].Length), options));
        }
        var report = new BuildReport { Path = path, Format = container, Length = disk.Length, Partitions = partitions, Volumes = volumes };
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
        return text.ToString();
    }
}
