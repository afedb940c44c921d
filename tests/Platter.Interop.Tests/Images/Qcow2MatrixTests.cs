using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Images;

/// <summary>Every combination of options that qemu has: made by either, changed by both in turns, judged by qemu after each.</summary>
public sealed class Qcow2MatrixTests(ITestOutputHelper output) : IDisposable
{
    private const int DiskSize = (5 << 20) + 7 * 512;

    // Rounds of both programs' changes to each image; more by hand, with PLATTER_INTEROP_ROUNDS.
    private static readonly int Rounds = int.TryParse(Environment.GetEnvironmentVariable("PLATTER_INTEROP_ROUNDS"), out var rounds) ? rounds : 2;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Layouts() =>
    [
        "", "compat=0.10", "cluster_size=512", "cluster_size=1K,compat=0.10", "cluster_size=4K", "cluster_size=2M", "cluster_size=128K,compat=0.10",
        "refcount_bits=1", "refcount_bits=2,cluster_size=4K", "refcount_bits=4,cluster_size=2K", "refcount_bits=8", "refcount_bits=32,cluster_size=512", "refcount_bits=64",
        "refcount_bits=64,cluster_size=512", "lazy_refcounts=on", "extended_l2=on", "extended_l2=on,cluster_size=16K", "extended_l2=on,cluster_size=2M,refcount_bits=1",
        "extended_l2=on,cluster_size=128K,compression_type=zstd,lazy_refcounts=on", "compression_type=zstd", "compression_type=zstd,cluster_size=4K,refcount_bits=8",
        "preallocation=metadata", "preallocation=metadata,extended_l2=on", "preallocation=metadata,compat=0.10,cluster_size=4K",
    ];

