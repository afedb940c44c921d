using System.Buffers;

namespace Platter.Blocks;

/// <summary>One of the host's disks, or a partition of one: <c>/dev/sdX</c>, <c>\\.\PhysicalDrive1</c>, <c>/dev/rdisk2</c>.</summary>
/// <remarks>Where the host transfers whole sectors only (Windows, macOS), the ends of a range that isn't aligned are read, changed and
/// written back here.</remarks>
public sealed class HostDisk : BlockDevice
{
    private readonly HostDiskMedium _medium;
    private readonly bool _canWrite;

    private HostDisk(string path, HostDiskMedium medium, bool canWrite)
    {
        Path = path;
        _medium = medium;
        _canWrite = canWrite;
    }

    public string Path { get; }

    public override long Length => _medium.Length;
    public override int SectorSize => _medium.SectorSize;
    public override bool CanWrite => _canWrite;

    /// <summary>Whether a path names a disk of the host, not a file. No such thing at all is false.</summary>
    public static bool IsDisk(string path)
    {
        if (OperatingSystem.IsLinux())
            return LinuxFile.TryStatus(path, out var status) && status.Type == LinuxFile.FileType.Block;
        if (OperatingSystem.IsWindows())
            return WindowsDisk.IsDisk(path);
        return OperatingSystem.IsMacOS() && MacDisk.IsDisk(path);
    }

    /// <summary>Opens a disk, for writing exclusively.</summary>
    /// <param name="path">The device.</param>
    /// <param name="access">Reading never disturbs anybody and is always allowed.</param>
    /// <param name="force">Write though something on it is mounted or otherwise in use.</param>
    /// <exception cref="InUseException">It, or a part of it, is in use; the message says by what.</exception>
    /// <exception cref="UnauthorizedAccessException">The host doesn't allow it.</exception>
    public static HostDisk Open(string path, FileAccess access, bool force = false)
    {
        var write = access != FileAccess.Read;
        if (write && !force)
            CheckUnused(path);
        HostDiskMedium medium;
        if (OperatingSystem.IsLinux())
            medium = LinuxDisk.Open(path, write, force);
        else if (OperatingSystem.IsWindows())
            medium = WindowsDisk.Open(path, write, force);
        else if (OperatingSystem.IsMacOS())
            medium = MacDisk.Open(path, write);
        else
            throw new PlatformNotSupportedException("disks can be opened on Linux, Windows and macOS");
        return new HostDisk(path, medium, write);
    }

    /// <summary>Opens a disk to replace all that is on it, which is never done without being told so.</summary>
    /// <exception cref="SafetyException"><paramref name="force"/> is false.</exception>
    /// <inheritdoc cref="Open" path="/exception"/>
    public static HostDisk OpenToOverwrite(string path, bool force)
    {
        if (!force)
            throw new SafetyException($"{path} is a disk of this computer, and everything on it would be lost");
        CheckUnused(path);      // force is for what is stored there; what is mounted would write back over the new content
        return Open(path, FileAccess.ReadWrite);
    }

    public override void Flush()
    {
        if (_canWrite)
            _medium.Flush();
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        var unit = _medium.Alignment;
        if (offset % unit == 0 && buffer.Length % unit == 0)
        {
            _medium.Read(offset, buffer);
            return;
        }
        using var sectors = new Sectors(offset, buffer.Length, unit);
        _medium.Read(sectors.Offset, sectors.Bytes);
        sectors.Part.CopyTo(buffer);
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        var unit = _medium.Alignment;
        if (offset % unit == 0 && data.Length % unit == 0)
        {
            _medium.Write(offset, data);
            return;
        }
        using var sectors = new Sectors(offset, data.Length, unit);
        _medium.Read(sectors.Offset, sectors.Bytes[..unit]);
        if (sectors.Bytes.Length > unit)
            _medium.Read(sectors.Offset + sectors.Bytes.Length - unit, sectors.Bytes[^unit..]);
        data.CopyTo(sectors.Part);
        _medium.Write(sectors.Offset, sectors.Bytes);
    }

    protected override void WriteZerosCore(long offset, long length)
    {
        var from = (offset + SectorSize - 1) / SectorSize * SectorSize;
        var end = (offset + length) / SectorSize * SectorSize;
        if (end - from < 64 << 10 || !_medium.TryWriteZeros(from, end - from))
        {
            base.WriteZerosCore(offset, length);
            return;
        }
        if (from > offset)
            base.WriteZerosCore(offset, from - offset);
        if (offset + length > end)
            base.WriteZerosCore(end, offset + length - end);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _medium.Dispose();
        base.Dispose(disposing);
    }

    private static void CheckUnused(string path)
    {
        var uses = HostDisks.Uses(path);
        if (uses.Count > 0)
            throw new InUseException($"{path} is in use: {string.Join("; ", uses)}");
    }

    // Whole sectors around a range that isn't whole sectors.
    private readonly ref struct Sectors : IDisposable
    {
        private readonly byte[] _rented;
        private readonly int _from, _count, _length;

        public Sectors(long offset, int count, int unit)
        {
            Offset = offset / unit * unit;
            _from = (int)(offset - Offset);
            _count = count;
            _length = checked((_from + count + unit - 1) / unit * unit);
            _rented = ArrayPool<byte>.Shared.Rent(_length);
        }

        public long Offset { get; }
        public Span<byte> Bytes => _rented.AsSpan(0, _length);
        public Span<byte> Part => _rented.AsSpan(_from, _count);

        public void Dispose() => ArrayPool<byte>.Shared.Return(_rented);
    }
}
