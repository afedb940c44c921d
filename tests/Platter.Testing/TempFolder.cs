namespace Platter.Testing;

/// <summary>A folder that goes away with the test.</summary>
public sealed class TempFolder : IDisposable
{
    /// <param name="within">Where it is made; null for where temporary folders are made.</param>
    public TempFolder(string? within = null) => Path = within is null
        ? Directory.CreateTempSubdirectory("platter-test-").FullName
        : Directory.CreateDirectory(System.IO.Path.Combine(within, "platter-test-" + Guid.NewGuid().ToString("N"))).FullName;

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        try { Directory.Delete(Path, recursive: true); }
        catch (IOException) { /* a tool still holds it: the system cleans its own temporary folder */ }
    }
}
