using Microsoft.Win32.SafeHandles;

namespace Platter.Blocks;

/// <summary>Bytes that are kept for a while: in memory, from a few megabytes on in a temporary file that has no name any more. Zeros take
/// no room.</summary>
internal sealed class SpooledDevice : BlockDevice
{
    private const int MemoryLimit = 4 << 20;
    private const int ZeroBlock = 4096;

    private readonly string _folder;
    private byte[]? _memory = new byte[64 << 10];
    private SafeFileHandle? _file;
    private string? _path;
    private long _length, _fileLength;

    /// <param name="folder">Where the file goes; null for the host's folder for large temporary files.</param>
    public SpooledDevice(string? folder) => _folder = folder ?? (Directory.Exists("/var/tmp") ? "/var/tmp" : Path.GetTempPath());

    public override long Length => _length;
    public override bool CanWrite => false;

    /// <summary>Adds bytes at the end.</summary>
    public void Append(ReadOnlySpan<byte> bytes) => WriteAt(_length, bytes);

    /// <summary>Puts bytes anywhere; what lies between them and the end is zeros.</summary>
    public void WriteAt(long offset, ReadOnlySpan<byte> bytes)
    {
        var end = offset + bytes.Length;
        _length = Math.Max(_length, end);
        if (_memory is not null)
        {
            if (end <= MemoryLimit)
            {
                if (end > _memory.Length)
                    Array.Resize(ref _memory, (int)Math.Min(MemoryLimit, Math.Max(end, _memory.Length * 4L)));
                bytes.CopyTo(_memory.AsSpan((int)offset));
                return;
            }
            MoveToFile();
        }
        WriteToFile(offset, bytes);
    }

    public override void Flush()
    {
        // Nobody wants to find it again.
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        if (_memory is not null)
        {
            // Zeros at the end may never have been put there.
            var there = (int)Math.Clamp(_memory.Length - offset, 0, buffer.Length);
            _memory.AsSpan((int)Math.Min(offset, _memory.Length), there).CopyTo(buffer);
            buffer[there..].Clear();
            return;
        }
        while (!buffer.IsEmpty)
        {
            var count = offset < _fileLength ? RandomAccess.Read(_file!, buffer, offset) : 0;
            if (count == 0)
            {
                buffer.Clear();
                return;
            }
            buffer = buffer[count..];
            offset += count;
        }
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => throw new UnauthorizedAccessException("what is kept for a while is not edited");

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file?.Dispose();
            if (_path is not null)
                File.Delete(_path);
            _memory = null;
        }
        base.Dispose(disposing);
    }

    private void MoveToFile()
    {
        var path = Path.Combine(_folder, "platter-" + Path.GetRandomFileName());
        _file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);
        // A file without a name is gone when the process is, however it ends; elsewhere it is deleted when it is closed.
        if (OperatingSystem.IsWindows())
            _path = path;
        else
            File.Delete(path);
        WriteToFile(0, _memory);
        _memory = null;
    }

    private void WriteToFile(long offset, ReadOnlySpan<byte> bytes)
    {
        // Runs of zeros, block by block, are left out.
        for (var from = 0; from < bytes.Length;)
        {
            var to = from;
            while (to < bytes.Length && !IsZero(bytes, to, out var next))
                to = next;
            if (to > from)
            {
                RandomAccess.Write(_file!, bytes[from..to], offset + from);
                _fileLength = Math.Max(_fileLength, offset + to);
            }
            from = to;
            while (from < bytes.Length && IsZero(bytes, from, out var next))
                from = next;
        }
    }

    private static bool IsZero(ReadOnlySpan<byte> bytes, int from, out int next)
    {
        next = Math.Min(from + ZeroBlock, bytes.Length);
        return !bytes[from..next].ContainsAnyExcept((byte)0);
    }
}
