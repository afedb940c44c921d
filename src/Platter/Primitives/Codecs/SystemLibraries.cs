using System.Reflection;
using System.Runtime.InteropServices;

namespace Platter.Primitives.Codecs;

/// <summary>Finds the system's own codec libraries. Their files carry the version of the interface in the name, and only packages for
/// developers bring the plain one, so the runtime's own search does not do.</summary>
internal static class SystemLibraries
{
    internal const string Zstd = "zstd";
    internal const string Zlib = "gzip";
    internal const string Lzma = "xz";
    internal const string Lz4 = "lz4";
    internal const string Bzip2 = "bzip2";

    // The name within this assembly, what is missing and what brings it, and the files to try in order. One line for each library.
    private static readonly (string Name, string Package, string[] Files)[] Known =
    [
        (Zstd, "libzstd (Debian: libzstd1, Fedora: libzstd, Homebrew: zstd)", ["libzstd.so.1", "libzstd.1.dylib", "libzstd.dll", "zstd.dll"]),
        (Zlib, "zlib (Debian: zlib1g, Fedora: zlib; part of macOS)", ["libz.so.1", "libz.1.dylib", "zlib1.dll"]),
        (Lzma, "liblzma (Debian: liblzma5, Fedora: xz-libs, Homebrew: xz)", ["liblzma.so.5", "liblzma.5.dylib", "liblzma.dll"]),
        (Lz4, "liblz4 (Debian: liblz4-1, Fedora: lz4-libs, Homebrew: lz4)", ["liblz4.so.1", "liblz4.1.dylib", "liblz4.dll", "lz4.dll"]),
        (Bzip2, "libbz2 (Debian: libbz2-1.0, Fedora: bzip2-libs; part of macOS)", ["libbz2.so.1.0", "libbz2.so.1", "libbz2.1.0.dylib", "libbz2.dll", "bz2.dll"]),
    ];

    // Homebrew's folders are not among those that macOS searches by itself.
    private static readonly string[] Folders = OperatingSystem.IsMacOS() ? ["", "/opt/homebrew/lib/", "/usr/local/lib/"] : [""];

    private static readonly Lazy<bool> Registered = new(() =>
    {
        NativeLibrary.SetDllImportResolver(typeof(SystemLibraries).Assembly, Resolve);
        return true;
    });

    /// <summary>Makes sure that imports from this library find it; whoever declares imports calls it before the first one.</summary>
    /// <exception cref="UnsupportedFeatureException">It is not installed; says what to install.</exception>
    internal static void Require(string name)
    {
        if (!IsAvailable(name))
            throw new UnsupportedFeatureException($"{name} compression needs the system's library {Known.First(k => k.Name == name).Package}, which is not installed");
    }

    /// <summary>Whether the library is installed.</summary>
    internal static bool IsAvailable(string name) => Registered.Value && Resolve(name, typeof(SystemLibraries).Assembly, null) != 0;

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        foreach (var (known, _, files) in Known)
        {
            if (known != name)
                continue;
            foreach (var file in files)
            {
                foreach (var folder in Folders)
                {
                    if (NativeLibrary.TryLoad(folder + file, assembly, searchPath, out var handle))
                        return handle;
                }
            }
        }
        return 0;       // the runtime's own search
    }
}
