using Platter.Blocks;

namespace Platter.Images;

/// <summary>Clues about what an image is that disagree: what its name says, what its content looks like, what the caller insisted on.</summary>
internal static class ImageClues
{
    /// <param name="path">The file's name.</param>
    /// <param name="container">What it was opened as.</param>
    /// <param name="asRaw">Whether the caller wanted the bare bytes.</param>
    internal static IEnumerable<Finding> Find(string path, Container container, bool asRaw)
    {
        if (asRaw && Recognise(container.Host) is { } hidden)
        {
            yield return new Finding("IMG-0005", Severity.Note, "image.content", null,
                $"the content is that of a {hidden.Description} image, but was taken as bare bytes because that was asked for");
            yield break;
        }
        var named = ContainerFormat.FromExtension(path);
        if (!asRaw && named != ContainerFormat.Raw && !SameFamily(named, container.Format))
        {
            yield return new Finding("IMG-0004", Severity.Note, "image.name", null,
                $"the name says {named.Description} ({System.IO.Path.GetExtension(path)}), the content is {container.Format.Description}: the content counts");
        }
        else if (!asRaw && named == ContainerFormat.Raw && container.Format != ContainerFormat.Raw
            && ContainerFormat.Raw.Extensions.Contains(System.IO.Path.GetExtension(path).ToLowerInvariant(), StringComparer.Ordinal))
        {
            yield return new Finding("IMG-0004", Severity.Note, "image.name", null,
                $"the name says raw ({System.IO.Path.GetExtension(path)}), the content is {container.Format.Description}: the content counts");
        }
    }

    // Several formats share an extension: a fixed and a dynamic VHD.
    private static bool SameFamily(ContainerFormat a, ContainerFormat b) => a == b || a.Extensions.Intersect(b.Extensions, StringComparer.Ordinal).Any()
        || a.Name.Split('-')[0] == b.Name.Split('-')[0];

    private static ContainerFormat? Recognise(BlockDevice host)
    {
        var probe = new ContainerProbe(host);
        return ContainerFormat.All.FirstOrDefault(f => f.Recognises(probe));
    }
}
