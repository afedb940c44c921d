using System.Runtime.InteropServices;

namespace Platter.Cli.Output;

/// <summary>Nobody reads our standard output any more (<c>platter cat x | head</c>): the work is over, quietly.</summary>
internal sealed class BrokenPipeException() : IOException("the reader of standard output has gone away");

/// <summary>Standard output or error as a stream that is written as it stands: in order, at the file's own position, and with an exception
/// when the reader is gone.</summary>
/// <remarks>The framework's console stream swallows the broken pipe, so that a whole image would be read for nobody; its FileStream writes
/// at positions of its own, so that two commands writing to one file would overwrite each other.</remarks>
internal sealed partial class StandardStream : Stream
{
    private const int Interrupted = 4, BrokenPipe = 32;

    private readonly int _descriptor;
    private readonly Stream? _console;

    private StandardStream(int descriptor)
    {
        _descriptor = descriptor;
        if (OperatingSystem.IsWindows())
            _console = descriptor == 1 ? Console.OpenStandardOutput() : Console.OpenStandardError();
    }

    public static StandardStream Output { get; } = new(1);

    public static StandardStream Error { get; } = new(2);

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Whether somebody sits in front of it.</summary>
    public static bool IsTerminal(int descriptor) => OperatingSystem.IsWindows()
        ? !(descriptor switch { 0 => Console.IsInputRedirected, 1 => Console.IsOutputRedirected, _ => Console.IsErrorRedirected })
        : (OperatingSystem.IsLinux() ? Linux.isatty(descriptor) : Unix.isatty(descriptor)) == 1;

    public override unsafe void Write(ReadOnlySpan<byte> buffer)
    {
        if (_console is not null)
        {
            _console.Write(buffer);
            return;
        }
        fixed (byte* bytes = buffer)
        {
            for (var done = 0; done < buffer.Length;)
            {
                var n = Put(_descriptor, bytes + done, buffer.Length - done);
                if (n >= 0)
                {
                    done += (int)n;
                    continue;
                }
                var error = Marshal.GetLastPInvokeError();
                if (error == BrokenPipe)
                    throw new BrokenPipeException();
                if (error == (OperatingSystem.IsMacOS() ? 35 : 11))
                    Thread.Sleep(1);        // EAGAIN: somebody made the pipe non-blocking
                else if (error != Interrupted)
                    throw new IOException($"standard output: {Marshal.GetPInvokeErrorMessage(error)}", error);
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private static unsafe nint Put(int descriptor, byte* bytes, nint count) =>
        OperatingSystem.IsLinux() ? Linux.write(descriptor, bytes, count) : Unix.write(descriptor, bytes, count);

    private static partial class Linux
    {
        // The full name: for a shorter one the linker is asked three times in vain at every start. musl takes it for its own.
        private const string Library = "libc.so.6";

        [LibraryImport(Library, SetLastError = true)]
        internal static unsafe partial nint write(int descriptor, byte* bytes, nint count);

        [LibraryImport(Library)]
        internal static partial int isatty(int descriptor);
    }

    // macOS
    private static partial class Unix
    {
        [LibraryImport("libc", SetLastError = true)]
        internal static unsafe partial nint write(int descriptor, byte* bytes, nint count);

        [LibraryImport("libc")]
        internal static partial int isatty(int descriptor);
    }
}
