using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images.Qcow2;

internal sealed class Qcow2Format : ContainerFormat
{
    public override string Name => "qcow2";
    public override string Description => "qcow2";
    public override IReadOnlyList<string> Extensions => [".qcow2"];
    public override bool CanHaveParent => true;

    // Version 1 is another format; the unknown ones that may come are named when they are opened.
    public override bool Recognises(ContainerProbe probe) =>
        probe.HeadHas(0, [(byte)'Q', (byte)'F', (byte)'I', 0xFB]) && (probe.Head.Length < 8 || OnDisk.View<U32Be>(probe.Head.Span, 4) != 1);

    // What is wrong with the header is said when the image is opened.
    internal override ImagePart[] OtherFiles(ContainerProbe probe) => Recognises(probe) ? ExternalData(probe) : NoParts;

    private static ImagePart[] ExternalData(ContainerProbe probe)
    {
        if (probe.Head.Length < Qcow2Header.KnownLength)
            return [];
        ref readonly var header = ref OnDisk.View<Qcow2Header>(probe.Head.Span);
        if (header.Version < 3 || ((IncompatibleFeatures)(ulong)header.Incompatible & IncompatibleFeatures.ExternalData) == 0)
            return [];
        try
        {
            var geometry = Qcow2Geometry.Read(probe.Host);
            return geometry.Extensions.DataFile is { } name ? [new ImagePart(Qcow2Image.LocalName(name), geometry.Size, Grows: true)] : [];
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
        {
            return [];
        }
    }

    public override Container Open(ContainerProbe probe, bool ownsHost) => Qcow2Image.OpenFile(probe.Host, probe.Neighbours, ownsHost);

    public override long RoundedSize(long size, ContainerOptions options) => Qcow2Creation.RoundedSize(size, Qcow2Settings.Read(options));

    public override bool CanWriteInOrder => true;

    public override ImageWriter CreateInOrder(ResizableDevice host, long size, ContainerOptions? options)
    {
        if (Qcow2Settings.Read(options ?? new ContainerOptions()).Preallocate)
            throw new ArgumentException("preallocation and compression don't go together: a compressed cluster has no place before its length is known");
        return new Qcow2Writer(host, (Qcow2Image)Create(host, size, options, ownsHost: false));
    }

    public override Container Create(ResizableDevice host, long size, ContainerOptions? options, bool ownsHost)
    {
        options ??= new ContainerOptions();
        var settings = Qcow2Settings.Read(options);
        Empty(host, 0);
        Qcow2Creation.Write(host, Qcow2Creation.RoundedSize(size, settings), settings);
        var image = Qcow2Image.OpenNew(host, options.Parent, ownsHost);
        if (settings.Preallocate)
            image.QcowDisk.Preallocate();
        return image;
    }
}
