using System.Buffers;
using System.Text;
using Platter.FileSystems;
using Platter.Primitives;

namespace Platter.Trees.Host;

/// <summary>Which names a host's filesystem can hold without meaning something else by them.</summary>
/// <remarks>The names come from an image and may be chosen to hurt: <c>..</c>, <c>a/b</c>, <c>CON</c>, <c>file:stream</c>.</remarks>
public sealed class HostNameRules
{
    private const int MaxLength = 255;
    private static readonly SearchValues<char> WindowsForbidden = SearchValues.Create("<>:\"\\|?*");
    private readonly bool _windows;

    private HostNameRules(bool windows) => _windows = windows;

    /// <summary>Any bytes but <c>/</c> and NUL, at most 255.</summary>
    public static HostNameRules Unix { get; } = new(false);

    /// <summary>"Naming Files, Paths, and Namespaces" (Win32): no device names, no <c>&lt;&gt;:"/\|?*</c>, no control characters, no dot
    /// or space at the end, at most 255 UTF-16 units.</summary>
    public static HostNameRules Windows { get; } = new(true);

    public static HostNameRules Current => OperatingSystem.IsWindows() ? Windows : Unix;

    /// <exception cref="InvalidNameException">This host cannot hold the name.</exception>
    public void Check(string name)
    {
        if (Problem(name) is { } problem)
            throw new InvalidNameException(name, problem);
    }

    private string? Problem(string name)
    {
        if (name.Length == 0)
            return "is empty";
        if (name is "." or "..")
            return "means a directory, not an entry";
        if (name.AsSpan().IndexOfAny('/', '\0') is var at and >= 0)
            return name[at] == '/' ? "holds a path separator" : "holds a NUL";
        return _windows ? WindowsProblem(name) : UnixProblem(name);
    }

    private static string? UnixProblem(string name)
    {
        if (name.Length * 3 <= MaxLength || Ascii.IsValid(name) && name.Length <= MaxLength)
            return null;
        return name.Length > MaxLength || EscapedUtf8.Encode(name).Length > MaxLength ? $"is longer than this host's {MaxLength} bytes" : null;
    }

    private static string? WindowsProblem(string name)
    {
        if (name.AsSpan().IndexOfAny(WindowsForbidden) is var at and >= 0)
            return $"holds '{name[at]}', which means something else on this host";
        if (name.AsSpan().ContainsAnyInRange('\u0001', '\u001F'))
            return "holds a control character";
        if (name[^1] is '.' or ' ')
            return "ends with a dot or space, which this host takes off";
        if (name.Length > MaxLength)
            return $"is longer than this host's {MaxLength} characters";
        // "NUL.txt" is the device too, and so is "NUL .txt".
        var stem = name.Split('.')[0].TrimEnd(' ').ToUpperInvariant();
        return stem is "CON" or "PRN" or "AUX" or "NUL" or "CONIN$" or "CONOUT$"
            || (stem.Length == 4 && stem[..3] is "COM" or "LPT" && stem[3] is (>= '0' and <= '9') or '\u00B9' or '\u00B2' or '\u00B3')
            ? "is a device on this host"
            : null;
    }
}
