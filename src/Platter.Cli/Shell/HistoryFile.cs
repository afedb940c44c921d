namespace Platter.Cli.Shell;

/// <summary>The lines typed at the prompt, kept where the host keeps such things; without a word when that is not possible.</summary>
internal static class HistoryFile
{
    private const int MaxLines = 1000;

    /// <summary>Null where there is no home for it: never a name relative to the folder that the command happens to run in.</summary>
    private static string? Path
    {
        get
        {
            // A folder that isn't there yet is made; asked in the usual way, the framework would say nothing of it.
            var state = Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { } set && System.IO.Path.IsPathRooted(set) ? set
                : Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
            return System.IO.Path.IsPathRooted(state) ? System.IO.Path.Combine(state, "platter", "history") : null;
        }
    }

    public static IReadOnlyList<string> Load()
    {
        try
        {
            return Path is { } path && File.Exists(path) ? [.. File.ReadLines(path).TakeLast(MaxLines)] : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    public static void Save(IReadOnlyList<string> lines)
    {
        if (Path is not { } path)
            return;
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
            File.WriteAllLines(path, lines.TakeLast(MaxLines));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A history is a convenience: no home folder, no history.
        }
    }
}
