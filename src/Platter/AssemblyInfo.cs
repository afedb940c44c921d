using System.Runtime.InteropServices;

// The system's own libraries are not looked for beside the program first.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
