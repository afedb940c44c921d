using System.Globalization;
using System.IO.Enumeration;
using Platter.Blocks;

namespace Platter.Images;

/// <summary>A file in the making: under a temporary name until it is complete.</summary>
internal sealed class NewFile : IDisposable
{
    private const string Infix = ".platter-new-";       // then the process that makes it, and which attempt

    private readonly bool _overwrite, _syncs;
    private bool _done;

    private NewFile(string path, HostFile file, NewImageOptions how)
    {
        Path = path;
        File = file;
        (_overwrite, _syncs) = (how.Overwrite, !how.NoSync);
    }

    /// <summary>Where it will be.</summary>
    internal string Path { get; }

    /// <summary>The file under its temporary name.</summary>
    internal HostFile File { get; }

    /// <param name="path">Where it will be.</param>
    /// <param name="preallocate">Bytes to allocate at once; 0 for an empty file.</param>
    /// <param name="how">Whether what is there gives way, and whether it is durable in the end.</param>
    /// <exception cref="AlreadyExistsException">Something of that name is there, and is not to be overwritten.</exception>
    internal static NewFile Create(string path, long preallocate, NewImageOptions how)
    {
        CheckFree(path, how.Overwrite);
        RemoveStale(path);
        var name = string.Create(CultureInfo.InvariantCulture, $"{path}{Infix}{Environment.ProcessId}");
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var options = new HostFileOptions { Preallocate = preallocate > 0, NoSync = how.NoSync };
                return new NewFile(path, HostFile.Create(attempt == 1 ? name : $"{name}-{attempt}", preallocate, options), how);
            }
            catch (AlreadyExistsException) when (attempt < 100)
            {
                // Left by an earlier process of this number that was killed, or in use by another thread of this one.
            }
        }
    }

    /// <exception cref="AlreadyExistsException">Something of that name is there, and is not to be overwritten.</exception>
    internal static void CheckFree(string path, bool overwrite)
    {
        if ((!overwrite && System.IO.File.Exists(path)) || Directory.Exists(path))
            throw new AlreadyExistsException(path);
    }

    /// <summary>Gives the file, which is durable by now if it is to be, its name at one stroke; it is closed afterwards.</summary>
    /// <exception cref="AlreadyExistsException">Meanwhile something of that name came to be, and is not to be overwritten.</exception>
    /// <exception cref="InUseException">What is to be overwritten is in use.</exception>
    internal void Complete()
    {
        using (_overwrite && System.IO.File.Exists(Path) ? HostFile.Open(Path, FileAccess.Read, HostLock.Exclusive) : null)
        {
            // Held until it has its name, so that nobody takes it for what a killed process left.
            if (!OperatingSystem.IsWindows())
                Rename();
            File.Dispose();
        }
        if (OperatingSystem.IsWindows())
            Rename();       // it renames neither open files nor onto them
        _done = true;
        // The journal of what was replaced; had the power gone before this, it would be refused as another image's.
        System.IO.File.Delete(Path + HostJournalStore.Suffix);
        if (_syncs)
            HostFolder.MakeNamesDurable(Path);
    }

    /// <summary>Without <see cref="Complete"/>, takes away what was made.</summary>
    public void Dispose()
    {
        if (_done)
            return;
        _done = true;
        File.Dispose();
        System.IO.File.Delete(File.Path);
    }

    // What processes that were killed have left of the same image. One that still runs, also where its number isn't seen from here (in
    // another container), holds its file; on a network that keeps no locks the number is all there is to go by.
    private static void RemoveStale(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        var start = System.IO.Path.GetFileName(full) + Infix;
        var folder = System.IO.Path.GetDirectoryName(full)!;
        if (!Directory.Exists(folder))
            return;         // whoever makes the file says so
        var stale = new FileSystemEnumerable<string>(folder, (ref FileSystemEntry e) => e.ToFullPath())
        {
            ShouldIncludePredicate = (ref FileSystemEntry e) => !e.IsDirectory && e.FileName.StartsWith(start, StringComparison.Ordinal),
        };
        foreach (var left in stale)
        {
            var number = left.AsSpan(left.LastIndexOf(Infix, StringComparison.Ordinal) + Infix.Length);
            if (number.IndexOf('-') is var dash and >= 0)
                number = number[..dash];
            if (int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var process) && !IsRunning(process))
                RemoveUnlessHeld(left);
        }
    }

    private static bool IsRunning(int process)
    {
        try
        {
            using var found = System.Diagnostics.Process.GetProcessById(process);
            return !found.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return true;    // it can't be looked at, so it is there
        }
    }

    private static void RemoveUnlessHeld(string path)
    {
        try
        {
            using var held = HostFile.Open(path, FileAccess.ReadWrite);
            if (!OperatingSystem.IsWindows())
                System.IO.File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return;         // somebody's, or gone
        }
        if (OperatingSystem.IsWindows())
            System.IO.File.Delete(path);
    }

    private void Rename()
    {
        try
        {
            System.IO.File.Move(File.Path, Path, _overwrite);
        }
        catch (IOException) when (!_overwrite && System.IO.File.Exists(Path))
        {
            throw new AlreadyExistsException(Path);
        }
    }
}
