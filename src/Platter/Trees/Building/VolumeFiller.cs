using Platter.Blocks;
using Platter.FileSystems;

namespace Platter.Trees.Building;

/// <summary>Formats a device and fills the new volume from a tree.</summary>
internal static class VolumeFiller
{
    /// <param name="image">A device of an image that is being made: nothing on it has to be durable before it is complete.</param>
    /// <param name="type">The filesystem.</param>
    /// <param name="format">How to format it.</param>
    /// <param name="source">What goes into it; null for nothing.</param>
    /// <param name="options">How.</param>
    /// <param name="written">Told how many bytes of it have been written so far.</param>
    public static BuiltVolume Fill(BlockDevice image, FileSystemType type, FormatOptions format, TreeSource? source, BuildOptions options, Action<long> written)
    {
        using var device = new GatheringDevice(image, written);
        var clocked = format with { Clock = options.Clock, Volume = format.Volume with { Clock = options.Clock } };
        type.Format(device, clocked);
        if (source is null)
        {
            // Nothing to edit: what can only be formatted will do.
            device.Flush();
            using var empty = type.Open(device, clocked.Volume);
            return new BuiltVolume { Info = empty.Info, Length = device.Length, FreeBytes = empty.FreeBytes, Copied = new CopyReport() };
        }
        using var volume = type.OpenForEditing(device, clocked.Volume);
        CopyReport report;
        using (var sink = new VolumeTreeSink(volume))
        {
            report = TreeCopier.Copy(source, sink, new CopyOptions
            {
                Progress = options.Progress,
                Cancellation = options.Cancellation,
                Epoch = options.Epoch is { } epoch ? Timestamp.From(epoch) : null,
                CopyRootMetadata = true,
                StopAtFirstProblem = !options.KeepGoing,
                MissingLinks = options.MissingLinks,
            });
        }
        volume.Commit();
        device.Flush();
        return new BuiltVolume { Info = volume.Info, Length = device.Length, FreeBytes = volume.FreeBytes, Copied = report };
    }
}

/// <summary>A device with another sector size than the one below: an image file says nothing of the disk it is for.</summary>
internal sealed class SectoredDevice(BlockDevice inner, int sectorSize) : BlockDevice
{
    public override long Length => inner.Length;
    public override int SectorSize => sectorSize;
    public override bool CanWrite => inner.CanWrite;
    public override bool CanRollback => inner.CanRollback;

    public override void Flush() => inner.Flush();

    public override void Rollback() => inner.Rollback();

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length) => inner.AllocatedRanges(offset, length);

    private protected override HostExtent? FindOnHostCore(long offset, long length) => inner.FindOnHost(offset, length);

    protected override void ReadCore(long offset, Span<byte> buffer) => inner.Read(offset, buffer);

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => inner.Write(offset, data);

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data) => inner.WriteFresh(offset, data);

    protected override void DiscardCore(long offset, long length) => inner.Discard(offset, length);

    protected override void WriteZerosCore(long offset, long length) => inner.WriteZeros(offset, length);
}
