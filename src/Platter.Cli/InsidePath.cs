using Platter.FileSystems;

namespace Platter.Cli;

/// <summary>Paths inside an image: absolute, <c>/</c> between names.</summary>
internal static class InsidePath
{
    /// <summary>Makes a path absolute and takes <c>.</c>, <c>..</c> and empty names out of it; <c>..</c> at the root stays there.</summary>
    public static string Normalize(string path, string folder) => IsNormal(path) ? path : path is "" or "." ? folder : Resolve(path, folder);

    private static string Resolve(string path, string folder)
    {
        var names = new List<string>();
        foreach (var name in (path.StartsWith('/') ? path : folder + "/" + path).Split('/'))
        {
            if (name == "..")
            {
                if (names.Count > 0)
                    names.RemoveAt(names.Count - 1);
            }
            else if (name is not ("" or "."))
            {
                names.Add(name);
            }
        }
        return "/" + string.Join('/', names);
    }

    /// <summary>The folder a normal path lies in; the root lies in itself.</summary>
    public static string FolderOf(string path) => LastSlash(path) is var slash and > 0 ? path[..slash] : "/";

    /// <summary>The name that a normal path has in its folder; empty for the root.</summary>
    public static string NameOf(string path) => path[(LastSlash(path) + 1)..];

    public static string Combine(string folder, string name) => folder == "/" ? "/" + name : folder + "/" + name;

    /// <summary>The directory in which an entry is, or is to be.</summary>
    /// <exception cref="CommandException">It is not there, or no directory; or the path is the root.</exception>
    public static NodeId Locate(Volume volume, string path, out string name)
    {
        name = NameOf(path);
        if (name.Length == 0)
            throw new CommandException(ExitCode.Refused, null, "the root directory cannot be created, moved or removed");
        var folder = FolderOf(path);
        var parent = volume.Find(folder);
        return parent.IsDirectory ? parent.Id : throw new CommandException(ExitCode.NotFound, null, $"{folder} is not a directory");
    }

    private static int LastSlash(string path)
    {
        var slash = path.Length - 1;
        while (slash >= 0 && path[slash] != '/')
            slash--;
        return slash;
    }

    private static bool IsNormal(string path)
    {
        if (path.Length < 2 || path[0] != '/' || path[^1] == '/')
            return path == "/";
        for (var i = 1; i < path.Length; i++)
        {
            if (path[i - 1] == '/' && path[i] is '/' or '.')
                return false;
        }
        return true;
    }
}
