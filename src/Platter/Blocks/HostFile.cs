using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;

namespace Platter.Blocks;

/// <summary>How a file or disk is held while it is open.</summary>
public enum HostLock
{
    /// <summary>Others may read it; nobody may edit it. Any number of readers.</summary>
    Shared,

    /// <summary>Nobody else may have it open.</summary>
    Exclusive,
}

/// <summary>How <see cref="HostFile.Create"/> makes a file.</summary>
public sealed record HostFileOptions
{
    /// <summary>Allocate all of the length at once, so that the host can't run full later; else the file is sparse.</summary>
    public bool Preallocate { get; init; }

    /// <summary>Leave it to the host when content reaches the medium: <see cref="HostFile.Flush"/> does nothing then. For a file that can be made again.</summary>
    public bool NoSync { get; init; }
}

/// <summary>A file of the host: positional I/O, holes, and locks that hold between processes and within one.</summary>
/// <remarks>
/// <para>Locks are those of .NET's FileShare: <c>flock</c> on Unix (advisory: seen by everybody who asks, .NET always does),
/// sharing modes on Windows.</para>
/// <para>Not known to be a hole means: may hold data.</para>
/// </remarks>
public sealed class HostFile : ResizableDevice
{
    // Below this a hole costs more (a call into the filesystem, an extent more) than the zeros.
    private const int SmallestHole = 64 << 10;

    // What goes past the host's cache starts at multiples of this in the file and in memory, and is at least so long: below it the cache is faster.
    private const int PastCacheUnit = 4096, PastCacheLength = 64 << 10;

    private readonly SafeFileHandle _handle;
    private readonly bool _canWrite;
    private readonly bool _syncs;
    private long _length;
    private bool _lengthChanged;
    private SafeFileHandle? _pastCache;

    private HostFile(string path, SafeFileHandle handle, bool canWrite, long length, bool syncs = true)
    {
        Path = path;
        _handle = handle;
        _canWrite = canWrite;
        _syncs = syncs;
        _length = length;
    }

    /// <summary>The path it was opened by.</summary>
    public string Path { get; }

    /// <summary>The open file, for calls that work on two of them.</summary>
    internal SafeFileHandle Handle => _handle;

    public override long Length => _length;
    public override bool CanWrite => _canWrite;

    /// <summary>Bytes that the file takes on the host; holes don't count. Its length where the host can't tell.</summary>
    public long AllocatedBytes =>
        OperatingSystem.IsLinux() && LinuxFile.TryStatus(_handle, out var status) ? (long)status.Blocks * 512 : _length;

    /// <summary>Whether there is a file of that name, and no folder.</summary>
    internal static bool Exists(string path) =>
        OperatingSystem.IsLinux() ? LinuxFile.TryStatus(path, out var status) && status.Type != LinuxFile.FileType.Directory : File.Exists(path);

    /// <summary>Removes a file; nothing happens when there is none.</summary>
    internal static void Remove(string path)
    {
        // The framework's way goes over the absolute path, and with it through a third of a millisecond at every start.
        if (!OperatingSystem.IsLinux() || !LinuxFile.TryRemove(path))
            File.Delete(path);
    }

    /// <summary>The file itself, where a path is a symbolic link to it.</summary>
    /// <exception cref="FileNotFoundException">There is nothing of that name.</exception>
    internal static string RealPath(string path)
    {
        // Most images are no links; the framework's call for links costs half a millisecond at the first time.
        if (OperatingSystem.IsLinux() && LinuxFile.TryStatusOfLink(path, out var status) && status.Type != LinuxFile.FileType.Link)
            return path;
        return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
    }

    /// <summary>Opens a file that exists; held shared when opened for reading, exclusively when for writing.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="UnauthorizedAccessException">The host doesn't allow it, or it is a directory.</exception>
    /// <exception cref="InUseException">Somebody else holds it; names the process where that can be known.</exception>
    public static HostFile Open(string path, FileAccess access) =>
        Open(path, access, access == FileAccess.Read ? HostLock.Shared : HostLock.Exclusive);

