using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Images;

/// <summary>Any container to any other: the disk stays the same, and qemu agrees wherever it knows the format.</summary>
public sealed class ConvertMatrixTests(ConvertMatrixTests.Images images) : IClassFixture<ConvertMatrixTests.Images>, IDisposable
{
    // What qemu calls each of them; null where it knows nothing of it.
    private static readonly (string Name, string Settings, string? Qemu)[] Kinds =
    [
        ("raw", "", "raw"), ("vhd-fixed", "", "vpc"), ("vhd", "", "vpc"), ("vhdx", "", "vhdx"), ("vhdx-fixed", "", "vhdx"),
        ("qcow2", "", "qcow2"), ("qcow2", "cluster_size=4K", "qcow2"), ("vmdk", "", "vmdk"), ("vmdk", "subformat=streamOptimized", "vmdk"),
        ("vdi", "", "vdi"), ("vdi", "subformat=fixed", "vdi"), ("gz", "compression_level=1", null), ("xz", "compression_level=0", null), ("zst", "", null), ("lz4", "", null), ("bz2", "compression_level=1", null),
    ];

    private readonly TempFolder _folder = new();

    public static TheoryData<int> All { get; } = [.. Enumerable.Range(0, Kinds.Length)];

    /// <summary>The same disk in each container.</summary>
    public sealed class Images : IDisposable
    {
        private readonly TempFolder _folder = new();

        public Images()
        {
            Raw = _folder.File("0.raw");
            TestDisk.Make(Raw, 8 << 20, 3 << 19, seed: 4);
            using var source = ImageFile.Open(Raw, ImageAccess.Read);
            for (var kind = 0; kind < Kinds.Length; kind++)
                ImageConverter.ToNewImage(source.Device, Path(kind), Options(kind));
        }

        public string Raw { get; }

        public string Path(int kind) => _folder.File($"{kind}.disk");

        public void Dispose() => _folder.Dispose();
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(All))]
    public void From_this_one_to_every_other(int from)
    {
        using var source = ImageFile.Open(images.Path(from), ImageAccess.Read);
        Assert.Equal(Kinds[from].Name, source.Container.Format.Name);
        for (var to = 0; to < Kinds.Length; to++)
        {
            var path = _folder.File("out");
            var report = ImageConverter.ToNewImage(source.Device, path, Options(to) with { Verify = true, Overwrite = true });
            Assert.True(report.IsVerified);
            Assert.Equal(source.Device.Length, report.Length);
            if (Kinds[to].Qemu is { } format)
                Assert.Contains("identical", Tool.Expect("qemu-img", "compare", "-f", format, "-F", "raw", path, images.Raw), StringComparison.Ordinal);
            else if (from == 0)
                Assert.Equal(File.ReadAllBytes(images.Path(to)), File.ReadAllBytes(path));
        }
    }

    private static ConvertOptions Options(int kind) => new()
    {
        Format = ContainerFormat.FromName(Kinds[kind].Name),
        Container = new ContainerOptions { Settings = Kinds[kind].Settings.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('=')).ToDictionary(s => s[0], s => s[1]) },
    };
}
