using System.Diagnostics;
using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Blocks;

public sealed class HostFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_new_file_is_sparse_and_its_data_is_found()
    {
        using var file = HostFile.Create(_folder.File("a"), 64 << 20);
        Assert.Equal(0, file.AllocatedBytes);
        Assert.Empty(file.AllocatedRanges());
        file.Write(10 << 20, new byte[1]);
        file.Write(20 << 20, new byte[100_000]);
        file.Flush();
        var ranges = file.AllocatedRanges().ToList();
        Assert.Equal(2, ranges.Count);
        Assert.True(ranges.Sum(r => r.Length) < 200_000);
        Assert.True(ranges[0].Offset <= 10 << 20 && ranges[0].End > 10 << 20);
    }

    [Fact]
    public void A_preallocated_file_takes_its_room_at_once()
    {
        using var file = HostFile.Create(_folder.File("a"), 8 << 20, new HostFileOptions { Preallocate = true });
        Assert.True(file.AllocatedBytes >= 8 << 20);
    }

    [Fact]
    public void Zeroing_and_discarding_give_the_room_back()
    {
        using var file = HostFile.Create(_folder.File("a"), 8 << 20);
        file.Write(0, Enumerable.Repeat((byte)1, 8 << 20).ToArray());
        file.WriteZeros(1_000_001, 3 << 20);
        file.Discard(5 << 20, 2 << 20);
        file.Flush();
        Assert.True(file.AllocatedBytes < 4 << 20, $"{file.AllocatedBytes}");
        var one = new byte[3];
        file.Read(1_000_000, one);
        Assert.Equal([1, 0, 0], one);
        Assert.Equal(8 << 20, file.Length);
    }

    [Fact]
    public void Growing_adds_zeros_and_cutting_forgets()
    {
        using var file = HostFile.Create(_folder.File("a"), 10);
        file.Write(0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        file.SetLength(5);
        file.SetLength(8);
        var all = new byte[8];
        file.Read(0, all);
        Assert.Equal([1, 2, 3, 4, 5, 0, 0, 0], all);
        file.Dispose();
        Assert.Equal(8, new FileInfo(_folder.File("a")).Length);
    }

    [Fact]
    public void What_is_not_there_and_what_is_there_already_are_named()
    {
        Assert.Throws<FileNotFoundException>(() => HostFile.Open(_folder.File("none"), FileAccess.Read));
        HostFile.Create(_folder.File("a"), 10).Dispose();
        Assert.Throws<AlreadyExistsException>(() => HostFile.Create(_folder.File("a"), 10));
        Assert.Throws<UnauthorizedAccessException>(() => HostFile.Open(_folder.Path, FileAccess.ReadWrite));
    }

    [Fact]
    public void A_file_that_is_cut_while_open_is_an_error_with_its_path()
    {
        using var file = HostFile.Create(_folder.File("a"), 10_000);
        Tool.Expect("truncate", "-s", "5000", _folder.File("a"));
        var e = Assert.Throws<EndOfStreamException>(() => file.Read(4000, new byte[2000]));
        Assert.Contains(_folder.File("a"), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_host_is_recognised()
    {
        // /dev/full is the system's own fault injection: every write to it fails with ENOSPC.
        using var handle = File.OpenHandle("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        var e = Assert.Throws<IOException>(() => RandomAccess.Write(handle, new byte[10], 0));
        Assert.True(HostErrors.IsHostFull(e), $"HResult {e.HResult}");
    }

    [Fact]
    public void Readers_share_an_image_and_an_editor_wants_it_alone()
    {
        var path = _folder.File("a.img");
        HostFile.Create(path, 100_000).Dispose();
        using (var first = ImageFile.Open(path, ImageAccess.Read))
        using (var second = ImageFile.Open(path, ImageAccess.Read))
        {
            var e = Assert.Throws<InUseException>(() => ImageFile.Open(path, ImageAccess.Edit));
            Assert.Contains("this process", e.Message, StringComparison.Ordinal);
        }
        using (ImageFile.Open(path, ImageAccess.Edit))
        {
            Assert.Throws<InUseException>(() => ImageFile.Open(path, ImageAccess.Read));
            Assert.Throws<InUseException>(() => ImageFile.Open(path, ImageAccess.Edit));
        }
        using (ImageFile.Open(path, ImageAccess.Edit))
        {
            // Closed means free again.
        }
    }

    [Fact]
    public void Another_process_that_holds_the_image_is_named()
    {
        var path = _folder.File("a.img");
        HostFile.Create(path, 100_000).Dispose();
        using var holder = Process.Start(new ProcessStartInfo("flock", ["-x", path, "cat"]) { RedirectStandardInput = true, UseShellExecute = false })!;
        InUseException? e = null;
        for (var i = 0; i < 100 && e is null; i++)
        {
            try
            {
                ImageFile.Open(path, ImageAccess.Read).Dispose();
                Thread.Sleep(20);
            }
            catch (InUseException caught)
            {
                e = caught;
            }
        }
        holder.StandardInput.Close();
        holder.WaitForExit();
        Assert.NotNull(e);
        Assert.Contains($"process {holder.Id} (flock)", e.Message, StringComparison.Ordinal);
    }
}
