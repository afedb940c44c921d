using Platter.FileSystems;
using Platter.Trees.Specs;
using Platter.Trees.Toml;

namespace Platter.Trees.Building;

/// <summary>The layers and single entries of a spec's filesystem as one tree.</summary>
internal static class SpecSources
{
    public static LayeredSource Open(FileSystemSpec spec, BuildOptions options)
    {
        var layers = new List<TreeSource>();
        try
        {
            foreach (var source in spec.Sources)
                layers.Add(OpenLayer(source, options));
            var owner = spec.Owner is { } own ? new Ownership(own.Uid, own.Gid) : (Ownership?)null;
            return new LayeredSource(layers, [.. spec.Files.Select(f => ToAddition(f, spec, options))], owner);
        }
        catch
        {
            foreach (var layer in layers)
                layer.Dispose();
            throw;
        }
    }

    private static string Absolute(string path, BuildOptions options) => Path.GetFullPath(path, Path.GetFullPath(options.BaseFolder ?? "."));

    private static TreeSource OpenLayer(SourceSpec source, BuildOptions options)
    {
        var path = Absolute(source.Path, options);
        if (!Directory.Exists(path) && options.OpenLayer?.Invoke(path) is { } opened)
            return opened;
        return DiskBuilder.At(source.Place, () => TreeSources.Open(path, options.Sources));
    }

    private static TreeAddition ToAddition(FileSpec file, FileSystemSpec spec, BuildOptions options)
    {
        var owner = file.Owner ?? spec.Owner;
        var from = file.From is { } host ? Absolute(host, options) : null;
        if (from is not null && !File.Exists(from))
            throw new TomlException(file.FromPlace, $"there is no file {file.From}");
        return new TreeAddition
        {
            Path = file.Path,
            Kind = file.Kind switch
            {
                FileSpecKind.Directory => EntryKind.Directory,
                FileSpecKind.SymbolicLink => EntryKind.SymbolicLink,
                FileSpecKind.CharacterDevice => EntryKind.CharacterDevice,
                FileSpecKind.BlockDevice => EntryKind.BlockDevice,
                FileSpecKind.Fifo => EntryKind.Fifo,
                _ => EntryKind.File,
            },
            Content = file.Content,
            HostFile = from,
            Mode = file.Mode,
            Owner = owner is { } own ? new Ownership(own.Uid, own.Gid) : null,
            Modified = file.ModificationTime is { } time ? Timestamp.From(time) : null,
            LinkTarget = file.Target,
            Device = file.Kind is FileSpecKind.CharacterDevice or FileSpecKind.BlockDevice ? new DeviceNumber(file.Major, file.Minor) : null,
            ExtendedAttributes = file.ExtendedAttributes,
        };
    }
}
