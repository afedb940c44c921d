using Platter.Cli.Syntax;
using Platter.Images;

namespace Platter.Cli;

/// <summary>The options by which a verb that makes images lets one choose the container.</summary>
internal static class ContainerChoice
{
    public static readonly Option Format = Option.Of("-f --format", "FORMAT", "the container; by the name's extension otherwise", ValueKind.Container);
    public static readonly Option Settings = Option.Of("--container", "KEY=VALUE,...", "settings of the container, such as cluster_size=128K");
    public static readonly Option Subformat = Option.Of("--subformat", "NAME", "the container's own kind, such as streamOptimized; the same as subformat=NAME");
    public static readonly Option NoSync = Option.Flag("--no-sync", "leave it to the host when the new image reaches its medium, as cp does: lost if the machine fails soon after");

    /// <summary>All of them, for verbs that make an image when there is none.</summary>
    public static Option[] All => [Format, Subformat, Settings, NoSync];

    /// <summary>What the container wants to know: its settings, and under SOURCE_DATE_EPOCH its identifier and date.</summary>
    public static ContainerOptions Options(Session session, params Option[] settings)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var option in settings.Append(Settings))
        {
            foreach (var (key, value) in session.Arguments.Pairs(option))
                pairs[key] = value;
        }
        if (session.Arguments.Text(Subformat) is { } subformat)
            pairs["subformat"] = subformat;
        return (NewImages.Container() ?? new ContainerOptions()) with { Settings = pairs };
    }

    /// <summary>How a new image refers to the one that it builds upon: relative to its own folder, unless that one's path was given absolute.</summary>
    public static string ReferenceTo(string parent, string image) =>
        Path.IsPathRooted(parent) ? parent : Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(image))!, Path.GetFullPath(parent));
}
