using System.Security.Cryptography;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Volumes, files and lists at the sizes where what grows with them would be felt.</summary>
public class NtfsScaleTests(ITestOutputHelper output)
{
    private const long Tebi = 1L << 40;

    [Fact]
    public void Opening_sixteen_tebibytes_reads_under_two_mebibytes()
    {
        using var device = new ScratchDevice(16 * Tebi);
        NtfsFormatter.Format(device, new FormatOptions { Type = "ntfs" });
        device.Flush();
        var read = device.BytesRead;
        using (var volume = NtfsVolume.Open(device, VolumeOptions.Default))
        {
            Assert.Empty(volume.Root.Entries);
            Report("opened and listed");
        }
        using (var volume = NtfsEditableVolume.Open(device, VolumeOptions.Default))
        {
            Report("opened for editing");
            var content = ConformanceCase.Bytes(3_000_000);
            var id = volume.CreateFile(volume.RootId, "large", new MemoryStream(content), content.Length, MetadataChange.None);
            volume.CreateFile(volume.RootId, "small", new MemoryStream(content, 0, 10_000), 10_000, MetadataChange.None);
            volume.SetMetadata(id, new MetadataChange { Modified = Timestamp.From(DateTimeOffset.UnixEpoch) });
            volume.Commit();
            Report("two files made");
            volume.Delete(volume.RootId, "large");
            volume.Commit();
            Report("one deleted");
        }

        void Report(string what)
        {
            output.WriteLine($"{what}: {(device.BytesRead - read) >> 10} KiB read");
            Assert.InRange(device.BytesRead - read, 1, (2 << 20) - 1);
            read = device.BytesRead;
        }
    }

    [Fact]
    public void Five_thousand_hard_links_come_and_go_through_attribute_lists()
    {
        var fixture = new NtfsFixture { Arguments = "-c 4096", ClusterSize = 4096 };
        fixture.Create(64 << 20).Dispose();
        const int files = 5, links = 1000;
        var random = new Random(5000);
        var names = (from file in Enumerable.Range(0, files) from link in Enumerable.Range(0, links) select (file, link)).ToArray();
        random.Shuffle(names);
        Edit("made", volume =>
        {
            for (var i = 0; i < files; i++)
                volume.CreateDirectory(volume.RootId, $"names {i}", MetadataChange.None);
            for (var i = 0; i < files; i++)
                volume.CreateFile(volume.RootId, $"file {i}", new MemoryStream(ConformanceCase.Bytes(5000, i)), 5000, MetadataChange.None);
            foreach (var (file, link) in names)
                volume.CreateHardLink(volume.Find($"/file {file}").Id, volume.Find($"/names {link % files}").Id, Name(file, link));
        });
        Compare(_ => true);
        Edit("every second taken away", volume =>
        {
            foreach (var (file, link) in names.Where(n => n.link % 2 == 0))
                volume.Delete(volume.Find($"/names {link % files}").Id, Name(file, link));
        });
        Compare(link => link % 2 != 0);
        Edit("all taken away", volume =>
        {
            foreach (var (file, link) in names.Where(n => n.link % 2 != 0))
                volume.Delete(volume.Find($"/names {link % files}").Id, Name(file, link));
        });
        Compare(_ => false);

        static string Name(int file, int link) => $"{new string((char)('a' + file), 100 + link % 60)} {link}";

        void Edit(string what, Action<EditableVolume> edit)
        {
            using var volume = fixture.Reopen();
            var time = ProcessorTime.Of(() =>
            {
                edit(volume);
                volume.Commit();
            });
            output.WriteLine($"{files * links:N0} links {what} in {time.TotalSeconds:F2} s of processor time");
        }

        void Compare(Func<int, bool> isThere)
        {
            using var volume = fixture.Reopen();
            var expected = Enumerable.Range(0, links).Count(isThere);
            for (var file = 0; file < files; file++)
            {
                Assert.Equal(expected + 1, volume.GetMetadata(volume.Find($"/file {file}").Id).LinkCount);
                using var stream = volume.OpenRead(volume.Find($"/file {file}").Id, StreamName.Data);
                var bytes = new byte[5000];
                stream.ReadExactly(bytes);
                Assert.Equal(ConformanceCase.Bytes(5000, file), bytes);
            }
            Assert.Equal(files * expected, Enumerable.Range(0, files).Sum(i => volume.Enumerate(volume.Find($"/names {i}").Id).Count()));
            Assert.Empty(fixture.Check()!.Findings);
            Assert.Null(fixture.Judge());
        }
    }

