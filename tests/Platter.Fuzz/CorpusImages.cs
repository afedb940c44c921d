using Platter.Testing;

namespace Platter.Fuzz;

/// <summary>The small images of the corpus as bases, where it is there.</summary>
internal static class CorpusImages
{
    private const long Largest = 4 << 20;

    public static IEnumerable<PagedImage> Fat() => Load("fat/");

    public static IEnumerable<PagedImage> ExFat() => Load("exfat/");
    public static IEnumerable<PagedImage> Ext() => Load("ext/");

    // Three larger ones have what the small ones lack: compressed files, attribute lists, EAs, junctions.
    public static IEnumerable<PagedImage> Ntfs() => Load("ntfs/", "velociraptor-test", "jnode-ntfs-links", "sample-tiny");

    public static IEnumerable<PagedImage> Tables() => Load("ptable/");

    private static List<PagedImage> Load(string folder, params string[] larger)
    {
        var images = new List<PagedImage>();
        if (!IsThere())
            return images;
        using var temp = new TempFolder();
        foreach (var image in Corpus.Images)
        {
            if (image.File.StartsWith(folder, StringComparison.Ordinal) && (image.Size <= Largest || larger.Any(l => image.File.Contains(l, StringComparison.Ordinal))))
                images.Add(new PagedImage(File.ReadAllBytes(Corpus.Unpack(image, temp))));
        }
        return images;
    }

    private static bool IsThere()
    {
        try
        {
            return Directory.Exists(Corpus.Folder);
        }
        catch (TypeInitializationException)
        {
            return false;
        }
    }
}
