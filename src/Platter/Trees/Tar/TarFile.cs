using Platter.Blocks;
using Platter.Images;
using Platter.Images.Compressed;

namespace Platter.Trees.Tar;

/// <summary>The bytes of an archive, wherever they come from, unpacked and at any offset.</summary>
/// <param name="Archive">The bytes.</param>
/// <param name="Damage">Why there are no more of them; null when there are all.</param>
internal sealed record TarFile(BlockDevice Archive, DiskFormatException? Damage)
{
    /// <summary>Names by which archives go, for what could be anything: an archive of nothing is zeros.</summary>
    private static readonly string[] Extensions = [".tar", ".tgz", ".tbz2", ".txz", ".tzst"];

    /// <summary>Opens a file; null when it is no archive.</summary>
    public static TarFile? Open(string path, TarOptions options)
    {
        using (var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0))
        {
            if (!stream.CanSeek)
                return Open(stream, options);
        }
        var name = Path.GetFileName(path);
        return Open(HostFile.Open(path, FileAccess.Read), options, Extensions.Any(e => name.Contains(e, StringComparison.OrdinalIgnoreCase)));
    }

    /// <summary>Reads a stream to its end; null when it is no archive.</summary>
    public static TarFile? Open(Stream stream, TarOptions options)
    {
        var spool = new SpooledDevice(options.TemporaryFolder);
        try
        {
            var buffer = new byte[1 << 20];
            for (int count; (count = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)) > 0;)
            {
                options.Cancellation.ThrowIfCancellationRequested();
                spool.Append(buffer.AsSpan(0, count));
            }
            return Open(spool, options, isNamedSo: true);
        }
        catch
        {
            spool.Dispose();
            throw;
        }
    }

    // Takes the file over, whatever comes of it.
    private static TarFile? Open(BlockDevice file, TarOptions options, bool isNamedSo)
    {
        BlockDevice? keep = file;
        try
        {
            var format = Unpacking.Recognise(file);
            var start = new byte[TarReader.BlockSize];
            var count = format is null ? ReadStart(file, start) : Unpacking.ReadStart(format, file, start);
            if (!IsStart(start.AsSpan(0, count), isNamedSo))
                return null;
            if (format is null)
            {
                keep = null;
                return new TarFile(file, null);
            }
            return Unpack(format, file, options);
        }
        finally
        {
            keep?.Dispose();
        }
    }

    private static int ReadStart(BlockDevice file, Span<byte> start)
    {
        var count = (int)Math.Min(start.Length, file.Length);
        file.Read(0, start[..count]);
        return count;
    }

    private static bool IsStart(ReadOnlySpan<byte> start, bool isNamedSo) =>
        start.Length == TarReader.BlockSize && (start.ContainsAnyExcept((byte)0) ? TarReader.HasChecksum(start) : isNamedSo);

    private static TarFile Unpack(CompressedFormat format, BlockDevice file, TarOptions options)
    {
        var spool = new SpooledDevice(options.TemporaryFolder);
        try
        {
            Unpacking.Unpack(format, file, spool.WriteAt, options.Cancellation);
            return new TarFile(spool, null);
        }
        catch (DiskFormatException damage) when (spool.Length > 0)
        {
            // What came out before the damage can be had.
            return new TarFile(spool, damage);
        }
        catch
        {
            spool.Dispose();
            throw;
        }
    }
}
