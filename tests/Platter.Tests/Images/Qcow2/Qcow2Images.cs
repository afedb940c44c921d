using Platter.Blocks;
using Platter.Images;
using Platter.Images.Qcow2;
using Xunit;

namespace Platter.Tests.Images.Qcow2;

/// <summary>Images for the tests.</summary>
internal static class Qcow2Images
{
    /// <summary>Options from <c>key=value,key=value</c>.</summary>
    public static ContainerOptions Options(string settings, Container? parent = null) => new()
    {
        Settings = settings.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('=')).ToDictionary(p => p[0], p => p[1], StringComparer.Ordinal),
        Parent = parent,
        ParentReference = parent is null ? null : "base.img",
    };

    /// <summary>Opens an image whose backing file, if it has one, is already open.</summary>
    public static Container Open(BlockDevice host, Container? parent) =>
        parent is null ? Container.Open(host) : Qcow2Image.OpenNew(host, parent, ownsHost: false);

    public static void AssertClean(BlockDevice host)
    {
        var report = new CheckReport();
        new Qcow2Checker(host, null, Qcow2Geometry.Read(host), report).Check();
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
    }
}

/// <summary>A container's disk that takes the container along when it goes.</summary>
internal sealed class OwnedDisk(Container container, BlockDevice? host) : BlockDevice
{
    public override long Length => container.Disk.Length;
    public override bool CanWrite => container.Disk.CanWrite;
    public override bool CanRollback => container.Disk.CanRollback;

    public override void Flush() => container.Disk.Flush();

    public override void Rollback() => container.Disk.Rollback();

    public override IEnumerable<ByteRange> AllocatedRanges(long offset, long length) => container.Disk.AllocatedRanges(offset, length);

    protected override void ReadCore(long offset, Span<byte> buffer) => container.Disk.Read(offset, buffer);

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => container.Disk.Write(offset, data);

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data) => container.Disk.WriteFresh(offset, data);

    protected override void DiscardCore(long offset, long length) => container.Disk.Discard(offset, length);

    protected override void WriteZerosCore(long offset, long length) => container.Disk.WriteZeros(offset, length);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            container.Dispose();
            host?.Dispose();
        }
        base.Dispose(disposing);
    }
}
