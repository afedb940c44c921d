using Platter.Testing;

namespace Platter.Cli.Tests;

/// <summary>A folder with an image in it, and host files to put there.</summary>
internal sealed class TestImage : IDisposable
{
    private readonly TempFolder _folder = new();

    public TestImage(string type = "fat16", string size = "16M")
    {
        Path = _folder.File("test.img");
        Cli.Expect("mkfs", Path, "-t", type, "--size", size, "-L", "TEST");
    }

    public string Path { get; }

    public string Folder => _folder.Path;

    public string Host(string name) => _folder.File(name);

    /// <summary>Makes a host file and returns its path.</summary>
    public string Write(string name, string content)
    {
        var path = Host(name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }

    /// <summary>Puts a file with this content into the image.</summary>
    public void Put(string inside, string content)
    {
        var slash = inside.LastIndexOf('/');
        if (slash > 0)
            Cli.Expect("mkdir", "-p", Path, inside[..slash]);
        Cli.Expect("put", Path, Write("put.tmp", content), inside);
    }

    public string Cat(string inside) => Cli.Expect("cat", Path, inside).Output;

    public string[] List(string inside = "/") => Cli.Expect("ls", "-R", "-a", Path, inside).Lines;

    public void Dispose() => _folder.Dispose();
}
