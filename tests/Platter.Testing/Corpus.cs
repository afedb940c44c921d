using Xunit;

namespace Platter.Testing;

/// <summary>The images made by others, in <c>../shared/corpus</c> beside the repository.</summary>
public static class Corpus
{
    /// <summary>One line of corpus.tsv.</summary>
    public sealed record Image(string File, string Packed, long Size, string Kind, string Status, string Special, string Verdict, IReadOnlyList<string> Oracles)
    {
        /// <summary>Bytes of the disk inside a container; 0 where the corpus says nothing.</summary>
        public long GuestSize { get; init; }

        /// <summary>SHA-256 of the disk inside, in lower case; <c>-</c> where the corpus says nothing.</summary>
        public string GuestHash { get; init; } = "-";
    }

    /// <summary>The repository's folder: the one that holds Platter.slnx.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary><c>../shared</c>; worktrees of the repository may lie deeper.</summary>
    public static string Shared { get; } = FindShared();

    public static string Folder => Path.Combine(Shared, "corpus");

    public static IReadOnlyList<Image> Images { get; } = Load();

    /// <summary>Unpacks an image into a folder and returns its path.</summary>
    public static string Unpack(Image image, TempFolder folder)
    {
        var source = Path.Combine(Folder, image.File);
        var target = folder.File(Path.GetFileName(image.File));
        if (image.Packed == "none")
        {
            File.Copy(source, target);
            return target;
        }
        Assert.True(image.Packed == "zst", $"{image.File} is packed as {image.Packed}");
        target = target[..^".zst".Length];
        Tool.Expect("zstd", "-d", "-q", "-f", source, "-o", target);
        return target;
    }

    /// <summary>The text of a listing beside an image, unpacked when its name ends in .zst.</summary>
    public static string ReadOracle(Image image, string oracle)
    {
        var path = Path.Combine(Folder, Path.GetDirectoryName(image.File)!, oracle);
        return oracle.EndsWith(".zst", StringComparison.Ordinal) ? Tool.Expect("zstd", "-dc", path) : File.ReadAllText(path);
    }

    private static List<Image> Load()
    {
        var images = new List<Image>();
        foreach (var line in File.ReadLines(Path.Combine(Folder, "corpus.tsv")).Skip(1))
        {
            var c = line.Split('\t');
            images.Add(new Image(c[0], c[1], long.Parse(c[3]), c[4], c[5], c[10], c[11], c[12] == "-" ? [] : c[12].Split(','))
            {
                GuestSize = c.Length > 13 && long.TryParse(c[13], out var size) ? size : 0,
                GuestHash = c.Length > 14 ? c[14] : "-",
            });
        }
        return images;
    }

    private static string FindRepository()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Platter.slnx")))
                return folder;
        }
        throw new DirectoryNotFoundException("the tests run from within the repository: no Platter.slnx above " + AppContext.BaseDirectory);
    }

    private static string FindShared()
    {
        for (var folder = FindRepository(); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (Directory.Exists(Path.Combine(folder, "shared", "corpus")))
                return Path.Combine(folder, "shared");
        }
        throw new DirectoryNotFoundException("shared/corpus is expected beside the repository");
    }
}
