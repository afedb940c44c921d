using System.Globalization;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.Images;
using Platter.Partitions;
using Platter.Trees.Host;
using Platter.Trees.Specs;
using Platter.Trees.Toml;

namespace Platter.Trees.Building;

/// <summary>The layers and single entries of a spec's filesystem as one tree.</summary>
internal static class SpecSources
{
    private static readonly string[] ArchiveExtensions =
        [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst", ".zip", ".cpio"];

    public static TreeSource Open(FileSystemSpec spec, SpecFolders folders, BuildOptions options)
    {
        var layers = new List<TreeSource>();
        try
        {
            foreach (var source in spec.Sources)
                layers.Add(OpenLayer(source, spec, folders, options));
            var layered = new LayeredSource(layers, [.. spec.Files.Select(f => ToAddition(f, spec, folders))], ToOwnership(spec.Owner));
            return spec.Rules.Count == 0 ? layered : Rule(layered, spec);
        }
        catch
        {
            foreach (var layer in layers)
                layer.Dispose();
            throw;
        }
    }

    private static Ownership? ToOwnership(OwnerSpec? owner) => owner is { } own ? new Ownership(own.Uid, own.Gid) : null;

    /// <summary>What a file's own table says stands above the rules.</summary>
    private static RuledSource Rule(LayeredSource layered, FileSystemSpec spec)
    {
        var own = spec.Files.ToDictionary(f => f.Path, f => new TreeRule
        {
            Match = PathPatterns.None, Owner = ToOwnership(f.Owner), Mode = f.Mode, Modified = f.ModificationTime is { } time ? Timestamp.From(time) : null,
        }, StringComparer.Ordinal);
        return new RuledSource(layered, [.. spec.Rules.Select(r => new TreeRule
        {
            Match = r.Match, Kinds = r.Kind is { } kind ? [KindOf(kind)] : [], Owner = ToOwnership(r.Owner), Mode = r.Mode,
            Modified = r.ModificationTime is { } time ? Timestamp.From(time) : null,
        })], own.GetValueOrDefault);
    }

    private static TreeSource OpenLayer(SourceSpec source, FileSystemSpec spec, SpecFolders folders, BuildOptions options)
    {
        var exclude = spec.Excludes.Select(e => e.Path).ToList();
        var path = folders.Resolve(source);
        if (Directory.Exists(path))
        {
            var folder = HostTreeSource.Content(path, new HostSourceOptions { Exclude = exclude });
            if (options.Output is { } image)
                folder.LeaveOut(image);
            return folder;
        }
        var layer = OpenFile(source, path, options);
        return exclude.Count == 0 ? layer : new FilteredSource(layer, PathPatterns.Parse(exclude));
    }

    private static TreeSource OpenFile(SourceSpec source, string path, BuildOptions options)
    {
        if (options.OpenLayer?.Invoke(path) is { } opened)
            return opened;
        if (ArchiveExtensions.Any(e => path.EndsWith(e, StringComparison.OrdinalIgnoreCase)))
            throw new UnsupportedFeatureException($"{source.Place}: {source.Path} is an archive; layers are directories and images, so unpack it first");
        return DiskBuilder.At(source.Place, () => ImageLayer.Open(path, options.Volume));
    }

    private static TreeAddition ToAddition(FileSpec file, FileSystemSpec spec, SpecFolders folders)
    {
        var from = file.From is { } host ? folders.Resolve(new SourceSpec(host, file.FromPlace)) : null;
        if (from is not null && !File.Exists(from))
            throw new TomlException(file.FromPlace, $"there is no file {file.From}");
        return new TreeAddition
        {
            Path = file.Path,
            Kind = KindOf(file.Kind),
            Content = file.Content,
            HostFile = from,
            Mode = file.Mode,
            Owner = ToOwnership(file.Owner ?? spec.Owner),
            Modified = file.ModificationTime is { } time ? Timestamp.From(time) : null,
            LinkTarget = file.Target,
            Device = file.Kind is FileSpecKind.CharacterDevice or FileSpecKind.BlockDevice ? new DeviceNumber(file.Major, file.Minor) : null,
            ExtendedAttributes = file.ExtendedAttributes,
        };
    }

    private static EntryKind KindOf(FileSpecKind kind) => kind switch
    {
        FileSpecKind.Directory => EntryKind.Directory,
        FileSpecKind.SymbolicLink => EntryKind.SymbolicLink,
        FileSpecKind.CharacterDevice => EntryKind.CharacterDevice,
        FileSpecKind.BlockDevice => EntryKind.BlockDevice,
        FileSpecKind.Fifo => EntryKind.Fifo,
        _ => EntryKind.File,
    };
}

/// <summary>Where the relative paths of a spec start from: the folder of the text that each stands in.</summary>
internal sealed class SpecFolders(DiskSpec spec, BuildOptions options)
{
    private readonly string _top = Path.GetFullPath(options.BaseFolder ?? ".");

