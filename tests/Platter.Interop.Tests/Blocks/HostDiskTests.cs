using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Platter.Testing.Blocks;
using Xunit;

namespace Platter.Interop.Tests.Blocks;

/// <summary>A disk of the host in a file: a loop device. Needs root and the kernel's loop driver, and fails with words when it has neither.</summary>
internal sealed class LoopDisk : IDisposable
{
    internal LoopDisk(string file, params string[] options)
    {
        var result = Tool.Run("losetup", ["--find", "--show", .. options, file]);
        if (result.ExitCode != 0)
            Assert.Fail($"the tests of host disks need a loop device, which takes root and the kernel's loop driver (modprobe loop): {result.All}");
        Path = result.Output.Trim();
    }

    internal string Path { get; }

    public void Dispose() => Tool.Run("losetup", "--detach", Path);
}

public sealed class HostDiskTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void Size_and_sector_size_are_those_of_the_kernel(int sectorSize)
    {
        using var loop = NewLoop(10 << 20, "--sector-size", $"{sectorSize}");
        using var disk = HostDisk.Open(loop.Path, FileAccess.ReadWrite);
        Assert.Equal(10 << 20, disk.Length);
        Assert.Equal(sectorSize, disk.SectorSize);
        Assert.Equal($"{disk.Length}", Tool.Expect("blockdev", "--getsize64", loop.Path).Trim());
        Assert.True(HostDisk.IsDisk(loop.Path));
        Assert.False(HostDisk.IsDisk(_folder.File("disk")));
    }

    [Fact]
    public void What_is_written_to_the_disk_is_in_the_file_behind_it()
    {
        using var loop = NewLoop(10 << 20);
        using (var disk = HostDisk.Open(loop.Path, FileAccess.ReadWrite))
        {
            disk.Write(1_234_567, [1, 2, 3]);
            disk.Write(5 << 20, Enumerable.Repeat((byte)9, 1 << 20).ToArray());
            disk.WriteZeros((5 << 20) + 100, 500_000);
            disk.Flush();
        }
        var bytes = File.ReadAllBytes(_folder.File("disk"));
        Assert.Equal([1, 2, 3], bytes[1_234_567..1_234_570]);
        Assert.Equal(9, bytes[(5 << 20) + 99]);
        Assert.Equal(0, bytes[(5 << 20) + 100]);
        Assert.Equal(0, bytes[(5 << 20) + 500_099]);
        Assert.Equal(9, bytes[(5 << 20) + 500_100]);
    }

    [Fact]
    public void A_disk_in_use_is_refused_with_what_uses_it()
    {
        using var loop = NewLoop(10 << 20);
        Tool.Expect("mkfs.ext4", "-q", "-F", loop.Path);
        var mount = Directory.CreateDirectory(_folder.File("mount point")).FullName;
        Tool.Expect("mount", loop.Path, mount);
        try
        {
            var e = Assert.Throws<InUseException>(() => HostDisk.Open(loop.Path, FileAccess.ReadWrite));
            Assert.Contains($"{loop.Path} is mounted on {mount}", e.Message, StringComparison.Ordinal);
            Assert.Throws<InUseException>(() => ImageFile.Open(loop.Path, ImageAccess.Edit));
            Assert.Throws<InUseException>(() => HostDisk.OpenToOverwrite(loop.Path, force: true));
            using (var reading = HostDisk.Open(loop.Path, FileAccess.Read))
                Assert.Throws<UnauthorizedAccessException>(() => reading.Write(0, [1]));
            using (var forced = HostDisk.Open(loop.Path, FileAccess.ReadWrite, force: true))
                Assert.True(forced.CanWrite);
            Assert.Contains(HostDisks.List(), d => d.Path == loop.Path && d.Uses.Contains($"mounted on {mount}", StringComparer.Ordinal));
        }
        finally
        {
            Tool.Expect("umount", mount);
        }
        using var free = HostDisk.Open(loop.Path, FileAccess.ReadWrite);
        Assert.Throws<InUseException>(() => HostDisk.Open(loop.Path, FileAccess.ReadWrite));
    }

    [Fact]
    public void A_mounted_partition_makes_the_whole_disk_in_use()
    {
        using var loop = NewLoop(20 << 20);
        // The kernel is told of the partition: whether it can read partition tables itself is a matter of its configuration.
        Tool.Expect("addpart", loop.Path, "1", "2048", "32768");
        var partition = loop.Path + "p1";
        Tool.Expect("mkfs.ext4", "-q", "-F", partition);
        var mount = Directory.CreateDirectory(_folder.File("mounted")).FullName;
        Tool.Expect("mount", partition, mount);
        try
        {
            Assert.Contains($"{partition} is mounted on {mount}", Assert.Throws<InUseException>(() => HostDisk.Open(loop.Path, FileAccess.ReadWrite)).Message, StringComparison.Ordinal);
            var listed = Assert.Single(HostDisks.List(), d => d.Path == loop.Path);
            var part = Assert.Single(listed.Partitions);
            Assert.Equal((partition, 1, 1L << 20), (part.Path, part.Number, part.Offset));
            Assert.Equal([$"mounted on {mount}"], part.Uses);
            Assert.Equal(_folder.File("disk"), listed.Model);
        }
        finally
        {
            Tool.Expect("umount", mount);
            Tool.Expect("delpart", loop.Path, "1");
        }
    }

    [Fact]
    public void Overwriting_a_disk_takes_force()
    {
        using var loop = NewLoop(1 << 20);
        var e = Assert.Throws<SafetyException>(() => HostDisk.OpenToOverwrite(loop.Path, force: false));
        Assert.Contains(loop.Path, e.Message, StringComparison.Ordinal);
        using var disk = HostDisk.OpenToOverwrite(loop.Path, force: true);
        Assert.True(disk.CanWrite);
    }

    [Fact]
    public void Edits_of_a_disk_are_transactions_with_their_journal_elsewhere()
    {
        using var loop = NewLoop(1 << 20);
        var journals = _folder.File("journals");
        using (var image = ImageFile.Open(loop.Path, ImageAccess.Edit, new ImageOptions { JournalFolder = journals }))
        {
            image.Device.Write(1000, [1]);
            image.Device.Flush();
            Assert.Single(Directory.GetFiles(journals));
            image.Device.Write(1000, [2]);
            image.Device.Rollback();
        }
        Assert.Empty(Directory.GetFiles(journals));
        Assert.Equal(1, File.ReadAllBytes(_folder.File("disk"))[1000]);
    }

    private LoopDisk NewLoop(long size, params string[] options)
    {
        using (var file = HostFile.Create(_folder.File("disk"), size))
            file.Flush();
        return new LoopDisk(_folder.File("disk"), options);
    }
}

public sealed class HostDiskConformance : BlockDeviceConformance, IDisposable
{
    private readonly TempFolder _folder = new();
    private LoopDisk? _loop;

    protected override long TestLength => 1_003_520;        // whole sectors, an odd number of them

    public void Dispose()
    {
        _loop?.Dispose();
        _folder.Dispose();
    }

    protected override BlockDevice Create()
    {
        HostFile.Create(_folder.File("disk"), TestLength).Dispose();
        _loop = new LoopDisk(_folder.File("disk"));
        return HostDisk.Open(_loop.Path, FileAccess.ReadWrite);
    }

    protected override BlockDevice Reopen(BlockDevice device)
    {
        device.Flush();
        device.Dispose();
        return HostDisk.Open(_loop!.Path, FileAccess.ReadWrite);
    }
}
