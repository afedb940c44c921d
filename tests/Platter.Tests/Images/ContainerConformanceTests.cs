using Platter.Blocks;
using Platter.Images;

namespace Platter.Tests.Images;

/// <summary>A VMDK of one sparse extent.</summary>
public abstract class VmdkConformance(long freshLimit) : ContainerConformance
{
    protected override long FreshLimit => freshLimit;

    protected override void Make(ResizableDevice host, long length) => ContainerFormat.Vmdk.Create(host, length).Dispose();
}

public sealed class VmdkConformanceTests() : VmdkConformance(64 << 10);

public sealed class VmdkWithFreshDataAtOnceConformance() : VmdkConformance(0);

/// <summary>A VDI of either kind.</summary>
public abstract class VdiConformance(string subformat, long freshLimit) : ContainerConformance
{
    protected override long TestLength => 3_002_368;     // no whole blocks
    protected override long FreshLimit => freshLimit;

    protected override void Make(ResizableDevice host, long length) => ContainerFormat.Vdi.Create(host, length, new ContainerOptions
    {
        Settings = new Dictionary<string, string> { ["subformat"] = subformat },
    }).Dispose();
}

public sealed class VdiDynamicConformance() : VdiConformance("dynamic", 64 << 10);

public sealed class VdiWithFreshDataAtOnceConformance() : VdiConformance("dynamic", 0);

public sealed class VdiFixedConformance() : VdiConformance("fixed", 64 << 10);

/// <summary>A difference to a VMDK of zeros: what is written goes to it alone.</summary>
public sealed class VmdkDifferenceConformance : ContainerConformance
{
    private readonly ResizableMemoryDevice _parent = new(0);

    protected override void Make(ResizableDevice host, long length)
    {
        ContainerFormat.Vmdk.Create(_parent, length).Dispose();
        using var parent = Container.Open(_parent);
        ContainerFormat.Vmdk.Create(host, length, new ContainerOptions { Parent = parent, ParentReference = "parent.vmdk" }).Dispose();
    }

    // Opened over the parent in memory, which no path leads to.
    private protected override Container Open(BlockDevice host)
    {
        var layout = Platter.Images.Vmdk.VmdkLayout.Read(host);
        var text = new byte[layout.DescriptorSize];
        host.Read(layout.DescriptorOffset, text);
        var parent = Container.Open(_parent);
        return new Platter.Images.Vmdk.VmdkImage(host, new Platter.Images.Vmdk.VmdkDisk(host, parent.Disk, layout),
            Platter.Images.Vmdk.VmdkDescriptor.Parse(text, layout.DescriptorOffset), layout, (parent, true), ownsHost: true);
    }
}
