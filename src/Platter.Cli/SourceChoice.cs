using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.Trees;
using Platter.Trees.Building;

namespace Platter.Cli;

/// <summary>The trees that <c>create</c> and <c>repack</c> are given, and the options that say whose their entries are to be.</summary>
internal sealed class SourceChoice : IDisposable
{
    public static readonly Option Exclude = Option.Of("--exclude", "GLOB", "leave out what fits, with all below it: *.o by name, /var/cache/** by path; may be given several times");
    public static readonly Option Owner = Option.Of("--owner", "UID[:GID]", "the owner of everything");
    public static readonly Option MapOwner = Option.Of("--map-owner", "FROM:TO,...", "other owners for some: 1000:0, or 100000-165535:0 for a range; u or g in front for users or groups only");
    public static readonly Option Manifest = Option.Of("--manifest", "FILE", "owners, modes and devices from a list: a genext2fs device table, or mtree", ValueKind.HostPath);

    private readonly List<IDisposable> _volumes = [];
    private TreeSource? _tree;

    private SourceChoice()
    {
    }

    /// <summary>All that say whose the entries are to be.</summary>
    public static Option[] Owners => [Owner, MapOwner, Manifest];

    /// <summary>The sources as one tree; null for none at all.</summary>
    public TreeSource? Tree => _tree;

    /// <summary>Opens them.</summary>
    /// <param name="session">The command.</param>
    /// <param name="output">What is made, which is no part of it.</param>
    /// <param name="layered">Whether even a single source is a layer, whose whiteouts count.</param>
    public static SourceChoice Open(Session session, string? output, bool layered)
    {
        var choice = new SourceChoice();
        try
        {
            choice._tree = choice.OpenAll(session, output, layered);
            return choice;
        }
        catch
        {
            choice.Dispose();
            throw;
        }
    }

    /// <summary>Tells what was odd about the sources.</summary>
    public void SayFindings(Session session)
    {
        foreach (var finding in _tree?.Findings ?? [])
        {
            if (finding.Severity < Severity.Error)
                session.Say($"platter: note: {finding.Code} {finding.Structure}: {finding.Message}");
        }
    }

    /// <summary>Makes the image of the tree; a name that the filesystem cannot hold ends with what goes on all the same.</summary>
    public BuildReport Fill(string path, NewFileSystem what, BuildOptions options)
    {
        try
        {
            return FileSystemBuilder.Create(path, what, _tree, options);
        }
        catch (InvalidNameException e) when (!options.KeepGoing)
        {
            throw new CommandException(ExitCode.Of(e), null, ExitCode.Why(e), "--keep-going leaves such entries out, and lists them");
        }
    }

    public void Dispose()
    {
        _tree?.Dispose();
        foreach (var volume in _volumes)
            volume.Dispose();
    }

    private TreeSource? OpenAll(Session session, string? output, bool layered)
    {
        var manifest = ReadManifest(session);
        var map = ReadMap(session);
        var owner = session.Arguments.Text(Owner) is { } text ? ModeText.ParseOwner(text) : ((uint User, uint? Group)?)null;
        var squash = owner is { } o ? new Ownership(o.User, o.Group ?? o.User) : (Ownership?)null;
        if (session.Words.Length == 0 && manifest.Count == 0)
            return null;
        if (session.Words.Count(w => w == "-") > 1)
            throw new UsageException("standard input can be one source only");
        var layers = new List<TreeSource>();
        try
        {
            foreach (var word in session.Words)
            {
                session.Subject = word;
                var layer = OpenOne(session, word, output);
                layers.Add(map is null ? layer : new OwnedSource(layer, map));
            }
        }
        catch
        {
            foreach (var layer in layers)
                layer.Dispose();
            throw;
        }
        if (layers.Count == 1 && manifest.Count == 0 && !layered)
            return squash is null ? layers[0] : new OwnedSource(layers[0], null, squash);
        return new LayeredSource(layers, manifest, squash) { HonoursWhiteouts = layered || layers.Count > 1 };
    }

    private TreeSource OpenOne(Session session, string word, string? output)
    {
        var options = new TreeSourceOptions { Exclude = session.Arguments.Texts(Exclude), LeaveOut = output, Cancellation = session.Cancellation };
        if (word == "-")
        {
            using var input = Console.OpenStandardInput();
            return TreeSources.Open(input, options);
        }
        if (TreeSources.TryOpenPlain(word, options) is { } plain)
            return plain;
        var at = session.OpenVolume(word);
        _volumes.Add(at);
        var tree = VolumeTreeSource.Content(at.Volume);
        return options.Exclude.Count == 0 ? tree : new FilteredSource(tree, PathPatterns.Parse(options.Exclude));
    }

    private static IReadOnlyList<TreeAddition> ReadManifest(Session session)
    {
        if (session.Arguments.Text(Manifest) is not { } path)
            return [];
        session.Subject = path;
        try
        {
            return TreeManifest.Parse(File.ReadLines(path), path);
        }
        catch (FormatException e)
        {
            throw new UsageException($"--manifest: {e.Message}");
        }
    }

    /// <summary>The table that <c>--map-owner</c> gives; null for none.</summary>
    public static OwnerMap? ReadMap(Session session)
    {
        if (session.Arguments.Text(MapOwner) is not { } text)
            return null;
        try
        {
            return OwnerMap.Parse(text);
        }
        catch (FormatException e)
        {
            throw new UsageException($"{MapOwner.Name}: {e.Message}");
        }
    }
}
