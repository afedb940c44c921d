using Platter.Blocks;
using Platter.Trees.Specs;
using Platter.Trees.Toml;

namespace Platter.Trees.Building;

/// <summary>A host file that goes onto the disk as it is.</summary>
internal sealed class RawContent
{
    private const int PieceLength = 1 << 20;
    private readonly string _path;

    /// <exception cref="TomlException">There is no such file.</exception>
    public RawContent(SourceSpec source, SpecFolders folders)
    {
        Source = source;
        _path = folders.Resolve(source);
        var info = new FileInfo(_path);
        if (!info.Exists)
            throw new TomlException(source.Place, $"there is no file {source.Path}");
        // A link's own length is that of its target's name.
        Length = info.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target ? target.Length : info.Length;
        if (Length == 0)
            throw new TomlException(source.Place, $"the file {source.Path} is empty");
    }

    /// <summary>The file as the spec names it.</summary>
    public SourceSpec Source { get; }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    /// <summary>Writes it onto a device that reads as zeros.</summary>
    /// <exception cref="IOException">The file is no longer as long as it was.</exception>
    public void WriteTo(BlockDevice device, long offset, BuildOptions options)
    {
        using var file = File.OpenHandle(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.SequentialScan);
        var buffer = new byte[Math.Min(PieceLength, Length)];
        for (var done = 0L; done < Length;)
        {
            options.Cancellation.ThrowIfCancellationRequested();
            var piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, Length - done));
            var read = RandomAccess.Read(file, piece, done);
            if (read == 0)
                throw new IOException($"{Source.Path} has become shorter while it was read");
            if (piece[..read].ContainsAnyExcept((byte)0))
                device.Write(offset + done, piece[..read]);
            done += read;
            options.Progress?.Report(new WorkProgress("copying", done, Length, 0, null, Source.Path));
        }
    }
}