    /// <inheritdoc cref="Open(string, FileAccess)"/>
    public static HostFile Open(string path, FileAccess access, HostLock held)
    {
        if (access == FileAccess.Write)
            access = FileAccess.ReadWrite;
        var handle = OpenHandle(path, FileMode.Open, access, held, 0);
        try
        {
            return new HostFile(path, handle, access != FileAccess.Read, LengthOf(handle));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    // The framework's call finds out more than the length, and takes a tenth of a millisecond at the first time.
    private static long LengthOf(SafeFileHandle handle) =>
        OperatingSystem.IsLinux() && LinuxFile.TryStatus(handle, out var status) && status.Type == LinuxFile.FileType.Regular ? (long)status.Size : RandomAccess.GetLength(handle);

    // What is in the way of it, the framework's call finds out again, and puts into words.
    private static void SetLength(SafeFileHandle handle, long length)
    {
        if (!OperatingSystem.IsLinux() || !LinuxFile.TrySetLength(handle, length))
            RandomAccess.SetLength(handle, length);
    }

    /// <summary>Creates a file of zeros, sparse unless the options ask for allocation, and holds it exclusively.</summary>
    /// <param name="path">Where; nothing may be there.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="AlreadyExistsException">Something of that name is there.</exception>
    /// <exception cref="IOException">No room, or the host failed.</exception>
    public static HostFile Create(string path, long length, HostFileOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        var handle = OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, HostLock.Exclusive, options is { Preallocate: true } ? length : 0);
        try
        {
            // A new file is empty. Told so once more, ext4 takes it for one that is being replaced, and puts all of its data on the medium when it is closed.
            if (length > 0)
                SetLength(handle, length);
            return new HostFile(path, handle, canWrite: true, length, syncs: options is not { NoSync: true }) { _lengthChanged = true };
        }
        catch
        {
            handle.Dispose();
            File.Delete(path);
            throw;
        }
    }

    public override void Flush()
    {
        if (!_canWrite || !_syncs)
            return;
        // Without a change of length the times are all that a full sync adds, and they cost a journal commit of the host.
        if (OperatingSystem.IsLinux())
        {
            var error = _lengthChanged ? LinuxFile.Sync(_handle) : LinuxFile.SyncData(_handle);
            if (error != 0)
                throw HostErrors.FromNumber(Path, error);
        }
        else
        {
            RandomAccess.FlushToDisk(_handle);
        }
        _lengthChanged = false;
    }

    /// <summary>Lets the host begin to put on its medium what was written so far, without waiting for it: the next <see cref="Flush"/> then
    /// has less to wait for.</summary>
    public void StartWriting()
    {
        if (_canWrite && _syncs && OperatingSystem.IsLinux())
            LinuxFile.StartWriting(_handle);
    }

    /// <summary>From now on long writes of fresh data go to the medium at once, past the host's cache, where host and filesystem can do that: for
    /// a new file of many megabytes, which is to be durable in the end and which nobody reads meanwhile. It saves the host a copy of each byte,
    /// the pages for it, and a long <see cref="Flush"/>.</summary>
    /// <remarks>Only what starts at multiples of 4096 bytes, in the file and in memory, can take that way.</remarks>
    internal void WritePastCache()
    {
        if (_canWrite && _syncs && OperatingSystem.IsLinux())
            _pastCache ??= LinuxFile.TryOpenPastCache(_handle);
    }

    public override void Reserve(long offset, long length)
    {
        CheckRange(offset, length);
        if (length == 0 || !OperatingSystem.IsLinux())
            return;
        var error = LinuxFile.Allocate(_handle, offset, length);
        if (error == LinuxFile.NoSpace)
            throw HostErrors.FromNumber(Path, error);
    }

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length)
    {
        CheckRange(offset, length);
        return OperatingSystem.IsLinux() ? DataRanges(offset, offset + length) : base.AllocatedRanges(offset, length);
    }