    /// <summary>Two files that grow in turns, a cluster at a time: no cluster of either has a neighbour of its own.</summary>
    [Theory(Explicit = true)]
    [InlineData(512, 100_000)]
    [InlineData(4096, 100_000)]
    public void A_file_of_a_hundred_thousand_fragments_is_written_read_and_deleted(int clusterSize, int fragments)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, (long)fragments * clusterSize * 9 / 4 + (64 << 20), $"-c {clusterSize}");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using (var device = Platter.Blocks.HostFile.Open(path, FileAccess.ReadWrite))
        {
            Timed("written", () =>
            {
                using var volume = NtfsEditableVolume.Open(device, VolumeOptions.Default);
                using var one = volume.OpenWrite(volume.CreateFile(volume.RootId, "one", MetadataChange.None), StreamName.Data);
                using var other = volume.OpenWrite(volume.CreateFile(volume.RootId, "other", MetadataChange.None), StreamName.Data);
                var random = new Random(clusterSize);
                var piece = new byte[clusterSize];
                for (var i = 0L; i < fragments; i++)
                {
                    random.NextBytes(piece);
                    hash.AppendData(piece);
                    one.WriteAt(i * clusterSize, piece);
                    other.WriteAt(i * clusterSize, piece);
                }
                volume.Commit();
            });
            Timed("read", () =>
            {
                using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
                var file = volume.OpenFile(volume.Find("/one").Id);
                // A record or a list that needs a cluster may let two pieces meet.
                Assert.InRange(file.Open(NtfsAttributeType.Data)!.Runs.Count, fragments - 10, fragments);
                using var stream = volume.OpenRead(volume.Find("/one").Id, StreamName.Data);
                Assert.Equal(Convert.ToHexString(hash.GetCurrentHash()), Convert.ToHexString(SHA256.HashData(stream)));
            });
            Timed("checked", () => NtfsCheck.AssertClean(device));
        }
        var sum = Ntfs3g.Run(path, "sha256sum one other").Split('\n');
        Assert.StartsWith(Convert.ToHexStringLower(hash.GetCurrentHash()), sum[0], StringComparison.Ordinal);
        Assert.StartsWith(Convert.ToHexStringLower(hash.GetCurrentHash()), sum[1], StringComparison.Ordinal);
        Tool.Expect("ntfsfix", "-n", path);
        using (var device = Platter.Blocks.HostFile.Open(path, FileAccess.ReadWrite))
        {
            Timed("cut in half and deleted", () =>
            {
                using var volume = NtfsEditableVolume.Open(device, VolumeOptions.Default);
                using (var stream = volume.OpenWrite(volume.Find("/one").Id, StreamName.Data))
                    stream.SetLength((long)fragments * clusterSize / 2);
                volume.Delete(volume.RootId, "other");
                volume.Commit();
            });
            NtfsCheck.AssertClean(device);
        }
        Tool.Expect("ntfsfix", "-n", path);

        void Timed(string what, Action action) => output.WriteLine($"clusters of {clusterSize}, {fragments:N0} fragments: {what} in {ProcessorTime.Of(action).TotalSeconds:F2} s of processor time");
    }

    /// <summary>The room that the MFT grows into lies in pieces of 1 MiB, so that its own map needs an attribute list.</summary>
    [Theory(Explicit = true)]
    [InlineData(1_000_000)]
    public void A_million_files_lie_in_one_volume_whose_MFT_is_fragmented(int count)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 4L << 30);
        var before = GC.GetTotalAllocatedBytes();
        using (var device = Platter.Blocks.HostFile.Open(path, FileAccess.ReadWrite))
        {
            Timed("the free space put in pieces", () =>
            {
                using var volume = NtfsEditableVolume.Open(device, VolumeOptions.Default);
                var filler = new byte[1 << 20];
                var number = 0;
                for (; volume.FreeBytes > 8 << 20; number++)
                    volume.CreateFile(volume.RootId, $"filler {number}", new MemoryStream(filler), filler.Length, MetadataChange.None);
                volume.Commit();
                for (var i = 0; i < number; i += 2)
                    volume.Delete(volume.RootId, $"filler {i}");
                volume.Commit();
            });
            Timed("made", () =>
            {
                using var volume = NtfsEditableVolume.Open(device, VolumeOptions.Default);
                var directory = default(NodeId);
                for (var i = 0; i < count; i++)
                {
                    if (i % 1000 == 0)
                        directory = volume.CreateDirectory(volume.RootId, $"directory {i / 1000:D4}", MetadataChange.None);
                    volume.CreateFile(directory, $"file {i:D7}", MetadataChange.None);
                    if (volume.UncommittedBytes > 64 << 20)
                        volume.Commit();
                }
                volume.Commit();
            });
            output.WriteLine($"{(GC.GetTotalAllocatedBytes() - before) >> 20} MiB allocated, at most {GC.GetGCMemoryInfo().HeapSizeBytes >> 20} MiB held, {Environment.WorkingSet >> 20} MiB of memory");
            using (var volume = NtfsVolume.Open(device, VolumeOptions.Default))
            {
                Assert.True(volume.OpenSystemFile(NtfsMft.MftRecord).HasList, "the MFT's own map should need an attribute list");
                output.WriteLine($"the MFT lies in {volume.Mft.Content.Runs.Count} pieces");
                Assert.Equal(1000, volume.Enumerate(volume.Find("/directory 0007").Id).Count());
            }
            Timed("checked", () => NtfsCheck.AssertClean(device));
            Timed("a small edit", () =>
            {
                using var volume = NtfsEditableVolume.Open(device, VolumeOptions.Default);
                volume.CreateFile(volume.Find("/directory 0500").Id, "one more", MetadataChange.None);
                volume.Delete(volume.Find("/directory 0501").Id, "file 0501003");
                volume.Commit();
            });
        }
        Assert.Equal(count.ToString(), Ntfs3g.Run(path, "find . -name 'file *' -o -name 'one more' | wc -l").Trim());
        Tool.Expect("ntfsfix", "-n", path);

        void Timed(string what, Action action) => output.WriteLine($"{count:N0} files, {what}: {ProcessorTime.Of(action).TotalSeconds:F2} s of processor time");
    }
}
