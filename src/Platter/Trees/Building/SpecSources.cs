using Platter.FileSystems;
using Platter.Trees.Specs;
using Platter.Trees.Toml;

namespace Platter.Trees.Building;

/// <summary>The layers and single entries of a spec's filesystem as one tree.</summary>
internal static class SpecSources
{
    /// <summary>Opens them.</summary>
    /// <returns>Null when the filesystem is to be empty, and nothing is said of its root: then it need not be one that can be edited.</returns>
    public static TreeSource? Open(FileSystemSpec spec, SpecFolders folders, BuildOptions options)
    {
        if (spec.Sources.Count + spec.Files.Count + spec.Rules.Count == 0 && spec.Owner is null)
            return null;
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
        var path = folders.Resolve(source);
        var exclude = spec.Excludes.Select(e => e.Path).ToList();
        if (!Directory.Exists(path) && options.OpenLayer?.Invoke(path) is { } opened)
            return exclude.Count == 0 ? opened : new FilteredSource(opened, PathPatterns.Parse(exclude));
        try
        {
            return DiskBuilder.At(source.Place, () => TreeSources.Open(path, options.Sources with { Exclude = exclude }));
        }
        catch (Exception e) when (e is FileNotFoundException { FileName: not null } or DirectoryNotFoundException)
        {
            throw new TomlException(source.Place, $"there is no file or folder {source.Path}", e);
        }
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