    private protected override HostExtent? FindOnHostCore(long offset, long length) => new(this, offset, length);

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        while (true)
        {
            var read = OperatingSystem.IsLinux() ? LinuxFile.Read(_handle, buffer, offset) : RandomAccess.Read(_handle, buffer, offset);
            if (read < 0)
                throw HostErrors.Last(Path);
            if (read == buffer.Length)
                return;
            if (read == 0)
                throw WasCut(offset);
            buffer = buffer[read..];
            offset += read;
        }
    }

    private EndOfStreamException WasCut(long end) =>
        new($"{Path} ends at byte {end}, though it was {_length} bytes long when it was opened: something has cut it");

    protected override unsafe void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.Write(_handle, data, offset);
            return;
        }
        fixed (byte* bytes = data)
        {
            LinuxFile.Write(_handle, bytes, data.Length, offset, out var error);
            if (error != 0)
                throw HostErrors.FromNumber(Path, error);
        }
    }

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data)
    {
        if (_pastCache is not null && OperatingSystem.IsLinux() && data.Length >= PastCacheLength && offset % PastCacheUnit == 0)
        {
            var done = WritePastCache(offset, data[..(data.Length & -PastCacheUnit)]);
            offset += done;
            data = data[done..];
        }
        if (data.IsEmpty)
            return;
        if (OperatingSystem.IsLinux())
            LinuxFile.AllocateAhead(_handle, offset, data.Length);
        WriteCore(offset, data);
    }

    protected override void DiscardCore(long offset, long length)
    {
        if (OperatingSystem.IsLinux() && length >= SmallestHole)
            LinuxFile.TryPunch(_handle, offset, length);
    }

    protected override void WriteZerosCore(long offset, long length)
    {
        if (!OperatingSystem.IsLinux() || length < SmallestHole || !LinuxFile.TryPunch(_handle, offset, length))
            base.WriteZerosCore(offset, length);
    }

    protected override void SetLengthCore(long length)
    {
        SetLength(_handle, length);
        _length = length;
        _lengthChanged = true;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _pastCache?.Dispose();
            if (OperatingSystem.IsLinux() && !_handle.IsClosed)
                LinuxFile.Unlock(_handle);
            _handle.Dispose();
        }
        base.Dispose(disposing);
    }

    // Bytes written; none where the memory doesn't lie as it has to, or this filesystem turns out not to take such writes.
    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    private unsafe int WritePastCache(long offset, ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data)
        {
            if ((nint)bytes % PastCacheUnit != 0)
                return 0;
            var done = LinuxFile.Write(_pastCache!, bytes, data.Length, offset, out var error);
            if (error is not (0 or LinuxFile.Invalid or LinuxFile.NotSupported))
                throw HostErrors.FromNumber(Path, error);
            if (error == 0)
                return done;
            _pastCache!.Dispose();
            _pastCache = null;
            return done;
        }
    }

    private static SafeFileHandle OpenHandle(string path, FileMode mode, FileAccess access, HostLock held, long preallocate)
    {
        if (OperatingSystem.IsLinux() && preallocate == 0
            && LinuxFile.TryOpen(path, mode == FileMode.CreateNew, access != FileAccess.Read, held) is { } opened)
        {
            return opened;
        }
        return OpenAnywhere(path, mode, access, held, preallocate);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static SafeFileHandle OpenAnywhere(string path, FileMode mode, FileAccess access, HostLock held, long preallocate)
    {
        var share = held == HostLock.Exclusive ? FileShare.None : FileShare.Read;
        try
        {
            return File.OpenHandle(path, mode, access, share, FileOptions.None, preallocate);
        }
        catch (IOException e) when (HostErrors.IsLocked(e))
        {
            throw new InUseException($"{path} is in use{LockHolders.Describe(path)}");
        }
        catch (IOException) when (mode == FileMode.CreateNew && File.Exists(path))
        {
            throw new AlreadyExistsException(path);
        }
    }

    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    private IEnumerable<ByteRange> DataRanges(long from, long end)
    {
        while (from < end)
        {
            var data = LinuxFile.Find(_handle, from, LinuxFile.Seek.Data);
            if (data < 0)
            {
                // ENXIO: only holes follow. Anything else: this filesystem can't tell, so all of it may be data.
                if (System.Runtime.InteropServices.Marshal.GetLastPInvokeError() != LinuxFile.NoSuchRange)
                    yield return new ByteRange(from, end - from);
                yield break;
            }
            if (data >= end)
                yield break;
            data = Math.Max(data, from);
            var hole = LinuxFile.Find(_handle, data, LinuxFile.Seek.Hole);
            if (hole <= data || hole > end)
                hole = end;
            yield return new ByteRange(data, hole - data);
            from = hole;
        }
    }
}
