using Platter.Blocks;
using Platter.FileSystems;
using Platter.Images;
using Platter.Partitions;

namespace Platter.Trees;

/// <summary>A filesystem of an image as a tree; opens and closes the image itself.</summary>
internal sealed class ImageTreeSource : TreeSource
{
    private readonly ImageFile _image;
    private readonly Volume _volume;
    private readonly VolumeTreeSource _source;

    private ImageTreeSource(ImageFile image, Volume volume)
    {
        _image = image;
        _volume = volume;
        _source = VolumeTreeSource.Content(volume);
    }

    /// <summary>Opens <c>IMAGE</c>, <c>IMAGE@N</c>, <c>IMAGE#SNAPSHOT@N</c>, as on the command line.</summary>
    /// <exception cref="FileNotFoundException">There is no such image or partition.</exception>
    /// <exception cref="UnsupportedFeatureException">It holds no filesystem that Platter knows.</exception>
    public static ImageTreeSource Open(string address, VolumeOptions options)
    {
        var (path, number, snapshot) = ImageAddress.Parse(address);
        var image = ImageFile.Open(path, ImageAccess.Read, new ImageOptions { Snapshot = snapshot });
        try
        {
            var device = Find(image.Device, address, number);
            var type = FileSystemTypes.Recognise(device) ?? throw new UnsupportedFeatureException($"{address} holds no filesystem that Platter knows");
            var volume = type.Open(device, options);
            try
            {
                return new ImageTreeSource(image, volume);
            }
            catch
            {
                volume.Dispose();
                throw;
            }
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    public override FileMetadata? RootMetadata => _source.RootMetadata;

    public override Capabilities? Capabilities => _source.Capabilities;

    public override IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default) => _source.Walk(cancellation);

    public override TreeContent OpenContent(TreeEntry entry, StreamName stream) => _source.OpenContent(entry, stream);

    public override int ReadWhole(TreeEntry entry, Span<byte> buffer) => _source.ReadWhole(entry, buffer);

    public override IReadOnlyList<StreamDescription> GetStreams(TreeEntry entry) => _source.GetStreams(entry);

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(TreeEntry entry) => _source.GetExtendedAttributes(entry);

    public override TreeEntry? FollowLink(TreeEntry link) => _source.FollowLink(link);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _source.Dispose();
            _volume.Dispose();
            _image.Dispose();
        }
        base.Dispose(disposing);
    }

    private static BlockDevice Find(BlockDevice disk, string address, int? number)
    {
        if (number is null && FileSystemTypes.Recognise(disk) is not null)
            return disk;
        var table = PartitionTable.TryOpen(disk) ?? throw new UnsupportedFeatureException($"{address} holds no filesystem that Platter knows, and no partition table");
        if (number is { } wanted)
            return table[wanted].OpenDevice();
        var known = table.Partitions.Where(p => !p.IsExtended && !p.ReachesPastEnd && FileSystemTypes.Recognise(p.OpenDevice()) is not null).ToList();
        return known.Count == 1
            ? known[0].OpenDevice()
            : throw new FileNotFoundException($"{address} has {known.Count} partitions with a filesystem: say which, as {address}@{(known.Count > 0 ? known[0].Number : 1)}");
    }
}
