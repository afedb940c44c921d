namespace Platter.Cli.Shell;

/// <summary>The lines typed at the prompt, kept where the host keeps such things; without a word when that is not possible.</summary>
internal static class HistoryFile
{
    private const int MaxLines = 1000;

    private static string Path => System.IO.Path.Combine(
        Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state ? state : Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData),
        "platter", "history");

    public static IReadOnlyList<string> Load()
    {
        try
        {
            return File.Exists(Path) ? [.. File.ReadLines(Path).TakeLast(MaxLines)] : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    public static void Save(IReadOnlyList<string> lines)
    {
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
            File.WriteAllLines(Path, lines.TakeLast(MaxLines));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A history is a convenience: no home folder, no history.
        }
    }
}
