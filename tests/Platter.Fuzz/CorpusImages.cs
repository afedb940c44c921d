using Platter.Testing;

namespace Platter.Fuzz;

/// <summary>The small images of the corpus as bases, where it is there.</summary>
internal static class CorpusImages
{
    private const long Largest = 4 << 20;

    public static IEnumerable<PagedImage> Fat() => Load("fat/");

    public static IEnumerable<PagedImage> ExFat() => Load("exfat/");
    public static IEnumerable<PagedImage> Ext() => Load("ext/");

    public static IEnumerable<PagedImage> Tables() => Load("ptable/");

    private static List<PagedImage> Load(string folder)
    {
        var images = new List<PagedImage>();
        if (!IsThere())
            return images;
        using var temp = new TempFolder();
        foreach (var image in Corpus.Images)
        {
            if (image.Size <= Largest && image.File.StartsWith(folder, StringComparison.Ordinal))
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
