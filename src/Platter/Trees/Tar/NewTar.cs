using Platter.Blocks;
using Platter.Images;
using Platter.Images.Compressed;

namespace Platter.Trees.Tar;

/// <summary>An archive in the making: under a temporary name until it is complete, or on its way into a stream.</summary>
public sealed class NewTar : IDisposable
{
    private readonly NewFile? _file;
    private readonly Stream _output;
    private bool _done;

    private NewTar(NewFile? file, Stream output)
    {
        _file = file;
        _output = output;
        Sink = new TarSink(output);
    }

    /// <summary>Where the tree goes.</summary>
    public TarSink Sink { get; }

    /// <summary>Bytes of the archive, uncompressed.</summary>
    public long Length => _output.Position;

    /// <summary>Starts an archive in a file; nothing appears under its name before <see cref="Complete"/>.</summary>
    /// <param name="path">Where it will be.</param>
    /// <param name="compression">Null to go by the name.</param>
    /// <param name="overwrite">Whether what is there gives way.</param>
    /// <exception cref="AlreadyExistsException">Something of that name is there, and is not to be overwritten.</exception>
    /// <exception cref="UnsupportedFeatureException">The system's library for the compression is missing.</exception>
    public static NewTar Create(string path, TarCompression? compression = null, bool overwrite = false)
    {
        compression ??= TarCompression.FromPath(path) ?? TarCompression.None;
        var file = NewFile.Create(path, 0, new NewImageOptions { Overwrite = overwrite });
        try
        {
            return new NewTar(file, compression.Format is null ? new AppendingStream(file.File) : Packing(compression, file.File));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Starts an archive that goes into a stream, which stays the caller's.</summary>
    public static NewTar To(Stream stream, TarCompression? compression = null)
    {
        var device = new ForwardDevice(stream);
        return new NewTar(null, compression?.Format is null ? new AppendingStream(device) : Packing(compression, device));
    }

    /// <summary>Writes the rest, makes a file durable and gives it its name.</summary>
    /// <exception cref="AlreadyExistsException">Meanwhile something of that name came to be, and is not to be overwritten.</exception>
    public void Complete()
    {
        Sink.End();
        if (_output is PackingStream packing)
            packing.Complete();
        else
            ((AppendingStream)_output).Complete();
        _output.Dispose();
        _file?.Complete();
        _done = true;
    }

    /// <summary>Without <see cref="Complete"/>, takes away what was made.</summary>
    public void Dispose()
    {
        if (_done)
            return;
        _done = true;
        _output.Dispose();
        _file?.Dispose();
        Sink.Dispose();
    }

    // Long blocks for compressions that look far back.
    private static PackingStream Packing(TarCompression compression, ResizableDevice device)
    {
        var options = new ContainerOptions();
        if (compression == TarCompression.Zstd)
            options = options with { Settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["block_size"] = "4M" } };
        return new PackingStream(compression.Format!.CreateStream(device, options));
    }

    /// <summary>A device as a stream that grows: in long writes, and what was written last can be taken back.</summary>
    private sealed class AppendingStream(ResizableDevice device) : Stream
    {
        private const long WritingStep = 32 << 20;

        private readonly byte[] _buffer = new byte[1 << 20];
        private long _written, _started;
        private int _filled;

        public override bool CanRead => false;
        public override bool CanSeek => device is not ForwardDevice;
        public override bool CanWrite => true;
        public override long Length => _written + _filled;

        public override long Position
        {
            get => Length;
            set => throw new NotSupportedException("an archive is written in order");
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (buffer.Length > _buffer.Length - _filled)
                WriteOut();
            if (buffer.Length >= _buffer.Length)
            {
                Append(buffer);
                return;
            }
            buffer.CopyTo(_buffer.AsSpan(_filled));
            _filled += buffer.Length;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void SetLength(long value)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, Length);
            if (value >= _written)
            {
                _filled = (int)(value - _written);
                return;
            }
            _filled = 0;
            _written = value;
            device.SetLength(value);
        }

        public void Complete()
        {
            WriteOut();
            device.Flush();
        }

        public override void Flush()
        {
            // In the end, once.
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("an archive in the making is not read");

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("an archive is written in order");

        private void WriteOut()
        {
            Append(_buffer.AsSpan(0, _filled));
            _filled = 0;
        }

        private void Append(ReadOnlySpan<byte> bytes)
        {
            if (bytes.IsEmpty)
                return;
            device.SetLength(_written + bytes.Length);
            device.Write(_written, bytes);
            _written += bytes.Length;
            if (device is HostFile file && _written - _started >= WritingStep)
            {
                _started = _written;
                file.StartWriting();
            }
        }
    }
}
