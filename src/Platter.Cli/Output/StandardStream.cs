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
    private static readonly int Again = OperatingSystem.IsMacOS() ? 35 : 11;

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

    /// <summary>How many columns the terminal has; 80 where it doesn't say.</summary>
    public static int Columns(int descriptor)
    {
        const int usual = 80;
        if (OperatingSystem.IsLinux())
            return Linux.ioctl(descriptor, Linux.GetWindowSize, out var size) == 0 && size.Columns > 0 ? size.Columns : usual;
        try
        {
            return Console.WindowWidth is > 0 and var columns ? columns : usual;
        }
        catch (IOException)
        {
            return usual;
        }
    }

    /// <summary>Whether somebody sits in front of it whose terminal can go back and erase; <c>TERM=dumb</c> says that it can't.</summary>
    public static bool IsCapableTerminal(int descriptor) => IsTerminal(descriptor) && Environment.GetEnvironmentVariable("TERM") != "dumb";

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
                if (_descriptor == 2 && error != Interrupted && error != Again)
                    return;         // closed, full, or nobody reads it: what is done goes on, and its exit code tells how it ended
                if (error == BrokenPipe)
                    throw new BrokenPipeException();
                if (error == Again)
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

        internal const nuint GetWindowSize = 0x5413;        // TIOCGWINSZ

        internal struct WindowSize
        {
            public ushort Rows, Columns, XPixels, YPixels;
        }

        [LibraryImport(Library)]
        internal static partial int ioctl(int descriptor, nuint request, out WindowSize size);
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