    [Theory]
    [MemberData(nameof(Layouts))]
    public void An_image_made_by_qemu_is_changed_by_both_in_turns(string settings)
    {
        var path = _folder.File("theirs.qcow2");
        Tool.Expect("qemu-img", ["create", "-q", "-f", "qcow2", .. Options(settings), path, $"{DiskSize}"]);
        Play(path, new byte[DiskSize], settings);
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void An_image_made_by_platter_is_changed_by_both_in_turns(string settings)
    {
        var path = _folder.File("ours.qcow2");
        Make(path, settings, null);
        var info = Tool.Expect("qemu-img", "info", path);
        foreach (var setting in settings.Split(',').Where(s => s.Contains("refcount_bits") || s.Contains("extended_l2") || s.Contains("compression_type") || s.Contains("lazy")))
            Assert.Contains(setting.Replace("refcount_bits=", "refcount bits: ").Replace("extended_l2=on", "extended l2: true").Replace("compression_type=", "compression type: ").Replace("lazy_refcounts=on", "lazy refcounts: true"), info, StringComparison.Ordinal);
        Play(path, new byte[DiskSize], settings);
    }

    [Theory]
    [InlineData("", "raw", 0)]
    [InlineData("compat=0.10", "raw", -1_000_000)]
    [InlineData("cluster_size=512", "qcow2", 1_000_000)]
    [InlineData("cluster_size=2M", "qcow2", -3_000_000)]
    [InlineData("extended_l2=on", "qcow2", 0)]
    [InlineData("extended_l2=on,cluster_size=16K", "raw", -1_500_000)]
    [InlineData("compat=0.10,cluster_size=4K", "vpc", 0)]
    public void Overlays_are_changed_by_both_and_their_base_is_not(string settings, string baseFormat, int longer)
    {
        var size = (DiskSize + longer) / 512 * 512;
        var basis = Bytes(size, 7);
        basis.AsSpan(size / 3, size / 4).Clear();
        var raw = _folder.File("content.img");
        File.WriteAllBytes(raw, basis);
        var parent = _folder.File("base");
        Tool.Expect("qemu-img", ["convert", "-f", "raw", "-O", baseFormat, .. baseFormat == "vpc" ? new[] { "-o", "subformat=fixed,force_size=on" } : [], raw, parent]);
        var before = File.ReadAllBytes(parent);
        var model = new byte[DiskSize];
        basis.AsSpan(0, Math.Min(basis.Length, model.Length)).CopyTo(model);

        var theirs = _folder.File("theirs.qcow2");
        Tool.Expect("qemu-img", ["create", "-q", "-f", "qcow2", .. Options(settings), "-b", "base", "-F", baseFormat, theirs, $"{DiskSize}"]);
        Play(theirs, [.. model], settings);

        var ours = _folder.File("ours.qcow2");
        using (var opened = ImageFile.Open(parent, ImageAccess.Read))
            Make(ours, settings, opened.Container);
        Assert.Contains("backing file: base", Tool.Expect("qemu-img", "info", ours), StringComparison.Ordinal);
        Play(ours, [.. model], settings);
        Assert.True(before.AsSpan().SequenceEqual(File.ReadAllBytes(parent)), "the base is as it was");
    }

    [Theory]
    [InlineData("")]
    [InlineData("compat=0.10")]
    [InlineData("cluster_size=512,refcount_bits=64")]
    [InlineData("cluster_size=2M")]
    [InlineData("extended_l2=on")]
    [InlineData("compression_type=zstd,cluster_size=16K")]
    public void Snapshots_keep_their_state_whoever_writes(string settings)
    {
        var path = _folder.File("snapshots.qcow2");
        Tool.Expect("qemu-img", ["create", "-q", "-f", "qcow2", .. Options(settings), path, $"{DiskSize}"]);
        var duet = new QemuDuet(path, new byte[DiskSize], 3);
        var kept = new List<byte[]>();
        for (var round = 0; round < 3; round++)
        {
            duet.LetQemu(20, compressed: true);
            duet.LetPlatter(20);
            Tool.Expect("qemu-img", "snapshot", "-c", $"state #{round}", path);
            kept.Add([.. duet.Model]);
            duet.LetPlatter(30);
            duet.LetQemu(10);
            duet.Verify(_folder);
        }
        for (var round = 0; round < 3; round++)
        {
            using var byName = ImageFile.Open(path, ImageAccess.Read, new ImageOptions { Snapshot = $"state #{round}" });
            QemuJudge.AssertReads(byName.Device, kept[round], $"snapshot {round}");
            using var byId = ImageFile.Open(path, ImageAccess.Read, new ImageOptions { Snapshot = $"{round + 1}" });
            QemuJudge.AssertReads(byId.Device, kept[round], $"snapshot {round}");
            Assert.False(byId.Device.CanWrite);
        }
        using (var image = ImageFile.Open(path, ImageAccess.Read))
            Assert.Equal(["state #0", "state #1", "state #2"], image.Container.Snapshots.Select(s => s.Name));
        Tool.Expect("qemu-img", "snapshot", "-d", "state #1", path);
        duet.LetPlatter(30);
        duet.Verify(_folder);
        Tool.Expect("qemu-img", "snapshot", "-a", "state #0", path);
        QemuJudge.AssertClean(path);
        QemuJudge.AssertSame(path, kept[0], _folder);
        new QemuDuet(path, kept[0], 5).LetPlatter(30);
        QemuJudge.AssertClean(path);
        QemuJudge.AssertSame(path, kept[0], _folder);
    }

    [Theory]
    [InlineData("")]
    [InlineData("cluster_size=4K")]
    [InlineData("cluster_size=2M")]
    [InlineData("compression_type=zstd")]
    [InlineData("compression_type=zstd,cluster_size=512")]
    [InlineData("extended_l2=on,compression_type=zstd")]
    [InlineData("compat=0.10,cluster_size=64K")]
    public void Compressed_images_of_qemus_are_read_and_edited(string settings)
    {
        var content = Text(DiskSize, 4);
        Bytes(1 << 20, 5).CopyTo(content, 1 << 20);
        content.AsSpan(3 << 20, 1 << 20).Clear();
        File.WriteAllBytes(_folder.File("content.img"), content);
        var path = _folder.File("compressed.qcow2");
        Tool.Expect("qemu-img", ["convert", "-c", "-f", "raw", "-O", "qcow2", .. Options(settings), _folder.File("content.img"), path]);
        Assert.True(settings.Contains("2M") || new FileInfo(path).Length < DiskSize * 3 / 4);
        QemuJudge.AssertReads(path, content);
        var duet = new QemuDuet(path, content, 6);
        for (var round = 0; round < 3; round++)
        {
            duet.LetPlatter(40);
            duet.Verify(_folder);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(",data_file_raw=on")]
    [InlineData(",cluster_size=4K")]
    [InlineData(",extended_l2=on,cluster_size=16K")]
    [InlineData(",data_file_raw=on,extended_l2=on")]
    [InlineData(",lazy_refcounts=on,refcount_bits=1")]
    public void Data_in_a_file_of_its_own_is_read_and_edited_in_turns(string settings)
    {
        var path = _folder.File("split.qcow2");
        Tool.Expect("qemu-img", "create", "-q", "-f", "qcow2", "-o", $"data_file={_folder.File("split.data")}{settings}", path, $"{DiskSize}");
        var model = new byte[DiskSize];
        Play(path, model, settings);
        if (settings.Contains("raw", StringComparison.Ordinal))
        {
            var alone = File.ReadAllBytes(_folder.File("split.data"));
            // QEMU makes the file a whole number of clusters long.
            var same = alone.AsSpan().CommonPrefixLength(model);
            Assert.True(same == model.Length, $"the raw data file alone is another disk from byte {same} on");
        }
        Assert.Equal(2, Directory.GetFiles(_folder.Path, "split*").Length);
    }

    [Fact]
    public void Data_in_a_file_of_its_own_may_lie_over_a_base()
    {
        var (path, content) = (_folder.File("split.qcow2"), Bytes(DiskSize, 5));
        File.WriteAllBytes(_folder.File("base"), content);
        Tool.Expect("qemu-img", "create", "-q", "-f", "qcow2", "-b", _folder.File("base"), "-F", "raw", "-o", $"data_file={_folder.File("split.data")}", path);
        Play(path, (byte[])content.Clone(), "over a base");
        Assert.Equal(content, File.ReadAllBytes(_folder.File("base")));
    }

    [Fact]
    public void Data_that_lies_elsewhere_in_its_file_is_read_and_not_edited()
    {
        var path = _folder.File("split.qcow2");
        Tool.Expect("qemu-img", "create", "-q", "-f", "qcow2", "-o", $"data_file={_folder.File("split.data")}", path, $"{DiskSize}");
        Tool.Expect("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 64K", "-c", "write -P 9 64K 64K", path);
        // The two clusters change places, in the first two entries of the only L2 table.
        var bytes = File.ReadAllBytes(path);
        var l1 = (int)System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(40));
        var l2 = (int)(System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(l1)) & 0x00FF_FFFF_FFFF_FE00);
        var first = bytes.AsSpan(l2, 8).ToArray();
        bytes.AsSpan(l2 + 8, 8).CopyTo(bytes.AsSpan(l2));
        first.CopyTo(bytes.AsSpan(l2 + 8));
        File.WriteAllBytes(path, bytes);
        using var image = ImageFile.Open(path, ImageAccess.Edit);
        var sector = new byte[512];
        image.Device.Read(0, sector);
        Assert.Equal(9, sector[0]);
        Assert.Contains("elsewhere", Assert.Throws<UnsupportedFeatureException>(() => image.Device.Write(1 << 20, sector)).Message, StringComparison.Ordinal);
    }

    private void Play(string path, byte[] model, string settings)
    {
        var duet = new QemuDuet(path, model, settings.Length + 1);
        for (var round = 0; round < Rounds; round++)
        {
            duet.LetPlatter(40);
            duet.Verify(_folder);
            duet.LetQemu(20, compressed: true);
            duet.Verify(_folder);
        }
        output.WriteLine($"{settings}: {duet.Changes} changes");
    }

    private static void Make(string path, string settings, Container? parent)
    {
        var options = new ContainerOptions
        {
            Settings = settings.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('=')).ToDictionary(p => p[0], p => p[1], StringComparer.Ordinal),
            Parent = parent, ParentReference = parent is null ? null : "base",
        };
        using var image = NewImage.Create(path, DiskSize, new NewImageOptions { Container = options });
        image.Complete();
    }

    private static string[] Options(string settings) => settings.Length == 0 ? [] : ["-o", settings];

    private static byte[] Bytes(int count, int seed)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Text(int count, int seed)
    {
        var random = new Random(seed);
        var bytes = new byte[count];
        for (var i = 0; i < count; i++)
            bytes[i] = (byte)"the quick brown fox"[random.Next(19) * random.Next(19) / 19];
        return bytes;
    }
}
