using System.Globalization;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Files that outgrow their records, the MFT that outgrows its own, large directories.</summary>
public class NtfsEditTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void A_file_of_thousands_of_fragments_is_written_read_cut_and_deleted(int clusterSize)
    {
        const int pieces = 3000;
        using var volume = new Edited(clusterSize, 16L << 20 | clusterSize << 13);
        var free = volume.FreeBytes;
        volume.CreateFile("a");
        volume.CreateFile("b");
        using (var a = volume.Write("a"))
        using (var b = volume.Write("b"))
        {
            for (var i = 0; i < pieces; i++)
            {
                a.WriteAt((long)i * clusterSize, ConformanceCase.Bytes(clusterSize, i));
                b.WriteAt((long)i * clusterSize, ConformanceCase.Bytes(clusterSize, -i));
            }
        }
        volume.Reopen();
        var file = volume.File("a");
        Assert.True(file.HasList);
        Assert.True(file.Open(NtfsAttributeType.Data)!.Runs.Count > pieces / 2);
        using (var stream = volume.Read("a"))
        {
            var piece = new byte[clusterSize];
            for (var i = 0; i < pieces; i += 7)
            {
                stream.ReadAt((long)i * clusterSize, piece);
                Assert.Equal(ConformanceCase.Bytes(clusterSize, i), piece);
            }
        }
        using (var stream = volume.Write("a"))
            stream.SetLength(100L * clusterSize);
        volume.Judge();
        volume.Delete("b");
        volume.Judge();
        volume.Delete("a");
        volume.Judge();
        Assert.InRange(volume.FreeBytes, free - (4 << 20), free);
    }

    [Fact]
    public void A_file_has_as_many_names_as_Windows_gives_it_and_loses_them_in_any_order()
    {
        using var volume = new Edited(4096, 32 << 20);
        volume.CreateFile("first");
        for (var i = 1; i < 1024; i++)
            volume.Volume.CreateHardLink(volume.Id("first"), volume.Volume.RootId, $"a name of the same file, number {i}");
        Assert.Throws<UnsupportedFeatureException>(() => volume.Volume.CreateHardLink(volume.Id("first"), volume.Volume.RootId, "one too many"));
        volume.Judge();
        Assert.Equal(1024, volume.Volume.GetMetadata(volume.Id("first")).LinkCount);
        var order = Enumerable.Range(1, 1023).ToArray();
        new Random(3).Shuffle(order);
        foreach (var i in order.Take(1000))
            volume.Delete($"a name of the same file, number {i}");
        volume.Judge();
        foreach (var i in order.Skip(1000))
            volume.Delete($"a name of the same file, number {i}");
        volume.Judge();
        Assert.False(volume.File("first").HasList);
        volume.Delete("first");
        volume.Judge();
    }

    [Theory]
    [InlineData('a')]
    [InlineData('b')]
    public void A_file_whose_list_of_attributes_is_alone_with_its_times_keeps_what_it_has(char kept)
    {
        // Of two of the longest names the record has room for one, beside a short one; both of these go then.
        using var volume = new Edited(4096, 16 << 20);
        volume.CreateFile("short");
        using (var stream = volume.Write("short"))
            stream.WriteAt(0, ConformanceCase.Bytes(3000, 1));
        foreach (var name in new[] { 'a', 'b' })
            volume.Volume.CreateHardLink(volume.Id("short"), volume.Volume.RootId, new string(name, 255));
        volume.Judge();
        volume.Delete("short");
        volume.Judge();
        volume.Delete(new string(kept == 'a' ? 'b' : 'a', 255));
        volume.Judge();
        using (var stream = volume.Read(new string(kept, 255)))
        {
            var bytes = new byte[3000];
            stream.ReadAt(0, bytes);
            Assert.Equal(ConformanceCase.Bytes(3000, 1), bytes);
        }
        volume.Delete(new string(kept, 255));
        volume.Judge();
    }

    [Fact]
    public void A_file_has_hundreds_of_streams()
    {
        using var volume = new Edited(4096, 32 << 20);
        volume.CreateFile("file");
        for (var i = 0; i < 300; i++)
        {
            using var stream = volume.Volume.OpenWrite(volume.Id("file"), StreamName.Named($"stream {i}"));
            stream.WriteAt(0, ConformanceCase.Bytes(i * 20 + 1, i));
        }
        volume.Judge();
        Assert.Equal(300, volume.Volume.GetStreams(volume.Id("file")).Count);
        for (var i = 0; i < 300; i += 2)
            volume.Volume.DeleteStream(volume.Id("file"), StreamName.Named($"STREAM {i}"));
        volume.Judge();
        foreach (var (name, length) in volume.Volume.GetStreams(volume.Id("file")))
        {
            var i = int.Parse(name.Name.AsSpan(7), CultureInfo.InvariantCulture);
            using var stream = volume.Volume.OpenRead(volume.Id("file"), name);
            var bytes = new byte[length];
            stream.ReadAt(0, bytes);
            Assert.Equal(ConformanceCase.Bytes(i * 20 + 1, i), bytes);
        }
        volume.Delete("file");
        volume.Judge();
    }

    [Fact]
    public void The_MFT_grows_in_pieces_until_its_own_map_needs_an_attribute_list()
    {
        using var volume = new Edited(512, 24 << 20);
        // A checkerboard of free clusters.
        volume.CreateFile("a");
        volume.CreateFile("b");
        using (var a = volume.Write("a"))
        using (var b = volume.Write("b"))
        {
            for (var i = 0; i < 8000; i++)
            {
                a.WriteAt(i * 512L, ConformanceCase.Bytes(512, i));
                b.WriteAt(i * 512L, ConformanceCase.Bytes(512, i));
            }
        }
        volume.CreateFile("filler");
        using (var filler = volume.Write("filler"))
            filler.WriteAt(0, new byte[volume.FreeBytes - 40_000]);
        volume.Volume.Commit();
        volume.Delete("b");
        volume.Judge();
        var made = 0;
        while (!volume.File(NtfsMft.MftRecord).HasList)
            volume.CreateFile($"file {made++}");
        for (var i = 0; i < 200; i++)
            volume.CreateFile($"file {made++}");
        volume.Judge();
        output.WriteLine($"{made} files, {volume.File(NtfsMft.MftRecord).Open(NtfsAttributeType.Data)!.Runs.Count} runs");
        Assert.Equal(made + 2, volume.Volume.Root.Entries.Count());
        for (var i = 0; i < made; i += 2)
            volume.Delete($"file {i}");
        volume.Judge();
        Assert.Equal(made / 2 + 2, volume.Volume.Root.Entries.Count());
    }

    [Theory]
    [InlineData(512, 4000)]
    [InlineData(4096, 6000)]
    [InlineData(65536, 4000)]
    public void A_large_directory_is_filled_in_any_order_thinned_out_and_filled_again(int clusterSize, int count)
    {
        using var volume = new Edited(clusterSize, (24 << 20) + 200L * clusterSize);
        volume.Volume.CreateDirectory(volume.Volume.RootId, "dir", MetadataChange.None);
        volume.Reopen();
        var order = Enumerable.Range(0, count).ToArray();
        new Random(clusterSize).Shuffle(order);
        var directory = volume.Id("dir");
        foreach (var i in order)
            volume.Volume.CreateFile(directory, $"Name {i:D6}", MetadataChange.None);
        volume.Judge();
        directory = volume.Id("dir");
        foreach (var i in order.Where(i => i % 2 == 0))
            volume.Volume.Delete(directory, $"name {i:D6}");
        volume.Judge();
        directory = volume.Id("dir");
        foreach (var i in order.Where(i => i % 4 == 0))
            volume.Volume.CreateFile(directory, $"Name {i:D6}", MetadataChange.None);
        volume.Judge();
        Assert.Equal(Enumerable.Range(0, count).Where(i => i % 2 == 1 || i % 4 == 0).Select(i => $"Name {i:D6}"), volume.Volume.Enumerate(volume.Id("dir")).Select(e => e.Name));
        volume.Volume.DeleteRecursively(volume.Volume.RootId, "dir");
        volume.Judge();
    }

    /// <summary>A volume of mkntfs under edit, its files in the root.</summary>
    private sealed class Edited : IDisposable
    {
        private readonly ScratchDevice _device;

        public Edited(int clusterSize, long length)
        {
            _device = NtfsFixture.Empty($"-c {clusterSize}", length);
            Volume = new NtfsType().OpenForEditing(_device, VolumeOptions.Default);
        }

        public EditableVolume Volume { get; private set; }
        public long FreeBytes => Volume.FreeBytes;

        public NodeId Id(string name) => Volume.Find("/" + name).Id;

        public void CreateFile(string name) => Volume.CreateFile(Volume.RootId, name, MetadataChange.None);

        public VolumeStream Write(string name) => Volume.OpenWrite(Id(name), StreamName.Data);

        public VolumeStream Read(string name) => Volume.OpenRead(Id(name), StreamName.Data);

        public void Delete(string name) => Volume.Delete(Volume.RootId, name);

        public void Reopen()
        {
            Volume.Commit();
            Volume.Dispose();
            Volume = new NtfsType().OpenForEditing(_device, VolumeOptions.Default);
        }

        public NtfsFile File(string name)
        {
            Volume.Commit();
            return NtfsVolume.Open(_device, VolumeOptions.Default).OpenFile(Id(name));
        }

        public NtfsFile File(long record)
        {
            Volume.Commit();
            return NtfsVolume.Open(_device, VolumeOptions.Default).OpenSystemFile(record);
        }

        /// <summary>Commits and reopens; the checker and the tools of ntfs-3g must be content.</summary>
        public void Judge()
        {
            Reopen();
            var report = new NtfsType().Check(_device, CheckOptions.Default);
            Assert.True(report.IsClean, string.Join('\n', report.Findings.Take(20)));
            Assert.Null(NtfsFixture.Complaint(_device));
        }

        public void Dispose() => Volume.Dispose();
    }
}
