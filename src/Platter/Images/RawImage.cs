using Platter.Blocks;

namespace Platter.Images;

/// <summary>A raw image: the file is the disk.</summary>
internal sealed class RawImage(BlockDevice host, bool ownsHost) : Container(ContainerFormat.Raw, host)
{
    public override BlockDevice Disk { get; } = new WindowDevice(host, 0, host.Length);

    public override void Check(CheckReport report)
    {
        if (Host.Length % Host.SectorSize != 0)
        {
            report.Add("IMG-0001", Severity.Note, "RawImage.length", null,
                $"found {Host.Length} bytes, expected whole sectors of {Host.SectorSize}: the last {Host.Length % Host.SectorSize} are out of reach for most programs");
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && ownsHost)
            Host.Dispose();
        base.Dispose(disposing);
    }
}

internal sealed class RawFormat : ContainerFormat
{
    // Not among the statics of all formats: a raw image is opened without making them.
    internal static readonly RawFormat Instance = new();

    public override string Name => "raw";
    public override string Description => "raw";
    public override IReadOnlyList<string> Extensions => [".img", ".raw", ".dd", ".iso", ".ima", ".flp"];

    public override bool Recognises(ContainerProbe probe) => true;

    public override Container Open(ContainerProbe probe, bool ownsHost) => new RawImage(probe.Host, ownsHost);

    public override Container Create(ResizableDevice host, long size, ContainerOptions? options, bool ownsHost)
    {
        _ = new ContainerSettings(this, options ?? new ContainerOptions(), []);
        Empty(host, size);
        return new RawImage(host, ownsHost);
    }
}