    /// <summary>The absolute path.</summary>
    public string Resolve(SourceSpec source) =>
        Path.GetFullPath(source.Path, spec.Folders.GetValueOrDefault(source.Place.SourceName) ?? _top);
}

/// <summary>A filesystem of an image as a layer; opens and closes the image itself.</summary>
internal sealed class ImageLayer : TreeSource
{
    private readonly ImageFile _image;
    private readonly Volume _volume;
    private readonly VolumeTreeSource _source;

    private ImageLayer(ImageFile image, Volume volume)
    {
        _image = image;
        _volume = volume;
        _source = VolumeTreeSource.Content(volume);
    }

    /// <summary>Opens <c>IMAGE</c> or <c>IMAGE@N</c>, as on the command line.</summary>
    /// <exception cref="FileNotFoundException">There is no such image or partition.</exception>
    /// <exception cref="UnsupportedFeatureException">It holds no filesystem that Platter knows.</exception>
    public static ImageLayer Open(string address, VolumeOptions options)
    {
        var (path, number) = Split(address);
        var image = ImageFile.Open(path, ImageAccess.Read);
        try
        {
            var device = Find(image.Device, address, number);
            var type = FileSystemTypes.Recognise(device) ?? throw new UnsupportedFeatureException($"{address} holds no filesystem that Platter knows");
            var volume = type.Open(device, options);
            try
            {
                return new ImageLayer(image, volume);
            }
            catch
            {
                volume.Dispose();
                throw;
            }
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    public override FileMetadata? RootMetadata => _source.RootMetadata;

    public override Capabilities? Capabilities => _source.Capabilities;

    public override IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default) => _source.Walk(cancellation);

    public override TreeContent OpenContent(TreeEntry entry, StreamName stream) => _source.OpenContent(entry, stream);

    public override int ReadWhole(TreeEntry entry, Span<byte> buffer) => _source.ReadWhole(entry, buffer);

    public override IReadOnlyList<StreamDescription> GetStreams(TreeEntry entry) => _source.GetStreams(entry);

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(TreeEntry entry) => _source.GetExtendedAttributes(entry);

    public override TreeEntry? FollowLink(TreeEntry link) => _source.FollowLink(link);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _source.Dispose();
            _volume.Dispose();
            _image.Dispose();
        }
        base.Dispose(disposing);
    }

    private static (string Path, int? Number) Split(string address)
    {
        var at = address.LastIndexOf('@');
        if (!File.Exists(address) && at > 0 && int.TryParse(address.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return (address[..at], number);
        return (address, null);
    }

    private static BlockDevice Find(BlockDevice disk, string address, int? number)
    {
        if (number is null && FileSystemTypes.Recognise(disk) is not null)
            return disk;
        var table = PartitionTable.TryOpen(disk) ?? throw new UnsupportedFeatureException($"{address} holds no filesystem that Platter knows, and no partition table");
        if (number is { } wanted)
            return table[wanted].OpenDevice();
        var known = table.Partitions.Where(p => !p.IsExtended && !p.ReachesPastEnd && FileSystemTypes.Recognise(p.OpenDevice()) is not null).ToList();
        return known.Count == 1
            ? known[0].OpenDevice()
            : throw new FileNotFoundException($"{address} has {known.Count} partitions with a filesystem: say which, as {address}@{(known.Count > 0 ? known[0].Number : 1)}");
    }
}
